//! Pieces of statements: text with a `?` for each of its arguments.

use std::fmt::Write as _;

use crate::modules::NULL;
use crate::modules::sql::value::Param;
use crate::runtime::module::object::this;
use crate::vm::Vm;
use crate::vm::native::Args;
use crate::vm::raw::string_bytes;
use crate::vm::value::{Value, tag};

/// A piece, or in words why there is none.
pub type Piece = Result<Part, String>;

/// Text and what its question marks stand for.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// With a `?` for each argument.
    pub text: String,
    /// In the order of the question marks.
    pub args: Vec<Param>,
}

impl Part {
    /// Text without arguments.
    pub fn plain(text: impl Into<String>) -> Part {
        Part { text: text.into(), args: Vec::new() }
    }

    /// Appends text.
    pub fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Appends another piece.
    pub fn append(&mut self, part: Part) {
        self.text.push_str(&part.text);
        self.args.extend(part.args);
    }

    /// Appends pieces with something between them.
    pub fn append_all(&mut self, parts: impl IntoIterator<Item = Piece>, separator: &str) -> Result<(), String> {
        for (i, part) in parts.into_iter().enumerate() {
            if i > 0 {
                self.put(separator);
            }
            self.append(part?);
        }
        Ok(())
    }

    /// Text whose question marks are taken by arguments; a piece among them takes its place with its own text.
    pub fn spliced(text: &str, args: Vec<Piece>) -> Piece {
        let mut part = Part::default();
        let mut args = args.into_iter();
        let mut rest = text;
        while let Some(at) = rest.find('?') {
            let (before, after) = rest.split_at(at);
            part.put(before);
            if let Some(after) = after.strip_prefix("??") {
                part.put("??");
                rest = after;
                continue;
            }
            rest = &after[1..];
            match args.next() {
                Some(arg) => part.append(arg?),
                None => part.put("?"),
            }
        }
        part.put(rest);
        match args.next() {
            None => Ok(part),
            Some(_) => Err(format!("more arguments than question marks in '{text}'")),
        }
    }

    /// The text with the placeholders of a format.
    pub fn numbered(&self, format: Format) -> String {
        let Some(mark) = format.mark() else { return self.text.clone() };
        let mut text = String::with_capacity(self.text.len() + 8);
        let (mut rest, mut number) = (self.text.as_str(), 0);
        while let Some(at) = rest.find('?') {
            let (before, after) = rest.split_at(at);
            text.push_str(before);
            if let Some(after) = after.strip_prefix("??") {
                text.push('?');
                rest = after;
                continue;
            }
            number += 1;
            write!(text, "{mark}{number}").expect("strings can be written to");
            rest = &after[1..];
        }
        text.push_str(rest);
        text
    }

    /// For `tostring`.
    pub fn shown(&self, format: Format) -> String {
        let args = self.args.iter().map(|arg| match arg {
            Param::Null => "NULL".to_owned(),
            Param::Bool(b) => b.to_string(),
            Param::Int(i) => i.to_string(),
            Param::Float(f) => f.to_string(),
            Param::Text(text) => format!("{text:?}"),
            Param::Blob(bytes) => format!("{} bytes", bytes.len()),
            Param::Time(time) => String::from_utf8_lossy(&time.rfc3339()).into_owned(),
        });
        let args: Vec<String> = args.collect();
        format!("{} [Args: {}]", self.numbered(format), args.join(", "))
    }
}

/// How placeholders are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// `?`
    #[default]
    Question,
    /// `$1`
    Dollar,
    /// `@p1`
    At,
    /// `:1`
    Colon,
}

impl Format {
    /// What stands before the number, if there is one.
    fn mark(self) -> Option<&'static str> {
        match self {
            Format::Question => None,
            Format::Dollar => Some("$"),
            Format::At => Some("@p"),
            Format::Colon => Some(":"),
        }
    }

    /// The format that programs know by this word.
    pub fn from_word(word: &[u8]) -> Option<Format> {
        Some(match word {
            b"question" => Format::Question,
            b"dollar" => Format::Dollar,
            b"at" => Format::At,
            b"colon" => Format::Colon,
            _ => return None,
        })
    }
}

/// The piece for a value given as argument: a question mark, or the text of a Sqlizer.
pub fn argument(vm: &mut Vm, value: Value) -> Piece {
    if let Some(piece) = super::sqlizer(value) {
        return piece;
    }
    match Param::of(value) {
        Some(param) => Ok(Part { text: "?".to_owned(), args: vec![param] }),
        None => Err(format!("unsupported argument of type {}", vm.type_name_of(value))),
    }
}

/// The pieces for the arguments from `first` on.
pub fn arguments(vm: &mut Vm, args: Args, first: u32) -> Vec<Piece> {
    (first..args.len).map(|i| argument(vm, args.get(vm, i))).collect()
}

/// The entries of a map under string keys, in the order of their bytes.
pub fn entries(vm: &mut Vm, map: Value) -> Vec<(String, Value)> {
    let mut entries = Vec::new();
    let mut at = 0;
    while let Some((next, key, value)) = vm.node_after(map.as_table(), at) {
        at = next;
        if key.tag() == tag::STRING {
            entries.push((String::from_utf8_lossy(string_bytes(key)).into_owned(), value));
        }
    }
    entries.sort_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes()));
    entries
}

/// A comparison of columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Comparison {
    operator: &'static str,
    /// What it says of null and lists: the words for both, and what an empty list gives.
    sets: Option<(&'static str, &'static str, &'static str)>,
}

#[allow(missing_docs)]
impl Comparison {
    pub const EQ: Comparison = Comparison { operator: "=", sets: Some(("IS NULL", "IN", "(1=0)")) };
    pub const NOT_EQ: Comparison = Comparison { operator: "<>", sets: Some(("IS NOT NULL", "NOT IN", "(1=1)")) };
    pub const LT: Comparison = Comparison { operator: "<", sets: None };
    pub const LTE: Comparison = Comparison { operator: "<=", sets: None };
    pub const GT: Comparison = Comparison { operator: ">", sets: None };
    pub const GTE: Comparison = Comparison { operator: ">=", sets: None };
    pub const LIKE: Comparison = Comparison { operator: "LIKE", sets: None };
    pub const NOT_LIKE: Comparison = Comparison { operator: "NOT LIKE", sets: None };

    /// The piece that compares each column of a map with its value.
    pub fn of_map(self, vm: &mut Vm, map: Value) -> Piece {
        let entries = entries(vm, map);
        if entries.is_empty() {
            return Ok(Part::plain(if self.sets.is_some() { "(1=1)" } else { "" }));
        }
        let parts: Vec<Piece> = entries.into_iter().map(|(column, value)| self.of_column(vm, &column, value)).collect();
        let mut all = Part::default();
        all.append_all(parts, " AND ")?;
        Ok(all)
    }

    fn of_column(self, vm: &mut Vm, column: &str, value: Value) -> Piece {
        let refused = |what: &str| Err(format!("{what} cannot be compared with {}", self.operator));
        if value.same(NULL) {
            return match self.sets {
                Some((null, ..)) => Ok(Part::plain(format!("{column} {null}"))),
                None => refused("NULL"),
            };
        }
        if !value.is_table() {
            let mut part = Part::plain(format!("{column} {} ", self.operator));
            part.append(argument(vm, value)?);
            return Ok(part);
        }
        let Some((_, word, empty)) = self.sets else { return refused("a list") };
        let list = value.as_table();
        let items: Vec<Piece> = (1..=vm.raw_len(list))
            .map(|i| {
                let item = vm.raw_get_int(list, i);
                argument(vm, item)
            })
            .collect();
        if items.is_empty() {
            return Ok(Part::plain(empty));
        }
        let mut part = Part::plain(format!("{column} {word} ("));
        part.append_all(items, ",")?;
        part.put(")");
        Ok(part)
    }
}

/// A piece that programs hold.
pub struct Sqlizer(pub Piece);

/// The piece of a value that is a Sqlizer made by `expr`, a comparison or a combination.
pub fn held_piece(value: Value) -> Option<Piece> {
    this::<Sqlizer>(value).map(|sqlizer| sqlizer.0.clone())
}

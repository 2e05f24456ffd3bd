//! What may be written at a place.
//!
//! Text that is being written is seldom well-formed: `user.` is no expression. So the unfinished name around the place is
//! replaced by one that nobody else uses, with what a statement needs to be one, and the chunk is checked; then the type
//! of what comes before the name is known like any other.

use std::collections::{BTreeMap, BTreeSet};

use super::{Access, Mentioned, NamedType, Query};
use crate::syntax::ast::ExprId;
use crate::types::scope::VarKind;
use crate::types::ty::{Key, Kind, Literal, Ty};

/// Stands for the name that is being written.
const PLACEHOLDER: &str = "__being_written";

/// Closing brackets that an unfinished line may lack.
const MAX_OPEN: usize = 16;

const KEYWORDS: [&str; 22] = [
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil",
    "not", "or", "repeat", "return", "then", "true", "until", "while",
];

/// Something that may be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Completion {
    /// The name.
    pub label: String,
    /// What it is.
    pub kind: CompletionKind,
    /// Its type.
    pub detail: Option<String>,
}

/// What a completion is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CompletionKind {
    /// A local variable or parameter.
    Variable,
    /// A global variable.
    Global,
    /// A function.
    Function,
    /// A method.
    Method,
    /// A field.
    Field,
    /// A type.
    Type,
    /// A module.
    Module,
    /// A reserved word.
    Keyword,
}

/// Texts of which one has a tree with a name at the place, the likeliest first.
pub(in crate::types) fn patched(source: &[u8], offset: u32) -> Vec<Vec<u8>> {
    let offset = (offset as usize).min(source.len());
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let start = source[..offset].iter().rposition(|byte| !is_name(byte)).map_or(0, |at| at + 1);
    let end = source[offset..].iter().position(|byte| !is_name(byte)).map_or(source.len(), |at| offset + at);
    let line = source[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let mut open = Vec::new();
    for byte in &source[line..start] {
        match byte {
            b'(' => open.push(b')'),
            b'[' => open.push(b']'),
            b'{' => open.push(b'}'),
            b')' | b']' | b'}' => _ = open.pop(),
            _ => {}
        }
    }
    open.truncate(MAX_OPEN);
    open.reverse();
    let closers = String::from_utf8(open).expect("brackets are ASCII");
    let made = |after: &str| [&source[..start], PLACEHOLDER.as_bytes(), after.as_bytes(), &source[end..]].concat();
    let mut texts = vec![made(""), made("()")];
    if !closers.is_empty() {
        texts.extend([made(&closers), made(&format!("(){closers}"))]);
    }
    // A condition without its block.
    texts.extend([made(&format!("{closers} then end")), made(&format!("{closers} do end"))]);
    texts
}

impl Query<'_> {
    /// What may stand for the placeholder in this chunk; `None` if it is not in the tree.
    pub(in crate::types) fn completions(mut self) -> Option<Vec<Completion>> {
        let noted = self.noted;
        let name = self.ast.names.get(PLACEHOLDER)?;
        let mention = noted.trace.mentions.iter().find(|mention| match mention.of {
            Mentioned::Global(global, Access::Read) => global == name,
            Mentioned::Field { name: field, object: Some(_), .. } => field == name,
            Mentioned::Type(NamedType::Unknown) => {
                let span = mention.span;
                self.checked.source.get(span.start as usize..span.end as usize) == Some(PLACEHOLDER.as_bytes())
            }
            _ => false,
        })?;
        Some(match mention.of {
            Mentioned::Field { object, whole, .. } => {
                let of = self.object_type(object?);
                self.fields(of, whole.is_none())
            }
            Mentioned::Type(_) => self.type_names(mention.span.start),
            _ => self.visible(mention.span.start),
        })
    }

    /// The type of what comes before the name; of a variable that is nil just now, its declared one.
    fn object_type(&mut self, object: ExprId) -> Ty {
        let noted = self.noted;
        let here = noted.trace.expr(object).unwrap_or(Ty::ANY);
        if here != Ty::NIL {
            return here;
        }
        match noted.trace.at(self.ast.expr_span(object).start).map(|mention| mention.of) {
            Some(Mentioned::Variable(var, _)) => noted.types[var.0 as usize],
            _ => here,
        }
    }

    /// Fields, or only methods; of a union what all members have.
    fn fields(&mut self, of: Ty, methods: bool) -> Vec<Completion> {
        let members = self.members(of);
        let mut counted: BTreeMap<String, (usize, Ty)> = BTreeMap::new();
        for member in &members {
            for (key, ty) in self.fields_of(*member, 0) {
                let name = self.types.key_text(key).into_owned();
                counted.entry(name).or_insert((0, ty)).0 += 1;
            }
        }
        let common = counted.into_iter().filter(|(_, (count, _))| *count == members.len());
        let mut found = Vec::new();
        for (label, (_, ty)) in common {
            let head = self.types.head(ty);
            let function = matches!(self.types.kind(head), Kind::Func(_) | Kind::Function | Kind::Intersection(_));
            if !is_identifier(&label) || methods && !function && head != Ty::ANY {
                continue;
            }
            let kind = match (methods, function) {
                (true, _) => CompletionKind::Method,
                (false, true) => CompletionKind::Function,
                (false, false) => CompletionKind::Field,
            };
            found.push(Completion { label, kind, detail: Some(self.types.show(ty)) });
        }
        found
    }

    fn fields_of(&mut self, member: Ty, depth: usize) -> Vec<(Key, Ty)> {
        const MAX_LOOKUPS: usize = 16;
        match self.types.kind(member).clone() {
            Kind::Record(record) => record.fields.iter().map(|field| (field.key, field.ty)).collect(),
            Kind::Opaque(_, methods) => {
                let methods = self.types.head(methods);
                self.fields_of(methods, depth + 1)
            }
            Kind::String | Kind::Literal(Literal::String(_)) => match self.library.string {
                Some(library) => self.fields_of(library, depth + 1),
                None => Vec::new(),
            },
            Kind::Error => match self.library.error {
                Some(methods) => self.fields_of(methods, depth + 1),
                None => Vec::new(),
            },
            Kind::Shape(id) => {
                let shape = self.types.shape(id).clone();
                let mut found: Vec<(Key, Ty)> = shape.fields.iter().map(|field| (field.key, field.ty)).collect();
                let index = self.types.key(b"__index");
                if let Some(Kind::Shape(meta)) = shape.metatable.map(|ty| self.types.kind(ty).clone())
                    && let Some(behind) = self.types.own_field(meta, index)
                    && behind.ty != member
                    && depth < MAX_LOOKUPS
                {
                    let behind = self.types.head(behind.ty);
                    for (key, ty) in self.fields_of(behind, depth + 1) {
                        if !found.iter().any(|(known, _)| *known == key) {
                            found.push((key, ty));
                        }
                    }
                }
                found
            }
            _ => Vec::new(),
        }
    }

    fn type_names(&mut self, at: u32) -> Vec<Completion> {
        let Some(names) = self.noted.trace.type_names.get(&at) else { return Vec::new() };
        let names: BTreeSet<String> = names.iter().map(|key| self.types.key_text(*key).into_owned()).collect();
        let known = names.into_iter().filter(|name| name != PLACEHOLDER);
        known.map(|label| Completion { label, kind: CompletionKind::Type, detail: None }).collect()
    }

    /// Variables, globals and reserved words.
    fn visible(&mut self, at: u32) -> Vec<Completion> {
        let noted = self.noted;
        let mut found: BTreeMap<String, Completion> = BTreeMap::new();
        // Later declarations hide earlier ones.
        for (var, ty) in noted.vars.iter().zip(&noted.types) {
            if var.span.end > at || at >= var.end {
                continue;
            }
            let label = match var.kind {
                VarKind::Receiver => "self".to_owned(),
                _ => self.ast.text(var.name).to_owned(),
            };
            let kind = match var.kind {
                VarKind::Alias => CompletionKind::Type,
                _ => self.kind_of_value(*ty, CompletionKind::Variable),
            };
            let detail = Some(self.show_named(*ty));
            found.insert(label.clone(), Completion { label, kind, detail });
        }
        let globals: Vec<(Key, Ty)> = self.library.globals.iter().map(|(key, ty)| (*key, *ty)).collect();
        for (key, ty) in globals {
            let label = self.types.key_text(key).into_owned();
            let kind = match self.library.names.contains_key(&ty) {
                true => CompletionKind::Module,
                false => self.kind_of_value(ty, CompletionKind::Global),
            };
            let detail = Some(self.show_named(ty));
            found.entry(label.clone()).or_insert(Completion { label, kind, detail });
        }
        let words = self.modules.assigned_globals().map(|name| (name.clone(), CompletionKind::Global));
        let keywords = KEYWORDS.iter().map(|word| ((*word).to_owned(), CompletionKind::Keyword));
        for (label, kind) in words.chain(keywords) {
            found.entry(label.clone()).or_insert(Completion { label, kind, detail: None });
        }
        found.into_values().collect()
    }

    fn kind_of_value(&self, ty: Ty, otherwise: CompletionKind) -> CompletionKind {
        match self.types.kind(ty) {
            Kind::Func(_) | Kind::Function | Kind::Intersection(_) => CompletionKind::Function,
            _ => otherwise,
        }
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !KEYWORDS.contains(&name)
}

//! YAML text as a tree whose nodes know their place in the text. JSON is YAML, too.
//!
//! Scalars are what the core schema of YAML 1.2 makes of them, timestamps stay text. Aliases are replaced by what they
//! stand for, merge keys (`<<`) by the entries of what they name. Both are bounded, so that a small text cannot become a
//! large tree.

use std::borrow::Cow;
use std::fmt;

use hashbrown::{HashMap, HashSet};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use crate::number::{Number, parse_number};
use crate::runtime::data::Data;

/// Lists and maps that may be nested.
const MAX_DEPTH: usize = 128;
/// Nodes that aliases may stand for in all.
const MAX_EXPANDED: usize = 10_000;

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins, from 1.
    pub line: u32,
    /// As above.
    pub column: u32,
    /// What it is.
    pub content: Content,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Content {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl PartialEq for Node {
    /// Places do not count.
    fn eq(&self, other: &Node) -> bool {
        self.content == other.content
    }
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug)]
pub struct YamlError {
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
    /// In words.
    pub message: String,
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// The documents of a text: the first, and whether there are more.
///
/// # Errors
/// What is wrong, in the first document or before the second.
pub fn parse(text: &str) -> Result<(Node, bool), YamlError> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| at(*error.marker(), error.info().to_owned()))?;
        match event {
            Event::DocumentStart(_) if builder.root.is_some() => {
                return Ok((builder.finish(), true));
            }
            event => builder.take(event, span.start)?,
        }
    }
    Ok((builder.finish(), false))
}

fn at(place: Marker, message: String) -> YamlError {
    YamlError { line: place.line() as u32, column: place.col() as u32 + 1, message }
}

impl Node {
    fn new(place: Marker, content: Content) -> Node {
        Node { line: place.line() as u32, column: place.col() as u32 + 1, content }
    }

    /// The value of a map under a key that is text.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let Content::Map(entries) = &self.content else { return None };
        entries.iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// Text.
    pub fn as_str(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.content {
            Content::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a map.
    pub fn as_map(&self) -> Option<&[(Node, Node)]> {
        match &self.content {
            Content::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        self.content == Content::Null
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self.content {
            Content::Null => "null",
            Content::Boolean(_) => "a boolean",
            Content::Integer(_) | Content::Float(_) => "a number",
            Content::Text(_) => "a string",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }

    /// The same without places.
    pub fn to_data(&self) -> Data {
        match &self.content {
            Content::Null => Data::Nil,
            Content::Boolean(b) => Data::Boolean(*b),
            Content::Integer(i) => Data::Integer(*i),
            Content::Float(f) => Data::Float(*f),
            Content::Text(text) => text.as_str().into(),
            Content::List(items) => Data::List(items.iter().map(Node::to_data).collect()),
            Content::Map(entries) => {
                Data::Map(entries.iter().map(|(key, value)| (key.to_data(), value.to_data())).collect())
            }
        }
    }

    fn size(&self) -> usize {
        match &self.content {
            Content::List(items) => 1 + items.iter().map(Node::size).sum::<usize>(),
            Content::Map(entries) => 1 + entries.iter().map(|(key, value)| key.size() + value.size()).sum::<usize>(),
            _ => 1,
        }
    }
}

/// A list or map that is being read.
struct Open {
    anchor: usize,
    node: Node,
    /// The key whose value comes next.
    key: Option<Node>,
    /// Whether that key is `<<`, whose value is merged.
    merges: bool,
    /// The keys of a map that are text.
    names: HashSet<String>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    expanded: usize,
}

impl Builder {
    /// The document; an empty text is null.
    fn finish(self) -> Node {
        self.root.unwrap_or(Node { line: 1, column: 1, content: Content::Null })
    }

    fn take(&mut self, event: Event<'_>, place: Marker) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let content = scalar(&text, style, tag.as_deref()).map_err(|message| at(place, message))?;
                let merges = style == ScalarStyle::Plain && tag.is_none() && text == "<<";
                self.add(anchor, Node::new(place, content), merges)
            }
            Event::SequenceStart(anchor, _) => self.begin(anchor, Node::new(place, Content::List(Vec::new()))),
            Event::MappingStart(anchor, _) => self.begin(anchor, Node::new(place, Content::Map(Vec::new()))),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { anchor, mut node, .. }) = self.open.pop() else { return Ok(()) };
                if let Some((key, _)) = node.as_map().and_then(<[_]>::first) {
                    // A map in block style is said to begin behind the indicator before it.
                    (node.line, node.column) = (key.line, key.column);
                }
                self.add(anchor, node, false)
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor) else {
                    return Err(at(place, "an alias within what it stands for".to_owned()));
                };
                self.expanded += node.size();
                if self.expanded > MAX_EXPANDED {
                    return Err(at(place, "aliases stand for too much".to_owned()));
                }
                let node = Node { content: node.content.clone(), ..Node::new(place, Content::Null) };
                self.add(0, node, false)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, anchor: usize, node: Node) -> Result<(), YamlError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(YamlError { line: node.line, column: node.column, message: "nested too deeply".to_owned() });
        }
        self.open.push(Open { anchor, node, key: None, merges: false, names: HashSet::new() });
        Ok(())
    }

    /// A node is complete: it belongs to the innermost open one. As a key, it `merges` or not.
    fn add(&mut self, anchor: usize, node: Node, merges: bool) -> Result<(), YamlError> {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(outer) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut outer.node.content {
            Content::List(items) => items.push(node),
            Content::Map(entries) => match outer.key.take() {
                None => {
                    if let Some(name) = node.as_str()
                        && !outer.names.insert(name.to_owned())
                    {
                        let message = format!("duplicate key '{name}'");
                        return Err(YamlError { line: node.line, column: node.column, message });
                    }
                    outer.key = Some(node);
                    outer.merges = merges;
                }
                Some(key) if outer.merges => merge(entries, &key, node)?,
                Some(key) => match entries.iter_mut().find(|(other, _)| other.same_name(&key)) {
                    // It came from a merge; what the map says itself counts.
                    Some(entry) => *entry = (key, node),
                    None => entries.push((key, node)),
                },
            },
            _ => unreachable!("only lists and maps are open"),
        }
        Ok(())
    }
}

impl Node {
    fn same_name(&self, other: &Node) -> bool {
        self.as_str().is_some_and(|name| other.as_str() == Some(name))
    }
}

/// Adds the entries of a map, or of several, that a map names with `<<`, but for those it has.
fn merge(entries: &mut Vec<(Node, Node)>, key: &Node, from: Node) -> Result<(), YamlError> {
    let maps = match from.content {
        Content::List(maps) => maps,
        _ => vec![from],
    };
    for map in maps {
        let Content::Map(more) = map.content else {
            let message = "only maps can be merged".to_owned();
            return Err(YamlError { line: key.line, column: key.column, message });
        };
        let known: HashSet<String> = entries.iter().filter_map(|(key, _)| key.as_str().map(str::to_owned)).collect();
        entries.extend(more.into_iter().filter(|(key, _)| key.as_str().is_none_or(|name| !known.contains(name))));
    }
    Ok(())
}

/// What a scalar stands for.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Content, String> {
    if let Some(tag) = tag {
        let wrong = || Err(format!("{text:?} is no {}", tag.suffix));
        return match (tag.is_yaml_core_schema(), tag.suffix.as_str()) {
            (true, "null") => Ok(Content::Null),
            (true, "bool") => boolean(text).map_or_else(wrong, |b| Ok(Content::Boolean(b))),
            (true, "int") => integer(text).map_or_else(wrong, Ok),
            (true, "float") => float(text).or_else(|| integer(text)).map_or_else(wrong, |number| {
                Ok(match number {
                    Content::Integer(i) => Content::Float(i as f64),
                    other => other,
                })
            }),
            _ => Ok(Content::Text(text.to_owned())),
        };
    }
    if style != ScalarStyle::Plain {
        return Ok(Content::Text(text.to_owned()));
    }
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Content::Null,
        _ => boolean(text)
            .map(Content::Boolean)
            .or_else(|| integer(text))
            .or_else(|| float(text))
            .unwrap_or_else(|| Content::Text(text.to_owned())),
    })
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

fn integer(text: &str) -> Option<Content> {
    let radix = |digits: &str, radix| i64::from_str_radix(digits, radix).ok().map(Content::Integer);
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8).filter(|_| !digits.starts_with(['+', '-']));
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16).filter(|_| !digits.starts_with(['+', '-']));
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(match text.parse() {
        Ok(integer) => Content::Integer(integer),
        Err(_) => Content::Float(text.parse().ok()?),
    })
}

fn float(text: &str) -> Option<Content> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Some(Content::Float(sign * f64::INFINITY)),
        ".nan" | ".NaN" | ".NAN" if unsigned == text => return Some(Content::Float(f64::NAN)),
        _ => {}
    }
    let numeric = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    if !unsigned.bytes().all(numeric) || !unsigned.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match parse_number(text.as_bytes())? {
        Number::Float(f) => Some(Content::Float(f)),
        Number::Int(i) => Some(Content::Integer(i)),
    }
}

/// Whether a plain scalar of this text would be read as this text.
pub(super) fn is_plain_text(text: &str) -> bool {
    matches!(scalar(text, ScalarStyle::Plain, None), Ok(Content::Text(_)))
}

/// Bytes as text.
pub fn as_text(bytes: &[u8]) -> Result<Cow<'_, str>, YamlError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() as u32 + 1;
        YamlError { line, column, message: "invalid UTF-8".to_owned() }
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn read(text: &str) -> Content {
        parse(text).expect("the text is correct").0.content
    }

    fn complaint(text: &str) -> String {
        parse(text).expect_err("something is wrong").to_string()
    }

    #[test]
    fn scalars_of_the_core_schema() {
        for (text, content) in [
            ("~", Content::Null),
            ("", Content::Null),
            ("TRUE", Content::Boolean(true)),
            ("yes", Content::Text("yes".into())),
            ("-12", Content::Integer(-12)),
            ("012", Content::Integer(12)),
            ("0x1F", Content::Integer(31)),
            ("0o17", Content::Integer(15)),
            ("9223372036854775808", Content::Float(9223372036854775808.0)),
            ("1.5e3", Content::Float(1500.0)),
            ("-.inf", Content::Float(f64::NEG_INFINITY)),
            ("1.2.3", Content::Text("1.2.3".into())),
            ("2024-01-02", Content::Text("2024-01-02".into())),
            ("'12'", Content::Text("12".into())),
            ("!!str 12", Content::Text("12".into())),
            ("!!float 12", Content::Float(12.0)),
            ("e", Content::Text("e".into())),
        ] {
            assert_eq!(read(text), content, "{text}");
        }
    }

    #[test]
    fn places() {
        let (root, more) = parse("a: 1\nb:\n  - x\n  - c: 2\n    d: 3\n---\nnext").expect("it is correct");
        assert!(more);
        let list = root.get("b").and_then(Node::as_list).expect("a list");
        assert_eq!((list[0].line, list[0].column), (3, 5));
        assert_eq!((list[1].line, list[1].column), (4, 5));
        assert_eq!(list[1].get("d").map(|node| node.line), Some(5));
    }

    #[test]
    fn aliases_and_merges() {
        let text = "base: &b {x: 1, y: 2}\nother:\n  y: 3\n  <<: *b\n  z: *b";
        let (root, _) = parse(text).expect("it is correct");
        let other = root.get("other").expect("there");
        assert_eq!(other.get("x").map(|node| &node.content), Some(&Content::Integer(1)));
        assert_eq!(other.get("y").map(|node| &node.content), Some(&Content::Integer(3)));
        assert_eq!(other.get("z"), root.get("base"));
        let before = read("base: &b {y: 2}\nother:\n  <<: *b\n  y: 3");
        assert_eq!(before, read("base: {y: 2}\nother: {y: 3}"));
        assert!(complaint("a: &a [*a]").contains("alias"));
        assert!(complaint("x: 1\n<<: 3").contains("only maps can be merged"));
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]";
        assert!(complaint(bomb).contains("too much"));
    }

    #[test]
    fn complaints_name_the_place() {
        assert!(complaint("a: 1\na: 2").starts_with("2:1: duplicate key 'a'"));
        assert!(complaint("a: [1\nb: 2").starts_with("2:"));
        assert!(complaint(&"[".repeat(200)).contains("nested too deeply"));
        assert_eq!(as_text(b"ab\nc\xff").expect_err("not text").to_string(), "2:2: invalid UTF-8");
    }

    #[test]
    fn json_is_yaml() {
        assert_eq!(read("{\"a\": [1, 2.5, \"x\\u0041\", null, true]}"), read("a: [1, 2.5, xA, ~, true]"));
    }
}

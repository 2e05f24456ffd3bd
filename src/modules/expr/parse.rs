//! From tokens to a tree: a parser by precedence.
//!
//! From the weakest operators to the strongest: `|`, `?:`, `||`, `&&`, comparisons with `in`, `contains` and the like, `..`,
//! `+ -`, `* / %`, the prefixes `! not -`, `**` (to the right), `??`, and what is behind a value: `.b ?.b [i] [i:j]`.

use regex::bytes::Regex;

use super::functions::{self, Function};
use super::token::{Token, tokens, wrong};
use super::tree::{Binary, Node, NodeId, Tree, Walk};
use super::value::Value;

/// Expressions within each other. Whatever walks a tree may recurse.
const MAX_DEPTH: u32 = 200;

/// The tree of a text.
///
/// # Errors
/// What is wrong, and where.
pub fn parse(text: &[u8]) -> Result<Tree, String> {
    parse_whole(text, &[], false)
}

/// What the environment has under this name is what a dot alone means in a template.
pub const CONTEXT: &[u8] = b".";

/// The tree of an expression in a template: more functions are known, and a dot is a value.
///
/// # Errors
/// As [`parse`].
pub fn parse_in_template(text: &[u8], more: &'static [Function]) -> Result<Tree, String> {
    parse_whole(text, more, true)
}

fn parse_whole(text: &[u8], more: &'static [Function], has_context: bool) -> Result<Tree, String> {
    let (nodes, depths) = (Vec::new(), Vec::new());
    let mut parser = Parser { tokens: tokens(text)?, at: 0, nodes, depths, open: 0, walks: 0, more, has_context };
    let root = parser.pipe()?;
    match parser.peek() {
        Token::End => Ok(Tree { nodes: parser.nodes, root }),
        _ => Err(parser.unexpected()),
    }
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    nodes: Vec<Node>,
    /// How deep the tree below each node is.
    depths: Vec<u32>,
    /// Expressions that have been begun.
    open: u32,
    /// Predicates that have been begun.
    walks: u32,
    /// Functions besides those that all expressions have.
    more: &'static [Function],
    /// Whether a dot is a value.
    has_context: bool,
}

/// Strengths of operators; see the module header.
const UNARY: u8 = 7;
const POWER: u8 = 8;

/// An infix operator with its strength.
fn infix(token: &Token) -> Option<(Binary, u8)> {
    let text: &[u8] = match token {
        Token::Symbol(symbol) => symbol.as_bytes(),
        Token::Name(name) => name,
        _ => return None,
    };
    Some(match text {
        b"||" | b"or" => (Binary::Or, 1),
        b"&&" | b"and" => (Binary::And, 2),
        b"==" => (Binary::Equal, 3),
        b"!=" => (Binary::NotEqual, 3),
        b"<" => (Binary::Less, 3),
        b"<=" => (Binary::LessOrEqual, 3),
        b">" => (Binary::Greater, 3),
        b">=" => (Binary::GreaterOrEqual, 3),
        b"in" => (Binary::In, 3),
        b"not" => (Binary::NotIn, 3),
        b"contains" => (Binary::Contains, 3),
        b"startsWith" => (Binary::StartsWith, 3),
        b"endsWith" => (Binary::EndsWith, 3),
        b"matches" => (Binary::Matches, 3),
        b".." => (Binary::Range, 4),
        b"+" => (Binary::Add, 5),
        b"-" => (Binary::Subtract, 5),
        b"*" => (Binary::Multiply, 6),
        b"/" => (Binary::Divide, 6),
        b"%" => (Binary::Modulo, 6),
        b"**" => (Binary::Power, POWER),
        b"??" => (Binary::Else, 9),
        _ => return None,
    })
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        if !matches!(token, Token::End) {
            self.at += 1;
        }
        token
    }

    fn is_symbol(&self, wanted: &str) -> bool {
        matches!(self.peek(), Token::Symbol(symbol) if *symbol == wanted)
    }

    fn accept(&mut self, wanted: &str) -> bool {
        let there = self.is_symbol(wanted);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, wanted: &str) -> Result<(), String> {
        if self.accept(wanted) { Ok(()) } else { Err(format!("{}, '{wanted}' expected", self.unexpected())) }
    }

    fn unexpected(&self) -> String {
        let (token, at) = &self.tokens[self.at];
        let message = match token {
            Token::End => "unexpected end".to_owned(),
            Token::Literal(value) => format!("unexpected {}", value.kind()),
            Token::Name(name) => format!("unexpected '{}'", String::from_utf8_lossy(name)),
            Token::Symbol(symbol) => format!("unexpected '{symbol}'"),
        };
        wrong(&message, *at)
    }

    fn add(&mut self, node: Node) -> Result<NodeId, String> {
        let below = |id: &NodeId| self.depths[id.0 as usize];
        let deepest = match &node {
            Node::Literal(_) | Node::Name(_) | Node::Item | Node::Index | Node::Accumulator => 0,
            Node::List(items) | Node::Call(_, items) => items.iter().map(below).max().unwrap_or(0),
            Node::Map(entries) => entries.iter().map(|(key, value)| below(key).max(below(value))).max().unwrap_or(0),
            Node::Not(one) | Node::Minus(one) | Node::Matches(one, _) => below(one),
            Node::Binary(_, a, b) | Node::Part { object: a, key: b, .. } => below(a).max(below(b)),
            Node::Choose(a, b, c) => below(a).max(below(b)).max(below(c)),
            Node::Slice(a, b, c) | Node::Walk(_, a, b, c) => {
                [Some(*a), *b, *c].iter().flatten().map(below).max().unwrap_or(0)
            }
        };
        if deepest >= MAX_DEPTH {
            return Err(wrong("nested too deeply", self.tokens[self.at].1));
        }
        self.nodes.push(node);
        self.depths.push(deepest + 1);
        Ok(NodeId(self.nodes.len() as u32 - 1))
    }

    /// Reads something that may contain itself.
    fn nested(&mut self, read: impl FnOnce(&mut Parser) -> Result<NodeId, String>) -> Result<NodeId, String> {
        if self.open >= MAX_DEPTH {
            return Err(wrong("nested too deeply", self.tokens[self.at].1));
        }
        self.open += 1;
        let result = read(self);
        self.open -= 1;
        result
    }

    /// `a | f(b)` is `f(a, b)`.
    fn pipe(&mut self) -> Result<NodeId, String> {
        let mut left = self.ternary()?;
        while self.accept("|") {
            let at = self.at;
            let Token::Name(name) = self.advance() else {
                self.at = at;
                return Err(self.unexpected());
            };
            left = self.call(&name, at, Some(left))?;
            left = self.behind(left)?;
        }
        Ok(left)
    }

    fn ternary(&mut self) -> Result<NodeId, String> {
        self.nested(|parser| {
            let condition = parser.binary(1)?;
            if !parser.accept("?") {
                return Ok(condition);
            }
            let yes = parser.ternary()?;
            parser.expect(":")?;
            let no = parser.ternary()?;
            parser.add(Node::Choose(condition, yes, no))
        })
    }

    /// Operators that are at least so strong.
    fn binary(&mut self, weakest: u8) -> Result<NodeId, String> {
        let mut left = self.unary()?;
        while let Some((operator, strength)) = infix(self.peek()).filter(|(_, strength)| *strength >= weakest) {
            self.advance();
            if operator == Binary::NotIn && !matches!(self.advance(), Token::Name(name) if *name == *b"in") {
                self.at -= 1;
                return Err(format!("{}, 'in' expected", self.unexpected()));
            }
            let right = self.binary(if operator == Binary::Power { strength } else { strength + 1 })?;
            let pattern = match self.nodes[right.0 as usize] {
                Node::Literal(Value::Text(ref pattern)) if operator == Binary::Matches => Some(regex(pattern)?),
                _ => None,
            };
            left = self.add(match pattern {
                Some(pattern) => Node::Matches(left, pattern),
                None => Node::Binary(operator, left, right),
            })?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<NodeId, String> {
        let negates = self.is_symbol("!") || matches!(self.peek(), Token::Name(name) if **name == *b"not");
        if negates || self.is_symbol("-") {
            self.advance();
            let operand = self.nested(|parser| parser.binary(UNARY))?;
            return self.add(if negates { Node::Not(operand) } else { Node::Minus(operand) });
        }
        let value = self.primary()?;
        self.behind(value)
    }

    /// Parts and slices of a value.
    fn behind(&mut self, mut object: NodeId) -> Result<NodeId, String> {
        loop {
            let optional = self.is_symbol("?.");
            if optional || self.is_symbol(".") {
                self.advance();
                if optional && self.accept("[") {
                    let key = self.nested(Parser::pipe)?;
                    self.expect("]")?;
                    object = self.add(Node::Part { object, key, optional })?;
                    continue;
                }
                let at = self.at;
                let Token::Name(name) = self.advance() else {
                    self.at = at;
                    return Err(format!("{}, name expected", self.unexpected()));
                };
                let key = self.add(Node::Literal(Value::text(name)))?;
                object = self.add(Node::Part { object, key, optional })?;
            } else if self.accept("[") {
                let from = if self.is_symbol(":") { None } else { Some(self.nested(Parser::pipe)?) };
                if self.accept(":") {
                    let to = if self.is_symbol("]") { None } else { Some(self.nested(Parser::pipe)?) };
                    object = self.add(Node::Slice(object, from, to))?;
                } else if let Some(key) = from {
                    object = self.add(Node::Part { object, key, optional: false })?;
                }
                self.expect("]")?;
            } else {
                return Ok(object);
            }
        }
    }

    fn primary(&mut self) -> Result<NodeId, String> {
        let at = self.at;
        match self.advance() {
            Token::Literal(value) => self.add(Node::Literal(value)),
            Token::Symbol("(") => {
                let inner = self.nested(Parser::pipe)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Symbol("[") => {
                let items = self.items("]")?;
                self.add(Node::List(items))
            }
            Token::Symbol("{") => self.map(),
            Token::Symbol("#") if self.walks > 0 => self.item(),
            Token::Symbol(".") if self.has_context => {
                // The dot of `.name` is also that of a part.
                self.at -= usize::from(matches!(self.peek(), Token::Name(_)));
                self.add(Node::Name(CONTEXT.into()))
            }
            Token::Name(name) if infix(&Token::Name(name.clone())).is_none() => match &*name {
                b"true" => self.add(Node::Literal(Value::Boolean(true))),
                b"false" => self.add(Node::Literal(Value::Boolean(false))),
                b"nil" => self.add(Node::Literal(Value::Nil)),
                _ if self.is_symbol("(") => self.call(&name, at, None),
                _ => self.add(Node::Name(name)),
            },
            _ => {
                self.at = at;
                Err(self.unexpected())
            }
        }
    }

    /// What stands behind `#`.
    fn item(&mut self) -> Result<NodeId, String> {
        let node = match self.peek() {
            Token::Name(name) if **name == *b"index" => Node::Index,
            Token::Name(name) if **name == *b"acc" => Node::Accumulator,
            _ => return self.add(Node::Item),
        };
        self.advance();
        self.add(node)
    }

    /// Expressions with commas between them, up to a closing bracket.
    fn items(&mut self, end: &str) -> Result<Vec<NodeId>, String> {
        let mut items = Vec::new();
        while !self.is_symbol(end) {
            items.push(self.nested(Parser::pipe)?);
            if !self.accept(",") {
                break;
            }
        }
        self.expect(end)?;
        Ok(items)
    }

    /// A map whose `{` was read. Keys are names, strings, or expressions in parentheses.
    fn map(&mut self) -> Result<NodeId, String> {
        let mut entries = Vec::new();
        while !self.is_symbol("}") {
            let key = match self.peek().clone() {
                Token::Name(name) => {
                    self.advance();
                    self.add(Node::Literal(Value::text(name)))?
                }
                _ => self.primary()?,
            };
            self.expect(":")?;
            let value = self.nested(Parser::pipe)?;
            entries.push((key, value));
            if !self.accept(",") {
                break;
            }
        }
        self.expect("}")?;
        self.add(Node::Map(entries))
    }

    /// A call of a function whose name was read; `first` comes from a pipe.
    fn call(&mut self, name: &[u8], at: usize, first: Option<NodeId>) -> Result<NodeId, String> {
        let place = self.tokens[at].1;
        if let Some(walk) = Walk::of(name) {
            return self.walk(walk, place, first);
        }
        let function: &'static Function = functions::find(name)
            .or_else(|| self.more.iter().find(|function| function.name.as_bytes() == name))
            .ok_or_else(|| wrong(&format!("unknown function '{}'", String::from_utf8_lossy(name)), place))?;
        let mut arguments: Vec<NodeId> = first.into_iter().collect();
        if first.is_none() || self.is_symbol("(") {
            self.expect("(")?;
            arguments.extend(self.items(")")?);
        }
        if !function.arguments.contains(&arguments.len()) {
            return Err(wrong(&format!("wrong number of arguments for '{}'", function.name), place));
        }
        self.add(Node::Call(function, arguments))
    }

    /// A call of a function that takes a predicate. `count` does without: it counts what is true.
    fn walk(&mut self, walk: Walk, place: usize, first: Option<NodeId>) -> Result<NodeId, String> {
        if let Some(list) = first
            && walk == Walk::Count
            && !self.is_symbol("(")
        {
            return self.add(Node::Walk(walk, list, None, None));
        }
        self.expect("(")?;
        let list = match first {
            Some(first) => first,
            None => {
                let list = self.nested(Parser::pipe)?;
                if !self.is_symbol(")") {
                    self.expect(",")?;
                }
                list
            }
        };
        let mut arguments = Vec::new();
        if !self.is_symbol(")") {
            self.walks += 1;
            arguments.push(self.nested(Parser::pipe)?);
            self.walks -= 1;
            if walk == Walk::Reduce && self.accept(",") {
                arguments.push(self.nested(Parser::pipe)?);
            }
        }
        self.expect(")")?;
        if arguments.is_empty() && walk != Walk::Count {
            return Err(wrong("a predicate is missing", place));
        }
        self.add(Node::Walk(walk, list, arguments.first().copied(), arguments.get(1).copied()))
    }
}

/// A pattern of `matches`.
pub fn regex(pattern: &[u8]) -> Result<Regex, String> {
    let text = std::str::from_utf8(pattern).map_err(|_| "a pattern must be UTF-8".to_owned())?;
    Regex::new(text).map_err(|error| format!("bad pattern: {error}"))
}

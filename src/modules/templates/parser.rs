//! From the text of a template to what is to be done; pure.
//!
//! Expressions are those of the module `expr`, with a few more functions.

use std::sync::Arc;

use hashbrown::HashMap;

use super::functions::FUNCTIONS;
use super::lexer::{Delimiters, Segment, segments};
use crate::modules::expr::parse::parse_in_template;
use crate::modules::expr::tree::{Node as ExpressionNode, Tree};

/// A template.
#[derive(Debug, Default)]
pub struct Template {
    /// The template whose blocks this one replaces.
    pub extends: Option<String>,
    /// What is done, if nothing extends it.
    pub nodes: Vec<Node>,
    /// All blocks in it, by name.
    pub blocks: HashMap<String, Arc<Vec<Node>>>,
}

/// A step of a template with its line.
#[derive(Debug)]
pub struct Node {
    /// Where it begins.
    pub line: usize,
    /// What it does.
    pub step: Step,
}

/// What is done.
#[derive(Debug)]
pub enum Step {
    /// Puts out text.
    Text(String),
    /// Puts out a value.
    Output {
        /// The value.
        value: Tree,
        /// Whether characters of markup are replaced.
        escape: bool,
    },
    /// Gives a value a name.
    Assign(String, Tree),
    /// Does what stands behind the first condition that holds; the last may have none.
    If(Vec<(Option<Tree>, Vec<Node>)>),
    /// Does something with each item.
    Range {
        /// The name of the index or key.
        index: Option<String>,
        /// The name of the item; without one it is what a dot means.
        item: Option<String>,
        /// What has the items.
        list: Tree,
        /// What is done.
        body: Vec<Node>,
        /// What is done if there are none.
        otherwise: Vec<Node>,
    },
    /// Puts out another template.
    Include(Tree),
    /// Puts out the block of a name: this one, or what replaces it.
    Block(String),
    /// Puts out the block of a name.
    Yield(String),
}

/// Steps within each other.
const MAX_DEPTH: usize = 100;

/// The template of a text.
///
/// # Errors
/// What is wrong, and the line.
pub fn parse(source: &str, delimiters: &Delimiters) -> Result<Template, String> {
    let segments = segments(source, delimiters)?;
    let mut parser = Parser { segments: segments.into_iter(), template: Template::default(), begun: false };
    let (nodes, end) = parser.nodes(0)?;
    match end {
        None => Ok(Template { nodes, ..parser.template }),
        Some((word, line)) => Err(at(&format!("unexpected '{}'", word.word()), line)),
    }
}

/// What ends a list of steps.
enum Closing {
    End,
    Else,
    ElseIf(Tree),
}

impl Closing {
    fn word(&self) -> &'static str {
        match self {
            Closing::End => "end",
            Closing::Else | Closing::ElseIf(_) => "else",
        }
    }
}

struct Parser<'a> {
    segments: std::vec::IntoIter<Segment<'a>>,
    template: Template,
    /// Whether there was an action already.
    begun: bool,
}

type Nodes = (Vec<Node>, Option<(Closing, usize)>);

impl Parser<'_> {
    /// Steps up to an action that ends them.
    fn nodes(&mut self, depth: usize) -> Result<Nodes, String> {
        let mut nodes = Vec::new();
        while let Some(segment) = self.segments.next() {
            let (action, line) = match segment {
                Segment::Text(text) => {
                    nodes.push(Node { line: 0, step: Step::Text(text.to_owned()) });
                    continue;
                }
                Segment::Action(action, line) => (action, line),
            };
            if depth > MAX_DEPTH {
                return Err(at("too many actions within each other", line));
            }
            let first = !std::mem::replace(&mut self.begun, true);
            let (word, rest) = word(action);
            let step = match (word, rest) {
                ("end", "") => return Ok((nodes, Some((Closing::End, line)))),
                ("else", "") => return Ok((nodes, Some((Closing::Else, line)))),
                ("else", rest) => match self::word(rest) {
                    ("if", condition) => {
                        return Ok((nodes, Some((Closing::ElseIf(expression(condition, line)?), line))));
                    }
                    _ => return Err(at("'if' expected behind 'else'", line)),
                },
                ("if", condition) => self.branches(expression(condition, line)?, line, depth)?,
                ("range", header) => self.range(header, line, depth)?,
                ("include", name) => Step::Include(expression(name, line)?),
                ("extends", name) if first => {
                    let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
                    let name = name.filter(|name| !name.is_empty() && !name.contains('"'));
                    self.template.extends =
                        Some(name.ok_or_else(|| at("'extends' needs a name in quotes", line))?.to_owned());
                    continue;
                }
                ("extends", _) => return Err(at("'extends' must be the first action", line)),
                ("block", call) => {
                    let name = name_of_call(call).ok_or_else(|| at("'block' needs a name and ()", line))?;
                    let body = self.until_end("block", line, depth)?;
                    if self.template.blocks.insert(name.clone(), Arc::new(body)).is_some() {
                        return Err(at(&format!("there are two blocks '{name}'"), line));
                    }
                    Step::Block(name)
                }
                ("yield", call) => {
                    Step::Yield(name_of_call(call).ok_or_else(|| at("'yield' needs a name and ()", line))?)
                }
                _ => match names_of_assignment(action) {
                    Some((names, value)) => match &names[..] {
                        [name] => Step::Assign((*name).to_owned(), expression(value, line)?),
                        _ => return Err(at("':=' gives one name", line)),
                    },
                    None => {
                        let value = expression(action, line)?;
                        let escape = !matches!(value.outermost(), ExpressionNode::Call(function, _)
                            if matches!(function.name, "raw" | "html"));
                        Step::Output { value, escape }
                    }
                },
            };
            nodes.push(Node { line, step });
        }
        Ok((nodes, None))
    }

    /// Steps up to `end`.
    fn until_end(&mut self, what: &str, line: usize, depth: usize) -> Result<Vec<Node>, String> {
        match self.nodes(depth + 1)? {
            (nodes, Some((Closing::End, _))) => Ok(nodes),
            (_, Some((_, line))) => Err(at("unexpected 'else'", line)),
            (_, None) => Err(at(&format!("'{what}' without 'end'"), line)),
        }
    }

    /// What follows `if` and its condition.
    fn branches(&mut self, condition: Tree, line: usize, depth: usize) -> Result<Step, String> {
        let mut branches = Vec::new();
        let mut condition = Some(condition);
        loop {
            if condition.is_none() {
                branches.push((None, self.until_end("if", line, depth)?));
                return Ok(Step::If(branches));
            }
            let (nodes, end) = self.nodes(depth + 1)?;
            branches.push((condition, nodes));
            condition = match end {
                Some((Closing::End, _)) => return Ok(Step::If(branches)),
                Some((Closing::Else, _)) => None,
                Some((Closing::ElseIf(condition), _)) => Some(condition),
                None => return Err(at("'if' without 'end'", line)),
            };
        }
    }

    /// What follows `range`.
    fn range(&mut self, header: &str, line: usize, depth: usize) -> Result<Step, String> {
        let (names, list) = names_of_assignment(header).unwrap_or((Vec::new(), header));
        let (index, item) = match names[..] {
            [] => (None, None),
            [item] => (None, Some(item.to_owned())),
            [index, item] => (Some(index.to_owned()), Some(item.to_owned())),
            _ => return Err(at("'range' gives at most two names", line)),
        };
        let list = expression(list, line)?;
        let (body, end) = self.nodes(depth + 1)?;
        let otherwise = match end {
            Some((Closing::End, _)) => Vec::new(),
            Some((Closing::Else, line)) => self.until_end("range", line, depth)?,
            Some((Closing::ElseIf(_), line)) => return Err(at("unexpected 'else if'", line)),
            None => return Err(at("'range' without 'end'", line)),
        };
        Ok(Step::Range { index, item, list, body, otherwise })
    }
}

fn at(message: &str, line: usize) -> String {
    format!("{message} at line {line}")
}

fn expression(text: &str, line: usize) -> Result<Tree, String> {
    if text.is_empty() {
        return Err(at("an expression is missing", line));
    }
    parse_in_template(text.as_bytes(), &FUNCTIONS).map_err(|message| format!("{message} of the action at line {line}"))
}

fn is_part_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The word at the beginning of an action, and the rest.
fn word(action: &str) -> (&str, &str) {
    let end = action.find(|c| !is_part_of_name(c)).unwrap_or(action.len());
    (&action[..end], action[end..].trim_start())
}

fn is_name(text: &str) -> bool {
    text.chars().all(is_part_of_name) && text.starts_with(|c: char| !c.is_numeric())
}

/// The name in `name()`.
fn name_of_call(call: &str) -> Option<String> {
    let name = call.strip_suffix(')')?.trim_end().strip_suffix('(')?.trim_end();
    is_name(name).then(|| name.to_owned())
}

/// The names before `:=`, and what is behind it.
fn names_of_assignment(action: &str) -> Option<(Vec<&str>, &str)> {
    let (names, value) = action.split_once(":=")?;
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    names.iter().all(|name| is_name(name)).then(|| (names, value.trim_start()))
}

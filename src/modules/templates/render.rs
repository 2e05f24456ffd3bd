//! Rendering: a walk over the steps of templates, in a bounded number of steps.

use std::sync::Arc;

use hashbrown::HashMap;

use super::functions::{escaped, shown};
use super::parser::{Node, Step, Template};
use crate::modules::expr::eval::Evaluation;
use crate::modules::expr::functions::{string, text};
use crate::modules::expr::parse::CONTEXT;
use crate::modules::expr::tree::Tree;
use crate::modules::expr::value::Value;

/// The templates of a set, and the names that all of them know.
#[derive(Debug, Default)]
pub struct Templates {
    /// By name.
    pub templates: HashMap<String, Template>,
    /// Names with values.
    pub globals: Vec<(Value, Value)>,
}

/// Why there is no result.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no template of this name.
    Unknown,
    /// In words.
    Failed(String),
}

/// Steps of one rendering: actions, and what expressions take.
const MAX_STEPS: usize = 10_000_000;
/// Bytes that are put out.
const MAX_OUTPUT: usize = 256 << 20;
/// Templates, blocks and actions within each other. All of this recurses.
const MAX_DEPTH: usize = 150;

impl Templates {
    /// What a template makes of some data.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn render(&self, name: &str, data: Value) -> std::result::Result<Vec<u8>, Failure> {
        if !self.templates.contains_key(name) {
            return Err(Failure::Unknown);
        }
        let mut names = self.globals.clone();
        names.extend(data.entries().unwrap_or_default().iter().cloned());
        names.push((Value::text(CONTEXT), data));
        let mut rendering = Rendering {
            set: self,
            names,
            environment: None,
            lineages: Vec::new(),
            depth: 0,
            steps: 0,
            out: Vec::new(),
        };
        rendering.template(name).map_err(Failure::Failed)?;
        Ok(rendering.out)
    }
}

/// A template of a name.
#[derive(Clone, Copy)]
struct Named<'a> {
    name: &'a str,
    template: &'a Template,
}

/// A rendering under way.
struct Rendering<'a> {
    set: &'a Templates,
    /// What names mean; of equal ones the last counts.
    names: Vec<(Value, Value)>,
    /// The same as one value, until it changes.
    environment: Option<Value>,
    /// For each template that is included in the one before: itself and what it extends, in this order.
    lineages: Vec<Vec<Named<'a>>>,
    depth: usize,
    steps: usize,
    out: Vec<u8>,
}

type Result<T> = std::result::Result<T, String>;

impl<'a> Rendering<'a> {
    /// Puts out a template. What it extends decides what comes when; it gives the blocks.
    fn template(&mut self, name: &str) -> Result<()> {
        let mut lineage: Vec<Named<'a>> = Vec::new();
        let mut next = Some(name);
        while let Some(name) = next {
            let Some((name, template)) = self.set.templates.get_key_value(name) else {
                return Err(format!("there is no template '{name}'"));
            };
            if lineage.iter().any(|named| named.name == name) {
                return Err(format!("template '{name}' extends itself"));
            }
            lineage.push(Named { name, template });
            next = template.extends.as_deref();
        }
        let Some(root) = lineage.last().copied() else { return Ok(()) };
        self.lineages.push(lineage);
        self.nodes(&root.template.nodes, root)?;
        self.lineages.pop();
        Ok(())
    }

    /// Puts out a block.
    fn block(&mut self, name: &str) -> Result<()> {
        let owners = self.lineages.iter().rev().flatten();
        let found = owners.into_iter().find_map(|owner| Some((Arc::clone(owner.template.blocks.get(name)?), *owner)));
        let Some((body, owner)) = found else { return Err(format!("there is no block '{name}'")) };
        self.nodes(&body, owner)
    }

    /// Does what the nodes of a template say. What they name is forgotten.
    fn nodes(&mut self, nodes: &[Node], owner: Named<'a>) -> Result<()> {
        if self.depth >= MAX_DEPTH {
            return Err("too many templates, blocks and actions within each other".to_owned());
        }
        self.depth += 1;
        let known = self.names.len();
        for node in nodes {
            // Failures within other templates have their place already.
            self.step(node, owner).map_err(|message| match message.starts_with("template '") {
                true => message,
                false => format!("template '{}', line {}: {message}", owner.name, node.line),
            })?;
        }
        self.forget(known);
        self.depth -= 1;
        Ok(())
    }

    fn step(&mut self, node: &Node, owner: Named<'a>) -> Result<()> {
        self.pay(1)?;
        match &node.step {
            Step::Text(text) => self.put(text.as_bytes()),
            Step::Output { value, escape } => {
                let value = self.value(value)?;
                if *escape {
                    let escaped = escaped(&value)?;
                    self.put(escaped.as_bytes())
                } else {
                    let shown = shown(&value)?;
                    self.put(text(&shown)?)
                }
            }
            Step::Assign(name, value) => {
                let value = self.value(value)?;
                self.name(name.as_bytes(), value);
                Ok(())
            }
            Step::If(branches) => {
                for (condition, nodes) in branches {
                    let holds = match condition {
                        Some(condition) => !self.value(condition)?.is_empty(),
                        None => true,
                    };
                    if holds {
                        return self.nodes(nodes, owner);
                    }
                }
                Ok(())
            }
            Step::Range { index, item, list, body, otherwise } => {
                let items = items(&self.value(list)?)?;
                if items.is_empty() {
                    return self.nodes(otherwise, owner);
                }
                for (key, value) in items {
                    self.pay(1)?;
                    let known = self.names.len();
                    if let Some(index) = index {
                        self.name(index.as_bytes(), key);
                    }
                    self.name(item.as_ref().map_or(CONTEXT, |item| item.as_bytes()), value);
                    self.nodes(body, owner)?;
                    self.forget(known);
                }
                Ok(())
            }
            Step::Include(name) => {
                let name = self.value(name)?;
                let name = String::from_utf8_lossy(text(&name)?).into_owned();
                self.template(&name)
            }
            Step::Block(name) | Step::Yield(name) => self.block(name),
        }
    }

    fn value(&mut self, tree: &Tree) -> Result<Value> {
        let environment = match &self.environment {
            Some(environment) => environment.clone(),
            None => {
                let environment = Value::map(self.names.clone())?;
                self.pay(self.names.len() / 16)?;
                self.environment.insert(environment).clone()
            }
        };
        let mut evaluation = Evaluation::lenient(tree, &environment);
        let value = evaluation.run();
        self.pay(evaluation.steps())?;
        value
    }

    fn name(&mut self, name: &[u8], value: Value) {
        self.names.push((Value::text(name), value));
        self.environment = None;
    }

    /// Forgets all but the first names.
    fn forget(&mut self, known: usize) {
        if self.names.len() > known {
            self.names.truncate(known);
            self.environment = None;
        }
    }

    fn pay(&mut self, steps: usize) -> Result<()> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS { Err("the template takes too many steps".to_owned()) } else { Ok(()) }
    }

    fn put(&mut self, text: &[u8]) -> Result<()> {
        if self.out.len() + text.len() > MAX_OUTPUT {
            return Err("the result is too long".to_owned());
        }
        self.out.extend_from_slice(text);
        Ok(())
    }
}

/// The items of a list with their indexes, from 0, or the entries of a map by the order of their keys.
fn items(list: &Value) -> Result<Vec<(Value, Value)>> {
    if list.is_nil() {
        return Ok(Vec::new());
    }
    if let Some(items) = list.items() {
        return Ok(items.iter().enumerate().map(|(i, item)| (Value::int(i as i64), item.clone())).collect());
    }
    let entries = list.entries().ok_or_else(|| format!("cannot range over {}", list.kind()))?;
    let mut sorted = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let name = string(key)?;
        sorted.push((text(&name)?.to_vec(), key.clone(), value.clone()));
    }
    sorted.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    Ok(sorted.into_iter().map(|(_, key, value)| (key, value)).collect())
}

//! Evaluation: a walk over the tree, in a bounded number of steps.

use std::cmp::Ordering;

use regex::bytes::Regex;

use super::parse::regex;
use super::tree::{Binary, Node, NodeId, Tree, Walk};
use super::value::Value;
use crate::number::{Number, float_mod, float_pow, int_mod};

/// Steps of one evaluation. A step is a node, or a few bytes or an item of a value that is looked at or made.
const MAX_STEPS: usize = 1_000_000;

/// What failed, in words.
pub type Result<T> = std::result::Result<T, String>;

/// An evaluation under way.
pub struct Evaluation<'a> {
    tree: &'a Tree,
    environment: &'a Value,
    lenient: bool,
    steps: usize,
    /// The items that the predicates around are asked about.
    items: Vec<Item>,
}

struct Item {
    value: Value,
    index: usize,
    accumulator: Value,
}

impl<'a> Evaluation<'a> {
    /// An evaluation in which names mean what a map has under them.
    pub fn new(tree: &'a Tree, environment: &'a Value) -> Evaluation<'a> {
        Evaluation { tree, environment, lenient: false, steps: 0, items: Vec::new() }
    }

    /// The same, where any value is a condition, and what is no part of nil is nil.
    pub fn lenient(tree: &'a Tree, environment: &'a Value) -> Evaluation<'a> {
        Evaluation { lenient: true, ..Evaluation::new(tree, environment) }
    }

    /// Steps that were made.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The value of the expression.
    pub fn run(&mut self) -> Result<Value> {
        self.eval(self.tree.root)
    }

    /// Pays for some steps.
    pub fn pay(&mut self, steps: usize) -> Result<()> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS { Err("the expression takes too many steps".to_owned()) } else { Ok(()) }
    }

    fn eval(&mut self, id: NodeId) -> Result<Value> {
        self.pay(1)?;
        match self.tree.node(id) {
            Node::Literal(value) => Ok(value.clone()),
            Node::Name(name) => Ok(self.environment.field(name).cloned().unwrap_or_default()),
            Node::Item => Ok(self.item().map(|item| item.value.clone()).unwrap_or_default()),
            Node::Index => Ok(self.item().map(|item| Value::int(item.index as i64)).unwrap_or_default()),
            Node::Accumulator => Ok(self.item().map(|item| item.accumulator.clone()).unwrap_or_default()),
            Node::List(items) => {
                let items = items.iter().map(|item| self.eval(*item)).collect::<Result<_>>()?;
                Value::list(items)
            }
            Node::Map(entries) => {
                let entries: Result<_> =
                    entries.iter().map(|(key, value)| Ok((self.eval(*key)?, self.eval(*value)?))).collect();
                Value::map(entries?)
            }
            Node::Not(operand) => Ok(Value::Boolean(!self.truth(*operand)?)),
            Node::Minus(operand) => match self.eval(*operand)? {
                Value::Number(Number::Int(i)) => Ok(Value::int(i.wrapping_neg())),
                Value::Number(Number::Float(f)) => Ok(Value::float(-f)),
                other => Err(format!("cannot negate {}", other.kind())),
            },
            Node::Binary(operator, left, right) => self.binary(*operator, *left, *right),
            Node::Matches(text, pattern) => {
                let text = self.eval(*text)?;
                self.matches(&text, pattern)
            }
            Node::Choose(condition, yes, no) => {
                let chosen = if self.truth(*condition)? { *yes } else { *no };
                self.eval(chosen)
            }
            Node::Part { .. } | Node::Slice(..) => Ok(self.chain(id)?.unwrap_or_default()),
            Node::Call(function, arguments) => {
                let arguments = arguments.iter().map(|argument| self.eval(*argument)).collect::<Result<Vec<_>>>()?;
                self.pay(arguments.iter().map(Value::weight).sum())?;
                (function.run)(self, &arguments).map_err(|message| format!("{}: {message}", function.name))
            }
            Node::Walk(walk, list, predicate, start) => self.walk(*walk, *list, *predicate, *start),
        }
    }

    fn item(&self) -> Option<&Item> {
        self.items.last()
    }

    /// A condition: only booleans are, but for lenient evaluations.
    fn truth(&mut self, id: NodeId) -> Result<bool> {
        match self.eval(id)? {
            Value::Boolean(b) => Ok(b),
            other if self.lenient => Ok(!other.is_empty()),
            other => Err(format!("bool expected, got {}", other.kind())),
        }
    }

    /// Parts of parts; `None` if a `?.` has ended the chain.
    fn chain(&mut self, id: NodeId) -> Result<Option<Value>> {
        let (object, key, optional) = match self.tree.node(id) {
            Node::Part { object, key, optional } => (*object, *key, *optional),
            Node::Slice(object, from, to) => {
                let Some(object) = self.chain(*object)? else { return Ok(None) };
                let mut bound = |bound: &Option<NodeId>| bound.map(|bound| self.integer(bound)).transpose();
                let (from, to) = (bound(from)?, bound(to)?);
                return self.slice(&object, from, to).map(Some);
            }
            _ => return self.eval(id).map(Some),
        };
        self.pay(1)?;
        let Some(object) = self.chain(object)? else { return Ok(None) };
        if optional && object.is_nil() {
            return Ok(None);
        }
        let key = self.eval(key)?;
        self.part(&object, &key).map(Some)
    }

    /// What is not there is nil.
    fn part(&mut self, object: &Value, key: &Value) -> Result<Value> {
        if let (Value::List(_), Value::Number(number)) = (object, key) {
            let index = number.to_int().ok_or("an index must be an integer")?;
            let items = object.items().unwrap_or_default();
            return Ok(place(index, items.len()).and_then(|at| items.get(at)).cloned().unwrap_or_default());
        }
        if self.lenient && object.is_nil() {
            return Ok(Value::Nil);
        }
        if object.entries().is_none() {
            return Err(format!("cannot take a part of {}", object.kind()));
        }
        self.pay(object.weight())?;
        Ok(object.get(key).cloned().unwrap_or_default())
    }

    fn integer(&mut self, id: NodeId) -> Result<i64> {
        match self.eval(id)? {
            Value::Number(number) => number.to_int().ok_or_else(|| "integer expected, got float".to_owned()),
            other => Err(format!("integer expected, got {}", other.kind())),
        }
    }

    fn slice(&mut self, object: &Value, from: Option<i64>, to: Option<i64>) -> Result<Value> {
        self.pay(object.weight())?;
        let bounds = |len: usize| {
            let bound = |index: i64| if index < 0 { index.saturating_add(len as i64) } else { index };
            let clamped = |index: i64| bound(index).clamp(0, len as i64) as usize;
            let to = to.map_or(len, clamped);
            from.map_or(0, clamped).min(to)..to
        };
        match (object, object.items()) {
            (Value::Text(text), _) => Ok(Value::text(&text[bounds(text.len())])),
            (_, Some(items)) => Value::list(items[bounds(items.len())].to_vec()),
            _ => Err(format!("cannot slice {}", object.kind())),
        }
    }

    fn binary(&mut self, operator: Binary, left: NodeId, right: NodeId) -> Result<Value> {
        match operator {
            Binary::Or => return Ok(Value::Boolean(self.truth(left)? || self.truth(right)?)),
            Binary::And => return Ok(Value::Boolean(self.truth(left)? && self.truth(right)?)),
            Binary::Else => {
                let value = self.eval(left)?;
                return if value.is_nil() { self.eval(right) } else { Ok(value) };
            }
            _ => {}
        }
        let (left, right) = (self.eval(left)?, self.eval(right)?);
        let ordered = |wanted: fn(Ordering) -> bool| Ok(Value::Boolean(left.compare(&right)?.is_some_and(wanted)));
        match operator {
            Binary::Equal | Binary::NotEqual => {
                self.pay(left.weight().min(right.weight()))?;
                Ok(Value::Boolean(left.equals(&right) == (operator == Binary::Equal)))
            }
            Binary::Less => ordered(Ordering::is_lt),
            Binary::LessOrEqual => ordered(Ordering::is_le),
            Binary::Greater => ordered(Ordering::is_gt),
            Binary::GreaterOrEqual => ordered(Ordering::is_ge),
            Binary::In | Binary::NotIn => Ok(Value::Boolean(self.has(&right, &left)? == (operator == Binary::In))),
            Binary::Contains if matches!(left, Value::Text(_)) => {
                self.texts("contains", &left, &right, |text, part| memchr::memmem::find(text, part).is_some())
            }
            Binary::Contains => self.has(&left, &right).map(Value::Boolean),
            Binary::StartsWith => self.texts("startsWith", &left, &right, |text, part| text.starts_with(part)),
            Binary::EndsWith => self.texts("endsWith", &left, &right, |text, part| text.ends_with(part)),
            Binary::Matches => match &right {
                Value::Text(pattern) => {
                    // Compiling costs more than looking at the text.
                    self.pay(100 + pattern.len() * 10)?;
                    let pattern = regex(pattern)?;
                    self.matches(&left, &pattern)
                }
                other => Err(format!("a pattern must be string, not {}", other.kind())),
            },
            Binary::Range => self.range(&left, &right),
            Binary::Add => match (&left, &right) {
                (Value::Text(a), Value::Text(b)) => {
                    self.pay(left.weight() + right.weight())?;
                    Ok(Value::text([&**a, &**b].concat()))
                }
                _ => arithmetic("add", &left, &right, i64::wrapping_add, |a, b| a + b),
            },
            Binary::Subtract => arithmetic("subtract", &left, &right, i64::wrapping_sub, |a, b| a - b),
            Binary::Multiply => arithmetic("multiply", &left, &right, i64::wrapping_mul, |a, b| a * b),
            Binary::Modulo if matches!(right, Value::Number(Number::Int(0))) => Err("modulo by zero".to_owned()),
            Binary::Modulo => arithmetic("take the remainder of", &left, &right, int_mod, float_mod),
            Binary::Divide => floats("divide", &left, &right, |a, b| a / b),
            Binary::Power => floats("raise", &left, &right, float_pow),
            Binary::Or | Binary::And | Binary::Else => unreachable!("done above"),
        }
    }

    /// Whether a list has an item, a map a key, or a string a part.
    fn has(&mut self, container: &Value, wanted: &Value) -> Result<bool> {
        self.pay(container.weight())?;
        match (container, wanted) {
            (Value::Text(text), Value::Text(part)) => Ok(memchr::memmem::find(text, part).is_some()),
            (Value::List(_), _) => Ok(container.items().unwrap_or_default().iter().any(|item| item.equals(wanted))),
            (Value::Map(_), _) => Ok(container.get(wanted).is_some()),
            _ => Err(format!("cannot look for {} in {}", wanted.kind(), container.kind())),
        }
    }

    fn texts(&mut self, name: &str, left: &Value, right: &Value, check: fn(&[u8], &[u8]) -> bool) -> Result<Value> {
        self.pay(left.weight() + right.weight())?;
        match (left, right) {
            (Value::Text(a), Value::Text(b)) => Ok(Value::Boolean(check(a, b))),
            _ => Err(format!("'{name}' needs strings, not {} and {}", left.kind(), right.kind())),
        }
    }

    fn matches(&mut self, text: &Value, pattern: &Regex) -> Result<Value> {
        self.pay(text.weight())?;
        match text {
            Value::Text(text) => Ok(Value::Boolean(pattern.is_match(text))),
            other => Err(format!("'matches' needs a string, not {}", other.kind())),
        }
    }

    fn range(&mut self, from: &Value, to: &Value) -> Result<Value> {
        let (Value::Number(Number::Int(from)), Value::Number(Number::Int(to))) = (from, to) else {
            return Err(format!("a range needs integers, not {} and {}", from.kind(), to.kind()));
        };
        let len = to.checked_sub(*from).map_or(0, |last| last.saturating_add(1).max(0));
        if from < to && len == 0 {
            return Err("the range is too long".to_owned());
        }
        self.pay(usize::try_from(len).unwrap_or(usize::MAX))?;
        Value::list((*from..=*to).map(Value::int).collect())
    }

    fn walk(&mut self, walk: Walk, list: NodeId, predicate: Option<NodeId>, start: Option<NodeId>) -> Result<Value> {
        let list = self.eval(list)?;
        let Some(items) = list.items() else { return Err(format!("array expected, got {}", list.kind())) };
        let Some(predicate) = predicate else {
            self.pay(items.len())?;
            let count = items.iter().filter(|item| matches!(item, Value::Boolean(true))).count();
            return Ok(Value::int(count as i64));
        };
        if walk == Walk::Reduce {
            return self.reduce(items, predicate, start);
        }
        let mut passed: Vec<Value> = Vec::new();
        let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let answer = self.ask(predicate, Item { value: item.clone(), index, accumulator: Value::Nil })?;
            match walk {
                Walk::Map => {
                    passed.push(answer);
                    continue;
                }
                Walk::GroupBy => {
                    self.pay(groups.len())?;
                    match groups.iter_mut().find(|(key, _)| key.equals(&answer)) {
                        Some((_, group)) => group.push(item.clone()),
                        None => groups.push((answer, vec![item.clone()])),
                    }
                    continue;
                }
                _ => {}
            }
            let Value::Boolean(passes) = answer else {
                return Err(format!("a predicate must be bool, not {}", answer.kind()));
            };
            match walk {
                Walk::All if !passes => return Ok(Value::Boolean(false)),
                Walk::Any if passes => return Ok(Value::Boolean(true)),
                Walk::None if passes => return Ok(Value::Boolean(false)),
                Walk::Find if passes => return Ok(item.clone()),
                _ if passes => passed.push(item.clone()),
                _ => {}
            }
        }
        match walk {
            Walk::All | Walk::None => Ok(Value::Boolean(true)),
            Walk::Any => Ok(Value::Boolean(false)),
            Walk::One => Ok(Value::Boolean(passed.len() == 1)),
            Walk::Count => Ok(Value::int(passed.len() as i64)),
            Walk::Find | Walk::Reduce => Ok(Value::Nil),
            Walk::Filter | Walk::Map => Value::list(passed),
            Walk::GroupBy => {
                let groups: Result<_> = groups.into_iter().map(|(key, group)| Ok((key, Value::list(group)?))).collect();
                Value::map(groups?)
            }
        }
    }

    /// Without a start, the first item is it.
    fn reduce(&mut self, items: &[Value], step: NodeId, start: Option<NodeId>) -> Result<Value> {
        let mut items = items.iter().enumerate();
        let mut accumulator = match start {
            Some(start) => self.eval(start)?,
            None => items.next().map(|(_, first)| first.clone()).ok_or("reduce of an empty array without a start")?,
        };
        for (index, item) in items {
            accumulator = self.ask(step, Item { value: item.clone(), index, accumulator })?;
        }
        Ok(accumulator)
    }

    fn ask(&mut self, predicate: NodeId, item: Item) -> Result<Value> {
        self.items.push(item);
        let answer = self.eval(predicate);
        self.items.pop();
        answer
    }
}

/// The place of an index in so many items; negative ones count from the end.
fn place(index: i64, len: usize) -> Option<usize> {
    usize::try_from(if index < 0 { index.checked_add(len as i64)? } else { index }).ok()
}

fn arithmetic(
    name: &str,
    left: &Value,
    right: &Value,
    ints: fn(i64, i64) -> i64,
    floats: fn(f64, f64) -> f64,
) -> Result<Value> {
    match (left, right) {
        (Value::Number(Number::Int(a)), Value::Number(Number::Int(b))) => Ok(Value::int(ints(*a, *b))),
        _ => self::floats(name, left, right, floats),
    }
}

fn floats(name: &str, left: &Value, right: &Value, compute: fn(f64, f64) -> f64) -> Result<Value> {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => Ok(Value::float(compute(a.to_float(), b.to_float()))),
        _ => Err(format!("cannot {name} {} and {}", left.kind(), right.kind())),
    }
}

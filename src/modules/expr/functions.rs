//! The functions of expressions that take values. Those that take predicates are part of the language, see
//! [`Walk`](super::tree::Walk).

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use super::eval::{Evaluation, Result};
use super::value::Value;
use crate::number::{Number, ceil_to_int, floor_to_int, parse_number, write_number};

/// A function.
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// How many arguments it takes.
    pub arguments: RangeInclusive<usize>,
    /// What it does. The arguments are paid for.
    pub run: fn(&mut Evaluation<'_>, &[Value]) -> Result<Value>,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What a function does.
pub type Run = fn(&mut Evaluation<'_>, &[Value]) -> Result<Value>;

/// A function that takes so many arguments.
pub const fn function(name: &'static str, least: usize, most: usize, run: Run) -> Function {
    Function { name, arguments: least..=most, run }
}

/// More arguments than any call has.
const ANY: usize = usize::MAX;

static FUNCTIONS: [Function; 28] = [
    function("len", 1, 1, |_, values| match &values[0] {
        Value::Text(text) => Ok(Value::int(text.len() as i64)),
        other => match (other.items(), other.entries()) {
            (Some(items), _) => Ok(Value::int(items.len() as i64)),
            (_, Some(entries)) => Ok(Value::int(entries.len() as i64)),
            _ => Err(expected("string, array or map", other)),
        },
    }),
    function("abs", 1, 1, |_, values| match number(&values[0])? {
        Number::Int(i) => Ok(Value::int(i.wrapping_abs())),
        Number::Float(f) => Ok(Value::float(f.abs())),
    }),
    function("ceil", 1, 1, |_, values| whole(&values[0], f64::ceil, ceil_to_int)),
    function("floor", 1, 1, |_, values| whole(&values[0], f64::floor, floor_to_int)),
    function("round", 1, 1, |_, values| whole(&values[0], f64::round, |f| floor_to_int(f.round()))),
    function("min", 1, ANY, |evaluation, values| extreme(evaluation, values, Ordering::Less)),
    function("max", 1, ANY, |evaluation, values| extreme(evaluation, values, Ordering::Greater)),
    function("sum", 1, 1, |_, values| sum(list(&values[0])?).map(Value::Number)),
    function("mean", 1, 1, |_, values| {
        let items = list(&values[0])?;
        if items.is_empty() {
            return Err("the array is empty".to_owned());
        }
        Ok(Value::float(sum(items)?.to_float() / items.len() as f64))
    }),
    function("upper", 1, 1, |_, values| cased(&values[0], str::to_uppercase)),
    function("lower", 1, 1, |_, values| cased(&values[0], str::to_lowercase)),
    function("trim", 1, 1, |_, values| Ok(Value::text(text(&values[0])?.trim_ascii()))),
    function("split", 2, 2, |evaluation, values| {
        let (whole, separator) = (text(&values[0])?, text(&values[1])?);
        evaluation.pay(whole.len())?;
        if separator.is_empty() {
            return Value::list(whole.iter().map(|byte| Value::text([*byte])).collect());
        }
        let mut parts = Vec::new();
        let mut start = 0;
        for at in memchr::memmem::find_iter(whole, separator) {
            parts.push(Value::text(&whole[start..at]));
            start = at + separator.len();
        }
        parts.push(Value::text(&whole[start..]));
        Value::list(parts)
    }),
    function("join", 1, 2, |evaluation, values| {
        let separator = values.get(1).map(text).transpose()?.unwrap_or_default();
        let mut joined = Vec::new();
        for (i, item) in list(&values[0])?.iter().enumerate() {
            if i > 0 {
                joined.extend_from_slice(separator);
            }
            joined.extend_from_slice(text(item)?);
            evaluation.pay((separator.len() + item.weight()) / 16)?;
        }
        Ok(Value::text(joined))
    }),
    function("replace", 3, 3, |evaluation, values| {
        let (whole, old, new) = (text(&values[0])?, text(&values[1])?, text(&values[2])?);
        if old.is_empty() {
            return Ok(values[0].clone());
        }
        let mut replaced = Vec::new();
        let mut start = 0;
        for at in memchr::memmem::find_iter(whole, old) {
            evaluation.pay(1 + new.len() / 16)?;
            replaced.extend_from_slice(&whole[start..at]);
            replaced.extend_from_slice(new);
            start = at + old.len();
        }
        replaced.extend_from_slice(&whole[start..]);
        Ok(Value::text(replaced))
    }),
    function("string", 1, 1, |_, values| string(&values[0])),
    function("int", 1, 1, |_, values| match converted(&values[0])? {
        Number::Int(i) => Ok(Value::int(i)),
        Number::Float(f) => floor_to_int(f.trunc()).map(Value::int).ok_or_else(|| "no such integer".to_owned()),
    }),
    function("float", 1, 1, |_, values| Ok(Value::float(converted(&values[0])?.to_float()))),
    function("type", 1, 1, |_, values| Ok(Value::text(values[0].kind()))),
    function("first", 1, 1, |_, values| Ok(list(&values[0])?.first().cloned().unwrap_or_default())),
    function("last", 1, 1, |_, values| Ok(list(&values[0])?.last().cloned().unwrap_or_default())),
    function("keys", 1, 1, |_, values| Value::list(map(&values[0])?.iter().map(|(key, _)| key.clone()).collect())),
    function("values", 1, 1, |_, values| {
        Value::list(map(&values[0])?.iter().map(|(_, value)| value.clone()).collect())
    }),
    function("sort", 1, 2, sort),
    function("reverse", 1, 1, |_, values| Value::list(list(&values[0])?.iter().rev().cloned().collect())),
    function("concat", 1, ANY, |_, values| {
        let mut all = Vec::new();
        for value in values {
            all.extend_from_slice(list(value)?);
        }
        Value::list(all)
    }),
    function("flatten", 1, 1, |evaluation, values| {
        let mut flat = Vec::new();
        flatten(evaluation, list(&values[0])?, &mut flat)?;
        Value::list(flat)
    }),
    function("uniq", 1, 1, |evaluation, values| {
        let mut unique: Vec<Value> = Vec::new();
        for item in list(&values[0])? {
            evaluation.pay(unique.len())?;
            if !unique.iter().any(|known| known.equals(item)) {
                unique.push(item.clone());
            }
        }
        Value::list(unique)
    }),
];

/// The function of a name.
pub fn find(name: &[u8]) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name.as_bytes() == name)
}

fn expected(what: &str, value: &Value) -> String {
    format!("{what} expected, got {}", value.kind())
}

fn number(value: &Value) -> Result<Number> {
    match value {
        Value::Number(number) => Ok(*number),
        other => Err(expected("number", other)),
    }
}

/// The bytes of a string.
pub fn text(value: &Value) -> Result<&[u8]> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(expected("string", other)),
    }
}

fn list(value: &Value) -> Result<&[Value]> {
    value.items().ok_or_else(|| expected("array", value))
}

fn map(value: &Value) -> Result<&[(Value, Value)]> {
    value.entries().ok_or_else(|| expected("map", value))
}

/// A whole number: an integer where there is one.
fn whole(value: &Value, float: fn(f64) -> f64, int: fn(f64) -> Option<i64>) -> Result<Value> {
    Ok(match number(value)? {
        Number::Int(i) => Value::int(i),
        Number::Float(f) => int(f).map_or(Value::float(float(f)), Value::int),
    })
}

/// The smallest or greatest of some values, or of those in a list.
fn extreme(evaluation: &mut Evaluation<'_>, values: &[Value], wanted: Ordering) -> Result<Value> {
    let values = match values {
        [one] if one.items().is_some() => list(one)?,
        values => values,
    };
    evaluation.pay(values.len())?;
    let mut found = values.first().ok_or("the array is empty")?;
    number(found)?;
    for value in &values[1..] {
        if value.compare(found)? == Some(wanted) {
            found = value;
        }
    }
    Ok(found.clone())
}

fn sum(items: &[Value]) -> Result<Number> {
    items.iter().try_fold(Number::Int(0), |sum, item| {
        Ok(match (sum, number(item)?) {
            (Number::Int(a), Number::Int(b)) => Number::Int(a.wrapping_add(b)),
            (a, b) => Number::Float(a.to_float() + b.to_float()),
        })
    })
}

/// Letters beyond ASCII change in UTF-8 only.
fn cased(value: &Value, change: fn(&str) -> String) -> Result<Value> {
    let bytes = text(value)?;
    let parts = bytes.utf8_chunks().flat_map(|part| [change(part.valid()).into_bytes(), part.invalid().to_vec()]);
    Ok(Value::text(parts.collect::<Vec<_>>().concat()))
}

/// The number that a number or a text is.
fn converted(value: &Value) -> Result<Number> {
    match value {
        Value::Text(text) => parse_number(text).ok_or_else(|| "the string is no number".to_owned()),
        other => number(other),
    }
}

/// The text of a value.
pub fn string(value: &Value) -> Result<Value> {
    let mut bytes = Vec::new();
    match value {
        Value::Nil => bytes.extend(b"nil"),
        Value::Boolean(b) => bytes.extend(b.to_string().into_bytes()),
        Value::Number(number) => write_number(*number, &mut bytes),
        Value::Text(_) => return Ok(value.clone()),
        Value::List(_) | Value::Map(_) => return Err(expected("scalar", value)),
    }
    Ok(Value::text(bytes))
}

/// `sort(list, "desc"?)`: numbers or strings.
fn sort(evaluation: &mut Evaluation<'_>, values: &[Value]) -> Result<Value> {
    let descending = match values.get(1).map(text).transpose()? {
        None | Some(b"asc") => false,
        Some(b"desc") => true,
        Some(_) => return Err("the order must be asc or desc".to_owned()),
    };
    let mut items = list(&values[0])?.to_vec();
    evaluation.pay(items.len().saturating_mul(items.len().max(2).ilog2() as usize))?;
    if let Some(first) = items.first() {
        for item in &items {
            // NaN has no place in an order.
            item.compare(first)?.ok_or("the array has no order")?;
        }
    }
    items.sort_by(|a, b| a.compare(b).ok().flatten().unwrap_or(Ordering::Equal));
    if descending {
        items.reverse();
    }
    Value::list(items)
}

fn flatten(evaluation: &mut Evaluation<'_>, items: &[Value], flat: &mut Vec<Value>) -> Result<()> {
    evaluation.pay(items.len())?;
    for item in items {
        match item.items() {
            Some(inner) => flatten(evaluation, inner, flat)?,
            None => flat.push(item.clone()),
        }
    }
    Ok(())
}

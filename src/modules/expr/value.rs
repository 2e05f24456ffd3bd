//! What expressions compute with: plain data shared by count, so that passing it on costs nothing.
//!
//! Lists and maps know how deeply they are nested and refuse to be nested too deeply: whatever walks a value may recurse.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::number::{Number, float_lt_int, int_lt_float};
use crate::runtime::data::Data;

/// Lists and maps within each other.
const MAX_DEPTH: u32 = 64;

/// A value.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// Nothing.
    #[default]
    Nil,
    /// A boolean.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A string: any bytes.
    Text(Arc<[u8]>),
    /// Values in order.
    List(Arc<List>),
    /// Values under keys.
    Map(Arc<Map>),
}

/// See [`Value::list`].
#[derive(Debug)]
pub struct List {
    items: Vec<Value>,
    depth: u32,
}

/// See [`Value::map`].
#[derive(Debug)]
pub struct Map {
    entries: Vec<(Value, Value)>,
    depth: u32,
}

impl Value {
    /// An integer.
    pub fn int(i: i64) -> Value {
        Value::Number(Number::Int(i))
    }

    /// A float.
    pub fn float(f: f64) -> Value {
        Value::Number(Number::Float(f))
    }

    /// A string.
    pub fn text(bytes: impl AsRef<[u8]>) -> Value {
        Value::Text(bytes.as_ref().into())
    }

    /// A list.
    ///
    /// # Errors
    /// If it is nested too deeply.
    pub fn list(items: Vec<Value>) -> Result<Value, String> {
        let depth = deeper(items.iter())?;
        Ok(Value::List(Arc::new(List { items, depth })))
    }

    /// A map; of equal keys the last counts.
    ///
    /// # Errors
    /// If it is nested too deeply.
    pub fn map(entries: Vec<(Value, Value)>) -> Result<Value, String> {
        let depth = deeper(entries.iter().flat_map(|(key, value)| [key, value]))?;
        Ok(Value::Map(Arc::new(Map { entries, depth })))
    }

    fn depth(&self) -> u32 {
        match self {
            Value::List(list) => list.depth,
            Value::Map(map) => map.depth,
            _ => 0,
        }
    }

    /// What messages and `type` call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Boolean(_) => "bool",
            Value::Number(Number::Int(_)) => "int",
            Value::Number(Number::Float(_)) => "float",
            Value::Text(_) => "string",
            Value::List(_) => "array",
            Value::Map(_) => "map",
        }
    }

    /// Whether it is nil.
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Nil)
    }

    /// Whether there is nothing to it: nil, false, zero, no bytes, no items.
    pub fn is_empty(&self) -> bool {
        match self {
            Value::Nil | Value::Boolean(false) => true,
            Value::Boolean(true) => false,
            Value::Number(number) => number.to_float() == 0.0,
            Value::Text(text) => text.is_empty(),
            Value::List(list) => list.items.is_empty(),
            Value::Map(map) => map.entries.is_empty(),
        }
    }

    /// The items of a list. A map without entries is a list without items: programs do not tell them apart.
    pub fn items(&self) -> Option<&[Value]> {
        match self {
            Value::List(list) => Some(&list.items),
            Value::Map(map) if map.entries.is_empty() => Some(&[]),
            _ => None,
        }
    }

    /// The entries of a map, or of a list that is empty.
    pub fn entries(&self) -> Option<&[(Value, Value)]> {
        match self {
            Value::Map(map) => Some(&map.entries),
            Value::List(list) if list.items.is_empty() => Some(&[]),
            _ => None,
        }
    }

    /// What a map has under a key.
    pub fn get(&self, key: &Value) -> Option<&Value> {
        self.entries()?.iter().rev().find(|(other, _)| other.equals(key)).map(|(_, value)| value)
    }

    /// The same under a name.
    pub fn field(&self, name: &[u8]) -> Option<&Value> {
        let is_it = |key: &Value| matches!(key, Value::Text(text) if **text == *name);
        self.entries()?.iter().rev().find(|(key, _)| is_it(key)).map(|(_, value)| value)
    }

    /// How many values it is made of, at the outermost level: what looking at all of it costs.
    pub fn weight(&self) -> usize {
        match self {
            Value::Text(text) => text.len() / 16,
            Value::List(list) => list.items.len(),
            Value::Map(map) => map.entries.len(),
            _ => 0,
        }
    }

    /// Whether two values are the same, by content. Integers and floats are compared as numbers.
    pub fn equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Nil, Value::Nil) => true,
            (Value::Boolean(a), Value::Boolean(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => compare_numbers(*a, *b) == Some(Ordering::Equal),
            (Value::Text(a), Value::Text(b)) => a == b,
            _ => match (self.items(), other.items()) {
                (Some(a), Some(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b)),
                _ => match (self.entries(), other.entries()) {
                    (Some(a), Some(b)) => {
                        a.len() == b.len()
                            && a.iter().all(|(key, value)| other.get(key).is_some_and(|found| found.equals(value)))
                    }
                    _ => false,
                },
            },
        }
    }

    /// The order of two numbers or two strings; `None` for numbers of which one is NaN.
    ///
    /// # Errors
    /// If they are something else.
    pub fn compare(&self, other: &Value) -> Result<Option<Ordering>, String> {
        match (self, other) {
            (Value::Number(a), Value::Number(b)) => Ok(compare_numbers(*a, *b)),
            (Value::Text(a), Value::Text(b)) => Ok(Some(a.cmp(b))),
            _ => Err(format!("cannot compare {} with {}", self.kind(), other.kind())),
        }
    }
}

fn deeper<'a>(parts: impl Iterator<Item = &'a Value>) -> Result<u32, String> {
    match parts.map(Value::depth).max().unwrap_or_default() {
        depth if depth < MAX_DEPTH => Ok(depth + 1),
        _ => Err("a value is nested too deeply".to_owned()),
    }
}

fn compare_numbers(a: Number, b: Number) -> Option<Ordering> {
    let by = |less: bool, greater: bool| match (less, greater) {
        (true, _) => Ordering::Less,
        (_, true) => Ordering::Greater,
        _ => Ordering::Equal,
    };
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => Some(a.cmp(&b)),
        (Number::Float(a), Number::Float(b)) => a.partial_cmp(&b),
        (Number::Int(i), Number::Float(f)) => (!f.is_nan()).then(|| by(int_lt_float(i, f), float_lt_int(f, i))),
        (Number::Float(f), Number::Int(i)) => (!f.is_nan()).then(|| by(float_lt_int(f, i), int_lt_float(i, f))),
    }
}

/// # Errors
/// If it is nested too deeply.
impl TryFrom<&Data> for Value {
    type Error = String;

    fn try_from(data: &Data) -> Result<Value, String> {
        Ok(match data {
            Data::Nil => Value::Nil,
            Data::Boolean(b) => Value::Boolean(*b),
            Data::Integer(i) => Value::int(*i),
            Data::Float(f) => Value::float(*f),
            Data::Text(text) => Value::text(text),
            Data::List(items) => Value::list(items.iter().map(Value::try_from).collect::<Result<_, _>>()?)?,
            Data::Map(entries) => {
                let entry = |(key, value): &(Data, Data)| Ok((Value::try_from(key)?, Value::try_from(value)?));
                Value::map(entries.iter().map(entry).collect::<Result<_, String>>()?)?
            }
        })
    }
}

impl From<&Value> for Data {
    fn from(value: &Value) -> Data {
        match value {
            Value::Nil => Data::Nil,
            Value::Boolean(b) => Data::Boolean(*b),
            Value::Number(Number::Int(i)) => Data::Integer(*i),
            Value::Number(Number::Float(f)) => Data::Float(*f),
            Value::Text(text) => Data::Text((**text).into()),
            Value::List(list) => Data::List(list.items.iter().map(Data::from).collect()),
            Value::Map(map) => {
                Data::Map(map.entries.iter().map(|(key, value)| (Data::from(key), Data::from(value))).collect())
            }
        }
    }
}

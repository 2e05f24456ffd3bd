//! JSON text as Lua values (`modules.md` §1.3): serde_json reads, and a visitor builds values at once.
//!
//! The items of the list or object that is being read lie on a stack of values until it is complete, so that its table is
//! made in the right size. No native function meets a safepoint, so they need not be traced.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::encode::MAX_DEPTH;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::value::Value;

/// What is wrong with a text.
#[derive(Debug)]
pub struct DecodeError {
    message: String,
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// In bytes, from 0.
    pub offset: usize,
}

impl DecodeError {
    fn of(error: &serde_json::Error, text: &[u8]) -> DecodeError {
        let message = error.to_string();
        let message = message.rfind(" at line ").map_or(&*message, |at| &message[..at]);
        let (line, column) = (error.line().max(1), error.column().max(1));
        let start: usize = text.split(|byte| *byte == b'\n').take(line - 1).map(|line| line.len() + 1).sum();
        let offset = (start + column - 1).min(text.len());
        DecodeError { message: message.to_owned(), line, column, offset }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {}, column {}", self.message, self.line, self.column)
    }
}

/// The value of a text. The outer error is `not enough memory`.
///
/// # Errors
/// Text that is not JSON.
pub fn decode(vm: &mut Vm, text: &[u8]) -> Result<Result<Value, DecodeError>, Box<LuaError>> {
    let error = match attempt(vm, text)? {
        Ok(value) => return Ok(Ok(value)),
        Err(error) => error,
    };
    // Halves of surrogate pairs are no error in JSON, but one to serde_json where they make a string that is not Unicode.
    if let Cow::Owned(text) = replace_half_surrogates(text)
        && let Ok(value) = attempt(vm, &text)?
    {
        return Ok(Ok(value));
    }
    Ok(Err(error))
}

fn attempt(vm: &mut Vm, text: &[u8]) -> Result<Result<Value, DecodeError>, Box<LuaError>> {
    let mut builder = Builder { vm, items: Vec::new(), failure: None, integer_zero: None, text };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    // The builder counts for itself: it allows exactly so many levels.
    deserializer.disable_recursion_limit();
    let built = Seed { builder: &mut builder, depth: 0 }.deserialize(&mut deserializer);
    match built.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => Ok(Ok(value)),
        Err(error) => match builder.failure {
            Some(failure) => Err(failure),
            None => Ok(Err(DecodeError::of(&error, text))),
        },
    }
}

struct Builder<'a> {
    vm: &'a mut Vm,
    /// The items of the lists and objects being read.
    items: Vec<Value>,
    /// An error of the machine.
    failure: Option<Box<LuaError>>,
    /// Whether negative zeros are integers; `None` until one is met.
    integer_zero: Option<bool>,
    text: &'a [u8],
}

impl Builder<'_> {
    /// Passes an error of the machine on.
    fn checked<T, E: serde::de::Error>(&mut self, result: Result<T, Box<LuaError>>) -> Result<T, E> {
        result.map_err(|error| {
            self.failure = Some(error);
            E::custom("not enough memory")
        })
    }

    /// serde_json gives the integer `-0` as the float `-0.0`. Texts do not mix the two.
    fn negative_zero(&mut self) -> Value {
        let text = self.text;
        let integer = *self.integer_zero.get_or_insert_with(|| {
            memchr::memmem::find_iter(text, b"-0").any(|at| !matches!(text.get(at + 2), Some(b'.' | b'e' | b'E')))
        });
        if integer { Value::int(0) } else { Value::float(-0.0) }
    }
}

/// Reads one value.
struct Seed<'a, 'b> {
    builder: &'a mut Builder<'b>,
    /// Lists and objects around it.
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::NIL)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
        Ok(Value::bool(b))
    }

    fn visit_i64<E>(self, i: i64) -> Result<Value, E> {
        Ok(Value::int(i))
    }

    fn visit_u64<E>(self, i: u64) -> Result<Value, E> {
        Ok(i64::try_from(i).map_or(Value::float(i as f64), Value::int))
    }

    fn visit_f64<E>(self, f: f64) -> Result<Value, E> {
        Ok(if f == 0.0 && f.is_sign_negative() { self.builder.negative_zero() } else { Value::float(f) })
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        let string = self.builder.vm.string(text.as_bytes());
        self.builder.checked(string)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let Seed { builder, depth } = self;
        let depth = deeper(depth)?;
        let start = builder.items.len();
        while let Some(value) = list.next_element_seed(Seed { builder, depth })? {
            builder.items.push(value);
        }
        let table = builder.vm.new_list(&builder.items[start..]);
        builder.items.truncate(start);
        builder.checked(table).map(Value::table)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let Seed { builder, depth } = self;
        let depth = deeper(depth)?;
        let start = builder.items.len();
        while let Some(key) = object.next_key_seed(Seed { builder, depth })? {
            builder.items.push(key);
            let value = object.next_value_seed(Seed { builder, depth })?;
            builder.items.push(value);
        }
        // Room for one field at least: that tells an empty object from an empty list.
        let fields = ((builder.items.len() - start) / 2).max(1);
        let table = builder.vm.new_table(0, fields as u32);
        for i in (start..builder.items.len()).step_by(2) {
            let stored = builder.vm.raw_set(table, builder.items[i], builder.items[i + 1]);
            builder.checked(stored)?;
        }
        builder.items.truncate(start);
        Ok(Value::table(table))
    }
}

fn deeper<E: serde::de::Error>(depth: usize) -> Result<usize, E> {
    if depth < MAX_DEPTH { Ok(depth + 1) } else { Err(E::custom("depth of more than 128 lists and objects")) }
}

/// The text with `\ufffd` for every escape that is half of a surrogate pair without the other half.
fn replace_half_surrogates(text: &[u8]) -> Cow<'_, [u8]> {
    let mut replaced = Cow::Borrowed(text);
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &text[at..]) {
        at += found;
        match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => at += 12,
            Some(0xd800..=0xdfff) => {
                replaced.to_mut()[at + 2..at + 6].copy_from_slice(b"fffd");
                at += 6;
            }
            _ => at = (at + 2).min(text.len()),
        }
    }
    replaced
}

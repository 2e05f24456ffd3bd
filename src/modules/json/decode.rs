//! JSON text to values (`modules.md` §1.3). The parser hands over what it finds, and it becomes a Lua value at once.
//!
//! Nothing is collected while this runs. The values of containers that are still open lie on a stack; a closed one becomes a
//! table of the right size.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::MAX_DEPTH;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::value::Value;

/// Why a text has no value.
pub enum DecodeError {
    /// The memory limit.
    Raised(Box<LuaError>),
    /// It is not JSON.
    Malformed(Mistake),
}

/// The place where a text stops being JSON.
pub struct Mistake {
    what: String,
    /// From 1.
    pub line: usize,
    /// In bytes, from 1.
    pub column: usize,
    /// In bytes, from 0.
    pub offset: usize,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {} column {}", self.what, self.line, self.column)
    }
}

impl Mistake {
    fn at_offset(text: &[u8], offset: usize, what: &str) -> Mistake {
        let before = &text[..offset];
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        Mistake { what: what.to_owned(), line, column: offset - line_start + 1, offset }
    }

    fn new(text: &[u8], error: &serde_json::Error) -> Mistake {
        let line_start = match error.line() {
            0 | 1 => 0,
            line => memchr::memchr_iter(b'\n', text).nth(line - 2).map_or(0, |newline| newline + 1),
        };
        let shown = error.to_string();
        let what = shown.split(" at line ").next().unwrap_or(&shown);
        Mistake::at_offset(text, (line_start + error.column().saturating_sub(1)).min(text.len()), what)
    }
}

/// The value of a text.
pub fn decode(vm: &mut Vm, bytes: &[u8]) -> Result<Value, DecodeError> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            return Err(DecodeError::Malformed(Mistake::at_offset(bytes, error.valid_up_to(), "invalid UTF-8")));
        }
    };
    match read(vm, text) {
        Err(DecodeError::Malformed(mistake)) => match replace_lone_surrogates(text) {
            Cow::Borrowed(_) => Err(DecodeError::Malformed(mistake)),
            Cow::Owned(text) => read(vm, &text),
        },
        result => result,
    }
}

fn read(vm: &mut Vm, text: &str) -> Result<Value, DecodeError> {
    let mut reader = Reader { vm, open: Vec::new(), depth: 0, raised: None };
    let mut parser = serde_json::Deserializer::from_str(text);
    parser.disable_recursion_limit();
    let result = Any(&mut reader).deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    result.map_err(|error| match reader.raised {
        Some(raised) => DecodeError::Raised(raised),
        None => DecodeError::Malformed(Mistake::new(text.as_bytes(), &error)),
    })
}

/// Unpaired surrogates, which JSON allows in escapes and the parser refuses, replaced by the escape of U+FFFD: of the same
/// length, so that all places stay.
fn replace_lone_surrogates(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let unit = |at: usize| -> Option<u16> {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut replaced: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &bytes[at..]) {
        at += found;
        match unit(at) {
            Some(0xD800..0xDC00) if unit(at + 6).is_some_and(|low| (0xDC00..0xE000).contains(&low)) => at += 12,
            Some(0xD800..0xE000) => {
                replaced.get_or_insert_with(|| bytes.to_vec())[at..at + 6].copy_from_slice(b"\\ufffd");
                at += 6;
            }
            _ => at += 2,
        }
        if at >= bytes.len() {
            break;
        }
    }
    match replaced {
        None => Cow::Borrowed(text),
        Some(bytes) => Cow::Owned(String::from_utf8(bytes).expect("ASCII was replaced by ASCII")),
    }
}

/// What is read so far.
struct Reader<'vm> {
    vm: &'vm mut Vm,
    /// The items, or keys and values, of the containers that are open.
    open: Vec<Value>,
    depth: usize,
    /// The Lua error behind the parser's.
    raised: Option<Box<LuaError>>,
}

impl Reader<'_> {
    fn text<E: serde::de::Error>(&mut self, text: &str) -> Result<Value, E> {
        self.vm.string(text.as_bytes()).map_err(|error| self.raise(error))
    }

    fn raise<E: serde::de::Error>(&mut self, error: Box<LuaError>) -> E {
        self.raised = Some(error);
        E::custom("no memory")
    }

    /// Opens a container: its place on the stack.
    fn begin<E: serde::de::Error>(&mut self) -> Result<usize, E> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(E::custom("nesting depth exceeds 128"));
        }
        if self.vm.heap.over_limit() {
            let error = self.vm.out_of_memory();
            return Err(self.raise(error));
        }
        Ok(self.open.len())
    }

    fn end(&mut self, start: usize, value: Value) -> Value {
        self.open.truncate(start);
        self.depth -= 1;
        value
    }
}

/// Any value.
struct Any<'r, 'vm>(&'r mut Reader<'vm>);

impl<'de> DeserializeSeed<'de> for Any<'_, '_> {
    type Value = Value;

    #[inline]
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::NIL)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
        Ok(Value::bool(b))
    }

    fn visit_i64<E>(self, integer: i64) -> Result<Value, E> {
        Ok(Value::int(integer))
    }

    fn visit_u64<E>(self, integer: u64) -> Result<Value, E> {
        Ok(i64::try_from(integer).map_or(Value::float(integer as f64), Value::int))
    }

    fn visit_f64<E>(self, float: f64) -> Result<Value, E> {
        Ok(Value::float(float))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.0.text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let start = self.0.begin()?;
        while let Some(item) = items.next_element_seed(Any(self.0))? {
            self.0.open.push(item);
        }
        let list = self.0.vm.new_list(&self.0.open[start..]);
        let list = list.map_err(|error| self.0.raise::<A::Error>(error))?;
        Ok(self.0.end(start, list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let start = self.0.begin()?;
        while let Some(key) = members.next_key_seed(Key(self.0))? {
            self.0.open.push(key);
            let value = members.next_value_seed(Any(self.0))?;
            self.0.open.push(value);
        }
        let Reader { vm, open, .. } = &mut *self.0;
        let (pairs, _) = open[start..].as_chunks::<2>();
        // Its room for a field makes it an object also when it is empty.
        let object = vm.new_record(pairs).map_err(|error| self.0.raise::<A::Error>(error))?;
        Ok(self.0.end(start, object))
    }
}

/// The name of a member.
struct Key<'r, 'vm>(&'r mut Reader<'vm>);

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = Value;

    #[inline]
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.0.text(text)
    }
}

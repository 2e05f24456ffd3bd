//! Values to JSON text (`modules.md` §1.1 and §1.2).
//!
//! One walk over the tables, writing into one buffer. Nothing runs meanwhile, so tables do not change under it.

use super::MAX_DEPTH;
use crate::number::float_to_int;
use crate::number::format::write_integer;
use crate::runtime::errors::error_of;
use crate::runtime::time::{duration_of, time_of};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::object::Table;
use crate::vm::raw::string_bytes;
use crate::vm::value::{Value, tag};

/// Text is at most as long as a string.
const MAX_TEXT: usize = u32::MAX as usize;

/// What a table without entries is written as, unless it is known to have been an object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum EmptyTable {
    /// `[]`
    Array,
    /// `{}`
    Object,
}

/// Why a value has no JSON text.
pub enum EncodeError {
    /// The memory limit.
    Raised(Box<LuaError>),
    /// There is none for this table.
    Refused {
        /// In words.
        why: &'static str,
        /// JSON pointer to the table.
        path: String,
    },
}

/// A table that is being written, and the key whose value is.
struct Level {
    table: *mut Table,
    key: Value,
}

/// Writes one text.
pub struct Encoder<'vm> {
    vm: &'vm mut Vm,
    out: Vec<u8>,
    levels: Vec<Level>,
    empty: EmptyTable,
}

impl<'vm> Encoder<'vm> {
    /// An encoder with an empty text.
    pub fn new(vm: &'vm mut Vm, empty: EmptyTable) -> Encoder<'vm> {
        Encoder { vm, out: Vec::with_capacity(128), levels: Vec::new(), empty }
    }

    /// The text.
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Appends a value.
    pub fn encode(&mut self, value: Value) -> Result<(), EncodeError> {
        match value.tag() {
            tag::STRING => self.text(string_bytes(value)),
            tag::INT => write_integer(value.as_int(), &mut self.out),
            tag::FLOAT => write_float(value.as_float(), &mut self.out),
            tag::TRUE => self.out.extend_from_slice(b"true"),
            tag::FALSE => self.out.extend_from_slice(b"false"),
            tag::TABLE => return self.table(value.as_table()),
            tag::USERDATA => self.object(value),
            _ => self.out.extend_from_slice(b"null"),
        }
        Ok(())
    }

    fn object(&mut self, value: Value) {
        if let Some(error) = error_of(value) {
            let message = error.message.as_bytes();
            return self.text(message);
        }
        if let Some(time) = time_of(value) {
            self.text(&time.rfc3339());
        } else if let Some(duration) = duration_of(value) {
            self.text(duration.to_string().as_bytes());
        } else {
            self.out.extend_from_slice(b"null");
        }
    }

    /// A quoted string.
    fn text(&mut self, bytes: &[u8]) {
        if is_plain(bytes) {
            self.out.reserve(bytes.len() + 2);
            self.out.push(b'"');
            self.out.extend_from_slice(bytes);
            self.out.push(b'"');
        } else {
            let text = String::from_utf8_lossy(bytes);
            serde_json::to_writer(&mut self.out, &*text).expect("a string can be written to memory");
        }
    }

    fn table(&mut self, table: *mut Table) -> Result<(), EncodeError> {
        if self.levels.iter().any(|level| level.table == table) {
            return Err(self.refuse("recursive table"));
        }
        if self.levels.len() == MAX_DEPTH {
            return Err(self.refuse("nesting depth exceeds 128"));
        }
        if self.out.len() > MAX_TEXT || self.vm.heap.check_large(self.out.len()).is_err() {
            return Err(EncodeError::Raised(self.vm.out_of_memory()));
        }
        let items = self.vm.array_part(table);
        let first = self.vm.node_after(table, 0);
        let list = match first {
            None if items.is_empty() => {
                let object = self.empty == EmptyTable::Object || self.vm.was_object(table);
                self.out.extend_from_slice(if object { b"{}" } else { b"[]" });
                return Ok(());
            }
            None => true,
            Some((_, key, _)) => !items.is_empty() || is_position(key),
        };
        self.levels.push(Level { table, key: Value::NIL });
        if list {
            self.list(table, items)?
        } else {
            self.members(table)?
        }
        self.levels.pop();
        Ok(())
    }

    fn list(&mut self, table: *mut Table, items: &[Value]) -> Result<(), EncodeError> {
        let mut count = items.iter().filter(|item| !item.is_nil()).count();
        let mut at = 0;
        while let Some((next, key, _)) = self.vm.node_after(table, at) {
            if !is_position(key) {
                self.levels.pop();
                return Err(self.refuse("mixed keys: positions and others"));
            }
            (at, count) = (next, count + 1);
        }
        self.out.push(b'[');
        for i in 1..=count {
            let item = match items.get(i - 1) {
                Some(item) => *item,
                None => self.vm.raw_get_int(table, i as i64),
            };
            if item.is_nil() {
                self.levels.pop();
                return Err(self.refuse("sparse array"));
            }
            if i > 1 {
                self.out.push(b',');
            }
            if let Some(level) = self.levels.last_mut() {
                level.key = Value::int(i as i64 - 1);
            }
            self.encode(item)?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn members(&mut self, table: *mut Table) -> Result<(), EncodeError> {
        self.out.push(b'{');
        let start = self.out.len();
        let mut at = 0;
        while let Some((next, key, value)) = self.vm.node_after(table, at) {
            at = next;
            if is_position(key) {
                self.levels.pop();
                return Err(self.refuse("mixed keys: positions and others"));
            }
            let before = self.out.len();
            if before > start {
                self.out.push(b',');
            }
            match key.tag() {
                tag::STRING => self.text(string_bytes(key)),
                tag::INT | tag::FLOAT | tag::TRUE | tag::FALSE => {
                    self.out.push(b'"');
                    self.encode(key)?;
                    self.out.push(b'"');
                }
                _ => {
                    self.out.truncate(before);
                    continue;
                }
            }
            self.out.push(b':');
            if let Some(level) = self.levels.last_mut() {
                level.key = key;
            }
            self.encode(value)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    /// The error for the value below the innermost level.
    fn refuse(&self, why: &'static str) -> EncodeError {
        let mut path = String::new();
        for Level { key, .. } in &self.levels {
            let mut text = Vec::new();
            match key.tag() {
                tag::STRING => text.extend_from_slice(string_bytes(*key)),
                tag::INT => write_integer(key.as_int(), &mut text),
                tag::FLOAT => write_float(key.as_float(), &mut text),
                _ => text.extend_from_slice(if key.is_true() { b"true" } else { b"false" }),
            }
            path.push('/');
            path.push_str(&String::from_utf8_lossy(&text).replace('~', "~0").replace('/', "~1"));
        }
        EncodeError::Refused { why, path }
    }
}

/// Whether a string can stand between quotes as it is: ASCII without control characters, quotes and backslashes. Eight bytes
/// are looked at together.
fn is_plain(bytes: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let (words, rest) = bytes.as_chunks::<8>();
    let special = words.iter().fold(0, |special, word| {
        let word = u64::from_le_bytes(*word);
        // The high bit of a byte comes to be set where it was, or where the byte is less than what is subtracted. (A borrow
        // from another byte means that one such byte was there already.)
        let (quote, backslash) = (word ^ (ONES * u64::from(b'"')), word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20);
        special | word | control | quote.wrapping_sub(ONES) | backslash.wrapping_sub(ONES)
    });
    special & HIGH == 0 && rest.iter().all(|byte| matches!(byte, b' '..=b'~' | 0x7f) && !matches!(byte, b'"' | b'\\'))
}

/// Whether a key is a positive integer. (Integral floats never are keys: the table has turned them into integers.)
fn is_position(key: Value) -> bool {
    key.is_int() && key.as_int() > 0
}

/// Appends a float: the digits of an integer if it is one of 64 bits, the shortest text that reads back otherwise.
fn write_float(float: f64, out: &mut Vec<u8>) {
    if let Some(integer) = float_to_int(float) {
        return write_integer(integer, out);
    }
    if !float.is_finite() {
        return out.extend_from_slice(b"null");
    }
    let start = out.len();
    serde_json::to_writer(&mut *out, &float).expect("a number can be written to memory");
    if let Some(exponent) = out[start..].iter().position(|byte| *byte == b'e')
        && !matches!(out[start + exponent + 1], b'-' | b'+')
    {
        out.insert(start + exponent + 1, b'+');
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_byte_that_is_not_plain_is_found_at_every_place() {
        for byte in 0..=u8::MAX {
            let plain = byte.is_ascii() && byte >= b' ' && byte != b'"' && byte != b'\\';
            for length in 1..20 {
                for place in 0..length {
                    for around in [b' ', b'!', b'~', 0x7f] {
                        let mut text = vec![around; length];
                        text[place] = byte;
                        assert_eq!(is_plain(&text), plain, "{text:?}");
                    }
                }
            }
        }
        assert!(is_plain(b""));
    }
}

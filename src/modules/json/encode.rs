//! Values as JSON text (`modules.md` §1.1, §1.2): walked as they lie in memory, without metamethods.

use std::fmt;
use std::io::Write;

use crate::number::write_integer;
use crate::runtime::errors::error_of;
use crate::runtime::time;
use crate::vm::Vm;
use crate::vm::object::Table;
use crate::vm::raw::string_bytes;
use crate::vm::value::{Value, tag};

/// Tables that may be nested.
pub const MAX_DEPTH: usize = 128;

/// How a table without entries is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EmptyTable {
    /// As an object if it has ever had room for a name, else as an array.
    AsItWas,
    /// As an object.
    AsObject,
}

/// Why a value has no JSON text.
#[derive(Debug)]
pub struct EncodeError {
    problem: &'static str,
    /// What leads to the table, innermost first.
    path: Vec<String>,
}

impl EncodeError {
    fn new(problem: &'static str) -> EncodeError {
        EncodeError { problem, path: Vec::new() }
    }

    /// A JSON pointer to the table.
    pub fn path(&self) -> String {
        self.path.iter().rev().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect()
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.problem)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, " at {}", self.path()) }
    }
}

/// Writes a value to the end of `out`.
///
/// # Errors
/// A table that cannot be written.
pub fn encode(vm: &mut Vm, value: Value, empty: EmptyTable, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut encoder = Encoder { vm, out, empty, open: Vec::new() };
    encoder.value(value)
}

struct Encoder<'a> {
    vm: &'a mut Vm,
    out: &'a mut Vec<u8>,
    empty: EmptyTable,
    /// The tables being written.
    open: Vec<*mut Table>,
}

/// What a table is to JSON.
enum Shape {
    /// A list whose items all lie in the array part.
    Items(usize),
    /// A list.
    Scattered(i64),
    Object,
    Empty,
}

impl Encoder<'_> {
    fn value(&mut self, value: Value) -> Result<(), EncodeError> {
        match value.tag() {
            tag::FALSE => self.out.extend_from_slice(b"false"),
            tag::TRUE => self.out.extend_from_slice(b"true"),
            tag::INT => write_integer(value.as_int(), self.out),
            tag::FLOAT => write_float(value.as_float(), self.out),
            tag::STRING => write_string(string_bytes(value), self.out),
            tag::TABLE => return self.table(value.as_table()),
            tag::USERDATA => match host_text(value) {
                Some(text) => write_string(text.as_bytes(), self.out),
                None => self.out.extend_from_slice(b"null"),
            },
            _ => self.out.extend_from_slice(b"null"),
        }
        Ok(())
    }

    fn table(&mut self, table: *mut Table) -> Result<(), EncodeError> {
        if self.open.contains(&table) {
            return Err(EncodeError::new("recursive table"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(EncodeError::new("depth of more than 128 tables"));
        }
        self.open.push(table);
        match self.shape(table)? {
            Shape::Items(n) => {
                self.out.push(b'[');
                for i in 0..n {
                    if i > 0 {
                        self.out.push(b',');
                    }
                    let item = self.vm.table_parts(table).0[i];
                    self.item(i as i64 + 1, item)?;
                }
                self.out.push(b']');
            }
            Shape::Scattered(n) => {
                self.out.push(b'[');
                for i in 1..=n {
                    if i > 1 {
                        self.out.push(b',');
                    }
                    let item = self.vm.raw_get_int(table, i);
                    self.item(i, item)?;
                }
                self.out.push(b']');
            }
            Shape::Object => self.members(table)?,
            Shape::Empty => {
                let object = self.empty == EmptyTable::AsObject || !self.vm.table_parts(table).1.is_empty();
                self.out.extend_from_slice(if object { b"{}" } else { b"[]" });
            }
        }
        self.open.pop();
        Ok(())
    }

    fn item(&mut self, index: i64, value: Value) -> Result<(), EncodeError> {
        self.value(value).map_err(|mut error| {
            error.path.push((index - 1).to_string());
            error
        })
    }

    fn shape(&mut self, table: *mut Table) -> Result<Shape, EncodeError> {
        let (items, nodes) = self.vm.table_parts(table);
        let dense = items.iter().position(|item| item.is_nil()).unwrap_or(items.len());
        let beyond = items[dense..].iter().filter(|item| !item.is_nil()).count();
        let (mut indices, mut names) = (0, 0);
        let mut last = items.iter().rposition(|item| !item.is_nil()).map_or(0, |at| at as i64 + 1);
        for node in nodes.iter().filter(|node| !node.value.is_nil()) {
            let key = node.key();
            if key.is_int() && key.as_int() > 0 {
                indices += 1;
                last = last.max(key.as_int());
            } else {
                names += 1;
            }
        }
        let count = dense + beyond + indices;
        if names > 0 {
            return if count > 0 { Err(EncodeError::new("mixed keys in a table")) } else { Ok(Shape::Object) };
        }
        if count == 0 {
            return Ok(Shape::Empty);
        }
        if last != count as i64 {
            return Err(EncodeError::new("sparse array"));
        }
        Ok(if indices == 0 { Shape::Items(count) } else { Shape::Scattered(last) })
    }

    fn members(&mut self, table: *mut Table) -> Result<(), EncodeError> {
        self.out.push(b'{');
        let mut first = true;
        for i in 0..self.vm.table_parts(table).1.len() {
            let node = &self.vm.table_parts(table).1[i];
            let (key, value) = (node.key(), node.value);
            if value.is_nil() || !matches!(key.tag(), tag::STRING | tag::INT | tag::FLOAT | tag::FALSE | tag::TRUE) {
                continue;
            }
            if !std::mem::replace(&mut first, false) {
                self.out.push(b',');
            }
            if key.is_string() {
                write_string(string_bytes(key), self.out);
            } else {
                self.out.push(b'"');
                self.value(key)?;
                self.out.push(b'"');
            }
            self.out.push(b':');
            self.value(value).map_err(|mut error| {
                let name = if key.is_string() {
                    String::from_utf8_lossy(string_bytes(key)).into_owned()
                } else {
                    key_text(key)
                };
                error.path.push(name);
                error
            })?;
        }
        self.out.push(b'}');
        Ok(())
    }
}

/// The name of a member whose key is no string.
fn key_text(key: Value) -> String {
    let mut text = Vec::new();
    match key.tag() {
        tag::INT => write_integer(key.as_int(), &mut text),
        tag::FLOAT => write_float(key.as_float(), &mut text),
        tag => text.extend_from_slice(if tag == tag::TRUE { b"true" } else { b"false" }),
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// The text of a host object that stands for itself in JSON: an error, a point in time, a duration.
fn host_text(value: Value) -> Option<String> {
    error_of(value).map(|error| error.message.to_string()).or_else(|| time::text_of(value))
}

/// A float: without fraction if it has none, else the shortest text that reads back as the same number.
fn write_float(f: f64, out: &mut Vec<u8>) {
    if !f.is_finite() {
        return out.extend_from_slice(b"null");
    }
    if f.trunc() == f && f.abs() < 9_223_372_036_854_775_808.0 {
        return write_integer(f as i64, out);
    }
    let magnitude = f.abs();
    // Writing to a vector does not fail.
    let _ = if (1e-6..1e21).contains(&magnitude) {
        write!(out, "{f}")
    } else {
        let start = out.len();
        let written = write!(out, "{f:e}");
        if let Some(at) = out[start..].iter().position(|byte| *byte == b'e')
            && out[start + at + 1] != b'-'
        {
            out.insert(start + at + 1, b'+');
        }
        written
    };
}

/// What stands for a byte within a string: 0 itself, `u` a `\u` escape, else the letter behind a backslash.
static ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut i = 0;
    while i < 0x20 {
        escapes[i] = b'u';
        i += 1;
    }
    escapes[0x08] = b'b';
    escapes[0x09] = b't';
    escapes[0x0a] = b'n';
    escapes[0x0c] = b'f';
    escapes[0x0d] = b'r';
    escapes[b'"' as usize] = b'"';
    escapes[b'\\' as usize] = b'\\';
    escapes
};

fn write_string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    if std::str::from_utf8(bytes).is_ok() {
        write_escaped(bytes, out);
    } else {
        for chunk in bytes.utf8_chunks() {
            write_escaped(chunk.valid().as_bytes(), out);
            if !chunk.invalid().is_empty() {
                out.extend_from_slice("\u{fffd}".as_bytes());
            }
        }
    }
    out.push(b'"');
}

fn write_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| ESCAPES[usize::from(*byte)] != 0) {
        out.extend_from_slice(&rest[..at]);
        let byte = rest[at];
        match ESCAPES[usize::from(byte)] {
            b'u' => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
            }
            letter => out.extend([b'\\', letter]),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

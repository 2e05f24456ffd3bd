//! Reading option tables: known keys have known types, and what has another is an `Invalid` error that names the key.
//! Metatables are ignored.

use smallvec::SmallVec;

use crate::runtime::errors::{self, ErrorData, INVALID};
use crate::runtime::process_state::state;
use crate::runtime::time::{Duration, duration_of};
use crate::vm::Vm;
use crate::vm::concat::append_text;
use crate::vm::error::LuaError;
use crate::vm::event::type_name;
use crate::vm::native::{Args, Flow, NativeResult};
use crate::vm::object::Table;
use crate::vm::raw::string_bytes;
use crate::vm::value::{Value, tag};

/// An option table, or none.
#[derive(Clone, Copy)]
pub struct Fields(Option<*mut Table>);

/// A name with its values.
pub type Entry = (Vec<u8>, SmallVec<[Vec<u8>; 1]>);

/// An error of kind `Invalid`.
pub fn invalid(message: impl AsRef<str>) -> ErrorData {
    ErrorData::judged(INVALID, message.as_ref(), false)
}

fn wrong(key: &str, expected: &str, value: Value) -> ErrorData {
    invalid(format!("{key}: {expected} expected, got {}", type_name(value)))
}

impl Fields {
    /// The fields of a value that is a table or nil.
    ///
    /// # Errors
    /// `Invalid` for anything else.
    pub fn of(value: Value, name: &str) -> Result<Fields, ErrorData> {
        match value.tag() {
            tag::NIL => Ok(Fields(None)),
            tag::TABLE => Ok(Fields(Some(value.as_table()))),
            _ => Err(wrong(name, "table", value)),
        }
    }

    /// The value of a field.
    pub fn value(self, vm: &mut Vm, key: &'static str) -> Value {
        let Some(table) = self.0 else { return Value::NIL };
        let key = Value::string(vm.image.strings.intern(key.as_bytes()));
        vm.raw_get(table, key)
    }

    /// A string.
    ///
    /// # Errors
    /// `Invalid`
    pub fn string(self, vm: &mut Vm, key: &'static str) -> Result<Option<Vec<u8>>, ErrorData> {
        match self.value(vm, key) {
            value if value.is_nil() => Ok(None),
            value if value.is_string() => Ok(Some(string_bytes(value).to_vec())),
            value => Err(wrong(key, "string", value)),
        }
    }

    /// A string that is UTF-8.
    ///
    /// # Errors
    /// `Invalid`
    pub fn text(self, vm: &mut Vm, key: &'static str) -> Result<Option<String>, ErrorData> {
        let Some(bytes) = self.string(vm, key)? else { return Ok(None) };
        String::from_utf8(bytes).map(Some).map_err(|_| invalid(format!("{key}: not UTF-8")))
    }

    /// A boolean; false if there is none.
    ///
    /// # Errors
    /// `Invalid`
    pub fn boolean(self, vm: &mut Vm, key: &'static str) -> Result<bool, ErrorData> {
        match self.value(vm, key) {
            value if value.is_nil() => Ok(false),
            value if matches!(value.tag(), tag::FALSE | tag::TRUE) => Ok(value.is_true()),
            value => Err(wrong(key, "boolean", value)),
        }
    }

    /// An integer, or a float that is integral.
    ///
    /// # Errors
    /// `Invalid`
    pub fn integer(self, vm: &mut Vm, key: &'static str) -> Result<Option<i64>, ErrorData> {
        match self.value(vm, key) {
            value if value.is_nil() => Ok(None),
            value if value.is_int() => Ok(Some(value.as_int())),
            value if value.is_float() && value.as_float().fract() == 0.0 && value.as_float().abs() < 9.2e18 => {
                Ok(Some(value.as_float() as i64))
            }
            value => Err(wrong(key, "integer", value)),
        }
    }

    /// A number.
    ///
    /// # Errors
    /// `Invalid`
    pub fn number(self, vm: &mut Vm, key: &'static str) -> Result<Option<f64>, ErrorData> {
        match self.value(vm, key) {
            value if value.is_nil() => Ok(None),
            value if value.is_int() => Ok(Some(value.as_int() as f64)),
            value if value.is_float() => Ok(Some(value.as_float())),
            value => Err(wrong(key, "number", value)),
        }
    }

    /// A duration, or a number of `unit`s.
    ///
    /// # Errors
    /// `Invalid`
    pub fn duration(
        self,
        vm: &mut Vm,
        key: &'static str,
        unit: std::time::Duration,
    ) -> Result<Option<std::time::Duration>, ErrorData> {
        let value = self.value(vm, key);
        let units = unit.as_nanos() as f64;
        let nanos = match value.tag() {
            tag::NIL => return Ok(None),
            tag::INT => Some(value.as_int() as f64 * units),
            tag::FLOAT => Some(value.as_float() * units),
            tag::STRING => Duration::parse(string_bytes(value)).map(|duration| duration.0 as f64),
            _ => duration_of(value).map(|duration| duration.0 as f64),
        };
        match nanos {
            Some(nanos) if nanos > 0.0 && nanos < 9.2e18 => Ok(Some(std::time::Duration::from_nanos(nanos as u64))),
            Some(_) => Err(invalid(format!("{key}: must be positive"))),
            None => Err(wrong(key, "duration", value)),
        }
    }

    /// Another option table.
    ///
    /// # Errors
    /// `Invalid`
    pub fn fields(self, vm: &mut Vm, key: &'static str) -> Result<Option<Fields>, ErrorData> {
        match self.value(vm, key) {
            value if value.is_nil() => Ok(None),
            value => Fields::of(value, key).map(Some),
        }
    }

    /// A map from names to scalars or lists of scalars, in the byte order of the names.
    ///
    /// # Errors
    /// `Invalid`
    pub fn map(self, vm: &mut Vm, key: &'static str) -> Result<Option<Vec<Entry>>, ErrorData> {
        let Some(Fields(Some(table))) = self.fields(vm, key)? else { return Ok(None) };
        let mut entries = Vec::new();
        let mut name = Value::NIL;
        while let Ok(Some((next, value))) = vm.raw_next(table, name) {
            name = next;
            let name = scalar(next).ok_or_else(|| wrong(key, "string as name", next))?;
            let values = scalars(vm, value).ok_or_else(|| {
                wrong(&format!("{key}.{}", String::from_utf8_lossy(&name)), "string, number, boolean or list", value)
            })?;
            entries.push((name, values));
        }
        entries.sort();
        Ok(Some(entries))
    }

    /// A list of values.
    ///
    /// # Errors
    /// `Invalid`
    pub fn list(self, vm: &mut Vm, key: &'static str) -> Result<Option<Vec<Value>>, ErrorData> {
        let Some(Fields(Some(table))) = self.fields(vm, key)? else { return Ok(None) };
        Ok(Some((1..=vm.raw_len(table)).map(|i| vm.raw_get_int(table, i)).collect()))
    }
}

/// What `tostring` makes of a string, number or boolean.
fn scalar(value: Value) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    match value.tag() {
        tag::TRUE => text.extend(b"true"),
        tag::FALSE => text.extend(b"false"),
        tag::STRING | tag::INT | tag::FLOAT => _ = append_text(value, &mut text),
        _ => return None,
    }
    Some(text)
}

fn scalars(vm: &mut Vm, value: Value) -> Option<SmallVec<[Vec<u8>; 1]>> {
    if !value.is_table() {
        return scalar(value).map(|text| SmallVec::from_iter([text]));
    }
    let table = value.as_table();
    (1..=vm.raw_len(table)).map(|i| scalar(vm.raw_get_int(table, i))).collect()
}

/// An error as a value, with the place where the running task is.
pub fn error_value(vm: &mut Vm, mut error: ErrorData) -> Value {
    if error.stack.is_empty() && state(vm).tasks.current().is_some() {
        error.stack = errors::stack_text(vm);
    }
    errors::to_value(vm, error.into())
}

/// Answers a native call with `nil, error`.
///
/// # Errors
/// `stack overflow` only.
pub fn fail(vm: &mut Vm, error: ErrorData) -> NativeResult {
    fail_with(vm, Value::NIL, error)
}

/// Answers a native call with `value, error`.
///
/// # Errors
/// `stack overflow` only.
pub fn fail_with(vm: &mut Vm, value: Value, error: ErrorData) -> NativeResult {
    let error = error_value(vm, error);
    vm.push(value)?;
    vm.push(error)?;
    Ok(Flow::Return(2))
}

/// Argument `i` as a string that is not empty.
///
/// # Errors
/// `bad argument …` for anything else.
pub fn check_not_empty(vm: &mut Vm, args: Args, i: u32) -> Result<&'static [u8], Box<LuaError>> {
    let bytes = args.check_bytes(vm, i)?;
    if bytes.is_empty() {
        return Err(vm.argument_error(i, "must not be empty"));
    }
    Ok(bytes)
}

//! Validation by JSON Schema (`modules.md` §1.4). Nothing is ever fetched: a reference that leads out of the schema is an
//! error of the schema.

use std::num::NonZero;
use std::sync::Arc;

use jsonschema::{PatternOptions, Validator};
use parking_lot::Mutex;
use serde_json::Value as Json;

use super::encode::{EmptyTable, encode};
use crate::runtime::data::Data;
use crate::runtime::errors::{self, ErrorData, INVALID};
use crate::runtime::process_state::state;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Flow, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

/// Compiled schemas that are kept.
const KEPT: NonZero<usize> = NonZero::new(100).expect("a hundred is not zero");
/// Violations that are told.
const MAX_ERRORS: usize = 20;
/// The formats that count; all others hold always.
const FORMATS: [&str; 13] = [
    "date-time",
    "date",
    "time",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "uuid",
    "regex",
    "json-pointer",
];
/// Formats the validator knows besides.
const OTHER_FORMATS: [&str; 6] =
    ["idn-email", "idn-hostname", "iri", "iri-reference", "relative-json-pointer", "uri-template"];

/// The compiled schemas of a runtime, the one used last at the end.
#[derive(Default)]
struct Schemas(Mutex<Vec<(Box<[u8]>, Arc<Validator>)>>);

impl Schemas {
    /// The validator for a schema.
    fn get(&self, text: &[u8]) -> Result<Arc<Validator>, String> {
        let mut known = self.0.lock();
        if let Some(at) = known.iter().position(|(other, _)| **other == *text) {
            let entry = known.remove(at);
            let validator = Arc::clone(&entry.1);
            known.push(entry);
            return Ok(validator);
        }
        drop(known);
        let schema: Json = serde_json::from_slice(text).map_err(|error| format!("the schema is not JSON: {error}"))?;
        let mut options =
            jsonschema::options().should_validate_formats(true).with_pattern_options(PatternOptions::regex()).offline();
        for format in OTHER_FORMATS {
            debug_assert!(!FORMATS.contains(&format));
            options = options.with_format(format, |_: &str| true);
        }
        let validator = options.build(&schema).map_err(|error| format!("invalid schema: {error}"))?;
        let validator = Arc::new(validator);
        let mut known = self.0.lock();
        if known.len() >= KEPT.get() {
            known.remove(0);
        }
        known.push((text.into(), Arc::clone(&validator)));
        Ok(validator)
    }
}

/// `json.validate(schema, value)`
pub(super) fn validate(vm: &mut Vm, args: Args) -> NativeResult {
    let validator = match schema(vm, args)? {
        Ok(validator) => validator,
        Err(message) => return refuse(vm, &message),
    };
    let value = args.get(vm, 1);
    if value.is_nil() {
        return refuse(vm, "data is required");
    }
    let mut text = Vec::new();
    if let Err(error) = encode(vm, value, EmptyTable::AsObject, &mut text) {
        return refuse(vm, &format!("the data has no JSON form: {error}"));
    }
    check(vm, &validator, &text)
}

/// `json.validate_string(schema, text)`
pub(super) fn validate_string(vm: &mut Vm, args: Args) -> NativeResult {
    let validator = match schema(vm, args)? {
        Ok(validator) => validator,
        Err(message) => return refuse(vm, &message),
    };
    let text = args.get(vm, 1);
    if !text.is_string() {
        return refuse(vm, "the text to validate must be a string");
    }
    check(vm, &validator, string_bytes(text))
}

/// The validator for the schema in argument 0.
fn schema(vm: &mut Vm, args: Args) -> Result<Result<Arc<Validator>, String>, Box<LuaError>> {
    let schema = args.get(vm, 0);
    let mut encoded = Vec::new();
    let text = if schema.is_string() {
        string_bytes(schema)
    } else if schema.is_table() {
        if let Err(error) = encode(vm, schema, EmptyTable::AsItWas, &mut encoded) {
            return Ok(Err(format!("the schema has no JSON form: {error}")));
        }
        &encoded
    } else if schema.is_nil() {
        return Ok(Err("schema is required".to_owned()));
    } else {
        return Ok(Err("the schema must be a table or a string".to_owned()));
    };
    vm.fuel -= (text.len() / super::BYTES_PER_CALL) as i64;
    Ok(state(vm).core().extensions.get::<Schemas>().get(text))
}

fn check(vm: &mut Vm, validator: &Validator, text: &[u8]) -> NativeResult {
    vm.fuel -= (text.len() / super::BYTES_PER_CALL) as i64;
    let value: Json = match serde_json::from_slice(text) {
        Ok(value) => value,
        Err(error) => return refuse(vm, &format!("the text is not JSON: {error}")),
    };
    let mut violations = validator.iter_errors(&value).take(MAX_ERRORS).peekable();
    let Some(first) = violations.peek() else {
        vm.push_all(&[Value::TRUE, Value::NIL])?;
        return Ok(Flow::Return(2));
    };
    let path = first.instance_path().as_str();
    let place = if path.is_empty() { String::new() } else { format!(" at {path}") };
    let message = format!("validation failed{place}: {first}");
    let list = violations.map(|violation| {
        Data::from([
            ("path", Data::from(violation.instance_path().as_str())),
            ("keyword", violation.kind().keyword().into()),
            ("message", violation.to_string().into()),
        ])
    });
    let details = Data::from([("errors", Data::List(list.collect()))]);
    refuse_with(vm, ErrorData { details: Some(details), ..ErrorData::plain(INVALID, &message) })
}

/// `false, error`
fn refuse(vm: &mut Vm, message: &str) -> NativeResult {
    refuse_with(vm, ErrorData::plain(INVALID, message))
}

fn refuse_with(vm: &mut Vm, error: ErrorData) -> NativeResult {
    let error = errors::to_value(vm, Arc::new(error));
    vm.push_all(&[Value::FALSE, error])?;
    Ok(Flow::Return(2))
}

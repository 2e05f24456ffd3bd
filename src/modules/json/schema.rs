//! JSON Schema (`modules.md` §1.4): schemas are compiled once and kept while they are among the most recently used.

use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::Value;

use super::MAX_DEPTH;
use crate::modules::cache::Cache;
use crate::runtime::data::Data;

/// Compiled schemas that are kept.
const MAX_SCHEMAS: usize = 100;
/// Violations that are told.
const MAX_VIOLATIONS: usize = 20;

/// Formats beyond those that are enforced (`modules.md` §1.4).
const IGNORED_FORMATS: [&str; 6] =
    ["idn-email", "idn-hostname", "iri", "iri-reference", "relative-json-pointer", "uri-template"];

/// Why a document is not accepted.
pub struct Failure {
    /// In words.
    pub message: String,
    /// The violations, if that is the reason.
    pub details: Option<Data>,
}

impl Failure {
    fn new(message: String) -> Failure {
        Failure { message, details: None }
    }
}

/// The schemas of a runtime.
pub struct Schemas(Cache<Validator>);

impl Default for Schemas {
    fn default() -> Schemas {
        Schemas(Cache::new(MAX_SCHEMAS))
    }
}

impl Schemas {
    /// Whether the JSON text conforms to the schema.
    pub fn check(&self, schema: &[u8], text: &[u8]) -> Result<(), Failure> {
        let validator = self.0.get_or_make(schema, || compile(schema))?;
        let document = parse(text).map_err(|error| Failure::new(format!("data is not JSON: {error}")))?;
        if validator.is_valid(&document) {
            return Ok(());
        }
        let violations: Vec<_> = validator.iter_errors(&document).take(MAX_VIOLATIONS).collect();
        let first = violations.first().map(|first| format!(": {first} at '{}'", first.instance_path()));
        Err(Failure {
            message: format!("validation failed{}", first.unwrap_or_default()),
            details: Some(Data::from([("errors", Data::List(violations.iter().map(told).collect()))])),
        })
    }
}

/// A violation for `details()`.
fn told(violation: &ValidationError<'_>) -> Data {
    Data::from([
        ("path", violation.instance_path().as_str()),
        ("keyword", violation.kind().keyword()),
        ("message", &violation.to_string()),
    ])
}

fn compile(text: &[u8]) -> Result<Validator, Failure> {
    let invalid = |error: &dyn std::fmt::Display| Failure::new(format!("invalid schema: {error}"));
    let schema = parse(text).map_err(|error| invalid(&error))?;
    let mut options = jsonschema::options()
        .with_draft(draft(&schema))
        .should_validate_formats(true)
        .should_ignore_unknown_formats(true)
        .with_pattern_options(PatternOptions::regex());
    for format in IGNORED_FORMATS {
        options = options.with_format(format, |_: &str| true);
    }
    options.build(&schema).map_err(|error| invalid(&error))
}

/// The draft a schema names; the newest if it names none that is known.
fn draft(schema: &Value) -> Draft {
    let named = schema.get("$schema").and_then(Value::as_str).unwrap_or_default();
    match named.trim_end_matches('#') {
        "http://json-schema.org/draft-04/schema" => Draft::Draft4,
        "http://json-schema.org/draft-06/schema" => Draft::Draft6,
        "http://json-schema.org/draft-07/schema" => Draft::Draft7,
        "https://json-schema.org/draft/2019-09/schema" => Draft::Draft201909,
        _ => Draft::Draft202012,
    }
}

/// The document of a text. The parser recurses, so nesting is looked at before.
fn parse(text: &[u8]) -> Result<Value, String> {
    if depth(text) > MAX_DEPTH {
        return Err("nesting depth exceeds 128".to_owned());
    }
    let mut parser = serde_json::Deserializer::from_slice(text);
    parser.disable_recursion_limit();
    let value = serde::Deserialize::deserialize(&mut parser).map_err(|error| error.to_string())?;
    parser.end().map_err(|error| error.to_string())?;
    Ok(value)
}

/// How deep brackets outside strings are nested.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'\\' => _ = bytes.next(),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    deepest
}

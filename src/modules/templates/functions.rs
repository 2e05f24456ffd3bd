//! The functions that expressions in templates have besides those of all expressions.

use crate::modules::expr::eval::Result;
use crate::modules::expr::functions::{Function, function, string, text};
use crate::modules::expr::value::Value;
use crate::modules::html;

pub(super) static FUNCTIONS: [Function; 5] = [
    function("default", 2, 2, |_, values| {
        let there = !matches!(&values[0], Value::Nil) && !matches!(&values[0], Value::Text(text) if text.is_empty());
        Ok(values[if there { 0 } else { 1 }].clone())
    }),
    function("html", 1, 1, |_, values| Ok(Value::text(escaped(&values[0])?))),
    function("json", 1, 1, |_, values| {
        let mut written = String::new();
        json(&values[0], &mut written)?;
        Ok(Value::text(written))
    }),
    function("raw", 1, 1, |_, values| shown(&values[0])),
    function("url", 1, 1, |_, values| {
        let mut encoded = String::new();
        for byte in text(&shown(&values[0])?)? {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(*byte)),
                byte => encoded.push_str(&format!("%{byte:02X}")),
            }
        }
        Ok(Value::text(encoded))
    }),
];

/// The text of a value; nothing has none.
pub fn shown(value: &Value) -> Result<Value> {
    if value.is_nil() { Ok(Value::text("")) } else { string(value) }
}

/// The text of a value without markup.
pub fn escaped(value: &Value) -> Result<String> {
    let value = shown(value)?;
    let mut escaped = String::new();
    html::escape(&String::from_utf8_lossy(text(&value)?), &mut escaped);
    Ok(escaped)
}

/// Appends a value as JSON.
fn json(value: &Value, written: &mut String) -> Result<()> {
    let quoted = |text: &[u8]| serde_json::Value::from(String::from_utf8_lossy(text)).to_string();
    match value {
        Value::Nil => written.push_str("null"),
        Value::Number(number) if !number.to_float().is_finite() => written.push_str("null"),
        Value::Text(text) => written.push_str(&quoted(text)),
        Value::Boolean(_) | Value::Number(_) => {
            let shown = string(value)?;
            written.push_str(&String::from_utf8_lossy(text(&shown)?));
        }
        Value::List(_) => {
            let mut before = '[';
            for item in value.items().unwrap_or_default() {
                written.push(std::mem::replace(&mut before, ','));
                json(item, written)?;
            }
            written.push_str(if before == '[' { "[]" } else { "]" });
        }
        Value::Map(_) => {
            let mut before = '{';
            for (key, item) in value.entries().unwrap_or_default() {
                written.push(std::mem::replace(&mut before, ','));
                written.push_str(&quoted(text(&string(key)?)?));
                written.push(':');
                json(item, written)?;
            }
            written.push_str(if before == '{' { "{}" } else { "}" });
        }
    }
    Ok(())
}

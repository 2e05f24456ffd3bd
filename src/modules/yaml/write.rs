//! Values as YAML in block style. What a list and what a map is, is as in JSON; whoever reads JSON text of the value gets
//! the same. So the value is put into JSON form first.

use std::fmt::Write;

use serde_json::{Map, Value as Json};

use super::tree::is_plain_text;
use crate::modules::json::encode::{EmptyTable, EncodeError, Encoder};
use crate::runtime::data::Data;
use crate::vm::Vm;
use crate::vm::value::Value;

/// How text is laid out.
pub struct Options {
    /// Spaces by which what lies deeper is set in.
    indent: usize,
    /// Names that come first in every map.
    field_order: Vec<String>,
    /// Whether the others come in the order of their names.
    sorted: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { indent: 2, field_order: Vec::new(), sorted: false }
    }
}

impl Options {
    /// Reads `{field_order?, sort_unordered?, indent?}`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn of(data: &Data) -> Result<Options, String> {
        let mut options = Options::default();
        match data.get("indent") {
            None | Some(Data::Nil) => {}
            Some(Data::Integer(indent @ 1..=16)) => options.indent = *indent as usize,
            Some(_) => return Err("indent must be an integer from 1 to 16".to_owned()),
        }
        match data.get("sort_unordered") {
            None | Some(Data::Nil) => {}
            Some(Data::Boolean(sorted)) => options.sorted = *sorted,
            Some(_) => return Err("sort_unordered must be a boolean".to_owned()),
        }
        match data.get("field_order") {
            None | Some(Data::Nil) => {}
            Some(Data::List(names)) => {
                let names = names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>();
                options.field_order = names.ok_or("field_order must be a list of strings")?;
            }
            Some(Data::Map(entries)) if entries.is_empty() => {}
            Some(_) => return Err("field_order must be a list of strings".to_owned()),
        }
        Ok(options)
    }
}

/// Writes a table to the end of `out`.
///
/// # Errors
/// Why the table cannot be written.
pub fn write(vm: &mut Vm, table: Value, options: &Options, out: &mut Vec<u8>) -> Result<(), String> {
    let mut encoder = Encoder::new(vm, EmptyTable::Array);
    encoder.encode(table).map_err(|error| match error {
        EncodeError::Refused { why, .. } => why.to_owned(),
        EncodeError::Raised(_) => "not enough memory".to_owned(),
    })?;
    let json = encoder.finish();
    let mut deserializer = serde_json::Deserializer::from_slice(&json);
    deserializer.disable_recursion_limit();
    let value =
        serde::Deserialize::deserialize(&mut deserializer).map_err(|error: serde_json::Error| error.to_string())?;
    let mut writer = Writer { options, text: String::new() };
    writer.block(&value, 0, false);
    out.extend_from_slice(writer.text.as_bytes());
    Ok(())
}

struct Writer<'a> {
    options: &'a Options,
    text: String,
}

impl Writer<'_> {
    /// A value that has lines of its own. If `begun`, its first line is already set in.
    fn block(&mut self, value: &Json, indent: usize, begun: bool) {
        let mut begun = begun;
        let mut set_in = |text: &mut String| {
            if !std::mem::take(&mut begun) {
                text.extend(std::iter::repeat_n(' ', indent));
            }
        };
        match value {
            Json::Array(items) if !items.is_empty() => {
                for item in items {
                    set_in(&mut self.text);
                    self.text.push_str("- ");
                    // What follows in the same line is set in by the dash and the space.
                    self.block(item, indent + 2, true);
                }
            }
            Json::Object(members) if !members.is_empty() => {
                for (name, member) in self.ordered(members) {
                    set_in(&mut self.text);
                    self.scalar(name);
                    self.text.push(':');
                    match member {
                        Json::Array(items) if !items.is_empty() => {
                            self.text.push('\n');
                            self.block(member, indent + self.options.indent, false);
                        }
                        Json::Object(members) if !members.is_empty() => {
                            self.text.push('\n');
                            self.block(member, indent + self.options.indent, false);
                        }
                        _ => {
                            self.text.push(' ');
                            self.block(member, 0, true);
                        }
                    }
                }
            }
            scalar => {
                set_in(&mut self.text);
                match scalar {
                    Json::Null => self.text.push_str("null"),
                    Json::String(text) => self.scalar(text),
                    Json::Array(_) => self.text.push_str("[]"),
                    Json::Object(_) => self.text.push_str("{}"),
                    // Writing to a string does not fail.
                    other => _ = write!(self.text, "{other}"),
                }
                self.text.push('\n');
            }
        }
    }

    fn ordered<'j>(&self, members: &'j Map<String, Json>) -> Vec<(&'j String, &'j Json)> {
        let order = &self.options.field_order;
        let mut listed: Vec<_> = members.iter().collect();
        if self.options.sorted {
            listed.sort_by(|a, b| a.0.cmp(b.0));
        }
        listed.sort_by_key(|(name, _)| order.iter().position(|other| other == *name).unwrap_or(order.len()));
        listed
    }

    /// Text, in quotes where it would be read as something else.
    fn scalar(&mut self, text: &str) {
        if is_plain(text) {
            self.text.push_str(text);
        } else {
            self.text.push_str(&serde_json::to_string(text).unwrap_or_default());
        }
    }
}

/// Whether text may stand without quotes.
fn is_plain(text: &str) -> bool {
    let special = |c: char| c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}');
    let first_is_special = text.starts_with(|c: char| c.is_whitespace() || "-?:,[]{}#&*!|>'\"%@`".contains(c));
    let indicator = text.contains(": ") || text.contains(" #") || text.ends_with(':') || text.ends_with(' ');
    !text.is_empty()
        && !first_is_special
        && !indicator
        && !text.contains(special)
        && is_plain_text(text)
        && !text.starts_with("...")
        && text != "<<"
        && text != "="
}

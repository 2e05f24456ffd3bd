//! Why a value is not of a type, and how that is told (types §5.4).

use super::text::{is_name, write_literal, write_rule, write_string};
use super::{Shape, TypeRef};
use crate::bytecode::types::{Basic, Literal, Rule};
use crate::vm::Vm;
use crate::vm::concat::append_text;
use crate::vm::event::type_name;
use crate::vm::raw::string_bytes;
use crate::vm::value::{Value, tag};

/// Bytes of a value that a message shows.
const MAX_SHOWN: usize = 40;

/// A step from a table to what is in it.
#[derive(Clone, Copy)]
pub(super) enum Step {
    /// The field of a record.
    Field(TypeRef, usize),
    /// Any key.
    Key(Value),
}

/// What is wrong with a value.
#[derive(Clone, Copy)]
pub(super) enum Problem {
    /// It is of another type.
    Type,
    /// It is not there.
    Missing,
    /// It is a key of another type.
    Key,
    /// It does not pass this validator of the type.
    Rule(usize),
    /// The length that does not pass this validator of the type.
    Length(usize, u64),
    /// The table has this key, which the type does not name.
    Unexpected(Value),
    /// It, or its type, nests too deep.
    TooDeep,
}

/// The first thing that is wrong.
#[derive(Clone, Copy)]
pub(super) struct Failure {
    pub(super) problem: Problem,
    /// The type that the value is not of.
    pub(super) ty: TypeRef,
    pub(super) value: Value,
}

/// What is wrong, for programs.
#[derive(Debug)]
pub struct Report {
    /// Message with path.
    pub message: String,
    /// Where in the value: `items[2].name`; empty for the value itself.
    pub path: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub got: String,
    /// Which rule does not hold: `type`, `missing`, `key`, `depth`, or the name of a validator.
    pub rule: &'static str,
    /// The limit of the validator.
    pub limit: Option<Literal>,
    /// The name of the type that was asked.
    pub type_name: Option<String>,
}

/// Makes the error value of a report.
pub type ErrorMaker = fn(&mut Vm, Report) -> Value;

impl Failure {
    /// The report for a value that was to be of type `asked`; the steps lead, from the innermost out, to the failure.
    pub(super) fn report(self, vm: &Vm, asked: TypeRef, steps: &[Step]) -> Report {
        let path = path(vm, steps);
        let mut expected = String::new();
        let mut got = kind_of(vm, self.value).to_owned();
        let mut limit = None;
        let (rule, text) = match self.problem {
            Problem::Type => {
                expected = self.expected();
                got = self.got(vm);
                let text = match &self.ty.shape {
                    Shape::Generic(declaration) => {
                        let wanted = declaration.alias().params.len();
                        let plural = if wanted == 1 { "" } else { "s" };
                        format!("type '{expected}' needs {wanted} type argument{plural}")
                    }
                    _ => format!("expected {expected}, got {got}"),
                };
                ("type", text)
            }
            Problem::Missing => {
                expected = self.expected();
                ("missing", format!("expected {expected}, got nil (missing field)"))
            }
            Problem::Key => {
                expected = self.expected();
                if self.value.is_number() {
                    got = if self.value.is_int() { "integer" } else { "float" }.to_owned();
                }
                let mut key = Vec::new();
                show(vm, self.value, &mut key);
                ("key", format!("key {}: expected {expected}, got {got}", String::from_utf8_lossy(&key)))
            }
            Problem::Rule(place) => {
                let rule = self.rule(place);
                let mut shown = Vec::new();
                show(vm, self.value, &mut shown);
                let shown = String::from_utf8_lossy(&shown).into_owned();
                let text = match rule {
                    Some(Rule::Min(least)) => {
                        limit = Some(least.clone());
                        format!("value {shown} is below the minimum {}", literal_text(least))
                    }
                    Some(Rule::Max(most)) => {
                        limit = Some(most.clone());
                        format!("value {shown} is above the maximum {}", literal_text(most))
                    }
                    Some(Rule::Pattern(pattern)) => {
                        let pattern = Literal::String(pattern.as_bytes().into());
                        let text = format!("does not match pattern {}", literal_text(&pattern));
                        limit = Some(pattern);
                        text
                    }
                    Some(rule @ Rule::Host(of_host)) => {
                        if let [only] = of_host.args() {
                            limit = Some(only.clone());
                        }
                        let mut wanted = Vec::new();
                        write_rule(rule, &mut wanted);
                        format!("value {shown} violates {}", String::from_utf8_lossy(&wanted))
                    }
                    _ => format!("value {shown} is not an integer"),
                };
                got = shown;
                (rule.map_or("type", Rule::name), text)
            }
            Problem::Length(place, length) => {
                let rule = self.rule(place);
                got = length.to_string();
                let text = match rule {
                    Some(Rule::MaxLen(most)) => {
                        limit = Some(Literal::Integer(*most as i64));
                        format!("length {length} is above the maximum length {most}")
                    }
                    Some(Rule::MinLen(least)) => {
                        limit = Some(Literal::Integer(*least as i64));
                        format!("length {length} is below the minimum length {least}")
                    }
                    _ => String::new(),
                };
                (rule.map_or("type", Rule::name), text)
            }
            Problem::Unexpected(key) => {
                let mut text = Vec::new();
                if key.is_string() {
                    text.extend_from_slice(string_bytes(key))
                } else {
                    show(vm, key, &mut text)
                }
                ("closed", format!("unexpected field '{}'", String::from_utf8_lossy(&text)))
            }
            Problem::TooDeep => ("depth", "too deep".to_owned()),
        };
        if expected.is_empty() {
            expected = String::from_utf8_lossy(&self.ty.text()).into_owned();
        }
        let message = if path.is_empty() { text } else { format!("{path}: {text}") };
        let type_name = asked.name.as_ref().map(|_| String::from_utf8_lossy(&asked.text()).into_owned());
        Report { message, path, expected, got, rule, limit, type_name }
    }

    fn rule(&self, place: usize) -> Option<&Rule> {
        match &self.ty.shape {
            Shape::Validated(_, rules) => rules.get(place),
            _ => None,
        }
    }

    /// What the type wants: the kind of table or function if it is not even that.
    fn expected(&self) -> String {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        match &self.ty.shape {
            Shape::Function(_) => "function".to_owned(),
            Shape::Array(..) | Shape::Table(_) if !self.value.is_table() => "table".to_owned(),
            Shape::Literal(_) | Shape::Union(_) | Shape::Array(..) => text(self.ty.source()),
            _ => text(self.ty.text()),
        }
    }

    /// What the value is, as closely as the type makes it matter.
    fn got(&self, vm: &Vm) -> String {
        let by_value = match &self.ty.shape {
            Shape::Literal(_) => true,
            Shape::Union(members) => members.iter().all(|member| matches!(member.shape, Shape::Literal(_))),
            _ => false,
        };
        match self.value.tag() {
            tag::FALSE | tag::TRUE | tag::INT | tag::FLOAT | tag::STRING if by_value => {
                let mut out = Vec::new();
                show(vm, self.value, &mut out);
                String::from_utf8_lossy(&out).into_owned()
            }
            tag::INT if self.ty.is_basic(Basic::Float) => "integer".to_owned(),
            tag::FLOAT if self.ty.is_basic(Basic::Integer) => "float".to_owned(),
            _ => kind_of(vm, self.value).to_owned(),
        }
    }
}

fn literal_text(literal: &Literal) -> String {
    let mut out = Vec::new();
    write_literal(literal, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// The type of a value as `type` gives it; the class of a host object.
fn kind_of(vm: &Vm, value: Value) -> &'static str {
    vm.class_of(value).unwrap_or(type_name(value))
}

/// A value as a message shows it.
fn show(vm: &Vm, value: Value, out: &mut Vec<u8>) {
    match value.tag() {
        tag::STRING => {
            let bytes = string_bytes(value);
            write_string(&bytes[..bytes.len().min(MAX_SHOWN)], out);
            if bytes.len() > MAX_SHOWN {
                out.extend_from_slice(b"...");
            }
        }
        tag::FALSE => out.extend_from_slice(b"false"),
        tag::TRUE => out.extend_from_slice(b"true"),
        _ if append_text(value, out) => {}
        _ => out.extend_from_slice(kind_of(vm, value).as_bytes()),
    }
}

/// `items[2].tags["a b"]`
fn path(vm: &Vm, steps: &[Step]) -> String {
    let mut out = Vec::new();
    for step in steps.iter().rev() {
        let name = match step {
            Step::Field(ty, place) => match &ty.shape {
                Shape::Table(table) => Some(table.fields[*place].name()),
                _ => None,
            },
            Step::Key(key) if key.is_string() => Some(string_bytes(*key)),
            Step::Key(_) => None,
        };
        match (name, step) {
            (Some(name), _) if is_name(name) => {
                if !out.is_empty() {
                    out.push(b'.');
                }
                out.extend_from_slice(name);
            }
            (Some(name), _) => {
                out.push(b'[');
                write_string(name, &mut out);
                out.push(b']');
            }
            (None, Step::Key(key)) => {
                out.push(b'[');
                show(vm, *key, &mut out);
                out.push(b']');
            }
            (None, Step::Field(..)) => {}
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

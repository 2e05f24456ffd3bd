//! The `logger` module (`modules.md` §4.4): records of what happens, a line each on the standard error.
//!
//! The module is itself a logger; `with` and `named` make others. A line is time, level, name, message, and the fields as
//! JSON. What is below the level that `MOONLET_LOG` names (`debug`, `info`, `warn`, `error`, `off`; by default `info`) is
//! left out.

use std::io::Write;
use std::sync::LazyLock;

use super::json::encode::{EmptyTable, EncodeError, Encoder};
use super::succeed;
use crate::runtime::errors::{self, INVALID, error_of};
use crate::runtime::module::{Module, ModuleClass};
use crate::runtime::process_state::state;
use crate::runtime::time::Time;
use crate::stdlib::output::flush_output;
use crate::vm::Vm;
use crate::vm::args::userdata_of;
use crate::vm::error::LuaError;
use crate::vm::image::Library;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::{Table, UserData};
use crate::vm::raw::string_bytes;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The module.
pub struct Log;

impl Module for Log {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Io]
    }

    fn manifest(&self) -> &'static str {
        include_str!("logger.d.lua")
    }
}

/// The library.
static LIBRARY: Library = Library { name: "logger", global: false, natives: &METHODS, constants: &[] };

static METHODS: [Native; 6] = [
    Native::new("debug", |vm, args| log(vm, args, Level::Debug)),
    Native::new("info", |vm, args| log(vm, args, Level::Info)),
    Native::new("warn", |vm, args| log(vm, args, Level::Warn)),
    Native::new("error", |vm, args| log(vm, args, Level::Error)),
    Native::new("with", with),
    Native::new("named", named),
];

static LOGGER: Class = Class { name: "logger.Logger", methods: &METHODS, metamethods: &[] };

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// Sets the lowest level that is written.
const VARIABLE: &str = "MOONLET_LOG";

static LOWEST: LazyLock<Option<Level>> = LazyLock::new(|| match std::env::var(VARIABLE).as_deref() {
    Ok("debug") => Some(Level::Debug),
    Ok("warn") => Some(Level::Warn),
    Ok("error") => Some(Level::Error),
    Ok("off") => None,
    _ => Some(Level::Info),
});

/// A logger that adds something to its records.
#[derive(Clone, Default)]
struct Logger {
    name: String,
    /// Names with JSON.
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl UserData for Logger {
    fn class(&self) -> &'static str {
        "logger.Logger"
    }
}

/// The logger on which a method is called; the module adds nothing.
fn this(vm: &mut Vm, args: Args) -> Logger {
    // SAFETY: a live userdata, not changed meanwhile.
    userdata_of::<Logger>(args.get(vm, 0)).map_or_else(Logger::default, |logger| unsafe { (*logger).clone() })
}

fn answer_logger(vm: &mut Vm, logger: Logger) -> NativeResult {
    let metatable = vm.image.class(&LOGGER);
    let logger = vm.heap.new_userdata(logger, metatable);
    succeed(vm, Value::userdata(logger))
}

/// `logger:with(fields)`
fn with(vm: &mut Vm, args: Args) -> NativeResult {
    let mut logger = this(vm, args);
    let fields = args.check_table(vm, 1)?;
    add_fields(vm, &mut logger.fields, fields)?;
    answer_logger(vm, logger)
}

/// `logger:named(name)`
fn named(vm: &mut Vm, args: Args) -> NativeResult {
    let mut logger = this(vm, args);
    let name = String::from_utf8_lossy(args.check_bytes(vm, 1)?);
    if name.is_empty() {
        return errors::fail(vm, INVALID, "empty logger name");
    }
    if !logger.name.is_empty() {
        logger.name.push('.');
    }
    logger.name.push_str(&name);
    answer_logger(vm, logger)
}

/// Adds the fields of a table whose keys are strings.
fn add_fields(vm: &mut Vm, fields: &mut Vec<(Vec<u8>, Vec<u8>)>, table: *mut Table) -> Result<(), Box<LuaError>> {
    let mut key = Value::NIL;
    while let Some((next, value)) = vm.raw_next(table, key)? {
        key = next;
        if !key.is_string() {
            continue;
        }
        let name = string_bytes(key);
        let json = match error_of(value).filter(|_| name == b"error") {
            Some(error) => {
                let part = |text: &str| serde_json::to_string(text).unwrap_or_default();
                format!("{{\"kind\":{},\"message\":{}}}", part(&error.kind), part(&error.message)).into_bytes()
            }
            None => {
                let mut encoder = Encoder::new(vm, EmptyTable::Array);
                match encoder.encode(value) {
                    Ok(()) => encoder.finish(),
                    Err(EncodeError::Refused { why, .. }) => format!("\"{why}\"").into_bytes(),
                    Err(EncodeError::Raised(error)) => return Err(error),
                }
            }
        };
        fields.retain(|(other, _)| other != name);
        fields.push((name.to_vec(), json));
    }
    Ok(())
}

fn log(vm: &mut Vm, args: Args, level: Level) -> NativeResult {
    let mut logger = this(vm, args);
    let message = args.check_bytes(vm, 1)?;
    if LOWEST.is_none_or(|lowest| level < lowest) {
        return Ok(Flow::Return(0));
    }
    if args.get(vm, 2).is_table() {
        let fields = args.get(vm, 2).as_table();
        add_fields(vm, &mut logger.fields, fields)?;
    }
    let now = Time::now(&*state(vm).core().driver);
    let level = match level {
        Level::Debug => "DEBUG",
        Level::Info => "INFO ",
        Level::Warn => "WARN ",
        Level::Error => "ERROR",
    };
    let mut line = now.rfc3339();
    line.extend_from_slice(format!(" {level} ").as_bytes());
    if !logger.name.is_empty() {
        line.extend_from_slice(logger.name.as_bytes());
        line.extend_from_slice(b": ");
    }
    // A record is one line.
    line.extend(message.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
    let location = vm.position(1);
    let pid = state(vm).core().hosts.shown(state(vm).process().pid);
    let quoted = |text: &str| serde_json::to_vec(text).unwrap_or_default();
    let own = [(b"pid".to_vec(), quoted(&pid)), (b"location".to_vec(), quoted(location.trim_end_matches(": ")))];
    for (i, (name, json)) in logger.fields.iter().chain(&own).enumerate() {
        line.extend_from_slice(if i == 0 { b" {" } else { b"," });
        line.extend_from_slice(&quoted(&String::from_utf8_lossy(name)));
        line.push(b':');
        line.extend_from_slice(json);
    }
    line.extend_from_slice(b"}\n");
    // What was printed before comes before; a record that cannot be written is lost.
    let _ = flush_output();
    let _ = std::io::stderr().lock().write_all(&line);
    Ok(Flow::Return(0))
}

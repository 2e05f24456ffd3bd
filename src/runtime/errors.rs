//! Error objects (`runtime.md` §5): immutable, shared between processes by count.

use std::sync::Arc;

use super::data::Data;
use super::process_state::state;
use crate::bytecode::types;
use crate::vm::Vm;
use crate::vm::args::userdata_of;
use crate::vm::concat::append_text;
use crate::vm::error::LuaError;
use crate::vm::event::{Event, type_name};
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::{Table, UserData};
use crate::vm::types::{Report, TypeRef};
use crate::vm::userdata::Class;
use crate::vm::value::{Value, tag};

/// The library.
pub static LIBRARY: Library = Library {
    name: "errors",
    global: true,
    natives: &[
        Native::new("new", new),
        Native::new("wrap", wrap),
        Native::new("is", is),
        Native::new("call_stack", call_stack),
    ],
    constants: &[
        ("NOT_FOUND", Literal::String(NOT_FOUND)),
        ("ALREADY_EXISTS", Literal::String(ALREADY_EXISTS)),
        ("INVALID", Literal::String(INVALID)),
        ("PERMISSION_DENIED", Literal::String(PERMISSION_DENIED)),
        ("UNAVAILABLE", Literal::String(UNAVAILABLE)),
        ("INTERNAL", Literal::String(INTERNAL)),
        ("CANCELED", Literal::String(CANCELED)),
        ("CONFLICT", Literal::String(CONFLICT)),
        ("TIMEOUT", Literal::String(TIMEOUT)),
        ("RATE_LIMITED", Literal::String(RATE_LIMITED)),
        ("UNKNOWN", Literal::String("")),
    ],
};

/// The class of error objects.
pub static ERROR: Class = Class {
    name: "error",
    methods: &[
        Native::new("kind", kind),
        Native::new("message", message),
        Native::new("retryable", retryable),
        Native::new("details", details),
        Native::new("stack", stack),
    ],
    metamethods: &[Native::new("__tostring", message), Native::new("__concat", concat)],
};

#[allow(missing_docs)]
pub const NOT_FOUND: &str = "NotFound";
#[allow(missing_docs)]
pub const ALREADY_EXISTS: &str = "AlreadyExists";
#[allow(missing_docs)]
pub const INVALID: &str = "Invalid";
#[allow(missing_docs)]
pub const PERMISSION_DENIED: &str = "PermissionDenied";
#[allow(missing_docs)]
pub const UNAVAILABLE: &str = "Unavailable";
#[allow(missing_docs)]
pub const INTERNAL: &str = "Internal";
#[allow(missing_docs)]
pub const CANCELED: &str = "Canceled";
#[allow(missing_docs)]
pub const CONFLICT: &str = "Conflict";
#[allow(missing_docs)]
pub const TIMEOUT: &str = "Timeout";
#[allow(missing_docs)]
pub const RATE_LIMITED: &str = "RateLimited";
/// The kind of an operation that the state of its object does not allow.
pub const INVALID_STATE: &str = "InvalidState";

/// The content of an error object.
#[derive(Debug, Default)]
pub struct ErrorData {
    /// One of the kinds above, or any other string.
    pub kind: Box<str>,
    /// The message.
    pub message: Box<str>,
    /// What `errors.wrap` put before it.
    pub context: Option<Box<str>>,
    /// Whether trying again may help, if that is known.
    pub retryable: Option<bool>,
    /// Further data.
    pub details: Option<Data>,
    /// Where it was made: one line per frame.
    pub stack: String,
}

/// An error object in a heap.
pub struct ErrorObject(pub Arc<ErrorData>);

impl UserData for ErrorObject {
    fn class(&self) -> &'static str {
        "error"
    }

    fn text(&self) -> Option<&str> {
        Some(&self.0.message)
    }
}

impl ErrorData {
    /// An error with kind and message only.
    pub fn plain(kind: &str, message: &str) -> ErrorData {
        ErrorData { kind: kind.into(), message: message.into(), ..ErrorData::default() }
    }

    /// An error of which it is known whether trying again may help.
    pub fn judged(kind: &str, message: &str, retryable: bool) -> ErrorData {
        ErrorData { retryable: Some(retryable), ..ErrorData::plain(kind, message) }
    }

    /// The error of an entry id that leads nowhere.
    pub fn no_factory(id: &str) -> ErrorData {
        let details = Some(Data::from([("factory_id", id)]));
        ErrorData { details, ..ErrorData::plain(NOT_FOUND, "factory not found") }
    }

    /// An error of kind INTERNAL.
    pub fn internal(message: &str) -> Arc<ErrorData> {
        Arc::new(ErrorData::plain(INTERNAL, message))
    }

    /// The error of a native function that panicked.
    pub fn panic(payload: &(dyn std::any::Any + Send)) -> ErrorData {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("unknown cause");
        ErrorData::plain(INTERNAL, &format!("panic: {text}"))
    }

    /// Message with context.
    pub fn full_text(&self) -> String {
        match &self.context {
            Some(context) => format!("{context}: {}", self.message),
            None => self.message.to_string(),
        }
    }

    /// What another process sees of it: the context is lost, an unknown kind is INTERNAL.
    pub fn across_boundary(self: &Arc<ErrorData>) -> Arc<ErrorData> {
        if self.context.is_none() && !self.kind.is_empty() {
            return Arc::clone(self);
        }
        Arc::new(ErrorData {
            kind: if self.kind.is_empty() { INTERNAL.into() } else { self.kind.clone() },
            message: self.message.clone(),
            context: None,
            retryable: self.retryable,
            details: self.details.clone(),
            stack: self.stack.clone(),
        })
    }
}

/// The content of a value that is an error object.
pub fn error_of(value: Value) -> Option<&'static Arc<ErrorData>> {
    // SAFETY: a live userdata; callers use the reference before the next safepoint only.
    userdata_of::<ErrorObject>(value).map(|error| unsafe { &(*error).0 })
}

/// An error object as a value.
pub fn to_value(vm: &mut Vm, error: Arc<ErrorData>) -> Value {
    let metatable = state(vm).core().words.error_class;
    Value::userdata(vm.heap.new_userdata(ErrorObject(error), metatable))
}

/// A new error object as a value, with the stack of the running task.
pub fn new_error(vm: &mut Vm, kind: &str, message: &str) -> Value {
    let stack = if state(vm).tasks.current().is_some() { stack_text(vm) } else { String::new() };
    to_value(vm, Arc::new(ErrorData { stack, ..ErrorData::plain(kind, message) }))
}

/// The error object for a value that is not of a type.
pub fn of_report(vm: &mut Vm, report: Report) -> Value {
    let text = |text: &str| Data::Text(text.as_bytes().into());
    let mut details = vec![
        (text("path"), text(&report.path)),
        (text("expected"), text(&report.expected)),
        (text("got"), text(&report.got)),
        (text("rule"), text(report.rule)),
    ];
    if let Some(limit) = &report.limit {
        let limit = match limit {
            types::Literal::Boolean(b) => Data::Boolean(*b),
            types::Literal::Integer(i) => Data::Integer(*i),
            types::Literal::Float(bits) => Data::Float(f64::from_bits(*bits)),
            types::Literal::String(bytes) => Data::Text(bytes.clone()),
        };
        details.push((text("limit"), limit));
    }
    if let Some(name) = &report.type_name {
        details.push((text("type"), text(name)));
    }
    let error = ErrorData {
        retryable: Some(false),
        details: Some(Data::Map(details)),
        stack: stack_text(vm),
        ..ErrorData::plain(INVALID, &report.message)
    };
    to_value(vm, Arc::new(error))
}

/// Answers a native call with `nil, error`.
///
/// # Errors
/// `stack overflow` only.
pub fn fail(vm: &mut Vm, kind: &str, message: &str) -> NativeResult {
    fail_with(vm, Value::NIL, kind, message)
}

/// Answers a native call with `value, error`.
///
/// # Errors
/// `stack overflow` only.
pub fn fail_with(vm: &mut Vm, value: Value, kind: &str, message: &str) -> NativeResult {
    let error = new_error(vm, kind, message);
    vm.push(value)?;
    vm.push(error)?;
    Ok(Flow::Return(2))
}

/// Answers a native call with `nil, error`, for an error that is there already.
///
/// # Errors
/// `stack overflow` only.
pub fn refuse(vm: &mut Vm, error: ErrorData) -> NativeResult {
    let error = to_value(vm, Arc::new(error));
    vm.push(Value::NIL)?;
    vm.push(error)?;
    Ok(Flow::Return(2))
}

/// The text of any value, without metamethods of programs.
pub fn value_text(vm: &mut Vm, value: Value) -> String {
    if let Some(error) = error_of(value) {
        return error.message.to_string();
    }
    let mut text = Vec::new();
    if append_text(value, &mut text) {
        return String::from_utf8_lossy(&text).into_owned();
    }
    match value.tag() {
        tag::TYPE => TypeRef::of(value).map_or_else(String::new, |ty| String::from_utf8_lossy(&ty.text()).into_owned()),
        tag::NIL => "nil".to_owned(),
        tag::FALSE => "false".to_owned(),
        tag::TRUE => "true".to_owned(),
        _ if vm.handler(value, Event::Name).is_string() => {
            format!("{}: {:#x}", vm.type_name_of(value), value.payload())
        }
        _ => format!("{}: {:#x}", type_name(value), value.payload()),
    }
}

/// Where the running task is, a line for each frame.
pub fn stack_text(vm: &mut Vm) -> String {
    let text = vm.traceback(1);
    let frames = text.lines().skip(1).map(|line| {
        let line = line.trim_start();
        match line.split_once(": in ") {
            Some((place, name)) => format!("  {place} ({name})"),
            None => format!("  {line}"),
        }
    });
    frames.collect::<Vec<_>>().join("\n")
}

fn bytes_of(value: Value) -> &'static [u8] {
    // SAFETY: a live string; callers copy the bytes at once.
    unsafe { crate::vm::object::Str::bytes(value.as_string()) }
}

fn text_of(value: Value) -> Box<str> {
    String::from_utf8_lossy(bytes_of(value)).into()
}

fn field(vm: &mut Vm, table: *mut Table, name: &str) -> Value {
    let key = Value::string(vm.image.strings.intern(name.as_bytes()));
    vm.raw_get(table, key)
}

fn new(vm: &mut Vm, args: Args) -> NativeResult {
    let argument = args.get(vm, 0);
    let stack = stack_text(vm);
    let data = if argument.is_string() {
        ErrorData { message: text_of(argument), stack, ..ErrorData::default() }
    } else {
        let table = args.check_table(vm, 0)?;
        let message = field(vm, table, "message");
        if !message.is_string() {
            return Err(vm.argument_error(0, "field 'message' must be a string"));
        }
        let kind = field(vm, table, "kind");
        let retryable = field(vm, table, "retryable");
        let details = field(vm, table, "details");
        ErrorData {
            kind: if kind.is_string() { text_of(kind) } else { "".into() },
            message: text_of(message),
            context: None,
            retryable: matches!(retryable.tag(), tag::FALSE | tag::TRUE).then(|| retryable.is_true()),
            details: if details.is_table() { record(Data::of(vm, details)) } else { None },
            stack,
        }
    };
    let error = to_value(vm, Arc::new(data));
    vm.answer(error)
}

/// What details keep: fields with string keys, and sequences within them.
fn record(data: Data) -> Option<Data> {
    let Data::Map(entries) = data else { return None };
    let fields: Vec<_> = entries
        .into_iter()
        .filter(|(key, _)| matches!(key, Data::Text(_)))
        .map(|(key, value)| (key, field_content(value)))
        .collect();
    (!fields.is_empty()).then_some(Data::Map(fields))
}

fn field_content(data: Data) -> Data {
    match data {
        Data::List(items) => Data::List(items.into_iter().map(field_content).collect()),
        Data::Map(_) => record(data).unwrap_or(Data::Map(Vec::new())),
        scalar => scalar,
    }
}

fn wrap(vm: &mut Vm, args: Args) -> NativeResult {
    let (inner, context) = (args.get(vm, 0), args.get(vm, 1));
    let context = match error_of(context) {
        Some(error) => error.message.clone(),
        None if context.is_string() => text_of(context),
        None => return Err(vm.type_error(1, "string", args.try_get(vm, 1))),
    };
    let data = match error_of(inner) {
        Some(error) => {
            let stack = format!("{context}\n{}\n{}", stack_text(vm), error.stack);
            ErrorData {
                kind: error.kind.clone(),
                message: error.full_text().into(),
                context: Some(context),
                retryable: error.retryable,
                details: error.details.clone(),
                stack,
            }
        }
        None if inner.is_string() => {
            let stack = format!("{context}\n{}", stack_text(vm));
            ErrorData { message: text_of(inner), context: Some(context), stack, ..ErrorData::default() }
        }
        None => return Err(vm.type_error(0, "string or error", args.try_get(vm, 0))),
    };
    let error = to_value(vm, Arc::new(data));
    vm.answer(error)
}

fn is(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.check_any(vm, 0)?;
    let kind = args.get(vm, 1);
    let same = error_of(value).is_some_and(|error| kind.is_string() && error.kind.as_bytes() == bytes_of(kind));
    vm.answer(Value::bool(same))
}

fn call_stack(vm: &mut Vm, args: Args) -> NativeResult {
    let value = args.check_any(vm, 0)?;
    let Some(error) = error_of(value).map(Arc::clone) else { return vm.answer(Value::NIL) };
    let frames: Vec<&str> = error.stack.lines().filter(|line| line.starts_with("  ")).collect();
    if frames.is_empty() {
        return vm.answer(Value::NIL);
    }
    let list = vm.heap.new_table(frames.len() as u32, 0);
    for (level, frame) in frames.iter().enumerate() {
        let (place, name) = frame.trim_start().split_once(" (").unwrap_or((frame.trim_start(), ""));
        let (source, line) = place.rsplit_once(':').unwrap_or((place, "0"));
        let line: i64 = line.parse().unwrap_or(0);
        let frame = Data::from([
            ("level", Data::from(level as i64)),
            ("source", source.into()),
            ("line", line.into()),
            ("name", name.trim_end_matches(')').into()),
            ("type", if line == 0 { "native" } else { "lua" }.into()),
        ]);
        let frame = frame.to_value(vm)?;
        vm.raw_set(list, Value::int(level as i64 + 1), frame)?;
    }
    let result = vm.heap.new_table(0, 2);
    let (thread, frames) = (vm.string(b"thread")?, vm.string(b"frames")?);
    let name = vm.string(b"main")?;
    vm.raw_set(result, thread, name)?;
    vm.raw_set(result, frames, Value::table(list))?;
    vm.answer(Value::table(result))
}

fn this(vm: &mut Vm, args: Args) -> Result<Arc<ErrorData>, Box<LuaError>> {
    args.check_userdata::<ErrorObject>(vm, 0, "error").map(|error| Arc::clone(&error.0))
}

fn kind(vm: &mut Vm, args: Args) -> NativeResult {
    let error = this(vm, args)?;
    let text = vm.string(error.kind.as_bytes())?;
    vm.answer(text)
}

fn message(vm: &mut Vm, args: Args) -> NativeResult {
    let error = this(vm, args)?;
    let text = vm.string(error.message.as_bytes())?;
    vm.answer(text)
}

fn retryable(vm: &mut Vm, args: Args) -> NativeResult {
    let error = this(vm, args)?;
    vm.answer(error.retryable.map_or(Value::NIL, Value::bool))
}

fn details(vm: &mut Vm, args: Args) -> NativeResult {
    let error = this(vm, args)?;
    let details = match &error.details {
        Some(details) => details.to_value(vm)?,
        None => Value::NIL,
    };
    vm.answer(details)
}

fn stack(vm: &mut Vm, args: Args) -> NativeResult {
    let error = this(vm, args)?;
    let text = if error.stack.is_empty() { "  [no frames]" } else { &error.stack };
    let text = vm.string(text.as_bytes())?;
    vm.answer(text)
}

fn concat(vm: &mut Vm, args: Args) -> NativeResult {
    let mut text = Vec::new();
    for i in 0..2 {
        let value = args.get(vm, i);
        match error_of(value) {
            Some(error) => text.extend_from_slice(error.message.as_bytes()),
            None if append_text(value, &mut text) => {}
            None => {
                let name = vm.type_name_of(value);
                return Err(vm.error(&format!("attempt to concatenate a {name} value")));
            }
        }
    }
    let text = vm.string(&text)?;
    vm.answer(text)
}

//! The operating system as `io` and `os` see it: paths, refusals, the shell and how programs end.

use std::ffi::OsString;
use std::io;
use std::process::{Command, ExitStatus};

use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::native::{Flow, NativeResult};
use crate::vm::value::Value;

/// A path or other text for the system.
#[cfg(unix)]
pub(super) fn os_text(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(bytes.to_vec())
}

/// A path or other text for the system, which knows text in Unicode only.
#[cfg(not(unix))]
pub(super) fn os_text(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// A text of the system as a string.
pub(super) fn lua_text(vm: &mut Vm, text: OsString) -> Result<Value, Box<LuaError>> {
    vm.string(text.as_encoded_bytes())
}

/// What the C library says of an error: without the number that the standard library adds.
pub(super) fn error_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// The results of an operation that the system refused: nil, a message, the number of the error.
pub(super) fn failure(vm: &mut Vm, error: &io::Error, name: Option<&[u8]>) -> NativeResult {
    let mut text = Vec::new();
    if let Some(name) = name {
        text.extend_from_slice(name);
        text.extend_from_slice(b": ");
    }
    text.extend_from_slice(error_text(error).as_bytes());
    let text = vm.string(&text)?;
    vm.push_all(&[Value::NIL, text, Value::int(i64::from(error.raw_os_error().unwrap_or(0)))])?;
    Ok(Flow::Return(3))
}

/// True, or the results of a refusal.
pub(super) fn outcome(vm: &mut Vm, result: io::Result<()>, name: Option<&[u8]>) -> NativeResult {
    match result {
        Ok(()) => vm.answer(Value::TRUE),
        Err(error) => failure(vm, &error, name),
    }
}

/// A command for the shell.
pub(super) fn shell(command: &[u8]) -> Command {
    let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("/bin/sh", "-c") };
    let mut shell = Command::new(shell);
    shell.arg(option).arg(os_text(command));
    shell
}

/// The results that tell how a program ended: whether well, `exit` or `signal`, the number.
pub(super) fn exit_results(vm: &mut Vm, status: ExitStatus) -> NativeResult {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal = None;
    let (kind, number) = match signal {
        Some(signal) => ("signal", signal),
        None => ("exit", status.code().unwrap_or(0)),
    };
    let kind = vm.string(kind.as_bytes())?;
    let well = if status.success() { Value::TRUE } else { Value::NIL };
    vm.push_all(&[well, kind, Value::int(i64::from(number))])?;
    Ok(Flow::Return(3))
}

//! Host modules: what programs reach of the world, each module a file or folder of its own.
//!
//! | file | module |
//! | --- | --- |
//! | [`fs`] | files |
//! | `json`, [`yaml`], `base64` | data as text and back |
//! | `hash`, `uuid` | checksums; identifiers |
//! | `env`, `logger` | the environment; records of what happens |
//! | `store` | data under keys |
//! | `terminal` | the module `io` of processes that have the terminal |
//!
//! House rules: a module is data, a [`Library`]. Only misuse of a function raises; what depends on data or on the world is
//! returned as `nil, error`. Nothing waits on a worker, see [`operation`](crate::runtime::operation).

#[cfg(feature = "app")]
mod base64;
#[cfg(feature = "app")]
mod env;
pub mod fs;
#[cfg(feature = "app")]
mod hash;
#[cfg(feature = "app")]
mod json;
#[cfg(feature = "app")]
mod logger;
#[cfg(feature = "app")]
mod store;
#[cfg(feature = "app")]
mod terminal;
#[cfg(feature = "app")]
mod uuid;
#[cfg(feature = "app")]
pub mod yaml;

use crate::runtime::errors;
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Flow, NativeResult};
use crate::vm::value::Value;
use crate::{runtime, stdlib};

/// The libraries of all built-in modules.
pub static LIBRARIES: &[&Library] = &[
    &fs::LIBRARY,
    #[cfg(feature = "app")]
    &base64::LIBRARY,
    #[cfg(feature = "app")]
    &env::LIBRARY,
    #[cfg(feature = "app")]
    &hash::LIBRARY,
    #[cfg(feature = "app")]
    &json::LIBRARY,
    #[cfg(feature = "app")]
    &logger::LIBRARY,
    #[cfg(feature = "app")]
    &store::LIBRARY,
    #[cfg(feature = "app")]
    &uuid::LIBRARY,
    #[cfg(feature = "app")]
    &yaml::LIBRARY,
];

/// All libraries a process has: those of Lua in the `full` profile, of the runtime, and the built-in modules.
pub fn all_libraries() -> Vec<&'static Library> {
    with_modules(stdlib::libraries())
}

/// The same in the `sandbox` profile.
pub fn sandbox_libraries() -> Vec<&'static Library> {
    let mut libraries = stdlib::sandbox::libraries();
    libraries.extend(runtime::SANDBOX);
    // Elsewhere `io` is that of Lua.
    #[cfg(feature = "app")]
    libraries.push(&terminal::LIBRARY);
    with_modules(libraries)
}

fn with_modules(mut libraries: Vec<&'static Library>) -> Vec<&'static Library> {
    libraries.extend(runtime::LIBRARIES);
    libraries.extend(LIBRARIES);
    libraries
}

/// Answers a native call with `value, nil`.
#[cfg(feature = "app")]
fn succeed(vm: &mut Vm, value: Value) -> NativeResult {
    vm.push_all(&[value, Value::NIL])?;
    Ok(Flow::Return(2))
}

/// Answers a native call with a string and nil.
#[cfg(feature = "app")]
fn succeed_with_text(vm: &mut Vm, text: &[u8]) -> NativeResult {
    let text = vm.string(text)?;
    succeed(vm, text)
}

/// Answers a native call whose argument is no string with `nil, error`.
#[cfg(feature = "app")]
fn not_text(vm: &mut Vm, value: Value) -> NativeResult {
    let name = vm.type_name_of(value);
    errors::fail(vm, errors::INVALID, &format!("string expected, got {name}"))
}

//! Host modules: what programs reach of the world, each module a file or folder of its own.

#[cfg(feature = "http")]
pub mod fields;
pub mod fs;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "http")]
pub mod http_client;
#[cfg(feature = "http")]
pub mod net;
#[cfg(feature = "http")]
mod scanner;
#[cfg(feature = "http")]
pub mod stream;

use crate::vm::image::Library;
use crate::{runtime, stdlib};

/// The libraries of all built-in modules.
pub static LIBRARIES: &[&Library] = &[
    &fs::LIBRARY,
    #[cfg(feature = "http")]
    &http_client::LIBRARY,
    #[cfg(feature = "http")]
    &http::LIBRARY,
];

/// All libraries a process has: those of Lua in the `full` profile, of the runtime, and the built-in modules.
pub fn all_libraries() -> Vec<&'static Library> {
    with_modules(stdlib::libraries())
}

/// The same in the `sandbox` profile.
pub fn sandbox_libraries() -> Vec<&'static Library> {
    let mut libraries = stdlib::sandbox::libraries();
    libraries.extend(runtime::SANDBOX);
    with_modules(libraries)
}

fn with_modules(mut libraries: Vec<&'static Library>) -> Vec<&'static Library> {
    libraries.extend(runtime::LIBRARIES);
    libraries.extend(LIBRARIES);
    libraries
}

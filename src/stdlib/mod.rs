//! The standard library of Lua 5.3 as native functions.
//!
//! | file | what |
//! | --- | --- |
//! | [`base`], [`protected`], [`gc`] | basic functions (manual §6.1) |
//! | [`load`] | `load`, `loadfile`, `dofile`, and loading for hosts |
//! | [`coroutine`] | §6.2 |
//! | [`package`] | `require` for scripts, §6.3 |
//! | [`string`], [`search`], [`gsub`], [`string_format`], [`string_pack`] | §6.4 |
//! | [`utf8`] | §6.5 |
//! | [`table`] | §6.6 |
//! | [`math`] | §6.7 |
//! | [`io`], [`file`] | §6.8 |
//! | [`os`] | §6.9 |
//! | [`debug`] | §6.10, without hooks |
//! | [`types`], `reflection`, `schema` | predeclared types and `typeof`; what types are asked; types as JSON Schema |
//! | [`module_types`] | the types of modules, for chunks that use them |
//! | `type_library` | the module `types` |
//! | [`sandbox`] | the profile for programs that are not trusted |
//! | [`stream`], [`system`] | the byte streams behind `io`; the operating system |
//! | [`buffer`] | text under construction while Lua code runs |
//! | [`text`] | values as text, as `tostring` and `print` show them |
//! | [`output`] | the standard output that `print` and `io` share |
//!
//! House rules:
//! * A library is data, a [`Library`]; an image is built from those a program may use.
//! * Nothing here calls Lua or waits: see [`crate::vm::native`]. A function that has to call Lua leaves its state in its
//!   slots, as values, and goes on in a continuation; the slots are described where the continuation is.
//! * Nothing here is `unsafe`.
//! * Work that grows with its input is charged to the budget (`vm.fuel`), roughly in units of a function call.
//!
//! The types of a library are declared beside it, in `NAME.d.lua`, for the checker.
//!
//! The codecs are pure: bytes and numbers in, bytes and numbers out. They know neither values nor the virtual
//! machine, so each can be tested (and fuzzed) on its own; the native functions that wrap them check arguments and
//! word errors.
//!
//! | file | codec |
//! | --- | --- |
//! | [`pattern`] | Lua patterns and plain search |
//! | [`mod@format`] | the directives of `string.format` |
//! | [`pack`] | `string.pack`, `string.unpack`, `string.packsize` |
//! | [`date`] | calendar arithmetic of `os.date` and `os.time` |
//! | [`utf8_codec`] | UTF-8 as the `utf8` library reads and writes it |

pub mod base;
mod buffer;
pub mod coroutine;
pub mod date;
pub mod debug;
mod file;
pub mod format;
pub mod gc;
mod gsub;
pub mod io;
pub mod load;
pub mod math;
pub mod module_types;
pub mod os;
pub mod output;
pub mod pack;
pub mod package;
pub mod pattern;
pub mod protected;
mod reflection;
pub mod sandbox;
mod schema;
mod search;
pub mod stream;
pub mod string;
mod string_format;
mod string_pack;
mod system;
pub mod table;
#[cfg(test)]
mod tests;
pub mod text;
mod type_library;
pub mod types;
pub mod utf8;
pub mod utf8_codec;

use crate::types::{GLOBALS, Manifest};
use crate::vm::image::Library;

/// The libraries of the `full` profile, in which a script may do what it could do in Lua. `package` and `require`
/// belong to it as well, see [`package::install`].
pub fn libraries() -> Vec<&'static Library> {
    [
        &base::LIBRARY,
        &base::LOADING,
        &coroutine::LIBRARY,
        &debug::LIBRARY,
        &io::LIBRARY,
        &math::LIBRARY,
        &os::LIBRARY,
        &string::LIBRARY,
        &string::DUMP,
        &table::LIBRARY,
        &utf8::LIBRARY,
    ]
    .into_iter()
    .chain(types::LIBRARIES)
    .collect()
}

/// The types of these libraries.
pub static MANIFESTS: &[Manifest] = &[
    Manifest { name: GLOBALS, global: true, text: include_str!("base.d.lua") },
    Manifest { name: "coroutine", global: true, text: include_str!("coroutine.d.lua") },
    Manifest { name: "debug", global: true, text: include_str!("debug.d.lua") },
    Manifest { name: "io", global: true, text: include_str!("io.d.lua") },
    Manifest { name: "math", global: true, text: include_str!("math.d.lua") },
    Manifest { name: "os", global: true, text: include_str!("os.d.lua") },
    Manifest { name: "package", global: true, text: include_str!("package.d.lua") },
    Manifest { name: "string", global: true, text: include_str!("string.d.lua") },
    Manifest { name: "table", global: true, text: include_str!("table.d.lua") },
    Manifest { name: "types", global: false, text: include_str!("types.d.lua") },
    Manifest { name: "utf8", global: true, text: include_str!("utf8.d.lua") },
];

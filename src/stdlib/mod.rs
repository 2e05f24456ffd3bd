//! The Lua 5.3 library.
//!
//! The codecs below are pure: bytes and numbers in, bytes and numbers out. They know neither values nor the virtual
//! machine, so each can be tested (and fuzzed) on its own; the native functions that wrap them check arguments and
//! word errors.
//!
//! | file | room |
//! | --- | --- |
//! | [`pattern`] | Lua patterns and plain search |
//! | [`format`] | the directives of `string.format` |
//! | [`pack`] | `string.pack`, `string.unpack`, `string.packsize` |
//! | [`date`] | calendar arithmetic of `os.date` and `os.time` |
//! | [`utf8_codec`] | UTF-8 as the `utf8` library reads and writes it |

pub mod date;
pub mod format;
pub mod pack;
pub mod pattern;
pub mod utf8_codec;

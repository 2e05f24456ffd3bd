//! The `compress` module (`modules.md` §4.18): five formats, each with `encode` and `decode`.
//!
//! | file | owns |
//! | --- | --- |
//! | `format` | the formats: bytes in, bytes out; pure |
//! | `zstd` | what `zstd` alone has: dictionaries |
//!
//! Long inputs are worked on off the workers, and so is short input that turns out to become long. What a process that has
//! ended waited for is given up.

mod format;
mod zstd;

use smallvec::smallvec;

use self::format::{BROTLI, DEFLATE, Failure, Format, GZIP, ZLIB, ZSTD};
use super::fields::{self, Fields, error_value, invalid};
use super::succeed_with_text;
use crate::runtime::errors::{ErrorData, INTERNAL};
use crate::runtime::module::{Module, ModuleClass};
use crate::runtime::operation::{Interest, run_long};
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::value::Value;

/// The module.
pub struct Compress;

impl Module for Compress {
    fn libraries(&self) -> Vec<&'static Library> {
        let mut libraries = vec![&LIBRARY];
        libraries.extend(&FORMATS);
        libraries.push(&zstd::LIBRARY);
        libraries
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Encoding, ModuleClass::Deterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("compress.d.lua")
    }
}

static LIBRARY: Library = Library { name: "compress", global: false, natives: &[], constants: &[] };

macro_rules! library {
    ($name:literal, $format:ident) => {
        Library {
            name: $name,
            global: false,
            natives: &[
                Native::new("encode", |vm, args| encode(vm, args, &$format)),
                Native::new("decode", |vm, args| decode(vm, args, &$format)),
            ],
            constants: &[],
        }
    };
}

static FORMATS: [Library; 5] = [
    library!("compress.gzip", GZIP),
    library!("compress.deflate", DEFLATE),
    library!("compress.zlib", ZLIB),
    library!("compress.brotli", BROTLI),
    library!("compress.zstd", ZSTD),
];

/// What is worked on without waiting: bytes of input, and bytes that a decoder gives.
const SHORT: usize = 64 << 10;
const SHORT_RESULT: usize = 1 << 20;
/// Bytes that a decoder may give, unless told, and at most.
const DEFAULT_SIZE: i64 = 128 << 20;
const MAX_SIZE: i64 = 1 << 30;
/// Bytes that cost as much as a function call: to read them, or to look for repetitions in them.
const BYTES_PER_CALL: usize = 16;

/// What can be said about a call.
struct Settings {
    level: u32,
    max_size: usize,
    dictionary: Vec<u8>,
}

fn settings(vm: &mut Vm, options: Value, format: &Format) -> Result<Settings, ErrorData> {
    let fields = Fields::of(options, "options")?;
    let level = fields.integer(vm, "level")?.unwrap_or(i64::from(format.default_level));
    let level = u32::try_from(level).ok().filter(|level| format.levels.contains(level));
    let level = level.ok_or_else(|| {
        invalid(format!("level: must be between {} and {}", format.levels.start(), format.levels.end()))
    })?;
    let max_size = fields.integer(vm, "max_size")?.unwrap_or(DEFAULT_SIZE);
    if !(1..=MAX_SIZE).contains(&max_size) {
        return Err(invalid(format!("max_size: must be between 1 and {MAX_SIZE}")));
    }
    let dictionary = if format.has_dictionaries { fields.string(vm, "dict")? } else { None };
    Ok(Settings { level, max_size: max_size as usize, dictionary: dictionary.unwrap_or_default() })
}

/// The bytes in the first argument, and what the second says.
fn input(vm: &mut Vm, args: Args, format: &Format) -> Result<Result<(&'static [u8], Settings), ErrorData>, Raised> {
    let data = args.check_bytes(vm, 0)?;
    if data.is_empty() {
        return Ok(Err(invalid("empty input")));
    }
    vm.fuel -= (data.len().min(SHORT) / BYTES_PER_CALL) as i64;
    Ok(settings(vm, args.get(vm, 1), format).map(|settings| (data, settings)))
}

type Raised = Box<crate::vm::error::LuaError>;

/// `compress.….encode(data, options?)`
fn encode(vm: &mut Vm, args: Args, format: &'static Format) -> NativeResult {
    let (data, settings) = match input(vm, args, format)? {
        Ok(input) => input,
        Err(error) => return fields::fail(vm, error),
    };
    if data.len() <= SHORT {
        let result = (format.encode)(data, settings.level, &settings.dictionary, &Interest::default());
        return answer(vm, result, format);
    }
    let data = data.to_vec();
    elsewhere(vm, format, move |interest| (format.encode)(&data, settings.level, &settings.dictionary, interest))
}

/// `compress.….decode(data, options?)`
fn decode(vm: &mut Vm, args: Args, format: &'static Format) -> NativeResult {
    let (data, settings) = match input(vm, args, format)? {
        Ok(input) => input,
        Err(error) => return fields::fail(vm, error),
    };
    if data.len() <= SHORT {
        let most = settings.max_size.min(SHORT_RESULT);
        match (format.decode)(data, most, &settings.dictionary, &Interest::default()) {
            Err(Failure::TooLarge) if most < settings.max_size => {}
            result => return answer(vm, result, format),
        }
    }
    let data = data.to_vec();
    elsewhere(vm, format, move |interest| (format.decode)(&data, settings.max_size, &settings.dictionary, interest))
}

/// Works off the workers.
fn elsewhere(
    vm: &mut Vm,
    format: &'static Format,
    work: impl FnOnce(&Interest) -> Result<Vec<u8>, Failure> + Send + 'static,
) -> NativeResult {
    run_long(vm, "compression", work, |vm, result| {
        Ok(match result {
            Ok(bytes) => smallvec![vm.string(&bytes)?, Value::NIL],
            Err(failure) => smallvec![Value::NIL, error_value(vm, error(failure, format))],
        })
    })
}

fn answer(vm: &mut Vm, result: Result<Vec<u8>, Failure>, format: &Format) -> NativeResult {
    match result {
        Ok(bytes) => succeed_with_text(vm, &bytes),
        Err(failure) => fields::fail(vm, error(failure, format)),
    }
}

fn error(failure: Failure, format: &Format) -> ErrorData {
    match failure {
        Failure::TooLarge => ErrorData::judged(INTERNAL, "the result is larger than max_size", false),
        Failure::Corrupt => ErrorData::judged(format.corrupt, "the data is corrupt", false),
        Failure::Dictionary => invalid("dict: no dictionary"),
    }
}

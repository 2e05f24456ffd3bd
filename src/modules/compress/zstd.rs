//! Dictionaries of Zstandard: what many small texts have in common, so that each of them becomes smaller.

use smallvec::smallvec;
use structured_zstd::decoding::Dictionary;
use structured_zstd::dictionary::{FastCoverOptions, FinalizeOptions, optimize_fastcover_dict};

use crate::modules::fields::{self, Fields, error_value, invalid};
use crate::modules::succeed;
use crate::runtime::data::Data;
use crate::runtime::errors::{ErrorData, INTERNAL};
use crate::runtime::operation::run_blocking;
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

use super::format::ZSTD;

pub(super) static LIBRARY: Library = Library {
    name: "compress.zstd",
    global: false,
    natives: &[Native::new("train_dict", train_dict), Native::new("inspect_dict", inspect_dict)],
    constants: &[],
};

/// Bytes of a dictionary.
const DEFAULT_SIZE: i64 = 112 << 10;
const SIZES: std::ops::RangeInclusive<i64> = 256..=1 << 20;

/// What a dictionary is made for.
struct Settings {
    size: usize,
    finalize: FinalizeOptions,
}

fn settings(vm: &mut Vm, options: Value) -> Result<Settings, ErrorData> {
    let fields = Fields::of(options, "options")?;
    let size = fields.integer(vm, "size")?.unwrap_or(DEFAULT_SIZE);
    if !SIZES.contains(&size) {
        return Err(invalid(format!("size: must be between {} and {}", SIZES.start(), SIZES.end())));
    }
    let dict_id = match fields.integer(vm, "id")? {
        None => None,
        Some(id) => match u32::try_from(id) {
            Ok(id @ 1..) => Some(id),
            _ => return Err(invalid("id: must be a positive number of 32 bits")),
        },
    };
    let level = fields.integer(vm, "level")?.unwrap_or(i64::from(ZSTD.default_level));
    if !u32::try_from(level).is_ok_and(|level| ZSTD.levels.contains(&level)) {
        return Err(invalid("level: must be between 1 and 22"));
    }
    Ok(Settings { size: size as usize, finalize: FinalizeOptions { dict_id, level: level as i32 } })
}

/// `compress.zstd.train_dict(samples, options?)`
fn train_dict(vm: &mut Vm, args: Args) -> NativeResult {
    let list = args.check_table(vm, 0)?;
    let settings = match settings(vm, args.get(vm, 1)) {
        Ok(settings) => settings,
        Err(error) => return fields::fail(vm, error),
    };
    let (mut samples, mut sizes) = (Vec::new(), Vec::new());
    for i in 1..=vm.raw_len(list) {
        let sample = vm.raw_get_int(list, i);
        if !sample.is_string() || string_bytes(sample).is_empty() {
            return fields::fail(vm, invalid(format!("the sample at {i} must be a string that is not empty")));
        }
        samples.extend_from_slice(string_bytes(sample));
        sizes.push(string_bytes(sample).len());
    }
    if sizes.is_empty() {
        return fields::fail(vm, invalid("no samples"));
    }
    let work = move || {
        optimize_fastcover_dict(&samples, &sizes, settings.size, &FastCoverOptions::default(), settings.finalize)
    };
    run_blocking(vm, "dictionary training", work, |vm, trained| {
        Ok(match trained {
            Ok((dictionary, _)) => smallvec![vm.string(&dictionary)?, Value::NIL],
            Err(error) => {
                let error = ErrorData::judged(INTERNAL, &format!("training failed: {error}"), false);
                smallvec![Value::NIL, error_value(vm, error)]
            }
        })
    })
}

/// `compress.zstd.inspect_dict(dictionary)`
fn inspect_dict(vm: &mut Vm, args: Args) -> NativeResult {
    let bytes = args.check_bytes(vm, 0)?;
    match Dictionary::decode_dict(bytes) {
        Ok(dictionary) => {
            let about = [
                ("id", Data::from(dictionary.id)),
                ("content_size", Data::Integer(dictionary.dict_content.len() as i64)),
            ];
            let about = Data::from(about).to_value(vm)?;
            succeed(vm, about)
        }
        Err(_) => fields::fail(vm, invalid("no dictionary")),
    }
}

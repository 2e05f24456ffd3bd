//! The `uuid` module (`modules.md` §4.9). Clock and randomness are those of the runtime's driver.

use md5::Md5;
use parking_lot::Mutex;
use sha1::Sha1;
use sha2::Digest;
use uuid::{Builder, Uuid, Variant};

use super::{not_text, succeed, succeed_with_text};
use crate::runtime::data::Data;
use crate::runtime::driver::Driver;
use crate::runtime::errors::{self, INVALID};
use crate::runtime::module::{Module, ModuleClass, module};
use crate::runtime::process_state::state;
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

/// The module, with what was made last.
#[derive(Default)]
pub struct Identifiers(Mutex<LastMade>);

impl Module for Identifiers {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Nondeterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("uuid.d.lua")
    }
}

/// The library.
static LIBRARY: Library = Library {
    name: "uuid",
    global: false,
    natives: &[
        Native::new("v1", v1),
        Native::new("v3", |vm, args| named(vm, args, |bytes| Builder::from_md5_bytes(Md5::digest(bytes).into()))),
        Native::new("v4", v4),
        Native::new("v5", |vm, args| {
            named(vm, args, |bytes| {
                let digest = Sha1::digest(bytes);
                let mut half = [0; 16];
                half.copy_from_slice(&digest[..16]);
                Builder::from_sha1_bytes(half)
            })
        }),
        Native::new("v7", v7),
        Native::new("validate", validate),
        Native::new("version", version),
        Native::new("variant", variant),
        Native::new("parse", parse),
        Native::new("format", format),
    ],
    constants: &[],
};

/// 100 ns between the beginning of the Gregorian calendar and 1970.
const GREGORIAN: u64 = 0x01b2_1dd2_1381_4000;
/// Bits of a version 7 that count and are random.
const COUNTER_BITS: u32 = 74;

/// What the identifiers made last looked like, so that the next differ.
#[derive(Default)]
struct LastMade {
    /// The time in the last version 1.
    ticks: u64,
    /// The part of version 1 that says which machine: random here, with the bit that says so.
    node: Option<[u8; 6]>,
    /// Milliseconds and counter of the last version 7.
    millis: u64,
    counter: u128,
}

fn random_bytes(driver: &dyn Driver) -> [u8; 16] {
    (u128::from(driver.random_u64()) << 64 | u128::from(driver.random_u64())).to_ne_bytes()
}

fn answer(vm: &mut Vm, uuid: Uuid) -> NativeResult {
    succeed_with_text(vm, uuid.hyphenated().to_string().as_bytes())
}

fn v4(vm: &mut Vm, _: Args) -> NativeResult {
    let bytes = random_bytes(&*state(vm).core().driver);
    answer(vm, Builder::from_random_bytes(bytes).into_uuid())
}

fn v1(vm: &mut Vm, _: Args) -> NativeResult {
    let core = state(vm).core();
    let clock = core.driver.wall_clock();
    let now = (clock.seconds as u64).wrapping_mul(10_000_000).wrapping_add(u64::from(clock.nanos / 100) + GREGORIAN);
    let random = random_bytes(&*core.driver);
    let module = module::<Identifiers>(vm);
    let mut last = module.0.lock();
    last.ticks = now.max(last.ticks + 1);
    let node = *last.node.get_or_insert_with(|| [random[0] | 1, random[1], random[2], random[3], random[4], random[5]]);
    let uuid = Builder::from_gregorian_timestamp(last.ticks, 0, &node).into_uuid();
    drop(last);
    answer(vm, uuid)
}

fn v7(vm: &mut Vm, _: Args) -> NativeResult {
    let core = state(vm).core();
    let clock = core.driver.wall_clock();
    let now = (clock.seconds as u64).wrapping_mul(1000).wrapping_add(u64::from(clock.nanos / 1_000_000));
    let random = u128::from_ne_bytes(random_bytes(&*core.driver));
    let module = module::<Identifiers>(vm);
    let mut last = module.0.lock();
    if now > last.millis {
        last.millis = now;
        // The upper bit is left for counting.
        last.counter = random >> (128 - COUNTER_BITS + 1);
    } else {
        last.counter += 1 + (random & 0xffff_ffff);
        if last.counter >> COUNTER_BITS != 0 {
            last.millis += 1;
            last.counter = random >> (128 - COUNTER_BITS + 1);
        }
    }
    // The counter goes around the bits that say version and variant: 12 bits before, 62 behind.
    let high = last.counter >> 62;
    let low = last.counter & ((1 << 62) - 1);
    let bits = u128::from(last.millis) << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low;
    drop(last);
    answer(vm, Uuid::from_u128(bits))
}

/// `uuid.v3(namespace, name)` and `uuid.v5(namespace, name)`
fn named(vm: &mut Vm, args: Args, make: fn(&[u8]) -> Builder) -> NativeResult {
    let Some(namespace) = uuid_of(args.get(vm, 0)) else {
        return errors::fail(vm, INVALID, "the namespace must be a UUID");
    };
    let name = args.get(vm, 1);
    if !name.is_string() {
        return not_text(vm, name);
    }
    let uuid = make(&[namespace.as_bytes(), string_bytes(name)].concat()).into_uuid();
    answer(vm, uuid)
}

/// The UUID that a value is the text of.
fn uuid_of(value: Value) -> Option<Uuid> {
    if !value.is_string() {
        return None;
    }
    Uuid::try_parse_ascii(string_bytes(value)).ok()
}

fn validate(vm: &mut Vm, args: Args) -> NativeResult {
    let valid = uuid_of(args.get(vm, 0)).is_some();
    vm.answer(Value::bool(valid))
}

/// Answers with what `show` makes of the UUID in the first argument.
fn with_uuid(vm: &mut Vm, args: Args, show: impl FnOnce(&mut Vm, Uuid) -> NativeResult) -> NativeResult {
    match uuid_of(args.get(vm, 0)) {
        Some(uuid) => show(vm, uuid),
        None => errors::fail(vm, INVALID, "not a UUID"),
    }
}

fn version(vm: &mut Vm, args: Args) -> NativeResult {
    with_uuid(vm, args, |vm, uuid| succeed(vm, Value::int(uuid.get_version_num() as i64)))
}

fn variant_name(uuid: Uuid) -> &'static str {
    match uuid.get_variant() {
        Variant::NCS => "NCS",
        Variant::RFC4122 => "RFC4122",
        Variant::Microsoft => "Microsoft",
        _ => "Future",
    }
}

fn variant(vm: &mut Vm, args: Args) -> NativeResult {
    with_uuid(vm, args, |vm, uuid| succeed_with_text(vm, variant_name(uuid).as_bytes()))
}

fn parse(vm: &mut Vm, args: Args) -> NativeResult {
    with_uuid(vm, args, |vm, uuid| {
        let version = uuid.get_version_num();
        let mut fields = vec![("version", Data::from(version as i64)), ("variant", Data::from(variant_name(uuid)))];
        if let (1 | 7, Some(timestamp)) = (version, uuid.get_timestamp()) {
            fields.push(("timestamp", Data::from(timestamp.to_unix().0 as i64)));
        }
        if let (1, Some(node)) = (version, uuid.get_node_id()) {
            let node: Vec<String> = node.iter().map(|byte| format!("{byte:02x}")).collect();
            fields.push(("node", Data::from(node.join(":"))));
        }
        let fields = Data::Map(fields.into_iter().map(|(name, value)| (name.into(), value)).collect());
        let table = fields.to_value(vm)?;
        succeed(vm, table)
    })
}

fn format(vm: &mut Vm, args: Args) -> NativeResult {
    let style = args.get(vm, 1);
    let style = if style.is_string() { string_bytes(style) } else { b"" };
    with_uuid(vm, args, |vm, uuid| {
        let text = match style {
            b"standard" => uuid.hyphenated().to_string(),
            b"simple" => uuid.simple().to_string(),
            b"urn" => uuid.urn().to_string(),
            _ => return errors::fail(vm, INVALID, "the format must be standard, simple or urn"),
        };
        succeed_with_text(vm, text.as_bytes())
    })
}

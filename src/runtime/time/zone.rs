//! Time zones: UTC, that of the system, fixed offsets, and those of the time zone database by name (`runtime.md` §7.1).
//!
//! The rules come from the system's database, or from a copy in the program where the system has none.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::runtime::errors::{self, INVALID, NOT_FOUND};
use crate::runtime::process_state::state;
use crate::stdlib::date::{offset_at, universal};
use crate::vm::Vm;
use crate::vm::args::userdata_of;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// A time zone.
#[derive(Clone, Debug, Default)]
pub enum Zone {
    /// Universal time.
    Utc,
    /// That of the system.
    #[default]
    Local,
    /// A constant offset under a name, which may be empty.
    Fixed {
        /// Also its abbreviation.
        name: Arc<str>,
        /// Seconds to the east.
        offset: i64,
    },
    /// One of the database.
    Named {
        /// As in the database.
        name: Arc<str>,
        /// Its rules.
        rules: TimeZone,
    },
}

impl Zone {
    /// The zone of the database with this name.
    pub fn load(name: &str) -> Option<Zone> {
        match name {
            "UTC" => Some(Zone::Utc),
            "Local" => Some(Zone::Local),
            _ => {
                let rules = TimeZone::get(name).ok()?;
                // The database finds names whatever their case; a program that wrote it otherwise made a mistake.
                let known = rules.iana_name().is_none_or(|known| known == name);
                known.then(|| Zone::Named { name: name.into(), rules })
            }
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Zone::Utc => "UTC",
            Zone::Local => "Local",
            Zone::Fixed { name, .. } | Zone::Named { name, .. } => name,
        }
    }

    /// Its offset at a moment, in seconds to the east, and its abbreviation there.
    pub fn at(&self, timestamp: i64) -> (i64, String) {
        match self {
            Zone::Utc => (0, "UTC".to_owned()),
            Zone::Local => offset_at(timestamp, &TimeZone::system()),
            Zone::Fixed { name, offset } => (*offset, name.to_string()),
            Zone::Named { rules, .. } => offset_at(timestamp, rules),
        }
    }

    /// The moment at which its clocks show `local`, seconds since 1970 on that clock.
    pub fn moment_of(&self, local: i64) -> i64 {
        match self {
            Zone::Utc => local,
            Zone::Fixed { offset, .. } => local.saturating_sub(*offset),
            Zone::Local => universal(local, None, &TimeZone::system()),
            Zone::Named { rules, .. } => universal(local, None, rules),
        }
    }

    fn is_same(&self, other: &Zone) -> bool {
        match (self, other) {
            (Zone::Fixed { offset: a, .. }, Zone::Fixed { offset: b, .. }) if a != b => false,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other) && self.name() == other.name(),
        }
    }
}

/// A [`Zone`] in a heap.
pub struct LocationObject(pub Zone);

impl UserData for LocationObject {
    fn class(&self) -> &'static str {
        "time.Location"
    }
}

/// The class of [`LocationObject`].
pub static LOCATION: Class = Class {
    name: "time.Location",
    methods: &[Native::new("string", text)],
    metamethods: &[Native::new("__tostring", text), Native::new("__eq", equal)],
};

/// A zone as a value.
pub fn location_value(vm: &mut Vm, zone: Zone) -> Value {
    let metatable = state(vm).core().image.class(&LOCATION);
    Value::userdata(vm.heap.new_userdata(LocationObject(zone), metatable))
}

/// Argument `i` as a zone.
///
/// # Errors
/// `bad argument …` for anything else.
pub fn check_location(vm: &mut Vm, args: Args, i: u32) -> Result<Zone, Box<LuaError>> {
    args.check_userdata::<LocationObject>(vm, i, "time.Location").map(|location| location.0.clone())
}

/// Argument `i` as a zone; the system's if it is nil or absent.
///
/// # Errors
/// `bad argument …` for anything else.
pub fn opt_location(vm: &mut Vm, args: Args, i: u32) -> Result<Zone, Box<LuaError>> {
    if args.get(vm, i).is_nil() { Ok(Zone::Local) } else { check_location(vm, args, i) }
}

/// `time.load_location(name)`
pub(super) fn load_location(vm: &mut Vm, args: Args) -> NativeResult {
    let name = String::from_utf8_lossy(args.check_bytes(vm, 0)?);
    if name.is_empty() {
        return refuse(vm, INVALID, "empty location name");
    }
    let Some(zone) = Zone::load(&name) else {
        return refuse(vm, NOT_FOUND, &format!("unknown time zone {name}"));
    };
    let value = location_value(vm, zone);
    vm.push(value)?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}

/// `nil, error`, which trying again does not help.
fn refuse(vm: &mut Vm, kind: &str, message: &str) -> NativeResult {
    let error = errors::ErrorData { retryable: Some(false), ..errors::ErrorData::plain(kind, message) };
    let error = errors::to_value(vm, Arc::new(error));
    vm.push(Value::NIL)?;
    vm.push(error)?;
    Ok(Flow::Return(2))
}

/// `time.fixed_zone(name, seconds_east)`
pub(super) fn fixed_zone(vm: &mut Vm, args: Args) -> NativeResult {
    let name = String::from_utf8_lossy(args.check_bytes(vm, 0)?).into();
    let offset = args.check_int(vm, 1)?;
    if offset.abs_diff(0) > MAX_OFFSET {
        return Err(vm.argument_error(1, "offset out of range"));
    }
    let value = location_value(vm, Zone::Fixed { name, offset });
    vm.answer(value)
}

/// Far more than any clock on Earth, and little enough for sums.
const MAX_OFFSET: u64 = 1 << 31;

fn text(vm: &mut Vm, args: Args) -> NativeResult {
    let zone = check_location(vm, args, 0)?;
    let name = vm.string(zone.name().as_bytes())?;
    vm.answer(name)
}

fn equal(vm: &mut Vm, args: Args) -> NativeResult {
    let zone = check_location(vm, args, 0)?;
    // SAFETY: a live userdata.
    let same = userdata_of::<LocationObject>(args.get(vm, 1)).is_some_and(|other| zone.is_same(unsafe { &(*other).0 }));
    vm.answer(Value::bool(same))
}

//! The machine's value: 16 bytes, a tag and a 64-bit payload.
//!
//! Tags are ordered so that the common questions are one comparison: truthiness is `tag > FALSE`, "lives in a heap" is
//! `tag >= STRING`, and zeroed memory is nil. A plain struct, not an `enum`: rustc then copies a value as a byte and a
//! word, which forwards from the store buffer, where an enum is copied as one 16-byte move, which does not.

use super::native::Native;
use super::object::{Cell, Closure, Header, NativeClosure, Str, Table, Userdata};
use super::thread::Thread;
use super::types::{Type, TypeRef};

/// The type tags, in the order the interpreter relies on.
#[allow(missing_docs)]
pub mod tag {
    pub const NIL: u8 = 0;
    pub const FALSE: u8 = 1;
    pub const TRUE: u8 = 2;
    pub const INT: u8 = 3;
    pub const FLOAT: u8 = 4;
    pub const LIGHT: u8 = 5;
    pub const NATIVE: u8 = 6;
    pub const STRING: u8 = 7;
    pub const TABLE: u8 = 8;
    pub const CLOSURE: u8 = 9;
    pub const NATIVE_CLOSURE: u8 = 10;
    pub const USERDATA: u8 = 11;
    pub const THREAD: u8 = 12;
    /// A cell that holds a captured, reassigned local. Found in registers and closures only, never seen by a program.
    pub const CELL: u8 = 13;
    /// A type value: a static object.
    pub const TYPE: u8 = 14;
    /// No value: what [`Answer::NONE`](super::super::native::Answer::NONE) is made of.
    pub const NO_ANSWER: u8 = 255;
}

/// A Lua value. Copying it copies a reference for the kinds that live in a heap; it is valid while its object is
/// reachable from the roots of that heap, or until the next safepoint (see `heap`).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Value {
    tag: u8,
    payload: u64,
}

const _: () = assert!(size_of::<Value>() == 16);

macro_rules! object_kinds {
    ($($tag:ident: $ty:ty, $make:ident, $get:ident, $is:ident;)*) => {
        $(
            #[doc = concat!("The value that refers to a `", stringify!($ty), "`.")]
            #[inline(always)]
            pub fn $make(object: *mut $ty) -> Value {
                Value { tag: tag::$tag, payload: object as u64 }
            }

            #[doc = concat!("The `", stringify!($ty), "` it refers to. The tag must be right; it is checked in debug builds.")]
            #[inline(always)]
            pub fn $get(self) -> *mut $ty {
                debug_assert_eq!(self.tag, tag::$tag);
                self.payload as *mut $ty
            }

            #[doc = concat!("Whether it refers to a `", stringify!($ty), "`.")]
            #[inline(always)]
            pub fn $is(self) -> bool {
                self.tag == tag::$tag
            }
        )*
    };
}

impl Value {
    /// nil
    pub const NIL: Value = Value { tag: tag::NIL, payload: 0 };
    /// true
    pub const TRUE: Value = Value { tag: tag::TRUE, payload: 0 };
    /// false
    pub const FALSE: Value = Value { tag: tag::FALSE, payload: 0 };

    pub(super) const NO_ANSWER: Value = Value { tag: tag::NO_ANSWER, payload: 0 };

    /// An integer.
    #[inline(always)]
    pub const fn int(i: i64) -> Value {
        Value { tag: tag::INT, payload: i as u64 }
    }

    /// A float.
    #[inline(always)]
    pub const fn float(f: f64) -> Value {
        Value { tag: tag::FLOAT, payload: f.to_bits() }
    }

    /// A boolean.
    #[inline(always)]
    pub const fn bool(b: bool) -> Value {
        Value { tag: tag::FALSE + b as u8, payload: 0 }
    }

    /// A light userdata: an address without an object.
    pub const fn light(address: u64) -> Value {
        Value { tag: tag::LIGHT, payload: address }
    }

    /// A native function without captured values.
    #[inline(always)]
    pub fn native(native: &'static Native) -> Value {
        Value { tag: tag::NATIVE, payload: native as *const Native as u64 }
    }

    object_kinds! {
        STRING: Str, string, as_string, is_string;
        TABLE: Table, table, as_table, is_table;
        CLOSURE: Closure, closure, as_closure, is_closure;
        NATIVE_CLOSURE: NativeClosure, native_closure, as_native_closure, is_native_closure;
        USERDATA: Userdata, userdata, as_userdata, is_userdata;
        THREAD: Thread, thread, as_thread, is_thread;
        CELL: Cell, cell, as_cell, is_cell;
        TYPE: Type, ty, as_ty, is_ty;
    }

    /// The tag, one of [`tag`].
    #[inline(always)]
    pub fn tag(self) -> u8 {
        self.tag
    }

    /// The raw payload.
    #[inline(always)]
    pub fn payload(self) -> u64 {
        self.payload
    }

    /// Puts a value together again from [`Value::tag`] and [`Value::payload`].
    ///
    /// # Safety
    /// For a tag from [`tag::NATIVE`] on, the payload must be the address of a live object of that kind.
    #[inline(always)]
    pub unsafe fn from_parts(tag: u8, payload: u64) -> Value {
        Value { tag, payload }
    }

    /// Whether it is nil.
    #[inline(always)]
    pub fn is_nil(self) -> bool {
        self.tag == tag::NIL
    }

    /// Whether a condition holds: neither nil nor false.
    #[inline(always)]
    pub fn is_true(self) -> bool {
        self.tag > tag::FALSE
    }

    /// Whether it is an integer.
    #[inline(always)]
    pub fn is_int(self) -> bool {
        self.tag == tag::INT
    }

    /// Whether it is a float.
    #[inline(always)]
    pub fn is_float(self) -> bool {
        self.tag == tag::FLOAT
    }

    /// Whether it is an integer or a float.
    #[inline(always)]
    pub fn is_number(self) -> bool {
        self.tag == tag::INT || self.tag == tag::FLOAT
    }

    /// Whether it can be called without a metamethod.
    #[inline(always)]
    pub fn is_function(self) -> bool {
        matches!(self.tag, tag::NATIVE | tag::CLOSURE | tag::NATIVE_CLOSURE)
    }

    /// Whether it refers to an object of a heap (or to a static one).
    #[inline(always)]
    pub fn is_object(self) -> bool {
        self.tag >= tag::STRING
    }

    /// The integer; the tag must be [`tag::INT`].
    #[inline(always)]
    pub fn as_int(self) -> i64 {
        debug_assert!(self.is_int());
        self.payload as i64
    }

    /// The float; the tag must be [`tag::FLOAT`].
    #[inline(always)]
    pub fn as_float(self) -> f64 {
        debug_assert!(self.is_float());
        f64::from_bits(self.payload)
    }

    /// The native function; the tag must be [`tag::NATIVE`].
    #[inline(always)]
    pub fn as_native(self) -> &'static Native {
        debug_assert_eq!(self.tag, tag::NATIVE);
        // SAFETY: only `Value::native` makes this tag, from a `&'static Native`.
        unsafe { &*(self.payload as *const Native) }
    }

    /// The header of the object it refers to; [`Value::is_object`] must hold.
    #[inline(always)]
    pub fn header(self) -> *mut Header {
        debug_assert!(self.is_object());
        self.payload as *mut Header
    }

    /// Identity: same type and same payload. Strings of equal content may differ (see `Str`), and an integer is never
    /// identical with a float; `raw_equals` is Lua's equality.
    #[inline(always)]
    pub fn same(self, other: Value) -> bool {
        self.tag == other.tag && self.payload == other.payload
    }

    /// Lua's primitive equality (`rawequal`, manual §3.4.4).
    #[inline]
    pub fn raw_equals(self, other: Value) -> bool {
        match (self.tag, other.tag) {
            (tag::FLOAT, tag::FLOAT) => self.as_float() == other.as_float(),
            (tag::INT, tag::FLOAT) => {
                self.as_int() as f64 == other.as_float() && float_is_int(other.as_float(), self.as_int())
            }
            (tag::FLOAT, tag::INT) => other.raw_equals(self),
            (tag::STRING, tag::STRING) => {
                self.payload == other.payload
                    // SAFETY: both refer to live strings.
                    || unsafe { (*self.as_string()).content_equals(&*other.as_string()) }
            }
            (tag::TYPE, tag::TYPE) => {
                TypeRef::of(self).map(TypeRef::identity) == TypeRef::of(other).map(TypeRef::identity)
            }
            (a, b) => a == b && self.payload == other.payload,
        }
    }
}

/// Whether a float that rounds to the same value as `i` is exactly `i`.
fn float_is_int(f: f64, i: i64) -> bool {
    crate::number::float_to_int(f) == Some(i)
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.tag {
            tag::NIL => f.write_str("nil"),
            tag::FALSE => f.write_str("false"),
            tag::TRUE => f.write_str("true"),
            tag::INT => write!(f, "{}", self.payload as i64),
            tag::FLOAT => write!(f, "{:?}", f64::from_bits(self.payload)),
            tag => write!(f, "#{tag}:{:#x}", self.payload),
        }
    }
}

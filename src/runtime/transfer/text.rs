//! A string on its way between two heaps.

use std::sync::Arc;

use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::object::{MAX_SHORT, Str, mark};
use crate::vm::pool::Pooled;
use crate::vm::value::Value;

/// Longest string that travels inline.
const INLINE: usize = 22;

/// A string outside any heap.
#[derive(Clone)]
pub struct Text(Form);

#[derive(Clone)]
enum Form {
    /// A constant of the image; every heap can hold it as it is.
    Static(StaticStr),
    Inline {
        len: u8,
        bytes: [u8; INLINE],
    },
    /// Short enough to be interned: PIDs, most names.
    Medium(Pooled<Medium>),
    Shared(Arc<[u8]>),
}

#[derive(Clone)]
struct Medium {
    len: u8,
    bytes: [u8; MAX_SHORT],
}

#[derive(Clone, Copy)]
pub(super) struct StaticStr(pub *mut Str);

// SAFETY: static strings are immutable, and their image outlives every message of its runtime.
unsafe impl Send for StaticStr {}
// SAFETY: as above.
unsafe impl Sync for StaticStr {}

const _: () = assert!(size_of::<Text>() == 24);

impl Text {
    /// The content of a string value.
    pub fn of(value: Value) -> Text {
        let string = value.as_string();
        // SAFETY: values refer to live strings.
        unsafe {
            if (*string).header.mark & mark::STATIC != 0 {
                return Text(Form::Static(StaticStr(string)));
            }
            match Str::shared_bytes(string) {
                Some(bytes) => Text(Form::Shared(bytes)),
                None => Text::from_bytes(Str::bytes(string)),
            }
        }
    }

    /// A text with these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Text {
        if bytes.len() > MAX_SHORT {
            return Text(Form::Shared(bytes.into()));
        }
        if bytes.len() > INLINE {
            let mut medium = Medium { len: bytes.len() as u8, bytes: [0; MAX_SHORT] };
            medium.bytes[..bytes.len()].copy_from_slice(bytes);
            return Text(Form::Medium(Pooled::new(medium)));
        }
        let mut inline = [0; INLINE];
        inline[..bytes.len()].copy_from_slice(bytes);
        Text(Form::Inline { len: bytes.len() as u8, bytes: inline })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            // SAFETY: see `StaticStr`.
            Form::Static(string) => unsafe { Str::bytes(string.0) },
            Form::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Form::Medium(medium) => &medium.bytes[..usize::from(medium.len)],
            Form::Shared(bytes) => bytes,
        }
    }

    /// The string as a value of `vm`.
    ///
    /// # Errors
    /// `not enough memory` past the memory limit.
    #[inline]
    pub fn to_value(&self, vm: &mut Vm) -> Result<Value, Box<LuaError>> {
        match &self.0 {
            Form::Static(string) => Ok(Value::string(string.0)),
            Form::Inline { len, bytes } => vm.string(&bytes[..usize::from(*len)]),
            Form::Medium(_) => vm.string(self.as_bytes()),
            Form::Shared(bytes) => match vm.heap.new_string_from_arc(Arc::clone(bytes)) {
                Ok(string) => Ok(Value::string(string)),
                Err(_) => Err(vm.out_of_memory()),
            },
        }
    }
}

impl Text {
    /// Whether it owns memory.
    pub fn owns_memory(&self) -> bool {
        matches!(self.0, Form::Medium(_) | Form::Shared(_))
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.as_bytes()))
    }
}

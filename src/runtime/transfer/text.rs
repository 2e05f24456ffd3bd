//! A string on its way between two heaps.

use std::sync::Arc;

use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::object::{Str, mark};
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
    Shared(Arc<[u8]>),
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
        if bytes.len() > INLINE {
            return Text(Form::Shared(bytes.into()));
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
            Form::Shared(bytes) => match vm.heap.new_string_from_arc(Arc::clone(bytes)) {
                Ok(string) => Ok(Value::string(string)),
                Err(_) => Err(vm.out_of_memory()),
            },
        }
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

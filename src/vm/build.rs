//! Making strings: in place, when their length is known before, or out of a buffer that is used again and again.

use super::error::LuaError;
use super::machine::Vm;
use super::object::MAX_SHORT;
use super::value::Value;

/// A larger buffer is not kept for the next string.
const MAX_SCRATCH: usize = 16 << 10;

impl Vm {
    /// A string of `len` bytes that `fill` writes in place; it finds zeros.
    ///
    /// # Errors
    /// `not enough memory`
    #[inline]
    pub fn string_with(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> Result<Value, Box<LuaError>> {
        if len <= MAX_SHORT {
            let mut bytes = [0; MAX_SHORT];
            fill(&mut bytes[..len]);
            return Ok(Value::string(self.heap.intern(&bytes[..len])));
        }
        // SAFETY: all bytes are zeroed before they are taken as initialised.
        let made = unsafe {
            self.heap.new_string_with(len, |bytes| {
                bytes.as_mut_ptr().write_bytes(0, len);
                fill(std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), len));
            })
        };
        match made {
            Ok(string) => Ok(Value::string(string)),
            Err(_) => Err(self.out_of_memory()),
        }
    }

    /// An empty buffer to put a string together in. [`Vm::finish_text`] takes it back.
    #[inline]
    pub fn take_text(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.scratch)
    }

    /// The string with the bytes of a buffer.
    ///
    /// # Errors
    /// `not enough memory`
    #[inline]
    pub fn finish_text(&mut self, text: Vec<u8>) -> Result<Value, Box<LuaError>> {
        let value = self.string(&text);
        self.give_back_text(text);
        value
    }

    /// Takes a buffer back whose bytes are not needed.
    #[inline]
    pub fn give_back_text(&mut self, mut text: Vec<u8>) {
        if text.capacity() <= MAX_SCRATCH {
            text.clear();
            self.scratch = text;
        }
    }
}

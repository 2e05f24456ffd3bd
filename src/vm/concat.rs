//! Concatenation (manual §3.4.6).

use super::error::LuaError;
use super::event::Event;
use super::machine::Vm;
use super::thread::results;
use super::value::{Value, tag};
use crate::bytecode::Instruction;
use crate::number::{Number, write_number};

/// Appends the text of a string or number; `false` for any other value.
pub fn append_text(value: Value, out: &mut Vec<u8>) -> bool {
    match value.tag() {
        // SAFETY: a live string.
        tag::STRING => out.extend_from_slice(unsafe { (*value.as_string()).as_bytes() }),
        tag::INT => write_number(Number::Int(value.as_int()), out),
        tag::FLOAT => write_number(Number::Float(value.as_float()), out),
        _ => return false,
    }
    true
}

/// A larger buffer is not kept for the next concatenation.
const MAX_SCRATCH: usize = 4096;

fn has_text(value: Value) -> bool {
    value.is_string() || value.is_number()
}

impl Vm {
    /// `Concat`
    pub(super) fn op_concat(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        self.concat_from(i, u32::from(i.c))
    }

    /// Concatenates the first `n` operands of the instruction, from the right; what comes after them is done.
    pub(super) fn concat_from(&mut self, i: &Instruction, mut n: u32) -> Result<(), Box<LuaError>> {
        let first = self.register_slot(i.b);
        while n > 1 {
            let run = (0..n).rev().take_while(|k| has_text(self.slot(first + k))).count() as u32;
            if run < 2 {
                let (x, y) = (self.slot(first + n - 2), self.slot(first + n - 1));
                let mut handler = self.handler(x, Event::Concat);
                if handler.is_nil() {
                    handler = self.handler(y, Event::Concat);
                }
                if handler.is_nil() {
                    let culprit = if has_text(x) { y } else { x };
                    return Err(self.operand_error("concatenate", culprit, i));
                }
                return self.call_handler(handler, &[x, y], results::FINISH | n);
            }
            let value = self.join(first + n - run, run)?;
            n -= run - 1;
            self.set_slot(first + n - 1, value);
        }
        self.set_slot(self.register_slot(i.a), self.slot(first));
        self.safepoint_of(i)
    }

    /// The concatenation of `n` strings and numbers.
    fn join(&mut self, first: u32, n: u32) -> Result<Value, Box<LuaError>> {
        let (a, b) = (self.slot(first), self.slot(first + n - 1));
        if n == 2 && a.is_string() && b.is_string() {
            // SAFETY: live strings.
            unsafe {
                if (*b.as_string()).len == 0 {
                    return Ok(a);
                }
                if (*a.as_string()).len == 0 {
                    return Ok(b);
                }
            }
        }
        let mut text = std::mem::take(&mut self.scratch);
        for k in 0..n {
            append_text(self.slot(first + k), &mut text);
        }
        let value = self.string(&text);
        if text.capacity() <= MAX_SCRATCH {
            text.clear();
            self.scratch = text;
        }
        value
    }
}

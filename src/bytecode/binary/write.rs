//! Functions to bytes.
//!
//! Numbers are written seven bits at a time, lowest first, with the top bit set in all bytes but the last; signed ones
//! are folded first, so that small ones stay short. A list is its length and its items. A function is:
//!
//! 1. its source as length + 1 and bytes, or 0 if it is that of the function around it (or has been stripped);
//! 2. lines of `function` and `end`, number of parameters, whether it is a vararg, number of registers;
//! 3. instructions: operation, flag, and three operands of two bytes;
//! 4. where its types are, and these if they are its own; constants, captured variables, nested functions;
//! 5. what `strip` leaves empty: line differences, local variables, names of captured variables.

use super::{HEAD, capture, constant, type_table};
use crate::bytecode::op::Instruction;
use crate::bytecode::proto::{Capture, CaptureFrom, Constant, LocalInfo, Proto};

/// The binary chunk whose main function is `proto`. With `strip`, what only messages and `debug` need is left out.
pub fn dump(proto: &Proto, strip: bool) -> Vec<u8> {
    let mut writer = Writer { out: HEAD.map(|(bytes, _)| bytes).concat(), strip };
    writer.function(proto, None);
    writer.out
}

pub(super) struct Writer {
    pub(super) out: Vec<u8>,
    strip: bool,
}

impl Writer {
    pub(super) fn number(&mut self, mut number: u64) {
        while number > 0x7f {
            self.out.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }

    pub(super) fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63) as u64);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn list<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        self.number(items.len() as u64);
        for each in items {
            item(self, each);
        }
    }

    /// A list that is left out if names and lines are.
    fn debug_list<T>(&mut self, items: &[T], item: impl FnMut(&mut Self, &T)) {
        self.list(if self.strip { &[] } else { items }, item);
    }

    fn function(&mut self, proto: &Proto, enclosing: Option<&Proto>) {
        if self.strip || enclosing.is_some_and(|enclosing| enclosing.source == proto.source) {
            self.number(0);
        } else {
            self.number(proto.source.len() as u64 + 1);
            self.out.extend_from_slice(&proto.source);
        }
        self.number(u64::from(proto.line_defined));
        self.number(u64::from(proto.last_line));
        self.out.extend_from_slice(&[proto.params, u8::from(proto.vararg), proto.registers]);
        self.list(&proto.code, Self::instruction);
        match &proto.types {
            None => self.out.push(type_table::NONE),
            Some(types) if enclosing.is_some_and(|enclosing| enclosing.types.as_ref() == Some(types)) => {
                self.out.push(type_table::ENCLOSING);
            }
            Some(types) => {
                self.out.push(type_table::OWN);
                self.types(types);
            }
        }
        self.list(&proto.constants, Self::constant);
        self.list(&proto.captures, Self::capture);
        self.list(&proto.protos, |writer, nested| writer.function(nested, Some(proto)));
        let mut last = proto.line_defined;
        self.debug_list(&proto.lines, |writer, &line| {
            writer.signed(i64::from(line) - i64::from(last));
            last = line;
        });
        self.debug_list(&proto.locals, Self::local);
        self.debug_list(&proto.captures, |writer, capture| writer.bytes(capture.name.as_bytes()));
    }

    fn instruction(&mut self, instruction: &Instruction) {
        // A hint changes while the program runs and is not part of it.
        let op = instruction.op;
        let flag = if op.has_flag() || op.counts_live() { instruction.x() } else { 0 };
        self.out.extend_from_slice(&[instruction.op as u8, flag]);
        for operand in [instruction.a, instruction.b, instruction.c] {
            self.out.extend_from_slice(&operand.to_le_bytes());
        }
    }

    fn constant(&mut self, constant: &Constant) {
        match constant {
            Constant::Nil => self.out.push(constant::NIL),
            Constant::Boolean(false) => self.out.push(constant::FALSE),
            Constant::Boolean(true) => self.out.push(constant::TRUE),
            Constant::Integer(value) => {
                self.out.push(constant::INTEGER);
                self.signed(*value);
            }
            Constant::Float(value) => {
                self.out.push(constant::FLOAT);
                self.out.extend_from_slice(&value.to_bits().to_le_bytes());
            }
            Constant::String(bytes) => {
                self.out.push(constant::STRING);
                self.bytes(bytes);
            }
            Constant::Type(node) => {
                self.out.push(constant::TYPE);
                self.number(u64::from(*node));
            }
        }
    }

    fn capture(&mut self, variable: &Capture) {
        let (from, index) = match variable.from {
            CaptureFrom::Register(register) => (capture::REGISTER, register),
            CaptureFrom::Captured(index) => (capture::CAPTURED, index),
            CaptureFrom::Itself => (capture::ITSELF, 0),
        };
        let cell = if variable.cell { capture::CELL } else { 0 };
        self.out.extend_from_slice(&[from | cell, index]);
    }

    fn local(&mut self, local: &LocalInfo) {
        self.bytes(local.name.as_bytes());
        self.out.extend_from_slice(&[local.register, u8::from(local.cell)]);
        self.number(u64::from(local.start));
        self.number(u64::from(local.end - local.start));
    }
}

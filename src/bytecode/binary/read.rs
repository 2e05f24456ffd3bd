//! Bytes to functions; the mirror image of `write`, where the format is described.
//!
//! Every part of a whole chunk is read before anything but its form is judged: what is cut off is always reported as
//! truncated.

use std::sync::Arc;
use std::sync::atomic::AtomicU8;

use super::{BinaryError, HEAD, MAX_NESTING, NO_SOURCE, capture, constant, type_table};
use crate::bytecode::op::{Instruction, Op};
use crate::bytecode::proto::{Capture, CaptureFrom, Constant, LocalInfo, Proto};
use crate::bytecode::types::TypeTable;

pub(super) type Result<T> = std::result::Result<T, BinaryError>;

/// The main function of a chunk, not verified.
pub(super) fn read(chunk: &[u8]) -> Result<Arc<Proto>> {
    let mut reader = Reader { rest: chunk, nesting: 0 };
    for (bytes, otherwise) in HEAD {
        if reader.take(bytes.len() as u64)? != bytes {
            return Err(otherwise);
        }
    }
    reader.function(&Arc::from(NO_SOURCE), None)
}

pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// Functions around the one that is being read.
    nesting: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: u64) -> Result<&'a [u8]> {
        let len = usize::try_from(len).map_err(|_| BinaryError::Truncated)?;
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(BinaryError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(BinaryError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn flag(&mut self) -> Result<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(BinaryError::Corrupted),
        }
    }

    pub(super) fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            number |= bits << shift;
            if number >> shift != bits {
                break;
            }
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(BinaryError::Corrupted)
    }

    pub(super) fn signed(&mut self) -> Result<i64> {
        let folded = self.number()?;
        Ok((folded >> 1) as i64 ^ -((folded & 1) as i64))
    }

    /// A number that fits 32 bits.
    pub(super) fn short(&mut self) -> Result<u32> {
        self.number()?.try_into().map_err(|_| BinaryError::Corrupted)
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8]> {
        let len = self.number()?;
        self.take(len)
    }

    pub(super) fn name(&mut self) -> Result<Box<str>> {
        std::str::from_utf8(self.bytes()?).map(Box::from).map_err(|_| BinaryError::Corrupted)
    }

    /// A list. Its items take bytes, so that a false length ends with them.
    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Box<[T]>> {
        let len = self.number()?;
        (0..len).map(|_| item(self)).collect()
    }

    /// A function whose source and types, if it has none of its own, are those of the `enclosing` one.
    fn function(&mut self, enclosing: &Arc<[u8]>, types: Option<&Arc<TypeTable>>) -> Result<Arc<Proto>> {
        if self.nesting > MAX_NESTING {
            return Err(BinaryError::Corrupted);
        }
        let source = match self.number()? {
            0 => enclosing.clone(),
            more => self.take(more - 1)?.into(),
        };
        let line_defined = self.short()?;
        let last_line = self.short()?;
        let params = self.byte()?;
        let vararg = self.flag()?;
        let registers = self.byte()?;
        let code = self.list(Self::instruction)?;
        let types = match self.byte()? {
            type_table::NONE => None,
            type_table::ENCLOSING => Some(Arc::clone(types.ok_or(BinaryError::Corrupted)?)),
            type_table::OWN => Some(Arc::new(self.types()?)),
            _ => return Err(BinaryError::Corrupted),
        };
        let constants = self.list(Self::constant)?;
        let mut captures = self.list(Self::capture)?;
        self.nesting += 1;
        let protos = self.list(|reader| reader.function(&source, types.as_ref()))?;
        self.nesting -= 1;
        let mut line = i64::from(line_defined);
        let lines = self.list(|reader| {
            line = line.wrapping_add(reader.signed()?);
            u32::try_from(line).map_err(|_| BinaryError::Corrupted)
        })?;
        let locals = self.list(Self::local)?;
        let names = self.list(Self::name)?;
        if !names.is_empty() && names.len() != captures.len() {
            return Err(BinaryError::Corrupted);
        }
        for (capture, name) in captures.iter_mut().zip(names) {
            capture.name = name;
        }
        Ok(Arc::new(Proto {
            source,
            line_defined,
            last_line,
            params,
            vararg,
            registers,
            code,
            constants,
            types,
            captures,
            protos,
            lines,
            locals,
        }))
    }

    fn instruction(&mut self) -> Result<Instruction> {
        let [op, x, a0, a1, b0, b1, c0, c1] = self.array()?;
        let op = Op::ALL.get(usize::from(op)).copied().ok_or(BinaryError::Corrupted)?;
        Ok(Instruction {
            op,
            x: AtomicU8::new(x),
            a: u16::from_le_bytes([a0, a1]),
            b: u16::from_le_bytes([b0, b1]),
            c: u16::from_le_bytes([c0, c1]),
        })
    }

    fn constant(&mut self) -> Result<Constant> {
        Ok(match self.byte()? {
            constant::NIL => Constant::Nil,
            constant::FALSE => Constant::Boolean(false),
            constant::TRUE => Constant::Boolean(true),
            constant::INTEGER => Constant::Integer(self.signed()?),
            constant::FLOAT => Constant::Float(f64::from_bits(u64::from_le_bytes(self.array()?))),
            constant::STRING => Constant::String(self.bytes()?.into()),
            constant::TYPE => Constant::Type(self.short()?),
            _ => return Err(BinaryError::Corrupted),
        })
    }

    fn capture(&mut self) -> Result<Capture> {
        let [tag, index] = self.array()?;
        let from = match tag & !capture::CELL {
            capture::REGISTER => CaptureFrom::Register(index),
            capture::CAPTURED => CaptureFrom::Captured(index),
            capture::ITSELF => CaptureFrom::Itself,
            _ => return Err(BinaryError::Corrupted),
        };
        Ok(Capture { name: Box::default(), from, cell: tag & capture::CELL != 0 })
    }

    fn local(&mut self) -> Result<LocalInfo> {
        let name = self.name()?;
        let register = self.byte()?;
        let cell = self.flag()?;
        let start = self.short()?;
        let end = start.checked_add(self.short()?).ok_or(BinaryError::Corrupted)?;
        Ok(LocalInfo { name, register, cell, start, end })
    }
}

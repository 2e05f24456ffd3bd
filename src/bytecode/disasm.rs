//! Compiled functions as text, for `moonlet dis` and for tests.
//!
//! One line per instruction: its place, its line in the source, its name, and its operands by the kinds that the table
//! of instructions declares for them. A flag is shown as `x=1`; hints, which change while a program runs, are not.

use std::fmt::Write;

use super::op::{Instruction, Operand, index};
use super::proto::{CaptureFrom, Constant, Proto};

/// The listing of `proto` and, after it, of the functions nested in it.
pub fn disassemble(proto: &Proto) -> String {
    let mut out = String::new();
    function(&mut out, proto, "main");
    out
}

/// Lists one function. `path` says which one it is: `main`, `main.0`, `main.0.2`, …
fn function(out: &mut String, proto: &Proto, path: &str) {
    header(out, proto, path);
    for (pc, instruction) in proto.code.iter().enumerate() {
        let line = proto.line(pc).map_or("-".into(), |line| line.to_string());
        write_line(out, format_args!("{pc:5} [{line}] {}", instruction_text(proto, pc, instruction)));
    }
    for (position, nested) in proto.protos.iter().enumerate() {
        out.push('\n');
        function(out, nested, &format!("{path}.{position}"));
    }
}

fn header(out: &mut String, proto: &Proto, path: &str) {
    let vararg = if proto.vararg { "+" } else { "" };
    write_line(
        out,
        format_args!(
            "function {path} <lines {}-{}> params {}{vararg}, registers {}, constants {}",
            proto.line_defined,
            proto.last_line,
            proto.params,
            proto.registers,
            proto.constants.len(),
        ),
    );
    for (position, capture) in proto.captures.iter().enumerate() {
        let kind = if capture.cell { "cell" } else { "value" };
        let from = match capture.from {
            CaptureFrom::Register(register) => format!("R{register}"),
            CaptureFrom::Captured(outer) => format!("U{outer}"),
            CaptureFrom::Itself => "itself".into(),
        };
        write_line(out, format_args!("      U{position} {}: {kind} of {from}", capture.name));
    }
    for local in &proto.locals {
        let cell = if local.cell { " (cell)" } else { "" };
        write_line(out, format_args!("      R{} {}{cell}: {}..{}", local.register, local.name, local.start, local.end));
    }
}

/// Name and operands of one instruction of `proto`.
pub fn instruction_text(proto: &Proto, pc: usize, instruction: &Instruction) -> String {
    let mut out = instruction.op.name().to_string();
    let mut separator = " ";
    for (kind, stored) in instruction.op.operands().into_iter().zip([instruction.a, instruction.b, instruction.c]) {
        if kind == Operand::None {
            continue;
        }
        out.push_str(separator);
        out.push_str(&operand_text(proto, pc, instruction, kind, stored));
        separator = ", ";
    }
    if instruction.x() != 0 && instruction.op.has_flag() {
        write(&mut out, format_args!(" x={}", instruction.x()));
    }
    out
}

fn operand_text(proto: &Proto, pc: usize, instruction: &Instruction, kind: Operand, stored: u16) -> String {
    match kind {
        Operand::None => String::new(),
        Operand::Reg => format!("R{}", index(stored)),
        Operand::Captured => match proto.captures.get(index(stored)) {
            Some(capture) => format!("U{} {}", index(stored), capture.name),
            None => format!("U{}", index(stored)),
        },
        Operand::Const => constant_text(proto, index(stored)),
        Operand::WideConst => constant_text(proto, instruction.bc() as usize),
        Operand::Imm => format!("#{}", stored as i16),
        Operand::WideImm => format!("#{}", instruction.signed_bc()),
        Operand::Count => format!("{stored}"),
        Operand::Jump => format!("-> {}", pc as i64 + 1 + i64::from(stored as i16)),
        Operand::WideJump => format!("-> {}", pc as i64 + 1 + i64::from(instruction.signed_bc())),
        Operand::WideProto => format!("function {}", instruction.bc()),
    }
}

fn constant_text(proto: &Proto, index: usize) -> String {
    match proto.constants.get(index) {
        None => format!("K?{index}"),
        Some(Constant::Nil) => "Knil".into(),
        Some(Constant::Boolean(value)) => format!("K{value}"),
        Some(Constant::Integer(value)) => format!("K{value}"),
        Some(Constant::Float(value)) => format!("K{value:?}"),
        Some(Constant::String(bytes)) => format!("K\"{}\"", bytes.escape_ascii()),
        Some(Constant::Type(node)) => format!("Ktype{node}"),
    }
}

fn write_line(out: &mut String, text: std::fmt::Arguments<'_>) {
    write(out, text);
    out.push('\n');
}

fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string cannot fail");
}

//! What a value is called in the program: the `(local 'x')` of an error message, the function names of a traceback.
//!
//! A name is found by looking backwards from an instruction for the one that filled a register. Where control flow
//! makes that uncertain there is no name, never a wrong one. The search follows moves down the registers and looks no
//! further than one instruction otherwise, so that it ends soon in any code.

use super::error::LuaError;
use super::function::Function;
use super::machine::Vm;
use super::value::{Value, tag};
use crate::bytecode::op::SCALE;
use crate::bytecode::op::index;
use crate::bytecode::{Constant, Instruction, Op, Operand, Proto};

/// The variable whose fields are the global variables.
const ENVIRONMENT: &str = "_ENV";

/// How a value is known to the program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// `local`, `global`, `field`, `method`, `upvalue`, `constant`, `metamethod`, `for iterator` or `hook`.
    pub kind: &'static str,
    /// The name.
    pub text: String,
}

impl Name {
    pub(super) fn new(kind: &'static str, text: impl Into<String>) -> Name {
        Name { kind, text: text.into() }
    }
}

/// The name of what register `register` holds when the instruction at `pc` runs.
pub fn register_name(proto: &Proto, pc: usize, register: usize) -> Option<Name> {
    if let Some(name) = local_name(proto, pc, register) {
        return Some(Name::new("local", name));
    }
    let setter = last_setter(proto, pc, register)?;
    let i = &proto.code[setter];
    let constant = |index: usize| string_constant(proto, index);
    match i.op {
        Op::Move if index(i.b) < register => register_name(proto, setter, index(i.b)),
        // Only variables live in cells.
        Op::GetCell => local_name(proto, setter, index(i.b)).map(|name| Name::new("local", name)),
        Op::GetGlobal => {
            let kind = if &*proto.captures[index(i.b)].name == ENVIRONMENT { "global" } else { "field" };
            constant(index(i.c)).map(|text| Name::new(kind, text))
        }
        Op::GetField => {
            let kind = if holds_environment(proto, setter, index(i.b)) { "global" } else { "field" };
            constant(index(i.c)).map(|text| Name::new(kind, text))
        }
        Op::Method if index(i.a) == register => constant(index(i.c)).map(|text| Name::new("method", text)),
        Op::GetIndex => Some(Name::new("field", constant_in(proto, setter, index(i.c)).unwrap_or_else(|| "?".into()))),
        Op::GetInt => Some(Name::new("field", "?")),
        Op::GetCaptured | Op::GetCapturedCell => Some(Name::new("upvalue", captured_name(proto, i.b))),
        Op::LoadConst => constant(i.bc() as usize).map(|text| Name::new("constant", text)),
        _ => None,
    }
}

fn string_constant(proto: &Proto, index: usize) -> Option<String> {
    match &proto.constants[index] {
        Constant::String(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
}

/// The string constant that has just been loaded into `register`.
fn constant_in(proto: &Proto, pc: usize, register: usize) -> Option<String> {
    if local_name(proto, pc, register).is_some() {
        return None;
    }
    let i = &proto.code[last_setter(proto, pc, register)?];
    if i.op == Op::LoadConst { string_constant(proto, i.bc() as usize) } else { None }
}

/// The name of the local variable in `register` at the instruction `pc`.
fn local_name(proto: &Proto, pc: usize, register: usize) -> Option<&str> {
    let local = proto.locals.iter().rev().find(|local| {
        usize::from(local.register) == register && (local.start as usize..local.end as usize).contains(&pc)
    });
    local.map(|local| &*local.name)
}

/// The name of the captured variable that an operand stands for.
fn captured_name(proto: &Proto, operand: u16) -> &str {
    match &*proto.captures[index(operand)].name {
        "" => "?",
        name => name,
    }
}

/// Whether `register` holds `_ENV`, so that its fields are global variables. Looks no further than variables: fields of
/// fields may go on for ever.
fn holds_environment(proto: &Proto, pc: usize, register: usize) -> bool {
    if let Some(name) = local_name(proto, pc, register) {
        return name == ENVIRONMENT;
    }
    last_setter(proto, pc, register).map(|setter| (setter, &proto.code[setter])).is_some_and(|(setter, i)| match i.op {
        Op::GetCell => local_name(proto, setter, index(i.b)) == Some(ENVIRONMENT),
        Op::GetCaptured | Op::GetCapturedCell => captured_name(proto, i.b) == ENVIRONMENT,
        _ => false,
    })
}

/// The instruction before `pc` that certainly filled `register`.
fn last_setter(proto: &Proto, pc: usize, register: usize) -> Option<usize> {
    let mut setter = None;
    // Code below this index may be skipped by a jump.
    let mut skipped_until = 0;
    for (at, i) in proto.code[..pc].iter().enumerate() {
        if sets(i, register) {
            setter = (at >= skipped_until).then_some(at);
        }
        let distance = match i.op.operands() {
            [_, Operand::WideJump, _] => i.signed_bc() as isize,
            [.., Operand::Jump] => (i.c as i16) as isize,
            _ => continue,
        };
        if let Some(target) = (at + 1).checked_add_signed(distance)
            && distance > 0
            && target <= pc
        {
            skipped_until = skipped_until.max(target);
        }
    }
    setter
}

fn sets(i: &Instruction, register: usize) -> bool {
    let a = index(i.a);
    match i.op {
        Op::LoadNil => (a..a + i.b as usize).contains(&register),
        Op::Call | Op::TailCall | Op::Vararg => register >= a,
        Op::GenericCall => register >= a + 3,
        Op::GenericLoop => register == a + 2,
        Op::Method => register == a || register == a + 1,
        Op::ForPrep | Op::ForLoop | Op::ForPrep1 | Op::ForLoop1 => (a..a + 3).contains(&register),
        Op::Concat => register == a || (index(i.b)..index(i.b) + i.c as usize).contains(&register),
        Op::SetGlobal
        | Op::SetField
        | Op::SetInt
        | Op::SetIndex
        | Op::SetList
        | Op::SetCell
        | Op::SetCapturedCell
        | Op::Return
        | Op::Return0
        | Op::Return1
        | Op::ReturnVararg
        | Op::JumpIf
        | Op::JumpIfNot
        | Op::VarargPrep => false,
        Op::JumpIfCopy | Op::JumpIfNotCopy => register == a,
        op if op.operands()[2] == Operand::Jump => false,
        op if op.operands()[0] == Operand::Reg => register == a,
        _ => false,
    }
}

/// How the instruction at `pc` names the function it calls.
pub fn called_name(proto: &Proto, pc: usize) -> Option<Name> {
    let i = proto.code.get(pc)?;
    let metamethod = |event: &str| Some(Name::new("metamethod", event));
    match i.op {
        Op::Call | Op::TailCall => register_name(proto, pc, index(i.a)),
        Op::GenericCall => Some(Name::new("for iterator", "for iterator")),
        Op::GetGlobal | Op::GetField | Op::GetInt | Op::GetIndex | Op::Method => metamethod("__index"),
        Op::SetGlobal | Op::SetField | Op::SetInt | Op::SetIndex => metamethod("__newindex"),
        Op::Concat => metamethod("__concat"),
        Op::Len => metamethod("__len"),
        Op::Neg => metamethod("__unm"),
        Op::BNot => metamethod("__bnot"),
        Op::JumpEq | Op::JumpNe => metamethod("__eq"),
        Op::JumpLe | Op::JumpNotLe | Op::JumpLeInt | Op::JumpNotLeInt | Op::JumpGeInt | Op::JumpNotGeInt => {
            metamethod("__le")
        }
        op if op.operands()[2] == Operand::Jump => metamethod("__lt"),
        Op::Add | Op::AddK | Op::AddInt => metamethod("__add"),
        Op::Sub | Op::SubK => metamethod("__sub"),
        Op::Mul | Op::MulK => metamethod("__mul"),
        Op::Mod | Op::ModK => metamethod("__mod"),
        Op::Pow | Op::PowK => metamethod("__pow"),
        Op::Div | Op::DivK => metamethod("__div"),
        Op::IDiv | Op::IDivK => metamethod("__idiv"),
        Op::BAnd | Op::BAndK => metamethod("__band"),
        Op::BOr | Op::BOrK => metamethod("__bor"),
        Op::BXor | Op::BXorK => metamethod("__bxor"),
        Op::Shl | Op::ShlK => metamethod("__shl"),
        Op::Shr | Op::ShrK => metamethod("__shr"),
        _ => None,
    }
}

impl Vm {
    /// The running Lua function and the index of its running instruction, unless a native function runs.
    pub(super) fn running_instruction(&self) -> Option<(&Function, usize)> {
        if self.native_slot != 0 { None } else { self.lua_instruction() }
    }

    /// The innermost Lua function and the index of the instruction it is at, unless a native function waits above it.
    fn lua_instruction(&self) -> Option<(&Function, usize)> {
        if self.waiting_native().is_some() {
            return None;
        }
        let value = self.slot(self.slot_of(self.saved.base).checked_sub(1)?);
        if value.tag() != tag::CLOSURE {
            return None;
        }
        // SAFETY: the running function is alive.
        let function = unsafe { &*(*value.as_closure()).function };
        Some((function, function.index_of(self.saved.pc).checked_sub(1)?))
    }

    /// The type that the call of the running native function asks for: the compiler has it loaded right before the call, above
    /// the only argument.
    pub fn asked_type(&self) -> Option<Value> {
        let (function, pc) = self.lua_instruction()?;
        let code = &function.proto.code;
        let (call, load) = (&code[pc], code.get(pc.checked_sub(1)?)?);
        let above = call.a + 2 * SCALE;
        let asks =
            matches!(call.op, Op::Call | Op::TailCall) && call.b == 2 && load.op == Op::LoadConst && load.a == above;
        let constant = function.constants().get(load.bc() as usize)?;
        (asks && constant.is_ty()).then_some(*constant)
    }

    /// How the Lua function that called the running native function names it.
    pub(super) fn native_call_name(&self) -> Option<Name> {
        let (function, pc) = self.lua_instruction()?;
        called_name(&function.proto, pc)
    }

    /// ` (local 'x')` for what a slot holds, or nothing.
    pub(super) fn describe_slot(&self, slot: u32) -> String {
        self.running_instruction()
            .and_then(|(function, pc)| {
                let register = slot.checked_sub(self.slot_of(self.saved.base))?;
                register_name(&function.proto, pc, register as usize)
            })
            .map_or_else(String::new, |name| format!(" ({} '{}')", name.kind, name.text))
    }

    /// The same for the object that the running instruction indexes.
    pub(super) fn describe_indexed(&self, object: Value) -> String {
        let Some((function, pc)) = self.running_instruction() else { return String::new() };
        let i = &function.proto.code[pc];
        let operand = match i.op {
            Op::GetGlobal | Op::SetGlobal => {
                return format!(" (upvalue '{}')", captured_name(&function.proto, i.b));
            }
            Op::GetField | Op::GetInt | Op::GetIndex | Op::Method => i.b,
            Op::SetField | Op::SetInt | Op::SetIndex => i.a,
            _ => return String::new(),
        };
        let slot = self.register_slot(operand);
        if self.slot(slot).same(object) {
            return self.describe_slot(slot);
        }
        String::new()
    }

    /// `attempt to <what> a … value (local 'x')` for an operand of the running instruction.
    #[cold]
    pub(super) fn operand_error(&mut self, what: &str, culprit: Value, i: &Instruction) -> Box<LuaError> {
        let variable = if i.op == Op::Concat {
            let first = self.register_slot(i.b);
            (first..first + u32::from(i.c))
                .find(|slot| self.slot(*slot).same(culprit))
                .map_or_else(String::new, |slot| self.describe_slot(slot))
        } else {
            self.describe_operand(culprit, i)
        };
        let name = self.operand_type(culprit);
        self.operation_error(&format!("attempt to {what} a {name} value{variable}"))
    }

    /// ` (local 'x')` for an operand of the running instruction that is in a register, or nothing. In an instruction of
    /// two operands a constant has no name.
    pub(super) fn describe_operand(&self, operand: Value, i: &Instruction) -> String {
        let kinds = i.op.operands();
        let stored = [i.a, i.b, i.c];
        let slot = (1..3)
            .filter(|n| kinds[*n] == Operand::Reg)
            .map(|n| self.register_slot(stored[n]))
            .find(|slot| self.slot(*slot).same(operand));
        let Some(slot) = slot else { return String::new() };
        let name = self.describe_slot(slot);
        let unary = matches!(i.op, Op::Neg | Op::BNot | Op::Len);
        if name.starts_with(" (constant") && !unary { String::new() } else { name }
    }
}

//! Calls and returns.

use super::Compiler;
use super::descriptor::{Descriptor, Kind};
use super::error::Result;
use crate::bytecode::op::{Field, Instruction, NONE, Op, SCALE, count, konst, reg};
use crate::bytecode::types::NodeId;
use crate::syntax::ast::{Expr, ExprId, Ident};
use crate::syntax::span::Span;

impl Compiler<'_> {
    /// `function(args)`, where `callee` is the value of `function`.
    pub(super) fn call(
        &mut self,
        mut callee: Descriptor,
        function: ExprId,
        args: &[ExprId],
        place: Span,
    ) -> Result<Descriptor> {
        let base = self.current.put_in_next(&mut callee)?;
        let asked = self.asked_type(function, args)?;
        self.call_with(base, args, asked, place)
    }

    /// `object:name(args)`
    pub(super) fn method_call(
        &mut self,
        mut object: Descriptor,
        name: Ident,
        args: &[ExprId],
        place: Span,
    ) -> Result<Descriptor> {
        let receiver = self.current.put_anywhere(&mut object)?;
        self.current.advance(name.span);
        let name = self.string(name.name);
        self.current.release(receiver);
        let base = self.current.reserve(2)?;
        match self.current.constant_operand(&name) {
            Some(name) => {
                self.current.emit(Instruction::new(Op::Method, reg(base), reg(receiver), konst(name)));
            }
            None => {
                self.current.emit(Instruction::new(Op::Move, reg(base + 1), reg(receiver), NONE));
                self.current.put_in(&mut name.clone(), base)?;
                self.current.emit(Instruction::new(Op::GetIndex, reg(base), reg(base + 1), reg(base)));
            }
        }
        self.call_with(base, args, None, place)
    }

    /// Calls the function in `base` with what already follows it in registers and then `args`. A type that the call asks
    /// for lies above the arguments, loaded right before the call, where only the built-in `typeof` looks for it.
    fn call_with(&mut self, base: u8, args: &[ExprId], asked: Option<NodeId>, place: Span) -> Result<Descriptor> {
        let arguments = self.values_from(base + 1, args, Some(place))?;
        if let Some(ty) = asked {
            let constant = self.type_constant(ty);
            let above = self.current.reserve(1)?;
            self.current.code.emit(Instruction::wide(Op::LoadConst, reg(above), constant), place.line);
        }
        let call = Instruction::new(Op::Call, reg(base), arguments, count(2));
        // The call happens in the line where it begins.
        let call = self.current.code.emit(call, place.line);
        // The call removes the function and its arguments and leaves, unless that is changed, one result.
        self.current.release_from(base + 1);
        Ok(Kind::Call(call).into())
    }

    /// Appends the values of `ids` to those that stand from `first` on. Yields the count operand of `Call` and
    /// `Return`: the number of values plus one, or 0 if they extend to top. The last value is put in place at the end of
    /// `closed`, if that is behind it.
    fn values_from(&mut self, first: u8, ids: &[ExprId], closed: Option<Span>) -> Result<Field> {
        let last = self.expr_list(ids)?;
        if let Some(place) = closed {
            self.current.advance(place);
        }
        match last {
            Some(last) if last.is_multiple() => {
                self.current.set_open_results(&last)?;
                return Ok(count(0));
            }
            Some(mut last) => {
                self.current.put_in_next(&mut last)?;
            }
            None => {}
        }
        Ok(count(u16::from(self.current.free() - first) + 1))
    }

    /// `return values`
    pub(super) fn return_values(&mut self, values: &[ExprId]) -> Result<()> {
        let vararg = self.current.header.vararg;
        if let &[value] = values {
            let is_call = matches!(self.ast.expr(value), Expr::Call { .. } | Expr::MethodCall { .. });
            let mut value = self.expr(value)?;
            if is_call && let Kind::Call(pc) = value.kind {
                let call = self.current.code.at(pc);
                call.op = Op::TailCall;
                call.c = 0;
                call.set_x(u8::from(vararg));
                let first = (call.a / SCALE) as u8;
                // A native function is called from this frame, which then returns its results.
                self.emit_return(first, count(0));
                return Ok(());
            }
            if !value.is_multiple() {
                let register = self.current.put_anywhere(&mut value)?;
                self.emit_return(register, count(2));
                return Ok(());
            }
            let first = self.current.free();
            // A call that is no tail call, as in `return f()!`, was cut down to one value above; this one is `...`.
            self.current.set_open_results(&value)?;
            self.emit_return(first, count(0));
            return Ok(());
        }
        let first = self.current.free();
        let n = self.values_from(first, values, None)?;
        self.emit_return(first, n);
        Ok(())
    }

    fn emit_return(&mut self, first: u8, n: Field) {
        let first = reg(first);
        let instruction = match n.0 {
            _ if self.current.header.vararg => Instruction::new(Op::ReturnVararg, first, n, NONE),
            1 => Instruction::new(Op::Return0, NONE, NONE, NONE),
            2 => Instruction::new(Op::Return1, first, NONE, NONE),
            _ => Instruction::new(Op::Return, first, n, NONE),
        };
        self.current.emit(instruction);
    }
}

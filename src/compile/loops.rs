//! Loops.
//!
//! Every round of a `for` has its own variables. The first variable of a generic loop and the copied one of a numeric loop
//! are overwritten for the next round, so one that lives in a cell is wrapped anew at the start of the body. The
//! variable of a numeric loop *is* the internal index unless the body assigns or shares it.

use super::code::JumpList;
use super::descriptor::Kind;
use super::error::Result;
use super::function::Symbol;
use super::operator::is_one;
use super::resolve::Declaration;
use super::{Compiler, declarations};
use crate::bytecode::op::{Instruction, NONE, Op, count, reg};
use crate::syntax::ast::{Binding, Block, ExprId};

/// Internal registers of a generic loop; the call of the iterator needs as many above them.
const GENERIC_STATE: u8 = 3;

impl Compiler<'_> {
    pub(super) fn while_loop(&mut self, cond: ExprId, body: &Block) -> Result<()> {
        let start = self.current.code.mark();
        let exit = self.condition(cond)?;
        self.current.enter_block(true);
        self.block(body)?;
        let line = self.current.line;
        self.current.code.jump_to(start, line);
        self.current.leave_block()?;
        self.current.code.patch_here(exit);
        Ok(())
    }

    pub(super) fn repeat_loop(&mut self, body: &Block, cond: ExprId) -> Result<()> {
        let start = self.current.code.mark();
        self.current.enter_block(true);
        self.current.enter_block(false);
        self.statements(body, true)?;
        let cond = self.condition_value(cond)?;
        if cond.is_constant() && !matches!(cond.kind, Kind::False) {
            // Not a loop.
            self.current.leave_block()?;
            return self.current.leave_block();
        }
        let exit = self.leave_if_true(cond)?;
        self.current.leave_block()?;
        let line = self.current.line;
        self.current.code.jump_to(start, line);
        self.current.leave_block()?;
        self.current.code.patch_here(exit);
        Ok(())
    }

    pub(super) fn numeric_for(
        &mut self,
        line: u32,
        var: &Binding,
        [start, limit]: [ExprId; 2],
        step: Option<ExprId>,
        body: &Block,
    ) -> Result<()> {
        let base = self.expr_in_next(start)?;
        self.expr_in_next(limit)?;
        let mut unit_step = true;
        if let Some(step) = step {
            let mut step = self.expr(step)?;
            unit_step = is_one(&step);
            if !unit_step {
                self.current.put_in_next(&mut step)?;
            }
        }
        self.current.enter_block(true);
        self.declare_internal(base, &["(for index)", "(for limit)", "(for step)"][..if unit_step { 2 } else { 3 }])?;
        let (prepare, advance) = if unit_step { (Op::ForPrep1, Op::ForLoop1) } else { (Op::ForPrep, Op::ForLoop) };
        let skip = self.current.code.emit(Instruction::wide(prepare, reg(base), 0), body.line);
        let first = self.current.code.mark();

        self.current.enter_block(false);
        let declaration = Declaration::of(&var.name);
        let preparation = self.current.code.here();
        let register = if self.resolution.is_assigned(declaration) {
            let copy = self.current.reserve(1)?;
            self.current.code.emit(Instruction::new(Op::Move, reg(copy), reg(base), NONE), body.line);
            copy
        } else {
            base
        };
        self.wrap_cells(std::iter::once(declaration), register);
        self.current.code.leave_lineless(preparation);
        self.declare(std::slice::from_ref(var), register)?;
        self.current.line = body.line;
        self.statements(body, false)?;
        self.current.leave_block()?;

        let advance = self.current.code.emit(Instruction::wide(advance, reg(base), 0), line);
        self.current.code.patch(JumpList::one(advance), first);
        self.current.code.patch_here(JumpList::one(skip));
        self.current.leave_block()
    }

    pub(super) fn generic_for(&mut self, vars: &[Binding], values: &[ExprId], body: &Block) -> Result<()> {
        let line = values.first().map_or(body.line, |value| self.ast.expr_span(*value).line);
        let base = self.current.free();
        self.exprs_in_registers(values, usize::from(GENERIC_STATE))?;
        self.current.enter_block(true);
        self.declare_internal(base, &["(for generator)", "(for state)", "(for control)"])?;
        let enter = self.current.code.jump(body.line);
        let first = self.current.code.mark();

        self.current.enter_block(false);
        self.current.ensure(usize::from(GENERIC_STATE))?;
        let register = self.current.reserve(vars.len())?;
        let preparation = self.current.code.here();
        self.wrap_cells(declarations(vars), register);
        self.current.code.leave_lineless(preparation);
        self.declare(vars, register)?;
        self.current.line = body.line;
        self.statements(body, false)?;
        self.current.leave_block()?;

        self.current.code.patch_here(enter);
        let call = Instruction::new(Op::GenericCall, reg(base), NONE, count(vars.len() as u16));
        self.current.code.emit(call, line);
        let advance = self.current.code.emit(Instruction::wide(Op::GenericLoop, reg(base), 0), line);
        self.current.code.patch(JumpList::one(advance), first);
        self.current.leave_block()
    }

    /// Makes the reserved registers from `base` on variables of the loop itself.
    fn declare_internal(&mut self, base: u8, names: &[&str]) -> Result<()> {
        for (name, register) in names.iter().zip(base..) {
            self.current.activate(Symbol::Internal, name, register, false, None)?;
        }
        Ok(())
    }
}

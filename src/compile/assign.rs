//! Assignments.
//!
//! As in the reference implementation, the tables and keys of all targets are evaluated first, then the values, then
//! the targets are stored to from right to left.

use smallvec::SmallVec;

use super::Compiler;
use super::descriptor::{Kind, Operand};
use super::error::{self, Result};
use super::function::{FunctionState, Variable};
use crate::bytecode::op::{Instruction, NONE, Op, reg};
use crate::syntax::ast::{Expr, ExprId, Ident};

impl Compiler<'_> {
    /// `targets = values`
    pub(super) fn assign(&mut self, targets: &[ExprId], values: &[ExprId]) -> Result<()> {
        let mut places = SmallVec::<[Kind; 4]>::new();
        for &target in targets {
            if let Expr::Name(name) = self.ast.expr(target) {
                self.check_no_alias(Ident { name: *name, span: self.ast.expr_span(target) })?;
            }
            let place = self.expr(target)?.kind;
            let assigned = match place {
                Kind::Local(register) => Some(Operand::Register(register)),
                Kind::Cell(register) => Some(Operand::Cell(register)),
                Kind::CapturedCell(index) => Some(Operand::CapturedCell(index)),
                _ => None,
            };
            if let Some(variable) = assigned {
                self.current.protect_operands(&mut places, variable)?;
            }
            places.push(place);
        }
        let last = self.expr_list(values)?;
        if let Some(last) = last
            && values.len() == places.len()
        {
            // The last value need not pass through a temporary.
            let place = places.pop().expect("an assignment has a target");
            self.current.store(place, last)?;
        } else {
            self.adjust(places.len(), values.len(), last)?;
        }
        while let Some(place) = places.pop() {
            let value = Kind::Register(self.current.free() - 1);
            self.current.store(place, value.into())?;
        }
        Ok(())
    }
}

impl Compiler<'_> {
    /// Refuses a name that is about to be assigned and means the value of an alias.
    pub(super) fn check_no_alias(&mut self, name: Ident) -> Result<()> {
        match self.find(self.symbol(name.name))? {
            Some(Variable::Type(_)) => {
                let message = format!("cannot assign to type '{}'", self.ast.text(name.name));
                Err(error::types("E0028", message, name.span))
            }
            _ => Ok(()),
        }
    }
}

impl FunctionState {
    /// The variable is about to be assigned. Earlier targets that use it as table or key get a copy.
    fn protect_operands(&mut self, places: &mut [Kind], variable: Operand) -> Result<()> {
        let copy = self.free();
        let mut used = false;
        for place in places {
            let operands = match place {
                Kind::Field { object, .. } | Kind::Element { object, .. } => [Some(object), None],
                Kind::Index { object, key } => [Some(object), Some(key)],
                _ => continue,
            };
            for operand in operands.into_iter().flatten().filter(|operand| **operand == variable) {
                *operand = Operand::Register(copy);
                used = true;
            }
        }
        if !used {
            return Ok(());
        }
        if let Operand::Register(register) = variable {
            self.reserve(1)?;
            self.emit(Instruction::new(Op::Move, reg(copy), reg(register), NONE));
        } else {
            self.fetch(variable)?;
        }
        Ok(())
    }
}

//! Walks expression trees.
//!
//! Chains such as `a + b + c` and `f()()()` nest to the left without limit, so the left spine of an expression is
//! descended with a loop and then extended node by node; all other operands are walked by recursion, which the parser
//! limits.

use smallvec::SmallVec;

use super::Compiler;
use super::descriptor::{Descriptor, Kind};
use super::error::Result;
use super::function::{Symbol, Variable};
use crate::bytecode::op::{Instruction, NONE, Op, count};
use crate::bytecode::proto::Constant;
use crate::bytecode::types::NodeId;
use crate::number::Number;
use crate::syntax::ast::{Expr, ExprId, Name};

impl Compiler<'_> {
    /// Evaluates `id` as far as can be without knowing where the value goes.
    pub(super) fn expr(&mut self, mut id: ExprId) -> Result<Descriptor> {
        let ast = self.ast;
        let mut spine = SmallVec::<[ExprId; 8]>::new();
        let mut e = loop {
            let left = match ast.expr(id) {
                Expr::Binary { lhs, .. } => *lhs,
                Expr::Call { func, .. } => *func,
                Expr::MethodCall { object, .. } => *object,
                Expr::Field(object, _) | Expr::Index(object, _) => *object,
                Expr::NonNil(inner) | Expr::Cast(inner, _) => *inner,
                _ => break self.leaf(id)?,
            };
            spine.push(id);
            id = left;
        };
        while let Some(node) = spine.pop() {
            e = self.extend(e, node)?;
        }
        Ok(e)
    }

    /// An expression that does not start with another one.
    fn leaf(&mut self, id: ExprId) -> Result<Descriptor> {
        let ast = self.ast;
        self.current.advance(ast.expr_span(id));
        let kind = match ast.expr(id) {
            Expr::Nil => Kind::Nil,
            Expr::True => Kind::True,
            Expr::False => Kind::False,
            Expr::Integer(value) => Kind::Number(Number::Int(*value)),
            Expr::Float(value) => Kind::Number(Number::Float(*value)),
            Expr::String(bytes) => Kind::String(self.current.constants.string(bytes)),
            Expr::Vararg => {
                if !self.current.header.vararg {
                    return Err(self.current.misplaced("cannot use '...' outside a vararg function"));
                }
                Kind::Vararg(self.current.emit(Instruction::new(Op::Vararg, NONE, NONE, count(2))))
            }
            Expr::Function(body) => return self.closure(body, None, None),
            Expr::Name(name) => return self.name(*name),
            Expr::Paren(inner) => {
                let mut e = self.expr(*inner)?;
                self.current.advance(ast.expr_span(id));
                self.current.truncate(&mut e);
                return Ok(e);
            }
            Expr::Table(items) => return self.table(items, ast.expr_span(id)),
            Expr::Unary { op, operand, line } => {
                let e = self.expr(*operand)?;
                return self.current.prefix(*op, e, *line);
            }
            _ => return Err(self.current.misplaced("syntax error")),
        };
        Ok(kind.into())
    }

    /// Goes on from the value of the leftmost part of `node` to the value of `node`.
    fn extend(&mut self, mut e: Descriptor, node: ExprId) -> Result<Descriptor> {
        let ast = self.ast;
        match ast.expr(node) {
            Expr::Binary { op, rhs, line, .. } => {
                self.current.line = *line;
                self.current.infix(*op, &mut e)?;
                let rhs = self.expr(*rhs)?;
                self.current.postfix(*op, e, rhs, *line)
            }
            Expr::Field(_, name) => {
                let object = self.current.table_operand(&mut e)?;
                self.current.advance(name.span);
                let key = self.string(name.name);
                self.current.index(object, key)
            }
            Expr::Index(_, key) => {
                let object = self.current.table_operand(&mut e)?;
                let key = self.expr(*key)?;
                self.current.index(object, key)
            }
            Expr::Call { func, args, .. } => self.call(e, *func, args, ast.expr_span(node)),
            Expr::MethodCall { name, args, .. } => self.method_call(e, *name, args, ast.expr_span(node)),
            _ => {
                self.current.truncate(&mut e);
                Ok(e)
            }
        }
    }

    /// Evaluates `id` into the next register.
    pub(super) fn expr_in_next(&mut self, id: ExprId) -> Result<u8> {
        let mut e = self.expr(id)?;
        self.current.put_in_next(&mut e)
    }

    /// Evaluates all of `ids` but the last into consecutive registers, and the last one as far as [`Self::expr`] does.
    pub(super) fn expr_list(&mut self, ids: &[ExprId]) -> Result<Option<Descriptor>> {
        let Some((&last, others)) = ids.split_last() else {
            return Ok(None);
        };
        for &id in others {
            self.expr_in_next(id)?;
        }
        self.expr(last).map(Some)
    }

    /// Makes the values of `ids` exactly `wanted` ones, in consecutive registers from the next one on.
    pub(super) fn exprs_in_registers(&mut self, ids: &[ExprId], wanted: usize) -> Result<()> {
        let last = self.expr_list(ids)?;
        self.adjust(wanted, ids.len(), last)
    }

    /// Adjusts the `given` values of a list, the last of which is `last`, to `wanted` ones.
    pub(super) fn adjust(&mut self, wanted: usize, given: usize, last: Option<Descriptor>) -> Result<()> {
        let current = &mut self.current;
        match last {
            Some(last) if last.is_multiple() => {
                let results = (wanted + 1).saturating_sub(given);
                current.set_results(&last, results)?;
                // The call or `...` itself already owns the first.
                current.reserve(results.saturating_sub(1))?;
            }
            _ => {
                if let Some(mut last) = last {
                    current.put_in_next(&mut last)?;
                }
                if wanted > given {
                    let missing = wanted - given;
                    let first = current.reserve(missing)?;
                    current.code.load_nil(first, missing as u8, current.line);
                }
            }
        }
        if given > wanted {
            current.release_from(current.free() - (given - wanted) as u8);
        }
        Ok(())
    }

    /// A name as a string constant.
    pub(super) fn string(&mut self, name: Name) -> Descriptor {
        let text = self.ast.text(name);
        Kind::String(self.current.constants.string(text.as_bytes())).into()
    }

    /// A variable: a local, a captured one or a field of `_ENV`.
    pub(super) fn name(&mut self, name: Name) -> Result<Descriptor> {
        let symbol = self.symbol(name);
        if let Some(variable) = self.find(symbol)? {
            return Ok(self.variable_kind(variable).into());
        }
        let environment = self.find(Symbol::Environment)?.expect("the chunk has an _ENV");
        let key = self.string(name);
        if let Variable::Captured { index, cell: false } = environment
            && let Some(key) = self.current.constant_operand(&key)
        {
            return Ok(Kind::Global { environment: index, key }.into());
        }
        let mut environment = self.variable_kind(environment).into();
        let object = self.current.table_operand(&mut environment)?;
        self.current.index(object, key)
    }

    fn variable_kind(&mut self, variable: Variable) -> Kind {
        match variable {
            Variable::Local { register, cell: false, .. } => Kind::Local(register),
            Variable::Local { register, cell: true, .. } => Kind::Cell(register),
            Variable::Captured { index, cell: false } => Kind::Captured(index),
            Variable::Captured { index, cell: true } => Kind::CapturedCell(index),
            Variable::Type(ty) => {
                let constant = self.type_constant(ty);
                Kind::Relocatable(self.current.emit(Instruction::wide(Op::LoadConst, NONE, constant)))
            }
        }
    }

    /// A type as a constant of the current function.
    pub(super) fn type_constant(&mut self, ty: NodeId) -> u32 {
        self.use_types();
        self.current.constants.add(Constant::Type(ty))
    }
}

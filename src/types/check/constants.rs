//! Constants that go to places whose types have validators (E0016, types §5.5).
//!
//! Validators are no part of the types that the checker compares, so this follows what is written: the annotation beside the
//! expression, as deep as both of them are.

use super::Checker;
use crate::syntax::ast::{Expr, ExprId, FunctionBody, ReturnType, TableItem, Type, TypeField, TypeId, UnOp};
use crate::types::codes::Code;
use crate::types::diagnostic::Diagnostic;
use crate::types::host::Scalar;
use crate::types::scope::{Meaning, VarId};
use crate::types::validator;

/// Aliases and tables that are followed into each other.
const MAX_DEPTH: u32 = 64;

impl<'a> Checker<'a> {
    /// A value for a place with this annotation, whose type it has.
    pub(super) fn check_constant(&mut self, written: TypeId, value: ExprId) {
        if self.notes.validators {
            self.constant_in(written, value, 0);
        }
    }

    /// A value assigned to a variable.
    pub(super) fn check_assigned_constant(&mut self, var: VarId, value: ExprId) {
        if let Some(written) = self.notes.written.get(&var).copied() {
            self.check_constant(written, value);
        }
    }

    /// The arguments of a call of a local function that is never assigned again.
    pub(super) fn check_constant_arguments(&mut self, func: ExprId, args: &[ExprId]) {
        let (true, Expr::Name(_), Meaning::Local(var)) =
            (self.notes.validators, self.ast.expr(func), self.scopes.meaning(func))
        else {
            return;
        };
        if self.scopes.var(var).assigned > 0 {
            return;
        }
        let Some(body) = self.notes.bodies.get(&var).copied() else { return };
        for (param, arg) in body.params.iter().zip(args) {
            if let Some(written) = param.ty {
                self.check_constant(written, *arg);
            }
        }
    }

    /// Values that a function with these declared results returns.
    pub(super) fn check_returned_constants(&mut self, ret: &ReturnType, values: &[ExprId]) {
        let types = match ret {
            ReturnType::Single(ty) => std::slice::from_ref(ty),
            ReturnType::Pack { types, .. } => types,
            ReturnType::Vararg(_) | ReturnType::Asserts { .. } => return,
        };
        for (written, value) in types.iter().zip(values) {
            self.check_constant(*written, *value);
        }
    }

    /// Notes the function that a local variable is declared with.
    pub(super) fn note_body(&mut self, var: VarId, body: &'a FunctionBody) {
        if self.notes.validators {
            self.notes.bodies.insert(var, body);
        }
    }

    fn constant_in(&mut self, written: TypeId, value: ExprId, depth: u32) {
        let ast = self.ast;
        let mut at = written;
        for depth in depth..MAX_DEPTH {
            match ast.ty(at) {
                Type::Validated { ty, name, args } => {
                    if let Some(constant) = self.scalar(value) {
                        let text = ast.text(name.name);
                        if validator::violates(text, args, constant) {
                            let message = validator::violation(text, args, constant);
                            let report = Diagnostic::new(Code::CONSTRAINT, self.span(value), message);
                            self.report(report.with_place(name.span, "it is required here"));
                        }
                    }
                    at = *ty;
                }
                Type::Group(ty) | Type::Optional(ty) | Type::Readonly(ty) => at = *ty,
                Type::Name { path, .. } => match &path[..] {
                    [name] => match self.names.alias(name.name).and_then(|id| self.names.bodies.get(&id)) {
                        Some(body) => at = *body,
                        None => return,
                    },
                    _ => return,
                },
                Type::Array(item) => {
                    let Expr::Table(items) = ast.expr(value) else { return };
                    for each in items {
                        if let TableItem::Positional(value) = each {
                            self.constant_in(*item, *value, depth + 1);
                        }
                    }
                    return;
                }
                Type::Table(fields) => {
                    let Expr::Table(items) = ast.expr(value) else { return };
                    for each in items {
                        let TableItem::Named(name, value) = each else { continue };
                        let name = ast.text(name.name).as_bytes();
                        let field = fields.iter().find_map(|field| match field {
                            TypeField::Field { key, ty, .. } if **key == *name => Some(*ty),
                            _ => None,
                        });
                        if let Some(ty) = field {
                            self.constant_in(ty, *value, depth + 1);
                        }
                    }
                    return;
                }
                _ => return,
            }
        }
    }

    /// The value of a constant expression.
    fn scalar(&self, value: ExprId) -> Option<Scalar<'a>> {
        let ast = self.ast;
        Some(match ast.expr(value) {
            Expr::True => Scalar::Boolean(true),
            Expr::False => Scalar::Boolean(false),
            Expr::Integer(value) => Scalar::Integer(*value),
            Expr::Float(value) => Scalar::Float(*value),
            Expr::String(bytes) => Scalar::String(bytes),
            Expr::Unary { op: UnOp::Neg, operand, .. } => match ast.expr(*operand) {
                Expr::Integer(value) => Scalar::Integer(value.wrapping_neg()),
                Expr::Float(value) => Scalar::Float(-value),
                _ => return None,
            },
            _ => return None,
        })
    }
}

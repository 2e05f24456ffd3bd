//! Elements that are there because the length of their table was looked at (types §2.14): after `#t >= 2`, `t[1]` and `t[2]`;
//! where `t` is not empty, `t[#t]`; and those of a constructor. Only a strict check asks: others take every element for there.

use super::Checker;
use super::expr::Edges;
use crate::syntax::ast::{BinOp, Expr, ExprId, TableItem, UnOp};
use crate::types::facts::{Facts, Flow, PathId, PathKey};
use crate::types::scope::VarId;
use crate::types::ty::{Kind, Ty};

/// Elements of a table that are remembered one by one.
const MAX_ELEMENTS: i64 = 8;

impl Checker<'_> {
    /// What a comparison of a length with a constant tells.
    pub(super) fn length_test(&mut self, op: BinOp, lhs: ExprId, rhs: ExprId, edges: &mut Edges) {
        if !self.is_strict() {
            return;
        }
        let (path, op, bound) = match (self.measured(lhs), self.ast.expr(rhs)) {
            (Some(path), Expr::Integer(bound)) => (path, op, *bound),
            _ => match (self.ast.expr(lhs), self.measured(rhs)) {
                (Expr::Integer(bound), Some(path)) => (path, mirrored(op), *bound),
                _ => return,
            },
        };
        // The least length if the test holds, and if it does not.
        let (yes, no) = match op {
            BinOp::Gt => (bound.saturating_add(1), 0),
            BinOp::Ge | BinOp::Eq => (bound, i64::from(op == BinOp::Eq && bound == 0)),
            BinOp::Lt => (0, bound),
            BinOp::Le => (0, bound.saturating_add(1)),
            BinOp::Ne => (i64::from(bound == 0), bound),
            _ => return,
        };
        self.at_least(&mut edges.yes, path, yes);
        self.at_least(&mut edges.no, path, no);
    }

    /// The path of the table whose length an expression is.
    fn measured(&mut self, id: ExprId) -> Option<PathId> {
        match self.ast.expr(id) {
            Expr::Unary { op: UnOp::Len, operand, .. } => self.path_of(*operand),
            _ => None,
        }
    }

    fn at_least(&mut self, facts: &mut Facts, path: PathId, length: i64) {
        if length < 1 {
            return;
        }
        let Some(flow) = self.path_flow(facts, path) else { return };
        let head = self.types.head(flow.ty);
        let Kind::Array { elem, .. } = *self.types.kind(head) else { return };
        let keys = (1..=length.min(MAX_ELEMENTS)).map(PathKey::Index).chain([PathKey::Last]);
        for key in keys {
            if let Some(element) = self.paths.extend(path, key) {
                facts.set(element, Flow { ty: elem, ..flow });
            }
        }
    }

    /// What is known of `t[#t]`, if the key is that.
    pub(super) fn last_element(&mut self, object: ExprId, key: ExprId) -> Option<Flow> {
        let path = self.measured(key)?;
        if self.path_of(object) != Some(path) {
            return None;
        }
        let element = self.paths.extend(path, PathKey::Last)?;
        self.facts.get(element)
    }

    /// Notes the elements of a constructor that a variable was just declared with.
    pub(super) fn note_elements(&mut self, var: VarId, value: ExprId) {
        let Expr::Table(items) = self.ast.expr(value) else { return };
        if !self.is_strict() || self.is_volatile(var) {
            return;
        }
        let path = self.paths.root(var);
        let flow = self.var_flow(var);
        let Some(elem) = self.types.element(flow.ty).filter(|elem| *elem != Ty::ANY) else { return };
        for (place, item) in (1..=MAX_ELEMENTS).zip(items) {
            let TableItem::Positional(value) = item else { return };
            let certain = matches!(
                self.ast.expr(*value),
                Expr::Integer(_)
                    | Expr::Float(_)
                    | Expr::String(_)
                    | Expr::True
                    | Expr::False
                    | Expr::Table(_)
                    | Expr::Function(_)
            );
            if certain && let Some(element) = self.paths.extend(path, PathKey::Index(place)) {
                self.facts.set(element, Flow { ty: elem, ..flow });
            }
        }
    }
}

/// The comparison with its sides swapped.
fn mirrored(op: BinOp) -> BinOp {
    match op {
        BinOp::Lt => BinOp::Gt,
        BinOp::Le => BinOp::Ge,
        BinOp::Gt => BinOp::Lt,
        BinOp::Ge => BinOp::Le,
        other => other,
    }
}

//! Findings about style, most of them from the pass before (types §4.3, W codes).

use super::Checker;
use crate::syntax::ast::{BinOp, Block, Expr, Stat, StatKind};
use crate::types::codes::Code;
use crate::types::diagnostic::Diagnostic;
use crate::types::facts::Facts;
use crate::types::scope::VarKind;

impl Checker<'_> {
    /// Reports what is only known at the end of the chunk.
    pub(super) fn rules(&mut self) {
        self.facts = Facts::default();
        for (_, span, name) in std::mem::take(&mut self.notes.errors) {
            self.error(Code::IGNORED_ERROR, span, format!("error result of '{name}' is never tested"));
        }
        for at in 0..self.scopes.vars.len() {
            let var = self.scopes.vars[at].clone();
            let name = self.ast.text(var.name).to_owned();
            let exempt = name.starts_with('_');
            if let (Some(hidden), false) = (var.hides, exempt)
                && var.kind != VarKind::Receiver
                && self.scopes.var(hidden).kind != VarKind::Receiver
            {
                let report = Diagnostic::new(Code::SHADOWED, var.span, format!("'{name}' hides another variable"));
                self.report(report.with_place(self.scopes.var(hidden).span, "which is declared here"));
            }
            if var.read || exempt {
                continue;
            }
            match var.kind {
                VarKind::Param => {
                    self.error(Code::UNUSED_PARAMETER, var.span, format!("parameter '{name}' is never read"));
                }
                VarKind::Local if var.imported => {
                    self.error(Code::UNUSED_IMPORT, var.span, format!("module '{name}' is never used"));
                }
                VarKind::Local | VarKind::Function | VarKind::Loop => {
                    self.error(Code::UNUSED_VARIABLE, var.span, format!("variable '{name}' is never read"));
                }
                VarKind::Receiver | VarKind::Alias => {}
            }
        }
        let ast = self.ast;
        self.blocks(&ast.block);
    }

    /// Empty blocks, and comparisons of a variable with itself, outside of expressions.
    fn blocks(&mut self, block: &Block) {
        block.stats.iter().for_each(|stat| self.statement_rules(stat));
    }

    fn statement_rules(&mut self, stat: &Stat) {
        match &stat.kind {
            StatKind::Do(block) => self.inner(block, stat),
            StatKind::While { cond, body } => {
                self.self_compare(*cond);
                self.inner(body, stat);
            }
            StatKind::Repeat { body, cond } => {
                self.self_compare(*cond);
                self.blocks(body);
            }
            StatKind::If { arms, otherwise } => {
                for (cond, block) in arms {
                    self.self_compare(*cond);
                    self.inner(block, stat);
                }
                otherwise.iter().for_each(|block| self.inner(block, stat));
            }
            StatKind::NumericFor { body, .. } | StatKind::GenericFor { body, .. } => self.inner(body, stat),
            StatKind::Function { body, .. } | StatKind::LocalFunction { body, .. } => self.blocks(&body.block),
            _ => {}
        }
    }

    fn inner(&mut self, block: &Block, stat: &Stat) {
        if block.stats.is_empty() {
            self.error(Code::EMPTY_BLOCK, stat.span, "empty block");
        }
        self.blocks(block);
    }

    fn self_compare(&mut self, cond: crate::syntax::ast::ExprId) {
        let Expr::Binary { op, lhs, rhs, .. } = self.ast.expr(cond) else { return };
        let compares = matches!(op, BinOp::Eq | BinOp::Ne | BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge);
        if let (true, Expr::Name(left), Expr::Name(right)) = (compares, self.ast.expr(*lhs), self.ast.expr(*rhs))
            && left == right
        {
            let name = self.ast.text(*left);
            self.error(Code::SELF_COMPARE, self.span(cond), format!("'{name}' is compared with itself"));
        }
    }
}

//! Functions that leave a module without saying what they take and give (E0030, where annotations are required: types §4.5).
//!
//! Only the text of the chunk is looked at: what it returns, and what it puts into the tables that it returns.

use std::collections::BTreeSet;

use super::codes::Code;
use super::diagnostic::{Diagnostic, Diagnostics};
use crate::syntax::Span;
use crate::syntax::ast::{Ast, Block, Expr, ExprId, FunctionBody, Name, Stat, StatKind, TableItem};

/// Reports the exported functions whose parameters or results have no types.
pub fn require(ast: &Ast, diagnostics: &mut Diagnostics) {
    let mut exports = Exports { ast, stats: &ast.block.stats, seen: BTreeSet::new(), diagnostics };
    if let Some(Stat { kind: StatKind::Return(values), .. }) = ast.block.stats.last() {
        values.iter().for_each(|value| exports.value(*value, "returned"));
    }
}

struct Exports<'a> {
    ast: &'a Ast,
    /// The chunk.
    stats: &'a [Stat],
    /// The variables that have been looked at.
    seen: BTreeSet<Name>,
    diagnostics: &'a mut Diagnostics,
}

impl Exports<'_> {
    /// A value that leaves the chunk; `name` is for reports.
    fn value(&mut self, value: ExprId, name: &str) {
        match self.ast.expr(value) {
            Expr::Function(body) => self.function(body, name),
            Expr::Name(name) => self.variable(*name),
            Expr::Paren(inner) | Expr::Cast(inner, _) | Expr::NonNil(inner) => self.value(*inner, name),
            Expr::Table(items) => {
                for item in items {
                    if let TableItem::Named(field, value) = item {
                        self.value(*value, self.ast.text(field.name));
                    }
                }
            }
            // `setmetatable(M, …)`
            Expr::Call { args, .. } => {
                if let Some(first) = args.first() {
                    self.value(*first, name);
                }
            }
            _ => {}
        }
    }

    /// A variable whose value leaves the chunk, and what the chunk puts into it.
    fn variable(&mut self, name: Name) {
        if !self.seen.insert(name) {
            return;
        }
        let text = self.ast.text(name);
        for stat in self.stats {
            match &stat.kind {
                StatKind::LocalFunction { name: local, body } if local.name == name => self.function(body, text),
                StatKind::Function { path, method, body } if path[0].name == name => {
                    let last = method.as_ref().unwrap_or(&path[path.len() - 1]);
                    self.function(body, self.ast.text(last.name));
                }
                StatKind::Local { vars, values } => {
                    for (variable, value) in vars.iter().zip(values) {
                        if variable.name.name == name {
                            self.value(*value, text);
                        }
                    }
                }
                StatKind::Assign { targets, values } => {
                    for (target, value) in targets.iter().zip(values) {
                        if let Expr::Field(object, field) = self.ast.expr(*target)
                            && let Expr::Name(table) = self.ast.expr(*object)
                            && *table == name
                        {
                            self.value(*value, self.ast.text(field.name));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn function(&mut self, body: &FunctionBody, name: &str) {
        for parameter in &body.params {
            let text = self.ast.text(parameter.name.name);
            if parameter.ty.is_none() && !text.starts_with('_') {
                self.report(
                    parameter.name.span,
                    format!("parameter '{text}' of exported function '{name}' has no type"),
                );
            }
        }
        if body.ret.is_none() && returns_values(&body.block) {
            let span = Span { end: body.span.start + "function".len() as u32, end_line: body.span.line, ..body.span };
            self.report(span, format!("exported function '{name}' has no type of its results"));
        }
    }

    fn report(&mut self, span: Span, message: String) {
        self.diagnostics.push(Diagnostic::new(Code::MISSING_ANNOTATION, span, message));
    }
}

fn returns_values(block: &Block) -> bool {
    block.stats.iter().any(|stat| match &stat.kind {
        StatKind::Return(values) => !values.is_empty(),
        StatKind::Do(body)
        | StatKind::While { body, .. }
        | StatKind::Repeat { body, .. }
        | StatKind::NumericFor { body, .. }
        | StatKind::GenericFor { body, .. } => returns_values(body),
        StatKind::If { arms, otherwise } => arms.iter().map(|(_, block)| block).chain(otherwise).any(returns_values),
        _ => false,
    })
}

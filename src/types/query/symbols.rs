//! What a chunk declares, as a tree.

use super::Query;
use crate::syntax::Span;
use crate::syntax::ast::{Ast, Block, Expr, ExprId, FunctionBody, Ident, StatKind, TableItem};

/// A declaration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Symbol {
    /// Its name; `a.b:c` for a method.
    pub name: String,
    /// What it is.
    pub kind: SymbolKind,
    /// All of it.
    pub span: Span,
    /// Its name in the text.
    pub name_span: Span,
    /// What is declared within it.
    pub children: Vec<Symbol>,
}

/// What is declared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SymbolKind {
    /// A function.
    Function,
    /// A function with a receiver.
    Method,
    /// A local variable.
    Variable,
    /// A field with a function or table in it.
    Field,
    /// A type.
    Type,
}

impl Query<'_> {
    /// What the chunk declares: functions wherever they are, variables and types of the chunk itself.
    pub fn symbols(&self) -> Vec<Symbol> {
        let mut walk = Walk { ast: self.ast, found: Vec::new() };
        walk.block(&walk.ast.block, true);
        walk.found
    }
}

struct Walk<'a> {
    ast: &'a Ast,
    found: Vec<Symbol>,
}

impl<'a> Walk<'a> {
    fn add(&mut self, name: String, kind: SymbolKind, span: Span, name_span: Span, inner: impl FnOnce(&mut Walk<'a>)) {
        let mut walk = Walk { ast: self.ast, found: Vec::new() };
        inner(&mut walk);
        self.found.push(Symbol { name, kind, span, name_span, children: walk.found });
    }

    fn text(&self, ident: &Ident) -> String {
        self.ast.text(ident.name).to_owned()
    }

    fn block(&mut self, block: &'a Block, outermost: bool) {
        for stat in &block.stats {
            match &stat.kind {
                StatKind::Local { vars, values } => {
                    for (at, var) in vars.iter().enumerate() {
                        let value = values.get(at).copied();
                        let name = self.text(&var.name);
                        self.value(name, stat.span, var.name.span, value, outermost.then_some(SymbolKind::Variable));
                    }
                }
                StatKind::LocalFunction { name, body } => {
                    let text = self.text(name);
                    self.add(text, SymbolKind::Function, stat.span, name.span, |walk| walk.body(body));
                }
                StatKind::Function { path, method, body } => {
                    let mut text = path.iter().map(|part| self.text(part)).collect::<Vec<_>>().join(".");
                    let mut kind = SymbolKind::Function;
                    if let Some(method) = method {
                        text = format!("{text}:{}", self.text(method));
                        kind = SymbolKind::Method;
                    }
                    let name = method.as_ref().or(path.last()).map_or(stat.span, |name| name.span);
                    self.add(text, kind, stat.span, name, |walk| walk.body(body));
                }
                StatKind::Assign { targets, values } => {
                    for (target, value) in targets.iter().zip(values) {
                        if let Some((name, span)) = self.target(*target) {
                            self.value(name, stat.span, span, Some(*value), None);
                        }
                    }
                }
                StatKind::Alias(alias) => {
                    let text = self.text(&alias.name);
                    self.add(text, SymbolKind::Type, stat.span, alias.name.span, |_| {});
                }
                StatKind::Do(body) | StatKind::While { body, .. } | StatKind::Repeat { body, .. } => {
                    self.block(body, false);
                }
                StatKind::NumericFor { body, .. } | StatKind::GenericFor { body, .. } => self.block(body, false),
                StatKind::If { arms, otherwise } => {
                    for body in arms.iter().map(|(_, body)| body).chain(otherwise) {
                        self.block(body, false);
                    }
                }
                StatKind::Return(values) => {
                    // What a module consists of may stand here only.
                    for value in values {
                        if let Expr::Table(items) = self.ast.expr(*value) {
                            self.items(items);
                        }
                    }
                }
                StatKind::Error | StatKind::Break | StatKind::Call(_) | StatKind::Label(_) | StatKind::Goto(_) => {}
            }
        }
    }

    fn body(&mut self, body: &'a FunctionBody) {
        self.block(&body.block, false);
    }

    /// What gets a name by its value: functions and tables always, others if a kind is given for them.
    fn value(&mut self, name: String, span: Span, name_span: Span, value: Option<ExprId>, other: Option<SymbolKind>) {
        match value.map(|value| self.ast.expr(value)) {
            Some(Expr::Function(body)) => self.add(name, SymbolKind::Function, span, name_span, |walk| walk.body(body)),
            Some(Expr::Table(items)) => {
                let kind = other.unwrap_or(SymbolKind::Field);
                let mut walk = Walk { ast: self.ast, found: Vec::new() };
                walk.items(items);
                if other.is_some() || !walk.found.is_empty() {
                    self.found.push(Symbol { name, kind, span, name_span, children: walk.found });
                }
            }
            _ => {
                if let Some(kind) = other {
                    self.add(name, kind, span, name_span, |_| {});
                }
            }
        }
    }

    fn items(&mut self, items: &'a [TableItem]) {
        for item in items {
            if let TableItem::Named(name, value) = item {
                let text = self.text(name);
                let span = name.span.to(self.ast.expr_span(*value));
                self.value(text, span, name.span, Some(*value), None);
            }
        }
    }

    /// The name of a variable or of a path of fields.
    fn target(&self, target: ExprId) -> Option<(String, Span)> {
        let mut parts = Vec::new();
        let mut at = target;
        let mut last = None;
        loop {
            match self.ast.expr(at) {
                Expr::Name(name) => {
                    parts.push(self.ast.text(*name));
                    last.get_or_insert(self.ast.expr_span(at));
                    break;
                }
                Expr::Field(object, name) => {
                    parts.push(self.ast.text(name.name));
                    last.get_or_insert(name.span);
                    at = *object;
                }
                _ => return None,
            }
        }
        parts.reverse();
        Some((parts.join("."), last?))
    }
}

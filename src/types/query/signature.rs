//! The function that is being called around a place.

use super::Query;
use crate::syntax::ast::{Expr, ExprId};
use crate::types::ty::{Func, Kind, Ty};

/// A function that is being called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signature {
    /// Its parameters and results, as text.
    pub label: String,
    /// Its parameters, as they stand in the label.
    pub parameters: Vec<String>,
    /// Which of them the place belongs to; may be beyond the last one.
    pub active: usize,
}

impl Query<'_> {
    /// The functions that the innermost call around a place may mean.
    pub fn signatures(&mut self, offset: u32) -> Vec<Signature> {
        let Some((args, callee, method)) = self.call_around(offset) else { return Vec::new() };
        let active = self.active_argument(&args, offset);
        let callee = self.types.head(callee);
        let alternatives = match self.types.kind(callee).clone() {
            Kind::Intersection(parts) => parts.to_vec(),
            _ => self.members(callee),
        };
        let mut found = Vec::new();
        for alternative in alternatives {
            let head = self.types.head(alternative);
            if let Kind::Func(func) = self.types.kind(head).clone() {
                let (label, parameters) = self.signature_text(&func, usize::from(method));
                found.push(Signature { label, parameters, active });
            }
        }
        found
    }

    /// Arguments and callee of the innermost call whose parentheses are around the place, and whether it has a receiver.
    fn call_around(&self, offset: u32) -> Option<(Vec<ExprId>, Ty, bool)> {
        let (ast, trace) = (self.ast, &self.noted.trace);
        let mut best: Option<(u32, Vec<ExprId>, Ty, bool)> = None;
        for (expr, span) in ast.exprs() {
            let (opening, args, callee, method) = match expr {
                Expr::Call { func, args, .. } => (ast.expr_span(*func).end, args, trace.expr(*func), false),
                Expr::MethodCall { name, args, .. } => (name.span.end, args, trace.name(name.span.start), true),
                _ => continue,
            };
            let inside = opening < offset && offset < span.end;
            if inside && best.as_ref().is_none_or(|(start, ..)| *start <= opening) {
                best = Some((opening, args.clone(), callee?, method));
            }
        }
        best.map(|(_, args, callee, method)| (args, callee, method))
    }

    /// Arguments before the place, by their commas.
    fn active_argument(&self, args: &[ExprId], offset: u32) -> usize {
        let passed = args.iter().take_while(|arg| {
            let end = self.ast.expr_span(**arg).end;
            end < offset && self.checked.source[end as usize..offset as usize].contains(&b',')
        });
        passed.count()
    }

    /// The text of a function type, and of each of its parameters.
    fn signature_text(&self, func: &Func, skip: usize) -> (String, Vec<String>) {
        let mut parameters: Vec<String> = func
            .params
            .iter()
            .skip(skip)
            .map(|param| {
                let ty = self.types.show(param.ty);
                match param.name {
                    Some(name) => format!("{}: {ty}", self.types.key_text(name)),
                    None => ty,
                }
            })
            .collect();
        parameters.extend(func.vararg.map(|ty| format!("...: {}", self.types.show(ty))));
        (format!("({}) -> {}", parameters.join(", "), self.types.show_pack(&func.ret)), parameters)
    }
}

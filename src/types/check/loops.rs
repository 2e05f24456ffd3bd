//! Loops, and labels that make some: what is known where paths meet again (types §3.3).

use super::Checker;
use super::expr::Values;
use crate::syntax::ast::{Binding, Block, Expr, ExprId, Ident, UnOp};
use crate::types::algebra::base;
use crate::types::codes::Code;
use crate::types::facts::{Facts, Flow, PathId};
use crate::types::scope::{Assigned, VarId};
use crate::types::ty::{Kind, Special, Ty};

/// Loops within loops that are followed more than once; what deeper ones assign is not known.
const MAX_LOOPS: u32 = 3;
/// How often a loop is followed until its variables have settled.
const MAX_ROUNDS: u32 = 3;

impl<'a> Checker<'a> {
    /// A loop: `body` follows it once, leaves the state that leads back to its head, and answers the state that leaves it.
    pub(super) fn repeated(&mut self, start: u32, body: &mut dyn FnMut(&mut Self) -> Facts) {
        let assigned = self.scopes.assigned_in(start);
        self.forget_fields(&assigned);
        let mark = self.diagnostics.mark();
        let mut head = self.facts.clone();
        if self.notes.loop_depth >= MAX_LOOPS {
            self.forget_vars(&assigned);
            head = self.facts.clone();
        }
        self.notes.loop_depth += 1;
        for round in 1.. {
            self.function.breaks.push(Facts::dead());
            let left = body(self);
            let back = std::mem::take(&mut self.facts);
            let broken = self.function.breaks.pop().expect("pushed above");
            let exit = self.merge(left, broken);
            let settled = back.unreachable || !self.raise(&assigned, &mut head, &back, round);
            if settled {
                self.facts = exit;
                break;
            }
            self.diagnostics.forget(mark);
            self.facts = head.clone();
        }
        self.notes.loop_depth -= 1;
    }

    /// Adds to the state at the head of a loop what its end contradicts; whether there was anything.
    fn raise(&mut self, assigned: &Assigned, head: &mut Facts, back: &Facts, round: u32) -> bool {
        let mut raised = false;
        for var in &assigned.vars {
            if self.is_volatile(*var) {
                continue;
            }
            let path = self.paths.root(*var);
            let base = self.var(*var).base;
            let (before, after) = (head.get(path).unwrap_or(base), back.get(path).unwrap_or(base));
            let joined = before.join(after, self.types);
            if joined.ty == before.ty || self.same_members(joined.ty, before.ty) {
                continue;
            }
            raised = true;
            let flow = match (round >= MAX_ROUNDS, self.var(*var).declared) {
                (false, _) => joined,
                (true, Some(declared)) => Flow::declared(declared),
                (true, None) => Flow::ANY,
            };
            head.set(path, flow);
        }
        // Pairs that the loop breaks are broken at its head.
        raised
    }

    fn same_members(&mut self, a: Ty, b: Ty) -> bool {
        let (a, b) = (self.types.members(a), self.types.members(b));
        a.len() == b.len() && a.iter().all(|member| b.contains(member))
    }

    fn forget_fields(&mut self, assigned: &Assigned) {
        let strict = self.is_strict();
        let (paths, fields) = (&self.paths, assigned.fields);
        let vars = &assigned.vars;
        self.facts.retain(|path| {
            let keyed = paths.parent(path).is_some();
            !(keyed && (fields || strict || vars.contains(&paths.var(path))))
        });
        for var in vars {
            self.facts.unpair(*var);
        }
    }

    /// Lets go of all that is known of variables that are assigned.
    fn forget_vars(&mut self, assigned: &Assigned) {
        for var in &assigned.vars {
            let path = self.paths.root(*var);
            let flow = match self.var(*var).declared {
                Some(declared) => Flow::declared(declared),
                None => Flow::ANY,
            };
            self.facts.forget(path, &self.paths);
            self.facts.set(path, flow);
        }
    }

    pub(super) fn label(&mut self, label: &Ident) {
        if let Some(jumped) = self.function.gotos.remove(&label.name) {
            let here = std::mem::take(&mut self.facts);
            self.facts = self.merge(here, jumped);
        }
        if self.scopes.loop_labels.contains(&label.span.start) {
            let assigned = Assigned { fields: true, ..self.scopes.assigned_in(self.function.start) };
            self.forget_fields(&assigned);
            self.forget_vars(&assigned);
            // Jumps from below lead here, even if nothing else does.
            self.facts.unreachable = false;
        }
    }

    pub(super) fn numeric_for(&mut self, start: u32, var: &'a Binding, controls: [Option<ExprId>; 3], body: &'a Block) {
        let declared = var.ty.map(|ty| self.lower(ty));
        let mut integer = true;
        for (at, control) in controls.into_iter().enumerate() {
            let Some(control) = control else { continue };
            let flow = self.expr(control, None);
            let fails = flow.ty != Ty::ANY
                && self.fails(flow, |checker, member| {
                    let strict = checker.is_strict();
                    let bases = checker.types.bases(member);
                    // A numeral in a string is converted.
                    let numeral = !strict && bases == base::STRING && checker.is_numeral(member);
                    let number = bases & base::NUMBER != 0 && (!strict || bases & !base::NUMBER == 0);
                    !(number || numeral || member == Ty::ANY)
                });
            if fails {
                let message = format!("'for' needs numbers: {} is not a number", self.types.show(flow.ty));
                self.error(Code::BAD_OPERAND, self.span(control), message);
            }
            // A limit with a fraction is cut to an integer.
            integer &= at == 1 || self.types.bases(flow.ty) == base::INTEGER;
        }
        let of_var = Flow::inferred(if integer { Ty::INTEGER } else { Ty::NUMBER });
        let range = self.range(start, var, controls);
        let outside = self.notes.ranges.len();
        self.notes.ranges.extend(range);
        self.for_loop(start, &mut |checker| {
            let Some(id) = checker.scopes.declared(&var.name) else { return };
            if let Some(ty) = declared {
                let place = var.ty.map(|ty| checker.ast.type_span(ty));
                checker.check_fits(of_var, ty, var.name.span, "", place);
                checker.declare_var(id, Some(ty), Flow::declared(ty));
            } else {
                checker.declare_var(id, None, of_var);
            }
            checker.block(body);
        });
        self.notes.ranges.truncate(outside);
    }

    /// The variable of a loop `for i = 1, #t`, and the path of its table, unless one of them is assigned in the loop.
    fn range(&mut self, start: u32, var: &Binding, controls: [Option<ExprId>; 3]) -> Option<(VarId, PathId)> {
        let [Some(first), Some(limit), step] = controls else { return None };
        let positive = |id: ExprId| matches!(self.ast.expr(id), Expr::Integer(1..));
        let Expr::Unary { op: UnOp::Len, operand, .. } = self.ast.expr(limit) else { return None };
        if !positive(first) || !step.is_none_or(positive) {
            return None;
        }
        let path = self.path_of(*operand)?;
        let id = self.scopes.declared(&var.name)?;
        let assigned = self.scopes.assigned_in(start);
        let fixed = !assigned.vars.contains(&self.paths.var(path)) && self.scopes.var(id).assigned == 0;
        fixed.then_some((id, path))
    }

    /// A loop that is left at its head.
    fn for_loop(&mut self, start: u32, body: &mut dyn FnMut(&mut Self)) {
        self.repeated(start, &mut |checker| {
            let head = checker.facts.clone();
            body(checker);
            head
        });
    }

    pub(super) fn generic_for(&mut self, start: u32, vars: &'a [Binding], values: &'a [ExprId], body: &'a Block) {
        let found = self.iterated(values);
        let declared: Vec<Option<Ty>> = vars.iter().map(|var| var.ty.map(|ty| self.lower(ty))).collect();
        self.for_loop(start, &mut |checker| {
            // The loop ends when the first is nil.
            for (at, var) in vars.iter().enumerate() {
                let Some(id) = checker.scopes.declared(&var.name) else { continue };
                let mut flow = found.get(at);
                if at == 0 {
                    let ty = checker.types.without_nil(flow.ty);
                    flow = Flow { ty: if ty == Ty::NEVER { Ty::ANY } else { ty }, ..flow };
                }
                match declared[at] {
                    Some(ty) => {
                        let place = var.ty.map(|ty| checker.ast.type_span(ty));
                        checker.check_fits(flow, ty, var.name.span, "", place);
                        checker.declare_var(id, Some(ty), Flow::declared(ty));
                    }
                    None => checker.declare_var(id, None, flow),
                }
            }
            checker.block(body);
        });
    }

    /// What the variables of a generic `for` get.
    fn iterated(&mut self, values: &'a [ExprId]) -> Values {
        let [first, ..] = values else { return Values::any() };
        if let ([only], Expr::Call { func, args, .. }) = (values, self.ast.expr(*first))
            && let [of] = args[..]
            && self.is_simple(*func)
        {
            let mark = self.diagnostics.mark();
            let called = self.expr(*func, None);
            let special = self.special_of(called.ty);
            self.diagnostics.forget(mark);
            if let Some(special @ (Special::Pairs | Special::Ipairs)) = special {
                return self.traversed(special, *only, of);
            }
        }
        let found = self.list(values, &|_| None);
        let iterator = found.get(0);
        let head = self.types.head(iterator.ty);
        let Kind::Func(func) = self.types.kind(head).clone() else {
            if iterator.ty != Ty::ANY {
                let callable = self.callable(iterator);
                if !callable {
                    let message = format!("'for' iterator: {} is not callable", self.types.show(iterator.ty));
                    self.error(Code::NOT_CALLABLE, self.span(*first), message);
                }
            }
            return Values::any();
        };
        let func = self.types.erase(&func);
        let soft = !self.is_strict() && (func.facts.inferred || func.facts.library.is_some());
        if soft { Values::any() } else { self.values_of(&func.ret, !func.facts.inferred) }
    }
}

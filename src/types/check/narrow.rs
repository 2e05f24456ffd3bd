//! What a condition tells about the paths in it (types §3.2, §3.5).

use super::Checker;
use super::expr::Edges;
use crate::syntax::ast::{BinOp, Expr, ExprId};
use crate::types::algebra::{Bases, base};
use crate::types::facts::{Facts, Flow, PathId, PathKey};
use crate::types::scope::VarId;
use crate::types::ty::{Intrinsic, Kind, Literal, Special, Ty, Types};

/// Pairs lead to paths, and these to pairs.
const MAX_CONSEQUENCES: u8 = 3;

impl Checker<'_> {
    /// The states after a condition that is no logical operator. Its value has been computed.
    pub(super) fn narrow(&mut self, id: ExprId) -> Edges {
        let mut edges = Edges { yes: self.facts.clone(), no: self.facts.clone() };
        if self.facts.unreachable {
            return edges;
        }
        let mut id = id;
        while let Expr::Paren(inner) = self.ast.expr(id) {
            id = *inner;
        }
        match self.ast.expr(id) {
            Expr::Binary { op: op @ (BinOp::Eq | BinOp::Ne), lhs, rhs, .. } => {
                let (equal, other) = match op {
                    BinOp::Eq => (&mut edges.yes, &mut edges.no),
                    _ => (&mut edges.no, &mut edges.yes),
                };
                self.equality(*lhs, *rhs, equal, other);
                self.length_test(*op, *lhs, *rhs, &mut edges);
            }
            Expr::Binary { op: op @ (BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge), lhs, rhs, .. } => {
                self.length_test(*op, *lhs, *rhs, &mut edges);
            }
            Expr::MethodCall { object, name, args, .. } if self.ast.text(name.name) == "is" => {
                if let ([arg], Some(of)) = (&args[..], self.alias_value(*object))
                    && let Kind::TypeValue(of) = *self.types.kind(of)
                    && let Some(path) = self.path_of(*arg)
                {
                    let admits_falsy = self.types.bases(of) & base::FALSY != 0;
                    self.refine(&mut edges.yes, path, &mut |types, flow| {
                        let ty = meet(types, flow.ty, of);
                        Flow { ty: types.without(ty, base::FALSY), declared: true }
                    });
                    if !admits_falsy {
                        self.refine(&mut edges.no, path, &mut |types, flow| Flow {
                            ty: types.retain(flow.ty, |types, member| !types.subtype(member, of) || member == Ty::ANY),
                            ..flow
                        });
                    }
                }
            }
            _ => {
                if let Some(path) = self.path_of(id) {
                    self.truth(&mut edges.yes, path, true);
                    self.truth(&mut edges.no, path, false);
                }
            }
        }
        edges
    }

    /// What is known of `path` if it is true, or false.
    pub(super) fn truth(&mut self, facts: &mut Facts, path: PathId, holds: bool) {
        self.refine(facts, path, &mut |types, flow| {
            if matches!(flow.ty, Ty::ANY | Ty::UNKNOWN) {
                return flow;
            }
            let ty = match holds {
                true => types.without(flow.ty, base::FALSY),
                false => types.only(flow.ty, base::FALSY),
            };
            Flow { ty, ..flow }
        });
        self.discriminate(facts, path, &mut |types, field| {
            types.bases(field) & if holds { !base::FALSY } else { base::FALSY } != 0
        });
    }

    fn equality(&mut self, lhs: ExprId, rhs: ExprId, equal: &mut Facts, other: &mut Facts) {
        for (subject, constant) in [(lhs, rhs), (rhs, lhs)] {
            if let Some(literal) = self.constant(constant) {
                if self.type_test(subject, literal, equal, other) {
                    return;
                }
                let Some(path) = self.path_of(subject) else { continue };
                self.equals(equal, path, literal);
                self.differs(other, path, literal);
                return;
            }
        }
        if self.typeof_test(lhs, rhs, equal, other) || self.typeof_test(rhs, lhs, equal, other) {
            return;
        }
        // Two paths that are equal have what both can have.
        let (Some(left), Some(right)) = (self.path_of(lhs), self.path_of(rhs)) else { return };
        let (Some(a), Some(b)) = (self.path_flow(equal, left), self.path_flow(equal, right)) else { return };
        for (path, with) in [(left, b), (right, a)] {
            if with.ty == Ty::ANY || with.ty == Ty::UNKNOWN || !with.declared {
                continue;
            }
            self.refine(equal, path, &mut |types, flow| {
                let ty =
                    types.retain(flow.ty, |types, member| types.overlap(member, with.ty) || number_like(types, member));
                Flow { ty: if ty == Ty::NEVER { flow.ty } else { ty }, ..flow }
            });
        }
    }

    /// The literal type of a constant expression.
    fn constant(&mut self, id: ExprId) -> Option<Ty> {
        Some(match self.ast.expr(id) {
            Expr::Nil => Ty::NIL,
            Expr::True => Ty::TRUE,
            Expr::False => Ty::FALSE,
            Expr::Integer(value) => self.types.literal(Literal::Integer(*value)),
            Expr::Float(value) => self.types.float_literal(*value),
            Expr::String(bytes) => self.types.string_literal(bytes),
            _ => return None,
        })
    }

    /// `type(x) == "string"` and the like; whether it is one.
    fn type_test(&mut self, call: ExprId, name: Ty, yes: &mut Facts, no: &mut Facts) -> bool {
        let Expr::Call { func, args, .. } = self.ast.expr(call) else { return false };
        let [subject] = args[..] else { return false };
        let Kind::Literal(Literal::String(word)) = *self.types.kind(name) else { return false };
        let word = self.types.key_text(word).into_owned();
        let Some(path) = self.path_of(subject) else { return false };
        let mark = self.diagnostics.mark();
        let called = self.expr(*func, None);
        self.diagnostics.forget(mark);
        let bases = match self.special_of(called.ty) {
            Some(Special::Type) => match bases_of_name(&word) {
                Some(bases) => bases,
                None => return true,
            },
            Some(Special::MathType) => match &*word {
                "integer" => base::INTEGER,
                "float" => base::FLOAT,
                _ => return true,
            },
            _ => return false,
        };
        self.test_bases(path, bases, yes, no);
        true
    }

    /// A test whether the value of a path is of these Lua types.
    fn test_bases(&mut self, path: PathId, bases: Bases, yes: &mut Facts, no: &mut Facts) {
        self.refine(yes, path, &mut |types, flow| {
            let declared = flow.declared || flow.ty == Ty::UNKNOWN || flow.ty == Ty::ANY;
            Flow { ty: types.only(flow.ty, bases), declared }
        });
        self.refine(no, path, &mut |types, flow| match flow.ty {
            Ty::ANY | Ty::UNKNOWN => flow,
            _ => Flow { ty: types.without(flow.ty, bases), ..flow },
        });
        self.discriminate(yes, path, &mut |types, field| types.bases(field) & bases != 0);
        self.discriminate(no, path, &mut |types, field| types.bases(field) & !bases != 0);
    }

    /// `typeof(x) == Number`; whether it is such a test. Of a variable with a declared type the answer is no news.
    fn typeof_test(&mut self, call: ExprId, wanted: ExprId, yes: &mut Facts, no: &mut Facts) -> bool {
        let (Expr::Call { func, args, .. }, Expr::Name(_)) = (self.ast.expr(call), self.ast.expr(wanted)) else {
            return false;
        };
        let ([subject], Expr::Name(_)) = (&args[..], self.ast.expr(*func)) else { return false };
        let mark = self.diagnostics.mark();
        let (called, wanted) = (self.expr(*func, None), self.expr(wanted, None));
        self.diagnostics.forget(mark);
        let Kind::TypeValue(of) = *self.types.kind(wanted.ty) else { return false };
        if self.special_of(called.ty) != Some(Special::Typeof) {
            return false;
        }
        let Some(path) = self.path_of(*subject) else { return false };
        let constant = |declared: Ty| !matches!(declared, Ty::ANY | Ty::UNKNOWN);
        if self.paths.parent(path).is_none() && self.var(self.paths.var(path)).declared.is_some_and(constant) {
            return true;
        }
        let bases = match *self.types.kind(of) {
            Kind::Nil => base::NIL,
            Kind::Boolean => base::BOOLEAN,
            Kind::Number => base::NUMBER,
            Kind::String => base::STRING,
            Kind::Table => base::TABLE,
            Kind::Function => base::FUNCTION,
            Kind::Thread => base::THREAD,
            Kind::Type => base::TYPE,
            Kind::Error => base::ERROR,
            _ => return true,
        };
        self.test_bases(path, bases, yes, no);
        true
    }

    /// The special function of a library that a value is.
    pub(super) fn special_of(&mut self, ty: Ty) -> Option<Special> {
        match self.types.kind(ty) {
            Kind::Func(func) => match func.facts.library {
                Some(Intrinsic::Special(special)) => Some(special),
                _ => None,
            },
            Kind::Intersection(parts) => {
                let first = parts[0];
                self.special_of(first)
            }
            _ => None,
        }
    }

    fn equals(&mut self, facts: &mut Facts, path: PathId, literal: Ty) {
        self.refine(facts, path, &mut |types, flow| {
            if matches!(flow.ty, Ty::ANY | Ty::UNKNOWN) {
                return if literal == Ty::NIL { Flow { ty: Ty::NIL, ..flow } } else { flow };
            }
            let number = number_like(types, literal);
            let kept = types.retain(flow.ty, |types, member| {
                types.overlap(member, literal) || number && types.bases(member) & base::NUMBER != 0
            });
            // A base type that contains the literal becomes it; numbers are equal across their kinds.
            let members = types.members(kept);
            let ty = match members[..] {
                [one] if !number && types.subtype(literal, one) => literal,
                _ => kept,
            };
            Flow { ty, ..flow }
        });
        self.discriminate(facts, path, &mut |types, field| types.overlap(field, literal));
    }

    fn differs(&mut self, facts: &mut Facts, path: PathId, literal: Ty) {
        self.refine(facts, path, &mut |types, flow| {
            let ty = match literal {
                Ty::NIL => types.without_nil(flow.ty),
                Ty::TRUE => types.without(flow.ty, base::TRUE),
                Ty::FALSE => types.without(flow.ty, base::FALSE),
                _ => types.retain(flow.ty, |_, member| member != literal),
            };
            Flow { ty: if matches!(flow.ty, Ty::ANY | Ty::UNKNOWN) { flow.ty } else { ty }, ..flow }
        });
        self.discriminate(facts, path, &mut |types, field| {
            let head = types.head(field);
            !(head == literal && matches!(types.kind(head), Kind::Literal(_) | Kind::Nil))
        });
    }

    /// Narrows the table that a path leads into: to the members of a union whose field passes the test.
    fn discriminate(&mut self, facts: &mut Facts, path: PathId, passes: &mut dyn FnMut(&mut Types, Ty) -> bool) {
        let (Some(parent), Some(PathKey::Name(key))) = (self.paths.parent(path), self.paths.key(path)) else { return };
        let Some(flow) = self.path_flow(facts, parent) else { return };
        let members = self.types.members(flow.ty);
        if members.len() < 2 {
            // A single declared member that cannot pass ends the path.
            if !flow.declared || members.is_empty() {
                return;
            }
        }
        let ty = self.types.retain(flow.ty, |types, member| {
            let head = types.head(member);
            match types.kind(head) {
                Kind::Record(_) => match types.field(head, key) {
                    Some(field) => {
                        let ty = if field.optional { types.optional(field.ty) } else { field.ty };
                        let field = types.head(ty);
                        field == Ty::ANY || passes(types, ty)
                    }
                    None => true,
                },
                // Reading a field of nil raises.
                Kind::Nil => false,
                _ => true,
            }
        });
        if ty != flow.ty {
            self.learn(facts, parent, Flow { ty, ..flow }, flow);
        }
    }

    /// What a path has in a state.
    pub(super) fn path_flow(&mut self, facts: &Facts, path: PathId) -> Option<Flow> {
        if let Some(known) = facts.get(path) {
            return Some(known);
        }
        let Some(parent) = self.paths.parent(path) else {
            return Some(self.base_flow(self.paths.var(path)));
        };
        let object = self.path_flow(facts, parent)?;
        let key = self.paths.key(path)?;
        let mut joined: Option<Flow> = None;
        let members = self.types.members(object.ty);
        for member in members {
            let head = self.types.head(member);
            let ty = match (self.types.kind(head).clone(), key) {
                (Kind::Nil, _) => continue,
                (Kind::Record(_), PathKey::Name(key)) => match self.types.field(head, key) {
                    Some(field) if field.optional => self.types.optional(field.ty),
                    Some(field) => field.ty,
                    None => return None,
                },
                (Kind::Array { elem, .. }, PathKey::Index(_)) if self.is_strict() => self.types.optional(elem),
                (Kind::Array { elem, .. }, PathKey::Index(_)) => elem,
                (Kind::Array { .. }, PathKey::Last) => return None,
                (Kind::Record(record), _) if self.is_strict() => {
                    let (_, value) = record.indexer?;
                    self.types.optional(value)
                }
                _ => return None,
            };
            let flow = Flow { ty, declared: object.declared };
            joined = Some(match joined {
                Some(before) => before.join(flow, self.types),
                None => flow,
            });
        }
        joined
    }

    /// Replaces what is known of a path by a part of it.
    fn refine(&mut self, facts: &mut Facts, path: PathId, part: &mut dyn FnMut(&mut Types, Flow) -> Flow) {
        let var = self.paths.var(path);
        if self.is_volatile(var) && self.paths.parent(path).is_none() && self.var(var).declared.is_none() {
            return;
        }
        let Some(before) = self.path_flow(facts, path) else { return };
        let after = part(self.types, before);
        if after != before {
            self.learn(facts, path, after, before);
        }
    }

    fn learn(&mut self, facts: &mut Facts, path: PathId, after: Flow, before: Flow) {
        if after.ty == Ty::NEVER && before.ty != Ty::NEVER {
            // Inferred types are not that certain: code after such a test is read as it is.
            if before.declared || self.is_strict() {
                facts.unreachable = true;
            } else {
                facts.set(path, Flow::ANY);
                return;
            }
        }
        facts.set(path, after);
        if self.paths.parent(path).is_none() {
            self.consequences(facts, self.paths.var(path), after.ty, 0);
        }
    }

    /// What is known of a value if its error is known, and the reverse.
    fn consequences(&mut self, facts: &mut Facts, var: VarId, ty: Ty, depth: u8) {
        if depth > MAX_CONSEQUENCES {
            return;
        }
        let pairs: Vec<_> = facts.pairs_of(var).collect();
        if pairs.is_empty() {
            return;
        }
        let bases = self.types.bases(ty);
        let (falsy, truthy) = (bases & !base::FALSY == 0, bases & base::FALSY == 0);
        for pair in pairs {
            let (value, error) = (self.paths.root(pair.value), self.paths.root(pair.error));
            if pair.error == var && falsy {
                self.set_part(facts, value, |types, ty| types.without_nil(ty));
            } else if pair.error == var && truthy {
                self.set_part(facts, value, |_, ty| if ty == Ty::ANY { Ty::ANY } else { Ty::NIL });
            } else if pair.value == var && falsy && ty != Ty::NEVER {
                self.set_part(facts, error, |types, ty| types.without_nil(ty));
            } else if pair.value == var && truthy {
                self.set_part(facts, error, |types, ty| types.only(ty, base::NIL));
            }
            let good = pair.error == var && falsy || pair.value == var && truthy;
            if let (true, Some((path, of))) = (good, pair.checked) {
                let flow = self.path_flow(facts, path).unwrap_or(Flow::ANY);
                let ty = meet(self.types, flow.ty, of);
                facts.set(path, Flow::declared(ty));
            }
        }
    }

    fn set_part(&mut self, facts: &mut Facts, path: PathId, part: impl FnOnce(&mut Types, Ty) -> Ty) {
        let Some(before) = self.path_flow(facts, path) else { return };
        let ty = part(self.types, before.ty);
        if ty != before.ty && (ty != Ty::NEVER || before.ty == Ty::NEVER) {
            facts.set(path, Flow { ty, ..before });
        }
    }
}

fn number_like(types: &mut Types, ty: Ty) -> bool {
    types.bases(ty) & !base::NUMBER == 0 && ty != Ty::NEVER
}

/// What a value of the first type is after it has been found to be of the second.
fn meet(types: &mut Types, ty: Ty, of: Ty) -> Ty {
    match ty {
        Ty::ANY | Ty::UNKNOWN => of,
        _ => types.intersect(ty, of),
    }
}

fn bases_of_name(name: &str) -> Option<Bases> {
    Some(match name {
        "nil" => base::NIL,
        "boolean" => base::BOOLEAN,
        "number" => base::NUMBER,
        "string" => base::STRING,
        "table" => base::TABLE,
        "function" => base::FUNCTION,
        "thread" => base::THREAD,
        "userdata" => base::USERDATA | base::ERROR,
        "type" => base::TYPE,
        _ => return None,
    })
}

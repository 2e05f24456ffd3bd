//! Which types fit where: subtyping, assignability, and the first difference when they do not (types §2.4, §2.5).
//!
//! Both relations are one function with a flag, since assignability is subtyping in which `any` matches everything. A pair
//! that is met again while it is being decided holds. What depends on a [`Shape`](super::shape::Shape), which may still
//! grow, is not remembered; neither is what was decided by running out of steps.

use hashbrown::HashMap;

use super::shape::Found;
use super::ty::{Func, Key, Kind, Literal, Pack, Record, ShapeId, Ty, Types};

/// Questions within questions.
const MAX_DEPTH: u32 = 100;
/// Questions that one question may lead to; a comparison that needs more is given up in favour of the program.
const MAX_STEPS: u32 = 20_000;

/// What is known about pairs of types.
#[derive(Default)]
pub(super) struct Memo {
    known: HashMap<(Ty, Ty, bool), bool>,
    /// Pairs being decided.
    assumed: Vec<(Ty, Ty, bool)>,
    steps: u32,
    /// The answer is not to be remembered.
    passing: bool,
}

/// Why one type does not fit another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// Where in the value: `.a[3]`, empty for the value itself.
    pub path: String,
    /// What is there.
    pub actual: Ty,
    /// What should be there; `None`: nothing is there, and something must be.
    pub expected: Ty,
    /// The field that is missing.
    pub missing: Option<Key>,
}

impl Types {
    /// `a <: b`
    pub fn subtype(&mut self, a: Ty, b: Ty) -> bool {
        self.ask(a, b, false)
    }

    /// `a ⊑ b`
    pub fn assignable(&mut self, a: Ty, b: Ty) -> bool {
        self.ask(a, b, true)
    }

    fn ask(&mut self, a: Ty, b: Ty, gradual: bool) -> bool {
        if self.memo.assumed.is_empty() {
            self.memo.steps = 0;
            self.memo.passing = false;
        }
        self.relate(a, b, gradual)
    }

    fn relate(&mut self, a: Ty, b: Ty, gradual: bool) -> bool {
        if a == b || a == Ty::NEVER || b == Ty::ANY || b == Ty::UNKNOWN || gradual && a == Ty::ANY {
            return true;
        }
        let pair = (a, b, gradual);
        if let Some(known) = self.memo.known.get(&pair) {
            return *known;
        }
        if self.memo.assumed.contains(&pair) {
            return true;
        }
        self.memo.steps += 1;
        if self.memo.assumed.len() as u32 > MAX_DEPTH || self.memo.steps > MAX_STEPS {
            self.memo.passing = true;
            return true;
        }
        self.memo.assumed.push(pair);
        let outer = std::mem::take(&mut self.memo.passing);
        let holds = self.decide(a, b, gradual);
        self.memo.assumed.pop();
        // What holds only by assumption of an outer pair is not known yet.
        if !self.memo.passing && (self.memo.assumed.is_empty() || !holds) {
            self.memo.known.insert(pair, holds);
        }
        self.memo.passing |= outer;
        holds
    }

    fn decide(&mut self, a: Ty, b: Ty, gradual: bool) -> bool {
        // Instances of one alias with fitting arguments need no unfolding.
        if let (Kind::Alias(x, xs), Kind::Alias(y, ys)) = (self.kind(a).clone(), self.kind(b).clone())
            && x == y
            && xs.iter().zip(ys.iter()).all(|(x, y)| self.equivalent(*x, *y, gradual))
        {
            return true;
        }
        let (a, b) = (self.head(a), self.head(b));
        if a == b || a == Ty::NEVER || b == Ty::ANY || b == Ty::UNKNOWN {
            return true;
        }
        if a == Ty::ANY {
            return gradual;
        }
        let (left, right) = (self.kind(a).clone(), self.kind(b).clone());
        match (&left, &right) {
            (Kind::Union(parts), _) => return parts.iter().all(|part| self.relate(*part, b, gradual)),
            (_, Kind::Intersection(parts)) => return parts.iter().all(|part| self.relate(a, *part, gradual)),
            (_, Kind::Union(parts)) => {
                return parts.contains(&a) || parts.iter().any(|part| self.relate(a, *part, gradual)) || {
                    // `boolean` and `number` are unions by another name.
                    let halves = match left {
                        Kind::Boolean => [Ty::TRUE, Ty::FALSE],
                        Kind::Number => [Ty::INTEGER, Ty::FLOAT],
                        _ => return self.constraint_fits(&left, b, gradual),
                    };
                    halves.iter().all(|half| parts.iter().any(|part| self.relate(*half, *part, gradual)))
                };
            }
            (Kind::Intersection(parts), _) => return parts.iter().any(|part| self.relate(*part, b, gradual)),
            _ => {}
        }
        match (&left, &right) {
            (Kind::Unknown, _) => false,
            (Kind::Literal(literal), _) => {
                let of = match literal {
                    Literal::Boolean(_) => Ty::BOOLEAN,
                    Literal::Integer(_) => Ty::INTEGER,
                    Literal::Float(_) => Ty::FLOAT,
                    Literal::String(_) => Ty::STRING,
                };
                of == b || b == Ty::NUMBER && matches!(literal, Literal::Integer(_) | Literal::Float(_))
            }
            (Kind::Integer | Kind::Float, Kind::Number) => true,
            (Kind::Param(_), _) => self.constraint_fits(&left, b, gradual),
            (Kind::Shape(id), _) => {
                self.memo.passing = true;
                self.shape_fits(*id, b, &right, gradual)
            }
            (Kind::Table, Kind::Array { .. } | Kind::Record(_) | Kind::Shape(_)) => {
                gradual
                    || matches!(&right, Kind::Record(record) if record.fields.is_empty() && record.indexer.is_none())
            }
            (Kind::Array { .. } | Kind::Record(_), Kind::Table) => true,
            (Kind::Array { elem, readonly }, Kind::Array { elem: other, readonly: target }) => {
                (*target || !*readonly) && self.relate(*elem, *other, gradual)
            }
            (Kind::Array { elem, readonly }, Kind::Record(record)) => {
                let required = record.fields.iter().all(|field| field.optional || self.accepts_nil(field.ty));
                required
                    && match record.indexer {
                        Some((k, v)) => {
                            (record.readonly || !readonly)
                                && self.relate(Ty::INTEGER, k, gradual)
                                && self.relate(*elem, v, gradual)
                        }
                        None => true,
                    }
            }
            // A map with integer keys may be used as a sequence.
            (Kind::Record(record), Kind::Array { elem, readonly }) => match record.indexer {
                Some((k, v)) => {
                    (*readonly || !record.readonly)
                        && self.relate(Ty::INTEGER, k, gradual)
                        && self.relate(v, *elem, gradual)
                }
                None => record.fields.is_empty() && gradual,
            },
            (Kind::Record(from), Kind::Record(to)) => self.record_fits(a, from, to, gradual),
            (Kind::Func(_), Kind::Function) => true,
            (Kind::Function, Kind::Func(_)) => gradual,
            (Kind::Func(from), Kind::Func(to)) => self.func_fits(from, to, gradual),
            (Kind::Opaque(..), Kind::Userdata) | (Kind::Error, Kind::Userdata) => true,
            (Kind::Opaque(x, _), Kind::Opaque(y, _)) => x == y,
            (Kind::Opaque(_, methods), Kind::Record(_)) => self.relate(*methods, b, gradual),
            (Kind::TypeValue(_) | Kind::Generic(_), Kind::Type) => true,
            (Kind::TypeValue(x), Kind::TypeValue(y)) => self.equivalent(*x, *y, gradual),
            _ => false,
        }
    }

    fn constraint_fits(&mut self, left: &Kind, b: Ty, gradual: bool) -> bool {
        let Kind::Param(id) = left else { return false };
        self.param(*id).constraint.is_some_and(|constraint| self.relate(constraint, b, gradual))
    }

    fn equivalent(&mut self, a: Ty, b: Ty, gradual: bool) -> bool {
        self.relate(a, b, gradual) && self.relate(b, a, gradual)
    }

    fn record_fits(&mut self, a: Ty, from: &Record, to: &Record, gradual: bool) -> bool {
        for field in &to.fields {
            let Some(mine) = self.field(a, field.key) else {
                // A map may have the field or not.
                let through_map = from.indexer.is_some_and(|(k, v)| {
                    let name = self.literal(Literal::String(field.key));
                    self.relate(name, k, gradual) && self.relate(v, field.ty, gradual)
                });
                if field.optional || self.accepts_nil(field.ty) || through_map && gradual {
                    continue;
                }
                return false;
            };
            if mine.optional && !field.optional && !self.accepts_nil(field.ty) {
                return false;
            }
            let fits = self.relate(mine.ty, field.ty, gradual);
            if !fits || !field.readonly && (mine.readonly || !self.relate(field.ty, mine.ty, gradual)) {
                return false;
            }
        }
        let Some((key, value)) = to.indexer else { return true };
        for field in &from.fields {
            if to.field(field.key).is_some() {
                continue;
            }
            let name = self.literal(Literal::String(field.key));
            let present = self.without_nil(field.ty);
            if !self.relate(name, key, gradual) || !self.relate(present, value, gradual) {
                return false;
            }
        }
        match from.indexer {
            None => true,
            Some((k, v)) if to.readonly => self.relate(k, key, gradual) && self.relate(v, value, gradual),
            Some((k, v)) => {
                let slot = |types: &mut Types, from: Ty, to: Ty| {
                    matches!(types.head(to), Ty::ANY | Ty::UNKNOWN) || types.equivalent(from, to, gradual)
                };
                !from.readonly && slot(self, k, key) && slot(self, v, value)
            }
        }
    }

    /// A shape fits what its fields fit: nobody else relies on their types.
    fn shape_fits(&mut self, id: ShapeId, b: Ty, right: &Kind, gradual: bool) -> bool {
        match right {
            Kind::Table => true,
            // Two constructors are compared only where programs could not say what they meant.
            Kind::Shape(_) => gradual,
            Kind::Array { elem, .. } => {
                let shape = self.shape(id);
                let (items, named, open) = (shape.elem, shape.fields.len(), shape.open || shape.indexer.is_some());
                open && gradual
                    || match items {
                        Some(items) => self.relate(items, *elem, gradual) || self.nil_fits(items, *elem, gradual),
                        None => named == 0 || shape_is_class(self, id),
                    }
            }
            Kind::Record(record) => {
                for field in &record.fields {
                    match self.lookup(id, field.key) {
                        Found::Field(_, mine) => {
                            let optional = field.optional && self.nil_fits(mine.ty, field.ty, gradual);
                            if !optional && !self.relate(mine.ty, field.ty, gradual) {
                                return false;
                            }
                        }
                        Found::Behind(ty) => {
                            if let Some(ty) = self.known_field(ty, field.key)
                                && !self.relate(ty, field.ty, gradual)
                            {
                                return false;
                            }
                        }
                        Found::Unknown => {}
                        Found::Absent => {
                            if !field.optional && !self.accepts_nil(field.ty) {
                                return false;
                            }
                        }
                    }
                }
                let Some((key, value)) = record.indexer else { return true };
                let shape = self.shape(id).clone();
                let fields = shape.fields.iter().filter(|mine| record.field(mine.key).is_none());
                for mine in fields {
                    let name = self.literal(Literal::String(mine.key));
                    if !self.relate(name, key, gradual) || !self.nil_fits(mine.ty, value, gradual) {
                        return false;
                    }
                }
                shape
                    .elem
                    .is_none_or(|elem| self.relate(Ty::INTEGER, key, gradual) && self.nil_fits(elem, value, gradual))
                    && shape
                        .indexer
                        .is_none_or(|(k, v)| self.relate(k, key, gradual) && self.nil_fits(v, value, gradual))
            }
            _ => {
                let _ = b;
                false
            }
        }
    }

    /// Storing nil is deleting.
    fn nil_fits(&mut self, stored: Ty, slot: Ty, gradual: bool) -> bool {
        let stored = self.without_nil(stored);
        self.relate(stored, slot, gradual)
    }

    fn func_fits(&mut self, from: &Func, to: &Func, gradual: bool) -> bool {
        let (from, to) = (self.erase(from), self.erase(to));
        let count = from.params.len().max(to.params.len());
        for at in 0..count {
            match (self.parameter(&from, at), self.parameter(&to, at)) {
                (Some(mine), Some(yours)) => {
                    if !self.relate(yours.ty, mine.ty, gradual) {
                        return false;
                    }
                }
                // The target supplies less than the source requires.
                (Some(mine), None) => {
                    if !self.accepts_nil(mine.ty) {
                        return false;
                    }
                }
                (None, _) => break,
            }
        }
        if let (Some(mine), Some(yours)) = (from.vararg, to.vararg)
            && !self.relate(yours, mine, gradual)
        {
            return false;
        }
        self.pack_fits(&from.ret, &to.ret, gradual)
    }

    fn pack_fits(&mut self, from: &Pack, to: &Pack, gradual: bool) -> bool {
        if from.types.first() == Some(&Ty::NEVER) {
            return true;
        }
        for (at, wanted) in to.types.iter().enumerate() {
            let fits = match from.get(at) {
                Some(ty) => self.relate(ty, *wanted, gradual),
                None => self.accepts_nil(*wanted),
            };
            if !fits {
                return false;
            }
        }
        let Some(wanted) = to.tail else { return true };
        let rest: Vec<Ty> = from.types.iter().skip(to.types.len()).copied().chain(from.tail).collect();
        rest.into_iter().all(|ty| self.relate(ty, wanted, gradual))
    }

    /// Where a value of type `a` first differs from what `b` asks for. Call it for types that are not assignable.
    pub fn mismatch(&mut self, a: Ty, b: Ty) -> Mismatch {
        let mut found = Mismatch { path: String::new(), actual: a, expected: b, missing: None };
        for _ in 0..8 {
            let (from, to) = (self.head(found.actual), self.head(found.expected));
            let (Kind::Record(_) | Kind::Shape(_) | Kind::Array { .. }, Kind::Record(_) | Kind::Array { .. }) =
                (self.kind(from), self.kind(to))
            else {
                break;
            };
            let Some(step) = self.step_into(from, to, &mut found.path) else { break };
            (found.actual, found.expected, found.missing) = step;
            if found.missing.is_some() {
                break;
            }
        }
        found
    }

    fn step_into(&mut self, from: Ty, to: Ty, path: &mut String) -> Option<(Ty, Ty, Option<Key>)> {
        match self.kind(to).clone() {
            Kind::Array { elem, .. } => {
                let mine = match self.kind(from).clone() {
                    Kind::Shape(id) => self.shape(id).elem?,
                    _ => self.element(from)?,
                };
                path.push_str("[…]");
                Some((mine, elem, None))
            }
            Kind::Record(record) => {
                for field in &record.fields {
                    let mine = match *self.kind(from) {
                        Kind::Shape(id) => match self.lookup(id, field.key) {
                            Found::Field(_, mine) => Some(mine.ty),
                            Found::Behind(ty) => self.known_field(ty, field.key),
                            Found::Unknown => continue,
                            Found::Absent => None,
                        },
                        _ => self.field(from, field.key).map(|mine| mine.ty),
                    };
                    match mine {
                        Some(mine) if !self.assignable(mine, field.ty) => {
                            let name = self.key_text(field.key).into_owned();
                            path.push('.');
                            path.push_str(&name);
                            return Some((mine, field.ty, None));
                        }
                        None if !field.optional && !self.accepts_nil(field.ty) => {
                            return Some((from, to, Some(field.key)));
                        }
                        _ => {}
                    }
                }
                None
            }
            _ => None,
        }
    }
}

/// Whether the table was built as a class: it has no sequence of its own, but fields and a metatable.
fn shape_is_class(types: &Types, id: ShapeId) -> bool {
    types.shape(id).metatable.is_some()
}

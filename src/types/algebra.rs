//! Normal forms: unions, intersections, widening, and the parts of a type (types §2.2, §2.3).

use std::rc::Rc;

use smallvec::SmallVec;

use super::ty::{AliasId, Field, Key, Kind, Literal, Pack, Record, Ty, Types};

/// Members of a type that is not a union: one.
pub type Members = SmallVec<[Ty; 4]>;

/// A union with more members has its literals widened; if that does not help, it is `any`.
const MAX_MEMBERS: usize = 256;
/// The same for unions that nobody wrote.
const MAX_JOINED: usize = 16;
/// An intersection of unions with more pairs is kept as it is.
const MAX_DISTRIBUTED: usize = 64;
/// Aliases within aliases.
const MAX_EXPANSION: usize = 64;
/// Intersections within intersections, through the fields of records.
const MAX_MEETING: u8 = 16;

/// Sets of Lua types, as bits: what two types need to have a value in common.
pub type Bases = u16;

/// The bits of [`Bases`].
#[allow(missing_docs)]
pub mod base {
    pub const NIL: u16 = 1;
    pub const TRUE: u16 = 1 << 1;
    pub const FALSE: u16 = 1 << 2;
    pub const INTEGER: u16 = 1 << 3;
    pub const FLOAT: u16 = 1 << 4;
    pub const STRING: u16 = 1 << 5;
    pub const TABLE: u16 = 1 << 6;
    pub const FUNCTION: u16 = 1 << 7;
    pub const THREAD: u16 = 1 << 8;
    pub const USERDATA: u16 = 1 << 9;
    pub const ERROR: u16 = 1 << 10;
    pub const TYPE: u16 = 1 << 11;
    pub const BOOLEAN: u16 = TRUE | FALSE;
    pub const NUMBER: u16 = INTEGER | FLOAT;
    pub const FALSY: u16 = NIL | FALSE;
    pub const ALL: u16 = (1 << 12) - 1;
}

impl Types {
    /// What an alias stands for; other types stand for themselves.
    pub fn head(&mut self, ty: Ty) -> Ty {
        let mut at = ty;
        for _ in 0..MAX_EXPANSION {
            let Kind::Alias(id, args) = self.kind(at).clone() else { return at };
            at = self.expand(at, id, &args);
        }
        Ty::ANY
    }

    fn expand(&mut self, ty: Ty, id: AliasId, args: &[Ty]) -> Ty {
        if args.is_empty() {
            return self.alias(id).body;
        }
        if let Some(known) = self.expansions.get(&ty) {
            return *known;
        }
        let alias = self.alias(id);
        let (params, body) = (alias.params.clone(), alias.body);
        let map = params.into_iter().zip(args.iter().copied()).collect();
        let expanded = self.substitute(body, &map);
        self.expansions.insert(ty, expanded);
        expanded
    }

    /// The members of a union, aliases expanded; of another type, itself.
    pub fn members(&mut self, ty: Ty) -> Members {
        let mut members = Members::new();
        self.collect_members(ty, &mut members, 0);
        members
    }

    fn collect_members(&mut self, ty: Ty, into: &mut Members, depth: usize) {
        let head = self.head(ty);
        match self.kind(head) {
            Kind::Union(parts) if depth < MAX_EXPANSION => {
                let parts = Rc::clone(parts);
                parts.iter().for_each(|part| self.collect_members(*part, into, depth + 1));
            }
            // The alias keeps its name.
            _ => {
                if !into.contains(&ty) {
                    into.push(ty);
                }
            }
        }
    }

    /// `A | B | …`
    pub fn union(&mut self, parts: impl IntoIterator<Item = Ty>) -> Ty {
        self.union_of(parts, MAX_MEMBERS)
    }

    /// The union of what was inferred, which forgets sooner what it consists of.
    pub fn join(&mut self, parts: impl IntoIterator<Item = Ty>) -> Ty {
        self.union_of(parts, MAX_JOINED)
    }

    fn union_of(&mut self, parts: impl IntoIterator<Item = Ty>, limit: usize) -> Ty {
        let mut members = Members::new();
        let mut unknown = false;
        for part in parts {
            match self.kind(part) {
                Kind::Any => return Ty::ANY,
                Kind::Unknown => unknown = true,
                Kind::Never => {}
                Kind::Union(parts) => {
                    let parts = Rc::clone(parts);
                    for part in parts.iter() {
                        self.add_member(&mut members, *part);
                    }
                }
                _ => self.add_member(&mut members, part),
            }
        }
        if unknown {
            return Ty::UNKNOWN;
        }
        if members.len() > limit {
            let widened: Members = members.iter().map(|member| self.base_of_literal(*member)).collect();
            members.clear();
            for member in widened {
                self.add_member(&mut members, member);
            }
            if members.len() > limit {
                return Ty::ANY;
            }
        }
        match members[..] {
            [] => Ty::NEVER,
            [one] => one,
            _ => self.intern(Kind::Union(members.as_slice().into())),
        }
    }

    /// Adds to a union in the making, unless it is in it; drops what it makes superfluous.
    fn add_member(&mut self, members: &mut Members, new: Ty) {
        if members.contains(&new) {
            return;
        }
        let (base, partner) = match self.kind(new) {
            Kind::Literal(Literal::Boolean(true)) => (Ty::BOOLEAN, Some((Ty::FALSE, Ty::BOOLEAN))),
            Kind::Literal(Literal::Boolean(false)) => (Ty::BOOLEAN, Some((Ty::TRUE, Ty::BOOLEAN))),
            Kind::Literal(Literal::Integer(_)) => (Ty::INTEGER, None),
            Kind::Literal(Literal::Float(_)) => (Ty::FLOAT, None),
            Kind::Literal(Literal::String(_)) => (Ty::STRING, None),
            Kind::Integer => (Ty::NUMBER, Some((Ty::FLOAT, Ty::NUMBER))),
            Kind::Float => (Ty::NUMBER, Some((Ty::INTEGER, Ty::NUMBER))),
            Kind::Func(_) => (Ty::FUNCTION, None),
            Kind::Shape(_) | Kind::Array { .. } | Kind::Record(_) => (Ty::TABLE, None),
            _ => (Ty::NEVER, None),
        };
        let number = base == Ty::INTEGER || base == Ty::FLOAT;
        if members.contains(&base) || number && members.contains(&Ty::NUMBER) {
            return;
        }
        if let Some((other, both)) = partner
            && let Some(at) = members.iter().position(|member| *member == other)
        {
            members.remove(at);
            return self.add_member(members, both);
        }
        let covers = |kind: &Kind| match new {
            Ty::BOOLEAN => matches!(kind, Kind::Literal(Literal::Boolean(_))),
            Ty::INTEGER => matches!(kind, Kind::Literal(Literal::Integer(_))),
            Ty::FLOAT => matches!(kind, Kind::Literal(Literal::Float(_))),
            Ty::NUMBER => {
                matches!(kind, Kind::Literal(Literal::Integer(_) | Literal::Float(_)) | Kind::Integer | Kind::Float)
            }
            Ty::STRING => matches!(kind, Kind::Literal(Literal::String(_))),
            Ty::FUNCTION => matches!(kind, Kind::Func(_)),
            Ty::TABLE => matches!(kind, Kind::Shape(_) | Kind::Array { .. } | Kind::Record(_)),
            _ => false,
        };
        members.retain(|member| !covers(self.kind(*member)));
        members.push(new);
    }

    /// `T?`
    pub fn optional(&mut self, ty: Ty) -> Ty {
        self.union([ty, Ty::NIL])
    }

    /// The base type of a literal; other types unchanged.
    pub fn base_of_literal(&self, ty: Ty) -> Ty {
        match self.kind(ty) {
            Kind::Literal(Literal::Boolean(_)) => Ty::BOOLEAN,
            Kind::Literal(Literal::Integer(_)) => Ty::INTEGER,
            Kind::Literal(Literal::Float(_)) => Ty::FLOAT,
            Kind::Literal(Literal::String(_)) => Ty::STRING,
            _ => ty,
        }
    }

    /// The type an unannotated variable gets from a value of this type.
    pub fn widen(&mut self, ty: Ty) -> Ty {
        match self.kind(ty) {
            Kind::Literal(_) => self.base_of_literal(ty),
            Kind::Union(parts) => {
                let parts = Rc::clone(parts);
                let widened: Members = parts.iter().map(|part| self.base_of_literal(*part)).collect();
                self.join(widened)
            }
            _ => ty,
        }
    }

    /// The Lua types that values of this type may have.
    pub fn bases(&mut self, ty: Ty) -> Bases {
        self.bases_at(ty, 0)
    }

    fn bases_at(&mut self, ty: Ty, depth: usize) -> Bases {
        if depth > MAX_EXPANSION {
            return base::ALL;
        }
        let head = self.head(ty);
        match self.kind(head) {
            Kind::Any | Kind::Unknown => base::ALL,
            Kind::Never => 0,
            Kind::Nil => base::NIL,
            Kind::Boolean => base::BOOLEAN,
            Kind::Number => base::NUMBER,
            Kind::Integer | Kind::Literal(Literal::Integer(_)) => base::INTEGER,
            Kind::Float | Kind::Literal(Literal::Float(_)) => base::FLOAT,
            Kind::String | Kind::Literal(Literal::String(_)) => base::STRING,
            Kind::Literal(Literal::Boolean(true)) => base::TRUE,
            Kind::Literal(Literal::Boolean(false)) => base::FALSE,
            Kind::Table | Kind::Array { .. } | Kind::Record(_) | Kind::Shape(_) => base::TABLE,
            Kind::Function | Kind::Func(_) => base::FUNCTION,
            Kind::Thread => base::THREAD,
            Kind::Userdata => base::USERDATA | base::ERROR,
            Kind::Opaque(..) => base::USERDATA,
            Kind::Error => base::ERROR,
            Kind::Type | Kind::TypeValue(_) | Kind::Generic(_) => base::TYPE,
            Kind::Union(parts) => {
                let parts = Rc::clone(parts);
                parts.iter().fold(0, |bases, part| bases | self.bases_at(*part, depth + 1))
            }
            Kind::Intersection(parts) => {
                let parts = Rc::clone(parts);
                parts.iter().fold(base::ALL, |bases, part| bases & self.bases_at(*part, depth + 1))
            }
            Kind::Param(id) => {
                let constraint = self.param(*id).constraint;
                constraint.map_or(base::ALL, |constraint| self.bases_at(constraint, depth + 1))
            }
            Kind::Alias(..) => base::ALL,
        }
    }

    /// Whether nil is among its values for certain; `any` and `unknown` have no certain values.
    pub fn has_nil(&mut self, ty: Ty) -> bool {
        self.members(ty).iter().any(|member| self.head(*member) == Ty::NIL)
    }

    /// Whether nil is accepted where this type is expected.
    pub fn accepts_nil(&mut self, ty: Ty) -> bool {
        self.bases(ty) & base::NIL != 0
    }

    /// The type without its members of these Lua types. What is `any` stays so.
    pub fn without(&mut self, ty: Ty, bases: Bases) -> Ty {
        self.filter_bases(ty, !bases)
    }

    /// The part of the type with these Lua types. `any` and `unknown` become what the bits say, if they say one type.
    pub fn only(&mut self, ty: Ty, bases: Bases) -> Ty {
        let head = self.head(ty);
        if matches!(head, Ty::ANY | Ty::UNKNOWN) {
            return self.of_bases(bases).unwrap_or(head);
        }
        self.filter_bases(ty, bases)
    }

    /// The type with exactly these values, if it has a short name.
    fn of_bases(&self, bases: Bases) -> Option<Ty> {
        Some(match bases {
            base::NIL => Ty::NIL,
            base::BOOLEAN => Ty::BOOLEAN,
            base::TRUE => Ty::TRUE,
            base::FALSE => Ty::FALSE,
            base::INTEGER => Ty::INTEGER,
            base::FLOAT => Ty::FLOAT,
            base::NUMBER => Ty::NUMBER,
            base::STRING => Ty::STRING,
            base::TABLE => Ty::TABLE,
            base::FUNCTION => Ty::FUNCTION,
            base::THREAD => Ty::THREAD,
            base::ERROR => Ty::ERROR,
            base::TYPE => Ty::TYPE,
            bases if bases == base::USERDATA | base::ERROR => Ty::USERDATA,
            _ => return None,
        })
    }

    fn filter_bases(&mut self, ty: Ty, bases: Bases) -> Ty {
        let here = self.bases(ty);
        if here & !bases == 0 {
            return ty;
        }
        if here & bases == 0 {
            return Ty::NEVER;
        }
        let members = self.members(ty);
        if let [one] = members[..] {
            // One type with several Lua types: `boolean`, `number`, or one that keeps its secret.
            let of =
                if matches!(self.head(one), Ty::BOOLEAN | Ty::NUMBER) { self.of_bases(here & bases) } else { None };
            return of.unwrap_or(ty);
        }
        let kept: Members = members.iter().map(|member| self.filter_bases(*member, bases)).collect();
        self.union(kept)
    }

    /// The type without nil.
    pub fn without_nil(&mut self, ty: Ty) -> Ty {
        self.without(ty, base::NIL)
    }

    /// The members that satisfy a condition.
    pub fn retain(&mut self, ty: Ty, mut keep: impl FnMut(&mut Types, Ty) -> bool) -> Ty {
        let members = self.members(ty);
        let kept: Members = members.iter().copied().filter(|member| keep(self, *member)).collect();
        if kept.len() == members.len() { ty } else { self.union(kept) }
    }

    /// `A & B`
    pub fn intersect(&mut self, a: Ty, b: Ty) -> Ty {
        self.meet(a, b, 0)
    }

    fn meet(&mut self, a: Ty, b: Ty, depth: u8) -> Ty {
        if a == b || b == Ty::UNKNOWN || a == Ty::NEVER || depth > MAX_MEETING {
            return a;
        }
        if a == Ty::UNKNOWN || b == Ty::NEVER {
            return b;
        }
        if a == Ty::ANY || b == Ty::ANY {
            return Ty::ANY;
        }
        let (left, right) = (self.members(a), self.members(b));
        if left.len() > 1 || right.len() > 1 {
            if left.len() * right.len() > MAX_DISTRIBUTED {
                return self.intern(Kind::Intersection([a, b].into()));
            }
            let mut met = Members::new();
            for l in &left {
                for r in &right {
                    met.push(self.meet(*l, *r, depth + 1));
                }
            }
            return self.union(met);
        }
        let (x, y) = (self.head(a), self.head(b));
        if self.bases(x) & self.bases(y) == 0 {
            return Ty::NEVER;
        }
        if self.subtype(a, b) {
            return a;
        }
        if self.subtype(b, a) {
            return b;
        }
        match (self.kind(x).clone(), self.kind(y).clone()) {
            (Kind::Literal(_), Kind::Literal(_)) => Ty::NEVER,
            (Kind::Record(left), Kind::Record(right)) => self.meet_records(&left, &right, depth),
            (Kind::Userdata, Kind::Record(_)) | (Kind::Record(_), Kind::Userdata) => Ty::NEVER,
            (Kind::Intersection(parts), _) => {
                let mut all: Vec<Ty> = parts.to_vec();
                all.push(b);
                self.intern(Kind::Intersection(all.into()))
            }
            _ => self.intern(Kind::Intersection([a, b].into())),
        }
    }

    fn meet_records(&mut self, left: &Record, right: &Record, depth: u8) -> Ty {
        let mut fields = left.fields.clone();
        let mut known: hashbrown::HashMap<Key, usize> = hashbrown::HashMap::new();
        known.extend(fields.iter().enumerate().map(|(at, field)| (field.key, at)));
        for field in &right.fields {
            match known.get(&field.key) {
                None => fields.push(*field),
                Some(at) => {
                    let ty = self.meet(fields[*at].ty, field.ty, depth + 1);
                    let here = &mut fields[*at];
                    *here = Field {
                        key: field.key,
                        ty,
                        optional: here.optional && field.optional,
                        readonly: here.readonly && field.readonly,
                    };
                }
            }
        }
        let indexer = match (left.indexer, right.indexer) {
            (Some((lk, lv)), Some((rk, rv))) => Some((self.meet(lk, rk, depth + 1), self.meet(lv, rv, depth + 1))),
            (one, other) => one.or(other),
        };
        // A field without values has no table that could hold it.
        if fields.iter().any(|field| !field.optional && field.ty == Ty::NEVER) {
            return Ty::NEVER;
        }
        self.record(Record { fields, indexer, readonly: left.readonly && right.readonly })
    }

    /// Whether some value may belong to both types. Errs on the side of yes.
    pub fn overlap(&mut self, a: Ty, b: Ty) -> bool {
        let (left, right) = (self.members(a), self.members(b));
        left.iter().any(|l| right.iter().any(|r| self.members_overlap(*l, *r)))
    }

    fn members_overlap(&mut self, a: Ty, b: Ty) -> bool {
        let (a, b) = (self.head(a), self.head(b));
        if a == b {
            return a != Ty::NEVER;
        }
        if self.bases(a) & self.bases(b) == 0 {
            return false;
        }
        match (self.kind(a).clone(), self.kind(b).clone()) {
            (Kind::Literal(left), Kind::Literal(right)) => left == right,
            (Kind::Opaque(left, _), Kind::Opaque(right, _)) => left == right,
            (Kind::Record(left), Kind::Record(_)) => !left.fields.iter().any(|field| {
                // Discriminants that differ.
                let Some(other) = self.field(b, field.key).filter(|_| !field.optional) else { return false };
                let (mine, yours) = (self.head(field.ty), self.head(other.ty));
                match (self.kind(mine), self.kind(yours)) {
                    (Kind::Literal(mine), Kind::Literal(yours)) => mine != yours,
                    _ => false,
                }
            }),
            _ => true,
        }
    }

    /// The pointwise join of two packs; what one lacks is nil.
    pub fn join_packs(&mut self, a: &Pack, b: &Pack) -> Pack {
        let length = a.types.len().max(b.types.len());
        let types = (0..length)
            .map(|at| {
                let (x, y) = (a.get(at).unwrap_or(Ty::NIL), b.get(at).unwrap_or(Ty::NIL));
                self.join([x, y])
            })
            .collect();
        let tail = match (a.tail, b.tail) {
            (Some(x), Some(y)) => Some(self.join([x, y])),
            (one, other) => one.or(other),
        };
        Pack { types, tail }
    }
}

//! Type parameters: putting types in their places, and finding out which (types §2.10).

use std::rc::Rc;

use hashbrown::HashMap;

use super::ty::{Func, Kind, Pack, Param, ParamId, Record, Ty, Types};

/// What type parameters stand for.
pub type Substitution = HashMap<ParamId, Ty>;

/// Types within types; nobody writes deeper ones, but aliases can grow.
const MAX_DEPTH: u32 = 200;

impl Types {
    /// The type with other types in the places of parameters.
    pub fn substitute(&mut self, ty: Ty, map: &Substitution) -> Ty {
        if map.is_empty() { ty } else { self.substitute_at(ty, map, 0) }
    }

    fn substitute_at(&mut self, ty: Ty, map: &Substitution, depth: u32) -> Ty {
        if depth > MAX_DEPTH {
            return Ty::ANY;
        }
        let depth = depth + 1;
        match self.kind(ty).clone() {
            Kind::Param(id) => map.get(&id).copied().unwrap_or(ty),
            Kind::Array { elem, readonly } => {
                let elem = self.substitute_at(elem, map, depth);
                self.intern(Kind::Array { elem, readonly })
            }
            Kind::Record(record) => {
                let mut copy = Record::clone(&record);
                for field in &mut copy.fields {
                    field.ty = self.substitute_at(field.ty, map, depth);
                }
                copy.indexer =
                    copy.indexer.map(|(k, v)| (self.substitute_at(k, map, depth), self.substitute_at(v, map, depth)));
                if copy == *record { ty } else { self.record(copy) }
            }
            Kind::Func(func) => {
                let copy = self.substitute_func(&func, map, depth);
                if copy == *func { ty } else { self.func(copy) }
            }
            Kind::Union(parts) => {
                let parts: Vec<Ty> = parts.iter().map(|part| self.substitute_at(*part, map, depth)).collect();
                self.union(parts)
            }
            Kind::Intersection(parts) => {
                let mut met = Ty::UNKNOWN;
                for part in parts.iter() {
                    let part = self.substitute_at(*part, map, depth);
                    met = self.intersect(met, part);
                }
                met
            }
            Kind::Alias(id, args) if !args.is_empty() => {
                let args: Rc<[Ty]> = args.iter().map(|arg| self.substitute_at(*arg, map, depth)).collect();
                self.intern(Kind::Alias(id, args))
            }
            Kind::Opaque(name, methods) => {
                let methods = self.substitute_at(methods, map, depth);
                self.intern(Kind::Opaque(name, methods))
            }
            Kind::TypeValue(of) => {
                let of = self.substitute_at(of, map, depth);
                self.intern(Kind::TypeValue(of))
            }
            _ => ty,
        }
    }

    fn substitute_func(&mut self, func: &Func, map: &Substitution, depth: u32) -> Func {
        let mut copy = func.clone();
        for param in &mut copy.params {
            param.ty = self.substitute_at(param.ty, map, depth);
        }
        copy.vararg = copy.vararg.map(|ty| self.substitute_at(ty, map, depth));
        copy.ret = self.substitute_pack(&copy.ret, map, depth);
        copy.facts.asserts = copy.facts.asserts.map(|(at, ty)| (at, ty.map(|ty| self.substitute_at(ty, map, depth))));
        copy
    }

    fn substitute_pack(&mut self, pack: &Pack, map: &Substitution, depth: u32) -> Pack {
        Pack {
            types: pack.types.iter().map(|ty| self.substitute_at(*ty, map, depth)).collect(),
            tail: pack.tail.map(|ty| self.substitute_at(ty, map, depth)),
        }
    }

    /// The function with other types in the places of its type parameters, which it has no longer.
    pub fn instantiate(&mut self, func: &Func, map: &Substitution) -> Func {
        let mut made = self.substitute_func(func, map, 0);
        made.type_params.clear();
        made
    }

    /// The function with `any` for each of its type parameters, or what bounds it.
    pub fn erase(&mut self, func: &Func) -> Func {
        if func.type_params.is_empty() {
            return func.clone();
        }
        let map = func.type_params.iter().map(|id| (*id, self.param(*id).constraint.unwrap_or(Ty::ANY))).collect();
        self.instantiate(func, &map)
    }

    /// Collects in `found` what the parameters in `open` must stand for at least if `actual` is to fit `pattern`.
    pub fn infer(&mut self, pattern: Ty, actual: Ty, open: &[ParamId], found: &mut Substitution) {
        self.infer_at(pattern, actual, open, found, 0);
    }

    fn infer_at(&mut self, pattern: Ty, actual: Ty, open: &[ParamId], found: &mut Substitution, depth: u32) {
        if depth > 16 {
            return;
        }
        let depth = depth + 1;
        let shape = self.kind(pattern).clone();
        match shape {
            Kind::Param(id) if open.contains(&id) => {
                let ty = match found.get(&id) {
                    Some(before) => self.join([*before, actual]),
                    None => actual,
                };
                found.insert(id, ty);
                return;
            }
            Kind::Alias(id, args) => {
                if let Kind::Alias(other, others) = self.kind(actual).clone()
                    && id == other
                {
                    for (arg, other) in args.iter().zip(others.iter()) {
                        self.infer_at(*arg, *other, open, found, depth);
                    }
                    return;
                }
                if args.is_empty() {
                    return;
                }
                let expanded = self.head(pattern);
                return self.infer_at(expanded, actual, open, found, depth);
            }
            Kind::Union(parts) => {
                // `T?` learns from what is not nil; other members explain what they can.
                let rest = self.retain(actual, |types, member| {
                    !parts
                        .iter()
                        .any(|part| !matches!(types.kind(*part), Kind::Param(_)) && types.subtype(member, *part))
                });
                for part in parts.iter() {
                    if rest != Ty::NEVER {
                        self.infer_at(*part, rest, open, found, depth);
                    }
                }
                return;
            }
            _ => {}
        }
        let actual = self.head(actual);
        if let Kind::Union(members) = self.kind(actual).clone() {
            for member in members.iter() {
                self.infer_at(pattern, *member, open, found, depth);
            }
            return;
        }
        match shape {
            Kind::Array { elem, .. } => {
                if let Some(of) = self.element(actual) {
                    self.infer_at(elem, of, open, found, depth);
                }
            }
            Kind::Record(record) => {
                for field in &record.fields {
                    if let Some(ty) = self.known_field(actual, field.key) {
                        self.infer_at(field.ty, ty, open, found, depth);
                    }
                }
                if let (Some((k, v)), Some((ak, av))) = (record.indexer, self.entries(actual)) {
                    self.infer_at(k, ak, open, found, depth);
                    self.infer_at(v, av, open, found, depth);
                }
            }
            Kind::Func(func) => {
                let Kind::Func(other) = self.kind(actual).clone() else { return };
                let other = self.erase(&other);
                for (mine, yours) in func.params.iter().zip(&other.params) {
                    // A parameter that nobody typed tells nothing.
                    if yours.ty != Ty::ANY {
                        self.infer_at(mine.ty, yours.ty, open, found, depth);
                    }
                }
                for (at, mine) in func.ret.types.iter().enumerate() {
                    let yours = other.ret.get(at).unwrap_or(Ty::NIL);
                    let yours = self.widen(yours);
                    self.infer_at(*mine, yours, open, found, depth);
                }
                if let (Some(mine), Some(yours)) = (func.ret.tail, other.ret.get(func.ret.types.len())) {
                    self.infer_at(mine, yours, open, found, depth);
                }
            }
            _ => {}
        }
    }

    /// What is under integers in values of this type, if that is known.
    pub fn element(&mut self, ty: Ty) -> Option<Ty> {
        let head = self.head(ty);
        match self.kind(head).clone() {
            Kind::Array { elem, .. } => Some(elem),
            Kind::Record(record) => record.indexer.filter(|(k, _)| self.subtype(Ty::INTEGER, *k)).map(|(_, v)| v),
            Kind::Shape(id) => {
                let shape = self.shape(id);
                match (shape.elem, shape.open || shape.indexer.is_some()) {
                    (Some(elem), false) => Some(self.widen(elem)),
                    _ => Some(Ty::ANY),
                }
            }
            Kind::Any | Kind::Table => Some(Ty::ANY),
            _ => None,
        }
    }

    /// Key and value of what `pairs` finds in values of this type.
    pub fn entries(&mut self, ty: Ty) -> Option<(Ty, Ty)> {
        let head = self.head(ty);
        match self.kind(head).clone() {
            Kind::Array { elem, .. } => Some((Ty::INTEGER, elem)),
            Kind::Record(record) => {
                let named = record.fields.iter().map(|field| field.ty);
                let indexed = record.indexer.map(|(_, v)| v);
                let value = self.join(named.chain(indexed).collect::<Vec<_>>());
                let key = if record.fields.is_empty() { Ty::NEVER } else { Ty::STRING };
                let key = self.join([key, record.indexer.map_or(Ty::NEVER, |(k, _)| k)]);
                Some((key, value))
            }
            Kind::Shape(_) | Kind::Any | Kind::Table => Some((Ty::ANY, Ty::ANY)),
            _ => None,
        }
    }

    /// The type of a field, where it is certain.
    pub fn known_field(&mut self, ty: Ty, key: super::ty::Key) -> Option<Ty> {
        let head = self.head(ty);
        match *self.kind(head) {
            Kind::Record(_) => self.field(head, key).map(|field| field.ty),
            Kind::Shape(id) => self.own_field(id, key).map(|field| field.ty),
            Kind::Opaque(_, methods) => self.known_field(methods, key),
            _ => None,
        }
    }

    /// Puts the parameters of two functions into one list, for comparisons.
    pub fn parameter(&self, func: &Func, at: usize) -> Option<Param> {
        func.params.get(at).copied().or(func.vararg.map(|ty| Param { name: None, ty, optional: true }))
    }
}

//! Normal forms (types §2.3). Bodies of recursive aliases are not looked into: they may be under construction.

use super::set::TypeSet;
use super::subtype::is_subtype_shallow;
use super::{Field, Shape, TableShape, TypeRef};
use crate::bytecode::types::{Basic, Literal, Rule};

/// Members of a union. What has more loses its literals, and then becomes `any`.
const MAX_MEMBERS: usize = 256;
/// Members that distributing an intersection over a union may make.
const MAX_DISTRIBUTED: usize = 64;

/// Levels of records merged into each other; what nests deeper stays an intersection.
const MAX_DEPTH: u32 = 64;

/// `T?`
pub(super) fn optional(set: &TypeSet, ty: TypeRef) -> TypeRef {
    match &ty.shape {
        Shape::Basic(Basic::Nil | Basic::Any | Basic::Unknown) | Shape::Optional(_) => ty,
        Shape::Basic(Basic::Never) => set.basic(Basic::Nil),
        _ => set.intern(Shape::Optional(ty), None),
    }
}

/// `A | B | …`
pub(super) fn union(set: &TypeSet, types: Vec<TypeRef>) -> TypeRef {
    let mut has_nil = false;
    let mut members: Vec<TypeRef> = Vec::new();
    for ty in types {
        add_members(ty, &mut members, &mut has_nil);
    }
    for top in [Basic::Any, Basic::Unknown] {
        if members.iter().any(|member| member.is_basic(top)) {
            return set.basic(top);
        }
    }
    members.retain(|member| !member.is_basic(Basic::Never));
    if members.len() > MAX_MEMBERS {
        members.iter_mut().for_each(|member| *member = base(set, *member));
    }
    complete(set, &mut members, Shape::Basic(Basic::Boolean), |shape| match shape {
        Shape::Literal(Literal::Boolean(false)) => Some(0),
        Shape::Literal(Literal::Boolean(true)) => Some(1),
        _ => None,
    });
    complete(set, &mut members, Shape::Basic(Basic::Number), |shape| match shape {
        Shape::Basic(Basic::Integer) => Some(0),
        Shape::Basic(Basic::Float) => Some(1),
        _ => None,
    });
    let members = without_subsumed(set, members);
    let joined = match members.as_slice() {
        _ if members.len() > MAX_MEMBERS => return set.basic(Basic::Any),
        [] => return set.basic(if has_nil { Basic::Nil } else { Basic::Never }),
        [only] => *only,
        _ => set.intern(Shape::Union(members.into()), None),
    };
    if has_nil { optional(set, joined) } else { joined }
}

/// Adds the members of a type, which in a union is none, and notes whether nil is one.
fn add_members(ty: TypeRef, members: &mut Vec<TypeRef>, has_nil: &mut bool) {
    match &ty.shape {
        Shape::Basic(Basic::Nil) => *has_nil = true,
        Shape::Optional(inner) => {
            *has_nil = true;
            add_members(*inner, members, has_nil);
        }
        Shape::Union(inner) => members.extend(inner),
        _ => members.push(ty),
    }
}

/// If both halves of `whole` are members, replaces the first by the whole.
fn complete(set: &TypeSet, members: &mut [TypeRef], whole: Shape, half: impl Fn(&Shape) -> Option<usize>) {
    let mut places = [None; 2];
    for (place, member) in members.iter().enumerate() {
        if let Some(half) = half(&member.shape) {
            places[half].get_or_insert(place);
        }
    }
    if let [Some(a), Some(b)] = places {
        members[a.min(b)] = set.intern(whole, None);
    }
}

/// Drops members that others contain; of equal ones the first stays.
fn without_subsumed(set: &TypeSet, members: Vec<TypeRef>) -> Vec<TypeRef> {
    let mut kept: Vec<TypeRef> = Vec::with_capacity(members.len());
    let mut seen = hashbrown::HashSet::with_capacity(members.len());
    let distinct: Vec<_> = members.into_iter().filter(|member| seen.insert(member.identity())).collect();
    for (place, member) in distinct.iter().enumerate() {
        let contained = distinct.iter().enumerate().any(|(other_place, other)| {
            // Distinct types that contain each other are the same for every purpose but this one.
            place != other_place
                && is_subtype_shallow(set, *member, *other)
                && (other_place < place || !is_subtype_shallow(set, *other, *member))
        });
        if !contained {
            kept.push(*member);
        }
    }
    kept
}

/// The type a literal belongs to; other types are their own.
fn base(set: &TypeSet, ty: TypeRef) -> TypeRef {
    match &ty.shape {
        Shape::Literal(literal) => set.basic(base_of(literal)),
        _ => ty,
    }
}

/// The type a literal belongs to.
pub(super) fn base_of(literal: &Literal) -> Basic {
    match literal {
        Literal::Boolean(_) => Basic::Boolean,
        Literal::Integer(_) => Basic::Integer,
        Literal::Float(_) => Basic::Float,
        Literal::String(_) => Basic::String,
    }
}

/// `A & B & …`
pub(super) fn intersection(set: &TypeSet, types: Vec<TypeRef>) -> TypeRef {
    intersect(set, types, 0)
}

/// The same in a record that is being merged, so many levels deep.
fn intersect(set: &TypeSet, types: Vec<TypeRef>, depth: u32) -> TypeRef {
    let mut parts: Vec<TypeRef> = Vec::new();
    for ty in types {
        match &ty.shape {
            Shape::Intersection(inner) => inner.iter().for_each(|part| add_part(set, &mut parts, *part, depth)),
            _ => add_part(set, &mut parts, ty, depth),
        }
    }
    match parts.as_slice() {
        [] => set.basic(Basic::Unknown),
        [only] => *only,
        _ => set.intern(Shape::Intersection(parts.into()), None),
    }
}

/// Adds a part, merged with those it merges with.
fn add_part(set: &TypeSet, parts: &mut Vec<TypeRef>, mut part: TypeRef, depth: u32) {
    loop {
        let merged = parts
            .iter()
            .enumerate()
            .find_map(|(place, other)| meet(set, *other, part, depth).map(|meet| (place, meet)));
        match merged {
            Some((place, meet)) => {
                parts.remove(place);
                part = meet;
            }
            None => return parts.push(part),
        }
    }
}

/// `A & B` as a type that is no intersection of the two, if there is one.
fn meet(set: &TypeSet, a: TypeRef, b: TypeRef, depth: u32) -> Option<TypeRef> {
    if a.identity() == b.identity() {
        return Some(a);
    }
    if depth > MAX_DEPTH {
        return None;
    }
    match (&a.shape, &b.shape) {
        (Shape::Basic(Basic::Any), _) | (_, Shape::Basic(Basic::Any)) => return Some(set.basic(Basic::Any)),
        (Shape::Basic(Basic::Unknown), _) => return Some(b),
        (_, Shape::Basic(Basic::Unknown)) => return Some(a),
        // Methods and fields of objects.
        (Shape::Basic(Basic::Userdata) | Shape::Opaque(_), Shape::Table(_))
        | (Shape::Table(_), Shape::Basic(Basic::Userdata) | Shape::Opaque(_))
        // Overloads.
        | (Shape::Function(_), Shape::Function(_))
        // Not looked into.
        | (Shape::Recursive(..), _)
        | (_, Shape::Recursive(..)) => return None,
        (Shape::Table(x), Shape::Table(y)) => return Some(merge(set, x, y, depth)),
        (Shape::Optional(_) | Shape::Union(_), _) => return distribute(set, a, b, depth),
        (_, Shape::Optional(_) | Shape::Union(_)) => return distribute(set, b, a, depth),
        _ => {}
    }
    if is_subtype_shallow(set, a, b) {
        return Some(a);
    }
    if is_subtype_shallow(set, b, a) {
        return Some(b);
    }
    let disjoint = (a.passes | a.doubts) & (b.passes | b.doubts) == 0;
    let literals = matches!((&a.shape, &b.shape), (Shape::Literal(_), Shape::Literal(_)));
    (disjoint || literals).then(|| set.basic(Basic::Never))
}

/// `(A | B) & C`, if that does not have too many members.
fn distribute(set: &TypeSet, union_type: TypeRef, other: TypeRef, depth: u32) -> Option<TypeRef> {
    let count = |ty: TypeRef| {
        let (mut members, mut has_nil) = (Vec::new(), false);
        add_members(ty, &mut members, &mut has_nil);
        if has_nil {
            members.push(set.basic(Basic::Nil));
        }
        members
    };
    let (members, others) = (count(union_type), count(other));
    if members.len() * others.len() > MAX_DISTRIBUTED {
        return None;
    }
    let products = members.iter().flat_map(|a| others.iter().map(|b| intersect(set, vec![*a, *b], depth + 1)));
    Some(union(set, products.collect()))
}

/// One record for two.
fn merge(set: &TypeSet, a: &TableShape, b: &TableShape, depth: u32) -> TypeRef {
    let mut fields: Vec<Field> = Vec::with_capacity(a.fields.len() + b.fields.len());
    for field in &a.fields {
        fields.push(match b.fields.iter().find(|other| other.name() == field.name()) {
            Some(other) => Field::new(
                field.name,
                intersect(set, vec![field.ty, other.ty], depth + 1),
                field.optional && other.optional,
                field.readonly && other.readonly,
            ),
            None => field.clone(),
        });
    }
    fields.extend(b.fields.iter().filter(|field| !a.fields.iter().any(|other| other.name() == field.name())).cloned());
    let indexer = match (a.indexer, b.indexer) {
        (Some((key, value, readonly)), Some((other_key, other_value, other_readonly))) => Some((
            intersect(set, vec![key, other_key], depth + 1),
            intersect(set, vec![value, other_value], depth + 1),
            readonly && other_readonly,
        )),
        (one, other) => one.or(other),
    };
    set.intern(Shape::Table(TableShape { fields: fields.into(), indexer }), None)
}

/// `readonly T`
pub(super) fn readonly(set: &TypeSet, ty: TypeRef) -> TypeRef {
    let shape = match &ty.shape {
        Shape::Array(item, _) => Shape::Array(*item, true),
        Shape::Table(table) => Shape::Table(TableShape {
            fields: table.fields.iter().map(|field| Field { readonly: true, ..field.clone() }).collect(),
            indexer: table.indexer.map(|(key, value, _)| (key, value, true)),
        }),
        _ => return ty,
    };
    set.intern(shape, None)
}

/// `T @rule`
pub(super) fn validated(set: &TypeSet, ty: TypeRef, rule: &Rule) -> TypeRef {
    let (inner, rules) = match &ty.shape {
        Shape::Validated(inner, rules) if rules.contains(rule) => (*inner, rules.to_vec()),
        Shape::Validated(inner, rules) => (*inner, [&rules[..], std::slice::from_ref(rule)].concat()),
        _ => (ty, vec![rule.clone()]),
    };
    set.intern(Shape::Validated(inner, rules.into()), None)
}

//! `A <: B` (types §2.4).

use super::normal::base_of;
use super::set::TypeSet;
use super::{FunctionShape, Shape, TableShape, TypeRef};
use crate::bytecode::types::{Basic, Literal, Rule};
use crate::vm::compare::{Order, order_numbers};
use crate::vm::value::Value;

/// Pairs under decision, which bounds the depth of the recursion; beyond it the answer is no.
const MAX_DEPTH: usize = 200;

/// Pairs looked at for one answer.
const MAX_STEPS: u32 = 100_000;

/// Whether every value of `a` is one of `b`.
pub(super) fn is_subtype(set: &TypeSet, a: TypeRef, b: TypeRef) -> bool {
    Decision { set, expand: true, assumed: Vec::new(), steps: 0 }.holds(a, b)
}

/// The same without looking into recursive aliases.
pub(super) fn is_subtype_shallow(set: &TypeSet, a: TypeRef, b: TypeRef) -> bool {
    Decision { set, expand: false, assumed: Vec::new(), steps: 0 }.holds(a, b)
}

struct Decision<'a> {
    set: &'a TypeSet,
    expand: bool,
    /// The pairs that are being decided: met again, they hold.
    assumed: Vec<(TypeRef, TypeRef)>,
    steps: u32,
}

impl Decision<'_> {
    fn holds(&mut self, a: TypeRef, b: TypeRef) -> bool {
        let pair = (a.identity(), b.identity());
        if pair.0 == pair.1 || self.assumed.contains(&pair) {
            return true;
        }
        self.steps += 1;
        if self.assumed.len() >= MAX_DEPTH || self.steps > MAX_STEPS {
            return false;
        }
        self.assumed.push(pair);
        let holds = self.decide(a, b);
        self.assumed.pop();
        holds
    }

    fn decide(&mut self, a: TypeRef, b: TypeRef) -> bool {
        let (a, b) = if self.expand { (self.set.expand(a), self.set.expand(b)) } else { (a, b) };
        match (&a.shape, &b.shape) {
            _ if a.identity() == b.identity() => true,
            (Shape::Basic(Basic::Never), _) | (_, Shape::Basic(Basic::Any | Basic::Unknown)) => true,
            (Shape::Basic(Basic::Any | Basic::Unknown), _) => false,
            (Shape::Union(members), _) => members.iter().all(|member| self.holds(*member, b)),
            (Shape::Optional(inner), _) => self.holds(self.set.basic(Basic::Nil), b) && self.holds(*inner, b),
            (_, Shape::Intersection(parts)) => parts.iter().all(|part| self.holds(a, *part)),
            (_, Shape::Union(members)) => self.in_union(a, members),
            (_, Shape::Optional(inner)) => a.is_basic(Basic::Nil) || self.holds(a, *inner),
            (Shape::Validated(x, rules), Shape::Validated(y, wanted)) => {
                self.holds(*x, *y) && wanted.iter().all(|wanted| rules.iter().any(|rule| implies(rule, wanted)))
            }
            (Shape::Validated(inner, _), _) => self.holds(*inner, b),
            (Shape::Intersection(parts), _) => parts.iter().any(|part| self.holds(*part, b)),
            (_, Shape::Basic(basic)) => is_of_kind(a, *basic),
            (Shape::Array(x, readonly), Shape::Array(y, wanted)) => (*wanted || !readonly) && self.holds(*x, *y),
            (Shape::Array(item, readonly), Shape::Table(table)) => {
                let key = self.set.basic(Basic::Integer);
                table.fields.iter().all(|field| field.optional)
                    && table.indexer.is_none_or(|(k, v, wanted)| {
                        (wanted || !readonly) && self.holds(key, k) && self.holds(*item, v)
                    })
            }
            (Shape::Table(x), Shape::Table(y)) => self.tables(x, y),
            (Shape::Function(x), Shape::Function(y)) => self.functions(x, y),
            _ => false,
        }
    }

    /// A literal of a boolean type may be spread over the members, so `boolean` is tried as `true` and `false`.
    fn in_union(&mut self, a: TypeRef, members: &[TypeRef]) -> bool {
        if members.iter().any(|member| self.holds(a, *member)) {
            return true;
        }
        match &a.shape {
            Shape::Basic(Basic::Boolean) => [false, true].iter().all(|value| {
                let literal = Shape::Literal(Literal::Boolean(*value));
                members.iter().any(|member| member.is_basic(Basic::Boolean) || member.shape == literal)
            }),
            Shape::Basic(Basic::Number) => [Basic::Integer, Basic::Float]
                .into_iter()
                .all(|half| members.iter().any(|member| self.holds(self.set.basic(half), *member))),
            _ => false,
        }
    }

    fn same(&mut self, a: TypeRef, b: TypeRef) -> bool {
        self.holds(a, b) && self.holds(b, a)
    }

    fn accepts_nil(&mut self, ty: TypeRef) -> bool {
        self.holds(self.set.basic(Basic::Nil), ty)
    }

    fn tables(&mut self, a: &TableShape, b: &TableShape) -> bool {
        for wanted in &b.fields {
            let fits = match a.fields.iter().find(|field| field.name() == wanted.name()) {
                Some(field) => {
                    let present = !field.optional || wanted.optional || self.accepts_nil(wanted.ty);
                    let ty = if wanted.readonly {
                        self.holds(field.ty, wanted.ty)
                    } else {
                        !field.readonly && self.same(field.ty, wanted.ty)
                    };
                    present && ty
                }
                None => wanted.optional || self.accepts_nil(wanted.ty),
            };
            if !fits {
                return false;
            }
        }
        match (a.indexer, b.indexer) {
            (_, None) => true,
            // A record stays one when it gets entries that nobody has promised anything about.
            (None, Some(_)) => false,
            (Some((key, value, readonly)), Some((wanted_key, wanted_value, wanted_readonly))) => {
                let entries = if wanted_readonly {
                    self.holds(key, wanted_key) && self.holds(value, wanted_value)
                } else {
                    !readonly && self.slot(key, wanted_key) && self.slot(value, wanted_value)
                };
                // What the target calls an entry may be a field of the source.
                entries && {
                    let fields =
                        a.fields.iter().filter(|field| !b.fields.iter().any(|other| other.name() == field.name()));
                    fields.into_iter().all(|field| self.holds(field.ty, wanted_value))
                }
            }
        }
    }

    /// Key or value types of maps that may be written.
    fn slot(&mut self, a: TypeRef, b: TypeRef) -> bool {
        b.is_basic(Basic::Any) || b.is_basic(Basic::Unknown) || self.same(a, b)
    }

    fn functions(&mut self, a: &FunctionShape, b: &FunctionShape) -> bool {
        for (place, param) in a.params.iter().enumerate() {
            let fits = match b.params.get(place) {
                Some(given) => {
                    let present = !given.optional || param.optional || self.accepts_nil(param.ty);
                    present && self.holds(given.ty, param.ty)
                }
                None => match b.vararg {
                    Some(given) => self.holds(given, param.ty),
                    None => param.optional || self.accepts_nil(param.ty),
                },
            };
            if !fits {
                return false;
            }
        }
        // Extra arguments are dropped, unless the source takes them.
        if let Some(vararg) = a.vararg {
            let given = b.params.iter().skip(a.params.len()).map(|param| param.ty).chain(b.vararg);
            if !given.collect::<Vec<_>>().into_iter().all(|given| self.holds(given, vararg)) {
                return false;
            }
        }
        let returns =
            b.returns.iter().enumerate().all(|(place, wanted)| match a.returns.get(place).copied().or(a.more) {
                Some(returned) => self.holds(returned, *wanted),
                None => false,
            });
        returns
            && match b.more {
                Some(wanted) => {
                    let rest = a.returns.iter().skip(b.returns.len()).copied().chain(a.more);
                    rest.collect::<Vec<_>>().into_iter().all(|returned| self.holds(returned, wanted))
                }
                None => true,
            }
    }
}

/// Whether all values of a type that is neither union nor intersection are of a basic kind.
fn is_of_kind(a: TypeRef, kind: Basic) -> bool {
    match (&a.shape, kind) {
        (Shape::Basic(Basic::Integer | Basic::Float), Basic::Number) => true,
        (Shape::Basic(Basic::Error), Basic::Userdata) => true,
        (Shape::Literal(literal), _) => {
            let base = base_of(literal);
            base == kind || kind == Basic::Number && matches!(base, Basic::Integer | Basic::Float)
        }
        (Shape::Array(..) | Shape::Table(_), Basic::Table) => true,
        (Shape::Function(_), Basic::Function) => true,
        (Shape::Opaque(_), Basic::Userdata) => true,
        _ => false,
    }
}

/// Whether values that pass `rule` pass `wanted`.
fn implies(rule: &Rule, wanted: &Rule) -> bool {
    match (rule, wanted) {
        (Rule::Min(limit), Rule::Min(wanted)) => order_numbers(Order::Le, number(wanted), number(limit)),
        (Rule::Max(limit), Rule::Max(wanted)) => order_numbers(Order::Le, number(limit), number(wanted)),
        (Rule::MinLen(limit), Rule::MinLen(wanted)) => limit >= wanted,
        (Rule::MaxLen(limit), Rule::MaxLen(wanted)) => limit <= wanted,
        _ => rule == wanted,
    }
}

/// The limit of a validator as a number.
pub(super) fn number(limit: &Literal) -> Value {
    match limit {
        Literal::Integer(value) => Value::int(*value),
        Literal::Float(bits) => Value::float(f64::from_bits(*bits)),
        // No validator has such a limit; a number no comparison holds for.
        Literal::Boolean(_) | Literal::String(_) => Value::float(f64::NAN),
    }
}

//! Reading and writing fields and elements (types §2.14).

use super::Checker;
use crate::syntax::Span;
use crate::syntax::ast::{Expr, ExprId};
use crate::types::algebra::base;
use crate::types::codes::Code;
use crate::types::diagnostic::Diagnostic;
use crate::types::facts::{Flow, PathKey};
use crate::types::names::nearest;
use crate::types::scope::Meaning;
use crate::types::shape::Found;
use crate::types::ty::{Field, Key, Kind, Literal, ShapeId, Ty};

/// What a read of one member of a union found.
enum Read {
    /// A value.
    Value(Flow),
    /// No such field; in a type that has none but its own.
    Missing,
    /// Values of this type have no fields.
    NoFields,
    /// The key has a wrong type.
    BadKey,
}

/// A key as it is known to the checker.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// `.name`
    Name(Key),
    /// `[e]`
    Computed(Ty),
}

impl Checker<'_> {
    /// `object.name`
    pub(super) fn read_field(&mut self, id: ExprId, object: ExprId, flow: Flow, key: Key, span: Span) -> Flow {
        self.read(id, object, flow, Place::Name(key), span)
    }

    /// `object[key]`
    pub(super) fn read_index(&mut self, id: ExprId, object: ExprId, flow: Flow, key: ExprId) -> Flow {
        let index = self.expr(key, None);
        let place = self.place_of(index.ty);
        let span = self.span(key);
        let value = self.read(id, object, flow, place, span);
        if self.is_strict() && self.is_in_range(object, key) {
            return Flow { ty: self.types.without_nil(value.ty), ..value };
        }
        if self.is_strict()
            && let Some(last) = self.last_element(object, key)
        {
            return last;
        }
        value
    }

    /// Whether the key is the variable of a loop from 1 to the length of the object.
    fn is_in_range(&mut self, object: ExprId, key: ExprId) -> bool {
        let (Expr::Name(_), Meaning::Local(var)) = (self.ast.expr(key), self.scopes.meaning(key)) else { return false };
        let Some(path) = self.path_of(object) else { return false };
        self.notes.ranges.contains(&(var, path))
    }

    /// The method of an object.
    pub(super) fn read_method(&mut self, object: ExprId, flow: Flow, key: Key, span: Span) -> Flow {
        let value = self.read_type(object, flow, Place::Name(key), span);
        let path = self.path_of(object).and_then(|path| self.paths.extend(path, PathKey::Name(key)));
        path.and_then(|path| self.facts.get(path)).unwrap_or(value)
    }

    fn place_of(&mut self, key: Ty) -> Place {
        match *self.types.kind(key) {
            Kind::Literal(Literal::String(name)) => Place::Name(name),
            _ => Place::Computed(key),
        }
    }

    fn read(&mut self, id: ExprId, object: ExprId, flow: Flow, place: Place, span: Span) -> Flow {
        let value = self.read_type(object, flow, place, span);
        match self.path_of(id).and_then(|path| self.facts.get(path)) {
            // What a test or an assignment told is more precise.
            Some(known) => known,
            None => value,
        }
    }

    fn read_type(&mut self, object: ExprId, flow: Flow, place: Place, span: Span) -> Flow {
        let flow = self.constrained(flow);
        if matches!(flow.ty, Ty::ANY | Ty::UNKNOWN | Ty::NEVER) {
            return Flow::inferred(if flow.ty == Ty::NEVER { Ty::ANY } else { flow.ty });
        }
        let flow = self.checked_object(object, flow, place);
        let members = self.types.members(flow.ty);
        let mut result: Option<Flow> = None;
        let mut wrong: Option<(Ty, Read)> = None;
        let mut failures = 0;
        for member in &members {
            match self.read_member(*member, place, flow.declared) {
                Read::Value(value) => {
                    result = Some(match result {
                        Some(before) => before.join(value, self.types),
                        None => value,
                    });
                }
                bad => {
                    failures += 1;
                    wrong.get_or_insert((*member, bad));
                }
            }
        }
        let Some((member, bad)) = wrong else { return result.unwrap_or(Flow::ANY) };
        let strict = self.is_strict() || flow.declared;
        // Programs extend what libraries gave them, and look whether something is there.
        let extended = !flow.declared
            && match (&bad, place) {
                (Read::Missing, Place::Name(key)) => {
                    self.scopes.writes.anywhere(key) || self.scopes.tested_fields.contains(&key)
                }
                (Read::NoFields, _) => self.scopes.basic_metatables,
                _ => false,
            };
        let silent = extended || !strict && failures < members.len();
        if !silent {
            self.report_read(member, bad, place, span);
        }
        Flow::ANY
    }

    /// The object without its nil, which is reported.
    fn checked_object(&mut self, object: ExprId, flow: Flow, place: Place) -> Flow {
        if !self.types.has_nil(flow.ty) {
            return flow;
        }
        let rest = self.types.without_nil(flow.ty);
        if rest == Ty::NEVER {
            return flow;
        }
        if self.nil_matters(flow) {
            let what = match place {
                Place::Name(key) => format!("reading '{}'", self.types.key_text(key)),
                Place::Computed(_) => "indexing it".to_owned(),
            };
            let message = format!("{} may be nil; test it before {what}", self.types.show(flow.ty));
            let report = Diagnostic::new(Code::OPTIONAL_INDEX, self.span(object), message);
            self.report(report.with_help("test it with 'if', or assert with '!' that it is there"));
        }
        Flow { ty: rest, ..flow }
    }

    fn report_read(&mut self, member: Ty, bad: Read, place: Place, span: Span) {
        let shown = match self.library.names.get(&member) {
            Some(name) => format!("library '{name}'"),
            None => self.types.show(member),
        };
        match (bad, place) {
            (Read::NoFields, _) => self.error(Code::NOT_INDEXABLE, span, format!("cannot index {shown}")),
            (Read::Missing, Place::Name(key)) => {
                let name = self.types.key_text(key).into_owned();
                let fields = self.field_names(member);
                let fields = fields.iter().map(|key| self.types.key_bytes(*key));
                let near = nearest(name.as_bytes(), fields, &mut self.notes.suggestions);
                let mut report = Diagnostic::new(Code::NO_FIELD, span, format!("{shown} has no field '{name}'"));
                report.help = near.map(|near| format!("did you mean '{near}'?"));
                self.report(report);
            }
            (_, Place::Name(key)) => {
                let name = self.types.literal(Literal::String(key));
                let message = format!("cannot index {shown} with {}", self.types.show(name));
                self.error(Code::BAD_INDEX, span, message);
            }
            (_, Place::Computed(key)) => {
                let message = format!("cannot index {shown} with {}", self.types.show(key));
                self.error(Code::BAD_INDEX, span, message);
            }
        }
    }

    /// The names of the fields that values of this type have.
    pub(super) fn field_names(&mut self, ty: Ty) -> Vec<Key> {
        let head = self.types.head(ty);
        match self.types.kind(head).clone() {
            Kind::Record(record) => record.fields.iter().map(|field| field.key).collect(),
            Kind::Shape(id) => self.types.shape(id).fields.iter().map(|field| field.key).collect(),
            Kind::Opaque(_, methods) => self.field_names(methods),
            Kind::Type | Kind::TypeValue(_) | Kind::Generic(_) => {
                self.library.of_types.map_or_else(Vec::new, |methods| self.field_names(methods))
            }
            _ => Vec::new(),
        }
    }

    fn optional(&mut self, ty: Ty) -> Ty {
        if self.is_strict() { self.types.optional(ty) } else { ty }
    }

    /// Reads from a type that is no union.
    fn read_member(&mut self, member: Ty, place: Place, declared: bool) -> Read {
        let head = self.types.head(member);
        match self.types.kind(head).clone() {
            Kind::Any | Kind::Table | Kind::Userdata | Kind::Intersection(_) => Read::Value(Flow::ANY),
            Kind::Unknown => Read::Value(Flow::inferred(Ty::UNKNOWN)),
            Kind::Never => Read::Value(Flow::ANY),
            Kind::Record(record) => match place {
                Place::Name(key) => {
                    if let Some(field) = self.types.field(head, key) {
                        let ty = if field.optional { self.types.optional(field.ty) } else { field.ty };
                        return Read::Value(Flow { ty, declared });
                    }
                    let Some((index, value)) = record.indexer else { return Read::Missing };
                    let name = self.types.literal(Literal::String(key));
                    if !self.types.assignable(name, index) {
                        return if record.fields.is_empty() { Read::BadKey } else { Read::Missing };
                    }
                    Read::Value(Flow { ty: self.optional(value), declared })
                }
                Place::Computed(key) => {
                    if let Some((index, value)) = record.indexer {
                        if self.types.assignable(key, index) || self.loosely(key, index, declared) {
                            return Read::Value(Flow { ty: self.optional(value), declared });
                        }
                        return Read::BadKey;
                    }
                    if key == Ty::ANY || self.types.bases(key) & base::STRING != 0 {
                        return self.read_by_name(head, key, declared);
                    }
                    if record.fields.is_empty() { Read::Value(Flow::ANY) } else { Read::BadKey }
                }
            },
            Kind::Array { elem, .. } => match place {
                Place::Name(_) => Read::BadKey,
                Place::Computed(key) => {
                    let number = self.types.only(key, base::NUMBER);
                    if key == Ty::ANY || number != Ty::NEVER {
                        Read::Value(Flow { ty: self.optional(elem), declared })
                    } else {
                        Read::BadKey
                    }
                }
            },
            Kind::Shape(id) => self.read_shape(id, place),
            Kind::Opaque(_, methods) => self.read_member(methods, place, declared),
            Kind::String | Kind::Literal(Literal::String(_)) => match place {
                Place::Name(key) => match self.library.string.and_then(|library| self.types.field(library, key)) {
                    Some(field) => Read::Value(Flow::inferred(field.ty)),
                    // Programs add their own.
                    None if self.is_strict() && !self.scopes.writes.anywhere(key) => Read::Missing,
                    None => Read::Value(Flow::ANY),
                },
                Place::Computed(_) => Read::Value(Flow::ANY),
            },
            Kind::Error => match (place, self.library.error) {
                (Place::Name(_), Some(methods)) => self.read_member(methods, place, declared),
                _ => Read::Value(Flow::ANY),
            },
            Kind::Type | Kind::Generic(_) => Read::Value(Flow::ANY),
            Kind::TypeValue(of) => match place {
                Place::Name(key) => match self.types.known_field(of, key) {
                    Some(ty) => Read::Value(Flow::inferred(self.types.intern(Kind::TypeValue(ty)))),
                    None => Read::Value(Flow::ANY),
                },
                Place::Computed(_) => Read::Value(Flow::ANY),
            },
            Kind::Param(id) => match self.types.param(id).constraint {
                Some(constraint) => self.read_member(constraint, place, declared),
                None => Read::Value(Flow::inferred(Ty::UNKNOWN)),
            },
            Kind::Nil | Kind::Boolean | Kind::Number | Kind::Integer | Kind::Float | Kind::Literal(_) => Read::NoFields,
            Kind::Function | Kind::Func(_) | Kind::Thread => Read::NoFields,
            Kind::Union(_) | Kind::Alias(..) => Read::Value(Flow::ANY),
        }
    }

    /// Whether a key that was inferred may be one of the index type.
    fn loosely(&mut self, key: Ty, index: Ty, _declared: bool) -> bool {
        !self.is_strict() && self.types.overlap(key, index)
    }

    /// A record read under a computed name.
    fn read_by_name(&mut self, head: Ty, key: Ty, declared: bool) -> Read {
        let names = self.types.members(key);
        let mut joined = Flow { ty: Ty::NEVER, declared };
        for name in &names {
            let field = match *self.types.kind(*name) {
                Kind::Literal(Literal::String(name)) => self.types.field(head, name),
                _ => None,
            };
            match field {
                Some(field) => {
                    let ty = if field.optional { self.types.optional(field.ty) } else { field.ty };
                    joined = joined.join(Flow { ty, declared }, self.types);
                }
                None if self.is_strict() && key != Ty::ANY => return Read::BadKey,
                None => return Read::Value(Flow::ANY),
            }
        }
        Read::Value(joined)
    }

    fn read_shape(&mut self, id: ShapeId, place: Place) -> Read {
        let key = match place {
            Place::Name(key) => key,
            Place::Computed(key) => {
                let shape = self.types.shape(id);
                let plain = shape.indexer.is_none() && !shape.open && !shape.escaped;
                let numbers = key != Ty::ANY && self.types.bases(key) & !base::NUMBER == 0;
                if self.is_strict()
                    && plain
                    && numbers
                    && let Some(elem) = self.types.shape(id).elem
                {
                    let elem = self.types.widen(elem);
                    return Read::Value(Flow::inferred(self.types.optional(elem)));
                }
                return Read::Value(Flow::ANY);
            }
        };
        match self.types.lookup(id, key) {
            Found::Field(at, field) => Read::Value(self.shape_field(at, key, field.ty, field.writes)),
            Found::Behind(ty) => match self.read_member(ty, place, false) {
                Read::Value(flow) => Read::Value(flow),
                _ => Read::Value(Flow::ANY),
            },
            Found::Unknown => Read::Value(Flow::ANY),
            Found::Absent => {
                let shape = self.types.shape(id);
                let certain = self.is_strict() && !shape.sealed && !self.scopes.writes.anywhere(key);
                if certain && !self.types.shape(id).fields.is_empty() { Read::Missing } else { Read::Value(Flow::ANY) }
            }
        }
    }

    /// What a field of a shape has, if all stores to it are known.
    pub(super) fn shape_field(&mut self, id: ShapeId, key: Key, ty: Ty, writes: u32) -> Flow {
        if !self.is_settled(id, key, writes) {
            return Flow::ANY;
        }
        if self.is_strict() {
            return Flow::inferred(self.types.widen(ty));
        }
        // Tables are changed in ways that nobody sees; only functions and tables stay what they are.
        match self.types.kind(ty) {
            Kind::Func(_) | Kind::Shape(_) | Kind::TypeValue(_) | Kind::Alias(..) | Kind::Opaque(..) => {
                Flow::inferred(ty)
            }
            _ => Flow::ANY,
        }
    }

    /// `object.name = value` and `object[key] = value`
    pub(super) fn store(
        &mut self,
        target: ExprId,
        value: &mut dyn FnMut(&mut Self, Option<Ty>) -> Flow,
        value_span: Span,
    ) {
        let ast = self.ast;
        let (object, place, key, span) = match ast.expr(target) {
            Expr::Field(object, name) => {
                let key = self.key(name.name);
                (*object, Place::Name(key), Some(PathKey::Name(key)), name.span)
            }
            Expr::Index(object, index) => {
                let flow = self.expr(*index, None);
                let key = self.path_key(*index);
                (*object, self.place_of(flow.ty), key, self.span(*index))
            }
            _ => return,
        };
        let flow = self.object(object);
        let flow = self.constrained(flow);
        let flow = self.checked_object(object, flow, place);
        if matches!(place, Place::Computed(Ty::NIL)) && self.is_plain_table(flow.ty) {
            self.error(Code::BAD_INDEX, span, "the key is nil");
        }
        let expected = self.slot(flow, place, span);
        let stored = value(self, expected);
        let fits = match expected {
            Some(expected) => {
                let context = match place {
                    Place::Name(key) => format!("field '{}': ", self.types.key_text(key)),
                    Place::Computed(_) => "element: ".to_owned(),
                };
                // Storing nil removes elements.
                let deletes = matches!(place, Place::Computed(_)) && stored.ty == Ty::NIL;
                deletes || self.check_fits(stored, expected, value_span, &context, None)
            }
            None => true,
        };
        self.grow(flow.ty, place, stored, target);
        let path = self.path_of(target);
        self.invalidate_by_store(path, key);
        if let Some(path) = path
            && fits
        {
            let known = match expected {
                Some(expected) => self.inhabited(expected, stored),
                None => {
                    let ty = self.types.widen(stored.ty);
                    // A definite nil or the like is known only until somebody else gets at the table.
                    if self.is_strict() || self.is_table_like(ty) && ty != Ty::ANY {
                        Flow { ty, ..stored }
                    } else {
                        Flow::ANY
                    }
                }
            };
            self.facts.set(path, known);
        }
    }

    /// Whether it is a table without a metatable, for certain.
    fn is_plain_table(&self, ty: Ty) -> bool {
        matches!(*self.types.kind(ty), Kind::Shape(id) if {
            let shape = self.types.shape(id);
            shape.metatable.is_none() && !shape.open && !shape.escaped
        })
    }

    /// The object of an assignment: looked into, not handed on.
    pub(super) fn object(&mut self, id: ExprId) -> Flow {
        match self.ast.expr(id) {
            Expr::Name(_) => {
                // As the variable at the bottom of a longer path would be.
                let before = self.var_shape(id).map(|shape| (shape, self.types.shape(shape).escaped));
                let flow = self.expr(id, None);
                if let Some((shape, escaped)) = before {
                    self.types.shape_mut(shape).escaped = escaped;
                }
                flow
            }
            _ => self.expr(id, None),
        }
    }

    fn var_shape(&mut self, id: ExprId) -> Option<ShapeId> {
        let path = self.path_of(id)?;
        let var = self.paths.var(path);
        match *self.types.kind(self.var(var).base.ty) {
            Kind::Shape(shape) => Some(shape),
            _ => None,
        }
    }

    /// The type a stored value must have; `None` if anything goes.
    fn slot(&mut self, flow: Flow, place: Place, span: Span) -> Option<Ty> {
        let members = self.types.members(flow.ty);
        let mut slots = Vec::new();
        let mut bad = 0;
        let mut first_bad: Option<(Ty, Option<Code>)> = None;
        for member in &members {
            match self.slot_of(*member, place) {
                Ok(Some(ty)) => slots.push(ty),
                Ok(None) => return None,
                Err(code) => {
                    bad += 1;
                    first_bad.get_or_insert((*member, code));
                }
            }
        }
        if let Some((member, code)) = first_bad {
            if !(self.is_strict() || flow.declared) && bad < members.len() {
                return None;
            }
            match code {
                Some(Code::READONLY) => {
                    let name = match place {
                        Place::Name(key) => format!("field '{}'", self.types.key_text(key)),
                        Place::Computed(_) => "this element".to_owned(),
                    };
                    self.error(Code::READONLY, span, format!("{name} is readonly"));
                }
                // Programs extend the tables of libraries.
                Some(Code::NO_FIELD) if !flow.declared => {}
                Some(Code::NO_FIELD) => self.report_read(member, Read::Missing, place, span),
                Some(Code::BAD_INDEX) => self.report_read(member, Read::BadKey, place, span),
                _ if self.scopes.basic_metatables && !flow.declared => {}
                _ => self.report_read(member, Read::NoFields, place, span),
            }
            return None;
        }
        match slots[..] {
            [] => None,
            [one] => Some(one),
            // Safe for all of them.
            _ => slots.into_iter().reduce(|a, b| self.types.intersect(a, b)),
        }
    }

    fn slot_of(&mut self, member: Ty, place: Place) -> Result<Option<Ty>, Option<Code>> {
        let head = self.types.head(member);
        match self.types.kind(head).clone() {
            Kind::Record(record) => {
                if let Place::Name(key) = place
                    && let Some(Field { ty, optional, readonly, .. }) = self.types.field(head, key)
                {
                    if readonly {
                        return Err(Some(Code::READONLY));
                    }
                    return Ok(Some(if optional { self.types.optional(ty) } else { ty }));
                }
                let Some((index, value)) = record.indexer else {
                    return match place {
                        Place::Name(_) => Err(Some(Code::NO_FIELD)),
                        Place::Computed(key) if key == Ty::ANY || self.types.bases(key) & base::STRING != 0 => Ok(None),
                        Place::Computed(_) if record.fields.is_empty() => Ok(None),
                        Place::Computed(_) => Err(Some(Code::BAD_INDEX)),
                    };
                };
                let key = match place {
                    Place::Name(key) => self.types.literal(Literal::String(key)),
                    Place::Computed(key) => key,
                };
                if !self.types.assignable(key, index) && !self.loosely(key, index, true) {
                    return Err(Some(Code::BAD_INDEX));
                }
                if record.readonly {
                    return Err(Some(Code::READONLY));
                }
                Ok(Some(self.types.optional(value)))
            }
            Kind::Array { elem, readonly } => {
                if readonly {
                    return Err(Some(Code::READONLY));
                }
                match place {
                    Place::Name(_) => Err(Some(Code::BAD_INDEX)),
                    Place::Computed(key) if key == Ty::ANY || self.types.bases(key) & base::NUMBER != 0 => {
                        Ok(Some(elem))
                    }
                    Place::Computed(_) => Err(Some(Code::BAD_INDEX)),
                }
            }
            Kind::Nil | Kind::Boolean | Kind::Number | Kind::Integer | Kind::Float | Kind::Literal(_) => Err(None),
            Kind::String | Kind::Function | Kind::Func(_) | Kind::Thread => Err(None),
            _ => Ok(None),
        }
    }

    /// Lets an inferred table grow by a store.
    fn grow(&mut self, ty: Ty, place: Place, stored: Flow, target: ExprId) {
        let Kind::Shape(id) = *self.types.kind(ty) else { return };
        if self.types.shape(id).sealed {
            return;
        }
        match place {
            Place::Name(key) => {
                let span = match self.ast.expr(target) {
                    Expr::Field(_, name) => name.span,
                    _ => self.span(target),
                };
                self.grow_field(id, key, stored.ty, span);
            }
            Place::Computed(key) if key != Ty::ANY && self.types.bases(key) & !base::NUMBER == 0 => {
                let ty = self.types.widen(stored.ty);
                self.types.store_elem(id, ty);
            }
            Place::Computed(key) => {
                let (key, value) = (self.types.widen(key), self.types.widen(stored.ty));
                self.types.store_indexed(id, key, value);
            }
        }
    }

    /// Records a store to a field of a shape, made at this place.
    pub(super) fn grow_field(&mut self, id: ShapeId, key: Key, ty: Ty, name: Span) {
        if self.notes.counted.insert((id, key, name.start)) {
            self.types.store_field(id, key, ty);
            if self.trace.is_some() {
                self.trace_name(name, ty);
                let of = self.types.intern(Kind::Shape(id));
                self.modules.origin(|origins| origins.field(of, key, name));
            }
        }
    }
}

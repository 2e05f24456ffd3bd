//! Inferred tables: the types of constructors without an expected type.
//!
//! A shape is known by the constructor that makes it, and grows by the assignments the checker meets. It describes what
//! was seen, not what must be: reading what was not seen is no error unless the chunk never writes such a field.

use super::ty::{Key, Kind, ShapeId, Ty, Types};

/// What is known of the tables that one constructor makes.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Named fields in the order in which they were seen.
    pub fields: Vec<ShapeField>,
    /// What was stored under integers.
    pub elem: Option<Ty>,
    /// What was stored under other keys.
    pub indexer: Option<(Ty, Ty)>,
    /// Fields may have come from anywhere.
    pub open: bool,
    /// The variable it was made for, for messages about classes.
    pub name: Option<Key>,
    /// Its metatable.
    pub metatable: Option<Ty>,
    /// Some code that was not followed may have it.
    pub escaped: bool,
    /// Its chunk has been checked; it grows no longer.
    pub sealed: bool,
}

/// One field of a shape.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShapeField {
    /// Its name.
    pub key: Key,
    /// The join of what was stored.
    pub ty: Ty,
    /// How often it was stored.
    pub writes: u32,
}

/// Lookups through `__index` end here, as those of programs do at some point.
const MAX_LOOKUPS: usize = 16;

/// Tables with more fields are data, of which nothing is to be known.
const MAX_FIELDS: usize = 512;

/// Where a lookup in a shape ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// At this field of this shape.
    Field(ShapeId, ShapeField),
    /// At a type that is no shape, behind `__index`.
    Behind(Ty),
    /// It may be there: something on the way is not known.
    Unknown,
    /// It was not seen.
    Absent,
}

impl Types {
    /// A new shape and its type.
    pub fn new_shape(&mut self, shape: Shape) -> (ShapeId, Ty) {
        self.shapes.push(shape);
        let id = ShapeId(self.shapes.len() as u32 - 1);
        (id, self.intern(Kind::Shape(id)))
    }

    /// The shape `id`.
    pub fn shape(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.0 as usize]
    }

    /// The shape `id`, to be extended.
    pub fn shape_mut(&mut self, id: ShapeId) -> &mut Shape {
        &mut self.shapes[id.0 as usize]
    }

    /// The field of the shape itself.
    pub fn own_field(&self, id: ShapeId, key: Key) -> Option<ShapeField> {
        self.shape(id).fields.iter().find(|field| field.key == key).copied()
    }

    /// The field of the shape or of what its metatable leads to.
    pub fn lookup(&mut self, id: ShapeId, key: Key) -> Found {
        let index = self.key(b"__index");
        let mut at = id;
        for _ in 0..MAX_LOOKUPS {
            if let Some(field) = self.own_field(at, key) {
                return Found::Field(at, field);
            }
            let shape = self.shape(at);
            if shape.open || shape.indexer.is_some() {
                return Found::Unknown;
            }
            let Some(metatable) = shape.metatable else { return Found::Absent };
            let Kind::Shape(meta) = *self.kind(metatable) else { return Found::Unknown };
            let Some(behind) = self.own_field(meta, index) else {
                // `C.__index = C` may stand further down.
                return Found::Unknown;
            };
            match *self.kind(behind.ty) {
                Kind::Shape(next) if next == at => return Found::Absent,
                Kind::Shape(next) => at = next,
                Kind::Record(_) | Kind::Alias(..) => return Found::Behind(behind.ty),
                _ => return Found::Unknown,
            }
        }
        Found::Unknown
    }

    /// Records a store into a field.
    pub fn store_field(&mut self, id: ShapeId, key: Key, ty: Ty) {
        let known = self.shape(id).fields.iter().position(|field| field.key == key);
        match known {
            Some(at) => {
                let before = self.shape(id).fields[at];
                let ty = self.join([before.ty, ty]);
                self.shape_mut(id).fields[at] = ShapeField { key, ty, writes: before.writes + 1 };
            }
            None if self.shape(id).fields.len() < MAX_FIELDS => {
                self.shape_mut(id).fields.push(ShapeField { key, ty, writes: 1 });
            }
            None => self.shape_mut(id).open = true,
        }
    }

    /// Records the definition of a method, whose provisional type the field may have.
    pub fn replace_field(&mut self, id: ShapeId, key: Key, ty: Ty) {
        match self.shape(id).fields.iter().position(|field| field.key == key && field.writes == 0) {
            Some(at) => self.shape_mut(id).fields[at] = ShapeField { key, ty, writes: 1 },
            None => self.store_field(id, key, ty),
        }
    }

    /// Records a store under an integer.
    pub fn store_elem(&mut self, id: ShapeId, ty: Ty) {
        let ty = match self.shape(id).elem {
            Some(before) => self.join([before, ty]),
            None => ty,
        };
        self.shape_mut(id).elem = Some(ty);
    }

    /// Records a store under a key that is no literal.
    pub fn store_indexed(&mut self, id: ShapeId, key: Ty, value: Ty) {
        let stored = match self.shape(id).indexer {
            Some((k, v)) => (self.join([k, key]), self.join([v, value])),
            None => (key, value),
        };
        self.shape_mut(id).indexer = Some(stored);
    }
}

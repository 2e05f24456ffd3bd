//! Type values: types as a program holds them. Immutable, static, shared by all processes of an image.
//!
//! | file | room |
//! | --- | --- |
//! | `set` | the types of an image, each once; names, identity |
//! | `build` | from a chunk's table to types; instances of generics |
//! | `make` | types that programs put together |
//! | `normal` | unions and intersections in normal form |
//! | `subtype` | `A <: B` |
//! | `text` | types as text |
//! | `glance` | what passes without walking the type |
//! | `validate`, `failure` | whether a value is of a type, and if not, why |
//!
//! House rules:
//! * A [`Type`] is made by the [`TypeSet`] of an image only and lives as long as that: a [`TypeRef`] is valid while the
//!   image is. To the collector it is a static object.
//! * Types of one structure and one name are one object. The object without any names is the identity of all that have
//!   its structure: `==` and table keys look at [`TypeRef::identity`] alone.
//! * A type is finite: a recursive alias stands in it as [`Shape::Recursive`], whose body is found when somebody asks. So
//!   whoever walks types bounds the depth of the walk.
//! * Nothing here runs Lua.

mod build;
mod failure;
mod glance;
mod make;
mod normal;
mod set;
mod subtype;
mod text;
mod validate;

pub use build::{Built, Declaration};
pub use failure::{ErrorMaker, Report};
pub use set::TypeSet;

use glance::Glance;

use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::object::{Header, Str};
use super::value::Value;
use crate::bytecode::types::{Basic, Literal, Rule};

/// A type of an image. Equality and hash are those of the object.
#[derive(Clone, Copy)]
pub struct TypeRef(NonNull<Type>);

// SAFETY: types are immutable but for cells that are atomic or locks.
unsafe impl Send for TypeRef {}
// SAFETY: as above.
unsafe impl Sync for TypeRef {}

impl Deref for TypeRef {
    type Target = Type;

    #[inline(always)]
    fn deref(&self) -> &Type {
        // SAFETY: the image that made it is alive (house rule 1).
        unsafe { self.0.as_ref() }
    }
}

impl PartialEq for TypeRef {
    fn eq(&self, other: &TypeRef) -> bool {
        self.0 == other.0
    }
}

impl Eq for TypeRef {}

impl Hash for TypeRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl std::fmt::Debug for TypeRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text()))
    }
}

/// What a type is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A predeclared type.
    Basic(Basic),
    /// Exactly one value.
    Literal(Literal),
    /// `{T}`; the flag says `readonly`.
    Array(TypeRef, bool),
    /// A record, a map, or a record with an indexer.
    Table(TableShape),
    /// A function type.
    Function(FunctionShape),
    /// `T?`; `T` is neither optional nor accepts nil otherwise.
    Optional(TypeRef),
    /// Two or more members, none of them a union, optional or nil.
    Union(Box<[TypeRef]>),
    /// Two or more parts that do not merge.
    Intersection(Box<[TypeRef]>),
    /// `T @rule …`; `T` is not validated itself.
    Validated(TypeRef, Box<[Rule]>),
    /// A recursive alias with these arguments; its body is found through [`TypeSet::expand`].
    Recursive(Declaration, Box<[TypeRef]>),
    /// A generic alias without arguments, as a value.
    Generic(Declaration),
    /// Host objects of a class.
    Opaque(Box<str>),
    /// What a function returns if that is not one value; the last is that of any further ones.
    Tuple(Box<[TypeRef]>, Option<TypeRef>),
}

/// See [`Shape::Table`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TableShape {
    /// In the order of declaration, with different names.
    pub fields: Box<[Field]>,
    /// Key and value type of all other entries, and whether the value is readonly.
    pub indexer: Option<(TypeRef, TypeRef, bool)>,
}

/// A field of a record.
#[derive(Clone)]
pub struct Field {
    /// Its name, a string of the image.
    pub name: NonNull<Str>,
    /// Its type, as written.
    pub ty: TypeRef,
    /// May be absent.
    pub optional: bool,
    /// Must not be assigned.
    pub readonly: bool,
    /// Tags of the values that pass without a closer look.
    passes: u16,
}

impl PartialEq for Field {
    fn eq(&self, other: &Field) -> bool {
        self.name() == other.name()
            && self.ty == other.ty
            && self.optional == other.optional
            && self.readonly == other.readonly
    }
}

impl Eq for Field {}

impl Hash for Field {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.name(), self.ty, self.optional, self.readonly).hash(state);
    }
}

impl Field {
    /// A field.
    pub fn new(name: NonNull<Str>, ty: TypeRef, optional: bool, readonly: bool) -> Field {
        let nil = if optional { bit(Value::NIL) } else { 0 };
        Field { name, ty, optional, readonly, passes: ty.passes | nil }
    }

    /// Its name.
    pub fn name(&self) -> &[u8] {
        // SAFETY: a string of the image.
        unsafe { Str::bytes(self.name.as_ptr()) }
    }
}

/// See [`Shape::Function`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FunctionShape {
    /// Its parameters.
    pub params: Box<[Param]>,
    /// The type of extra arguments.
    pub vararg: Option<TypeRef>,
    /// What it returns.
    pub returns: Box<[TypeRef]>,
    /// The type of further returned values.
    pub more: Option<TypeRef>,
}

/// A parameter of a function type.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Param {
    /// Its name.
    pub name: Option<Box<str>>,
    /// Its type, as written.
    pub ty: TypeRef,
    /// May be left out.
    pub optional: bool,
}

/// The name of a type: its alias, with the arguments of a generic one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TypeName {
    /// The name of the alias.
    pub text: Box<str>,
    /// The arguments it was instantiated with.
    pub args: Box<[TypeRef]>,
}

/// A type; see the house rules.
#[repr(C)]
pub struct Type {
    header: Header,
    /// Tags of the values that pass without a closer look, one bit each.
    passes: u16,
    /// Tags of the values at which validation has to look closer.
    doubts: u16,
    /// What passes beyond that without a closer look.
    glance: Glance,
    /// Whether it is a table type with tables in it.
    nests: bool,
    /// The type of this structure without names; null for that type itself.
    anonymous: *const Type,
    /// What stands in tables for all types of this identity (valid in the anonymous one): the first used as a key.
    key: AtomicPtr<Type>,
    /// The body of a recursive alias, once found.
    body: OnceLock<TypeRef>,
    /// The compiled patterns of the rules.
    patterns: Box<[regex::bytes::Regex]>,
    /// Its name, if it has one.
    pub name: Option<TypeName>,
    /// What it is.
    pub shape: Shape,
}

/// The bit of a value's tag.
#[inline(always)]
fn bit(value: Value) -> u16 {
    1 << value.tag()
}

impl TypeRef {
    /// The type as a value.
    pub fn value(self) -> Value {
        Value::ty(self.0.as_ptr())
    }

    /// The type that a value is.
    #[inline]
    pub fn of(value: Value) -> Option<TypeRef> {
        if value.is_ty() { NonNull::new(value.as_ty()).map(TypeRef) } else { None }
    }

    /// The type of this structure without names; equal for equal types.
    #[inline]
    pub fn identity(self) -> TypeRef {
        // The address of another type of the image, if it is one.
        NonNull::new(self.anonymous.cast_mut()).map_or(self, TypeRef)
    }

    /// The type that is the key of all types equal to this one.
    pub fn key(self) -> TypeRef {
        let known = &self.identity().key;
        let own = self.0.as_ptr();
        // The content of a type was published with its address.
        match known.compare_exchange(std::ptr::null_mut(), own, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => self,
            Err(other) => NonNull::new(other).map_or(self, TypeRef),
        }
    }

    /// Whether it is this predeclared type.
    pub fn is_basic(self, basic: Basic) -> bool {
        self.shape == Shape::Basic(basic)
    }
}

//! The types themselves: an arena in which equal types have equal ids.
//!
//! A [`Ty`] is an index into [`Types`]; a type is made once and never changed, so comparing, copying and remembering types
//! is cheap. What a program builds up while it is being checked — inferred tables and the bodies of aliases — lives in
//! side tables ([`Shape`], [`Alias`]) that a type names by id.
//!
//! An alias is a type of its own ([`Kind::Alias`]) until somebody asks what it stands for ([`Types::head`]): messages
//! name it, and recursive types need no unfolding.

use std::hash::{BuildHasher, Hash};
use std::rc::Rc;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use super::relate::Memo;
use super::shape::Shape;

/// A type of one [`Types`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Ty(u32);

/// A string that is the name of a field, of a parameter or of a type, interned in [`Types`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Key(u32);

/// An alias of one [`Types`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AliasId(pub u32);

/// A type parameter of one [`Types`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ParamId(pub u32);

/// An inferred table of one [`Types`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ShapeId(pub u32);

/// A type with exactly one value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Literal {
    /// `true` or `false`
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A float, by its bits. Neither NaN nor infinite nor `-0.0`.
    Float(u64),
    /// A string.
    String(Key),
}

/// What a type is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Fits everywhere, in both directions.
    Any,
    /// All values, to be narrowed before use.
    Unknown,
    /// No value.
    Never,
    /// `nil`
    Nil,
    /// `true | false`
    Boolean,
    /// `integer | float`
    Number,
    /// Numbers for which `math.type` says so.
    Integer,
    /// Numbers for which `math.type` says so.
    Float,
    /// Strings.
    String,
    /// Any table.
    Table,
    /// Any function.
    Function,
    /// Coroutines.
    Thread,
    /// Host objects.
    Userdata,
    /// Structured error objects.
    Error,
    /// Type values.
    Type,
    /// One value.
    Literal(Literal),
    /// `{T}`
    Array {
        /// The elements.
        elem: Ty,
        /// `readonly {T}`
        readonly: bool,
    },
    /// A table type with fields, an indexer or both.
    Record(Rc<Record>),
    /// A function type.
    Func(Rc<Func>),
    /// Two members or more, none of them a union.
    Union(Rc<[Ty]>),
    /// Members that have no common normal form, such as overloads.
    Intersection(Rc<[Ty]>),
    /// A type parameter.
    Param(ParamId),
    /// An alias with its arguments.
    Alias(AliasId, Rc<[Ty]>),
    /// Host objects of one class, with their methods and fields as a record.
    Opaque(Key, Ty),
    /// A table whose type grows with the program.
    Shape(ShapeId),
    /// The value that an alias statement defines.
    TypeValue(Ty),
    /// The value of an alias with parameters.
    Generic(AliasId),
}

/// Fields and indexer of a table type.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Record {
    /// In the order of declaration.
    pub fields: Vec<Field>,
    /// `[K]: V`
    pub indexer: Option<(Ty, Ty)>,
    /// Whether the indexer is readonly.
    pub readonly: bool,
}

/// One field of a table type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Field {
    /// Its name.
    pub key: Key,
    /// Its type; without the nil of `?`.
    pub ty: Ty,
    /// `f?: T`
    pub optional: bool,
    /// `readonly f: T`
    pub readonly: bool,
}

impl Record {
    /// Fields are searched, not hashed: records are small, and those of libraries are looked up by [`Types::field`].
    pub fn field(&self, key: Key) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }
}

/// A function type.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Func {
    /// Its type parameters.
    pub type_params: Vec<ParamId>,
    /// Its parameters, `self` included.
    pub params: Vec<Param>,
    /// The type of further arguments.
    pub vararg: Option<Ty>,
    /// Its results.
    pub ret: Pack,
    /// What is known beyond the type.
    pub facts: FuncFacts,
}

/// What is known of a function beyond its type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct FuncFacts {
    /// What it is called in messages.
    pub name: Option<Key>,
    /// Not one annotation: calls with other numbers of arguments are usual.
    pub unannotated: bool,
    /// The results were inferred from its body.
    pub inferred: bool,
    /// Defined with `:`.
    pub method: bool,
    /// A function of a library. It takes numbers for strings, and the reverse.
    pub library: Option<Intrinsic>,
    /// The parameter that is truthy, or of the given type, when the function returns.
    pub asserts: Option<(u32, Option<Ty>)>,
    /// The last result is nil or tells why the others are: only one of them is nil.
    pub fallible: bool,
}

/// Functions of libraries that the checker knows by name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Intrinsic {
    /// Nothing special.
    Plain,
    /// Changes no table or variable of the program.
    Pure,
    /// Results or effects are computed from the arguments; the name says how.
    Special(Special),
}

/// What makes a function of a library special.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Special {
    Assert,
    Ipairs,
    MathType,
    Insert,
    Pairs,
    Pcall,
    Require,
    Select,
    SetMetatable,
    Type,
    Typeof,
    Unpack,
    Xpcall,
}

/// One parameter of a function type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Param {
    /// For messages.
    pub name: Option<Key>,
    /// Its type; with the nil of `?`.
    pub ty: Ty,
    /// Whether it may be left out whatever its type says: `name?: T`.
    pub optional: bool,
}

/// Several values: the arguments or results of a call.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Pack {
    /// The first of them.
    pub types: Vec<Ty>,
    /// The type of all others, if there may be more.
    pub tail: Option<Ty>,
}

impl Pack {
    /// Exactly these.
    pub fn of(types: impl Into<Vec<Ty>>) -> Pack {
        Pack { types: types.into(), tail: None }
    }

    /// Any number of this type.
    pub fn repeat(ty: Ty) -> Pack {
        Pack { types: Vec::new(), tail: Some(ty) }
    }

    /// The value at `index`; `None` beyond the end.
    pub fn get(&self, index: usize) -> Option<Ty> {
        self.types.get(index).copied().or(self.tail)
    }
}

/// A named type.
#[derive(Clone, Debug)]
pub struct Alias {
    /// Its name, with that of the module it comes from.
    pub name: String,
    /// Its parameters.
    pub params: Vec<ParamId>,
    /// The defaults of the last of them.
    pub defaults: Vec<Option<Ty>>,
    /// What it stands for; `any` while it is being read.
    pub body: Ty,
}

/// A type parameter.
#[derive(Clone, Copy, Debug)]
pub struct TypeParam {
    /// Its name.
    pub name: Key,
    /// Its upper bound.
    pub constraint: Option<Ty>,
}

/// All types of a run of the checker.
pub struct Types {
    kinds: Vec<Kind>,
    ids: HashTable<Ty>,
    hasher: DefaultHashBuilder,
    keys: Vec<Box<[u8]>>,
    key_ids: HashTable<Key>,
    pub(super) aliases: Vec<Alias>,
    pub(super) params: Vec<TypeParam>,
    pub(super) shapes: Vec<Shape>,
    pub(super) expansions: HashMap<Ty, Ty>,
    pub(super) memo: Memo,
    /// Positions of the fields of large records.
    large: HashMap<Ty, HashMap<Key, usize>>,
}

/// Records with more fields get an index.
const LARGE: usize = 12;

macro_rules! constants {
    ($($index:literal $name:ident $kind:expr, $doc:literal;)*) => {
        impl Ty {
            $(#[doc = $doc] pub const $name: Ty = Ty($index);)*
        }
        const CONSTANTS: &[(Ty, Kind)] = &[$((Ty::$name, $kind)),*];
    };
}

constants! {
    0 ANY Kind::Any, "`any`";
    1 UNKNOWN Kind::Unknown, "`unknown`";
    2 NEVER Kind::Never, "`never`";
    3 NIL Kind::Nil, "`nil`";
    4 BOOLEAN Kind::Boolean, "`boolean`";
    5 NUMBER Kind::Number, "`number`";
    6 INTEGER Kind::Integer, "`integer`";
    7 FLOAT Kind::Float, "`float`";
    8 STRING Kind::String, "`string`";
    9 TABLE Kind::Table, "`table`";
    10 FUNCTION Kind::Function, "`function`";
    11 THREAD Kind::Thread, "`thread`";
    12 USERDATA Kind::Userdata, "`userdata`";
    13 ERROR Kind::Error, "`error`";
    14 TYPE Kind::Type, "`type`";
    15 TRUE Kind::Literal(Literal::Boolean(true)), "`true`";
    16 FALSE Kind::Literal(Literal::Boolean(false)), "`false`";
}

/// The names that mean a type everywhere (types §1.8, S6). Capitalised they do as well, unless shadowed.
pub const PREDECLARED: [(&str, Ty); 15] = [
    ("nil", Ty::NIL),
    ("boolean", Ty::BOOLEAN),
    ("number", Ty::NUMBER),
    ("integer", Ty::INTEGER),
    ("float", Ty::FLOAT),
    ("string", Ty::STRING),
    ("table", Ty::TABLE),
    ("function", Ty::FUNCTION),
    ("thread", Ty::THREAD),
    ("userdata", Ty::USERDATA),
    ("any", Ty::ANY),
    ("unknown", Ty::UNKNOWN),
    ("never", Ty::NEVER),
    ("error", Ty::ERROR),
    ("type", Ty::TYPE),
];

impl Default for Types {
    fn default() -> Self {
        Self::new()
    }
}

impl Types {
    /// The predeclared types.
    pub fn new() -> Types {
        let mut types = Types {
            kinds: Vec::new(),
            ids: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            keys: Vec::new(),
            key_ids: HashTable::new(),
            aliases: Vec::new(),
            params: Vec::new(),
            shapes: Vec::new(),
            expansions: HashMap::new(),
            memo: Memo::default(),
            large: HashMap::new(),
        };
        for (id, kind) in CONSTANTS {
            let made = types.intern(kind.clone());
            debug_assert_eq!(made, *id);
        }
        types
    }

    /// The type of this kind. Unions and intersections are made by [`Types::union`] and [`Types::intersect`].
    pub fn intern(&mut self, kind: Kind) -> Ty {
        let hash = self.hasher.hash_one(&kind);
        if let Some(found) = self.ids.find(hash, |id| self.kinds[id.0 as usize] == kind) {
            return *found;
        }
        let id = Ty(self.kinds.len() as u32);
        if let Kind::Record(record) = &kind
            && record.fields.len() > LARGE
        {
            let index = record.fields.iter().enumerate().map(|(at, field)| (field.key, at)).collect();
            self.large.insert(id, index);
        }
        self.kinds.push(kind);
        let (kinds, hasher) = (&self.kinds, &self.hasher);
        self.ids.insert_unique(hash, id, |id| hasher.hash_one(&kinds[id.0 as usize]));
        id
    }

    /// What `ty` is.
    pub fn kind(&self, ty: Ty) -> &Kind {
        &self.kinds[ty.0 as usize]
    }

    /// The field of a record.
    pub fn field(&self, ty: Ty, key: Key) -> Option<Field> {
        let Kind::Record(record) = self.kind(ty) else { return None };
        match self.large.get(&ty) {
            Some(index) => index.get(&key).map(|at| record.fields[*at]),
            None => record.field(key).copied(),
        }
    }

    /// The id of a name.
    pub fn key(&mut self, bytes: &[u8]) -> Key {
        let hash = self.hasher.hash_one(bytes);
        if let Some(found) = self.key_ids.find(hash, |key| &*self.keys[key.0 as usize] == bytes) {
            return *found;
        }
        let id = Key(self.keys.len() as u32);
        self.keys.push(bytes.into());
        let (keys, hasher) = (&self.keys, &self.hasher);
        self.key_ids.insert_unique(hash, id, |key| hasher.hash_one(&*keys[key.0 as usize]));
        id
    }

    /// The bytes of a name.
    pub fn key_bytes(&self, key: Key) -> &[u8] {
        &self.keys[key.0 as usize]
    }

    /// The text of a name, for messages.
    pub fn key_text(&self, key: Key) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.key_bytes(key))
    }

    /// `{T}`
    pub fn array(&mut self, elem: Ty) -> Ty {
        self.intern(Kind::Array { elem, readonly: false })
    }

    /// A table type.
    pub fn record(&mut self, record: Record) -> Ty {
        self.intern(Kind::Record(Rc::new(record)))
    }

    /// A function type.
    pub fn func(&mut self, func: Func) -> Ty {
        self.intern(Kind::Func(Rc::new(func)))
    }

    /// A type with one value.
    pub fn literal(&mut self, literal: Literal) -> Ty {
        self.intern(Kind::Literal(literal))
    }

    /// The literal type of a float; `float` if it has none.
    pub fn float_literal(&mut self, value: f64) -> Ty {
        if !value.is_finite() {
            return Ty::FLOAT;
        }
        // The two zeros are one type.
        self.literal(Literal::Float((value + 0.0).to_bits()))
    }

    /// The literal type of a string.
    pub fn string_literal(&mut self, bytes: &[u8]) -> Ty {
        let key = self.key(bytes);
        self.literal(Literal::String(key))
    }

    /// A new type parameter.
    pub fn new_param(&mut self, name: Key) -> ParamId {
        self.params.push(TypeParam { name, constraint: None });
        ParamId(self.params.len() as u32 - 1)
    }

    /// A new alias.
    pub fn new_alias(&mut self, name: String) -> AliasId {
        self.aliases.push(Alias { name, params: Vec::new(), defaults: Vec::new(), body: Ty::ANY });
        AliasId(self.aliases.len() as u32 - 1)
    }

    /// The alias `id`.
    pub fn alias(&self, id: AliasId) -> &Alias {
        &self.aliases[id.0 as usize]
    }

    /// The type parameter `id`.
    pub fn param(&self, id: ParamId) -> &TypeParam {
        &self.params[id.0 as usize]
    }
}

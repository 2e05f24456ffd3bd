//! The types of an image, each once.

use std::hash::BuildHasher;
use std::ptr::{NonNull, null, null_mut};
use std::sync::{Arc, OnceLock};

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use parking_lot::Mutex;

use super::build::{self, Built};
use super::glance::Glance;
use super::{Field, Param, Shape, TableShape, Type, TypeName, TypeRef};
use crate::bytecode::types::{Basic, Literal, Rule, TypeTable};
use crate::compile::Exports;
use crate::types::{Kinds, compile_pattern};
use crate::vm::intern::StringSet;
use crate::vm::object::{Header, mark};
use crate::vm::value::tag;

/// Types an image may have. They live as long as the image, so a program that makes new ones without end has to be stopped:
/// what comes after these is `any`.
const MAX_TYPES: usize = 1 << 18;

/// Aliases passed on the way to a type that is none.
const MAX_ALIASES: usize = 64;

const NIL: u16 = 1 << tag::NIL;
const BOOLEANS: u16 = 1 << tag::FALSE | 1 << tag::TRUE;
const NUMBERS: u16 = 1 << tag::INT | 1 << tag::FLOAT;
const STRING: u16 = 1 << tag::STRING;
const TABLE: u16 = 1 << tag::TABLE;
const FUNCTIONS: u16 = 1 << tag::NATIVE | 1 << tag::CLOSURE | 1 << tag::NATIVE_CLOSURE;
/// What may have a `__call` metamethod.
const CALLABLE: u16 = TABLE | USERDATA;
const USERDATA: u16 = 1 << tag::USERDATA;
const ALL: u16 = u16::MAX;

/// See the module header.
pub struct TypeSet {
    strings: Arc<StringSet>,
    state: Mutex<State>,
    basics: OnceLock<Box<[TypeRef]>>,
}

#[derive(Default)]
struct State {
    /// Boxed, because values refer to them by address.
    #[allow(clippy::vec_box)]
    types: Vec<Box<Type>>,
    index: HashTable<TypeRef>,
    hasher: DefaultHashBuilder,
    tables: HashMap<Arc<TypeTable>, Arc<Built>>,
    /// What chunks offer, by name, with a hash of the source.
    exports: HashMap<Box<[u8]>, (u64, Arc<Exports>)>,
}

impl TypeSet {
    /// A set with the predeclared types. Names of fields are interned in `strings`.
    pub fn new(strings: Arc<StringSet>) -> TypeSet {
        TypeSet { strings, state: Mutex::default(), basics: OnceLock::new() }
    }

    /// A predeclared type.
    pub fn basic(&self, basic: Basic) -> TypeRef {
        let basics = self
            .basics
            .get_or_init(|| Basic::ALL.iter().map(|basic| self.intern(Shape::Basic(*basic), None)).collect());
        basics[basic as usize]
    }

    /// A field name of records.
    pub(super) fn field_name(&self, bytes: &[u8]) -> NonNull<crate::vm::object::Str> {
        NonNull::new(self.strings.constant(bytes)).expect("strings of the image have addresses")
    }

    /// The type of this shape, which is in normal form, and name.
    pub(super) fn intern(&self, shape: Shape, name: Option<TypeName>) -> TypeRef {
        let anonymous = match anonymous(&shape) {
            Some(shape) => Some(self.intern(shape, None)),
            None if name.is_some() => Some(self.intern(shape.clone(), None)),
            None => None,
        };
        let mut state = self.state.lock();
        let State { types, index, hasher, .. } = &mut *state;
        let hash = hasher.hash_one((&shape, &name));
        if let Some(known) = index.find(hash, |other| other.shape == shape && other.name == name) {
            return *known;
        }
        if types.len() >= MAX_TYPES {
            drop(state);
            return self.basic(Basic::Any);
        }
        let (passes, doubts) = tags(&shape);
        let mut ty = Box::new(Type {
            header: Header { kind: tag::TYPE, mark: mark::STATIC, flags: 0, class: 0, extra: 0 },
            passes,
            doubts: doubts & !passes,
            glance: Glance::new(&shape, &self.strings),
            nests: nests(&shape),
            anonymous: anonymous.map_or(null(), |anonymous| anonymous.0.as_ptr().cast_const()),
            key: null_mut::<Type>().into(),
            body: OnceLock::new(),
            patterns: patterns(&shape),
            name,
            shape,
        });
        let made = TypeRef(NonNull::from(&mut *ty));
        types.push(ty);
        let hasher = &*hasher;
        index.insert_unique(hash, made, |other| hasher.hash_one((&other.shape, &other.name)));
        made
    }

    /// The type under the name of an alias.
    pub(super) fn named(&self, ty: TypeRef, text: &str, args: &[TypeRef]) -> TypeRef {
        let name = TypeName { text: text.into(), args: args.into() };
        self.intern(ty.shape.clone(), Some(name))
    }

    /// The types of a chunk, built when first asked for.
    pub fn built(&self, table: &Arc<TypeTable>) -> Arc<Built> {
        if let Some(known) = self.state.lock().tables.get(table) {
            return Arc::clone(known);
        }
        // Another thread may be doing the same; whoever comes first decides which of the two equal ones stays.
        let built = Built::new(Arc::clone(table));
        let mut state = self.state.lock();
        let kept = Arc::clone(state.tables.entry(Arc::clone(table)).or_insert(built));
        drop(state);
        kept.build(self);
        kept
    }

    /// What a chunk offers to others, if that is known of this source.
    pub fn exports(&self, chunk: &[u8], source: &[u8]) -> Option<Arc<Exports>> {
        let state = self.state.lock();
        let (hash, exports) = state.exports.get(chunk)?;
        (*hash == state.hasher.hash_one(source)).then(|| Arc::clone(exports))
    }

    /// Notes what a chunk with this source offers.
    pub fn note_exports(&self, chunk: &[u8], source: &[u8], exports: Arc<Exports>) {
        let mut state = self.state.lock();
        let hash = state.hasher.hash_one(source);
        state.exports.insert(chunk.into(), (hash, exports));
    }

    /// Host objects of a class.
    pub fn opaque(&self, class: &str) -> TypeRef {
        self.intern(Shape::Opaque(class.into()), None)
    }

    /// What a function returns, as one type; `None` if it returns nothing.
    pub fn returned(&self, function: &super::FunctionShape) -> Option<TypeRef> {
        match (&*function.returns, function.more) {
            ([], None) => None,
            ([only], None) => Some(*only),
            (types, more) => Some(self.intern(Shape::Tuple(types.into(), more), None)),
        }
    }

    /// Whether every value of `a` is one of `b`.
    pub fn is_subtype(&self, a: TypeRef, b: TypeRef) -> bool {
        super::subtype::is_subtype(self, a, b)
    }

    /// The structure behind the names of recursive aliases and validators.
    pub fn structure(&self, mut ty: TypeRef) -> TypeRef {
        for _ in 0..MAX_ALIASES {
            ty = self.expand(ty);
            match &ty.shape {
                Shape::Validated(inner, _) => ty = *inner,
                _ => return ty,
            }
        }
        self.basic(Basic::Any)
    }

    /// What a type is behind the names of recursive aliases. An alias that stands for nothing but itself is `any`.
    pub fn expand(&self, mut ty: TypeRef) -> TypeRef {
        for _ in 0..MAX_ALIASES {
            let Shape::Recursive(declaration, args) = &ty.shape else { return ty };
            ty = match ty.body.get() {
                Some(body) => *body,
                None => {
                    let body = build::body(self, declaration, args);
                    *ty.body.get_or_init(|| body)
                }
            };
        }
        self.basic(Basic::Any)
    }
}

/// The shape without the names in it, if that is another one.
fn anonymous(shape: &Shape) -> Option<Shape> {
    let strip = |ty: &TypeRef| ty.identity();
    let strip_all = |types: &[TypeRef]| types.iter().map(strip).collect::<Box<[_]>>();
    let sorted = |types: &[TypeRef]| {
        let mut types = strip_all(types);
        types.sort_unstable_by_key(|ty| ty.0);
        types
    };
    let stripped = match shape {
        Shape::Basic(_) | Shape::Literal(_) | Shape::Generic(_) | Shape::Opaque(_) => return None,
        Shape::Array(ty, readonly) => Shape::Array(strip(ty), *readonly),
        Shape::Table(table) => {
            let mut fields: Box<[_]> = table
                .fields
                .iter()
                .map(|field| Field::new(field.name, strip(&field.ty), field.optional, field.readonly))
                .collect();
            fields.sort_unstable_by(|a, b| a.name().cmp(b.name()));
            let indexer = table.indexer.map(|(key, value, readonly)| (strip(&key), strip(&value), readonly));
            Shape::Table(TableShape { fields, indexer })
        }
        Shape::Function(function) => {
            let params = function.params.iter();
            let params = params.map(|param| Param { name: None, ty: strip(&param.ty), optional: param.optional });
            Shape::Function(super::FunctionShape {
                params: params.collect(),
                vararg: function.vararg.as_ref().map(strip),
                returns: strip_all(&function.returns),
                more: function.more.as_ref().map(strip),
            })
        }
        Shape::Optional(ty) => Shape::Optional(strip(ty)),
        Shape::Union(members) => Shape::Union(sorted(members)),
        Shape::Intersection(parts) => Shape::Intersection(sorted(parts)),
        Shape::Validated(ty, rules) => {
            let mut rules = rules.clone();
            rules.sort_unstable_by_key(|rule| format!("{rule:?}"));
            Shape::Validated(strip(ty), rules)
        }
        Shape::Recursive(declaration, args) => Shape::Recursive(declaration.clone(), strip_all(args)),
        Shape::Tuple(types, more) => Shape::Tuple(strip_all(types), more.as_ref().map(strip)),
    };
    (stripped != *shape).then_some(stripped)
}

/// Tags of the values that pass, and of those at which one has to look.
fn tags(shape: &Shape) -> (u16, u16) {
    match shape {
        Shape::Basic(basic) => match basic {
            Basic::Nil => (NIL, 0),
            Basic::Boolean => (BOOLEANS, 0),
            Basic::Number => (NUMBERS, 0),
            Basic::Integer => (1 << tag::INT, 0),
            Basic::Float => (1 << tag::FLOAT, 0),
            Basic::String => (STRING, 0),
            Basic::Table => (TABLE, 0),
            Basic::Function => (FUNCTIONS, CALLABLE),
            Basic::Thread => (1 << tag::THREAD, 0),
            Basic::Userdata => (USERDATA | 1 << tag::LIGHT, 0),
            Basic::Any | Basic::Unknown => (ALL, 0),
            Basic::Never => (0, 0),
            Basic::Error => (0, USERDATA),
            Basic::Type => (1 << tag::TYPE, 0),
        },
        Shape::Literal(Literal::Boolean(value)) => (if *value { 1 << tag::TRUE } else { 1 << tag::FALSE }, 0),
        Shape::Literal(Literal::Integer(_)) => (0, 1 << tag::INT),
        Shape::Literal(Literal::Float(_)) => (0, 1 << tag::FLOAT),
        Shape::Literal(Literal::String(_)) => (0, STRING),
        Shape::Array(..) => (0, TABLE),
        Shape::Table(table) => {
            let objects = if table.indexer.is_none() && !table.fields.is_empty() { USERDATA } else { 0 };
            (0, TABLE | objects)
        }
        Shape::Function(_) => (FUNCTIONS, CALLABLE),
        Shape::Optional(ty) => (ty.passes | NIL, ty.doubts),
        Shape::Union(members) => {
            members.iter().fold((0, 0), |(passes, doubts), ty| (passes | ty.passes, doubts | ty.doubts))
        }
        Shape::Intersection(parts) => {
            parts.iter().fold((ALL, ALL), |(passes, some), ty| (passes & ty.passes, some & (ty.passes | ty.doubts)))
        }
        Shape::Validated(ty, rules) => {
            let judged = rules.iter().fold(0, |judged, rule| judged | judged_by(rule));
            (ty.passes & !judged, ty.doubts | ty.passes & judged)
        }
        Shape::Recursive(..) => (0, ALL),
        Shape::Generic(_) | Shape::Tuple(..) => (0, 0),
        Shape::Opaque(_) => (0, USERDATA),
    }
}

/// Tags of the values that a validator looks at; others pass it.
pub(super) fn judged_by(rule: &Rule) -> u16 {
    match rule {
        Rule::Min(_) | Rule::Max(_) | Rule::Integer => NUMBERS,
        Rule::MinLen(_) | Rule::MaxLen(_) => STRING | TABLE,
        Rule::Pattern(_) => STRING,
        Rule::Closed => TABLE,
        Rule::Host(rule) => {
            let kinds = [(Kinds::BOOLEANS, BOOLEANS), (Kinds::NUMBERS, NUMBERS), (Kinds::STRINGS, STRING)];
            kinds.iter().filter(|(kind, _)| rule.kinds().meets(*kind)).fold(0, |all, (_, tags)| all | tags)
        }
    }
}

/// Whether values of the shape are tables that may have tables in them.
fn nests(shape: &Shape) -> bool {
    let holds = |ty: &TypeRef| ty.doubts & (TABLE | USERDATA) != 0;
    match shape {
        Shape::Array(ty, _) => holds(ty),
        Shape::Table(table) => {
            table.fields.iter().any(|field| holds(&field.ty))
                || table.indexer.is_some_and(|(key, value, _)| holds(&key) || holds(&value))
        }
        _ => false,
    }
}

/// The compiled patterns of a shape. One that does not compile, which no compiler lets pass, matches nothing.
fn patterns(shape: &Shape) -> Box<[regex::bytes::Regex]> {
    let Shape::Validated(_, rules) = shape else { return Box::default() };
    let compiled =
        rules.iter().filter_map(|rule| match rule {
            Rule::Pattern(text) => Some(compile_pattern(text.as_bytes()).unwrap_or_else(|_| {
                regex::bytes::Regex::new("[^\\s\\S]").expect("an empty class is a valid expression")
            })),
            _ => None,
        });
    compiled.collect()
}

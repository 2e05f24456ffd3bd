//! The types of a chunk as data: what alias statements and `typeof` leave behind for the machine.
//!
//! House rules:
//! * A [`TypeTable`] is immutable, names no heap object, and is the same for the same source.
//! * A node refers to nodes before it, so that the nodes alone have no cycle; cycles go through [`TypeNode::Alias`].
//! * The tables of other chunks in one make a tree of limited size: see [`Import`].
//! * [`TypeTable::is_sound`] is all a reader may rely on: a table may come from a binary chunk that somebody made.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::types::{Kinds, Scalar, Validator, compile_pattern};

/// Names a node of a [`TypeTable`].
pub type NodeId = u32;

macro_rules! basics {
    ($($name:ident $text:literal;)*) => {
        /// A predeclared type.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        #[allow(missing_docs)]
        pub enum Basic { $($name,)* }

        impl Basic {
            /// All of them.
            pub const ALL: &[Basic] = &[$(Basic::$name,)*];

            /// Its name in a type.
            pub const fn name(self) -> &'static str {
                match self { $(Basic::$name => $text,)* }
            }

            /// The global variable that holds it, which is its other name in a type.
            pub const fn global(self) -> &'static str {
                match self { $(Basic::$name => stringify!($name),)* }
            }
        }
    };
}

basics! {
    Nil "nil";
    Boolean "boolean";
    Number "number";
    Integer "integer";
    Float "float";
    String "string";
    Table "table";
    Function "function";
    Thread "thread";
    Userdata "userdata";
    Any "any";
    Unknown "unknown";
    Never "never";
    Error "error";
    Type "type";
}

impl Basic {
    /// The basic type with this name in a type, lower-case or capitalised.
    pub fn named(name: &str) -> Option<Basic> {
        Basic::ALL.iter().copied().find(|basic| basic.name() == name || basic.global() == name)
    }
}

/// A value that is a type of its own.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Literal {
    Boolean(bool),
    Integer(i64),
    /// The bits of a float that is a number; zero is never negative.
    Float(u64),
    String(Box<[u8]>),
}

impl Literal {
    /// A float literal.
    pub fn float(value: f64) -> Literal {
        Literal::Float(if value == 0.0 { 0 } else { value.to_bits() })
    }

    /// The value.
    pub fn scalar(&self) -> Scalar<'_> {
        match self {
            Literal::Boolean(value) => Scalar::Boolean(*value),
            Literal::Integer(value) => Scalar::Integer(*value),
            Literal::Float(bits) => Scalar::Float(f64::from_bits(*bits)),
            Literal::String(bytes) => Scalar::String(bytes),
        }
    }
}

/// A validator with its arguments.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Rule {
    /// `@min(n)`; the limit is a number.
    Min(Literal),
    /// `@max(n)`; the limit is a number.
    Max(Literal),
    /// `@min_len(n)`
    MinLen(u64),
    /// `@max_len(n)`
    MaxLen(u64),
    /// `@pattern(re)`
    Pattern(Box<str>),
    /// `@integer`
    Integer,
    /// `@closed`
    Closed,
    /// One of the host.
    Host(HostRule),
}

/// A validator of the host with its arguments.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct HostRule {
    validator: &'static Validator,
    args: Box<[Literal]>,
}

impl HostRule {
    /// The validator of a name with these arguments.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(name: &str, args: &[Option<Literal>]) -> Result<HostRule, String> {
        let Some(validator) = Validator::find(name) else { return Err(format!("unknown validator '@{name}'")) };
        validator.check_arguments(args.len())?;
        let args = args.iter().cloned().collect::<Option<_>>();
        let args = args.ok_or_else(|| format!("'@{name}' does not take nil"))?;
        Ok(HostRule { validator, args })
    }

    /// Its name without the `@`.
    pub fn name(&self) -> &'static str {
        self.validator.name()
    }

    /// What it judges.
    pub fn kinds(&self) -> Kinds {
        self.validator.kinds()
    }

    /// Its arguments.
    pub fn args(&self) -> &[Literal] {
        &self.args
    }

    /// Whether a value of one of its kinds passes.
    pub fn passes(&self, value: Scalar<'_>) -> bool {
        let args: SmallVec<[Scalar<'_>; 4]> = self.args.iter().map(Literal::scalar).collect();
        self.validator.passes(value, &args)
    }
}

impl Rule {
    /// The validator of a name with these arguments, of which `None` is nil.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(name: &str, args: &[Option<Literal>]) -> Result<Rule, String> {
        let number = || match args {
            [Some(limit @ (Literal::Integer(_) | Literal::Float(_)))] => Ok(limit.clone()),
            _ => Err(format!("'@{name}' takes one number")),
        };
        let length = || match args {
            [Some(Literal::Integer(value))] if *value >= 0 => Ok(*value as u64),
            _ => Err(format!("'@{name}' takes one length")),
        };
        let nothing = |rule| if args.is_empty() { Ok(rule) } else { Err(format!("'@{name}' takes no argument")) };
        match name {
            "min" => number().map(Rule::Min),
            "max" => number().map(Rule::Max),
            "min_len" => length().map(Rule::MinLen),
            "max_len" => length().map(Rule::MaxLen),
            "pattern" => match args {
                [Some(Literal::String(text))] => {
                    let pattern = compile_pattern(text)?;
                    Ok(Rule::Pattern(pattern.as_str().into()))
                }
                _ => Err("'@pattern' takes one string".to_owned()),
            },
            "integer" => nothing(Rule::Integer),
            "closed" => nothing(Rule::Closed),
            _ => HostRule::new(name, args).map(Rule::Host),
        }
    }

    /// Its name without the `@`.
    pub fn name(&self) -> &'static str {
        match self {
            Rule::Min(_) => "min",
            Rule::Max(_) => "max",
            Rule::MinLen(_) => "min_len",
            Rule::MaxLen(_) => "max_len",
            Rule::Pattern(_) => "pattern",
            Rule::Integer => "integer",
            Rule::Closed => "closed",
            Rule::Host(rule) => rule.name(),
        }
    }
}

/// A field of a record.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FieldNode {
    /// Its name.
    pub name: Box<[u8]>,
    /// Its type, as written.
    pub ty: NodeId,
    /// `name?: T`
    pub optional: bool,
    /// `readonly name: T`
    pub readonly: bool,
}

/// A parameter of a function type.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ParamNode {
    /// Its name, if it was written.
    pub name: Option<Box<str>>,
    /// Its type.
    pub ty: NodeId,
    /// `name?: T`
    pub optional: bool,
}

/// A type.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum TypeNode {
    /// A predeclared one.
    Basic(Basic),
    /// Exactly one value.
    Literal(Literal),
    /// `{T}`
    Array(NodeId),
    /// A record, a map, or a record with an indexer (key and value type).
    Table {
        /// In the order of declaration, with different names.
        fields: Box<[FieldNode]>,
        /// `[K]: V`
        indexer: Option<(NodeId, NodeId)>,
    },
    /// A function type.
    Function {
        /// Its parameters.
        params: Box<[ParamNode]>,
        /// `...T`
        vararg: Option<NodeId>,
        /// What it returns.
        returns: Box<[NodeId]>,
        /// `...T` among the returns.
        more: Option<NodeId>,
    },
    /// `T?`
    Optional(NodeId),
    /// `A | B`
    Union(Box<[NodeId]>),
    /// `A & B`
    Intersection(Box<[NodeId]>),
    /// `readonly T`
    Readonly(NodeId),
    /// `T @rule`
    Validated(NodeId, Rule),
    /// An alias of the table. As a constant, one that has parameters stands for the generic itself.
    Alias {
        /// Its place in [`TypeTable::aliases`].
        alias: u32,
        /// Type arguments; the parameters that are left take their defaults.
        args: Box<[NodeId]>,
    },
    /// An alias of another chunk's table, never the generic itself.
    External {
        /// The place of the table in [`TypeTable::imports`].
        import: u32,
        /// Its place among the aliases of that.
        alias: u32,
        /// As in [`TypeNode::Alias`].
        args: Box<[NodeId]>,
    },
    /// A parameter of the alias in whose body it stands.
    Parameter(u32),
    /// Host objects of this class.
    Opaque(Box<str>),
}

/// A type parameter of an alias.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TypeParameter {
    /// Its name.
    pub name: Box<str>,
    /// What arguments must be subtypes of.
    pub constraint: Option<NodeId>,
    /// What it is without an argument.
    pub default: Option<NodeId>,
}

/// An alias statement.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AliasNode {
    /// Its name.
    pub name: Box<str>,
    /// Where the name stands in the source, in bytes.
    pub place: u32,
    /// Its type parameters.
    pub params: Box<[TypeParameter]>,
    /// What it stands for.
    pub body: NodeId,
    /// Whether it refers to itself, directly or through others.
    pub recursive: bool,
}

/// The types of a chunk.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct TypeTable {
    /// The name of the chunk, which tells equal declarations of different chunks apart.
    pub origin: Box<[u8]>,
    /// All types.
    pub nodes: Box<[TypeNode]>,
    /// The aliases; one that is not recursive refers to those before it only, and to recursive ones.
    pub aliases: Box<[AliasNode]>,
    /// The tables of other chunks that it refers to.
    pub imports: Box<[Import]>,
}

/// The table of another chunk. Whatever walks the tables in tables ends soon, for there are at most
/// [`Import::MAX_DEPTH`] of them in each other and few altogether.
#[derive(Clone, Debug)]
pub struct Import {
    table: Arc<TypeTable>,
    depth: u32,
    /// Tables in it, itself included; those that appear several times count as often.
    weight: u32,
}

impl Import {
    /// Tables in tables.
    pub const MAX_DEPTH: u32 = 32;
    const MAX_WEIGHT: u32 = 2048;

    /// A table to refer to, unless there are too many in it.
    pub fn new(table: Arc<TypeTable>) -> Option<Import> {
        let depth = 1 + table.imports.iter().map(|import| import.depth).max().unwrap_or(0);
        let weight = table.imports.iter().fold(1u32, |weight, import| weight.saturating_add(import.weight));
        (depth <= Import::MAX_DEPTH && weight <= Import::MAX_WEIGHT).then_some(Import { table, depth, weight })
    }

    /// The table.
    pub fn table(&self) -> &Arc<TypeTable> {
        &self.table
    }
}

impl PartialEq for Import {
    fn eq(&self, other: &Import) -> bool {
        Arc::ptr_eq(&self.table, &other.table) || self.weight == other.weight && self.table == other.table
    }
}

impl Eq for Import {}

impl Hash for Import {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.table.origin, self.table.nodes.len(), self.table.aliases.len()).hash(state);
    }
}

impl AliasNode {
    /// Whether it can be used with so many arguments.
    pub fn takes(&self, args: usize) -> bool {
        let required = self.params.iter().filter(|param| param.default.is_none()).count();
        (required..=self.params.len()).contains(&args)
    }
}

impl TypeNode {
    /// Calls `visit` with every node this one refers to.
    pub fn each_child(&self, mut visit: impl FnMut(NodeId)) {
        match self {
            TypeNode::Basic(_) | TypeNode::Literal(_) | TypeNode::Parameter(_) | TypeNode::Opaque(_) => {}
            TypeNode::Array(ty) | TypeNode::Optional(ty) | TypeNode::Readonly(ty) | TypeNode::Validated(ty, _) => {
                visit(*ty);
            }
            TypeNode::Table { fields, indexer } => {
                fields.iter().for_each(|field| visit(field.ty));
                if let Some((key, value)) = indexer {
                    visit(*key);
                    visit(*value);
                }
            }
            TypeNode::Function { params, vararg, returns, more } => {
                params.iter().for_each(|param| visit(param.ty));
                vararg.iter().chain(returns).chain(more).copied().for_each(visit);
            }
            TypeNode::Union(members) | TypeNode::Intersection(members) => members.iter().copied().for_each(visit),
            TypeNode::Alias { args, .. } | TypeNode::External { args, .. } => args.iter().copied().for_each(visit),
        }
    }
}

impl TypeTable {
    /// Whether all references lead somewhere and nodes refer to nodes before them only.
    pub fn is_sound(&self) -> bool {
        let exists = |node: NodeId| (node as usize) < self.nodes.len();
        let nodes = self.nodes.iter().enumerate().all(|(place, node)| {
            let mut sound = match node {
                TypeNode::Alias { alias, args } => {
                    self.aliases.get(*alias as usize).is_some_and(|alias| args.len() <= alias.params.len())
                }
                TypeNode::External { import, alias, args } => self
                    .imports
                    .get(*import as usize)
                    .and_then(|import| import.table.aliases.get(*alias as usize))
                    .is_some_and(|alias| alias.takes(args.len())),
                TypeNode::Literal(literal) | TypeNode::Validated(_, Rule::Min(literal) | Rule::Max(literal)) => {
                    !matches!(literal, Literal::Float(bits) if f64::from_bits(*bits).is_nan())
                }
                _ => true,
            };
            node.each_child(|child| sound &= (child as usize) < place);
            sound
        });
        nodes
            && self.aliases.iter().all(|alias| {
                exists(alias.body)
                    && alias
                        .params
                        .iter()
                        .all(|param| param.constraint.is_none_or(exists) && param.default.is_none_or(exists))
            })
    }
}

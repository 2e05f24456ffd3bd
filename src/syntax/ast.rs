//! The syntax tree of a chunk: Lua 5.3 plus type annotations.
//!
//! Expressions and types live in two arenas of [`Ast`] and are named by [`ExprId`] and [`TypeId`]; statements own
//! their blocks directly. The split is deliberate: the grammar limits the nesting of *blocks* to 200 levels, so a tree
//! of statements may be walked recursively, but a chain such as `1 + 1 + … + 1` or `f()()()…` has no limit in Lua and
//! nests to the left as deep as it is long. Whoever walks expressions descends the left operand of [`Expr::Binary`] and
//! the object of a suffix ([`Expr::Index`], [`Expr::Call`], …) with a loop, and recurses elsewhere.
//!
//! Every annotation is kept; nothing here is resolved. Names are interned in [`Ast::names`].

use lasso::{Rodeo, Spur};

use super::error::Warning;
use super::span::Span;

/// An identifier, interned in [`Ast::names`].
pub type Name = Spur;

/// The identifiers of one chunk.
pub type Names = Rodeo<Spur, hashbrown::DefaultHashBuilder>;

/// An expression of one [`Ast`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct ExprId(pub u32);

/// A type expression of one [`Ast`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct TypeId(pub u32);

/// A parsed chunk.
#[derive(Debug)]
pub struct Ast {
    /// The chunk's statements. The chunk is a vararg function.
    pub block: Block,
    /// The line of the last token (1-based), where the implicit `return` stands.
    pub end_line: u32,
    /// Identifiers.
    pub names: Names,
    /// Legal constructs that are likely mistakes, in order of place.
    pub warnings: Vec<Warning>,
    pub(super) exprs: Vec<(Expr, Span)>,
    pub(super) types: Vec<(Type, Span)>,
}

impl Ast {
    /// The expression `id`.
    pub fn expr(&self, id: ExprId) -> &Expr {
        &self.exprs[id.0 as usize].0
    }

    /// Where the expression `id` stands.
    pub fn expr_span(&self, id: ExprId) -> Span {
        self.exprs[id.0 as usize].1
    }

    /// All expressions, inner ones before those around them.
    pub fn exprs(&self) -> impl Iterator<Item = (&Expr, Span)> {
        self.exprs.iter().map(|(expr, span)| (expr, *span))
    }

    /// The type expression `id`.
    pub fn ty(&self, id: TypeId) -> &Type {
        &self.types[id.0 as usize].0
    }

    /// All type expressions, in no particular order.
    pub fn types(&self) -> impl Iterator<Item = &Type> {
        self.types.iter().map(|(ty, _)| ty)
    }

    /// Whether there is any type expression.
    pub fn has_types(&self) -> bool {
        !self.types.is_empty()
    }

    /// Whether any type has a validator.
    pub fn has_validators(&self) -> bool {
        self.types.iter().any(|(ty, _)| matches!(ty, Type::Validated { .. }))
    }

    /// Where the type expression `id` stands.
    pub fn type_span(&self, id: TypeId) -> Span {
        self.types[id.0 as usize].1
    }

    /// The text of a name.
    pub fn text(&self, name: Name) -> &str {
        self.names.resolve(&name)
    }
}

/// A sequence of statements with a scope of its own.
#[derive(Debug, Default)]
pub struct Block {
    /// The statements; a `return` can only be the last.
    pub stats: Vec<Stat>,
    /// Line of what comes before it: the end of `then`, `do`, `repeat`, ….
    pub line: u32,
}

/// A statement with its place.
#[derive(Debug)]
pub struct Stat {
    /// What it is.
    pub kind: StatKind,
    /// From its first to its last token.
    pub span: Span,
    /// Line of the end of the token before it.
    pub after: u32,
}

/// A name together with its place.
#[derive(Clone, Copy, Debug)]
pub struct Ident {
    /// The name.
    pub name: Name,
    /// Its place.
    pub span: Span,
}

/// A name that is being declared, with its annotation: `x: T`.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The declared name.
    pub name: Ident,
    /// `x?: T` in a parameter list.
    pub optional: bool,
    /// The annotation, if any.
    pub ty: Option<TypeId>,
}

/// The kinds of statements (manual §3.3; types §1.2).
#[derive(Debug)]
pub enum StatKind {
    /// A statement that did not parse. Only a recovering parse produces it; it comes with a diagnostic.
    Error,
    /// `targets = values`; each target is a [`Expr::Name`] or [`Expr::Index`]/[`Expr::Field`].
    Assign {
        /// Left of `=`.
        targets: Vec<ExprId>,
        /// Right of `=`.
        values: Vec<ExprId>,
    },
    /// A call used as a statement; the expression is an [`Expr::Call`] or [`Expr::MethodCall`].
    Call(ExprId),
    /// `::name::`
    Label(Ident),
    /// `break`
    Break,
    /// `goto name`
    Goto(Ident),
    /// `do … end`
    Do(Block),
    /// `while cond do … end`
    While {
        /// The condition.
        cond: ExprId,
        /// The body.
        body: Block,
    },
    /// `repeat … until cond`; the condition sees the locals of the body.
    Repeat {
        /// The body.
        body: Block,
        /// The condition.
        cond: ExprId,
    },
    /// `if … elseif … else … end`
    If {
        /// Condition and block of `if` and each `elseif`.
        arms: Vec<(ExprId, Block)>,
        /// The block of `else`.
        otherwise: Option<Block>,
    },
    /// `for var = start, limit [, step] do … end`
    NumericFor {
        /// The loop variable.
        var: Binding,
        /// First value.
        start: ExprId,
        /// Last value.
        limit: ExprId,
        /// Increment; 1 if absent.
        step: Option<ExprId>,
        /// The body.
        body: Block,
    },
    /// `for vars in values do … end`
    GenericFor {
        /// The loop variables.
        vars: Vec<Binding>,
        /// The explist that yields iterator, state and first value.
        values: Vec<ExprId>,
        /// The body.
        body: Block,
    },
    /// `function a.b.c:m() … end`
    Function {
        /// `a`, then the fields `b`, `c`.
        path: Vec<Ident>,
        /// `m`: the function gets the parameter `self`. It is not listed in [`FunctionBody::params`].
        method: Option<Ident>,
        /// The function.
        body: Box<FunctionBody>,
    },
    /// `local function name() … end`
    LocalFunction {
        /// The local.
        name: Ident,
        /// The function.
        body: Box<FunctionBody>,
    },
    /// `local a, b = …`
    Local {
        /// The declared names.
        vars: Vec<Binding>,
        /// The values; empty if there is no `=`.
        values: Vec<ExprId>,
    },
    /// `return …`
    Return(Vec<ExprId>),
    /// `[export] type Name<…> = T`
    Alias(Box<Alias>),
}

/// A type alias statement.
#[derive(Debug)]
pub struct Alias {
    /// With the word `export`.
    pub export: bool,
    /// The alias.
    pub name: Ident,
    /// Its type parameters.
    pub params: Vec<TypeParam>,
    /// What it stands for.
    pub ty: TypeId,
}

/// One type parameter: `T: Constraint = Default`.
#[derive(Clone, Copy, Debug)]
pub struct TypeParam {
    /// The parameter.
    pub name: Ident,
    /// Its constraint.
    pub constraint: Option<TypeId>,
    /// Its default.
    pub default: Option<TypeId>,
}

/// Parameters, annotations and block of a function.
#[derive(Debug)]
pub struct FunctionBody {
    /// `<T, …>`
    pub type_params: Vec<TypeParam>,
    /// Named parameters (without the `self` of a method).
    pub params: Vec<Binding>,
    /// `...`, with its annotation.
    pub vararg: Option<Vararg>,
    /// The annotation after `)`.
    pub ret: Option<ReturnType>,
    /// The statements.
    pub block: Block,
    /// From `function` to `end`.
    pub span: Span,
    /// The line of the word `function` (1-based).
    pub line: u32,
    /// The line of the word `end` (1-based).
    pub end_line: u32,
}

/// `...` in a parameter list.
#[derive(Clone, Copy, Debug)]
pub struct Vararg {
    /// Its place.
    pub span: Span,
    /// The type of each extra argument.
    pub ty: Option<TypeId>,
}

/// Binary operators (manual §3.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[allow(missing_docs)]
pub enum BinOp {
    Or,
    And,
    Lt,
    Gt,
    Le,
    Ge,
    Ne,
    Eq,
    BOr,
    BXor,
    BAnd,
    Shl,
    Shr,
    Concat,
    Add,
    Sub,
    Mul,
    Div,
    IDiv,
    Mod,
    Pow,
}

/// Unary operators (manual §3.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[allow(missing_docs)]
pub enum UnOp {
    Not,
    Len,
    Neg,
    BNot,
}

/// The kinds of expressions (manual §3.4; types §1.2).
#[derive(Debug)]
pub enum Expr {
    /// An operand that did not parse (recovering parse only).
    Error,
    /// `nil`
    Nil,
    /// `true`
    True,
    /// `false`
    False,
    /// An integer numeral.
    Integer(i64),
    /// A float numeral.
    Float(f64),
    /// A string literal, decoded to its bytes.
    String(Box<[u8]>),
    /// `...`
    Vararg,
    /// `function … end`
    Function(Box<FunctionBody>),
    /// A variable.
    Name(Name),
    /// `(e)`: exactly one value.
    Paren(ExprId),
    /// `object.name`; the second field is the name's place.
    Field(ExprId, Ident),
    /// `object[key]`
    Index(ExprId, ExprId),
    /// `f(args)`. The line is that of the `(` (or of the string or table that stands for the arguments), where Lua
    /// reports errors of the call.
    Call {
        /// The called expression.
        func: ExprId,
        /// The arguments.
        args: Vec<ExprId>,
        /// 1-based line of the opening of the arguments.
        line: u32,
    },
    /// `object:name(args)`
    MethodCall {
        /// The receiver.
        object: ExprId,
        /// The method.
        name: Ident,
        /// The arguments without the receiver.
        args: Vec<ExprId>,
        /// 1-based line of the opening of the arguments.
        line: u32,
    },
    /// `e!`: one value, asserted non-nil for the checker; no effect at run time.
    NonNil(ExprId),
    /// `e :: T`, `e as T`: one value; no effect at run time.
    Cast(ExprId, TypeId),
    /// `op e`
    Unary {
        /// The operator.
        op: UnOp,
        /// Its operand.
        operand: ExprId,
        /// 1-based line of the operator.
        line: u32,
    },
    /// `a op b`
    Binary {
        /// The operator.
        op: BinOp,
        /// Left operand.
        lhs: ExprId,
        /// Right operand.
        rhs: ExprId,
        /// 1-based line of the operator.
        line: u32,
    },
    /// `{…}`
    Table(Vec<TableItem>),
}

/// One field of a table constructor.
#[derive(Clone, Copy, Debug)]
pub enum TableItem {
    /// `e`
    Positional(ExprId),
    /// `name = e`
    Named(Ident, ExprId),
    /// `[k] = e`
    Keyed(ExprId, ExprId),
}

/// The kinds of type expressions (types §1.3).
#[derive(Debug)]
pub enum Type {
    /// A type that did not parse (recovering parse only).
    Error,
    /// `nil`
    Nil,
    /// `true` or `false`
    Boolean(bool),
    /// A string literal type.
    String(Box<[u8]>),
    /// An integer literal type, sign applied.
    Integer(i64),
    /// A float literal type, sign applied.
    Float(f64),
    /// The top type `function`.
    Function,
    /// `typeof(e)`; `e` is never evaluated.
    Typeof(ExprId),
    /// `a.b.T<args>`; a predeclared name is an ordinary name here.
    Name {
        /// The dotted name, one element or more.
        path: Vec<Ident>,
        /// Type arguments.
        args: Vec<TypeId>,
    },
    /// `readonly T`
    Readonly(TypeId),
    /// `{T}`
    Array(TypeId),
    /// `{}` and `{fields}`
    Table(Vec<TypeField>),
    /// `<T>(A, b: B, ...C) -> R`
    FunctionType {
        /// `<T, …>`
        type_params: Vec<TypeParam>,
        /// Parameters.
        params: Vec<ParamType>,
        /// `...T`; the inner option is the annotation (`...` alone is `...any`).
        vararg: Option<Option<TypeId>>,
        /// Result.
        ret: ReturnType,
    },
    /// `(T)`
    Group(TypeId),
    /// `T?`
    Optional(TypeId),
    /// `T @name(args)`
    Validated {
        /// The type it refines.
        ty: TypeId,
        /// The validator's name.
        name: Ident,
        /// Constant arguments.
        args: Vec<TypeConst>,
    },
    /// `A | B | …`
    Union(Vec<TypeId>),
    /// `A & B & …`
    Intersection(Vec<TypeId>),
}

/// A constant argument of a validator.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum TypeConst {
    Nil,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    String(Box<[u8]>),
}

/// One item of a table type.
#[derive(Clone, Debug)]
pub enum TypeField {
    /// `[readonly] name[?]: T`, also `["name"]: T`
    Field {
        /// With the word `readonly`.
        readonly: bool,
        /// The field's name as bytes.
        key: Box<[u8]>,
        /// The place of the key.
        key_span: Span,
        /// `?` after the key.
        optional: bool,
        /// Its type.
        ty: TypeId,
    },
    /// `[K]: V`
    Indexer {
        /// Key type.
        key: TypeId,
        /// Value type.
        value: TypeId,
    },
}

/// One parameter of a function type.
#[derive(Clone, Copy, Debug)]
pub struct ParamType {
    /// Its name, which is documentation.
    pub name: Option<Ident>,
    /// `name?: T`
    pub optional: bool,
    /// Its type.
    pub ty: TypeId,
}

/// What stands after `->`, or after the `)` of a declaration.
#[derive(Debug)]
pub enum ReturnType {
    /// One type.
    Single(TypeId),
    /// `(A, B, ...C)`; the vararg as in [`Type::FunctionType`].
    Pack {
        /// The listed types.
        types: Vec<TypeId>,
        /// `...T`
        vararg: Option<Option<TypeId>>,
    },
    /// `...T`
    Vararg(Option<TypeId>),
    /// `asserts name [is T]`
    Asserts {
        /// The parameter.
        name: Ident,
        /// The type it has afterwards; absent: truthy.
        ty: Option<TypeId>,
    },
}

//! Equality of syntax trees, places aside.

use super::ast::{
    Alias, Ast, Binding, Block, Expr, ExprId, FunctionBody, Ident, Name, ParamType, ReturnType, StatKind, TableItem,
    Type, TypeField, TypeId, TypeParam,
};

/// Whether two trees say the same, wherever they say it. Names are compared by their text.
pub fn same_tree(a: &Ast, b: &Ast) -> bool {
    Pair { a, b }.blocks(&a.block, &b.block)
}

#[derive(Clone, Copy)]
struct Pair<'a> {
    a: &'a Ast,
    b: &'a Ast,
}

fn all<T>(a: &[T], b: &[T], mut same: impl FnMut(&T, &T) -> bool) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

fn both<T>(a: Option<T>, b: Option<T>, same: impl FnOnce(T, T) -> bool) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        _ => false,
    }
}

impl Pair<'_> {
    fn names(self, a: Name, b: Name) -> bool {
        self.a.text(a) == self.b.text(b)
    }

    fn idents(self, a: &Ident, b: &Ident) -> bool {
        self.names(a.name, b.name)
    }

    fn blocks(self, a: &Block, b: &Block) -> bool {
        all(&a.stats, &b.stats, |a, b| self.stats(&a.kind, &b.kind))
    }

    fn stats(self, a: &StatKind, b: &StatKind) -> bool {
        use StatKind as S;
        match (a, b) {
            (S::Error, S::Error) | (S::Break, S::Break) => true,
            (S::Assign { targets: a, values: c }, S::Assign { targets: b, values: d }) => {
                self.expr_lists(a, b) && self.expr_lists(c, d)
            }
            (S::Call(a), S::Call(b)) => self.exprs(*a, *b),
            (S::Label(a), S::Label(b)) | (S::Goto(a), S::Goto(b)) => self.idents(a, b),
            (S::Do(a), S::Do(b)) => self.blocks(a, b),
            (S::While { cond: a, body: c }, S::While { cond: b, body: d })
            | (S::Repeat { cond: a, body: c }, S::Repeat { cond: b, body: d }) => {
                self.exprs(*a, *b) && self.blocks(c, d)
            }
            (S::If { arms: a, otherwise: c }, S::If { arms: b, otherwise: d }) => {
                all(a, b, |(a, c), (b, d)| self.exprs(*a, *b) && self.blocks(c, d))
                    && both(c.as_ref(), d.as_ref(), |c, d| self.blocks(c, d))
            }
            (
                S::NumericFor { var: a, start: c, limit: e, step: g, body: i },
                S::NumericFor { var: b, start: d, limit: f, step: h, body: j },
            ) => {
                self.bindings(a, b)
                    && self.exprs(*c, *d)
                    && self.exprs(*e, *f)
                    && both(*g, *h, |g, h| self.exprs(g, h))
                    && self.blocks(i, j)
            }
            (S::GenericFor { vars: a, values: c, body: e }, S::GenericFor { vars: b, values: d, body: f }) => {
                all(a, b, |a, b| self.bindings(a, b)) && self.expr_lists(c, d) && self.blocks(e, f)
            }
            (S::Function { path: a, method: c, body: e }, S::Function { path: b, method: d, body: f }) => {
                all(a, b, |a, b| self.idents(a, b))
                    && both(c.as_ref(), d.as_ref(), |c, d| self.idents(c, d))
                    && self.functions(e, f)
            }
            (S::LocalFunction { name: a, body: c }, S::LocalFunction { name: b, body: d }) => {
                self.idents(a, b) && self.functions(c, d)
            }
            (S::Local { vars: a, values: c }, S::Local { vars: b, values: d }) => {
                all(a, b, |a, b| self.bindings(a, b)) && self.expr_lists(c, d)
            }
            (S::Return(a), S::Return(b)) => self.expr_lists(a, b),
            (S::Alias(a), S::Alias(b)) => self.aliases(a, b),
            _ => false,
        }
    }

    fn aliases(self, a: &Alias, b: &Alias) -> bool {
        a.export == b.export
            && self.idents(&a.name, &b.name)
            && self.type_params(&a.params, &b.params)
            && self.types(a.ty, b.ty)
    }

    fn bindings(self, a: &Binding, b: &Binding) -> bool {
        self.idents(&a.name, &b.name) && a.optional == b.optional && self.optional_types(a.ty, b.ty)
    }

    fn functions(self, a: &FunctionBody, b: &FunctionBody) -> bool {
        self.type_params(&a.type_params, &b.type_params)
            && all(&a.params, &b.params, |a, b| self.bindings(a, b))
            && both(a.vararg, b.vararg, |a, b| self.optional_types(a.ty, b.ty))
            && both(a.ret.as_ref(), b.ret.as_ref(), |a, b| self.return_types(a, b))
            && self.blocks(&a.block, &b.block)
    }

    fn expr_lists(self, a: &[ExprId], b: &[ExprId]) -> bool {
        all(a, b, |a, b| self.exprs(*a, *b))
    }

    /// Compares with a list of what remains to be compared instead of recursion: chains nest without limit.
    fn exprs(self, a: ExprId, b: ExprId) -> bool {
        let mut rest = vec![(a, b)];
        while let Some((a, b)) = rest.pop() {
            if !self.nodes(self.a.expr(a), self.b.expr(b), &mut rest) {
                return false;
            }
        }
        true
    }

    /// Compares two nodes and adds their operands to `rest`.
    fn nodes(self, a: &Expr, b: &Expr, rest: &mut Vec<(ExprId, ExprId)>) -> bool {
        use Expr as E;
        match (a, b) {
            (E::Error, E::Error)
            | (E::Nil, E::Nil)
            | (E::True, E::True)
            | (E::False, E::False)
            | (E::Vararg, E::Vararg) => true,
            (E::Integer(a), E::Integer(b)) => a == b,
            (E::Float(a), E::Float(b)) => a.to_bits() == b.to_bits(),
            (E::String(a), E::String(b)) => a == b,
            (E::Function(a), E::Function(b)) => self.functions(a, b),
            (E::Name(a), E::Name(b)) => self.names(*a, *b),
            (E::Paren(a), E::Paren(b)) | (E::NonNil(a), E::NonNil(b)) => {
                rest.push((*a, *b));
                true
            }
            (E::Field(a, c), E::Field(b, d)) => {
                rest.push((*a, *b));
                self.idents(c, d)
            }
            (E::Index(a, c), E::Index(b, d)) => {
                rest.extend([(*a, *b), (*c, *d)]);
                true
            }
            (E::Call { func: a, args: c, .. }, E::Call { func: b, args: d, .. }) => {
                rest.push((*a, *b));
                rest.extend(c.iter().copied().zip(d.iter().copied()));
                c.len() == d.len()
            }
            (E::MethodCall { object: a, name: c, args: e, .. }, E::MethodCall { object: b, name: d, args: f, .. }) => {
                rest.push((*a, *b));
                rest.extend(e.iter().copied().zip(f.iter().copied()));
                self.idents(c, d) && e.len() == f.len()
            }
            (E::Cast(a, c), E::Cast(b, d)) => {
                rest.push((*a, *b));
                self.types(*c, *d)
            }
            (E::Unary { op: a, operand: c, .. }, E::Unary { op: b, operand: d, .. }) => {
                rest.push((*c, *d));
                a == b
            }
            (E::Binary { op: a, lhs: c, rhs: e, .. }, E::Binary { op: b, lhs: d, rhs: f, .. }) => {
                rest.extend([(*c, *d), (*e, *f)]);
                a == b
            }
            (E::Table(a), E::Table(b)) => all(a, b, |a, b| self.items(a, b, rest)),
            _ => false,
        }
    }

    fn items(self, a: &TableItem, b: &TableItem, rest: &mut Vec<(ExprId, ExprId)>) -> bool {
        match (*a, *b) {
            (TableItem::Positional(a), TableItem::Positional(b)) => {
                rest.push((a, b));
                true
            }
            (TableItem::Named(a, c), TableItem::Named(b, d)) => {
                rest.push((c, d));
                self.idents(&a, &b)
            }
            (TableItem::Keyed(a, c), TableItem::Keyed(b, d)) => {
                rest.extend([(a, b), (c, d)]);
                true
            }
            _ => false,
        }
    }

    fn type_params(self, a: &[TypeParam], b: &[TypeParam]) -> bool {
        all(a, b, |a, b| {
            self.idents(&a.name, &b.name)
                && self.optional_types(a.constraint, b.constraint)
                && self.optional_types(a.default, b.default)
        })
    }

    fn optional_types(self, a: Option<TypeId>, b: Option<TypeId>) -> bool {
        both(a, b, |a, b| self.types(a, b))
    }

    fn type_lists(self, a: &[TypeId], b: &[TypeId]) -> bool {
        all(a, b, |a, b| self.types(*a, *b))
    }

    fn varargs(self, a: Option<Option<TypeId>>, b: Option<Option<TypeId>>) -> bool {
        both(a, b, |a, b| self.optional_types(a, b))
    }

    fn types(self, a: TypeId, b: TypeId) -> bool {
        use Type as T;
        match (self.a.ty(a), self.b.ty(b)) {
            (T::Error, T::Error) | (T::Nil, T::Nil) | (T::Function, T::Function) => true,
            (T::Boolean(a), T::Boolean(b)) => a == b,
            (T::String(a), T::String(b)) => a == b,
            (T::Integer(a), T::Integer(b)) => a == b,
            (T::Float(a), T::Float(b)) => a.to_bits() == b.to_bits(),
            (T::Typeof(a), T::Typeof(b)) => self.exprs(*a, *b),
            (T::Name { path: a, args: c }, T::Name { path: b, args: d }) => {
                all(a, b, |a, b| self.idents(a, b)) && self.type_lists(c, d)
            }
            (T::Readonly(a), T::Readonly(b))
            | (T::Array(a), T::Array(b))
            | (T::Group(a), T::Group(b))
            | (T::Optional(a), T::Optional(b)) => self.types(*a, *b),
            (T::Table(a), T::Table(b)) => all(a, b, |a, b| self.fields(a, b)),
            (
                T::FunctionType { type_params: a, params: c, vararg: e, ret: g },
                T::FunctionType { type_params: b, params: d, vararg: f, ret: h },
            ) => {
                self.type_params(a, b)
                    && all(c, d, |c, d| self.param_types(c, d))
                    && self.varargs(*e, *f)
                    && self.return_types(g, h)
            }
            (T::Validated { ty: a, name: c, args: e }, T::Validated { ty: b, name: d, args: f }) => {
                self.types(*a, *b) && self.idents(c, d) && e == f
            }
            (T::Union(a), T::Union(b)) | (T::Intersection(a), T::Intersection(b)) => self.type_lists(a, b),
            _ => false,
        }
    }

    fn fields(self, a: &TypeField, b: &TypeField) -> bool {
        use TypeField as F;
        match (a, b) {
            (
                F::Field { readonly: a, key: c, optional: e, ty: g, .. },
                F::Field { readonly: b, key: d, optional: f, ty: h, .. },
            ) => a == b && c == d && e == f && self.types(*g, *h),
            (F::Indexer { key: a, value: c }, F::Indexer { key: b, value: d }) => {
                self.types(*a, *b) && self.types(*c, *d)
            }
            _ => false,
        }
    }

    fn param_types(self, a: &ParamType, b: &ParamType) -> bool {
        both(a.name, b.name, |a, b| self.idents(&a, &b)) && a.optional == b.optional && self.types(a.ty, b.ty)
    }

    fn return_types(self, a: &ReturnType, b: &ReturnType) -> bool {
        use ReturnType as R;
        match (a, b) {
            (R::Single(a), R::Single(b)) => self.types(*a, *b),
            (R::Pack { types: a, vararg: c }, R::Pack { types: b, vararg: d }) => {
                self.type_lists(a, b) && self.varargs(*c, *d)
            }
            (R::Vararg(a), R::Vararg(b)) => self.optional_types(*a, *b),
            (R::Asserts { name: a, ty: c }, R::Asserts { name: b, ty: d }) => {
                self.idents(a, b) && self.optional_types(*c, *d)
            }
            _ => false,
        }
    }
}

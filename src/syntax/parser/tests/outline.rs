//! A tree as nested lists, to state in a test how a source was read.

use super::super::super::ast::{
    Ast, Binding, Block, Expr, ExprId, FunctionBody, Ident, ReturnType, StatKind, TableItem, Type, TypeConst,
    TypeField, TypeId, TypeParam,
};

pub(super) fn outline(ast: &Ast) -> String {
    Outline(ast).block(&ast.block)
}

struct Outline<'a>(&'a Ast);

fn join<T>(items: &[T], item: impl FnMut(&T) -> String) -> String {
    items.iter().map(item).collect::<Vec<_>>().join(" ")
}

fn bytes(bytes: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(bytes))
}

impl Outline<'_> {
    fn block(&self, block: &Block) -> String {
        block.stats.iter().map(|stat| self.stat(&stat.kind)).collect::<Vec<_>>().join("; ")
    }

    fn name(&self, name: &Ident) -> String {
        self.0.text(name.name).to_owned()
    }

    fn stat(&self, stat: &StatKind) -> String {
        match stat {
            StatKind::Error => "ERROR".into(),
            StatKind::Assign { targets, values } => format!("{} = {}", self.exprs(targets), self.exprs(values)),
            StatKind::Call(call) => self.expr(*call),
            StatKind::Label(label) => format!("label {}", self.name(label)),
            StatKind::Break => "break".into(),
            StatKind::Goto(label) => format!("goto {}", self.name(label)),
            StatKind::Do(body) => format!("do {{{}}}", self.block(body)),
            StatKind::While { cond, body } => format!("while {} {{{}}}", self.expr(*cond), self.block(body)),
            StatKind::Repeat { body, cond } => format!("repeat {{{}}} {}", self.block(body), self.expr(*cond)),
            StatKind::If { arms, otherwise } => {
                let mut text = join(arms, |(cond, body)| format!("if {} {{{}}}", self.expr(*cond), self.block(body)));
                if let Some(body) = otherwise {
                    text += &format!(" else {{{}}}", self.block(body));
                }
                text
            }
            StatKind::NumericFor { var, start, limit, step, body } => {
                let range: Vec<ExprId> = [*start, *limit].into_iter().chain(*step).collect();
                format!("for {} = {} {{{}}}", self.binding(var), self.exprs(&range), self.block(body))
            }
            StatKind::GenericFor { vars, values, body } => {
                format!("for {} in {} {{{}}}", self.bindings(vars), self.exprs(values), self.block(body))
            }
            StatKind::Function { path, method, body } => {
                let mut path = path.iter().map(|part| self.name(part)).collect::<Vec<_>>().join(".");
                if let Some(method) = method {
                    path += &format!(":{}", self.name(method));
                }
                format!("function {path}{}", self.function(body))
            }
            StatKind::LocalFunction { name, body } => {
                format!("local function {}{}", self.name(name), self.function(body))
            }
            StatKind::Local { vars, values } if values.is_empty() => format!("local {}", self.bindings(vars)),
            StatKind::Local { vars, values } => format!("local {} = {}", self.bindings(vars), self.exprs(values)),
            StatKind::Return(values) => format!("return {}", self.exprs(values)).trim_end().into(),
            StatKind::Alias(alias) => {
                let export = if alias.export { "export " } else { "" };
                let params = self.type_params(&alias.params);
                format!("{export}type {}{params} = {}", self.name(&alias.name), self.ty(alias.ty))
            }
        }
    }

    fn bindings(&self, vars: &[Binding]) -> String {
        join(vars, |var| self.binding(var))
    }

    fn binding(&self, var: &Binding) -> String {
        let optional = if var.optional { "?" } else { "" };
        format!("{}{optional}{}", self.name(&var.name), self.annotation(var.ty))
    }

    fn annotation(&self, ty: Option<TypeId>) -> String {
        ty.map(|ty| format!(":{}", self.ty(ty))).unwrap_or_default()
    }

    fn function(&self, body: &FunctionBody) -> String {
        let vararg = body.vararg.map(|vararg| format!(" ...{}", self.annotation(vararg.ty))).unwrap_or_default();
        let ret = body.ret.as_ref().map(|ret| format!(" -> {}", self.return_type(ret))).unwrap_or_default();
        let (params, block) = (self.bindings(&body.params), self.block(&body.block));
        format!("{}({}){ret} {{{block}}}", self.type_params(&body.type_params), format!("{params}{vararg}").trim())
    }

    fn exprs(&self, exprs: &[ExprId]) -> String {
        join(exprs, |expr| self.expr(*expr))
    }

    fn expr(&self, expr: ExprId) -> String {
        match self.0.expr(expr) {
            Expr::Error => "ERROR".into(),
            Expr::Nil => "nil".into(),
            Expr::True => "true".into(),
            Expr::False => "false".into(),
            Expr::Integer(value) => value.to_string(),
            Expr::Float(value) => format!("{value:?}"),
            Expr::String(text) => bytes(text),
            Expr::Vararg => "...".into(),
            Expr::Function(body) => format!("(function{})", self.function(body)),
            Expr::Name(name) => self.0.text(*name).to_owned(),
            Expr::Paren(inner) => format!("(paren {})", self.expr(*inner)),
            Expr::Field(object, name) => format!("{}.{}", self.expr(*object), self.name(name)),
            Expr::Index(object, key) => format!("{}[{}]", self.expr(*object), self.expr(*key)),
            Expr::Call { func, args, .. } => {
                format!("(call {} {}", self.expr(*func), self.exprs(args)).trim_end().to_owned() + ")"
            }
            Expr::MethodCall { object, name, args, .. } => {
                let (object, args) = (self.expr(*object), self.exprs(args));
                format!("(call {object}:{} {args}", self.name(name)).trim_end().to_owned() + ")"
            }
            Expr::NonNil(inner) => format!("{}!", self.expr(*inner)),
            Expr::Cast(inner, ty) => format!("(cast {} {})", self.expr(*inner), self.ty(*ty)),
            Expr::Unary { op, operand, .. } => format!("({op:?} {})", self.expr(*operand)),
            Expr::Binary { op, lhs, rhs, .. } => format!("({op:?} {} {})", self.expr(*lhs), self.expr(*rhs)),
            Expr::Table(items) => {
                let items = join(items, |item| match *item {
                    TableItem::Positional(value) => self.expr(value),
                    TableItem::Named(name, value) => format!("{}={}", self.name(&name), self.expr(value)),
                    TableItem::Keyed(key, value) => format!("[{}]={}", self.expr(key), self.expr(value)),
                });
                format!("{{{items}}}")
            }
        }
    }

    fn types(&self, types: &[TypeId]) -> String {
        join(types, |ty| self.ty(*ty))
    }

    fn type_params(&self, params: &[TypeParam]) -> String {
        if params.is_empty() {
            return String::new();
        }
        let params = join(params, |param| {
            let default = param.default.map(|ty| format!("={}", self.ty(ty))).unwrap_or_default();
            format!("{}{}{default}", self.name(&param.name), self.annotation(param.constraint))
        });
        format!("<{params}>")
    }

    fn ty(&self, ty: TypeId) -> String {
        match self.0.ty(ty) {
            Type::Error => "ERROR".into(),
            Type::Nil => "nil".into(),
            Type::Boolean(value) => value.to_string(),
            Type::String(text) => bytes(text),
            Type::Integer(value) => value.to_string(),
            Type::Float(value) => format!("{value:?}"),
            Type::Function => "function".into(),
            Type::Typeof(expr) => format!("(typeof {})", self.expr(*expr)),
            Type::Name { path, args } => {
                let path = path.iter().map(|part| self.name(part)).collect::<Vec<_>>().join(".");
                if args.is_empty() { path } else { format!("{path}<{}>", self.types(args)) }
            }
            Type::Readonly(inner) => format!("(readonly {})", self.ty(*inner)),
            Type::Array(element) => format!("(array {})", self.ty(*element)),
            Type::Table(fields) => {
                let fields = join(fields, |field| match field {
                    TypeField::Field { readonly, key, optional, ty, .. } => format!(
                        "{}{}{}={}",
                        if *readonly { "readonly " } else { "" },
                        String::from_utf8_lossy(key),
                        if *optional { "?" } else { "" },
                        self.ty(*ty)
                    ),
                    TypeField::Indexer { key, value } => format!("[{}]={}", self.ty(*key), self.ty(*value)),
                });
                format!("{{{fields}}}")
            }
            Type::FunctionType { type_params, params, vararg, ret } => {
                let mut list: Vec<String> = params
                    .iter()
                    .map(|param| {
                        let name = param.name.map(|name| self.name(&name)).unwrap_or_default();
                        let optional = if param.optional { "?" } else { "" };
                        let colon = if param.name.is_some() { ":" } else { "" };
                        format!("{name}{optional}{colon}{}", self.ty(param.ty))
                    })
                    .collect();
                list.extend(self.rest(*vararg));
                format!("(fn{} ({}) {})", self.type_params(type_params), list.join(" "), self.return_type(ret))
            }
            Type::Group(inner) => format!("(group {})", self.ty(*inner)),
            Type::Optional(inner) => format!("{}?", self.ty(*inner)),
            Type::Validated { ty, name, args } => {
                let args = join(args, |arg| match arg {
                    TypeConst::Nil => "nil".into(),
                    TypeConst::Boolean(value) => value.to_string(),
                    TypeConst::Integer(value) => value.to_string(),
                    TypeConst::Float(value) => format!("{value:?}"),
                    TypeConst::String(text) => bytes(text),
                });
                format!("{}@{}({args})", self.ty(*ty), self.name(name))
            }
            Type::Union(members) => format!("(| {})", self.types(members)),
            Type::Intersection(members) => format!("(& {})", self.types(members)),
        }
    }

    fn rest(&self, vararg: Option<Option<TypeId>>) -> Option<String> {
        vararg.map(|ty| format!("...{}", ty.map(|ty| self.ty(ty)).unwrap_or_default()))
    }

    fn return_type(&self, ret: &ReturnType) -> String {
        match ret {
            ReturnType::Single(ty) => self.ty(*ty),
            ReturnType::Pack { types, vararg } => {
                let mut list: Vec<String> = types.iter().map(|ty| self.ty(*ty)).collect();
                list.extend(self.rest(*vararg));
                format!("[{}]", list.join(" "))
            }
            ReturnType::Vararg(ty) => self.rest(Some(*ty)).unwrap_or_default(),
            ReturnType::Asserts { name, ty } => format!("(asserts {}{})", self.name(name), self.annotation(*ty)),
        }
    }
}

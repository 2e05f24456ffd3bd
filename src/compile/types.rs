//! The types that a chunk uses as values: scopes of type names, alias statements, and type expressions as nodes of a
//! [`TypeTable`].
//!
//! All aliases of a block are known in the whole block, so they get their number when the block begins and their content
//! when their statement is compiled. What a type refers to without knowing it (an unknown name, a wrong number of type
//! arguments, a type of a module that is not found) is `any`: the checker complains, a program runs.

use std::ops::RangeInclusive;
use std::sync::Arc;

use hashbrown::HashMap;

use super::Compiler;
use super::error::{self, Result};
use super::exports::{Exports, Modules, required_module};
use super::function::Symbol;
use super::scoped::Scoped;
use crate::bytecode::proto::Proto;
use crate::bytecode::types::{
    AliasNode, Basic, FieldNode, Import, Literal, NodeId, ParamNode, Rule, TypeNode, TypeParameter, TypeTable,
};
use crate::syntax::SyntaxError;
use crate::syntax::ast::{
    Alias, Ast, Block, Expr, ExprId, FunctionBody, Name, ReturnType, StatKind, TableItem, Type, TypeConst, TypeField,
    TypeId, TypeParam,
};
use crate::syntax::span::Span;

/// How deep `typeof` looks into an expression.
const MAX_TYPEOF: u32 = 64;

/// What a name means in a type.
#[derive(Clone, Copy)]
enum Meaning {
    /// An alias, by its place among the drafts.
    Alias(u32),
    /// A parameter of the alias that is being declared.
    Parameter(u32),
    /// A parameter of a function: what is known of it.
    Bound(NodeId),
}

/// An alias that has been announced, and perhaps declared.
struct Draft {
    node: AliasNode,
    /// Parameters without default, and all parameters.
    params: RangeInclusive<usize>,
    /// The aliases it mentions.
    mentions: Vec<u32>,
}

/// The types of a chunk under construction.
#[derive(Default)]
pub(super) struct TypeScopes {
    visible: Scoped<Name, Meaning>,
    nodes: Vec<TypeNode>,
    places: HashMap<TypeNode, NodeId>,
    drafts: Vec<Draft>,
    /// The draft of each alias, by the place of its name.
    announced: HashMap<u32, u32>,
    /// Aliases mentioned since the statement began.
    mentions: Vec<u32>,
    /// Types of other modules, by module and name. Until the end, [`TypeNode::External`] names one of these as its import.
    foreign: Vec<(Arc<str>, Name)>,
    foreign_places: HashMap<(Arc<str>, Name), u32>,
    /// Whether a constant of the chunk is a type.
    used: bool,
}

impl TypeScopes {
    fn node(&mut self, node: TypeNode) -> NodeId {
        if let Some(&known) = self.places.get(&node) {
            return known;
        }
        let id = self.nodes.len() as NodeId;
        self.places.insert(node.clone(), id);
        self.nodes.push(node);
        id
    }

    fn basic(&mut self, basic: Basic) -> NodeId {
        self.node(TypeNode::Basic(basic))
    }

    fn optional_if(&mut self, optional: bool, ty: NodeId) -> NodeId {
        if optional { self.node(TypeNode::Optional(ty)) } else { ty }
    }

    fn meaning(&self, name: Name) -> Option<Meaning> {
        self.visible.find(name).copied()
    }

    /// The finished table, with the types that other modules offer.
    fn finish(self, origin: &[u8], ast: &Ast, modules: &dyn Modules) -> TypeTable {
        let TypeScopes { mut nodes, drafts, foreign, .. } = self;
        let imports = import(&mut nodes, &foreign, ast, modules);
        let order = components(&drafts);
        let mut renumbered = vec![0; drafts.len()];
        for (place, (alias, _)) in order.iter().enumerate() {
            renumbered[*alias as usize] = place as u32;
        }
        for node in &mut nodes {
            if let TypeNode::Alias { alias, .. } = node {
                *alias = renumbered[*alias as usize];
            }
        }
        let mut aliases: Vec<_> = drafts.into_iter().map(|draft| Some(draft.node)).collect();
        let aliases = order
            .into_iter()
            .map(|(alias, recursive)| {
                let node = aliases[alias as usize].take().expect("each alias is in one component");
                AliasNode { recursive, ..node }
            })
            .collect();
        TypeTable { origin: origin.into(), nodes: nodes.into(), aliases, imports }
    }
}

/// Finds the types of other modules, and lets the nodes name them by their places.
fn import(nodes: &mut [TypeNode], foreign: &[(Arc<str>, Name)], ast: &Ast, modules: &dyn Modules) -> Box<[Import]> {
    let mut imports: Vec<Import> = Vec::new();
    let found: Vec<_> = foreign
        .iter()
        .map(|(module, name)| {
            let exports = modules.exports(module)?;
            let export = exports.get(ast.text(*name))?;
            let import = Import::new(Arc::clone(&export.table))?;
            let place = imports.iter().position(|known| *known == import).unwrap_or_else(|| {
                imports.push(import);
                imports.len() - 1
            });
            Some((place, export.alias))
        })
        .collect();
    for node in nodes {
        let TypeNode::External { import, alias, args } = node else { continue };
        match found[*import as usize] {
            Some((place, number)) if imports[place].table().aliases[number as usize].takes(args.len()) => {
                (*import, *alias) = (place as u32, number);
            }
            _ => *node = TypeNode::Basic(Basic::Any),
        }
    }
    imports.into()
}

/// The aliases in an order in which each follows those it mentions, as far as there is one, and whether it is in a cycle.
/// (Tarjan's strongly connected components, with a stack of its own.)
fn components(drafts: &[Draft]) -> Vec<(u32, bool)> {
    const NEW: u32 = u32::MAX;
    let mut order = Vec::with_capacity(drafts.len());
    let mut number = vec![NEW; drafts.len()];
    let mut low = vec![0; drafts.len()];
    let mut open: Vec<u32> = Vec::new();
    let mut is_open = vec![false; drafts.len()];
    let mut count = 0;
    let mut walk: Vec<(u32, usize)> = Vec::new();
    for start in 0..drafts.len() as u32 {
        if number[start as usize] == NEW {
            walk.push((start, 0));
        }
        while let Some((alias, next)) = walk.pop() {
            let at = alias as usize;
            if next == 0 {
                number[at] = count;
                low[at] = count;
                count += 1;
                open.push(alias);
                is_open[at] = true;
            } else {
                low[at] = low[at].min(low[drafts[at].mentions[next - 1] as usize]);
            }
            let mut entered = false;
            for (i, &mentioned) in drafts[at].mentions.iter().enumerate().skip(next) {
                let to = mentioned as usize;
                if number[to] == NEW {
                    walk.push((alias, i + 1));
                    walk.push((mentioned, 0));
                    entered = true;
                    break;
                }
                if is_open[to] {
                    low[at] = low[at].min(number[to]);
                }
            }
            if entered || low[at] != number[at] {
                continue;
            }
            let first = open.iter().rposition(|other| *other == alias).expect("it was opened above");
            let recursive = open.len() - first > 1 || drafts[at].mentions.contains(&alias);
            for member in open.drain(first..) {
                is_open[member as usize] = false;
                order.push((member, recursive));
            }
        }
    }
    order
}

/// Names of types that end with a block, a function or an alias.
pub(super) struct TypeScope(usize);

impl Compiler<'_> {
    /// Begins a scope in which `block`'s aliases are known.
    pub(super) fn enter_types(&mut self, block: &Block) -> TypeScope {
        let scope = TypeScope(self.types.visible.len());
        if !self.ast.has_types() {
            return scope;
        }
        for stat in &block.stats {
            let StatKind::Alias(alias) = &stat.kind else { continue };
            let number = self.types.drafts.len() as u32;
            self.types.visible.push(alias.name.name, Meaning::Alias(number));
            self.types.announced.insert(alias.name.span.start, number);
            let node = AliasNode {
                name: self.ast.text(alias.name.name).into(),
                place: alias.name.span.start,
                params: Box::default(),
                body: 0,
                recursive: false,
            };
            let required = alias.params.iter().filter(|param| param.default.is_none()).count();
            self.types.drafts.push(Draft { node, params: required..=alias.params.len(), mentions: Vec::new() });
        }
        scope
    }

    /// Begins a scope in which the type parameters of a function are known.
    pub(super) fn enter_type_params(&mut self, params: &[TypeParam]) -> Result<TypeScope> {
        let scope = TypeScope(self.types.visible.len());
        for param in params {
            let bound = match param.constraint {
                Some(constraint) => self.type_node(constraint)?,
                None => self.types.basic(Basic::Unknown),
            };
            self.types.visible.push(param.name.name, Meaning::Bound(bound));
        }
        Ok(scope)
    }

    /// Ends a scope.
    pub(super) fn leave_types(&mut self, scope: TypeScope) {
        self.types.visible.truncate(scope.0);
    }

    /// `type Name<…> = T`: from here on the name is also a value, unless its block has a local variable of that name.
    pub(super) fn alias(&mut self, alias: &Alias) -> Result<()> {
        // Of two aliases of one name in a block the name means the second, but each has a draft of its own.
        let number = self.types.announced[&alias.name.span.start];
        let scope = TypeScope(self.types.visible.len());
        for (index, param) in (0..).zip(&alias.params) {
            self.types.visible.push(param.name.name, Meaning::Parameter(index));
        }
        self.types.mentions.clear();
        let params = alias.params.iter().map(|param| self.type_parameter(param)).collect::<Result<_>>()?;
        let body = self.type_node(alias.ty)?;
        self.leave_types(scope);
        let mut mentions = std::mem::take(&mut self.types.mentions);
        mentions.sort_unstable();
        mentions.dedup();
        let draft = &mut self.types.drafts[number as usize];
        draft.mentions = mentions;
        draft.node.params = params;
        draft.node.body = body;
        let symbol = Symbol::Name(alias.name.name);
        if !self.current.declares_local(symbol) {
            let value = self.types.node(TypeNode::Alias { alias: number, args: Box::default() });
            self.current.activate_type(symbol, value);
        }
        Ok(())
    }

    fn type_parameter(&mut self, param: &TypeParam) -> Result<TypeParameter> {
        Ok(TypeParameter {
            name: self.ast.text(param.name.name).into(),
            constraint: param.constraint.map(|ty| self.type_node(ty)).transpose()?,
            default: param.default.map(|ty| self.type_node(ty)).transpose()?,
        })
    }

    /// Notes that a constant refers to the types of the chunk.
    pub(super) fn use_types(&mut self) {
        self.types.used = true;
    }

    /// Gives the types of the chunk to all its functions.
    pub(super) fn attach_types(&mut self, main: &mut Proto, origin: &[u8]) {
        let types = std::mem::take(&mut self.types);
        if types.used {
            attach(main, &Arc::new(types.finish(origin, self.ast, self.modules)));
        }
    }

    /// What the chunk offers to others.
    pub(super) fn exports(&mut self, origin: &[u8]) -> Exports {
        let types = std::mem::take(&mut self.types).finish(origin, self.ast, self.modules);
        Exports::of(self.ast, &Arc::new(types), self.modules)
    }

    /// Notes which local variables, of those declared last, hold modules.
    pub(super) fn note_modules(&mut self, vars: usize, values: &[ExprId]) -> Result<()> {
        if !self.ast.has_types() {
            return Ok(());
        }
        for (place, value) in values.iter().enumerate().take(vars) {
            if let Some(module) = required_module(self.ast, *value)
                && let Some(require) = self.ast.names.get("require")
                && self.find(self.symbol(require))?.is_none()
            {
                self.current.note_module(vars - place, module.into());
            }
        }
        Ok(())
    }

    // ---- type expressions

    /// A type expression as a node.
    ///
    /// # Errors
    /// A validator that does not exist, or has wrong arguments.
    pub(super) fn type_node(&mut self, id: TypeId) -> Result<NodeId> {
        let ast = self.ast;
        let node = match ast.ty(id) {
            Type::Error => TypeNode::Basic(Basic::Any),
            Type::Nil => TypeNode::Basic(Basic::Nil),
            Type::Boolean(value) => TypeNode::Literal(Literal::Boolean(*value)),
            Type::String(bytes) => TypeNode::Literal(Literal::String(bytes.clone())),
            Type::Integer(value) => TypeNode::Literal(Literal::Integer(*value)),
            Type::Float(value) => TypeNode::Literal(Literal::float(*value)),
            Type::Function => TypeNode::Basic(Basic::Function),
            Type::Typeof(e) => return self.typeof_node(*e, 0),
            Type::Name { path, args } => match path.as_slice() {
                [name] => return self.named_type(name.name, args),
                [module, name] => return self.foreign_type(module.name, name.name, args),
                _ => TypeNode::Basic(Basic::Any),
            },
            Type::Readonly(ty) => TypeNode::Readonly(self.type_node(*ty)?),
            Type::Array(ty) => TypeNode::Array(self.type_node(*ty)?),
            Type::Table(fields) => self.table_type(fields)?,
            Type::FunctionType { type_params, params, vararg, ret } => {
                let scope = self.enter_type_params(type_params)?;
                let params = params
                    .iter()
                    .map(|param| {
                        let name = param.name.map(|name| ast.text(name.name).into());
                        Ok(ParamNode { name, ty: self.type_node(param.ty)?, optional: param.optional })
                    })
                    .collect::<Result<_>>()?;
                let vararg = vararg.map(|ty| self.type_or_any(ty)).transpose()?;
                let node = self.function_type(params, vararg, Some(ret))?;
                self.leave_types(scope);
                node
            }
            Type::Group(ty) => return self.type_node(*ty),
            Type::Optional(ty) => TypeNode::Optional(self.type_node(*ty)?),
            Type::Validated { ty, name, args } => {
                if let (Type::Name { path, .. }, [TypeConst::String(class)]) = (ast.ty(*ty), args.as_slice())
                    && ast.text(name.name) == "opaque"
                    && matches!(path.as_slice(), [only] if ast.text(only.name) == Basic::Userdata.name())
                {
                    TypeNode::Opaque(String::from_utf8_lossy(class).into())
                } else {
                    let args: Vec<_> = args.iter().map(argument).collect();
                    let rule = Rule::new(ast.text(name.name), &args);
                    let rule = rule.map_err(|message| bad_validator(&message, name.span))?;
                    TypeNode::Validated(self.type_node(*ty)?, rule)
                }
            }
            Type::Union(members) => TypeNode::Union(self.type_list(members)?),
            Type::Intersection(parts) => TypeNode::Intersection(self.type_list(parts)?),
        };
        Ok(self.types.node(node))
    }

    fn type_or_any(&mut self, id: Option<TypeId>) -> Result<NodeId> {
        match id {
            Some(id) => self.type_node(id),
            None => Ok(self.types.basic(Basic::Any)),
        }
    }

    fn type_list(&mut self, ids: &[TypeId]) -> Result<Box<[NodeId]>> {
        ids.iter().map(|id| self.type_node(*id)).collect()
    }

    fn named_type(&mut self, name: Name, args: &[TypeId]) -> Result<NodeId> {
        let args = self.type_list(args)?;
        let text = self.ast.text(name);
        // The lower-case names cannot be redefined.
        if let Some(basic) = Basic::named(text)
            && basic.name() == text
        {
            return Ok(self.types.basic(basic));
        }
        let node = match self.types.meaning(name) {
            Some(Meaning::Bound(node)) => return Ok(node),
            Some(Meaning::Parameter(index)) => TypeNode::Parameter(index),
            Some(Meaning::Alias(alias)) => {
                self.types.mentions.push(alias);
                let draft = &self.types.drafts[alias as usize];
                if !draft.params.contains(&args.len()) {
                    TypeNode::Basic(Basic::Any)
                } else {
                    TypeNode::Alias { alias, args }
                }
            }
            None => TypeNode::Basic(Basic::named(text).unwrap_or(Basic::Any)),
        };
        Ok(self.types.node(node))
    }

    /// A type of a module that a local variable holds.
    fn foreign_type(&mut self, module: Name, name: Name, args: &[TypeId]) -> Result<NodeId> {
        let args = self.type_list(args)?;
        let symbol = self.symbol(module);
        let functions = std::iter::once(&self.current).chain(self.enclosing.iter().rev());
        let module = functions.filter_map(|function| function.module(symbol)).next().flatten();
        let Some(module) = module.cloned() else { return Ok(self.types.basic(Basic::Any)) };
        let wanted = (module, name);
        let known = self.types.foreign_places.get(&wanted).copied();
        let import = known.unwrap_or_else(|| {
            let place = self.types.foreign.len() as u32;
            self.types.foreign.push(wanted.clone());
            self.types.foreign_places.insert(wanted, place);
            place
        });
        Ok(self.types.node(TypeNode::External { import, alias: 0, args }))
    }

    fn table_type(&mut self, items: &[TypeField]) -> Result<TypeNode> {
        let mut fields: Vec<FieldNode> = Vec::new();
        let mut known = hashbrown::HashSet::new();
        let mut indexer = None;
        for item in items {
            match item {
                TypeField::Field { readonly, key, optional, ty, .. } => {
                    let ty = self.type_node(*ty)?;
                    if known.insert(key) {
                        fields.push(FieldNode { name: key.clone(), ty, optional: *optional, readonly: *readonly });
                    }
                }
                TypeField::Indexer { key, value } => indexer = Some((self.type_node(*key)?, self.type_node(*value)?)),
            }
        }
        Ok(TypeNode::Table { fields: fields.into(), indexer })
    }

    fn function_type(
        &mut self,
        params: Box<[ParamNode]>,
        vararg: Option<NodeId>,
        ret: Option<&ReturnType>,
    ) -> Result<TypeNode> {
        let (returns, more) = match ret {
            Some(ReturnType::Single(ty)) => (Box::from([self.type_node(*ty)?]), None),
            Some(ReturnType::Pack { types, vararg }) => {
                (self.type_list(types)?, vararg.map(|ty| self.type_or_any(ty)).transpose()?)
            }
            Some(ReturnType::Vararg(ty)) => (Box::default(), Some(self.type_or_any(*ty)?)),
            Some(ReturnType::Asserts { .. }) => (Box::default(), None),
            None => (Box::default(), Some(self.types.basic(Basic::Any))),
        };
        Ok(TypeNode::Function { params, vararg, returns, more })
    }

    // ---- typeof

    /// The declared type of a function.
    pub(super) fn signature(&mut self, body: &FunctionBody) -> Result<NodeId> {
        let scope = self.enter_type_params(&body.type_params)?;
        let params = body
            .params
            .iter()
            .map(|param| {
                let name = Some(self.ast.text(param.name.name).into());
                Ok(ParamNode { name, ty: self.type_or_any(param.ty)?, optional: param.optional })
            })
            .collect::<Result<_>>()?;
        let vararg = body.vararg.map(|vararg| self.type_or_any(vararg.ty)).transpose()?;
        let node = self.function_type(params, vararg, body.ret.as_ref())?;
        self.leave_types(scope);
        Ok(self.types.node(node))
    }

    /// Notes the declared type of the local variable declared last.
    pub(super) fn note_declared(&mut self, ty: TypeId, optional: bool) -> Result<()> {
        let ty = self.type_node(ty)?;
        let ty = self.types.optional_if(optional, ty);
        self.current.annotate(ty);
        Ok(())
    }

    /// If a call of `typeof` with these arguments asks for a declared type: that type.
    pub(super) fn asked_type(&mut self, callee: ExprId, args: &[ExprId]) -> Result<Option<NodeId>> {
        let (Expr::Name(name), [argument]) = (self.ast.expr(callee), args) else { return Ok(None) };
        let symbol = self.symbol(*name);
        if !self.asks_for_types || self.ast.text(*name) != "typeof" || self.find(symbol)?.is_some() {
            return Ok(None);
        }
        let ty = match self.ast.expr(*argument) {
            Expr::Name(name) => self.declared(*name),
            Expr::Cast(_, ty) => Some(self.type_node(*ty)?),
            _ => None,
        };
        let shown =
            |ty: &NodeId| !matches!(self.types.nodes[*ty as usize], TypeNode::Basic(Basic::Any | Basic::Unknown));
        Ok(ty.filter(shown))
    }

    /// The declared type of a local variable.
    fn declared(&self, name: Name) -> Option<NodeId> {
        let symbol = self.symbol(name);
        let functions = std::iter::once(&self.current).chain(self.enclosing.iter().rev());
        functions.filter_map(|function| function.annotation(symbol)).next().flatten()
    }

    /// The type of an expression as far as declarations show it.
    fn typeof_node(&mut self, id: ExprId, depth: u32) -> Result<NodeId> {
        let ast = self.ast;
        let node = match ast.expr(id) {
            _ if depth > MAX_TYPEOF => TypeNode::Basic(Basic::Any),
            Expr::Nil => TypeNode::Basic(Basic::Nil),
            Expr::True | Expr::False => TypeNode::Basic(Basic::Boolean),
            Expr::Integer(_) => TypeNode::Basic(Basic::Integer),
            Expr::Float(_) => TypeNode::Basic(Basic::Float),
            Expr::String(_) => TypeNode::Basic(Basic::String),
            Expr::Function(body) => return self.signature(body),
            Expr::Name(name) => match self.declared(*name) {
                Some(ty) => return Ok(ty),
                None => TypeNode::Basic(Basic::Any),
            },
            Expr::Cast(_, ty) => return self.type_node(*ty),
            Expr::Paren(inner) => return self.typeof_node(*inner, depth + 1),
            Expr::NonNil(inner) => {
                let ty = self.typeof_node(*inner, depth + 1)?;
                match self.types.nodes[ty as usize] {
                    TypeNode::Optional(inner) => return Ok(inner),
                    _ => return Ok(ty),
                }
            }
            Expr::Field(object, name) => {
                let object = self.typeof_node(*object, depth + 1)?;
                let text = ast.text(name.name).as_bytes();
                let field = match &self.types.nodes[object as usize] {
                    TypeNode::Table { fields, .. } => fields.iter().find(|field| *field.name == *text),
                    _ => None,
                };
                match field.map(|field| (field.optional, field.ty)) {
                    Some((optional, ty)) => return Ok(self.types.optional_if(optional, ty)),
                    None => TypeNode::Basic(Basic::Any),
                }
            }
            Expr::Call { func, .. } => match ast.expr(*func) {
                Expr::Name(name) => return self.typeof_call(*name),
                _ => TypeNode::Basic(Basic::Any),
            },
            Expr::Table(items) => self.typeof_table(items, depth)?,
            _ => TypeNode::Basic(Basic::Any),
        };
        Ok(self.types.node(node))
    }

    /// The type of a call: `T(…)`, or what a function with a signature returns first.
    fn typeof_call(&mut self, name: Name) -> Result<NodeId> {
        if let Some(super::function::Variable::Type(ty)) = self.find(self.symbol(name))? {
            if let TypeNode::Alias { alias, .. } = self.types.nodes[ty as usize] {
                self.types.mentions.push(alias);
            }
            return Ok(ty);
        }
        let first = match self.declared(name).map(|ty| &self.types.nodes[ty as usize]) {
            Some(TypeNode::Function { returns, more, .. }) => returns.first().copied().or(*more),
            _ => None,
        };
        Ok(first.unwrap_or_else(|| self.types.basic(Basic::Any)))
    }

    fn typeof_table(&mut self, items: &[TableItem], depth: u32) -> Result<TypeNode> {
        let mut fields: Vec<FieldNode> = Vec::new();
        let mut positional = Vec::new();
        for item in items {
            match *item {
                TableItem::Named(name, value) => {
                    let ty = self.typeof_node(value, depth + 1)?;
                    let name = self.ast.text(name.name).as_bytes();
                    fields.retain(|field| *field.name != *name);
                    fields.push(FieldNode { name: name.into(), ty, optional: false, readonly: false });
                }
                TableItem::Positional(value) => positional.push(self.typeof_node(value, depth + 1)?),
                TableItem::Keyed(..) => return Ok(TypeNode::Basic(Basic::Table)),
            }
        }
        if positional.is_empty() {
            return Ok(TypeNode::Table { fields: fields.into(), indexer: None });
        }
        let item = match positional.as_slice() {
            [only] => *only,
            _ => self.types.node(TypeNode::Union(positional.into())),
        };
        if fields.is_empty() {
            return Ok(TypeNode::Array(item));
        }
        let key = self.types.basic(Basic::Integer);
        Ok(TypeNode::Table { fields: fields.into(), indexer: Some((key, item)) })
    }
}

fn attach(proto: &mut Proto, types: &Arc<TypeTable>) {
    proto.types = Some(Arc::clone(types));
    for nested in &mut proto.protos {
        attach(Arc::get_mut(nested).expect("nobody else has the functions yet"), types);
    }
}

fn bad_validator(message: &str, place: Span) -> Box<SyntaxError> {
    error::types("E0029", message.to_owned(), place)
}

/// An argument of a validator; nil is none that a validator takes.
fn argument(constant: &TypeConst) -> Option<Literal> {
    match constant {
        TypeConst::Nil => None,
        TypeConst::Boolean(value) => Some(Literal::Boolean(*value)),
        TypeConst::Integer(value) => Some(Literal::Integer(*value)),
        TypeConst::Float(value) => Some(Literal::float(*value)),
        TypeConst::String(bytes) => Some(Literal::String(bytes.clone())),
    }
}

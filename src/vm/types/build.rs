//! From the table of a chunk to types. A node is built after those it refers to, without recursion; only an instance of a
//! generic in an instance of a generic nests, up to a limit.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use hashbrown::{HashMap, HashSet};

use super::normal;
use super::set::TypeSet;
use super::{Field, FunctionShape, Param, Shape, TableShape, TypeRef};
use crate::bytecode::types::{AliasNode, Basic, NodeId, TypeNode, TypeTable};

/// Instances of generics within instances; what nests deeper is `any`.
const MAX_EXPANSION: u32 = 64;

/// The types of a chunk.
pub struct Built {
    table: Arc<TypeTable>,
    /// The type of each alias without parameters that is not recursive.
    aliases: Box<[OnceLock<TypeRef>]>,
    /// The types of the chunks it refers to, once asked for.
    imports: Box<[OnceLock<Arc<Built>>]>,
}

/// An alias statement. Two are equal if they are the same statement of the same chunk.
#[derive(Clone)]
pub struct Declaration {
    built: Arc<Built>,
    alias: u32,
}

impl PartialEq for Declaration {
    fn eq(&self, other: &Declaration) -> bool {
        Arc::ptr_eq(&self.built, &other.built) && self.alias == other.alias
    }
}

impl Eq for Declaration {}

impl Hash for Declaration {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (Arc::as_ptr(&self.built), self.alias).hash(state);
    }
}

impl Declaration {
    /// The statement.
    pub fn alias(&self) -> &AliasNode {
        &self.built.table.aliases[self.alias as usize]
    }

    /// The constraint of a type parameter, with these arguments for the parameters.
    pub fn constraint(&self, set: &TypeSet, param: usize, args: &[TypeRef]) -> Option<TypeRef> {
        let constraint = self.alias().params[param].constraint?;
        Some(Builder { set, built: &self.built, depth: 0 }.node(constraint, args))
    }

    /// The instance with these arguments, followed by the defaults of the parameters that are left; `None` if one has no
    /// default.
    pub fn instance(&self, set: &TypeSet, args: &[TypeRef]) -> Option<TypeRef> {
        let builder = Builder { set, built: &self.built, depth: 0 };
        let args = builder.complete(self.alias, args.to_vec())?;
        Some(builder.instance(self.alias, &args))
    }
}

impl Built {
    pub(super) fn new(table: Arc<TypeTable>) -> Arc<Built> {
        let aliases = table.aliases.iter().map(|_| OnceLock::new()).collect();
        let imports = table.imports.iter().map(|_| OnceLock::new()).collect();
        Arc::new(Built { table, aliases, imports })
    }

    /// Builds the aliases, in an order in which all they refer to is there.
    pub(super) fn build(self: &Arc<Built>, set: &TypeSet) {
        let builder = Builder { set, built: self, depth: 0 };
        for (alias, node) in (0..).zip(&self.table.aliases) {
            if node.params.is_empty() && !node.recursive && self.aliases[alias as usize].get().is_none() {
                let ty = set.named(builder.node(node.body, &[]), &node.name, &[]);
                // Another thread that builds the same gets the same.
                self.aliases[alias as usize].get_or_init(|| ty);
            }
        }
    }

    /// The value of a constant.
    pub fn constant(self: &Arc<Built>, set: &TypeSet, node: NodeId) -> TypeRef {
        let builder = Builder { set, built: self, depth: 0 };
        match &self.table.nodes[node as usize] {
            TypeNode::Alias { alias, args }
                if args.is_empty() && !self.table.aliases[*alias as usize].params.is_empty() =>
            {
                let declaration = Declaration { built: Arc::clone(self), alias: *alias };
                let generic = set.intern(Shape::Generic(declaration), None);
                set.named(generic, &self.table.aliases[*alias as usize].name, &[])
            }
            _ => builder.node(node, &[]),
        }
    }
}

/// The body of a recursive alias.
pub(super) fn body(set: &TypeSet, declaration: &Declaration, args: &[TypeRef]) -> TypeRef {
    Builder { set, built: &declaration.built, depth: 0 }.node(declaration.alias().body, args)
}

#[derive(Clone, Copy)]
struct Builder<'a> {
    set: &'a TypeSet,
    built: &'a Arc<Built>,
    /// Instances around this one.
    depth: u32,
}

impl Builder<'_> {
    /// The type of a node with these arguments for the parameters of its alias.
    fn node(self, root: NodeId, args: &[TypeRef]) -> TypeRef {
        let nodes = &self.built.table.nodes;
        let mut wanted = vec![root];
        let mut next = 0;
        let mut seen: HashSet<NodeId> = HashSet::from_iter([root]);
        while let Some(&node) = wanted.get(next) {
            nodes[node as usize].each_child(|child| {
                if seen.insert(child) {
                    wanted.push(child);
                }
            });
            next += 1;
        }
        wanted.sort_unstable();
        let mut types = HashMap::with_capacity(wanted.len());
        for node in wanted {
            let ty = self.one(&nodes[node as usize], args, |child| types[&child]);
            types.insert(node, ty);
        }
        types[&root]
    }

    /// The type of a node whose children are there.
    fn one(self, node: &TypeNode, args: &[TypeRef], child: impl Fn(NodeId) -> TypeRef) -> TypeRef {
        let set = self.set;
        let all = |ids: &[NodeId]| ids.iter().map(|id| child(*id)).collect::<Vec<_>>();
        match node {
            TypeNode::Basic(basic) => set.basic(*basic),
            TypeNode::Literal(literal) => set.intern(Shape::Literal(literal.clone()), None),
            TypeNode::Array(ty) => set.intern(Shape::Array(child(*ty), false), None),
            TypeNode::Table { fields, indexer } => {
                let fields = fields.iter().map(|field| {
                    Field::new(set.field_name(&field.name), child(field.ty), field.optional, field.readonly)
                });
                let indexer = indexer.map(|(key, value)| (child(key), child(value), false));
                set.intern(Shape::Table(TableShape { fields: fields.collect(), indexer }), None)
            }
            TypeNode::Function { params, vararg, returns, more } => {
                let params = params.iter().map(|param| Param {
                    name: param.name.clone(),
                    ty: child(param.ty),
                    optional: param.optional,
                });
                let shape = FunctionShape {
                    params: params.collect(),
                    vararg: vararg.map(&child),
                    returns: all(returns).into(),
                    more: more.map(&child),
                };
                set.intern(Shape::Function(shape), None)
            }
            TypeNode::Optional(ty) => normal::optional(set, child(*ty)),
            TypeNode::Union(members) => normal::union(set, all(members)),
            TypeNode::Intersection(parts) => normal::intersection(set, all(parts)),
            TypeNode::Readonly(ty) => normal::readonly(set, child(*ty)),
            TypeNode::Validated(ty, rule) => normal::validated(set, child(*ty), rule),
            TypeNode::Alias { alias, args } => match self.complete(*alias, all(args)) {
                Some(args) => self.instance(*alias, &args),
                None => set.basic(Basic::Any),
            },
            TypeNode::External { import, alias, args } => {
                let place = *import as usize;
                let built =
                    self.built.imports[place].get_or_init(|| set.built(self.built.table.imports[place].table()));
                let external = Builder { built, ..self };
                match external.complete(*alias, all(args)) {
                    Some(args) => external.instance(*alias, &args),
                    None => set.basic(Basic::Any),
                }
            }
            TypeNode::Parameter(index) => {
                args.get(*index as usize).copied().unwrap_or_else(|| set.basic(Basic::Unknown))
            }
            TypeNode::Opaque(class) => set.intern(Shape::Opaque(class.clone()), None),
        }
    }

    /// The arguments of an alias with the defaults of those that are missing.
    fn complete(self, alias: u32, mut args: Vec<TypeRef>) -> Option<Vec<TypeRef>> {
        let params = &self.built.table.aliases[alias as usize].params;
        while args.len() < params.len() {
            let default = params[args.len()].default?;
            args.push(self.nested()?.node(default, &args));
        }
        Some(args)
    }

    /// The builder of what stands in an instance.
    fn nested(self) -> Option<Self> {
        (self.depth < MAX_EXPANSION).then_some(Builder { depth: self.depth + 1, ..self })
    }

    /// An alias with all its arguments.
    fn instance(self, alias: u32, args: &[TypeRef]) -> TypeRef {
        let node = &self.built.table.aliases[alias as usize];
        let known = self.built.aliases[alias as usize].get();
        if let Some(known) = known {
            return *known;
        }
        // A table that somebody made may refer to what is not built yet.
        if node.recursive || node.params.is_empty() {
            let declaration = Declaration { built: Arc::clone(self.built), alias };
            let recursive = self.set.intern(Shape::Recursive(declaration, args.into()), None);
            return self.set.named(recursive, &node.name, args);
        }
        match self.nested() {
            Some(inner) => self.set.named(inner.node(node.body, args), &node.name, args),
            None => self.set.basic(Basic::Any),
        }
    }
}

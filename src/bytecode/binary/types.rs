//! The types of a function as bytes, in both directions: the name of the chunk, then nodes, aliases and the types of other
//! chunks as lists. A node is its tag and its parts in the order in which they are declared; what may be absent is preceded by a flag.

use std::sync::Arc;

use super::BinaryError;
use super::read::{Reader, Result};
use super::write::Writer;
use crate::bytecode::types::{
    AliasNode, Basic, FieldNode, HostRule, Import, Literal, ParamNode, Rule, TypeNode, TypeParameter, TypeTable,
};

/// Tags of nodes.
mod node {
    pub(super) const BASIC: u8 = 0;
    pub(super) const LITERAL: u8 = 1;
    pub(super) const ARRAY: u8 = 2;
    pub(super) const TABLE: u8 = 3;
    pub(super) const FUNCTION: u8 = 4;
    pub(super) const OPTIONAL: u8 = 5;
    pub(super) const UNION: u8 = 6;
    pub(super) const INTERSECTION: u8 = 7;
    pub(super) const READONLY: u8 = 8;
    pub(super) const VALIDATED: u8 = 9;
    pub(super) const ALIAS: u8 = 10;
    pub(super) const PARAMETER: u8 = 11;
    pub(super) const OPAQUE: u8 = 12;
    pub(super) const EXTERNAL: u8 = 13;
}

/// Tags of literals.
mod literal {
    pub(super) const FALSE: u8 = 0;
    pub(super) const TRUE: u8 = 1;
    pub(super) const INTEGER: u8 = 2;
    pub(super) const FLOAT: u8 = 3;
    pub(super) const STRING: u8 = 4;
}

/// Tags of validators.
mod rule {
    pub(super) const MIN: u8 = 0;
    pub(super) const MAX: u8 = 1;
    pub(super) const MIN_LEN: u8 = 2;
    pub(super) const MAX_LEN: u8 = 3;
    pub(super) const PATTERN: u8 = 4;
    pub(super) const INTEGER: u8 = 5;
    pub(super) const CLOSED: u8 = 6;
    pub(super) const HOST: u8 = 7;
}

impl Writer {
    pub(super) fn types(&mut self, types: &TypeTable) {
        // Two declarations of one name and place must stay two, so this is not stripped.
        self.bytes(&types.origin);
        self.list(&types.nodes, Self::node);
        self.list(&types.aliases, Self::alias);
        self.list(&types.imports, |writer, import| writer.types(import.table()));
    }

    fn id(&mut self, id: &u32) {
        self.number(u64::from(*id));
    }

    fn flag(&mut self, flag: bool) {
        self.out.push(u8::from(flag));
    }

    fn optional<T>(&mut self, part: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        self.flag(part.is_some());
        if let Some(part) = part {
            write(self, part);
        }
    }

    fn tagged(&mut self, tag: u8, id: u32) {
        self.out.push(tag);
        self.id(&id);
    }

    fn node(&mut self, node: &TypeNode) {
        match node {
            TypeNode::Basic(basic) => self.out.extend_from_slice(&[node::BASIC, *basic as u8]),
            TypeNode::Literal(literal) => {
                self.out.push(node::LITERAL);
                self.literal(literal);
            }
            TypeNode::Array(ty) => self.tagged(node::ARRAY, *ty),
            TypeNode::Table { fields, indexer } => {
                self.out.push(node::TABLE);
                self.list(fields, |writer, field| {
                    writer.bytes(&field.name);
                    writer.id(&field.ty);
                    writer.flag(field.optional);
                    writer.flag(field.readonly);
                });
                self.optional(indexer.as_ref(), |writer, (key, value)| {
                    writer.id(key);
                    writer.id(value);
                });
            }
            TypeNode::Function { params, vararg, returns, more } => {
                self.out.push(node::FUNCTION);
                self.list(params, |writer, param| {
                    writer.optional(param.name.as_ref(), |writer, name| writer.bytes(name.as_bytes()));
                    writer.id(&param.ty);
                    writer.flag(param.optional);
                });
                self.optional(vararg.as_ref(), Self::id);
                self.list(returns, Self::id);
                self.optional(more.as_ref(), Self::id);
            }
            TypeNode::Optional(ty) => self.tagged(node::OPTIONAL, *ty),
            TypeNode::Union(members) => {
                self.out.push(node::UNION);
                self.list(members, Self::id);
            }
            TypeNode::Intersection(parts) => {
                self.out.push(node::INTERSECTION);
                self.list(parts, Self::id);
            }
            TypeNode::Readonly(ty) => self.tagged(node::READONLY, *ty),
            TypeNode::Validated(ty, rule) => {
                self.tagged(node::VALIDATED, *ty);
                self.rule(rule);
            }
            TypeNode::Alias { alias, args } => {
                self.tagged(node::ALIAS, *alias);
                self.list(args, Self::id);
            }
            TypeNode::External { import, alias, args } => {
                self.tagged(node::EXTERNAL, *import);
                self.id(alias);
                self.list(args, Self::id);
            }
            TypeNode::Parameter(index) => self.tagged(node::PARAMETER, *index),
            TypeNode::Opaque(class) => {
                self.out.push(node::OPAQUE);
                self.bytes(class.as_bytes());
            }
        }
    }

    fn literal(&mut self, literal: &Literal) {
        match literal {
            Literal::Boolean(false) => self.out.push(literal::FALSE),
            Literal::Boolean(true) => self.out.push(literal::TRUE),
            Literal::Integer(value) => {
                self.out.push(literal::INTEGER);
                self.signed(*value);
            }
            Literal::Float(bits) => {
                self.out.push(literal::FLOAT);
                self.out.extend_from_slice(&bits.to_le_bytes());
            }
            Literal::String(bytes) => {
                self.out.push(literal::STRING);
                self.bytes(bytes);
            }
        }
    }

    fn rule(&mut self, rule: &Rule) {
        match rule {
            Rule::Min(limit) => {
                self.out.push(rule::MIN);
                self.literal(limit);
            }
            Rule::Max(limit) => {
                self.out.push(rule::MAX);
                self.literal(limit);
            }
            Rule::MinLen(limit) => {
                self.out.push(rule::MIN_LEN);
                self.number(*limit);
            }
            Rule::MaxLen(limit) => {
                self.out.push(rule::MAX_LEN);
                self.number(*limit);
            }
            Rule::Pattern(text) => {
                self.out.push(rule::PATTERN);
                self.bytes(text.as_bytes());
            }
            Rule::Integer => self.out.push(rule::INTEGER),
            Rule::Closed => self.out.push(rule::CLOSED),
            Rule::Host(host) => {
                self.out.push(rule::HOST);
                self.bytes(host.name().as_bytes());
                self.list(host.args(), Self::literal);
            }
        }
    }

    fn alias(&mut self, alias: &AliasNode) {
        self.bytes(alias.name.as_bytes());
        self.id(&alias.place);
        self.list(&alias.params, |writer, param| {
            writer.bytes(param.name.as_bytes());
            writer.optional(param.constraint.as_ref(), Self::id);
            writer.optional(param.default.as_ref(), Self::id);
        });
        self.id(&alias.body);
        self.flag(alias.recursive);
    }
}

impl Reader<'_> {
    pub(super) fn types(&mut self) -> Result<TypeTable> {
        self.nested_types(0)
    }

    /// The types of a chunk to which so many others lead.
    fn nested_types(&mut self, depth: u32) -> Result<TypeTable> {
        if depth > Import::MAX_DEPTH {
            return Err(BinaryError::Corrupted);
        }
        let origin = self.bytes()?.into();
        let nodes = self.list(Self::node)?;
        let aliases = self.list(Self::alias)?;
        let imports = self.list(|reader| {
            let table = Arc::new(reader.nested_types(depth + 1)?);
            Import::new(table).ok_or(BinaryError::Corrupted)
        })?;
        let types = TypeTable { origin, nodes, aliases, imports };
        if types.is_sound() { Ok(types) } else { Err(BinaryError::Corrupted) }
    }

    fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    fn node(&mut self) -> Result<TypeNode> {
        Ok(match self.byte()? {
            node::BASIC => {
                let index = usize::from(self.byte()?);
                TypeNode::Basic(*Basic::ALL.get(index).ok_or(BinaryError::Corrupted)?)
            }
            node::LITERAL => TypeNode::Literal(self.literal()?),
            node::ARRAY => TypeNode::Array(self.short()?),
            node::TABLE => TypeNode::Table {
                fields: self.list(|reader| {
                    Ok(FieldNode {
                        name: reader.bytes()?.into(),
                        ty: reader.short()?,
                        optional: reader.flag()?,
                        readonly: reader.flag()?,
                    })
                })?,
                indexer: self.optional(|reader| Ok((reader.short()?, reader.short()?)))?,
            },
            node::FUNCTION => TypeNode::Function {
                params: self.list(|reader| {
                    Ok(ParamNode { name: reader.optional(Self::name)?, ty: reader.short()?, optional: reader.flag()? })
                })?,
                vararg: self.optional(Self::short)?,
                returns: self.list(Self::short)?,
                more: self.optional(Self::short)?,
            },
            node::OPTIONAL => TypeNode::Optional(self.short()?),
            node::UNION => TypeNode::Union(self.list(Self::short)?),
            node::INTERSECTION => TypeNode::Intersection(self.list(Self::short)?),
            node::READONLY => TypeNode::Readonly(self.short()?),
            node::VALIDATED => TypeNode::Validated(self.short()?, self.rule()?),
            node::ALIAS => TypeNode::Alias { alias: self.short()?, args: self.list(Self::short)? },
            node::EXTERNAL => {
                TypeNode::External { import: self.short()?, alias: self.short()?, args: self.list(Self::short)? }
            }
            node::PARAMETER => TypeNode::Parameter(self.short()?),
            node::OPAQUE => TypeNode::Opaque(self.name()?),
            _ => return Err(BinaryError::Corrupted),
        })
    }

    fn literal(&mut self) -> Result<Literal> {
        Ok(match self.byte()? {
            literal::FALSE => Literal::Boolean(false),
            literal::TRUE => Literal::Boolean(true),
            literal::INTEGER => Literal::Integer(self.signed()?),
            literal::FLOAT => Literal::float(f64::from_bits(u64::from_le_bytes(self.array()?))),
            literal::STRING => Literal::String(self.bytes()?.into()),
            _ => return Err(BinaryError::Corrupted),
        })
    }

    fn rule(&mut self) -> Result<Rule> {
        Ok(match self.byte()? {
            rule::MIN => Rule::Min(self.literal()?),
            rule::MAX => Rule::Max(self.literal()?),
            rule::MIN_LEN => Rule::MinLen(self.number()?),
            rule::MAX_LEN => Rule::MaxLen(self.number()?),
            rule::PATTERN => Rule::Pattern(self.name()?),
            rule::INTEGER => Rule::Integer,
            rule::CLOSED => Rule::Closed,
            rule::HOST => {
                let name = self.name()?;
                let args = self.list(|reader| Ok(Some(reader.literal()?)))?;
                Rule::Host(HostRule::new(&name, &args).map_err(|_| BinaryError::Mismatch("validator"))?)
            }
            _ => return Err(BinaryError::Corrupted),
        })
    }

    fn alias(&mut self) -> Result<AliasNode> {
        Ok(AliasNode {
            name: self.name()?,
            place: self.short()?,
            params: self.list(|reader| {
                Ok(TypeParameter {
                    name: reader.name()?,
                    constraint: reader.optional(Self::short)?,
                    default: reader.optional(Self::short)?,
                })
            })?,
            body: self.short()?,
            recursive: self.flag()?,
        })
    }
}

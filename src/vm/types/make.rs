//! Types that a program puts together while it runs.

use std::sync::Arc;

use super::build::Built;
use super::normal;
use super::set::TypeSet;
use super::{Field, Shape, TableShape, TypeRef};
use crate::bytecode::types::{Literal, NodeId, Rule, TypeTable};

impl TypeSet {
    /// `{T}`
    pub fn array(&self, item: TypeRef) -> TypeRef {
        self.intern(Shape::Array(item, false), None)
    }

    /// `{[K]: V}`
    pub fn map(&self, key: TypeRef, value: TypeRef) -> TypeRef {
        self.intern(Shape::Table(TableShape { fields: Box::default(), indexer: Some((key, value, false)) }), None)
    }

    /// A record with these fields, whose names differ.
    pub fn record(&self, fields: &[(&[u8], TypeRef)]) -> TypeRef {
        let fields = fields.iter().map(|(name, ty)| Field::new(self.field_name(name), *ty, false, false));
        self.intern(Shape::Table(TableShape { fields: fields.collect(), indexer: None }), None)
    }

    /// `T?`
    pub fn optional(&self, ty: TypeRef) -> TypeRef {
        normal::optional(self, ty)
    }

    /// `A | B | …`
    pub fn union(&self, members: Vec<TypeRef>) -> TypeRef {
        normal::union(self, members)
    }

    /// The type of one value.
    pub fn literal(&self, literal: Literal) -> TypeRef {
        self.intern(Shape::Literal(literal), None)
    }

    /// `T @rule`
    pub fn validated(&self, ty: TypeRef, rule: &Rule) -> TypeRef {
        normal::validated(self, ty, rule)
    }

    /// A node of a table that no chunk has, without the name of its alias.
    pub fn unnamed(&self, table: TypeTable, node: NodeId) -> TypeRef {
        let built = Built::new(Arc::new(table));
        built.build(self);
        let ty = built.constant(self, node);
        self.intern(ty.shape.clone(), None)
    }
}

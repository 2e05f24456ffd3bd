//! Compiled expressions. The nodes lie in one list and refer to each other by index, so that dropping a tree never recurses.

use regex::bytes::Regex;

use super::functions::Function;
use super::value::Value;

/// Where a node lies.
#[derive(Clone, Copy, Debug)]
pub struct NodeId(pub(super) u32);

/// An expression.
#[derive(Debug)]
pub struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
}

impl Tree {
    /// The outermost node.
    pub fn outermost(&self) -> &Node {
        self.node(self.root)
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }
}

/// A part of an expression.
#[derive(Debug)]
pub enum Node {
    /// A value.
    Literal(Value),
    /// What the environment has under a name.
    Name(Box<[u8]>),
    /// `#`: the item that a predicate is asked about.
    Item,
    /// `#index`: the index of that item.
    Index,
    /// `#acc`: what `reduce` has so far.
    Accumulator,
    /// `[a, b]`
    List(Vec<NodeId>),
    /// `{k: v}`
    Map(Vec<(NodeId, NodeId)>),
    /// `!a`
    Not(NodeId),
    /// `-a`
    Minus(NodeId),
    /// Two operands.
    Binary(Binary, NodeId, NodeId),
    /// `matches` with a pattern that is known.
    Matches(NodeId, Regex),
    /// `a ? b : c`
    Choose(NodeId, NodeId, NodeId),
    /// `a.b`, `a?.b`, `a[i]`
    Part {
        /// Of what.
        object: NodeId,
        /// Which.
        key: NodeId,
        /// Whether the rest of the chain is nil if the object is.
        optional: bool,
    },
    /// `a[i:j]`
    Slice(NodeId, Option<NodeId>, Option<NodeId>),
    /// A function of values.
    Call(&'static Function, Vec<NodeId>),
    /// A function that asks a predicate about each item of a list.
    Walk(Walk, NodeId, Option<NodeId>, Option<NodeId>),
}

/// Operators with two operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
    Range,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    /// `??`
    Else,
}

/// What is done with the answers of a predicate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Walk {
    All,
    Any,
    None,
    One,
    Filter,
    Map,
    Count,
    Find,
    Reduce,
    GroupBy,
}

impl Walk {
    /// The walk of a name.
    pub fn of(name: &[u8]) -> Option<Walk> {
        Some(match name {
            b"all" => Walk::All,
            b"any" => Walk::Any,
            b"none" => Walk::None,
            b"one" => Walk::One,
            b"filter" => Walk::Filter,
            b"map" => Walk::Map,
            b"count" => Walk::Count,
            b"find" => Walk::Find,
            b"reduce" => Walk::Reduce,
            b"groupBy" => Walk::GroupBy,
            _ => return None,
        })
    }
}

//! Traversal. A traversal may clear or overwrite the fields it finds; adding new ones leads it astray, but never out of bounds.

use super::{DEAD_KEY, canonical_key, mix};
use crate::number::float_to_int;
use crate::vm::heap::Heap;
use crate::vm::object::{Node, Str, Table, table_bit};
use crate::vm::value::{Value, tag};

/// The key given to `next` is not in the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidKey;

/// A place in a traversal: an array index, or [`Position::NODES`] plus a node index. It stays meaningful when the array part
/// shrinks because its last items were cleared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position(pub u64);

impl Position {
    /// Before the first item.
    pub const START: Position = Position(0);
    /// Before the first node.
    pub const NODES: u64 = 1 << 32;
}

impl Table {
    /// The entry after `key` (nil: the first) in an arbitrary but fixed order; `None` after the last.
    pub unsafe fn next(this: *mut Table, heap: &mut Heap, key: Value) -> Result<Option<(Value, Value)>, InvalidKey> {
        // SAFETY: the caller has a live table and key.
        unsafe {
            if (*this).bits & table_bit::LAZY != 0 {
                // Without memory some names may be missed: the next store will report it.
                let _ = Table::fill_lazy(this, heap);
            }
            let position = Table::position_after(this, key)?;
            Ok(Table::iter_from(this, position).map(|(_, key, value)| (key, value)))
        }
    }

    /// The first entry at or after `position`, and the position after it. A lazy table is not filled in.
    #[inline]
    pub unsafe fn iter_from(this: *const Table, position: Position) -> Option<(Position, Value, Value)> {
        // SAFETY: indices are checked against the sizes of both parts.
        unsafe {
            let mut at = position.0;
            if at < Position::NODES {
                while at < u64::from((*this).array_len) {
                    let value = *(*this).array.add(at as usize);
                    at += 1;
                    if !value.is_nil() {
                        return Some((Position(at), Value::int(at as i64), value));
                    }
                }
                at = Position::NODES;
            }
            let mut index = at - Position::NODES;
            while index < u64::from(Table::node_count(this)) {
                let node = &*(*this).nodes.add(index as usize);
                index += 1;
                if !node.value.is_nil() {
                    return Some((Position(Position::NODES + index), node.key(), node.value));
                }
            }
            None
        }
    }

    /// The position after a key.
    pub unsafe fn position_after(this: *const Table, key: Value) -> Result<Position, InvalidKey> {
        // SAFETY: the caller has a live table and key.
        unsafe {
            match key.tag() {
                tag::NIL => Ok(Position::START),
                tag::INT => Table::position_after_int(this, key.as_int()),
                tag::FLOAT => match float_to_int(key.as_float()) {
                    Some(i) => Table::position_after_int(this, i),
                    None => Table::position_after_node(this, key),
                },
                _ => Table::position_after_node(this, canonical_key(key)),
            }
        }
    }

    unsafe fn position_after_int(this: *const Table, key: i64) -> Result<Position, InvalidKey> {
        // SAFETY: as above.
        unsafe {
            let index = (key as u64).wrapping_sub(1);
            if index < u64::from((*this).array_len) {
                return Ok(Position(index + 1));
            }
            let node = Table::find_int(this, key);
            if !node.is_null() {
                return Ok(Table::position_of(this, node));
            }
            // It was an item before it was cleared and the array part shrank.
            if index < u64::from((*this).array_cap) { Ok(Position(Position::NODES)) } else { Err(InvalidKey) }
        }
    }

    unsafe fn position_after_node(this: *const Table, key: Value) -> Result<Position, InvalidKey> {
        // SAFETY: as above; chains lead to nodes of the same table.
        unsafe {
            let node = Table::find(this, key);
            if !node.is_null() {
                return Ok(Table::position_of(this, node));
            }
            // Its key may have been buried by a collection since.
            let hash = if key.is_string() { Str::hash(key.as_string()) } else { mix(key.payload(), key.tag()) };
            let node = Table::find_same(this, hash, key.tag() | DEAD_KEY, key.payload());
            if node.is_null() { Err(InvalidKey) } else { Ok(Table::position_of(this, node)) }
        }
    }

    /// The position after a node.
    unsafe fn position_of(this: *const Table, node: *mut Node) -> Position {
        // SAFETY: the node is one of the table's.
        Position(Position::NODES + unsafe { node.offset_from((*this).nodes) } as u64 + 1)
    }
}

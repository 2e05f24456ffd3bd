//! Values on their way between heaps (`runtime.md` §1.6).
//!
//! What crosses a process boundary is *packed* out of the sender's heap at the moment of the call and *unpacked* into the
//! receiver's heap later. Scalars and strings travel as they are; anything with identity — tables, closures, cells — as a
//! [`Graph`]: a list of objects in the order in which they were met, in which references are indices. Neither side
//! recurses: the packer works off its list while it grows, the unpacker makes all objects first and then fills them.
//!
//! What is immutable and lives as long as the image (constants, natives, frozen library tables, types, the code of modules)
//! travels as its address; what is counted (long strings, channels, error objects, chunks loaded at run time) as a
//! [`Handle`].

mod pack;
mod text;
mod unpack;

pub use pack::{pack, pack_list, pack_template};
pub use text::Text;

use std::mem::MaybeUninit;
use std::sync::Arc;

use smallvec::SmallVec;

use super::channel_cycles::Reference;
use super::errors::ErrorData;
use super::time::{Duration, Time, Zone};
use crate::vm::chunk::Chunk;
use crate::vm::object::Node;
use crate::vm::pool::Pooled;
use crate::vm::value::Value;

/// A value, or a list of values, outside any heap.
#[derive(Clone, Debug, Default)]
pub enum Parcel {
    /// No value at all.
    #[default]
    Empty,
    /// nil
    Nil,
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// A string.
    Text(Text),
    /// Anything else, or several values.
    Graph(Pooled<Graph>),
}

/// Packed objects.
#[derive(Clone, Default)]
pub struct Graph {
    /// How many values were packed.
    roots: u32,
    /// The objects: what to allocate.
    heads: SmallVec<[Head; 2]>,
    /// The packed values, then the content of each object, as far as it is not copied.
    bytes: Bytes,
    handles: Vec<Handle>,
    /// For each record the items of its array part and its nodes, as they stand in the heap, but that the payload of a table
    /// or closure is its index among the objects. What is neither that nor the same in every heap is nil here and among the
    /// bytes.
    cells: SmallVec<[Cell; 12]>,
}

/// An item, or half a node. (Not all bytes of these mean something.)
type Cell = MaybeUninit<[u64; 2]>;

/// Cells of a node.
const NODE_CELLS: usize = 2;

const _: () = assert!(size_of::<Value>() == size_of::<Cell>() && size_of::<Node>() == NODE_CELLS * size_of::<Cell>());
const _: () = assert!(align_of::<Value>() <= align_of::<Cell>() && align_of::<Node>() <= align_of::<Cell>());

/// Packed values.
type Bytes = SmallVec<[u8; 64]>;

impl Graph {
    /// Gives back the room it does not use.
    fn shrink(&mut self) {
        fn shrink<A: smallvec::Array>(list: &mut SmallVec<A>) {
            if list.spilled() {
                list.shrink_to_fit();
            }
        }
        shrink(&mut self.heads);
        shrink(&mut self.bytes);
        shrink(&mut self.cells);
        self.handles.shrink_to_fit();
    }
}

/// What to allocate for an object, and what its content is.
#[derive(Clone, Copy)]
enum Head {
    /// A table: its items, then its fields, each a key and a value, then its metatable if it has one.
    Table { items: u32, fields: u32, metatable: bool },
    /// A table whose items and nodes are copied: for each of the `others`, which are no copies, its place (the nodes come
    /// first) and the value; then the metatable if it has one.
    Record { items: u32, nodes: u32, others: u32, metatable: bool },
    /// A closure: what it has captured. It runs the function at this address, which is of the image or of the chunk that is
    /// this handle.
    Closure { function: usize, captured: u32, chunk: Option<u32> },
    /// A cell: its value.
    Cell,
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Graph({} values, {} bytes)", self.roots, self.bytes.len())
    }
}

/// What a packed value refers to by count.
#[derive(Clone, Debug)]
enum Handle {
    Bytes(Arc<[u8]>),
    Chunk(Arc<Chunk>),
    Channel(Reference),
    Error(Arc<ErrorData>),
    Time(Time),
    Duration(Duration),
    Zone(Zone),
}

impl Parcel {
    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Parcel::Empty => 0,
            Parcel::Graph(graph) => graph.roots as usize,
            _ => 1,
        }
    }

    /// Its only value, if that needs no heap.
    pub fn scalar(&self) -> Option<Value> {
        match self {
            Parcel::Nil => Some(Value::NIL),
            Parcel::Boolean(b) => Some(Value::bool(*b)),
            Parcel::Integer(i) => Some(Value::int(*i)),
            Parcel::Float(f) => Some(Value::float(*f)),
            _ => None,
        }
    }

    /// Whether it owns memory.
    pub fn owns_memory(&self) -> bool {
        match self {
            Parcel::Text(text) => text.owns_memory(),
            Parcel::Graph(_) => true,
            _ => false,
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The channels among its values.
    pub(super) fn channels(&self) -> impl Iterator<Item = &Reference> {
        let handles = match self {
            Parcel::Graph(graph) => &*graph.handles,
            _ => &[],
        };
        handles.iter().filter_map(|handle| match handle {
            Handle::Channel(channel) => Some(channel),
            _ => None,
        })
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn of_channel(channel: Reference) -> Parcel {
        Parcel::Graph(Pooled::new(Graph {
            roots: 1,
            bytes: SmallVec::from_slice(&[slot::HANDLE, 0]),
            handles: vec![Handle::Channel(channel)],
            ..Graph::default()
        }))
    }

    /// The same, and nothing else of it.
    pub(super) fn into_channels(self) -> impl Iterator<Item = Reference> {
        let handles = match self {
            Parcel::Graph(graph) => graph.into_inner().handles,
            _ => Vec::new(),
        };
        handles.into_iter().filter_map(|handle| match handle {
            Handle::Channel(channel) => Some(channel),
            _ => None,
        })
    }
}

/// How a packed value begins.
mod slot {
    pub const NIL: u8 = 0;
    pub const FALSE: u8 = 1;
    pub const TRUE: u8 = 2;
    /// A zigzag number follows.
    pub const INTEGER: u8 = 3;
    /// Eight bytes follow.
    pub const FLOAT: u8 = 4;
    /// Length and bytes follow.
    pub const STRING: u8 = 5;
    /// The address of a static string follows.
    pub const STATIC_STRING: u8 = 6;
    /// The index of a handle follows.
    pub const HANDLE: u8 = 7;
    /// The index of an object follows.
    pub const OBJECT: u8 = 8;
    /// The address of a native function follows.
    pub const NATIVE: u8 = 9;
    /// The address of a table of the image follows; the receiver takes its own version of it.
    pub const LIBRARY: u8 = 10;
    /// The receiver's globals.
    pub const GLOBALS: u8 = 11;
    /// A light userdata; its address follows.
    pub const LIGHT: u8 = 12;
    /// A payload; its format and value follow.
    pub const PAYLOAD: u8 = 13;
    /// The address of a type follows.
    pub const TYPE: u8 = 14;
}

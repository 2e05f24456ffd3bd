//! Values on their way between heaps (`runtime.md` §1.6).
//!
//! What crosses a process boundary is *packed* out of the sender's heap at the moment of the call and *unpacked* into the
//! receiver's heap later. Scalars and strings travel as they are; anything with identity — tables, closures, cells — as a
//! [`Graph`]: the objects in the order in which they were met, in which references are indices. Neither side
//! recurses: the packer works off its list of objects while it grows, the unpacker makes all objects first and then fills
//! them.
//!
//! A graph is made of *slots*, which are values, but that those of which each heap has its own version have tags of their
//! own (see [`slot`]). So most of a table is copied. What is immutable and lives as long as the image (constants, natives,
//! types) is the same in every heap; what is counted (long strings, channels, error objects, chunks loaded at run time)
//! travels as a [`Handle`].

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
use super::payload::Format;
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
#[derive(Clone)]
pub struct Graph {
    /// How many values were packed.
    roots: u32,
    /// How many objects there are.
    objects: u32,
    /// Whether a table among them has a metatable.
    metatables: bool,
    /// The slots of the values, then for each object its [`Head`] and what that says.
    cells: Cells,
    /// The content of short strings.
    bytes: Bytes,
    handles: Vec<Handle>,
}

/// A head, a slot or half a node. (Not all bytes of these mean something.)
type Cell = MaybeUninit<[u64; 2]>;

type Cells = SmallVec<[Cell; 16]>;

type Bytes = SmallVec<[u8; 32]>;

/// Cells of a field: of a node, or of the slots of its key and value.
const FIELD_CELLS: usize = 2;

const _: () = assert!(size_of::<Value>() == size_of::<Cell>() && size_of::<Node>() == FIELD_CELLS * size_of::<Cell>());
const _: () = assert!(size_of::<Head>() <= size_of::<Cell>() && align_of::<Head>() <= align_of::<Cell>());
const _: () = assert!(align_of::<Value>() <= align_of::<Cell>() && align_of::<Node>() <= align_of::<Cell>());

impl Graph {
    /// Nothing yet.
    #[inline(always)]
    fn new() -> Graph {
        Graph { roots: 0, objects: 0, metatables: false, cells: Cells::new(), bytes: Bytes::new(), handles: Vec::new() }
    }

    /// Gives back the room it does not use.
    fn shrink(&mut self) {
        if self.cells.spilled() {
            self.cells.shrink_to_fit();
        }
        if self.bytes.spilled() {
            self.bytes.shrink_to_fit();
        }
        self.handles.shrink_to_fit();
    }

    /// Bytes that it takes in a heap, at least.
    fn size(&self) -> usize {
        size_of_val(&*self.cells) + self.bytes.len()
    }
}

/// What to allocate for an object, and what of it follows.
#[derive(Clone, Copy)]
enum Head {
    /// A table: the slots of its items, then its fields, then the slot of its metatable if it has one. The fields are its
    /// nodes, with slots for values, if they are `copied`, otherwise the slots of keys and values.
    Table { items: u32, fields: u32, copied: bool, metatable: bool },
    /// A closure that runs the function at this address, which is of the image or of the chunk whose slot comes first; then
    /// the slots of what it has captured.
    Closure { function: usize, captured: u32 },
    /// A cell: the slot of its value.
    Cell,
    /// A payload: the slot of its value.
    Payload(Format),
}

impl Head {
    /// Cells of the object, this one included.
    #[inline(always)]
    fn len(self) -> usize {
        match self {
            Head::Table { items, fields, metatable, .. } => {
                1 + items as usize + fields as usize * FIELD_CELLS + usize::from(metatable)
            }
            Head::Closure { captured, .. } => 2 + captured as usize,
            Head::Cell | Head::Payload(_) => 2,
        }
    }
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Graph({} values, {} bytes)", self.roots, self.size())
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
        let mut graph = Graph { roots: 1, handles: vec![Handle::Channel(channel)], ..Graph::new() };
        let mut cell = Cell::uninit();
        // SAFETY: a slot fills a cell.
        unsafe { cell.as_mut_ptr().cast::<Value>().write(slot::value(slot::HANDLE, 0)) };
        graph.cells.push(cell);
        Parcel::Graph(Pooled::new(graph))
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

/// Values that stand for others: their tags, which no real value has, and what their payloads mean.
mod slot {
    use crate::vm::value::{Value, tag};

    /// The index of an object.
    pub const OBJECT: u8 = 0x80;
    /// A short string: where its bytes begin, and in the lower [`TEXT_BITS`] how many they are.
    pub const TEXT: u8 = 0x81;
    /// The index of a handle.
    pub const HANDLE: u8 = 0x82;
    /// The address of a table of the image; the receiver takes its own version of it.
    pub const LIBRARY: u8 = 0x83;
    /// The receiver's globals.
    pub const GLOBALS: u8 = 0x84;

    /// See [`TEXT`].
    pub const TEXT_BITS: u32 = 16;

    const _: () = assert!(OBJECT > tag::TYPE && GLOBALS < tag::NO_ANSWER);
    const _: () = assert!(crate::vm::object::MIN_SHARED <= 1 << TEXT_BITS);

    #[inline(always)]
    pub fn value(kind: u8, payload: u64) -> Value {
        // SAFETY: it stays in a graph, or in an object that nothing refers to, until it is resolved.
        unsafe { Value::from_parts(kind, payload) }
    }

    pub fn text(start: usize, len: usize) -> Value {
        value(TEXT, (start as u64) << TEXT_BITS | len as u64)
    }
}

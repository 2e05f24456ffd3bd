//! The layouts of the objects that live in a heap. Every object begins with a [`Header`].
//!
//! House rules:
//! * An object is reached only through raw pointers; it is valid until the collector frees it, which happens only at
//!   safepoints (see `heap`).
//! * *Static* objects (mark [`mark::STATIC`]) belong to an image or a chunk, not to a heap: never marked, never freed,
//!   never written.
//! * A store into a table or cell that may hold a reference goes through the write barrier: where the fast path finds
//!   a bit of `heap.write_mask` in the object's mark, it leaves the store to the slow path.

use super::function::Function;
use super::native::{Native, NativeData};
use super::value::Value;

/// Bits of [`Header::mark`].
pub mod mark {
    /// One of the two colours that take turns meaning "reached in this cycle".
    pub const COLOUR_A: u8 = 1;
    /// The other.
    pub const COLOUR_B: u8 = 2;
    /// Written to while marking: in the list of objects to trace once more.
    pub const TOUCHED: u8 = 4;
    /// Has a `__gc` finalizer registered.
    pub const FINALIZER: u8 = 8;
    /// Belongs to an image or a chunk.
    pub const STATIC: u8 = 0x40;
    /// Every store takes the slow path: the table is frozen, or its nodes are shared until the first write.
    pub const WRITE_SLOW: u8 = 0x80;
}

/// The first 8 bytes of every object.
#[derive(Debug)]
#[repr(C)]
pub struct Header {
    /// The tag of values that refer to it; 0 for a free slot.
    pub kind: u8,
    /// Bits of [`mark`].
    pub mark: u8,
    /// Meaning depends on the kind.
    pub flags: u8,
    /// Size class of its slot; [`LARGE`] for a block of its own.
    pub class: u8,
    /// Meaning depends on the kind.
    pub extra: u32,
}

/// [`Header::class`] of an object with a block of its own.
pub const LARGE: u8 = 255;

/// Bits of [`Header::flags`] of a string.
pub mod string_flag {
    /// At most [`super::MAX_SHORT`] bytes; interned in its process, image or chunk.
    pub const SHORT: u8 = 1;
    /// `extra` holds the hash (always so for short strings).
    pub const HASHED: u8 = 2;
    /// The bytes are an `Arc<[u8]>` whose data pointer stands where inline bytes would begin.
    pub const SHARED: u8 = 4;
    /// A constant of a chunk loaded at run time: marking it keeps the chunk (see `Str::chunk`).
    pub const CHUNK: u8 = 8;
}

/// Longest string that is interned.
pub const MAX_SHORT: usize = 40;

/// Shortest string whose bytes are shared between processes.
pub const MIN_SHARED: usize = 256;

/// A string: header (`extra` = hash), length, bytes. Its methods are in `string`.
#[repr(C)]
pub struct Str {
    /// See the type.
    pub header: Header,
    /// Length in bytes.
    pub len: u32,
    /// Seed of its hash, that of its image.
    pub seed: u32,
    // the bytes follow, or the data pointer of an Arc<[u8]>
}

/// A table: header (`extra` = number of nodes − 1, `flags` = metamethods known to be absent). Its methods are in
/// `table`.
#[repr(C)]
pub struct Table {
    /// See the type.
    pub header: Header,
    /// Items in use in the array part: keys `1..=len` are there, all of them (some may be nil).
    pub array_len: u32,
    /// Items allocated.
    pub array_cap: u32,
    /// The items.
    pub array: *mut Value,
    /// At least one node; a static dummy if the hash part is empty.
    pub nodes: *mut Node,
    /// Its metatable, or null.
    pub metatable: *mut Table,
    /// Nodes at and above this index have been given away by the free-slot search.
    pub free: u32,
    /// Bits of [`table_bit`].
    pub bits: u32,
}

/// Bits of [`Table::bits`].
pub mod table_bit {
    /// `table.freeze`, library tables in the sandbox: a store raises an error.
    pub const FROZEN: u32 = 1;
    /// The nodes belong to an image; the first write copies them.
    pub const SHARED_NODES: u32 = 2;
    /// The globals table of a process, not yet filled: missing keys are looked up in the image's globals.
    pub const LAZY: u32 = 4;
    /// A library table with fields that are library tables, too.
    pub const NESTED: u32 = 8;
    /// A process's own version of a table of the image.
    pub const OWN: u32 = 16;
}

/// A slot of a table's hash part; the key is unpacked so that `next` sits in its padding.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Node {
    /// The value; nil: the node is free, or its key was removed.
    pub value: Value,
    /// The payload of the key.
    pub key_payload: u64,
    /// A key of a dead node keeps its payload and has this tag with [`DEAD_KEY`] added, so that `next` still finds it.
    pub key_tag: u8,
    /// The upper half of the hash of a string key, so that a look for a string reads only strings that may be equal.
    pub key_hash: u16,
    /// Distance in nodes to the next of its collision chain; 0 ends it.
    pub next: i32,
}

/// Added to [`Node::key_tag`] when the key's object was freed.
pub const DEAD_KEY: u8 = 0x80;

/// A Lua function with its captured values: header (`extra` = their number).
#[repr(C)]
pub struct Closure {
    /// See the type.
    pub header: Header,
    /// What it runs.
    pub function: *const Function,
    // captured values follow
}

/// A native function with captured values or Rust data: header (`extra` = number of captured values).
#[repr(C)]
pub struct NativeClosure {
    /// See the type.
    pub header: Header,
    /// What it runs.
    pub native: *const Native,
    /// What an embedder's closure captures; dropped with the object.
    pub data: Option<Box<NativeData>>,
    // captured values follow
}

/// A host object: header (`flags` = bits of [`userdata_flag`]).
#[repr(C)]
pub struct Userdata {
    /// See the type.
    pub header: Header,
    /// Its metatable, or null.
    pub metatable: *mut Table,
    /// The Rust object itself: right behind this head, or in a box if it is large.
    pub data: *mut dyn UserData,
    /// `debug.setuservalue`
    pub user_value: Value,
    // the Rust object follows
}

/// Bits of [`Header::flags`] of a userdata.
pub mod userdata_flag {
    /// The Rust object is in a box of its own.
    pub const BOXED: u8 = 1;
}

/// The place of a captured local that is reassigned.
#[repr(C)]
pub struct Cell {
    /// See the type.
    pub header: Header,
    /// What it holds.
    pub value: Value,
}

/// A Rust object that a Lua program can hold.
pub trait UserData: std::any::Any + Send {
    /// The class shown by `tostring` and in messages, as `channel`.
    fn class(&self) -> &'static str;

    /// Its text, if library functions shall accept the object where they accept a string (error objects).
    fn text(&self) -> Option<&str> {
        None
    }

    /// Marks every Lua value it holds. A value held without being marked here may be freed while in use.
    fn trace(&self, _marker: &mut super::heap::Marker) {}
}

const _: () = assert!(size_of::<Header>() == 8);
const _: () = assert!(size_of::<Str>() == 16);
const _: () = assert!(size_of::<Table>() == 48);
const _: () = assert!(size_of::<Node>() == 32);
const _: () = assert!(size_of::<Closure>() == 16);
const _: () = assert!(size_of::<Userdata>() == 48);
const _: () = assert!(size_of::<Cell>() == 24);

impl Closure {
    /// The captured values.
    #[inline(always)]
    pub fn captured(this: *mut Closure) -> *mut Value {
        // SAFETY: pointer arithmetic within the object: captured values follow the fixed part.
        unsafe { this.add(1).cast() }
    }

    /// Bytes of a closure with `captured` values.
    pub const fn size(captured: usize) -> usize {
        size_of::<Closure>() + captured * size_of::<Value>()
    }
}

impl NativeClosure {
    /// The captured values.
    #[inline(always)]
    pub fn captured(this: *mut NativeClosure) -> *mut Value {
        // SAFETY: as for `Closure::captured`.
        unsafe { this.add(1).cast() }
    }

    /// Bytes of a native closure with `captured` values.
    pub const fn size(captured: usize) -> usize {
        size_of::<NativeClosure>() + captured * size_of::<Value>()
    }
}

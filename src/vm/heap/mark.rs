//! Marking: what the roots lead to.
//!
//! House rules:
//! * Iterative: a marked object waits on the gray stack until its contents are marked; depth costs no Rust stack.
//! * Weak tables are only listed here; the atomic phase treats them (see `weak`), once all else is marked.
//! * Static objects are never marked. Strings of a chunk have no mark of their own; reaching one marks its chunk.

use std::collections::HashSet;
use std::ptr::{null, null_mut};

use super::weak::{WeakMode, WeakTables};
use crate::vm::chunk::{self, Chunk};
use crate::vm::object::{
    Cell, Closure, Header, NativeClosure, Str, Table, Userdata, mark as bits, string_flag, table_bit,
};
use crate::vm::thread::{THREAD_SIZE, Thread};
use crate::vm::value::{Value, tag};

const COLOURS: u8 = bits::COLOUR_A | bits::COLOUR_B;

/// The marking side of the collector; handed to roots and userdata, which call [`Marker::mark`].
pub struct Marker {
    /// Objects with one of these bits need no marking: static, or marked already.
    skip: u8,
    /// The colour of marked objects; 0 outside marking.
    black: u8,
    gray: Vec<*mut Header>,
    /// Bytes looked at since this was last reset.
    pub(super) work: usize,
    pub(super) weak: WeakTables,
    /// Objects reached in this cycle whose contents change without a barrier: coroutines, and userdata, whose Rust code
    /// may store values as it likes.
    unguarded: Vec<*mut Header>,
    /// Objects stored into after they were marked.
    pub(super) touched: Vec<*mut Header>,
    /// Chunks reached in this cycle.
    pub(super) chunks: HashSet<*const Chunk>,
    last_chunk: *const Chunk,
    /// The string `__mode`.
    mode: *mut Str,
    /// The metatable last asked for its mode, and the answer.
    last_metatable: *mut Table,
    last_mode: WeakMode,
}

impl Marker {
    pub(super) fn new(mode: *mut Str) -> Marker {
        Marker {
            skip: bits::STATIC,
            black: 0,
            gray: Vec::new(),
            work: 0,
            weak: WeakTables::default(),
            unguarded: Vec::new(),
            touched: Vec::new(),
            chunks: HashSet::new(),
            last_chunk: null(),
            mode,
            last_metatable: null_mut(),
            last_mode: WeakMode::Strong,
        }
    }

    /// Begins a cycle that marks with `black`.
    pub(super) fn begin(&mut self, black: u8) {
        self.black = black;
        self.skip = bits::STATIC | black;
        self.chunks.clear();
        self.begin_slice();
    }

    /// Begins a slice: the program may have changed metatables since the last one.
    pub(super) fn begin_slice(&mut self) {
        self.last_metatable = null_mut();
        self.last_chunk = null();
    }

    /// Ends marking and gives back the memory it took.
    pub(super) fn end(&mut self) {
        debug_assert!(self.gray.is_empty() && self.touched.is_empty());
        self.gray = Vec::new();
        self.touched = Vec::new();
        self.unguarded = Vec::new();
        self.weak = WeakTables::default();
    }

    /// Marks a value.
    #[inline(always)]
    pub fn mark(&mut self, value: Value) {
        if value.is_object() {
            self.mark_object(value.header());
        }
    }

    /// Marks an object.
    #[inline(always)]
    pub(in crate::vm) fn mark_object(&mut self, object: *mut Header) {
        // SAFETY: values refer to live or static objects.
        unsafe {
            if (*object).mark & self.skip == 0 {
                self.blacken(object);
            }
        }
    }

    /// Marks a table, if there is one.
    #[inline(always)]
    pub(in crate::vm) fn mark_table(&mut self, table: *mut Table) {
        if !table.is_null() {
            self.mark_object(table.cast());
        }
    }

    #[inline]
    unsafe fn blacken(&mut self, object: *mut Header) {
        // SAFETY: the caller has a live object.
        unsafe {
            if (*object).kind == tag::STRING {
                if (*object).flags & string_flag::CHUNK != 0 {
                    // Shared with other processes: it must not be written.
                    self.mark_chunk(chunk::owner(object.cast()));
                } else {
                    (*object).mark = (*object).mark & !COLOURS | self.black;
                }
                return;
            }
            (*object).mark = (*object).mark & !COLOURS | self.black;
            self.gray.push(object);
        }
    }

    /// Whether an object was reached (or needs no reaching).
    #[inline(always)]
    pub(super) unsafe fn is_marked(&self, object: *mut Header) -> bool {
        // SAFETY: the caller has a live object.
        unsafe { (*object).mark & self.skip != 0 }
    }

    /// Marks a chunk; null is the image.
    #[inline(always)]
    pub(in crate::vm) fn mark_chunk(&mut self, chunk: *const Chunk) {
        if chunk != self.last_chunk && !chunk.is_null() {
            self.last_chunk = chunk;
            self.chunks.insert(chunk);
        }
    }

    /// Lists an object that was stored into, if it is marked `black`, and unmarks it, so that further stores are fast.
    pub(super) unsafe fn touch(&mut self, object: *mut Header, black: u8) {
        // SAFETY: the caller has a live object.
        unsafe {
            let mark = (*object).mark;
            if mark & black == 0 || mark & bits::STATIC != 0 {
                return;
            }
            if mark & bits::TOUCHED == 0 {
                self.touched.push(object);
            }
            (*object).mark = (mark ^ COLOURS) | bits::TOUCHED;
        }
    }

    /// Marks what was stored into marked objects.
    pub(super) fn retrace_touched(&mut self) {
        while let Some(object) = self.touched.pop() {
            // SAFETY: a listed object was reached in this cycle, hence is alive.
            unsafe {
                (*object).mark = (*object).mark & !(COLOURS | bits::TOUCHED) | self.black;
                self.trace(object);
            }
        }
    }

    /// Marks what coroutines and userdata hold again.
    pub(super) fn retrace_unguarded(&mut self) {
        for object in std::mem::take(&mut self.unguarded) {
            // SAFETY: reached in this cycle, hence alive.
            unsafe { self.trace_unguarded(object) };
        }
    }

    unsafe fn trace_unguarded(&mut self, object: *mut Header) {
        // SAFETY: the caller has a live coroutine or userdata.
        unsafe {
            if (*object).kind == tag::THREAD {
                let thread = object.cast::<Thread>();
                self.work += THREAD_SIZE + (*thread).memory();
                Thread::trace(thread, self);
            } else {
                (*(*object.cast::<Userdata>()).data).trace(self);
            }
        }
    }

    /// Marks the contents of gray objects until none is left or `limit` bytes have been looked at; tells whether none is
    /// left.
    pub(super) fn propagate(&mut self, limit: usize) -> bool {
        while let Some(object) = self.gray.pop() {
            // SAFETY: gray objects were reached in this cycle, hence are alive.
            unsafe { self.trace(object) };
            if self.work >= limit {
                return self.gray.is_empty();
            }
        }
        true
    }

    /// Marks what an object refers to.
    unsafe fn trace(&mut self, object: *mut Header) {
        // SAFETY: the kind tells the layout; all contents of live objects are initialised.
        unsafe {
            match (*object).kind {
                tag::TABLE => self.trace_table(object.cast()),
                tag::CLOSURE => {
                    let closure = object.cast::<Closure>();
                    self.mark_chunk((*(*closure).function).chunk);
                    self.trace_values(Closure::captured(closure), (*object).extra);
                }
                tag::CELL => {
                    self.work += size_of::<Cell>();
                    self.mark((*object.cast::<Cell>()).value);
                }
                tag::NATIVE_CLOSURE => self.trace_values(NativeClosure::captured(object.cast()), (*object).extra),
                tag::USERDATA => {
                    self.work += size_of::<Userdata>();
                    let userdata = object.cast::<Userdata>();
                    self.mark_table((*userdata).metatable);
                    self.mark((*userdata).user_value);
                    self.unguarded.push(object);
                    self.trace_unguarded(object);
                }
                tag::THREAD => {
                    self.unguarded.push(object);
                    self.trace_unguarded(object);
                }
                kind => unreachable!("an object of kind {kind} on the gray stack"),
            }
        }
    }

    unsafe fn trace_values(&mut self, values: *const Value, len: u32) {
        self.work += size_of::<Closure>() + len as usize * size_of::<Value>();
        for i in 0..len as usize {
            // SAFETY: the caller passes the captured values of an object.
            unsafe { self.mark(*values.add(i)) };
        }
    }

    unsafe fn trace_table(&mut self, table: *mut Table) {
        // SAFETY: the caller has a live table.
        unsafe {
            self.work += Table::memory(table);
            let metatable = (*table).metatable;
            if !metatable.is_null() {
                self.mark_object(metatable.cast());
                let mode = self.weak_mode(metatable);
                if mode != WeakMode::Strong {
                    self.weak.found.push((table, mode));
                    return;
                }
            }
            self.trace_array(table);
            if (*table).bits & table_bit::SHARED_NODES != 0 {
                // An image's nodes lead to static objects only, and must not be written.
                return;
            }
            let nodes = (*table).nodes;
            for i in 0..Table::node_count(table) as usize {
                let node = nodes.add(i);
                let value = (*node).value;
                if value.is_nil() {
                    (*node).bury();
                    continue;
                }
                self.mark(value);
                self.mark((*node).key());
            }
        }
    }

    /// Marks the array part.
    pub(super) unsafe fn trace_array(&mut self, table: *mut Table) {
        // SAFETY: items below `array_len` are initialised.
        unsafe {
            let array = (*table).array;
            for i in 0..(*table).array_len as usize {
                self.mark(*array.add(i));
            }
        }
    }

    unsafe fn weak_mode(&mut self, metatable: *mut Table) -> WeakMode {
        if metatable != self.last_metatable {
            // SAFETY: a live table.
            let mode = unsafe { Table::peek_str(metatable, self.mode) };
            self.last_metatable = metatable;
            self.last_mode = WeakMode::of(mode);
        }
        self.last_mode
    }
}

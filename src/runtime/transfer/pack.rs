//! Out of a heap.

use std::mem::MaybeUninit;
use std::ptr;

use hashbrown::HashMap;

use super::{Bytes, Cell, Cells, FIELD_CELLS, Graph, Handle, Head, Parcel, Text, slot};
use crate::runtime::channel::{self, Channel};
use crate::runtime::channel_cycles::Reference;
use crate::runtime::errors::ErrorObject;
use crate::runtime::payload::Payload;
use crate::runtime::time::{DurationObject, LocationObject, TimeObject};
use crate::vm::Vm;
use crate::vm::args::userdata_of;
use crate::vm::object::{Closure, Node, Str, Table, mark, table_bit};
use crate::vm::pool::Pooled;
use crate::vm::value::{Value, tag};

/// Packs one value. Never fails: what cannot travel becomes nil, or is absent from its table.
#[inline]
pub fn pack(vm: &mut Vm, value: Value) -> Parcel {
    match value.tag() {
        tag::NIL => Parcel::Nil,
        tag::FALSE => Parcel::Boolean(false),
        tag::TRUE => Parcel::Boolean(true),
        tag::INT => Parcel::Integer(value.as_int()),
        tag::FLOAT => Parcel::Float(value.as_float()),
        tag::STRING => Parcel::Text(Text::of(value)),
        _ => pack_graph(vm, &[value]),
    }
}

/// Packs several values; what they share stays shared.
pub fn pack_list(vm: &mut Vm, values: &[Value]) -> Parcel {
    match values {
        [] => Parcel::Empty,
        [value] => pack(vm, *value),
        values => pack_graph(vm, values),
    }
}

/// Packs what code made that every new process runs alike, with its globals in place of the maker's. `None` if a part of it
/// cannot travel.
pub fn pack_template(vm: &mut Vm, value: Value) -> Option<Parcel> {
    let (graph, complete) = Packer::pack(vm, &[value], true);
    complete.then_some(Parcel::Graph(graph))
}

fn pack_graph(vm: &mut Vm, values: &[Value]) -> Parcel {
    Parcel::Graph(Packer::pack(vm, values, false).0)
}

/// Objects up to this number are found by a linear search.
const FEW: usize = 12;
/// The most nodes that are copied as they are: of more, many may be free.
const COPIED_NODES: usize = 64;

struct Packer<'a> {
    /// The first of the objects met so far. Their indices are what references carry.
    first: [MaybeUninit<Value>; FEW],
    /// How many objects were met.
    count: usize,
    /// The other objects.
    more: Option<Box<More>>,
    cells: Writer<'a>,
    bytes: &'a mut Bytes,
    handles: &'a mut Vec<Handle>,
    /// A table has a metatable.
    metatables: bool,
    /// See [`pack_template`].
    template: bool,
    /// Something could not travel.
    lost: bool,
}

/// Objects with their indices by address.
#[derive(Default)]
struct More {
    objects: Vec<Value>,
    index: HashMap<u64, usize>,
}

impl Packer<'_> {
    /// Packs values; says whether nothing was lost.
    fn pack(vm: &mut Vm, values: &[Value], template: bool) -> (Pooled<Graph>, bool) {
        let mut graph = Pooled::new_uninit();
        graph.write(Graph::new());
        // SAFETY: it was just written.
        let mut graph = unsafe { graph.assume_init() };
        let Graph { cells, bytes, handles, .. } = &mut *graph;
        let mut this = Packer {
            first: [const { MaybeUninit::uninit() }; FEW],
            count: 0,
            more: None,
            cells: Writer::new(cells),
            bytes,
            handles,
            metatables: false,
            template,
            lost: false,
        };
        this.put_all(vm, values);
        this.cells.finish();
        let Packer { count, metatables, lost, .. } = this;
        graph.roots = values.len() as u32;
        graph.objects = count as u32;
        graph.metatables = metatables;
        graph.shrink();
        (graph, !lost)
    }

    #[inline(always)]
    fn put_all(&mut self, vm: &mut Vm, values: &[Value]) {
        let mut at = self.cells.reserve(values.len());
        for value in values {
            // SAFETY: there is room for so many. The same holds wherever cells are written.
            at = unsafe { write(at, self.slot(vm, *value)) };
        }
        self.cells.at = at;
        let mut next = 0;
        while next < self.count {
            // SAFETY: so many were met.
            let object = unsafe { self.object(next) };
            match object.tag() {
                tag::TABLE => self.put_table(vm, object.as_table()),
                tag::CLOSURE => self.put_closure(vm, object.as_closure()),
                // SAFETY: the object is alive: nothing is collected while a native function runs.
                tag::CELL => self.put_value(vm, Head::Cell, unsafe { (*object.as_cell()).value }),
                _ => self.put_payload(vm, object),
            }
            next += 1;
        }
    }

    /// What stands for a value.
    #[inline(always)]
    fn slot(&mut self, vm: &mut Vm, value: Value) -> Value {
        if is_same_everywhere(value) { value } else { self.slot_of_own(vm, value) }
    }

    /// What stands for a value that each heap has its own version of.
    fn slot_of_own(&mut self, vm: &mut Vm, value: Value) -> Value {
        if !value.is_table() {
            return self.slot_of_other(vm, value);
        }
        match vm.heap.static_table(value.as_table()) {
            None => self.slot_of_object(value),
            Some(table) if !ptr::eq(value.as_table(), vm.globals()) => slot::value(slot::LIBRARY, table as u64),
            // The globals of a process are its version of the image's; as a value they are a table like any other.
            Some(_) if self.template => slot::value(slot::GLOBALS, 0),
            Some(_) => self.slot_of_object(value),
        }
    }

    #[inline(never)]
    fn slot_of_other(&mut self, vm: &mut Vm, value: Value) -> Value {
        match value.tag() {
            tag::STRING => self.slot_of_string(value.as_string()),
            tag::CLOSURE | tag::CELL => self.slot_of_object(value),
            tag::USERDATA => self.slot_of_userdata(vm, value),
            _ => self.lose(),
        }
    }

    /// Nil stands for what cannot travel.
    fn lose(&mut self) -> Value {
        self.lost = true;
        Value::NIL
    }

    fn slot_of_string(&mut self, string: *mut Str) -> Value {
        // SAFETY: values refer to live strings.
        unsafe {
            if let Some(bytes) = Str::shared_bytes(string) {
                return self.slot_of_handle(Handle::Bytes(bytes));
            }
            let bytes = Str::bytes(string);
            let start = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            slot::text(start, bytes.len())
        }
    }

    fn slot_of_handle(&mut self, handle: Handle) -> Value {
        self.handles.push(handle);
        slot::value(slot::HANDLE, self.handles.len() as u64 - 1)
    }

    #[inline(always)]
    fn slot_of_object(&mut self, value: Value) -> Value {
        let index = self.index_of(value);
        slot::value(slot::OBJECT, index as u64)
    }

    #[inline(always)]
    fn index_of(&mut self, value: Value) -> usize {
        let few = self.count.min(FEW);
        // SAFETY: so many were met.
        if let Some(index) = (0..few).find(|index| unsafe { self.object(*index) }.payload() == value.payload()) {
            return index;
        }
        if few == FEW {
            return self.index_of_another(value);
        }
        self.first[few].write(value);
        self.count += 1;
        few
    }

    #[cold]
    #[inline(never)]
    fn index_of_another(&mut self, value: Value) -> usize {
        let More { objects, index } = &mut **self.more.get_or_insert_default();
        let index = *index.entry(value.payload()).or_insert(self.count);
        if index == self.count {
            objects.push(value);
            self.count += 1;
        }
        index
    }

    /// An object that was met.
    ///
    /// # Safety
    /// So many were.
    #[inline(always)]
    unsafe fn object(&self, index: usize) -> Value {
        match (index.checked_sub(FEW), &self.more) {
            (Some(index), Some(more)) => more.objects[index],
            // SAFETY: by contract.
            _ => unsafe { self.first[index].assume_init() },
        }
    }

    fn slot_of_userdata(&mut self, vm: &mut Vm, value: Value) -> Value {
        // SAFETY: the objects are alive, and each reference is used up before the next is made.
        let handle = unsafe {
            if userdata_of::<Channel>(value).is_some() {
                match channel::share(vm, value) {
                    Some(shared) => Handle::Channel(Reference::new(shared)),
                    None => return self.lose(),
                }
            } else if let Some(error) = userdata_of::<ErrorObject>(value) {
                Handle::Error((*error).0.across_boundary())
            } else if let Some(time) = userdata_of::<TimeObject>(value) {
                Handle::Time((*time).0.clone())
            } else if let Some(duration) = userdata_of::<DurationObject>(value) {
                Handle::Duration((*duration).0)
            } else if let Some(location) = userdata_of::<LocationObject>(value) {
                Handle::Zone((*location).0.clone())
            } else if userdata_of::<Payload>(value).is_some() {
                return self.slot_of_object(value);
            } else {
                return self.lose();
            }
        };
        self.slot_of_handle(handle)
    }

    fn put_table(&mut self, vm: &mut Vm, table: *mut Table) {
        // SAFETY: the table is alive; iteration does not change it.
        unsafe {
            if (*table).bits & table_bit::LAZY != 0 {
                // A traversal fills in the names that were never used. Without memory for them some are missing.
                let _ = Table::next(table, &mut vm.heap, Value::NIL);
            }
            let count = if Table::has_no_nodes(table) { 0 } else { Table::node_count(table) as usize };
            let nodes = std::slice::from_raw_parts((*table).nodes, count);
            let items = std::slice::from_raw_parts(item_start(table), (*table).array_len as usize);
            let metatable = (*table).metatable;
            let room = 1 + items.len() + nodes.len() * FIELD_CELLS + usize::from(!metatable.is_null());
            let head = self.cells.reserve(room);
            let mut at = head.add(1);
            for item in items {
                at = write(at, self.slot(vm, *item));
            }
            let first = at;
            let copied = can_be_copied(nodes);
            if copied {
                for node in nodes {
                    let copy = at;
                    at = write(at, *ptr::from_ref(node).cast::<[Cell; FIELD_CELLS]>());
                    if !is_same_everywhere(node.value) {
                        write(copy, self.slot_of_own(vm, node.value));
                    }
                }
            } else {
                for node in nodes.iter().filter(|node| !node.value.is_nil()) {
                    let (key, value) = (self.slot(vm, node.key()), self.slot(vm, node.value));
                    if !key.is_nil() && !value.is_nil() {
                        at = write(write(at, key), value);
                    }
                }
            }
            let fields = (at.offset_from(first) as usize / FIELD_CELLS) as u32;
            if !metatable.is_null() {
                at = write(at, self.slot(vm, Value::table(metatable)));
                self.metatables = true;
            }
            self.cells.at = at;
            write(head, Head::Table { items: items.len() as u32, fields, copied, metatable: !metatable.is_null() });
        }
    }

    fn put_closure(&mut self, vm: &mut Vm, closure: *mut Closure) {
        // SAFETY: the closure is alive, and with it its function and its chunk.
        unsafe {
            let function = (*closure).function;
            let captured = (*closure).header.extra;
            let head = Head::Closure { function: function as usize, captured };
            let mut at = write(self.cells.reserve(head.len()), head);
            let chunk = match (*function).chunk {
                chunk if chunk.is_null() => None,
                chunk => vm.heap.loaded_chunk(chunk),
            };
            at = write(at, chunk.map_or(Value::NIL, |chunk| self.slot_of_handle(Handle::Chunk(chunk))));
            for i in 0..captured as usize {
                let value = *Closure::captured(closure).add(i);
                at = write(at, self.slot_of_captured(vm, value));
            }
            self.cells.at = at;
        }
    }

    /// What stands for a captured value; the sender's globals become the receiver's.
    fn slot_of_captured(&mut self, vm: &mut Vm, value: Value) -> Value {
        if value.is_table() && ptr::eq(value.as_table(), vm.globals()) {
            slot::value(slot::GLOBALS, 0)
        } else {
            self.slot(vm, value)
        }
    }

    fn put_payload(&mut self, vm: &mut Vm, object: Value) {
        let payload = userdata_of::<Payload>(object).expect("no other userdata is an object of a graph");
        // SAFETY: it is alive.
        let Payload { value, format } = unsafe { &*payload };
        self.put_value(vm, Head::Payload(*format), *value);
    }

    /// Packs what consists of one value.
    fn put_value(&mut self, vm: &mut Vm, head: Head, value: Value) {
        let cells = self.cells.reserve(head.len());
        // SAFETY: as in `put_all`.
        self.cells.at = unsafe { write(write(cells, head), self.slot(vm, value)) };
    }
}

/// Appends to the cells of a graph.
struct Writer<'a> {
    cells: &'a mut Cells,
    /// Where the next goes; what was written is in the list when [`Writer::finish`] was called.
    at: *mut Cell,
    /// Where the room for them ends.
    end: *mut Cell,
}

impl Writer<'_> {
    #[inline(always)]
    fn new(cells: &mut Cells) -> Writer<'_> {
        let start = cells.as_mut_ptr();
        // SAFETY: within the list, or behind it.
        let (at, end) = unsafe { (start.add(cells.len()), start.add(cells.capacity())) };
        Writer { cells, at, end }
    }

    /// Makes room for so many cells; returns the first.
    #[inline(always)]
    fn reserve(&mut self, count: usize) -> *mut Cell {
        // SAFETY: both lead into the list.
        if count > unsafe { self.end.offset_from(self.at) } as usize {
            self.grow(count);
        }
        self.at
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, count: usize) {
        self.finish();
        self.cells.reserve(count);
        let Writer { at, end, .. } = Writer::new(self.cells);
        (self.at, self.end) = (at, end);
    }

    #[inline(always)]
    fn finish(&mut self) {
        // SAFETY: up to there all was written.
        unsafe {
            let len = self.at.offset_from(self.cells.as_ptr()) as usize;
            self.cells.set_len(len);
        }
    }
}

/// Writes what fills whole cells, or one; returns the cell behind it.
#[inline(always)]
unsafe fn write<T: Copy>(at: *mut Cell, content: T) -> *mut Cell {
    // SAFETY: the caller has so many cells.
    unsafe {
        at.cast::<T>().write(content);
        at.add(size_of::<T>().div_ceil(size_of::<Cell>()))
    }
}

/// Whether a value is the same in every heap.
#[inline(always)]
fn is_same_everywhere(value: Value) -> bool {
    match value.tag() {
        // SAFETY: values refer to live strings.
        tag::STRING => unsafe { (*value.as_string()).header.mark & mark::STATIC != 0 },
        kind => kind < tag::STRING || kind == tag::TYPE,
    }
}

/// Whether nodes can stand in another heap as they are, but for their values: if they are few, and all keys are numbers,
/// booleans or constants of the image.
fn can_be_copied(nodes: &[Node]) -> bool {
    let constant = |node: &Node| match node.key_tag {
        // SAFETY: a key with this tag is a live string.
        tag::STRING => unsafe { (*(node.key_payload as *mut Str)).header.mark & mark::STATIC != 0 },
        kind => kind < tag::LIGHT,
    };
    nodes.len() <= COPIED_NODES && nodes.iter().all(constant)
}

/// The items of a table; without any, no address but a valid one.
unsafe fn item_start(table: *mut Table) -> *const Value {
    // SAFETY: the caller has a live table.
    unsafe { if (*table).array_len == 0 { ptr::dangling() } else { (*table).array } }
}

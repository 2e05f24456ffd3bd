//! Out of a heap.

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::{Bytes, Graph, Handle, Head, NODE_CELLS, Parcel, Text, slot};
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
    let mut packer = Packer::new(true);
    packer.pack(vm, &[value]);
    (!packer.lost).then_some(Parcel::Graph(packer.graph))
}

fn pack_graph(vm: &mut Vm, values: &[Value]) -> Parcel {
    let mut packer = Packer::new(false);
    packer.pack(vm, values);
    Parcel::Graph(packer.graph)
}

/// Objects up to this number are found by a linear search.
const FEW: usize = 12;
/// Nodes and items of the largest record: more would make a parcel larger than it must be.
const RECORD_NODES: usize = 64;
const RECORD_ITEMS: usize = 1024;

struct Packer {
    /// The objects met so far; their indices are what references carry.
    objects: SmallVec<[Value; FEW]>,
    /// The same by address, once there are more than a few.
    index: Option<HashMap<u64, u32>>,
    /// Where it all goes.
    graph: Pooled<Graph>,
    /// See [`pack_template`].
    template: bool,
    /// Something could not travel.
    lost: bool,
}

impl Packer {
    fn new(template: bool) -> Packer {
        Packer { objects: SmallVec::new(), index: None, graph: Pooled::new(Graph::default()), template, lost: false }
    }

    fn pack(&mut self, vm: &mut Vm, values: &[Value]) {
        self.graph.roots = values.len() as u32;
        for value in values {
            self.put(vm, *value);
        }
        let mut next = 0;
        while next < self.objects.len() {
            let object = self.objects[next];
            match object.tag() {
                tag::TABLE => self.put_table(vm, object.as_table()),
                tag::CLOSURE => self.put_closure(vm, object.as_closure()),
                _ => {
                    self.graph.heads.push(Head::Cell);
                    // SAFETY: the object is alive: nothing is collected while a native function runs.
                    self.put(vm, unsafe { (*object.as_cell()).value });
                }
            }
            next += 1;
        }
        self.graph.shrink();
    }

    /// Packs a value where a reference or scalar stands.
    fn put(&mut self, vm: &mut Vm, value: Value) {
        match value.tag() {
            tag::NIL => self.graph.bytes.push(slot::NIL),
            tag::FALSE => self.graph.bytes.push(slot::FALSE),
            tag::TRUE => self.graph.bytes.push(slot::TRUE),
            tag::INT => {
                self.graph.bytes.push(slot::INTEGER);
                let i = value.as_int();
                put_number(&mut self.graph.bytes, (i << 1 ^ i >> 63) as u64);
            }
            tag::FLOAT => self.put_word(slot::FLOAT, value.payload()),
            tag::LIGHT => self.put_word(slot::LIGHT, value.payload()),
            tag::NATIVE => self.put_word(slot::NATIVE, value.payload()),
            tag::TYPE => self.put_word(slot::TYPE, value.payload()),
            tag::STRING => self.put_string(value.as_string()),
            tag::TABLE => match vm.heap.static_table(value.as_table()) {
                // The globals of a process are its version of the image's; as a value they are a table like any other.
                Some(table) if !std::ptr::eq(value.as_table(), vm.globals()) => {
                    self.put_word(slot::LIBRARY, table as u64);
                }
                Some(_) if self.template => self.graph.bytes.push(slot::GLOBALS),
                _ => self.put_object(value),
            },
            tag::CLOSURE | tag::CELL => self.put_object(value),
            tag::USERDATA => self.put_userdata(vm, value),
            _ => self.lose(),
        }
    }

    /// Nil stands for what cannot travel.
    fn lose(&mut self) {
        self.lost = true;
        self.graph.bytes.push(slot::NIL);
    }

    fn put_word(&mut self, kind: u8, word: u64) {
        self.graph.bytes.push(kind);
        self.graph.bytes.extend_from_slice(&word.to_le_bytes());
    }

    fn put_string(&mut self, string: *mut Str) {
        // SAFETY: values refer to live strings.
        unsafe {
            if (*string).header.mark & mark::STATIC != 0 {
                return self.put_word(slot::STATIC_STRING, string as u64);
            }
            if let Some(bytes) = Str::shared_bytes(string) {
                return self.put_handle(Handle::Bytes(bytes));
            }
            let bytes = Str::bytes(string);
            self.graph.bytes.push(slot::STRING);
            put_number(&mut self.graph.bytes, bytes.len() as u64);
            self.graph.bytes.extend_from_slice(bytes);
        }
    }

    fn put_handle(&mut self, handle: Handle) {
        let Graph { bytes, handles, .. } = &mut *self.graph;
        bytes.push(slot::HANDLE);
        put_number(bytes, handles.len() as u64);
        handles.push(handle);
    }

    fn put_object(&mut self, value: Value) {
        let index = self.index_of(value);
        self.graph.bytes.push(slot::OBJECT);
        put_number(&mut self.graph.bytes, u64::from(index));
    }

    /// What stands for an object in the copy of a record.
    fn reference(&mut self, value: Value) -> Value {
        let index = self.index_of(value);
        // SAFETY: a value in a graph; the unpacker puts the address of its object in the place of the index.
        unsafe { Value::from_parts(value.tag(), u64::from(index)) }
    }

    fn index_of(&mut self, value: Value) -> u32 {
        let address = value.payload();
        let objects = self.objects.as_slice();
        let new = objects.len() as u32;
        if objects.len() <= FEW {
            if let Some(index) = objects.iter().position(|other| other.payload() == address) {
                return index as u32;
            }
        } else {
            let known = || objects.iter().enumerate().map(|(i, object)| (object.payload(), i as u32)).collect();
            let index = *self.index.get_or_insert_with(known).entry(address).or_insert(new);
            if index != new {
                return index;
            }
        }
        self.objects.push(value);
        new
    }

    fn put_userdata(&mut self, vm: &mut Vm, value: Value) {
        // SAFETY: the objects are alive, and each reference is used up before the next is made.
        unsafe {
            if userdata_of::<Channel>(value).is_some() {
                match channel::share(vm, value) {
                    Some(shared) => self.put_handle(Handle::Channel(Reference::new(shared))),
                    None => self.lose(),
                }
            } else if let Some(error) = userdata_of::<ErrorObject>(value) {
                self.put_handle(Handle::Error((*error).0.across_boundary()));
            } else if let Some(time) = userdata_of::<TimeObject>(value) {
                self.put_handle(Handle::Time((*time).0.clone()));
            } else if let Some(duration) = userdata_of::<DurationObject>(value) {
                self.put_handle(Handle::Duration((*duration).0));
            } else if let Some(location) = userdata_of::<LocationObject>(value) {
                self.put_handle(Handle::Zone((*location).0.clone()));
            } else if let Some(payload) = userdata_of::<Payload>(value) {
                // The value of a payload is no payload, so this goes one level deep.
                let Payload { value, format } = *payload;
                self.graph.bytes.extend([slot::PAYLOAD, format as u8]);
                self.put(vm, value);
            } else {
                self.lose();
            }
        }
    }

    /// Whether a value has a counterpart in another heap.
    fn travels(value: Value) -> bool {
        match value.tag() {
            tag::NATIVE_CLOSURE | tag::THREAD => false,
            tag::USERDATA => {
                // SAFETY: a live userdata.
                let channel =
                    userdata_of::<Channel>(value).is_some_and(|channel| unsafe { (*channel).is_transferable() });
                channel
                    || userdata_of::<ErrorObject>(value).is_some()
                    || userdata_of::<TimeObject>(value).is_some()
                    || userdata_of::<DurationObject>(value).is_some()
                    || userdata_of::<LocationObject>(value).is_some()
                    || userdata_of::<Payload>(value).is_some()
            }
            _ => true,
        }
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
            if Packer::is_record(nodes, items) {
                self.put_record(vm, nodes, items, !metatable.is_null());
            } else {
                self.put_fields(vm, nodes, items, !metatable.is_null());
            }
            if !metatable.is_null() {
                self.put(vm, Value::table(metatable));
            }
        }
    }

    /// Packs the content of a table field by field.
    fn put_fields(&mut self, vm: &mut Vm, nodes: &[Node], items: &[Value], metatable: bool) {
        let used = || nodes.iter().filter(|node| !node.value.is_nil());
        let fields = || used().filter(|node| Packer::travels(node.value) && Packer::travels(node.key()));
        let count = fields().count();
        self.lost |= count < used().count();
        self.graph.heads.push(Head::Table { items: items.len() as u32, fields: count as u32, metatable });
        for item in items {
            self.put(vm, *item);
        }
        for node in fields() {
            self.put(vm, node.key());
            self.put(vm, node.value);
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

    /// Whether a table is not large, and all its keys are numbers, booleans or constants of the image.
    fn is_record(nodes: &[Node], items: &[Value]) -> bool {
        let constant = |node: &Node| match node.key_tag {
            // SAFETY: a key with this tag is a live string.
            tag::STRING => unsafe { (*(node.key_payload as *mut Str)).header.mark & mark::STATIC != 0 },
            kind => kind < tag::LIGHT,
        };
        nodes.len() <= RECORD_NODES && items.len() <= RECORD_ITEMS && nodes.iter().all(constant)
    }

    /// Packs the content of a table by copying it.
    fn put_record(&mut self, vm: &mut Vm, nodes: &[Node], items: &[Value], metatable: bool) {
        let (copied_items, copied_nodes) = self.copy(items, nodes);
        let mut others = 0;
        for (place, node) in nodes.iter().enumerate() {
            if !Packer::is_same_everywhere(node.value) {
                let value = self.put_part(vm, node.value, place, &mut others);
                // SAFETY: the copy has as many nodes, and stays where it is: a part is put elsewhere.
                unsafe { (*copied_nodes.add(place)).value = value };
            }
        }
        for (place, item) in items.iter().enumerate() {
            if !Packer::is_same_everywhere(*item) {
                let value = self.put_part(vm, *item, nodes.len() + place, &mut others);
                // SAFETY: as above.
                unsafe { *copied_items.add(place) = value };
            }
        }
        self.graph.heads.push(Head::Record { items: items.len() as u32, nodes: nodes.len() as u32, others, metatable });
    }

    /// Copies the items and nodes of a record to the end of the cells; says where.
    #[inline]
    fn copy(&mut self, items: &[Value], nodes: &[Node]) -> (*mut Value, *mut Node) {
        let cells = &mut self.graph.cells;
        let (len, more) = (cells.len(), items.len() + nodes.len() * NODE_CELLS);
        cells.reserve(more);
        // SAFETY: there is room for so many more, of the size and alignment that items and nodes need.
        unsafe {
            cells.set_len(len + more);
            let start = cells.as_mut_ptr().add(len);
            let copied_items = start.cast::<Value>();
            let copied_nodes = start.add(items.len()).cast::<Node>();
            // Most records have only one of both.
            if !items.is_empty() {
                copied_items.copy_from_nonoverlapping(items.as_ptr(), items.len());
            }
            if !nodes.is_empty() {
                copied_nodes.copy_from_nonoverlapping(nodes.as_ptr(), nodes.len());
            }
            (copied_items, copied_nodes)
        }
    }

    /// What stands in the copy of a record for a value that is not the same in every heap.
    fn put_part(&mut self, vm: &mut Vm, value: Value, place: usize, others: &mut u32) -> Value {
        match value.tag() {
            tag::TABLE if vm.heap.static_table(value.as_table()).is_none() => self.reference(value),
            tag::CLOSURE => self.reference(value),
            _ => {
                if Packer::travels(value) {
                    *others += 1;
                    put_number(&mut self.graph.bytes, place as u64);
                    self.put(vm, value);
                } else {
                    self.lost = true;
                }
                Value::NIL
            }
        }
    }

    fn put_closure(&mut self, vm: &mut Vm, closure: *mut Closure) {
        // SAFETY: the closure is alive, and with it its function and its chunk.
        unsafe {
            let function = (*closure).function;
            let captured = (*closure).header.extra;
            let chunk = match (*function).chunk {
                chunk if chunk.is_null() => None,
                chunk => vm.heap.loaded_chunk(chunk).map(|chunk| {
                    self.graph.handles.push(Handle::Chunk(chunk));
                    self.graph.handles.len() as u32 - 1
                }),
            };
            self.graph.heads.push(Head::Closure { function: function as usize, captured, chunk });
            for i in 0..captured as usize {
                let value = *Closure::captured(closure).add(i);
                self.put_captured(vm, value);
            }
        }
    }

    /// A captured value; the sender's globals become the receiver's.
    fn put_captured(&mut self, vm: &mut Vm, value: Value) {
        if value.is_table() && std::ptr::eq(value.as_table(), vm.globals()) {
            self.graph.bytes.push(slot::GLOBALS);
        } else {
            self.put(vm, value);
        }
    }
}

/// The items of a table; without any, no address but a valid one.
unsafe fn item_start(table: *mut Table) -> *const Value {
    // SAFETY: the caller has a live table.
    unsafe { if (*table).array_len == 0 { std::ptr::dangling() } else { (*table).array } }
}

fn put_number(out: &mut Bytes, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

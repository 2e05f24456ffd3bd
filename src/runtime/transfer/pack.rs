//! Out of a heap.

use std::cell::Cell;

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::{Graph, Handle, Parcel, Text, head, slot};
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
    let mut packer = Packer { template: true, ..Packer::default() };
    let graph = packer.pack(vm, &[value]);
    (!packer.lost).then_some(Parcel::Graph(graph))
}

thread_local! {
    /// The packer's buffers, kept from one message to the next.
    static PACKER: Cell<Option<Box<Packer>>> = const { Cell::new(None) };
}

fn pack_graph(vm: &mut Vm, values: &[Value]) -> Parcel {
    // Taken out: packing a channel that becomes shared packs what is in it.
    let mut packer = PACKER.take().unwrap_or_default();
    let graph = packer.pack(vm, values);
    packer.clear();
    PACKER.set(Some(packer));
    Parcel::Graph(graph)
}

/// Objects up to this number are found by a linear search.
const FEW: usize = 12;
/// Nodes and items of the largest record: more would make a parcel larger than it must be.
const RECORD_NODES: u32 = 64;
const RECORD_ITEMS: u32 = 1024;
/// A larger buffer is given back after use.
const MAX_KEPT: usize = 1 << 16;

#[derive(Default)]
struct Packer {
    /// The objects met so far; their indices are what references carry.
    objects: Vec<Value>,
    /// The same by address, once there are more than a few.
    index: HashMap<u64, u32>,
    heads: Vec<u8>,
    body: Vec<u8>,
    handles: Vec<Handle>,
    nodes: SmallVec<[Node; 4]>,
    items: SmallVec<[Value; 4]>,
    /// See [`pack_template`].
    template: bool,
    /// Something could not travel.
    lost: bool,
}

impl Packer {
    fn pack(&mut self, vm: &mut Vm, values: &[Value]) -> Pooled<Graph> {
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
                    self.heads.push(head::CELL);
                    // SAFETY: the object is alive: nothing is collected while a native function runs.
                    self.put(vm, unsafe { (*object.as_cell()).value });
                }
            }
            next += 1;
        }
        self.heads.extend_from_slice(&self.body);
        Pooled::new(Graph {
            roots: values.len() as u32,
            objects: self.objects.len() as u32,
            bytes: SmallVec::from_slice(&self.heads),
            handles: std::mem::take(&mut self.handles),
            nodes: std::mem::take(&mut self.nodes),
            items: std::mem::take(&mut self.items),
        })
    }

    fn clear(&mut self) {
        if self.body.capacity() + self.heads.capacity() > MAX_KEPT {
            *self = Packer::default();
            return;
        }
        self.objects.clear();
        self.index.clear();
        self.heads.clear();
        self.body.clear();
    }

    /// Packs a value where a reference or scalar stands.
    fn put(&mut self, vm: &mut Vm, value: Value) {
        match value.tag() {
            tag::NIL => self.body.push(slot::NIL),
            tag::FALSE => self.body.push(slot::FALSE),
            tag::TRUE => self.body.push(slot::TRUE),
            tag::INT => {
                self.body.push(slot::INTEGER);
                let i = value.as_int();
                put_number(&mut self.body, (i << 1 ^ i >> 63) as u64);
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
                Some(_) if self.template => self.body.push(slot::GLOBALS),
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
        self.body.push(slot::NIL);
    }

    fn put_word(&mut self, kind: u8, word: u64) {
        self.body.push(kind);
        self.body.extend_from_slice(&word.to_le_bytes());
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
            self.body.push(slot::STRING);
            put_number(&mut self.body, bytes.len() as u64);
            self.body.extend_from_slice(bytes);
        }
    }

    fn put_handle(&mut self, handle: Handle) {
        self.body.push(slot::HANDLE);
        put_number(&mut self.body, self.handles.len() as u64);
        self.handles.push(handle);
    }

    fn put_object(&mut self, value: Value) {
        let index = self.index_of(value);
        self.body.push(slot::OBJECT);
        put_number(&mut self.body, u64::from(index));
    }

    fn index_of(&mut self, value: Value) -> u32 {
        let address = value.payload();
        let new = self.objects.len() as u32;
        if self.objects.len() <= FEW {
            if let Some(index) = self.objects.iter().position(|other| other.payload() == address) {
                return index as u32;
            }
        } else {
            if self.index.is_empty() {
                let known = self.objects.iter().enumerate().map(|(i, object)| (object.payload(), i as u32));
                self.index.extend(known);
            }
            let index = *self.index.entry(address).or_insert(new);
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
                self.body.extend([slot::PAYLOAD, format as u8]);
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
            let items = (*table).array_len;
            if Packer::is_record(table) {
                return self.put_record(vm, table);
            }
            let nodes = std::slice::from_raw_parts((*table).nodes, Table::node_count(table) as usize);
            let fields = nodes
                .iter()
                .filter(|node| !node.value.is_nil() && Packer::travels(node.value) && Packer::travels(node.key()));
            if self.template {
                self.lost |= fields.clone().count() < nodes.iter().filter(|node| !node.value.is_nil()).count();
            }
            let metatable = (*table).metatable;
            self.heads.push(head::TABLE);
            put_number(&mut self.heads, u64::from(items));
            put_number(&mut self.heads, fields.clone().count() as u64);
            self.heads.push(u8::from(!metatable.is_null()));
            for i in 0..items as usize {
                self.put(vm, *(*table).array.add(i));
            }
            for node in fields {
                self.put(vm, node.key());
                self.put(vm, node.value);
            }
            if !metatable.is_null() {
                self.put(vm, Value::table(metatable));
            }
        }
    }

    /// Whether a value is the same in every heap.
    #[inline(always)]
    fn is_same_everywhere(value: Value) -> bool {
        match value.tag() {
            // SAFETY: values refer to live strings.
            tag::STRING => unsafe { (*value.as_string()).header.mark & mark::STATIC != 0 },
            kind => matches!(kind, tag::NIL | tag::FALSE | tag::TRUE | tag::INT | tag::FLOAT | tag::NATIVE),
        }
    }

    /// Whether a table is small, all its keys are constants of the image, and so are its items, or scalars.
    unsafe fn is_record(table: *mut Table) -> bool {
        // SAFETY: the caller has a live table.
        unsafe {
            let (nodes, items) = ((*table).nodes, (*table).array_len);
            let count = Table::node_count(table);
            if count > RECORD_NODES || items > RECORD_ITEMS {
                return false;
            }
            let constant_key = |i| {
                let node: &Node = &*nodes.add(i);
                node.key_tag == tag::NIL
                    || node.key_tag == tag::STRING && (*(node.key_payload as *mut Str)).header.mark & mark::STATIC != 0
            };
            (0..count as usize).all(constant_key)
                && (0..items as usize).all(|i| Packer::is_same_everywhere(*(*table).array.add(i)))
        }
    }

    unsafe fn put_record(&mut self, vm: &mut Vm, table: *mut Table) {
        // SAFETY: the caller has a live table.
        unsafe {
            let items = std::slice::from_raw_parts(item_start(table), (*table).array_len as usize);
            let count = if Table::has_no_nodes(table) { 0 } else { Table::node_count(table) as usize };
            let nodes = std::slice::from_raw_parts((*table).nodes, count);
            let metatable = (*table).metatable;
            self.heads.push(head::RECORD);
            put_number(&mut self.heads, items.len() as u64);
            put_number(&mut self.heads, count as u64);
            self.heads.push(u8::from(!metatable.is_null()));
            self.items.extend_from_slice(items);
            let first = self.nodes.len();
            self.nodes.extend_from_slice(nodes);
            let others = nodes.iter().filter(|node| !Packer::is_same_everywhere(node.value)).count();
            put_number(&mut self.body, others as u64);
            if others > 0 {
                for (i, node) in nodes.iter().enumerate().filter(|(_, node)| !Packer::is_same_everywhere(node.value)) {
                    self.nodes[first + i].value = Value::NIL;
                    put_number(&mut self.body, i as u64);
                    if Packer::travels(node.value) { self.put(vm, node.value) } else { self.lose() }
                }
            }
            if !metatable.is_null() {
                self.put(vm, Value::table(metatable));
            }
        }
    }

    fn put_closure(&mut self, vm: &mut Vm, closure: *mut Closure) {
        // SAFETY: the closure is alive, and with it its function and its chunk.
        unsafe {
            let function = (*closure).function;
            let captured = (*closure).header.extra;
            let chunk = match (*function).chunk {
                chunk if chunk.is_null() => 0,
                chunk => match vm.heap.loaded_chunk(chunk) {
                    Some(chunk) => {
                        self.handles.push(Handle::Chunk(chunk));
                        self.handles.len()
                    }
                    None => 0,
                },
            };
            self.heads.push(head::CLOSURE);
            self.heads.extend_from_slice(&(function as u64).to_le_bytes());
            put_number(&mut self.heads, u64::from(captured));
            put_number(&mut self.heads, chunk as u64);
            for i in 0..captured as usize {
                let value = *Closure::captured(closure).add(i);
                self.put_captured(vm, value);
            }
        }
    }

    /// A captured value; the sender's globals become the receiver's.
    fn put_captured(&mut self, vm: &mut Vm, value: Value) {
        if value.is_table() && std::ptr::eq(value.as_table(), vm.globals()) {
            self.body.push(slot::GLOBALS);
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

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

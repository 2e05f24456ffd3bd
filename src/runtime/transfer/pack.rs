//! Out of a heap.

use std::cell::RefCell;

use hashbrown::HashMap;

use super::{Graph, Handle, Parcel, Text, head, slot};
use crate::runtime::channel::{self, Channel};
use crate::runtime::errors::ErrorObject;
use crate::runtime::payload::Payload;
use crate::runtime::time::{DurationObject, LocationObject, TimeObject};
use crate::vm::Vm;
use crate::vm::args::userdata_of;
use crate::vm::object::{Closure, Str, Table, mark, table_bit};
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

thread_local! {
    /// The packer's buffers, kept from one message to the next.
    static PACKER: RefCell<Packer> = RefCell::default();
}

fn pack_graph(vm: &mut Vm, values: &[Value]) -> Parcel {
    // Taken out: packing a channel that becomes shared packs what is in it.
    let mut packer = PACKER.take();
    let graph = packer.pack(vm, values);
    PACKER.set(packer);
    Parcel::Graph(Box::new(graph))
}

/// Objects up to this number are found by a linear search.
const FEW: usize = 12;
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
}

impl Packer {
    fn pack(&mut self, vm: &mut Vm, values: &[Value]) -> Graph {
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
        let objects = self.objects.len() as u64;
        let mut bytes = Vec::with_capacity(number_len(objects) + self.heads.len() + self.body.len());
        put_number(&mut bytes, objects);
        bytes.extend_from_slice(&self.heads);
        bytes.extend_from_slice(&self.body);
        let bytes = bytes.into_boxed_slice();
        let graph = Graph { roots: values.len() as u32, bytes, handles: self.handles.drain(..).collect() };
        self.clear();
        graph
    }

    fn clear(&mut self) {
        if self.body.capacity() > MAX_KEPT {
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
                _ => self.put_object(value),
            },
            tag::CLOSURE | tag::CELL => self.put_object(value),
            tag::USERDATA => self.put_userdata(vm, value),
            _ => self.body.push(slot::NIL),
        }
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
                    Some(shared) => self.put_handle(Handle::Channel(shared)),
                    None => self.body.push(slot::NIL),
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
                self.body.push(slot::NIL);
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
            let nodes = std::slice::from_raw_parts((*table).nodes, Table::node_count(table) as usize);
            let fields = nodes
                .iter()
                .filter(|node| !node.value.is_nil() && Packer::travels(node.value) && Packer::travels(node.key()));
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

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Bytes that [`put_number`] writes.
fn number_len(number: u64) -> usize {
    (64 - (number | 1).leading_zeros() as usize).div_ceil(7)
}

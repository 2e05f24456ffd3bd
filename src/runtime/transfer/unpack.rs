//! Into a heap.
//!
//! A parcel is made by [`pack`](super::pack()) only, so its bytes are trusted: they never leave the runtime.

use std::ptr::NonNull;
use std::slice::{from_raw_parts, from_raw_parts_mut};
use std::sync::Arc;

use smallvec::SmallVec;

use super::{Graph, Handle, Head, NODE_CELLS, Parcel, slot};
use crate::runtime::payload::{self, Format, Payload};
use crate::runtime::{channel, errors, time};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::event::Event;
use crate::vm::function::Function;
use crate::vm::native::Native;
use crate::vm::object::{Closure, Node, Str, Table};
use crate::vm::value::{Value, tag};

/// Unpacked values, in order.
pub type Unpacked = SmallVec<[Value; 4]>;

impl Parcel {
    /// Makes its only value in the heap of `vm`; nil if there is none, the first if there are several.
    ///
    /// # Errors
    /// `not enough memory` past the memory limit.
    #[inline]
    pub fn unpack_one(&self, vm: &mut Vm) -> Result<Value, Box<LuaError>> {
        match self {
            Parcel::Empty | Parcel::Nil => Ok(Value::NIL),
            Parcel::Boolean(b) => Ok(Value::bool(*b)),
            Parcel::Integer(i) => Ok(Value::int(*i)),
            Parcel::Float(f) => Ok(Value::float(*f)),
            Parcel::Text(text) => text.to_value(vm),
            Parcel::Graph(graph) => {
                let mut first = None;
                Unpacker::unpack(vm, graph, |value| _ = first.get_or_insert(value))?;
                Ok(first.unwrap_or(Value::NIL))
            }
        }
    }

    /// Makes all its values in the heap of `vm`.
    ///
    /// # Errors
    /// `not enough memory` past the memory limit.
    pub fn unpack(&self, vm: &mut Vm) -> Result<Unpacked, Box<LuaError>> {
        match self {
            Parcel::Empty => Ok(Unpacked::new()),
            Parcel::Graph(graph) => {
                let mut values = Unpacked::new();
                Unpacker::unpack(vm, graph, |value| values.push(value))?;
                Ok(values)
            }
            one => Ok(std::iter::once(one.unpack_one(vm)?).collect()),
        }
    }
}

/// Items of an array part.
type Items = SmallVec<[Value; 16]>;

struct Unpacker<'a> {
    graph: &'a Graph,
    at: usize,
    objects: SmallVec<[Value; 8]>,
    /// How many cells of records have been taken.
    cells: usize,
}

impl Unpacker<'_> {
    /// Calls `take` with each of the values.
    fn unpack(vm: &mut Vm, graph: &Graph, mut take: impl FnMut(Value)) -> Result<(), Box<LuaError>> {
        if vm.heap.check_large(graph.bytes.len()).is_err() {
            return Err(vm.out_of_memory());
        }
        let mut this = Unpacker { graph, at: 0, objects: SmallVec::new(), cells: 0 };
        for head in &graph.heads {
            let object = this.make(vm, *head)?;
            this.objects.push(object);
        }
        for _ in 0..graph.roots {
            take(this.value(vm)?);
        }
        let mut items = Items::new();
        for index in 0..graph.heads.len() {
            this.fill(vm, index, &mut items)?;
        }
        Ok(())
    }

    fn byte(&mut self) -> u8 {
        self.at += 1;
        self.graph.bytes[self.at - 1]
    }

    fn number(&mut self) -> u64 {
        let mut number = 0;
        let mut shift = 0;
        loop {
            let byte = self.byte();
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return number;
            }
            shift += 7;
        }
    }

    fn word(&mut self) -> u64 {
        let bytes = self.graph.bytes[self.at..].first_chunk().expect("the packer wrote eight bytes");
        self.at += 8;
        u64::from_le_bytes(*bytes)
    }

    /// Allocates an object; a record with its content.
    fn make(&mut self, vm: &mut Vm, head: Head) -> Result<Value, Box<LuaError>> {
        Ok(match head {
            Head::Table { items, fields, .. } => Value::table(vm.heap.new_table(items, fields)),
            Head::Record { items, nodes, .. } => {
                let (items, nodes) = self.parts(items, nodes);
                // SAFETY: these were the nodes of a table.
                let table = unsafe { vm.heap.new_table_of(items, nodes) };
                Value::table(table.map_err(|error| vm.table_error(error))?)
            }
            Head::Closure { function, captured, chunk } => {
                if let Some(index) = chunk
                    && let Handle::Chunk(chunk) = &self.graph.handles[index as usize]
                {
                    vm.heap.register_chunk(Arc::clone(chunk));
                }
                let closure = vm.heap.new_closure(function as *const Function, captured as usize);
                for i in 0..captured as usize {
                    // SAFETY: a fresh closure with so many captured values.
                    unsafe { Closure::captured(closure).add(i).write(Value::NIL) };
                }
                Value::closure(closure)
            }
            Head::Cell => Value::cell(vm.heap.new_cell(Value::NIL)),
        })
    }

    /// Reads a value.
    fn value(&mut self, vm: &mut Vm) -> Result<Value, Box<LuaError>> {
        // SAFETY: addresses in a graph are those of static objects, which live as long as the image.
        Ok(unsafe {
            match self.byte() {
                slot::NIL => Value::NIL,
                slot::FALSE => Value::FALSE,
                slot::TRUE => Value::TRUE,
                slot::INTEGER => {
                    let zigzag = self.number();
                    Value::int((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
                }
                slot::FLOAT => Value::float(f64::from_bits(self.word())),
                slot::LIGHT => Value::light(self.word()),
                slot::STRING => {
                    let len = self.number() as usize;
                    let bytes = &self.graph.bytes[self.at..self.at + len];
                    self.at += len;
                    vm.string(bytes)?
                }
                slot::STATIC_STRING => Value::string(self.word() as *mut Str),
                slot::HANDLE => {
                    let index = self.number() as usize;
                    self.handle(vm, index)?
                }
                slot::OBJECT => {
                    let index = self.number() as usize;
                    self.objects[index]
                }
                slot::PAYLOAD => {
                    let format = Format::ALL[usize::from(self.byte())];
                    let value = self.value(vm)?;
                    payload::payload_value(vm, Payload { value, format })
                }
                slot::TYPE => Value::from_parts(tag::TYPE, self.word()),
                slot::NATIVE => Value::native(&*(self.word() as *const Native)),
                slot::LIBRARY => {
                    let table = Value::from_parts(tag::TABLE, self.word());
                    vm.own(table)
                }
                _ => Value::table(vm.globals()),
            }
        })
    }

    fn handle(&mut self, vm: &mut Vm, index: usize) -> Result<Value, Box<LuaError>> {
        match &self.graph.handles[index] {
            Handle::Bytes(bytes) => match vm.heap.new_string_from_arc(Arc::clone(bytes)) {
                Ok(string) => Ok(Value::string(string)),
                Err(_) => Err(vm.out_of_memory()),
            },
            Handle::Channel(channel) => channel::adopt(vm, channel),
            Handle::Error(error) => Ok(errors::to_value(vm, Arc::clone(error))),
            Handle::Time(time) => Ok(time::time_value(vm, time.clone())),
            Handle::Duration(duration) => Ok(time::duration_value(vm, *duration)),
            Handle::Zone(zone) => Ok(time::location_value(vm, zone.clone())),
            Handle::Chunk(_) => Ok(Value::NIL),
        }
    }

    /// The items and nodes of the next record.
    fn parts(&mut self, items: u32, nodes: u32) -> (&[Value], &[Node]) {
        let (items, nodes) = (items as usize, nodes as usize);
        let cells = &self.graph.cells[self.cells..][..items + nodes * NODE_CELLS];
        self.cells += cells.len();
        // SAFETY: the packer has put them there in this order.
        unsafe {
            let nodes = from_raw_parts(cells.as_ptr().add(items).cast(), nodes);
            (from_raw_parts(cells.as_ptr().cast(), items), nodes)
        }
    }

    /// Completes a table that was made as a record.
    fn complete(
        &mut self,
        vm: &mut Vm,
        table: *mut Table,
        items: usize,
        nodes: usize,
        others: u32,
    ) -> Result<(), Box<LuaError>> {
        // SAFETY: it was made with so many items and nodes.
        let (nodes, items) = unsafe {
            let item_start = if items == 0 { NonNull::dangling().as_ptr() } else { (*table).array };
            (from_raw_parts_mut((*table).nodes, nodes), from_raw_parts_mut(item_start, items))
        };
        for node in nodes.iter_mut() {
            self.resolve(&mut node.value);
        }
        for item in items.iter_mut() {
            self.resolve(item);
        }
        for _ in 0..others {
            let place = self.number() as usize;
            let value = self.value(vm)?;
            match place.checked_sub(nodes.len()) {
                None => nodes[place].value = value,
                Some(place) => items[place] = value,
            }
        }
        Ok(())
    }

    /// Puts the object in the place of its index.
    #[inline(always)]
    fn resolve(&self, value: &mut Value) {
        if matches!(value.tag(), tag::TABLE | tag::CLOSURE) {
            *value = self.objects[value.payload() as usize];
        }
    }

    fn set_metatable(&mut self, vm: &mut Vm, table: *mut Table) -> Result<(), Box<LuaError>> {
        let metatable = self.value(vm)?.as_table();
        let finalized = !vm.handler_in(metatable, Event::Gc).is_nil();
        // SAFETY: both are alive.
        unsafe {
            vm.heap.set_metatable(table, metatable);
            if finalized {
                vm.heap.register_finalizer(table.cast());
            }
        }
        Ok(())
    }

    /// Fills object `index` with its content. `items` is scratch space.
    fn fill(&mut self, vm: &mut Vm, index: usize, items: &mut Items) -> Result<(), Box<LuaError>> {
        let object = self.objects[index];
        match self.graph.heads[index] {
            Head::Record { items, nodes, others, metatable } => {
                let table = object.as_table();
                self.complete(vm, table, items as usize, nodes as usize, others)?;
                if metatable {
                    self.set_metatable(vm, table)?;
                }
            }
            Head::Table { items: count, fields, metatable } => {
                let table = object.as_table();
                items.clear();
                for _ in 0..count {
                    items.push(self.value(vm)?);
                }
                // SAFETY: the table is alive: nothing is collected before the parcel is unpacked.
                let listed = unsafe { Table::set_list(table, &mut vm.heap, 1, items.as_ptr(), count) };
                listed.map_err(|error| vm.table_error(error))?;
                for _ in 0..fields {
                    let key = self.value(vm)?;
                    let value = self.value(vm)?;
                    if !key.is_nil() {
                        vm.raw_set(table, key, value)?;
                    }
                }
                if metatable {
                    self.set_metatable(vm, table)?;
                }
            }
            Head::Closure { captured, .. } => {
                for i in 0..captured as usize {
                    let value = self.value(vm)?;
                    // SAFETY: the closure is alive and has so many captured values.
                    unsafe { *Closure::captured(object.as_closure()).add(i) = value };
                }
            }
            Head::Cell => {
                let value = self.value(vm)?;
                // SAFETY: the cell is alive.
                unsafe { (*object.as_cell()).value = value };
            }
        }
        Ok(())
    }
}

//! Into a heap.
//!
//! A parcel is made by [`pack`](super::pack()) only, so its cells are trusted: they never leave the runtime.

use std::slice::from_raw_parts;
use std::sync::Arc;

use smallvec::SmallVec;

use super::{Cell, FIELD_CELLS, Graph, Handle, Head, Parcel, slot};
use crate::runtime::payload::{self, Payload};
use crate::runtime::{channel, errors, time};
use crate::vm::Vm;
use crate::vm::args::userdata_of;
use crate::vm::error::LuaError;
use crate::vm::event::Event;
use crate::vm::function::Function;
use crate::vm::heap::Heap;
use crate::vm::object::{Closure, Table};
use crate::vm::table::TableError;
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
            Parcel::Graph(graph) => Unpacker::unpack_first(vm, graph),
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

struct Unpacker<'a> {
    graph: &'a Graph,
    cells: &'a [Cell],
    /// The objects, as far as they were made.
    objects: &'a mut [Value],
}

impl Unpacker<'_> {
    /// The first of the values.
    #[inline(never)]
    fn unpack_first(vm: &mut Vm, graph: &Graph) -> Result<Value, Box<LuaError>> {
        let mut first = None;
        Unpacker::unpack(vm, graph, |value| _ = first.get_or_insert(value))?;
        Ok(first.unwrap_or(Value::NIL))
    }

    /// Calls `take` with each of the values.
    fn unpack(vm: &mut Vm, graph: &Graph, mut take: impl FnMut(Value)) -> Result<(), Box<LuaError>> {
        if vm.heap.check_large(graph.size()).is_err() {
            return Err(vm.out_of_memory());
        }
        let mut objects = SmallVec::<[Value; 8]>::from_elem(Value::NIL, graph.objects as usize);
        let this = Unpacker { graph, cells: &graph.cells, objects: &mut objects };
        let roots = graph.roots as usize;
        let mut at = roots;
        for index in 0..this.objects.len() {
            let head = this.head(at);
            this.objects[index] = this.make(vm, head, at + 1)?;
            at += head.len();
        }
        let mut at = roots;
        for index in 0..this.objects.len() {
            let head = this.head(at);
            this.fill(vm, this.objects[index], head, at + 1)?;
            at += head.len();
        }
        if graph.metatables {
            this.set_metatables(vm)?;
        }
        for root in 0..roots {
            take(this.value(vm, root)?);
        }
        Ok(())
    }

    /// The head at this place.
    #[inline(always)]
    fn head(&self, at: usize) -> Head {
        // SAFETY: the packer has put one there.
        unsafe { self.cells[at].as_ptr().cast::<Head>().read() }
    }

    /// The slot at this place.
    #[inline(always)]
    fn slot(&self, at: usize) -> Value {
        // SAFETY: the packer has put one there.
        unsafe { self.cells[at].as_ptr().cast::<Value>().read() }
    }

    /// The value that the slot at this place stands for.
    fn value(&self, vm: &mut Vm, at: usize) -> Result<Value, Box<LuaError>> {
        let mut value = self.slot(at);
        // SAFETY: the slot was copied.
        unsafe { self.resolve(vm, &mut value)? };
        Ok(value)
    }

    /// Puts what a slot stands for in its place.
    ///
    /// # Safety
    /// It can be written.
    #[inline(always)]
    unsafe fn resolve(&self, vm: &mut Vm, slot: *mut Value) -> Result<(), Box<LuaError>> {
        // SAFETY: by contract.
        unsafe {
            if (*slot).tag() >= slot::OBJECT {
                *slot = match (*slot).tag() {
                    slot::OBJECT => self.objects[(*slot).payload() as usize],
                    kind => self.own(vm, kind, (*slot).payload())?,
                };
            }
        }
        Ok(())
    }

    /// What a slot stands for in this heap that is no object of the graph.
    #[inline(never)]
    fn own(&self, vm: &mut Vm, kind: u8, payload: u64) -> Result<Value, Box<LuaError>> {
        match kind {
            slot::TEXT => {
                let (start, len) = (payload >> slot::TEXT_BITS, payload & ((1 << slot::TEXT_BITS) - 1));
                vm.string(&self.graph.bytes[start as usize..][..len as usize])
            }
            slot::HANDLE => match &self.graph.handles[payload as usize] {
                Handle::Bytes(bytes) => match vm.heap.new_string_from_arc(Arc::clone(bytes)) {
                    Ok(string) => Ok(Value::string(string)),
                    Err(_) => Err(vm.out_of_memory()),
                },
                Handle::Channel(channel) => channel::adopt(vm, channel),
                Handle::Error(error) => Ok(errors::to_value(vm, Arc::clone(error))),
                Handle::Time(time) => Ok(time::time_value(vm, time.clone())),
                Handle::Duration(duration) => Ok(time::duration_value(vm, *duration)),
                Handle::Zone(zone) => Ok(time::location_value(vm, zone.clone())),
                Handle::Chunk(_) => unreachable!("chunks belong to closures"),
            },
            // SAFETY: a table of the image, which lives as long as that.
            slot::LIBRARY => Ok(vm.own(unsafe { Value::from_parts(tag::TABLE, payload) })),
            _ => Ok(Value::table(vm.globals())),
        }
    }

    /// Allocates an object.
    #[inline(always)]
    fn make(&self, vm: &mut Vm, head: Head, at: usize) -> Result<Value, Box<LuaError>> {
        match head {
            Head::Table { items, fields, copied, .. } => {
                let table = self.make_table(&mut vm.heap, at, items as usize, fields as usize, copied);
                table.map(Value::table).map_err(|error| vm.table_error(error))
            }
            Head::Closure { function, captured } => Ok(self.make_closure(vm, at, function, captured as usize)),
            Head::Cell => Ok(Value::cell(vm.heap.new_cell(Value::NIL))),
            Head::Payload(format) => Ok(payload::payload_value(vm, Payload { value: Value::NIL, format })),
        }
    }

    /// A table with slots in the place of values.
    #[inline(always)]
    fn make_table(
        &self,
        heap: &mut Heap,
        at: usize,
        items: usize,
        fields: usize,
        copied: bool,
    ) -> Result<*mut Table, TableError> {
        let content = self.cells[at..].as_ptr();
        // SAFETY: the packer has put them there; nothing refers to the table before it is filled.
        unsafe {
            let nodes = from_raw_parts(content.add(items).cast(), if copied { fields } else { 0 });
            let table = heap.new_table_of(from_raw_parts(content.cast(), items), nodes)?;
            if !copied {
                Table::resize(table, heap, 0, fields as u32)?;
            }
            Ok(table)
        }
    }

    #[inline(never)]
    fn make_closure(&self, vm: &mut Vm, at: usize, function: usize, captured: usize) -> Value {
        let chunk = self.slot(at);
        if chunk.tag() == slot::HANDLE
            && let Handle::Chunk(chunk) = &self.graph.handles[chunk.payload() as usize]
        {
            vm.heap.register_chunk(Arc::clone(chunk));
        }
        let closure = vm.heap.new_closure(function as *const Function, captured);
        for i in 0..captured {
            // SAFETY: a fresh closure with so many captured values.
            unsafe { Closure::captured(closure).add(i).write(Value::NIL) };
        }
        Value::closure(closure)
    }

    /// Fills an object with its content.
    #[inline(always)]
    fn fill(&self, vm: &mut Vm, object: Value, head: Head, at: usize) -> Result<(), Box<LuaError>> {
        // SAFETY: the objects are alive, since nothing is collected before the parcel is unpacked, and were made by their
        // heads.
        unsafe {
            match head {
                Head::Table { items, fields, copied, .. } => {
                    let (table, items, fields) = (object.as_table(), items as usize, fields as usize);
                    for item in 0..items {
                        self.resolve(vm, (*table).array.add(item))?;
                    }
                    if !copied {
                        return self.set_fields(vm, table, at + items, fields);
                    }
                    for node in 0..fields {
                        self.resolve(vm, &raw mut (*(*table).nodes.add(node)).value)?;
                    }
                }
                Head::Closure { captured, .. } => {
                    for i in 0..captured as usize {
                        *Closure::captured(object.as_closure()).add(i) = self.value(vm, at + 1 + i)?;
                    }
                }
                Head::Cell => (*object.as_cell()).value = self.value(vm, at)?,
                Head::Payload(_) => {
                    let payload = userdata_of::<Payload>(object).expect("a payload was made");
                    (*payload).value = self.value(vm, at)?;
                }
            }
        }
        Ok(())
    }

    #[inline(never)]
    fn set_fields(&self, vm: &mut Vm, table: *mut Table, first: usize, count: usize) -> Result<(), Box<LuaError>> {
        for key in (first..first + count * FIELD_CELLS).step_by(FIELD_CELLS) {
            let (key, value) = (self.value(vm, key)?, self.value(vm, key + 1)?);
            vm.raw_set(table, key, value)?;
        }
        Ok(())
    }

    /// Gives tables their metatables, when all have their content.
    fn set_metatables(&self, vm: &mut Vm) -> Result<(), Box<LuaError>> {
        let mut at = self.graph.roots as usize;
        for object in &*self.objects {
            let head = self.head(at);
            at += head.len();
            if let Head::Table { metatable: true, .. } = head {
                let (table, metatable) = (object.as_table(), self.value(vm, at - 1)?.as_table());
                // SAFETY: both are alive.
                unsafe {
                    vm.heap.set_metatable(table, metatable);
                    if !vm.handler_in(metatable, Event::Gc).is_nil() {
                        vm.heap.register_finalizer(table.cast());
                    }
                }
            }
        }
        Ok(())
    }
}

//! The machine: one Lua state. It owns a heap and runs one coroutine at a time.
//!
//! The state is split by who touches it: [`Saved`] is what the interpreter loop hands over to every slow path,
//! [`Registers`] caches the running coroutine, [`Heap`] owns the objects, and the rest is the state of the program as a
//! whole. Everything a Lua program can reach from outside its stacks is marked in [`Vm::collect`].

use std::ptr::NonNull;
use std::sync::Arc;

use super::cache;
use super::error::LuaError;
use super::event::{BASIC_TYPES, Event};
use super::execute::RESUME;
use super::exit::{Exit, Request};
use super::heap::{Heap, Marker, Roots};
use super::hook::Tracing;
use super::image::Image;
use super::intern::StringSet;
use super::loan::Loan;
use super::object::{Str, Table, mark};
use super::pool::{self, Pooled};
use super::random::Random;
use super::thread::{Frame, HEADROOM, Saved, Status, Thread};
use super::types::ErrorMaker;
use super::value::{Value, tag};
use crate::bytecode::Instruction;

/// What a host keeps with a machine: state of its own that native functions use and the collector must see.
///
/// # Safety
/// [`Host::tag`] answers with the address of a static that no other implementor answers with.
pub unsafe trait Host: Send + 'static {
    /// Tells this type from all others by one comparison: native functions ask for their host all the time.
    fn tag() -> *const u8
    where
        Self: Sized;

    /// Marks every Lua value it holds.
    fn trace(&mut self, marker: &mut Marker);

    /// What makes the error value for a value that is not of a type; without it that is a string.
    fn error_maker(&self) -> Option<ErrorMaker> {
        None
    }
}

/// Owns the host of a machine, whose memory comes from the [`pool`].
struct HostBox(*mut dyn Host);

impl Drop for HostBox {
    fn drop(&mut self) {
        // SAFETY: it came out of a `Pooled` of the type behind it, is dropped once, and its block given back.
        unsafe {
            let size = size_of_val(&*self.0);
            self.0.drop_in_place();
            pool::give(NonNull::new_unchecked(self.0.cast()), size);
        }
    }
}

/// The metatables that all values of a type share, by type.
pub(super) struct BasicMetatables(pub(super) [*mut Table; BASIC_TYPES]);

impl Default for BasicMetatables {
    fn default() -> BasicMetatables {
        BasicMetatables([std::ptr::null_mut(); BASIC_TYPES])
    }
}

/// The running coroutine, cached.
pub(super) struct Registers {
    /// Bottom of the stack.
    pub stack: *mut Value,
    /// A frame's registers must end at or below this.
    pub stack_limit: *mut Value,
    /// The next free frame.
    pub frame_top: *mut Frame,
    /// The end of the frames.
    pub frame_end: *mut Frame,
    /// End of the values of an open list, or of those a native function pushed.
    pub top: *mut Value,
    /// The coroutine.
    pub thread: *mut Thread,
}

/// Bytes of a stack for [`Vm::prefetch`].
const PREFETCHED_STACK: usize = 192;

/// A Lua state.
pub struct Vm {
    pub(super) saved: Saved,
    /// Calls and backward jumps left in this slice; negative: used up.
    pub fuel: i64,
    pub(super) registers: Registers,
    /// Slot of the running native function; 0 if none runs.
    pub(super) native_slot: u32,
    /// Where the results of the last call with all results begin.
    pub(super) result_slot: u32,
    /// Coroutines that have resumed another.
    pub(super) nesting: u32,
    /// The instance of the interpreter loop that runs.
    pub(super) tracing: Tracing,
    /// Whether a message handler may use the reserve of the stack.
    pub(super) handling_overflow: bool,
    /// The objects.
    pub heap: Heap,
    /// What all processes share.
    pub image: Loan<Image>,
    pub(super) globals: *mut Table,
    pub(super) string_metatable: *mut Table,
    /// There once a type has one.
    pub(super) basic_metatables: Option<Box<BasicMetatables>>,
    /// Null until it is first used.
    pub(super) registry: *mut Table,
    pub(super) exit: Option<Exit>,
    pub(super) request: Option<Request>,
    /// Coroutines whose native function has called back into the machine.
    pub(super) interrupted: Vec<*mut Thread>,
    /// Where strings are put together.
    pub(super) scratch: Vec<u8>,
    /// `__index`, for the fast path of method calls.
    pub(super) index_name: *mut Str,
    /// Whether a finalizer called at a safepoint is running; no other is called meanwhile.
    pub(super) finalizing: bool,
    /// The generator behind `math.random`; made when first used.
    pub random: Option<Box<Random>>,
    host: Option<HostBox>,
    /// The tag of the host's type; null without a host.
    host_tag: *const u8,
}

// SAFETY: the raw pointers lead to objects of the machine's own heap, which moves with it, or to static objects of the
// image, which are immutable and kept alive by `image`. The host and all userdata are `Send`.
unsafe impl Send for Vm {}

impl Vm {
    /// A state with the globals of `image`.
    pub fn new(image: Arc<Image>) -> Vm {
        let strings = Loan::keep(Arc::clone(&image.strings));
        let mut vm = Vm::bare(Loan::keep(image), strings);
        vm.furnish();
        vm
    }

    /// A state in memory from the [`pool`], with the globals of an image that it does not keep.
    ///
    /// # Safety
    /// The image is there for longer than the state.
    pub unsafe fn new_pooled(image: &Arc<Image>) -> Pooled<Vm> {
        // SAFETY: by contract; the image keeps its strings.
        let (image, strings) = unsafe { (Loan::borrow(image), Loan::borrow(&image.strings)) };
        let mut vm = Pooled::new(Vm::bare(image, strings));
        vm.furnish();
        vm
    }

    /// A state without globals. Inlined, so that it is written to its place at once.
    #[inline(always)]
    fn bare(image: Loan<Image>, strings: Loan<StringSet>) -> Vm {
        Vm {
            saved: Saved::new(std::ptr::null(), std::ptr::null_mut(), std::ptr::null()),
            fuel: i64::MAX,
            registers: Registers {
                stack: std::ptr::null_mut(),
                stack_limit: std::ptr::null_mut(),
                frame_top: std::ptr::null_mut(),
                frame_end: std::ptr::null_mut(),
                top: std::ptr::null_mut(),
                thread: std::ptr::null_mut(),
            },
            native_slot: 0,
            result_slot: 0,
            nesting: 0,
            tracing: Tracing::OFF,
            handling_overflow: false,
            heap: Heap::new(strings),
            globals: std::ptr::null_mut(),
            string_metatable: image.string_metatable.table(),
            basic_metatables: None,
            registry: std::ptr::null_mut(),
            exit: None,
            request: None,
            interrupted: Vec::new(),
            scratch: Vec::new(),
            index_name: image.event_names[Event::Index as usize],
            finalizing: false,
            random: None,
            host: None,
            host_tag: std::ptr::null(),
            image,
        }
    }

    /// Gives a bare state what others have.
    fn furnish(&mut self) {
        self.globals = self.heap.new_globals(&self.image.globals);
        if self.image.gc_stress {
            self.heap.set_stress(true);
        }
    }

    /// Begins to fetch into the processor's cache what a run touches first, see [`cache`].
    pub fn prefetch(&self) {
        cache::prefetch(self, size_of::<Vm>());
        self.heap.prefetch_home();
        cache::prefetch(self.registers.stack, PREFETCHED_STACK);
        cache::prefetch(self.registers.frame_top.wrapping_sub(1), size_of::<Frame>());
        if let Some(HostBox(host)) = self.host {
            // SAFETY: it has a host, and the size of that is beside its address.
            cache::prefetch(host, size_of_val(unsafe { &*host }));
        }
    }

    /// Makes the metatable of strings this process's own, if it is still that of the image.
    #[inline]
    pub(super) fn own_string_metatable(&mut self) {
        // SAFETY: a metatable is alive while it is one.
        let shared =
            unsafe { self.string_metatable.as_ref() }.is_some_and(|table| table.header.mark & mark::STATIC != 0);
        if shared {
            self.string_metatable = self.heap.materialise(Value::table(self.string_metatable)).as_table();
        }
    }

    /// What this process has for a value of the image: its own table for a library table.
    pub fn own(&mut self, value: Value) -> Value {
        self.heap.materialise(value)
    }

    /// A coroutine that only the host resumes.
    pub fn new_root(&mut self, function: Value) -> *mut Thread {
        let thread = self.new_thread(function);
        // SAFETY: fresh.
        unsafe {
            (*thread).scheduled = true;
            (*thread).takes_turns = true;
        }
        if self.registers.thread.is_null() {
            self.registers.thread = thread;
        }
        thread
    }

    /// The table of globals.
    pub fn globals(&self) -> *mut Table {
        self.globals
    }

    /// A table of the host's own, invisible to programs (manual §4.5).
    pub fn registry(&mut self) -> *mut Table {
        if self.registry.is_null() {
            self.registry = self.heap.new_table(0, 0);
        }
        self.registry
    }

    /// Gives the machine its host.
    pub fn set_host<T: Host>(&mut self, host: T) {
        self.host_tag = T::tag();
        self.host = Some(HostBox(Pooled::new(host).into_raw()));
    }

    /// See [`Host::error_maker`].
    pub fn error_maker(&self) -> Option<ErrorMaker> {
        // SAFETY: the object in the box is there as long as the machine.
        self.host.as_ref().and_then(|host| unsafe { (*host.0).error_maker() })
    }

    /// The host, if it is a `T`.
    #[inline(always)]
    pub fn host<T: Host>(&mut self) -> Option<&mut T> {
        if self.host_tag != T::tag() {
            return None;
        }
        // SAFETY: `set_host` noted the tag of the object in the box, which is there as long as the machine.
        Some(unsafe { &mut *self.host.as_ref().unwrap_unchecked().0.cast::<T>() })
    }

    // ---- slots

    pub(super) fn stack(&self) -> *mut Value {
        self.registers.stack
    }

    /// The value in a slot of the running coroutine's stack.
    #[inline(always)]
    pub fn slot(&self, slot: u32) -> Value {
        // SAFETY: slots handed out lie within the stack.
        unsafe { *self.registers.stack.add(slot as usize) }
    }

    /// Replaces the value in a slot.
    #[inline(always)]
    pub fn set_slot(&mut self, slot: u32, value: Value) {
        // SAFETY: as for `slot`.
        unsafe { *self.registers.stack.add(slot as usize) = value }
    }

    #[inline(always)]
    pub(super) fn slot_of(&self, place: *mut Value) -> u32 {
        // SAFETY: the place lies within the running coroutine's stack.
        unsafe { place.offset_from(self.registers.stack) as u32 }
    }

    /// The slot above the topmost value.
    #[inline(always)]
    pub fn top_slot(&self) -> u32 {
        self.slot_of(self.registers.top)
    }

    #[inline(always)]
    pub(super) fn set_top_slot(&mut self, slot: u32) {
        // SAFETY: the slot lies within the stack.
        self.registers.top = unsafe { self.registers.stack.add(slot as usize) };
    }

    /// The slot of a stored register operand of the running Lua function.
    #[inline(always)]
    pub(super) fn register_slot(&self, operand: u16) -> u32 {
        self.slot_of(self.saved.base) + u32::from(operand) / 16
    }

    /// Pushes a value: a result, an argument, a value to keep.
    ///
    /// # Errors
    /// `stack overflow` if the stack has reached its limit.
    #[inline]
    pub fn push(&mut self, value: Value) -> Result<(), Box<LuaError>> {
        if self.registers.top >= self.registers.stack_limit {
            self.ensure_slots(self.top_slot() + HEADROOM + 1)?;
        }
        // SAFETY: below the limit there is a slot.
        unsafe {
            *self.registers.top = value;
            self.registers.top = self.registers.top.add(1);
        }
        Ok(())
    }

    /// Pushes several values.
    ///
    /// # Errors
    /// As for [`Vm::push`].
    pub fn push_all(&mut self, values: &[Value]) -> Result<(), Box<LuaError>> {
        self.reserve(u32::try_from(values.len()).unwrap_or(u32::MAX))?;
        let top = self.registers.top;
        for (i, value) in values.iter().enumerate() {
            // SAFETY: there is a slot for each.
            unsafe { *top.add(i) = *value };
        }
        // SAFETY: as above.
        self.registers.top = unsafe { top.add(values.len()) };
        Ok(())
    }

    /// Makes sure that `n` values can be pushed.
    ///
    /// # Errors
    /// As for [`Vm::push`].
    pub fn reserve(&mut self, n: u32) -> Result<(), Box<LuaError>> {
        let needed = self.top_slot().checked_add(n).and_then(|slots| slots.checked_add(HEADROOM));
        match needed {
            Some(needed) => self.ensure_slots(needed),
            None => self.ensure_slots(u32::MAX),
        }
    }

    /// Answers a native call with one value.
    ///
    /// # Errors
    /// As for [`Vm::push`].
    #[inline]
    pub fn answer(&mut self, value: Value) -> super::native::NativeResult {
        self.push(value)?;
        Ok(super::native::Flow::Return(1))
    }

    /// Caches the bounds of the running coroutine's stack.
    pub(super) fn cache_stack(&mut self) {
        // SAFETY: the running coroutine is alive and has more slots than the headroom.
        unsafe {
            let thread = &*self.registers.thread;
            self.registers.stack = thread.stack;
            self.registers.stack_limit = thread.stack.add((thread.stack_len - HEADROOM) as usize);
        }
    }

    /// End of the slots in use by the innermost function, an open list of values not counted.
    pub(super) fn live_extent(&self) -> u32 {
        let top = self.top_slot();
        if self.native_slot != 0 || self.saved.pc == &raw const RESUME.0 {
            return top;
        }
        let base = self.slot_of(self.saved.base);
        if base == 0 {
            return top;
        }
        let function = self.slot(base - 1);
        if function.tag() != tag::CLOSURE {
            return top;
        }
        // SAFETY: the running function is alive.
        base + unsafe { (*(*function.as_closure()).function).registers }
    }

    /// End of the slots in use by the innermost function.
    pub(super) fn extent(&self, open_list: bool) -> u32 {
        if open_list { self.live_extent().max(self.top_slot()) } else { self.live_extent() }
    }

    /// The value of the native function that is running.
    pub fn running_native(&self) -> Value {
        self.slot(self.native_slot)
    }

    // ---- memory

    /// A string value.
    ///
    /// # Errors
    /// `not enough memory` past the memory limit.
    pub fn string(&mut self, bytes: &[u8]) -> Result<Value, Box<LuaError>> {
        match self.heap.new_string(bytes) {
            Ok(string) => Ok(Value::string(string)),
            Err(_) => Err(self.out_of_memory()),
        }
    }

    /// The place where a collection may happen: between two instructions, with `saved` up to date.
    #[inline]
    pub(super) fn safepoint(&mut self) -> Result<(), Box<LuaError>> {
        if self.heap.needs_collection() { self.collect_at_safepoint(false) } else { Ok(()) }
    }

    /// A safepoint where an open list of values may lie on the stack.
    #[inline]
    pub(super) fn safepoint_in_list(&mut self) -> Result<(), Box<LuaError>> {
        if self.heap.needs_collection() { self.collect_at_safepoint(true) } else { Ok(()) }
    }

    /// The safepoint of an instruction that has made an object and knows which registers are in use.
    #[inline]
    pub(super) fn safepoint_of(&mut self, i: &Instruction) -> Result<(), Box<LuaError>> {
        if !self.heap.needs_collection() {
            return Ok(());
        }
        self.clear_left_over(i);
        self.collect_at_safepoint(false)
    }

    /// Overwrites what lies in registers that are not in use. Cells stay: code that was not compiled here may say
    /// anything about its registers, but where it has a cell it relies on it.
    fn clear_left_over(&mut self, i: &Instruction) {
        let in_use = u32::from(i.x());
        if in_use == 0 {
            return;
        }
        let first = (self.slot_of(self.saved.base) + in_use).max(self.register_slot(i.a) + 1);
        for slot in first..self.live_extent() {
            if !self.slot(slot).is_cell() {
                self.set_slot(slot, Value::NIL);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn collect_at_safepoint(&mut self, open_list: bool) -> Result<(), Box<LuaError>> {
        if self.exit.is_none() {
            self.note_extent(self.extent(open_list));
        }
        let (heap, mut roots) = self.heap_and_roots();
        let work = heap.step(&mut roots);
        self.fuel -= work as i64;
        if self.heap.over_limit() {
            let (heap, mut roots) = self.heap_and_roots();
            heap.full_collect(&mut roots);
            if self.heap.over_limit() {
                return Err(self.out_of_memory());
            }
        }
        let due = self.exit.is_none() && !self.finalizing && self.heap.has_pending_finalizers();
        if due { self.run_finalizers(open_list) } else { Ok(()) }
    }

    /// A whole collection (`collectgarbage()`); the finalizers it finds run at the next safepoint.
    pub fn collect(&mut self) {
        if self.exit.is_none() {
            self.note_extent(self.live_extent());
        }
        let (heap, mut roots) = self.heap_and_roots();
        heap.full_collect(&mut roots);
    }

    /// A step of the collector (`collectgarbage("step")`): tells whether it ended a cycle.
    pub fn collect_step(&mut self, kilobytes: usize) -> bool {
        self.note_extent(self.live_extent());
        let (heap, mut roots) = self.heap_and_roots();
        heap.step_kilobytes(&mut roots, kilobytes)
    }

    /// The heap, and everything else as its roots.
    fn heap_and_roots(&mut self) -> (&mut Heap, ProgramRoots<'_>) {
        let roots = ProgramRoots {
            globals: self.globals,
            registry: self.registry,
            string_metatable: self.string_metatable,
            basic_metatables: self.basic_metatables.as_deref(),
            thread: self.registers.thread,
            interrupted: &self.interrupted,
            exit: self.exit.as_ref(),
            // SAFETY: the machine owns its host, and nobody else refers to it at a safepoint.
            host: self.host.as_ref().map(|host| unsafe { &mut *host.0 }),
        };
        (&mut self.heap, roots)
    }

    /// Stores how much of the running coroutine's stack is in use; one that has left the machine has done so itself.
    fn note_extent(&mut self, extent: u32) {
        // SAFETY: the running coroutine, if there is one, is alive.
        let thread = unsafe { self.registers.thread.as_mut() };
        if let Some(thread) = thread.filter(|thread| thread.status == Status::Running) {
            thread.extent = extent;
        }
    }
}

struct ProgramRoots<'a> {
    globals: *mut Table,
    registry: *mut Table,
    string_metatable: *mut Table,
    basic_metatables: Option<&'a BasicMetatables>,
    thread: *mut Thread,
    interrupted: &'a [*mut Thread],
    exit: Option<&'a Exit>,
    host: Option<&'a mut dyn Host>,
}

impl Roots for ProgramRoots<'_> {
    fn trace(&mut self, marker: &mut Marker) {
        let tables = [self.globals, self.registry, self.string_metatable];
        let basic = self.basic_metatables.iter().flat_map(|metatables| metatables.0);
        for table in tables.into_iter().chain(basic).filter(|table| !table.is_null()) {
            marker.mark(Value::table(table));
        }
        if !self.thread.is_null() {
            marker.mark(Value::thread(self.thread));
        }
        for thread in self.interrupted {
            marker.mark(Value::thread(*thread));
        }
        match self.exit {
            Some(Exit::Finished(values)) => values.iter().for_each(|value| marker.mark(*value)),
            Some(Exit::Failed(error)) => marker.mark(error.value),
            _ => {}
        }
        if let Some(host) = &mut self.host {
            host.trace(marker);
        }
    }
}

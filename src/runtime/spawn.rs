//! Starting processes (`runtime.md` §1.3): from an entry to a process that is ready to be queued.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::core::RuntimeCore;
use super::errors::{self, ErrorData, INTERNAL, INVALID_STATE, NOT_FOUND};
use super::process::Process;
use super::process_state::{ProcessState, state};
use super::task::Results;
use super::transfer::Parcel;
use crate::stdlib::load::chunk_proto;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::exit::Exit;
use crate::vm::function::Function;
use crate::vm::image::Image;
use crate::vm::native::Flow;
use crate::vm::thread::{Status, Thread};
use crate::vm::value::{Value, tag};

/// Code that can be spawned.
#[derive(Clone)]
pub struct Entry {
    /// Its id, `namespace:name`.
    pub id: Arc<str>,
    /// The function of its chunk, linked into the image.
    pub chunk: Chunk,
    /// Which field of the table that the chunk returns is called.
    pub method: Arc<str>,
}

/// The main function of a chunk that the image holds.
#[derive(Clone, Copy)]
pub struct Chunk(*const Function);

// SAFETY: functions of the image are immutable and live as long as it.
unsafe impl Send for Chunk {}
// SAFETY: as above.
unsafe impl Sync for Chunk {}

impl Chunk {
    /// Takes the content of a file, source text or a binary chunk, into the image.
    ///
    /// # Errors
    /// The first syntax error or what is wrong with the binary chunk, in Lua's words.
    pub fn compile(image: &Image, source: &[u8], chunk_name: &str) -> Result<Chunk, String> {
        let proto = chunk_proto(source, chunk_name.as_bytes())
            .map_err(|message| String::from_utf8_lossy(&message).into_owned())?;
        Ok(Chunk(image.load(&proto)))
    }

    /// The function as a value of `vm`, with its globals.
    pub fn closure(self, vm: &mut Vm) -> Value {
        let globals = Value::table(vm.globals());
        // SAFETY: see the type.
        vm.new_main_closure(unsafe { &*self.0 }, globals)
    }
}

/// Where entry ids lead.
pub trait Entries: Send + Sync + 'static {
    /// The entry with this id.
    ///
    /// # Errors
    /// `factory not found`, or a source that does not compile.
    fn resolve(&self, image: &Image, id: &str) -> Result<Entry, ErrorData>;

    /// Whether there is a host with this id.
    fn has_host(&self, id: &str) -> bool;
}

/// What a process begins with.
pub enum Start<'a> {
    /// The method of an entry.
    Entry(&'a Entry),
    /// A function, the first of the transferred arguments, under the spawner's entry id.
    Function(Arc<str>),
    /// What a host wants to run, a script for instance.
    Program {
        /// The entry id.
        id: &'a Arc<str>,
        /// Makes them.
        begin: &'a Begin<'a>,
        /// Whether somebody can interrupt it: then a deadlock is no reason to end it.
        interruptible: bool,
    },
}

/// Makes the main function of a process and its arguments. Nothing is transferred besides.
pub type Begin<'a> = dyn Fn(&mut Vm) -> Result<(Value, Results), Box<LuaError>> + 'a;

/// Makes a process with its Lua state and main task; it is in the process table, but not queued yet.
///
/// # Errors
/// As the specification lists them for steps 2 to 5.
pub fn create(core: &Arc<RuntimeCore>, start: &Start<'_>, arguments: &Parcel) -> Result<Arc<Process>, ErrorData> {
    if core.stopping.load(Ordering::Relaxed) {
        return Err(ErrorData::plain(INVALID_STATE, "scheduler is stopping"));
    }
    let (id, script) = match start {
        Start::Entry(entry) => (&entry.id, false),
        Start::Function(id) => (id, false),
        Start::Program { id, interruptible, .. } => (*id, !interruptible),
    };
    let process = Process::new(Arc::clone(core), core.processes.next_pid(), Arc::clone(id), script);
    let mut vm = machine(&process);
    let (thread, mut arguments) = match start {
        Start::Entry(entry) => {
            let (thread, method) = run_chunk(&mut vm, entry)?;
            begin_again(thread, method);
            // What the chunk made and nothing needs any more would stay as long as the process is idle.
            vm.collect();
            vm.heap.release_unused();
            (thread, unpack(&mut vm, arguments)?)
        }
        Start::Function(_) => {
            let mut values = unpack(&mut vm, arguments)?;
            let function = if values.is_empty() { Value::NIL } else { values.remove(0) };
            (vm.new_root(function), values)
        }
        Start::Program { begin, .. } => {
            let begun = super::lib_require::install(&mut vm).and_then(|()| begin(&mut vm));
            let (function, arguments) = begun.map_err(|error| failed(&mut vm, &error))?;
            let thread = vm.new_root(function);
            // SAFETY: fresh. The program is one of Lua alone until it has a second scheduled coroutine.
            unsafe { (*thread).takes_turns = false };
            (thread, arguments)
        }
    };
    arguments.shrink_to_fit();
    state(&mut vm).tasks.spawn(thread, arguments);
    // SAFETY: nobody else knows the process yet.
    unsafe { process.set_machine(vm) };
    core.processes.insert(&process);
    Ok(process)
}

/// A Lua state for a process. It must not outlive the process.
pub(super) fn machine(process: &Arc<Process>) -> Box<Vm> {
    let core = &process.core;
    let mut vm = Box::new(Vm::new(Arc::clone(&core.image)));
    vm.heap.set_limit(core.settings.memory_limit);
    // SAFETY: by contract the process lives as long as the machine.
    vm.set_host(Box::new(unsafe { ProcessState::new(Arc::as_ptr(process)) }));
    vm
}

fn unpack(vm: &mut Vm, arguments: &Parcel) -> Result<Results, ErrorData> {
    match arguments.unpack(vm) {
        Ok(values) => Ok(Results::from_slice(&values)),
        Err(error) => Err(failed(vm, &error)),
    }
}

/// Runs the top-level chunk of an entry; returns the coroutine it ran in and the method.
fn run_chunk(vm: &mut Vm, entry: &Entry) -> Result<(*mut Thread, Value), ErrorData> {
    let function = entry.chunk.closure(vm);
    let thread = vm.new_root(function);
    let values = match vm.run(thread, &[]) {
        Exit::Finished(values) => values,
        Exit::Failed(error) => return Err(failed(vm, &error)),
        Exit::OutOfBudget | Exit::Suspended(_) => {
            return Err(ErrorData::plain(
                INTERNAL,
                &format!("failed to execute script: {}", super::process_state::CANNOT_WAIT),
            ));
        }
    };
    let value = values.first().copied().unwrap_or(Value::NIL);
    let method = match value.tag() {
        tag::TABLE => {
            let key = vm.string(entry.method.as_bytes()).map_err(|error| failed(vm, &error))?;
            vm.raw_get(value.as_table(), key)
        }
        _ => value,
    };
    if method.is_function() {
        return Ok((thread, method));
    }
    Err(ErrorData::plain(NOT_FOUND, &format!("method \"{}\" not found in module", entry.method)))
}

fn failed(vm: &mut Vm, error: &LuaError) -> ErrorData {
    let text = errors::value_text(vm, error.value);
    ErrorData::plain(INTERNAL, &format!("failed to execute script: {text}"))
}

/// Makes a coroutine that has ended run another function: most processes need one stack only.
fn begin_again(thread: *mut Thread, function: Value) {
    // SAFETY: the coroutine has ended and is the only one of its machine.
    unsafe {
        debug_assert_eq!((*thread).status, Status::Dead);
        (*thread).status = Status::Fresh;
        *(*thread).stack = function;
        (*thread).extent = 1;
    }
}

/// The answer of a native function that started a process.
pub fn answer(vm: &mut Vm, started: Result<Arc<Process>, ErrorData>) -> crate::vm::native::NativeResult {
    match started {
        Ok(process) => {
            let host = &state(vm).core().host;
            let text = process.pid.display(host).to_string();
            let text = vm.string(text.as_bytes())?;
            vm.push(text)?;
            vm.push(Value::NIL)?;
        }
        Err(error) => {
            let error = errors::to_value(vm, Arc::new(error));
            vm.push(Value::NIL)?;
            vm.push(error)?;
        }
    }
    Ok(Flow::Return(2))
}

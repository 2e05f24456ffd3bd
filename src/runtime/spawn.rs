//! Starting processes (`runtime.md` §1.3): from an entry to a process that runs.
//!
//! [`create`] makes a process that nobody knows yet. [`launch`] makes it known, under its name if it gets one, and queues
//! it; before, its relations are set up and its first messages delivered, so that it can neither end unwatched nor miss
//! them. The top-level chunk of an entry runs on the thread of the spawner, in slices between which other processes have a
//! turn and the spawner may be terminated; should it panic, only the spawn fails.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use smallvec::SmallVec;

use super::call::Callable;
use super::context::Inheritance;
use super::core::RuntimeCore;
use super::data::Data;
use super::errors::{self, ErrorData, INTERNAL, INVALID, INVALID_STATE, NOT_FOUND};
use super::hosts::{Host, HostKind};
use super::links::Relation;
use super::mail::{Mail, Message};
use super::names::NameError;
use super::pid::Pid;
use super::process::Process;
use super::process_state::{ProcessState, state};
use super::task::Results;
use super::template::Template;
use super::transfer::{Parcel, Text, pack, pack_list};
use crate::compile::Modules;
use crate::stdlib::load::chunk_proto;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::exit::Exit;
use crate::vm::function::Function;
use crate::vm::image::Image;
use crate::vm::native::Args;
use crate::vm::pool::Pooled;
use crate::vm::thread::{Status, Thread};
use crate::vm::value::{Value, tag};

/// Code that can be spawned.
#[derive(Clone)]
pub struct Entry(Arc<EntryData>);

/// See [`Entry`].
pub struct EntryData {
    /// Its id, `namespace:name`.
    pub id: Arc<str>,
    /// The function of its chunk, linked into the image.
    pub chunk: Chunk,
    /// Which field of the table that the chunk returns is called.
    pub method: Arc<str>,
    /// What its globals are besides those that all processes have.
    pub bindings: Option<Arc<Bindings>>,
    template: Template,
}

impl Entry {
    /// The entry `id`: the field `method` of what `chunk` returns.
    pub fn new(id: impl Into<Arc<str>>, chunk: Chunk, method: impl Into<Arc<str>>) -> Entry {
        Entry::with_bindings(id, chunk, method, None)
    }

    /// The same, with globals of its own.
    pub fn with_bindings(
        id: impl Into<Arc<str>>,
        chunk: Chunk,
        method: impl Into<Arc<str>>,
        bindings: Option<Arc<Bindings>>,
    ) -> Entry {
        let (id, method) = (id.into(), method.into());
        Entry(Arc::new(EntryData { id, chunk, method, bindings, template: Template::default() }))
    }
}

impl Entry {
    /// Whether its processes begin without running any code of it before: they get copies of the method.
    pub fn starts_at_once(&self) -> bool {
        self.bindings.as_deref().is_none_or(|bindings| bindings.libraries.is_empty()) && self.0.template.is_known()
    }
}

impl Deref for Entry {
    type Target = EntryData;

    fn deref(&self) -> &EntryData {
        &self.0
    }
}

/// What an entry asks for (`runtime.md` §8.4): globals of the processes that run it.
#[derive(Default)]
pub struct Bindings {
    /// Built-in modules, by name.
    pub modules: Vec<Box<str>>,
    /// Libraries, each after those that it needs itself.
    pub libraries: Vec<Library>,
}

/// A library that an entry asks for.
pub struct Library {
    /// Its code.
    pub chunk: Chunk,
    /// The globals that hold what its chunk returns.
    pub names: Vec<Box<str>>,
}

/// The main function of a chunk that the image holds.
#[derive(Clone, Copy)]
pub struct Chunk(*const Function);

// SAFETY: functions of the image are immutable and live as long as it.
unsafe impl Send for Chunk {}
// SAFETY: as above.
unsafe impl Sync for Chunk {}

impl Chunk {
    /// Takes the content of a file, source text or a binary chunk, into the image. Types of other modules in it come from
    /// `modules`.
    ///
    /// # Errors
    /// The first syntax error or what is wrong with the binary chunk, in Lua's words.
    pub fn compile(image: &Image, source: &[u8], chunk_name: &str, modules: &dyn Modules) -> Result<Chunk, String> {
        let proto = chunk_proto(source, chunk_name.as_bytes(), modules)
            .map_err(|message| String::from_utf8_lossy(&message).into_owned())?;
        Ok(Chunk(image.load(&proto)))
    }

    /// The function.
    pub fn function(&self) -> &Function {
        // SAFETY: see the type.
        unsafe { &*self.0 }
    }

    /// The function as a value of `vm`, with its globals.
    pub fn closure(self, vm: &mut Vm) -> Value {
        let globals = Value::table(vm.globals());
        vm.new_main_closure(self.function(), globals)
    }
}

/// What is known of a resource.
pub enum Resource {
    /// There are no definitions: what an id means is the module's business.
    Undeclared,
    /// No entry has this id.
    Unknown,
    /// An entry.
    Entry {
        /// Its kind.
        kind: Box<str>,
        /// Its fields.
        data: Data,
        /// The folder to which paths in it are relative.
        folder: PathBuf,
    },
}

/// Where entry ids lead.
pub trait Entries: std::any::Any + Send + Sync {
    /// The entry with this id.
    ///
    /// # Errors
    /// `factory not found`, or a source that does not compile.
    fn resolve(&self, image: &Image, id: &str) -> Result<Entry, ErrorData>;

    /// What a process of this entry has besides what all processes have.
    fn bindings(&self, _id: &str) -> Option<Arc<Bindings>> {
        None
    }

    /// What `funcs` may call under this id.
    ///
    /// # Errors
    /// As [`resolve`](Entries::resolve).
    fn callable(&self, core: &RuntimeCore, id: &str) -> Result<Callable, ErrorData> {
        let entry = self.resolve(&core.image, id)?;
        Ok(Callable { entry, host: core.hosts.for_function(id), pool: None })
    }

    /// The entry behind an id that names a resource of a module.
    fn resource(&self, _id: &str) -> Resource {
        Resource::Undeclared
    }

    /// The code of a library, whose method means nothing.
    fn library(&self, _id: &str) -> Option<Entry> {
        None
    }

    /// The ids and fields of all entries of a kind.
    fn of_kind(&self, _kind: &str) -> Vec<(Arc<str>, Data)> {
        Vec::new()
    }

    /// What is said about an entry besides its fields.
    fn meta(&self, _id: &str) -> Data {
        Data::Nil
    }

    /// Whether hosts have to be declared. If not, every host id means the default host.
    fn declares_hosts(&self) -> bool {
        false
    }

    /// Whether a process sees only those built-in modules and libraries that its entry lists.
    fn lists_modules(&self) -> bool {
        false
    }

    /// Whether there is a scope of process groups with this id.
    fn has_group_scope(&self, _id: &str) -> bool {
        true
    }
}

impl dyn Entries {
    /// Kind and fields of an entry that is of one of these kinds.
    ///
    /// # Errors
    /// `Invalid` for an empty id and for one of another kind, `NotFound` for an unknown one.
    pub fn declared(&self, id: &str, kinds: &[&str]) -> Result<(Box<str>, Data), ErrorData> {
        if id.is_empty() {
            return Err(ErrorData::judged(INVALID, "empty id", false));
        }
        match self.resource(id) {
            Resource::Entry { kind, data, .. } if kinds.contains(&&*kind) => Ok((kind, data)),
            Resource::Entry { kind, .. } => {
                Err(ErrorData::judged(INVALID, &format!("{id} is a {kind}, not a {}", kinds.join(" or ")), false))
            }
            Resource::Undeclared | Resource::Unknown => {
                Err(ErrorData::judged(NOT_FOUND, &format!("there is no entry {id}"), false))
            }
        }
    }
}

/// The id that a reference in the definition of an entry means; without a namespace it is one of the entry's own.
pub fn sibling(of: &str, reference: &str) -> String {
    match of.split_once(':') {
        Some((namespace, _)) if !reference.contains(':') => format!("{namespace}:{reference}"),
        _ => reference.to_owned(),
    }
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

impl Start<'_> {
    /// The id of the entry.
    fn id(&self) -> &Arc<str> {
        match self {
            Start::Entry(entry) => &entry.id,
            Start::Function(id) => id,
            Start::Program { id, .. } => id,
        }
    }
}

/// Makes the main function of a process and its arguments. Nothing is transferred besides.
pub type Begin<'a> = dyn Fn(&mut Vm) -> Result<(Value, Results), Box<LuaError>> + 'a;

/// Makes a process with its Lua state and main task. Nobody knows it before it is [launched](launch). `spawner` is the
/// process that waits for this.
///
/// # Errors
/// As the specification lists them for steps 2 to 5.
pub fn create(
    core: &Arc<RuntimeCore>,
    host: &Host,
    start: &Start<'_>,
    arguments: &Parcel,
    inherited: Inheritance,
    spawner: Option<&Process>,
) -> Result<Arc<Process>, ErrorData> {
    if core.stopping.load(Ordering::Relaxed) {
        return Err(ErrorData::plain(INVALID_STATE, "scheduler is stopping"));
    }
    host.enter()?;
    let must_end = host.kind != HostKind::Processes || matches!(start, Start::Program { interruptible: false, .. });
    let process = Process::new(Arc::clone(core), core.processes.next_pid(host.index()), must_end);
    let vm = machine_of(&process, start, arguments, inherited, spawner).inspect_err(|_| host.leave())?;
    // SAFETY: nobody else knows the process yet.
    unsafe { process.set_machine(vm) };
    Ok(process)
}

/// A Lua state for a process, whose main task is ready to run.
///
/// # Errors
/// As for [`create`].
pub(super) fn machine_of(
    process: &Arc<Process>,
    start: &Start<'_>,
    arguments: &Parcel,
    inherited: Inheritance,
    spawner: Option<&Process>,
) -> Result<Pooled<Vm>, ErrorData> {
    let mut vm = machine(process, start.id(), inherited);
    let made = catch_unwind(AssertUnwindSafe(|| {
        let (thread, mut arguments) = main_task(&mut vm, start, arguments, spawner)?;
        arguments.shrink_to_fit();
        state(&mut vm).tasks.spawn(thread, arguments);
        Ok(())
    }));
    match made.unwrap_or_else(|panic| Err(ErrorData::panic(&*panic))) {
        Ok(()) => Ok(vm),
        Err(error) => {
            process.leave(&mut vm);
            Err(error)
        }
    }
}

/// The coroutine of the main task, and its arguments.
fn main_task(
    vm: &mut Vm,
    start: &Start<'_>,
    arguments: &Parcel,
    spawner: Option<&Process>,
) -> Result<(*mut Thread, Results), ErrorData> {
    match start {
        Start::Entry(entry) => {
            bind(vm, entry.bindings.as_deref(), spawner)?;
            // What libraries make is different in every process.
            let is_alone = entry.bindings.as_deref().is_none_or(|bindings| bindings.libraries.is_empty());
            if is_alone && let Some(method) = entry.template.make(vm) {
                let method = method.map_err(|error| failed(vm, &error))?;
                return Ok((vm.new_root(method), unpack(vm, arguments)?));
            }
            let (thread, method) = method(vm, entry, spawner)?;
            if is_alone {
                let modules = entry.bindings.as_deref().map_or(&[][..], |bindings| &bindings.modules);
                entry.template.learn(vm, entry.chunk, modules, method);
            }
            begin_again(thread, method);
            // What the chunk made and nothing needs any more would stay as long as the process is idle.
            vm.collect();
            vm.heap.release_unused();
            Ok((thread, unpack(vm, arguments)?))
        }
        Start::Function(id) => {
            let bindings = state(vm).core().entries.bindings(id);
            bind(vm, bindings.as_deref(), spawner)?;
            let mut values = unpack(vm, arguments)?;
            let function = if values.is_empty() { Value::NIL } else { values.remove(0) };
            Ok((vm.new_root(function), values))
        }
        Start::Program { begin, .. } => {
            let (function, arguments) = begin(vm).map_err(|error| failed(vm, &error))?;
            let thread = vm.new_root(function);
            // SAFETY: fresh. The program is one of Lua alone until it has a second scheduled coroutine.
            unsafe { (*thread).takes_turns = false };
            Ok((thread, arguments))
        }
    }
}

/// Bytes before which the heap of one of many processes is not collected.
const LEAST_THRESHOLD: u32 = 8 << 10;

/// A Lua state for a process. It must not outlive the process.
pub(super) fn machine(process: &Arc<Process>, entry: &Arc<str>, inherited: Inheritance) -> Pooled<Vm> {
    let core = &process.core;
    // SAFETY: the process lives as long as its machine, and keeps the image by way of the core.
    let mut vm = unsafe { Vm::new_pooled(&core.image) };
    vm.heap.set_limit(core.memory_limit.load(Ordering::Relaxed));
    if process.pid.host() != 0 || !process.must_end() {
        vm.heap.set_least_threshold(LEAST_THRESHOLD);
    }
    // SAFETY: by contract the process lives as long as the machine.
    vm.set_host(unsafe { ProcessState::new(Arc::as_ptr(process), Arc::clone(entry), inherited) });
    vm
}

/// What a new process begins its public life with.
#[derive(Default)]
pub struct Launch<'a> {
    /// The spawner, and how it and the new process are related.
    pub relations: Option<(&'a Process, &'a [Relation])>,
    /// The name it gets.
    pub name: Option<&'a Text>,
    /// The messages it finds in its mailbox.
    pub messages: Vec<Message>,
}

/// A process that could not be launched because its name is taken.
pub struct NameTaken {
    /// Who has the name.
    pub owner: Pid,
    /// The process, which may be launched later.
    pub process: Arc<Process>,
    /// The messages it was to find.
    pub messages: Vec<Message>,
}

/// Makes a created process known and queues it.
///
/// # Errors
/// Who has its name already.
pub fn launch(process: Arc<Process>, launch: Launch<'_>) -> Result<Arc<Process>, NameTaken> {
    let core = &process.core;
    let (spawner, relations) = launch.relations.unzip();
    let relations = relations.unwrap_or_default();
    if let Some(spawner) = spawner {
        // Neither has ended. All of it is in place before anybody can find the process, and end it.
        relations.iter().for_each(|relation| _ = process.watch(spawner.pid, *relation));
        if relations.contains(&Relation::Link) {
            let _ = spawner.watch(process.pid, Relation::Link);
        }
    }
    let mut messages = launch.messages;
    let mut publish = || {
        // It has not ended: its mailbox is open.
        messages.drain(..).for_each(|message| _ = process.mailbox.push(Mail::Message(message)));
        core.publish(&process);
    };
    match launch.name {
        None => publish(),
        Some(name) => {
            if let Err(NameError::Taken(owner)) = core.names.register(name.as_bytes(), &process, publish) {
                core.hosts.of(process.pid).leave();
                if let Some(spawner) = spawner {
                    relations.iter().for_each(|relation| process.unwatch(spawner.pid, *relation));
                    spawner.unwatch(process.pid, Relation::Link);
                }
                return Err(NameTaken { owner, process, messages });
            }
        }
    }
    core.scheduler.spawn(Arc::clone(&process));
    Ok(process)
}

/// The arguments of a native function from `first` on, packed.
pub(super) fn pack_rest(vm: &mut Vm, args: Args, first: u32) -> Parcel {
    match args.len.saturating_sub(first) {
        0 => Parcel::Empty,
        1 => {
            let value = args.get(vm, first);
            pack(vm, value)
        }
        _ => {
            let values: SmallVec<[Value; 8]> = (first..args.len).map(|i| args.get(vm, i)).collect();
            pack_list(vm, &values)
        }
    }
}

fn unpack(vm: &mut Vm, arguments: &Parcel) -> Result<Results, ErrorData> {
    if arguments.is_empty() {
        return Ok(Results::new());
    }
    match arguments.unpack(vm) {
        Ok(values) => Ok(Results::from_slice(&values)),
        Err(error) => Err(failed(vm, &error)),
    }
}

/// Makes what an entry asks for globals; libraries are run for it.
fn bind(vm: &mut Vm, bindings: Option<&Bindings>, spawner: Option<&Process>) -> Result<(), ErrorData> {
    let Some(bindings) = bindings else { return Ok(()) };
    let globals = vm.globals();
    for name in &bindings.modules {
        if let Some(module) = vm.image.module(name) {
            let module = vm.own(module);
            vm.raw_set_name(globals, name, module).map_err(|error| failed(vm, &error))?;
        }
    }
    for library in &bindings.libraries {
        let (_, value) = run_chunk(vm, library.chunk, spawner)?;
        // As `require` has it for a module that returns nothing.
        let value = if value.is_nil() { Value::TRUE } else { value };
        for name in &library.names {
            vm.raw_set_name(globals, name, value).map_err(|error| failed(vm, &error))?;
        }
    }
    Ok(())
}

/// Runs the top-level chunk of an entry or a library; returns the coroutine it ran in and the first result.
fn run_chunk(vm: &mut Vm, chunk: Chunk, spawner: Option<&Process>) -> Result<(*mut Thread, Value), ErrorData> {
    let function = chunk.closure(vm);
    let thread = vm.new_root(function);
    loop {
        vm.fuel = state(vm).core().settings.slice;
        match vm.run(thread, &[]) {
            Exit::Finished(values) => return Ok((thread, values.first().copied().unwrap_or(Value::NIL))),
            Exit::Failed(error) => return Err(failed(vm, &error)),
            Exit::OutOfBudget if spawner.is_none_or(|spawner| !spawner.is_doomed()) => {
                state(vm).core().scheduler.give_way();
            }
            Exit::OutOfBudget => return Err(ErrorData::plain(INTERNAL, "the spawner was terminated")),
            Exit::Suspended(_) => {
                let text = format!("failed to execute script: {}", super::process_state::CANNOT_WAIT);
                return Err(ErrorData::plain(INTERNAL, &text));
            }
        }
    }
}

/// Runs the top-level chunk of an entry; returns the coroutine it ran in and the method.
fn method(vm: &mut Vm, entry: &Entry, spawner: Option<&Process>) -> Result<(*mut Thread, Value), ErrorData> {
    let (thread, value) = run_chunk(vm, entry.chunk, spawner)?;
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

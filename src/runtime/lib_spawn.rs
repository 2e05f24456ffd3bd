//! Starting processes from programs: `process.spawn` and its variants, `process.exec`, and spawn builders (`runtime.md`
//! §2.3, §2.10, §2.11).
//!
//! Everything here gathers an [`Order`] and carries it out. A builder is an order without entry and arguments; each of
//! its methods makes another one.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::access::{self, Access};
use super::call;
use super::context::{Context, Inheritance};
use super::data::Data;
use super::errors::{self, ErrorData, INVALID, NOT_FOUND, refuse};
use super::identity::{Actor, Identity, Scope};
use super::lib_process::pid_value;
use super::links::Relation;
use super::mail::{Mail, Message};
use super::module::object::{Object, check};
use super::pid::{NOBODY, Pid};
use super::process::Process;
use super::process_state::state;
use super::select::check_can_wait;
use super::spawn::{self, Launch, Start, pack_rest};
use super::task::Wait;
use super::transfer::{Parcel, Text, pack_list};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::exit::Request;
use crate::vm::image::Library;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::raw::string_bytes;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// Extends the library `process`.
pub static LIBRARY: Library = Library {
    name: "process",
    global: true,
    natives: &[
        Native::new("spawn", |vm, args| spawn_with(vm, args, &[])),
        Native::new("spawn_monitored", |vm, args| spawn_with(vm, args, MONITORED)),
        Native::new("spawn_linked", |vm, args| spawn_with(vm, args, LINKED)),
        Native::new("spawn_linked_monitored", |vm, args| spawn_with(vm, args, LINKED_MONITORED)),
        Native::new("exec", exec),
        Native::new("with_context", |vm, args| add_context(vm, args, Spawner::default(), 0)),
        Native::new("with_options", |vm, args| add_options(vm, args, Spawner::default(), 0)),
    ],
    constants: &[],
};

const MONITORED: &[Relation] = &[Relation::Monitor];
const LINKED: &[Relation] = &[Relation::Link];
const LINKED_MONITORED: &[Relation] = &[Relation::Link, Relation::Monitor];

/// The class of builders.
pub static SPAWNER: Class = Class {
    name: "process.Spawner",
    methods: &[
        Native::new("with_context", |vm, args| this(vm, args).and_then(|this| add_context(vm, args, this, 1))),
        Native::new("with_options", |vm, args| this(vm, args).and_then(|this| add_options(vm, args, this, 1))),
        Native::new("with_actor", |vm, args| {
            with_identity(vm, args, |identity, actor: Arc<Actor>| identity.actor = Some(actor))
        }),
        Native::new("with_scope", |vm, args| {
            with_identity(vm, args, |identity, scope: Arc<Scope>| identity.scope = Some(scope))
        }),
        Native::new("with_name", with_name),
        Native::new("with_message", with_message),
        Native::new("spawn", |vm, args| build(vm, args, &[])),
        Native::new("spawn_monitored", |vm, args| build(vm, args, MONITORED)),
        Native::new("spawn_linked", |vm, args| build(vm, args, LINKED)),
        Native::new("spawn_linked_monitored", |vm, args| build(vm, args, LINKED_MONITORED)),
        Native::new("exec", build_and_exec),
    ],
    metamethods: &[],
};

/// What a builder adds to a spawn.
#[derive(Clone, Default)]
struct Spawner {
    context: Option<Arc<Context>>,
    identity: Identity,
    name: Option<Text>,
    messages: Vec<(Text, Parcel)>,
}

impl UserData for Spawner {
    fn class(&self) -> &'static str {
        "process.Spawner"
    }
}

/// What is to be started.
struct Order<'a> {
    /// The arguments of the native function; `entry` of them is the entry id or a function, then come the host and the
    /// arguments of the process.
    args: Args,
    entry: u32,
    spawner: &'a Spawner,
    relations: &'a [Relation],
    /// Whether the caller waits for the end.
    waits: bool,
}

/// What came of an order.
enum Started {
    Process(Arc<Process>),
    /// The name was taken; its owner got the messages.
    Signalled(Pid),
}

const MISSING: &str = "spawn requires an entry id and a host id";

impl Order<'_> {
    /// Whether entry or host are missing.
    fn is_incomplete(&self, vm: &Vm) -> bool {
        let missing = |value: Value| value.is_nil() || value.is_string() && string_bytes(value).is_empty();
        missing(self.args.get(vm, self.entry)) || missing(self.args.get(vm, self.entry + 1))
    }

    /// Starts the process. `on_exit` is called when it ends. The outer error is one of usage.
    fn carry_out(
        &self,
        vm: &mut Vm,
        on_exit: Option<super::links::OnExit>,
    ) -> Result<Result<Started, ErrorData>, Box<LuaError>> {
        let (args, entry) = (self.args, self.entry);
        let target = args.get(vm, entry);
        let host = args.check_bytes(vm, entry + 1)?;
        let core = state(vm).core();
        if let Err(error) = self.check(vm, host) {
            return Ok(Err(error));
        }
        let host = match std::str::from_utf8(host) {
            Ok(host) => core.hosts.for_spawn(host),
            Err(_) => Err(ErrorData::plain(NOT_FOUND, "host not found")),
        };
        let host = match host {
            Ok(host) => host,
            Err(error) => return Ok(Err(error)),
        };
        let parent = state(vm).process();
        if let Some(name) = &self.spawner.name
            && let Some(owner) = core.names.lookup(name.as_bytes())
            && signal(core, owner, self.messages()).is_ok()
        {
            return Ok(Ok(Started::Signalled(owner)));
        }
        let identity = &self.spawner.identity;
        let inherited = Inheritance {
            context: Context::merged(state(vm).context(), self.spawner.context.as_ref()),
            identity: (!identity.is_empty()).then(|| Arc::new(identity.clone())),
        };
        let created = if target.is_function() {
            let mut values: SmallVec<[Value; 8]> = smallvec![target];
            values.extend((entry + 2..args.len).map(|i| args.get(vm, i)));
            let arguments = pack_list(vm, &values);
            let start = Start::Function(Arc::clone(&state(vm).entry));
            spawn::create(core, &host, &start, &arguments, inherited, Some(parent))
        } else {
            let id = args.check_bytes(vm, entry)?;
            let resolved = match std::str::from_utf8(id) {
                Ok(id) => core.entries.resolve(&core.image, id),
                Err(_) => Err(ErrorData::no_factory(&String::from_utf8_lossy(id))),
            };
            match resolved {
                Ok(entry_found) => {
                    let arguments = pack_rest(vm, args, entry + 2);
                    spawn::create(core, &host, &Start::Entry(&entry_found), &arguments, inherited, Some(parent))
                }
                Err(error) => Err(error),
            }
        };
        let process = match created {
            Ok(process) => process,
            Err(error) => return Ok(Err(error)),
        };
        if let Some(on_exit) = on_exit {
            process.on_exit(on_exit);
        }
        let (mut process, mut messages) = (process, self.messages());
        loop {
            let relations = (!self.relations.is_empty()).then_some((parent, self.relations));
            let launch = Launch { relations, name: self.spawner.name.as_ref(), messages };
            let taken = match spawn::launch(process, launch) {
                Ok(process) => return Ok(Ok(Started::Process(process))),
                Err(taken) => taken,
            };
            match signal(core, taken.owner, taken.messages) {
                Ok(()) => return Ok(Ok(Started::Signalled(taken.owner))),
                Err(back) => (process, messages) = (taken.process, back),
            }
        }
    }

    /// Asks for leave for all that is wanted.
    fn check(&self, vm: &mut Vm, host: &[u8]) -> Result<(), ErrorData> {
        if access::is_free(vm) {
            return Ok(());
        }
        let target = self.args.get(vm, self.entry);
        let id = match target.is_string() {
            true => String::from_utf8_lossy(string_bytes(target)).into_owned(),
            false => state(vm).entry.to_string(),
        };
        let access = Access::of_caller(vm);
        let host = String::from_utf8_lossy(host);
        access.check(if self.waits { "process.exec" } else { "process.spawn" }, &id)?;
        for (relation, action) in
            [(Relation::Monitor, "process.spawn.monitored"), (Relation::Link, "process.spawn.linked")]
        {
            if self.relations.contains(&relation) {
                access.check(action, &id)?;
            }
        }
        access.check_with("process.host", &host, &Data::from([("entry", &*id)]))
    }

    fn messages(&self) -> Vec<Message> {
        let message = |(topic, payload): &(Text, Parcel)| Message {
            from: NOBODY,
            topic: topic.clone(),
            payload: payload.clone(),
        };
        self.spawner.messages.iter().map(message).collect()
    }
}

/// Sends the first messages of a process to the one that has its name already. They come back if that one has ended: its
/// name is free then.
fn signal(core: &super::core::RuntimeCore, owner: Pid, messages: Vec<Message>) -> Result<(), Vec<Message>> {
    let Some(process) = core.processes.get(owner).filter(|process| !process.relations().have_ended()) else {
        return Err(messages);
    };
    let mut messages = messages.into_iter();
    if let Some(first) = messages.next()
        && let Err(Mail::Message(first)) = process.post(Mail::Message(first))
    {
        return Err([first].into_iter().chain(messages).collect());
    }
    // An owner that ends from here on has got its messages.
    messages.for_each(|message| _ = process.post(Mail::Message(message)));
    Ok(())
}

/// `pid, nil` or `nil, error`
fn answer(vm: &mut Vm, started: Result<Started, ErrorData>) -> NativeResult {
    if state(vm).process().is_doomed() && state(vm).tasks.current().is_some() {
        // Terminated while it waited for the top-level chunk of the entry: the step sees it before it goes on.
        return vm.suspend(Request::Turn);
    }
    let pid = match started {
        Ok(Started::Process(process)) => process.pid,
        Ok(Started::Signalled(owner)) => owner,
        Err(error) => return refuse(vm, error),
    };
    let pid = pid_value(vm, pid)?;
    vm.push(pid)?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}

fn spawn_with(vm: &mut Vm, args: Args, relations: &[Relation]) -> NativeResult {
    let order = Order { args, entry: 0, spawner: &Spawner::default(), relations, waits: false };
    if order.is_incomplete(vm) {
        return errors::fail(vm, INVALID, MISSING);
    }
    let started = order.carry_out(vm, None)?;
    answer(vm, started)
}

/// `process.exec(id, host, …)`
fn exec(vm: &mut Vm, args: Args) -> NativeResult {
    let order = Order { args, entry: 0, spawner: &Spawner::default(), relations: &[], waits: true };
    if order.is_incomplete(vm) {
        return errors::fail(vm, INVALID, "exec requires an entry id and a host id");
    }
    run_to_its_end(vm, &order)
}

/// Starts a process and waits for its result.
fn run_to_its_end(vm: &mut Vm, order: &Order<'_>) -> NativeResult {
    check_can_wait(vm)?;
    let on_exit = call::answer_caller(vm);
    match order.carry_out(vm, Some(on_exit))? {
        Ok(Started::Process(_)) => {
            state(vm).tasks.begin_wait("process.exec", Wait::Nothing, true);
            vm.suspend(Request::Event("process.exec"))
        }
        started => answer(vm, started),
    }
}

// ---- builders

fn this(vm: &mut Vm, args: Args) -> Result<Spawner, Box<LuaError>> {
    args.check_userdata::<Spawner>(vm, 0, "process.Spawner").map(|spawner| spawner.clone())
}

fn answer_spawner(vm: &mut Vm, spawner: Spawner) -> NativeResult {
    let metatable = vm.image.class(&SPAWNER);
    let spawner = vm.heap.new_userdata(spawner, metatable);
    vm.answer(Value::userdata(spawner))
}

fn add_context(vm: &mut Vm, args: Args, spawner: Spawner, i: u32) -> NativeResult {
    let fields = args.check_table(vm, i)?;
    if let Err(error) = access::check(vm, "process.context", "context") {
        return Err(vm.error(&error.message));
    }
    let context = spawner.context.as_deref().cloned().unwrap_or_default().with_fields(vm, fields)?;
    answer_spawner(vm, Spawner { context: Some(Arc::new(context)), ..spawner })
}

/// The runtime knows no options of its own; what others put there is checked and let pass.
fn add_options(vm: &mut Vm, args: Args, spawner: Spawner, i: u32) -> NativeResult {
    args.check_table(vm, i)?;
    answer_spawner(vm, spawner)
}

/// `spawner:with_actor(actor)`, `spawner:with_scope(scope)`. A new process inherits neither by itself.
fn with_identity<T: Object>(vm: &mut Vm, args: Args, set: fn(&mut Identity, Arc<T>)) -> NativeResult {
    let mut spawner = this(vm, args)?;
    let value = check::<T>(vm, args, 1)?;
    if let Err(error) = access::check(vm, "process.security", "security") {
        return Err(vm.error(&error.message));
    }
    set(&mut spawner.identity, value);
    answer_spawner(vm, spawner)
}

fn with_name(vm: &mut Vm, args: Args) -> NativeResult {
    let spawner = this(vm, args)?;
    let name = args.check_string(vm, 1)?;
    let name = Text::of(name);
    if name.as_bytes().is_empty() {
        return Err(vm.argument_error(1, "name must not be empty"));
    }
    answer_spawner(vm, Spawner { name: Some(name), ..spawner })
}

fn with_message(vm: &mut Vm, args: Args) -> NativeResult {
    let mut spawner = this(vm, args)?;
    let topic = args.check_string(vm, 1)?;
    let topic = Text::of(topic);
    if topic.as_bytes().first() == Some(&b'@') {
        return Err(vm.argument_error(1, "cannot send to @ topics"));
    }
    let payload = pack_rest(vm, args, 2);
    spawner.messages.push((topic, payload));
    answer_spawner(vm, spawner)
}

fn build(vm: &mut Vm, args: Args, relations: &[Relation]) -> NativeResult {
    let spawner = this(vm, args)?;
    let order = Order { args, entry: 1, spawner: &spawner, relations, waits: false };
    if order.is_incomplete(vm) {
        return Err(vm.error(MISSING));
    }
    let started = order.carry_out(vm, None)?;
    answer(vm, started)
}

fn build_and_exec(vm: &mut Vm, args: Args) -> NativeResult {
    let spawner = this(vm, args)?;
    let order = Order { args, entry: 1, spawner: &spawner, relations: &[], waits: true };
    if order.is_incomplete(vm) {
        return Err(vm.error(MISSING));
    }
    run_to_its_end(vm, &order)
}

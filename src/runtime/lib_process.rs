//! The `process` library (`runtime.md` §2).

use std::sync::Arc;

use super::channel::Channel;
use super::errors::{self, ALREADY_EXISTS, ErrorData, INVALID, NOT_FOUND, UNAVAILABLE};
use super::events;
use super::mail::{Happening, Mail, Message, ProcessEvent};
use super::mailbox;
use super::pid::Pid;
use super::process::{Process, Relation, RelationError};
use super::process_state::state;
use super::spawn::{self, Start};
use super::transfer::{Text, pack_list};
use crate::vm::Vm;
use crate::vm::args::userdata_of;
use crate::vm::error::LuaError;
use crate::vm::exit::Request;
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::Table;
use crate::vm::value::{Value, tag};

/// The library.
pub static LIBRARY: Library = Library {
    name: "process",
    global: true,
    natives: &[
        Native::new("pid", pid),
        Native::new("id", id),
        Native::new("send", send),
        Native::new("spawn", spawn_plain),
        Native::new("spawn_monitored", spawn_monitored),
        Native::new("spawn_linked", spawn_linked),
        Native::new("spawn_linked_monitored", spawn_linked_monitored),
        Native::new("terminate", terminate),
        Native::new("cancel", cancel),
        Native::new("monitor", monitor),
        Native::new("unmonitor", unmonitor),
        Native::new("link", link),
        Native::new("unlink", unlink),
        Native::new("get_options", get_options),
        Native::new("set_options", set_options),
        Native::new("inbox", inbox),
        Native::new("events", open_events),
        Native::new("listen", listen),
        Native::new("unlisten", unlisten),
    ],
    constants: &[(
        "event",
        Literal::Table(&[
            ("EXIT", Literal::String(events::EXIT)),
            ("LINK_DOWN", Literal::String(events::LINK_DOWN)),
            ("CANCEL", Literal::String(events::CANCEL)),
        ]),
    )],
};

/// `process.registry`; the runtime puts it into the library table of each process.
pub static REGISTRY: Library = Library {
    name: "process.registry",
    global: false,
    natives: &[Native::new("register", register), Native::new("lookup", lookup), Native::new("unregister", unregister)],
    constants: &[
        ("LOCAL", Literal::Integer(0)),
        ("EVENTUAL", Literal::Integer(1)),
        ("CONSISTENT", Literal::Integer(2)),
        ("STRONG", Literal::Integer(3)),
    ],
};

fn pid_value(vm: &mut Vm, pid: Pid) -> Result<Value, Box<LuaError>> {
    let text = pid.display(&state(vm).core().host).to_string();
    vm.string(text.as_bytes())
}

fn pid(vm: &mut Vm, _: Args) -> NativeResult {
    let pid = state(vm).process().pid;
    let text = pid_value(vm, pid)?;
    vm.answer(text)
}

fn id(vm: &mut Vm, _: Args) -> NativeResult {
    let entry = &state(vm).process().entry;
    let text = vm.string(entry.as_bytes())?;
    vm.answer(text)
}

fn done(vm: &mut Vm) -> NativeResult {
    vm.push(Value::TRUE)?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}

/// The process that a destination names: a PID, or a registered name.
/// `nil, error`
fn refuse(vm: &mut Vm, error: ErrorData) -> NativeResult {
    let error = errors::to_value(vm, Arc::new(error));
    vm.push(Value::NIL)?;
    vm.push(error)?;
    Ok(Flow::Return(2))
}

fn send(vm: &mut Vm, args: Args) -> NativeResult {
    if args.len < 2 {
        return errors::fail(vm, INVALID, "send requires at least destination and topic arguments");
    }
    let destination = args.check_bytes(vm, 0)?;
    let topic = args.check_string(vm, 1)?;
    let topic = Text::of(topic);
    if topic.as_bytes().first() == Some(&b'@') {
        return errors::fail(vm, INVALID, "cannot send to @ topics");
    }
    let target = match state(vm).core().resolve(destination) {
        Ok(target) => target,
        Err(error) => return refuse(vm, error),
    };
    let payload = rest(vm, args, 2);
    let from = state(vm).process().pid;
    match target.post(Mail::Message(Message { from, topic, payload })) {
        Ok(()) => done(vm),
        Err(_) => errors::fail(vm, NOT_FOUND, "process not found"),
    }
}

/// The arguments from `first` on, packed.
fn rest(vm: &mut Vm, args: Args, first: u32) -> super::transfer::Parcel {
    match args.len.saturating_sub(first) {
        0 => super::transfer::Parcel::Empty,
        1 => {
            let value = args.get(vm, first);
            super::transfer::pack(vm, value)
        }
        _ => {
            let values: smallvec::SmallVec<[Value; 8]> = (first..args.len).map(|i| args.get(vm, i)).collect();
            pack_list(vm, &values)
        }
    }
}

fn spawn_plain(vm: &mut Vm, args: Args) -> NativeResult {
    spawn_with(vm, args, &[])
}

fn spawn_monitored(vm: &mut Vm, args: Args) -> NativeResult {
    spawn_with(vm, args, &[Relation::Monitor])
}

fn spawn_linked(vm: &mut Vm, args: Args) -> NativeResult {
    spawn_with(vm, args, &[Relation::Link])
}

fn spawn_linked_monitored(vm: &mut Vm, args: Args) -> NativeResult {
    spawn_with(vm, args, &[Relation::Link, Relation::Monitor])
}

fn spawn_with(vm: &mut Vm, args: Args, relations: &[Relation]) -> NativeResult {
    let started = start(vm, args, relations)?;
    spawn::answer(vm, started)
}

fn start(vm: &mut Vm, args: Args, relations: &[Relation]) -> Result<Result<Arc<Process>, ErrorData>, Box<LuaError>> {
    if args.get(vm, 0).is_nil() || args.get(vm, 1).is_nil() {
        return Ok(Err(ErrorData::plain(INVALID, "spawn requires an entry id and a host id")));
    }
    let target = args.get(vm, 0);
    let host = args.check_bytes(vm, 1)?;
    let core = state(vm).core();
    if !core.entries.has_host(&String::from_utf8_lossy(host)) {
        return Ok(Err(ErrorData::plain(NOT_FOUND, "host not found")));
    }
    let parent = state(vm).process();
    let created = if target.is_function() {
        let mut values: Vec<Value> = vec![target];
        values.extend((2..args.len).map(|i| args.get(vm, i)));
        let arguments = pack_list(vm, &values);
        spawn::create(core, &Start::Function(Arc::clone(&parent.entry)), &arguments)
    } else {
        let id = args.check_bytes(vm, 0)?;
        let entry = match core.entries.resolve(&core.image, &String::from_utf8_lossy(id)) {
            Ok(entry) => entry,
            Err(error) => return Ok(Err(error)),
        };
        let arguments = rest(vm, args, 2);
        spawn::create(core, &Start::Entry(&entry), &arguments)
    };
    let process = match created {
        Ok(process) => process,
        Err(error) => return Ok(Err(error)),
    };
    for relation in relations {
        // Neither has ended, and there is no relation yet.
        let _ = process.watch(parent.pid, *relation);
        if *relation == Relation::Link {
            let _ = parent.watch(process.pid, Relation::Link);
        }
    }
    core.scheduler.spawn(Arc::clone(&process));
    Ok(Ok(process))
}

fn terminate(vm: &mut Vm, args: Args) -> NativeResult {
    let destination = args.check_bytes(vm, 0)?;
    let target = match state(vm).core().resolve(destination) {
        Ok(target) => target,
        Err(error) => return refuse(vm, error),
    };
    let host = state(vm);
    host.core().scheduler.kill(&target);
    if std::ptr::eq(Arc::as_ptr(&target), host.process()) && host.tasks.current().is_some() {
        // Does not return: the step sees the request before it goes on.
        return vm.suspend(Request::Turn);
    }
    done(vm)
}

fn cancel(vm: &mut Vm, args: Args) -> NativeResult {
    let destination = args.check_bytes(vm, 0)?;
    let reason = if args.get(vm, 1).is_nil() { Text::from_bytes(b"") } else { Text::of(args.check_string(vm, 1)?) };
    let target = match state(vm).core().resolve(destination) {
        Ok(target) => target,
        Err(error) => return refuse(vm, error),
    };
    let process = state(vm).process();
    let at = process.core.driver.wall_clock().seconds;
    let event = ProcessEvent { from: process.pid, at, what: Happening::Cancel(reason) };
    match target.post(Mail::Event(Box::new(event))) {
        Ok(()) => done(vm),
        Err(_) => errors::fail(vm, NOT_FOUND, "process not found"),
    }
}

/// The living process of a monitor or link call.
fn watched(vm: &mut Vm, args: Args) -> Result<Result<Arc<Process>, ErrorData>, Box<LuaError>> {
    let destination = args.check_bytes(vm, 0)?;
    Ok(state(vm).core().resolve(destination).map_err(|error| match Pid::looks_like(destination) {
        true => ErrorData::plain(NOT_FOUND, "pid not registered"),
        false => error,
    }))
}

fn monitor(vm: &mut Vm, args: Args) -> NativeResult {
    let target = match watched(vm, args)? {
        Ok(target) => target,
        Err(error) => return refuse(vm, error),
    };
    match target.watch(state(vm).process().pid, Relation::Monitor) {
        Ok(()) => done(vm),
        Err(RelationError::Exists) => errors::fail(vm, ALREADY_EXISTS, "already monitoring pid"),
        Err(RelationError::Ended) => errors::fail(vm, NOT_FOUND, "pid not registered"),
    }
}

fn unmonitor(vm: &mut Vm, args: Args) -> NativeResult {
    if let Ok(target) = watched(vm, args)? {
        target.unwatch(state(vm).process().pid, Relation::Monitor);
    }
    done(vm)
}

fn link(vm: &mut Vm, args: Args) -> NativeResult {
    let target = match watched(vm, args)? {
        Ok(target) => target,
        Err(error) => return refuse(vm, error),
    };
    let process = state(vm).process();
    match target.watch(process.pid, Relation::Link) {
        Ok(()) | Err(RelationError::Exists) => {
            // This process is running, hence has not ended; a second link changes nothing.
            let _ = process.watch(target.pid, Relation::Link);
            done(vm)
        }
        Err(RelationError::Ended) => errors::fail(vm, NOT_FOUND, "pid not registered"),
    }
}

fn unlink(vm: &mut Vm, args: Args) -> NativeResult {
    let target = match watched(vm, args)? {
        Ok(target) => target,
        Err(error) => return refuse(vm, error),
    };
    let process = state(vm).process();
    target.unwatch(process.pid, Relation::Link);
    process.unwatch(target.pid, Relation::Link);
    done(vm)
}

fn get_options(vm: &mut Vm, _: Args) -> NativeResult {
    let trap = state(vm).trap_links;
    let table = vm.heap.new_table(0, 2);
    let (trap_links, upgradable) = (vm.string(b"trap_links")?, vm.string(b"upgradable")?);
    vm.raw_set(table, trap_links, Value::bool(trap))?;
    vm.raw_set(table, upgradable, Value::FALSE)?;
    vm.answer(Value::table(table))
}

fn set_options(vm: &mut Vm, args: Args) -> NativeResult {
    let options = args.get(vm, 0);
    if !options.is_table() {
        return errors::fail_with(vm, Value::FALSE, INVALID, "options parameter must be a table");
    }
    let mut trap = state(vm).trap_links;
    let mut key = Value::NIL;
    // SAFETY: the table is an argument of this function and is not changed.
    while let Ok(Some((next, value))) = unsafe { Table::next(options.as_table(), &mut vm.heap, key) } {
        key = next;
        let name = errors::value_text(vm, key);
        let boolean = matches!(value.tag(), tag::FALSE | tag::TRUE);
        match name.as_str() {
            "trap_links" if boolean => trap = value.is_true(),
            "upgradable" if boolean => {}
            "trap_links" | "upgradable" => {
                return errors::fail_with(vm, Value::FALSE, INVALID, &format!("{name} must be a boolean"));
            }
            _ => return errors::fail_with(vm, Value::FALSE, INVALID, &format!("option {name} is not supported")),
        }
    }
    state(vm).trap_links = trap;
    done(vm)
}

fn inbox(vm: &mut Vm, _: Args) -> NativeResult {
    let channel = mailbox::inbox(vm);
    vm.answer(Value::userdata(channel))
}

fn open_events(vm: &mut Vm, _: Args) -> NativeResult {
    let channel = mailbox::events(vm);
    vm.answer(Value::userdata(channel))
}

fn listen(vm: &mut Vm, args: Args) -> NativeResult {
    let topic = args.check_string(vm, 0)?;
    let topic = Text::of(topic);
    if matches!(topic.as_bytes().first(), None | Some(b'@')) {
        return errors::fail(vm, INVALID, "cannot listen on an empty topic or an @ topic");
    }
    let options = args.get(vm, 1);
    let messages = options.is_table() && {
        let key = vm.string(b"message")?;
        vm.raw_get(options.as_table(), key).is_true()
    };
    let channel = mailbox::listen(vm, topic, messages);
    vm.push(Value::userdata(channel))?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}

fn unlisten(vm: &mut Vm, args: Args) -> NativeResult {
    let channel = args.get(vm, 0);
    if userdata_of::<Channel>(channel).is_some() && mailbox::unlisten(vm, channel.as_userdata())? {
        return done(vm);
    }
    errors::fail_with(vm, Value::FALSE, NOT_FOUND, "channel is not a subscription")
}

fn register(vm: &mut Vm, args: Args) -> NativeResult {
    let name = args.check_bytes(vm, 0)?;
    let core = state(vm).core();
    let scope = args.get(vm, 2);
    if !scope.is_nil() && !scope.is_number() {
        return errors::fail(vm, INVALID, "scope must be a number");
    }
    if scope.is_int() && scope.as_int() != 0 {
        return errors::fail(vm, UNAVAILABLE, "only local names exist on a stand-alone runtime");
    }
    let target = if args.get(vm, 1).is_nil() {
        core.processes.get(state(vm).process().pid)
    } else {
        let Some(pid) = Pid::parse(args.check_bytes(vm, 1)?, &core.host) else {
            return errors::fail(vm, INVALID, "invalid pid");
        };
        core.processes.get(pid)
    };
    let Some(target) = target else { return errors::fail(vm, NOT_FOUND, "process not found") };
    if core.names.register(name, &target) {
        done(vm)
    } else {
        errors::fail(vm, ALREADY_EXISTS, "name already registered")
    }
}

fn lookup(vm: &mut Vm, args: Args) -> NativeResult {
    let name = args.check_bytes(vm, 0)?;
    match state(vm).core().names.lookup(name) {
        Some(pid) => {
            let text = pid_value(vm, pid)?;
            vm.push(text)?;
            vm.push(Value::NIL)?;
            Ok(Flow::Return(2))
        }
        None => errors::fail(vm, NOT_FOUND, "name not registered"),
    }
}

fn unregister(vm: &mut Vm, args: Args) -> NativeResult {
    let name = args.check_bytes(vm, 0)?;
    let removed = state(vm).core().names.unregister(name);
    vm.answer(Value::bool(removed))
}

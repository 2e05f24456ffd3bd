//! The `process` library (`runtime.md` §2), but for spawning and names.

use std::sync::Arc;

use super::access;
use super::channel::Channel;
use super::errors::{self, ALREADY_EXISTS, ErrorData, INVALID, INVALID_STATE, NOT_FOUND, refuse};
use super::events;
use super::links::{self, Relation, RelationError};
use super::mail::{Happening, Mail, Message, ProcessEvent};
use super::mailbox;
use super::pid::Pid;
use super::process::Process;
use super::process_state::state;
use super::spawn::pack_rest;
use super::target::LastTarget;
use super::transfer::{Parcel, Text, pack};
use super::upgrade::upgrade;
use crate::vm::Vm;
use crate::vm::args::userdata_of;
use crate::vm::error::LuaError;
use crate::vm::exit::Request;
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Answer, Args, Flow, Native, NativeResult};
use crate::vm::pool::Pooled;
use crate::vm::raw::string_bytes;
use crate::vm::value::{Value, tag};

/// The library, in part: see `lib_spawn` and `lib_registry`.
pub static LIBRARY: Library = Library {
    name: "process",
    global: true,
    natives: &[
        Native::new("pid", pid),
        Native::new("id", id),
        Native::new("send", send).quick_first(quick_send),
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
        Native::new("upgrade", upgrade),
    ],
    constants: &[(
        "event",
        Literal::Table(&[
            ("EXIT", Literal::String(events::EXIT)),
            ("LINK_DOWN", Literal::String(events::LINK_DOWN)),
            ("CANCEL", Literal::String(events::CANCEL)),
            ("OUTDATED", Literal::String(events::OUTDATED)),
        ]),
    )],
};

/// A PID as programs see it.
pub(super) fn pid_value(vm: &mut Vm, pid: Pid) -> Result<Value, Box<LuaError>> {
    let text = state(vm).core().hosts.show(pid);
    vm.string(&text)
}

fn pid(vm: &mut Vm, _: Args) -> NativeResult {
    let pid = state(vm).process().pid;
    let text = pid_value(vm, pid)?;
    vm.answer(text)
}

fn id(vm: &mut Vm, _: Args) -> NativeResult {
    let entry = Arc::clone(&state(vm).entry);
    let text = vm.string(entry.as_bytes())?;
    vm.answer(text)
}

/// `true, nil`
pub(super) fn done(vm: &mut Vm) -> NativeResult {
    vm.push(Value::TRUE)?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}

/// Asks whether something may be done to a process.
fn check(vm: &mut Vm, action: &str, destination: &[u8]) -> Result<(), ErrorData> {
    access::check(vm, action, &String::from_utf8_lossy(destination))
}

fn send(vm: &mut Vm, args: Args) -> NativeResult {
    if args.len < 2 {
        return errors::fail(vm, INVALID, "send requires at least destination and topic arguments");
    }
    let destination = args.check_string(vm, 0)?;
    let topic = args.check_string(vm, 1)?;
    let topic = Text::of(topic);
    if topic.as_bytes().first() == Some(&b'@') {
        return errors::fail(vm, INVALID, "cannot send to @ topics");
    }
    if let Err(error) = check(vm, "process.send", string_bytes(destination)) {
        return refuse(vm, error);
    }
    let mut last = std::mem::replace(&mut state(vm).last_target, LastTarget::none());
    let target = match last.resolve(state(vm).core(), destination) {
        Ok(target) => target,
        Err(error) => return refuse(vm, error),
    };
    let payload = pack_rest(vm, args, 2);
    let from = state(vm).process().pid;
    let sent = target.post(Mail::Message(Message { from, topic, payload }));
    state(vm).last_target = last;
    match sent {
        Ok(()) => done(vm),
        Err(_) => errors::fail(vm, INVALID_STATE, "process closed"),
    }
}

/// A send of one value or none to the process that was sent to last.
fn quick_send(vm: &mut Vm, args: &[Value]) -> Answer {
    let (destination, topic, value) = match *args {
        [destination, topic] => (destination, topic, None),
        [destination, topic, value] => (destination, topic, Some(value)),
        _ => return Answer::NONE,
    };
    if !access::is_free(vm)
        || !destination.is_string()
        || !topic.is_string()
        || string_bytes(topic).first() == Some(&b'@')
    {
        return Answer::NONE;
    }
    if !state(vm).last_target.is_known(destination) {
        return Answer::NONE;
    }
    let payload = value.map_or_else(Parcel::default, |value| pack(vm, value));
    let topic = Text::of(topic);
    let state = state(vm);
    let from = state.process().pid;
    match state.last_target.process() {
        Some(target) if target.post(Mail::Message(Message { from, topic, payload })).is_ok() => Value::TRUE.into(),
        _ => Answer::NONE,
    }
}

fn terminate(vm: &mut Vm, args: Args) -> NativeResult {
    let destination = args.check_bytes(vm, 0)?;
    if let Err(error) = check(vm, "process.terminate", destination) {
        return refuse(vm, error);
    }
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
    if let Err(error) = check(vm, "process.cancel", destination) {
        return refuse(vm, error);
    }
    let target = match state(vm).core().resolve(destination) {
        Ok(target) => target,
        Err(error) => return refuse(vm, error),
    };
    let process = state(vm).process();
    let at = process.core.driver.wall_clock().seconds;
    let event = ProcessEvent { from: process.pid, at, what: Happening::Cancel(reason) };
    match target.post(Mail::Event(Pooled::new(event))) {
        Ok(()) => done(vm),
        Err(_) => errors::fail(vm, NOT_FOUND, "process not found"),
    }
}

/// The living process of a monitor or link call, which `action` is about.
fn watched(vm: &mut Vm, args: Args, action: &str) -> Result<Result<Arc<Process>, ErrorData>, Box<LuaError>> {
    let destination = args.check_bytes(vm, 0)?;
    if let Err(error) = check(vm, action, destination) {
        return Ok(Err(error));
    }
    Ok(state(vm).core().resolve(destination).map_err(|error| match Pid::looks_like(destination) {
        true => ErrorData::plain(NOT_FOUND, "pid not registered"),
        false => error,
    }))
}

fn monitor(vm: &mut Vm, args: Args) -> NativeResult {
    let target = match watched(vm, args, "process.monitor")? {
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
    match watched(vm, args, "process.unmonitor")? {
        Ok(target) => target.unwatch(state(vm).process().pid, Relation::Monitor),
        // A process that has ended is not monitored any more.
        Err(error) if &*error.kind == NOT_FOUND && Pid::looks_like(args.check_bytes(vm, 0)?) => {}
        Err(error) => return refuse(vm, error),
    }
    done(vm)
}

fn link(vm: &mut Vm, args: Args) -> NativeResult {
    let target = match watched(vm, args, "process.link")? {
        Ok(target) => target,
        Err(error) => return refuse(vm, error),
    };
    let process = state(vm).process();
    match links::link(process, &target) {
        Ok(()) => done(vm),
        // It is the other one: this one is running.
        Err(_) => errors::fail(vm, NOT_FOUND, "pid not registered"),
    }
}

fn unlink(vm: &mut Vm, args: Args) -> NativeResult {
    let target = match watched(vm, args, "process.unlink")? {
        Ok(target) => target,
        Err(error) => return refuse(vm, error),
    };
    links::unlink(state(vm).process(), &target);
    done(vm)
}

fn get_options(vm: &mut Vm, _: Args) -> NativeResult {
    let (trap_links, upgradable) = (state(vm).trap_links, state(vm).upgradable);
    let table = vm.new_table(0, 2);
    vm.raw_set_name(table, "trap_links", Value::bool(trap_links))?;
    vm.raw_set_name(table, "upgradable", Value::bool(upgradable))?;
    vm.answer(Value::table(table))
}

fn set_options(vm: &mut Vm, args: Args) -> NativeResult {
    let options = args.get(vm, 0);
    if !options.is_table() {
        return errors::fail_with(vm, Value::FALSE, INVALID, "options parameter must be a table");
    }
    let (mut trap_links, mut upgradable) = (state(vm).trap_links, state(vm).upgradable);
    let mut key = Value::NIL;
    while let Some((next, value)) = vm.raw_next(options.as_table(), key)? {
        key = next;
        let name = errors::value_text(vm, key);
        let boolean = matches!(value.tag(), tag::FALSE | tag::TRUE);
        match name.as_str() {
            "trap_links" if boolean => trap_links = value.is_true(),
            "upgradable" if boolean => upgradable = value.is_true(),
            "trap_links" | "upgradable" => {
                return errors::fail_with(vm, Value::FALSE, INVALID, &format!("{name} must be a boolean"));
            }
            _ => return errors::fail_with(vm, Value::FALSE, INVALID, &format!("option {name} is not supported")),
        }
    }
    (state(vm).trap_links, state(vm).upgradable) = (trap_links, upgradable);
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

//! The `pg` module (`runtime.md` §6.6): process groups as programs use them. All groups are local.

use std::sync::Arc;

use super::errors::{self, INVALID, NOT_FOUND};
use super::groups::Membership;
use super::lib_events::{close_subscription, new_subscription};
use super::lib_process::{done, pid_value};
use super::mail::{Mail, Message};
use super::pid::Pid;
use super::process_state::state;
use super::spawn::pack_rest;
use super::transfer::Text;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::heap::Marker;
use crate::vm::image::Library;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::raw::string_bytes;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The module.
pub static LIBRARY: Library =
    Library { name: "pg", global: false, natives: &[Native::new("open", open)], constants: &[] };

static INSTANCE: Class = Class {
    name: "pg.Instance",
    methods: &[
        Native::new("join", |vm, args| with(vm, args, join)),
        Native::new("leave", |vm, args| with(vm, args, leave)),
        Native::new("get_members", |vm, args| with(vm, args, get_members)),
        Native::new("get_local_members", |vm, args| with(vm, args, get_members)),
        Native::new("which_groups", |vm, args| with(vm, args, which_groups)),
        Native::new("which_local_groups", |vm, args| with(vm, args, which_groups)),
        Native::new("broadcast", |vm, args| with(vm, args, broadcast)),
        Native::new("broadcast_local", |vm, args| with(vm, args, broadcast)),
        Native::new("monitor", |vm, args| with(vm, args, monitor)),
        Native::new("events", |vm, args| with(vm, args, events)),
        Native::new("release", |vm, args| with(vm, args, release)),
    ],
    metamethods: &[],
};

/// A scope that a process has opened.
struct Instance {
    scope: Arc<str>,
    released: bool,
    /// What it has joined through this object, as often as it did.
    joined: Vec<Membership>,
    /// What it watches through this object.
    subscriptions: Vec<Value>,
}

// SAFETY: the subscriptions belong to the heap that holds the instance, and move with it.
unsafe impl Send for Instance {}

impl UserData for Instance {
    fn class(&self) -> &'static str {
        "pg.Instance"
    }

    fn trace(&self, marker: &mut Marker) {
        self.subscriptions.iter().for_each(|subscription| marker.mark(*subscription));
    }
}

/// `pg.open(scope_id)`
fn open(vm: &mut Vm, args: Args) -> NativeResult {
    let id = String::from_utf8_lossy(args.check_bytes(vm, 0)?);
    if id.split_once(':').is_none_or(|(namespace, name)| namespace.is_empty() || name.is_empty()) {
        return errors::fail(vm, INVALID, "scope id must have the form namespace:name");
    }
    if !state(vm).core().entries.has_group_scope(&id) {
        return errors::fail(vm, NOT_FOUND, &format!("no scope {id}"));
    }
    let metatable = vm.image.class(&INSTANCE);
    let instance = Instance { scope: id.into(), released: false, joined: Vec::new(), subscriptions: Vec::new() };
    let instance = vm.heap.new_userdata(instance, metatable);
    vm.push(Value::userdata(instance))?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}

/// Calls a method of an instance that is not released.
fn with(vm: &mut Vm, args: Args, method: fn(&mut Vm, Args, &mut Instance) -> NativeResult) -> NativeResult {
    let instance = args.check_userdata::<Instance>(vm, 0, "pg.Instance")?;
    if instance.released {
        return errors::fail(vm, INVALID, "the scope was released");
    }
    method(vm, args, instance)
}

/// The groups that argument 1 names: one, or a list of them.
fn groups(vm: &mut Vm, args: Args) -> Result<Vec<Box<[u8]>>, Box<LuaError>> {
    let argument = args.get(vm, 1);
    if !argument.is_table() {
        return Ok(vec![args.check_bytes(vm, 1)?.into()]);
    }
    let mut names = Vec::new();
    let list = argument.as_table();
    for i in 1..=vm.raw_len(list) {
        let name = vm.raw_get_int(list, i);
        if !name.is_string() {
            return Err(vm.argument_error(1, "names of groups must be strings"));
        }
        names.push(string_bytes(name).into());
    }
    Ok(names)
}

fn join(vm: &mut Vm, args: Args, instance: &mut Instance) -> NativeResult {
    let names = groups(vm, args)?;
    if names.is_empty() || names.iter().any(|name| name.is_empty()) {
        return errors::fail(vm, INVALID, "group is required");
    }
    let process = state(vm).process();
    for group in names {
        let place = Membership { scope: Arc::clone(&instance.scope), group };
        let memberships = &mut state(vm).rare().memberships;
        if !memberships.contains(&place) {
            memberships.push(place.clone());
        }
        process.core.groups.join(&process.core, &place, process.pid);
        instance.joined.push(place);
    }
    done(vm)
}

fn leave(vm: &mut Vm, args: Args, instance: &mut Instance) -> NativeResult {
    let process = state(vm).process();
    let mut left = false;
    for group in groups(vm, args)? {
        let place = Membership { scope: Arc::clone(&instance.scope), group };
        left |= process.core.groups.leave(&process.core, &place, process.pid);
        if let Some(at) = instance.joined.iter().position(|joined| *joined == place) {
            instance.joined.swap_remove(at);
        }
    }
    if left { done(vm) } else { errors::fail(vm, INVALID, "not a member of the group") }
}

/// An array of PIDs.
fn pid_list(vm: &mut Vm, pids: &[Pid]) -> Result<Value, Box<LuaError>> {
    let list = vm.new_table(pids.len() as u32, 0);
    for (i, pid) in pids.iter().enumerate() {
        let pid = pid_value(vm, *pid)?;
        vm.raw_set_int(list, i as i64 + 1, pid)?;
    }
    Ok(Value::table(list))
}

fn get_members(vm: &mut Vm, args: Args, instance: &mut Instance) -> NativeResult {
    let members = state(vm).core().groups.members(&instance.scope, args.check_bytes(vm, 1)?);
    let members = pid_list(vm, &members)?;
    vm.push(members)?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}

fn which_groups(vm: &mut Vm, _: Args, instance: &mut Instance) -> NativeResult {
    let names = state(vm).core().groups.names(&instance.scope);
    let list = vm.new_table(names.len() as u32, 0);
    for (i, name) in names.iter().enumerate() {
        let name = vm.string(name)?;
        vm.raw_set_int(list, i as i64 + 1, name)?;
    }
    vm.push(Value::table(list))?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}

/// `instance:broadcast(group, topic, …)`
fn broadcast(vm: &mut Vm, args: Args, instance: &mut Instance) -> NativeResult {
    let group = args.check_bytes(vm, 1)?;
    let topic = args.check_string(vm, 2)?;
    let topic = Text::of(topic);
    if matches!(topic.as_bytes().first(), None | Some(b'@')) {
        return errors::fail(vm, INVALID, "cannot send to an empty topic or @ topics");
    }
    let payload = pack_rest(vm, args, 3);
    let (core, from) = (state(vm).core(), state(vm).process().pid);
    for member in core.groups.members(&instance.scope, group) {
        if let Some(member) = core.processes.get(member) {
            let message = Message { from, topic: topic.clone(), payload: payload.clone() };
            // A member that ends at the same time does not care any more.
            let _ = member.post(Mail::Message(message));
        }
    }
    done(vm)
}

/// `instance:monitor(group)`: subscription, members
fn monitor(vm: &mut Vm, args: Args, instance: &mut Instance) -> NativeResult {
    let group = args.check_bytes(vm, 1)?.into();
    let place = Membership { scope: Arc::clone(&instance.scope), group };
    let (subscription, subscriber) = new_subscription(vm);
    instance.subscriptions.push(subscription);
    let members = state(vm).core().groups.watch(&place, subscriber);
    let members = pid_list(vm, &members)?;
    vm.push_all(&[subscription, members, Value::NIL])?;
    Ok(Flow::Return(3))
}

/// `instance:events()`: subscription, members by group
fn events(vm: &mut Vm, _: Args, instance: &mut Instance) -> NativeResult {
    let (subscription, subscriber) = new_subscription(vm);
    instance.subscriptions.push(subscription);
    let groups = state(vm).core().groups.watch_all(&instance.scope, subscriber);
    let table = vm.new_table(0, groups.len() as u32);
    for (name, members) in groups {
        let members = pid_list(vm, &members)?;
        let name = vm.string(&name)?;
        vm.raw_set(table, name, members)?;
    }
    vm.push_all(&[subscription, Value::table(table), Value::NIL])?;
    Ok(Flow::Return(3))
}

/// `instance:release()`: what was joined and watched through this object ends.
fn release(vm: &mut Vm, _: Args, instance: &mut Instance) -> NativeResult {
    instance.released = true;
    let process = state(vm).process();
    for place in std::mem::take(&mut instance.joined) {
        process.core.groups.leave(&process.core, &place, process.pid);
    }
    for subscription in std::mem::take(&mut instance.subscriptions) {
        close_subscription(vm, subscription)?;
    }
    done(vm)
}

#[cfg(test)]
mod tests {
    use super::{INSTANCE, LIBRARY};
    use crate::types::declared::assert_declares;

    /// Only a program with group scopes has an instance, so that `lua-tests/harness/inventory.lua` cannot look at one.
    #[test]
    fn the_manifest_declares_all_methods() {
        let functions = LIBRARY.natives.iter().map(|native| native.name);
        let functions = functions.chain(LIBRARY.constants.iter().map(|constant| constant.0));
        let methods = INSTANCE.methods.iter().map(|method| method.name).collect();
        assert_declares(include_str!("pg.d.lua"), functions, [(INSTANCE.name, methods)]);
    }
}

//! The `events` module (`runtime.md` §6.5): the bus as programs use it. Subscriptions of `pg` are of the same class.

use super::bus::{Pattern, Subscriber, SubscriptionId};
use super::errors::{self, INVALID};
use super::lib_process::done;
use super::mailbox;
use super::process_state::state;
use super::transfer::pack;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::heap::Marker;
use crate::vm::image::Library;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::{UserData, Userdata};
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The module.
pub static LIBRARY: Library = Library {
    name: "events",
    global: false,
    natives: &[Native::new("subscribe", subscribe), Native::new("send", send)],
    constants: &[],
};

/// The class of [`SubscriptionObject`].
pub static SUBSCRIPTION: Class = Class {
    name: "events.Subscription",
    methods: &[Native::new("channel", channel), Native::new("close", close)],
    metamethods: &[],
};

/// A subscription in a heap.
struct SubscriptionObject {
    id: SubscriptionId,
    channel: *mut Userdata,
}

// SAFETY: the channel belongs to the heap that holds the subscription, and moves with it.
unsafe impl Send for SubscriptionObject {}

impl UserData for SubscriptionObject {
    fn class(&self) -> &'static str {
        "events.Subscription"
    }

    fn trace(&self, marker: &mut Marker) {
        marker.mark(Value::userdata(self.channel));
    }
}

/// A new subscription of this process, as a value; from now on it listens.
pub(super) fn new_subscription(vm: &mut Vm) -> (Value, Subscriber) {
    let id = SubscriptionId::next();
    let channel = mailbox::listen(vm, id.topic(), false);
    state(vm).rare().subscriptions.push(id);
    let metatable = vm.image.class(&SUBSCRIPTION);
    let object = vm.heap.new_userdata(SubscriptionObject { id, channel }, metatable);
    (Value::userdata(object), Subscriber { id, process: state(vm).process().weak() })
}

/// `events.subscribe(system [, kind])`
fn subscribe(vm: &mut Vm, args: Args) -> NativeResult {
    let system = if args.get(vm, 0).is_nil() { b"" } else { args.check_bytes(vm, 0)? };
    let kind = if args.get(vm, 1).is_nil() { b"" } else { args.check_bytes(vm, 1)? };
    if system.is_empty() {
        return errors::fail(vm, INVALID, "system pattern is required");
    }
    let kind = if kind.is_empty() { b"*" } else { kind };
    let (subscription, subscriber) = new_subscription(vm);
    state(vm).core().bus.subscribe(subscriber, Pattern::parse(system), Pattern::parse(kind));
    vm.push(subscription)?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}

/// `events.send(system, kind, path [, data])`
fn send(vm: &mut Vm, args: Args) -> NativeResult {
    const NAMES: [&str; 3] = ["system", "kind", "path"];
    for (i, name) in NAMES.iter().enumerate() {
        let i = i as u32;
        if args.get(vm, i).is_nil() || args.check_bytes(vm, i)?.is_empty() {
            return errors::fail(vm, INVALID, &format!("{name} is required"));
        }
    }
    let (system, kind) = (args.check_bytes(vm, 0)?, args.check_bytes(vm, 1)?);
    let event = vm.new_table(0, 4);
    for (i, name) in NAMES.iter().enumerate() {
        let value = args.get(vm, i as u32);
        vm.raw_set_name(event, name, value)?;
    }
    let data = args.get(vm, 3);
    if !data.is_nil() {
        vm.raw_set_name(event, "data", data)?;
    }
    state(vm).core().bus.publish(system, kind, || pack(vm, Value::table(event)));
    done(vm)
}

fn this(vm: &mut Vm, args: Args) -> Result<(SubscriptionId, *mut Userdata), Box<LuaError>> {
    let this = args.check_userdata::<SubscriptionObject>(vm, 0, "events.Subscription")?;
    Ok((this.id, this.channel))
}

fn channel(vm: &mut Vm, args: Args) -> NativeResult {
    let (_, channel) = this(vm, args)?;
    vm.answer(Value::userdata(channel))
}

fn close(vm: &mut Vm, args: Args) -> NativeResult {
    let (id, channel) = this(vm, args)?;
    end(vm, id, channel)?;
    vm.answer(Value::TRUE)
}

/// Ends a subscription, wherever it was made.
fn end(vm: &mut Vm, id: SubscriptionId, channel: *mut Userdata) -> Result<(), Box<LuaError>> {
    state(vm).rare().subscriptions.retain(|other| *other != id);
    let core = state(vm).core();
    core.bus.unsubscribe(&[id]);
    core.groups.unsubscribe(&[id]);
    mailbox::unlisten(vm, channel).map(drop)
}

/// Ends a subscription that [`new_subscription`] made.
///
/// # Errors
/// `not enough memory` past the memory limit.
pub(super) fn close_subscription(vm: &mut Vm, subscription: Value) -> Result<(), Box<LuaError>> {
    let Some(object) = crate::vm::args::userdata_of::<SubscriptionObject>(subscription) else { return Ok(()) };
    // SAFETY: a live userdata; the reference ends here.
    let (id, channel) = unsafe { ((*object).id, (*object).channel) };
    end(vm, id, channel)
}

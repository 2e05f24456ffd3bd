//! The `channel` library and the methods of channels (`runtime.md` §3.1).

use std::sync::Arc;

use super::channel::{self, CLOSED, Channel, Kind, PLAIN, Sent, Waiter, channel_of};
use super::process_state::state;
use super::select;
use super::shared_channel::unpack_received;
use super::task::Wait;
use super::transfer::pack;
use crate::vm::Vm;
use crate::vm::args::userdata_of;
use crate::vm::error::LuaError;
use crate::vm::exit::Request;
use crate::vm::image::Library;
use crate::vm::native::{Answer, Args, Flow, Native, NativeResult};
use crate::vm::object::Userdata;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The library.
pub static LIBRARY: Library = Library {
    name: "channel",
    global: true,
    natives: &[Native::new("new", new), Native::new("select", select)],
    constants: &[],
};

/// The class of channels.
pub static CHANNEL: Class = Class {
    name: "channel",
    methods: &[
        Native::new("send", send).quick_first(quick_send),
        Native::new("receive", receive).quick_first(quick_receive),
        Native::new("close", close),
        Native::new("case_send", case_send),
        Native::new("case_receive", case_receive),
    ],
    metamethods: &[],
};

/// The class of case objects.
pub static CASE: Class = Class { name: "channel.case", methods: &[], metamethods: &[] };

fn new(vm: &mut Vm, args: Args) -> NativeResult {
    let capacity = args.opt_int(vm, 0, 0)?.max(0) as usize;
    let handle = channel::new_channel(vm, Channel::local(capacity, true));
    vm.answer(Value::userdata(handle))
}

/// The channel a method was called on.
#[inline]
fn this(vm: &mut Vm, args: Args) -> Result<*mut Userdata, Box<LuaError>> {
    args.check_userdata::<Channel>(vm, 0, "channel")?;
    Ok(args.get(vm, 0).as_userdata())
}

fn select(vm: &mut Vm, args: Args) -> NativeResult {
    let cases = args.check_table(vm, 0)?;
    let default = if args.get(vm, 1).is_true() {
        true
    } else {
        let key = Value::string(state(vm).core().words.default);
        vm.raw_get(cases, key).is_true()
    };
    select::select(vm, cases, default)
}

fn send(vm: &mut Vm, args: Args) -> NativeResult {
    let handle = this(vm, args)?;
    let value = args.get(vm, 1);
    // SAFETY: the handle of a live channel; the reference ends here.
    if let Kind::Shared(shared) = unsafe { &channel_of(handle).kind } {
        let shared = Arc::clone(shared);
        return send_shared(vm, handle, &shared, value);
    }
    match channel::try_send(vm, handle, value)? {
        Sent::Done => vm.answer(Value::TRUE),
        Sent::Closed => Err(vm.error(CLOSED)),
        Sent::Full => {
            select::check_can_wait(vm)?;
            let task = state(vm).tasks.begin_wait("channel send", Wait::Channel(handle), false).index;
            channel::enqueue(vm, handle, Waiter { task, case: PLAIN, value }, true);
            vm.suspend(Request::Event("channel send"))
        }
    }
}

fn quick_send(vm: &mut Vm, args: &[Value]) -> Answer {
    let [channel, value] = *args else { return Answer::NONE };
    if userdata_of::<Channel>(channel).is_some() && channel::send_at_once(vm, channel.as_userdata(), value) {
        Value::TRUE.into()
    } else {
        Answer::NONE
    }
}

fn quick_receive(vm: &mut Vm, args: &[Value]) -> Answer {
    let [channel] = *args else { return Answer::NONE };
    if userdata_of::<Channel>(channel).is_none() {
        return Answer::NONE;
    }
    let handle = channel.as_userdata();
    match channel::receive_at_once(vm, handle) {
        Some(value) => value.into(),
        None => {
            if channel::would_wait(vm, handle) && state(vm).tasks.current().is_some() {
                // The caller finds the request.
                let _ = wait_to_receive(vm, handle);
            }
            Answer::NONE
        }
    }
}

/// Lets the current task wait for what a channel that is not shared will get.
fn wait_to_receive(vm: &mut Vm, handle: *mut Userdata) -> NativeResult {
    let task = state(vm).tasks.begin_wait("channel receive", Wait::Channel(handle), false).index;
    channel::enqueue(vm, handle, Waiter { task, case: PLAIN, value: Value::NIL }, false);
    vm.suspend(Request::Event("channel receive"))
}

fn send_shared(
    vm: &mut Vm,
    handle: *mut Userdata,
    shared: &Arc<super::shared_channel::SharedChannel>,
    value: Value,
) -> NativeResult {
    let parcel = pack(vm, value);
    select::check_can_wait(vm)?;
    let id = state(vm).tasks.next_wait();
    match shared.send_or_wait(parcel, state(vm).process(), id) {
        Sent::Done => vm.answer(Value::TRUE),
        Sent::Closed => Err(vm.error(CLOSED)),
        Sent::Full => {
            state(vm).tasks.begin_wait("channel send", Wait::Channel(handle), true);
            vm.suspend(Request::Event("channel send"))
        }
    }
}

fn receive(vm: &mut Vm, args: Args) -> NativeResult {
    let handle = this(vm, args)?;
    // SAFETY: the handle of a live channel; the reference ends here.
    if let Kind::Shared(shared) = unsafe { &channel_of(handle).kind } {
        select::check_can_wait(vm)?;
        let id = state(vm).tasks.next_wait();
        return match shared.receive_or_wait(state(vm).process(), id) {
            Some(received) => {
                let (value, ok) = unpack_received(vm, &received)?;
                answer_received(vm, value, ok)
            }
            None => {
                state(vm).tasks.begin_wait("channel receive", Wait::Channel(handle), true);
                vm.suspend(Request::Event("channel receive"))
            }
        };
    }
    match channel::try_receive(vm, handle)? {
        Some((value, ok)) => answer_received(vm, value, ok),
        None => {
            select::check_can_wait(vm)?;
            wait_to_receive(vm, handle)
        }
    }
}

#[inline]
fn answer_received(vm: &mut Vm, value: Value, ok: bool) -> NativeResult {
    vm.push(value)?;
    vm.push(Value::bool(ok))?;
    Ok(Flow::Return(2))
}

fn close(vm: &mut Vm, args: Args) -> NativeResult {
    let handle = this(vm, args)?;
    channel::close(vm, handle)?;
    Ok(Flow::Return(0))
}

fn case_send(vm: &mut Vm, args: Args) -> NativeResult {
    let handle = this(vm, args)?;
    let value = args.get(vm, 1);
    let case = select::send_case(vm, handle, value);
    vm.answer(case)
}

fn case_receive(vm: &mut Vm, args: Args) -> NativeResult {
    let handle = this(vm, args)?;
    let case = select::receive_case(vm, handle);
    vm.answer(case)
}

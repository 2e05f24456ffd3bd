//! Futures (`runtime.md` §6.2): calls that a process does not wait for, and a channel that gets what comes of each.
//!
//! The process knows its pending futures by number, so that a call which completes after its future was cancelled, or in
//! a later Lua state of the process, finds nothing. They end with the process; a future that no variable holds any more
//! does not end its call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hashbrown::HashMap;

use super::call::{Call, too_late};
use super::channel::{self, Channel};
use super::errors::{self, CANCELED, ErrorData};
use super::links::OnExit;
use super::mail::{Mail, Outcome};
use super::payload::new_payload;
use super::process_state::state;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::heap::Marker;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::{UserData, Userdata};
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The pending futures of a process.
#[derive(Default)]
pub struct Futures(HashMap<u64, Pending>);

struct Pending {
    future: *mut Userdata,
    /// Held for what dropping it does.
    _call: Call,
}

impl Futures {
    /// Whether no future is pending.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Marks the pending futures.
    pub fn trace(&self, marker: &mut Marker) {
        self.0.values().for_each(|pending| marker.mark(Value::userdata(pending.future)));
    }
}

/// A future in a heap.
struct Future {
    number: u64,
    channel: *mut Userdata,
    outcome: Option<Outcome>,
    canceled: bool,
}

// SAFETY: the channel belongs to the heap that holds the future, and moves with it.
unsafe impl Send for Future {}

impl UserData for Future {
    fn class(&self) -> &'static str {
        CLASS
    }

    fn trace(&self, marker: &mut Marker) {
        marker.mark(Value::userdata(self.channel));
    }
}

const CLASS: &str = "funcs.Future";

pub(super) static FUTURE: Class = Class {
    name: CLASS,
    methods: &[
        Native::new("response", channel_of_future),
        Native::new("channel", channel_of_future),
        Native::new("is_complete", is_complete),
        Native::new("is_canceled", is_canceled),
        Native::new("result", result),
        Native::new("error", error),
        Native::new("cancel", cancel),
    ],
    metamethods: &[],
};

/// A future for the call that `start` makes; `start` gets what is to be called with the outcome. After `timeout` it fails.
pub(super) fn new_future(vm: &mut Vm, timeout: Option<Duration>, start: impl FnOnce(&mut Vm, OnExit) -> Call) -> Value {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let channel = channel::new_channel(vm, Channel::local(1, false));
    let metatable = vm.image.class(&FUTURE);
    let object = Future { number, channel, outcome: None, canceled: false };
    let future = vm.heap.new_userdata(object, metatable);
    let process = state(vm).process().weak();
    let then = Box::new(move |outcome| {
        if let Some(process) = process.upgrade() {
            // A process that ends at the same time does not care any more.
            let _ = process.post(Mail::Visit(Box::new(move |vm| complete(vm, number, outcome))));
        }
    });
    let mut call = start(vm, then);
    if let Some(timeout) = timeout {
        let expire = Box::new(move |vm: &mut Vm| complete(vm, number, Err(Arc::new(too_late()))));
        call = call.with_timeout(state(vm).process(), timeout, expire);
    }
    state(vm).rare().futures.0.insert(number, Pending { future, _call: call });
    Value::userdata(future)
}

/// The call of a future has come to its end.
fn complete(vm: &mut Vm, number: u64, outcome: Outcome) {
    let Some(Pending { future, .. }) = state(vm).rare().futures.0.remove(&number) else { return };
    let Some(future) = crate::vm::args::userdata_of::<Future>(Value::userdata(future)) else { return };
    // SAFETY: a live userdata, which the process held until now; nothing else refers to its content.
    let future = unsafe { &mut *future };
    let channel = future.channel;
    future.outcome = Some(outcome);
    let value = match payload(vm, future) {
        Ok(value) => value,
        Err(_) => {
            future.outcome = Some(Err(ErrorData::internal("not enough memory")));
            Value::NIL
        }
    };
    // Its buffer has room for the one value that it ever gets. Without memory to wake a receiver the process fails soon.
    let _ = channel::try_send(vm, channel, value).and_then(|_| channel::close(vm, channel));
}

/// The payload of a success, the error of a failure, nil as long as there is neither.
fn payload(vm: &mut Vm, future: &Future) -> Result<Value, Box<LuaError>> {
    match &future.outcome {
        None => Ok(Value::NIL),
        Some(Ok(value)) => {
            let value = value.unpack_one(vm)?;
            Ok(new_payload(vm, value))
        }
        Some(Err(error)) => Ok(errors::to_value(vm, Arc::clone(error))),
    }
}

fn this<'a>(vm: &mut Vm, args: Args) -> Result<&'a mut Future, Box<LuaError>> {
    args.check_userdata(vm, 0, CLASS)
}

fn channel_of_future(vm: &mut Vm, args: Args) -> NativeResult {
    let channel = this(vm, args)?.channel;
    vm.answer(Value::userdata(channel))
}

fn is_complete(vm: &mut Vm, args: Args) -> NativeResult {
    let complete = this(vm, args)?.outcome.is_some();
    vm.answer(Value::bool(complete))
}

fn is_canceled(vm: &mut Vm, args: Args) -> NativeResult {
    let canceled = this(vm, args)?.canceled;
    vm.answer(Value::bool(canceled))
}

/// `future:result()`
fn result(vm: &mut Vm, args: Args) -> NativeResult {
    let future = this(vm, args)?;
    if future.canceled {
        return errors::fail(vm, CANCELED, "canceled");
    }
    let value = payload(vm, future)?;
    let results = if matches!(future.outcome, Some(Err(_))) { [Value::NIL, value] } else { [value, Value::NIL] };
    vm.push_all(&results)?;
    Ok(Flow::Return(2))
}

/// `future:error()`
fn error(vm: &mut Vm, args: Args) -> NativeResult {
    let future = this(vm, args)?;
    let failed = matches!(future.outcome, Some(Err(_)));
    let error = if failed { payload(vm, future)? } else { Value::NIL };
    vm.push_all(&[error, Value::bool(failed)])?;
    Ok(Flow::Return(2))
}

/// `future:cancel()`
fn cancel(vm: &mut Vm, args: Args) -> NativeResult {
    let future = this(vm, args)?;
    future.canceled = true;
    let (number, channel) = (future.number, future.channel);
    drop(state(vm).rare().futures.0.remove(&number));
    channel::close(vm, channel)?;
    super::lib_process::done(vm)
}

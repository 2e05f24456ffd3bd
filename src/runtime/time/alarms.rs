//! Sleeping, and channels fed by timers (`runtime.md` §7.2).
//!
//! A timer of the wheel carries a number; the process knows which channel belongs to it. So a timer that fires after it was
//! stopped, or after its process ended, finds nothing.

use hashbrown::HashMap;

use super::duration::{Duration, duration_argument};
use super::methods::time_value;
use super::moment::Time;
use crate::runtime::channel::{self, Channel, Sent};
use crate::runtime::core::Alarm;
use crate::runtime::driver::Moment;
use crate::runtime::errors::{self, INVALID};
use crate::runtime::mail::Mail;
use crate::runtime::process_state::state;
use crate::runtime::select;
use crate::runtime::task::Wait;
use crate::runtime::timer::TimerKey;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::exit::Request;
use crate::vm::heap::Marker;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::{UserData, Userdata};
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The pending timers of a process, by number.
#[derive(Default)]
pub struct Alarms {
    last: u64,
    pending: HashMap<u64, Pending>,
}

struct Pending {
    channel: *mut Userdata,
    key: TimerKey,
    /// Of a ticker: its period, and when it is due.
    ticks: Option<(Duration, Moment)>,
}

impl Alarms {
    /// Whether no timer is pending.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// The number of the newest timer.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Numbers go on after `last`.
    pub fn continue_from(&mut self, last: u64) {
        self.last = last;
    }

    /// The keys of all pending timers.
    pub fn keys(&self) -> impl Iterator<Item = TimerKey> + '_ {
        self.pending.values().map(|pending| pending.key)
    }

    /// Marks the channels of pending timers.
    pub fn trace(&self, marker: &mut Marker) {
        self.pending.values().for_each(|pending| marker.mark(Value::userdata(pending.channel)));
    }
}

/// The pending timers of the process.
fn alarms(vm: &mut Vm) -> &mut Alarms {
    &mut state(vm).rare().alarms
}

/// When a delay that begins now is over.
fn deadline(vm: &mut Vm, delay: Duration) -> Moment {
    state(vm).core().driver.now().after(delay.to_std())
}

fn start_timer(vm: &mut Vm, deadline: Moment, mail: Mail) -> TimerKey {
    let process = state(vm).process();
    process.core.timers.insert(deadline, Alarm { process: process.weak(), mail })
}

/// `time.sleep(d)`
pub(super) fn sleep(vm: &mut Vm, args: Args) -> NativeResult {
    let Some(duration) = duration_argument(vm, args, 0) else {
        return errors::fail(vm, INVALID, "invalid duration");
    };
    select::check_can_wait(vm)?;
    if duration.0 <= 0 {
        return vm.suspend(Request::Turn);
    }
    let id = state(vm).tasks.next_wait();
    let deadline = deadline(vm, duration);
    let key = start_timer(vm, deadline, Mail::Wake(id));
    state(vm).tasks.begin_wait("time.sleep", Wait::Timer(key), true);
    vm.suspend(Request::Event("time.sleep"))
}

/// The duration of a timer: positive.
fn positive(vm: &mut Vm, args: Args, i: u32) -> Option<Duration> {
    duration_argument(vm, args, i).filter(|duration| duration.0 > 0)
}

fn start_alarm(vm: &mut Vm, delay: Duration, channel: *mut Userdata, ticks: bool) -> u64 {
    let due = deadline(vm, delay);
    let known = alarms(vm);
    known.last += 1;
    let number = known.last;
    let key = start_timer(vm, due, Mail::Timer(number));
    let ticks = ticks.then_some((delay, due));
    alarms(vm).pending.insert(number, Pending { channel, key, ticks });
    number
}

/// `time.after(d)`
pub(super) fn after(vm: &mut Vm, args: Args) -> NativeResult {
    let Some(delay) = positive(vm, args, 0) else {
        return errors::fail(vm, INVALID, "invalid duration");
    };
    let channel = channel::new_channel(vm, Channel::local(1, false));
    start_alarm(vm, delay, channel, false);
    vm.push(Value::userdata(channel))?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}

/// The timer with this number fired.
///
/// # Errors
/// `not enough memory` past the memory limit.
pub fn fire(vm: &mut Vm, number: u64) -> Result<(), Box<LuaError>> {
    let Some(Pending { channel, ticks, .. }) = alarms(vm).pending.remove(&number) else { return Ok(()) };
    let now = Time::now(&*state(vm).core().driver);
    let value = time_value(vm, now);
    // A full buffer drops the tick.
    let sent = channel::try_send(vm, channel, value)?;
    match ticks {
        None => channel::close(vm, channel),
        Some((period, due)) if !matches!(sent, Sent::Closed) => {
            // A period after the last tick was due; ticks that nobody had time for are left out.
            let missed = state(vm).core().driver.now().since(due).as_nanos() / period.to_std().as_nanos();
            let due = due.after(period.to_std().saturating_mul(u32::try_from(missed + 1).unwrap_or(u32::MAX)));
            let key = start_timer(vm, due, Mail::Timer(number));
            alarms(vm).pending.insert(number, Pending { channel, key, ticks: Some((period, due)) });
            Ok(())
        }
        Some(_) => Ok(()),
    }
}

/// A timer or ticker in a heap.
struct TimerObject {
    channel: *mut Userdata,
    number: u64,
    ticks: bool,
}

// SAFETY: the channel belongs to the heap that holds the timer, and moves with it.
unsafe impl Send for TimerObject {}

impl UserData for TimerObject {
    fn class(&self) -> &'static str {
        if self.ticks { "time.Ticker" } else { "time.Timer" }
    }

    fn trace(&self, marker: &mut Marker) {
        marker.mark(Value::userdata(self.channel));
    }
}

static TIMER: Class = Class {
    name: "time.Timer",
    methods: &[
        Native::new("channel", channel_of_timer),
        Native::new("response", channel_of_timer),
        Native::new("stop", stop),
        Native::new("reset", reset),
    ],
    metamethods: &[],
};

static TICKER: Class = Class {
    name: "time.Ticker",
    methods: &[
        Native::new("channel", channel_of_timer),
        Native::new("response", channel_of_timer),
        Native::new("stop", stop),
    ],
    metamethods: &[],
};

/// Ticks that wait to be received.
const TICKS: usize = 16;

/// `time.timer(d)`
pub(super) fn timer(vm: &mut Vm, args: Args) -> NativeResult {
    new_timer(vm, args, false)
}

/// `time.ticker(d)`
pub(super) fn ticker(vm: &mut Vm, args: Args) -> NativeResult {
    new_timer(vm, args, true)
}

fn new_timer(vm: &mut Vm, args: Args, ticks: bool) -> NativeResult {
    let Some(delay) = positive(vm, args, 0) else {
        return errors::fail(vm, INVALID, "invalid duration");
    };
    let capacity = if ticks { TICKS } else { 1 };
    let channel = channel::new_channel(vm, Channel::local(capacity, false));
    let number = start_alarm(vm, delay, channel, ticks);
    let metatable = state(vm).core().image.class(if ticks { &TICKER } else { &TIMER });
    let object = vm.heap.new_userdata(TimerObject { channel, number, ticks }, metatable);
    vm.push(Value::userdata(object))?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}

fn this<'a>(vm: &mut Vm, args: Args) -> Result<&'a mut TimerObject, Box<LuaError>> {
    args.check_userdata(vm, 0, "time.Timer")
}

fn channel_of_timer(vm: &mut Vm, args: Args) -> NativeResult {
    let channel = this(vm, args)?.channel;
    vm.answer(Value::userdata(channel))
}

/// Takes the pending timer of an object back. `false` if there is none.
fn disarm(vm: &mut Vm, number: u64) -> bool {
    match alarms(vm).pending.remove(&number) {
        Some(pending) => {
            drop(state(vm).core().timers.cancel(pending.key));
            true
        }
        None => false,
    }
}

fn stop(vm: &mut Vm, args: Args) -> NativeResult {
    let timer = this(vm, args)?;
    let (channel, ticks) = (timer.channel, timer.ticks);
    let pending = disarm(vm, timer.number);
    if pending {
        channel::close(vm, channel)?;
    }
    vm.answer(Value::bool(pending || ticks))
}

fn reset(vm: &mut Vm, args: Args) -> NativeResult {
    let timer = this(vm, args)?;
    let Some(delay) = positive(vm, args, 1) else {
        return Err(vm.argument_error(1, "invalid duration"));
    };
    if !disarm(vm, timer.number) {
        return vm.answer(Value::FALSE);
    }
    // A new number, so that a firing of the old arming that is under way finds nothing.
    timer.number = start_alarm(vm, delay, timer.channel, false);
    vm.answer(Value::TRUE)
}

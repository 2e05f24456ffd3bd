//! The globals `subscribe` and `unsubscribe` (`runtime.md` §2.9): topics delivered to channels of the program.

use super::channel::{Channel, is_subscription};
use super::errors::{self, ALREADY_EXISTS, INVALID, NOT_FOUND};
use super::lib_process::done;
use super::mailbox;
use super::transfer::Text;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::{BASE, Library};
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::Userdata;
use crate::vm::value::Value;

/// Extends the base library.
pub static LIBRARY: Library = Library {
    name: BASE,
    global: true,
    natives: &[Native::new("subscribe", subscribe), Native::new("unsubscribe", unsubscribe)],
    constants: &[],
};

fn channel(vm: &mut Vm, args: Args, i: u32) -> Result<*mut Userdata, Box<LuaError>> {
    args.check_userdata::<Channel>(vm, i, "channel")?;
    Ok(args.get(vm, i).as_userdata())
}

fn subscribe(vm: &mut Vm, args: Args) -> NativeResult {
    let topic = args.check_string(vm, 0)?;
    let topic = Text::of(topic);
    let channel = channel(vm, args, 1)?;
    if matches!(topic.as_bytes().first(), None | Some(b'@')) {
        return errors::fail(vm, INVALID, "cannot subscribe to an empty topic or an @ topic");
    }
    if is_subscription(channel) {
        return errors::fail(vm, INVALID, "the channel is a subscription already");
    }
    if !mailbox::subscribe(vm, topic, channel)? {
        return errors::fail(vm, ALREADY_EXISTS, "the topic has another channel");
    }
    vm.push(Value::userdata(channel))?;
    vm.push(Value::NIL)?;
    Ok(Flow::Return(2))
}

fn unsubscribe(vm: &mut Vm, args: Args) -> NativeResult {
    let channel = channel(vm, args, 0)?;
    if mailbox::unsubscribe(vm, channel) {
        return done(vm);
    }
    errors::fail_with(vm, Value::FALSE, NOT_FOUND, "the channel is not subscribed to a topic")
}

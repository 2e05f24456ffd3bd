//! Message objects (`runtime.md` §2.9).

use super::mail::Message;
use super::payload::{Payload, new_payload};
use super::pid::NOBODY;
use super::process_state::state;
use crate::vm::Vm;
use crate::vm::args::userdata_of;
use crate::vm::error::LuaError;
use crate::vm::native::{Answer, Args, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The class of [`MessageObject`].
pub static MESSAGE: Class = Class {
    name: "process.Message",
    methods: &[
        Native::new("topic", topic).quick(quick_topic),
        Native::new("from", from),
        Native::new("payload", payload).quick(quick_payload),
    ],
    metamethods: &[Native::new("__tostring", message_text)],
};

struct MessageObject(Message);

impl UserData for MessageObject {
    fn class(&self) -> &'static str {
        "process.Message"
    }
}

/// A message as a listener in message mode gets it.
#[inline]
pub fn message_value(vm: &mut Vm, message: Message) -> Value {
    let metatable = state(vm).core().words.message_class;
    let drops = message.topic.owns_memory() || message.payload.owns_memory();
    Value::userdata(vm.heap.new_userdata_that(drops, MessageObject(message), metatable))
}

/// Begins to fetch the memory of the next message and its payload.
#[inline]
pub fn prefetch(vm: &mut Vm) {
    vm.heap.prefetch_userdata::<MessageObject>();
    vm.heap.prefetch_userdata::<Payload>();
}

/// A message as a plain listener gets it: its value; several as an array.
///
/// # Errors
/// `not enough memory` past the memory limit.
pub fn raw_value(vm: &mut Vm, message: &Message) -> Result<Value, Box<LuaError>> {
    if message.payload.len() < 2 {
        return message.payload.unpack_one(vm);
    }
    let values = message.payload.unpack(vm)?;
    vm.new_list(&values)
}

fn topic(vm: &mut Vm, args: Args) -> NativeResult {
    let message = args.check_userdata::<MessageObject>(vm, 0, "process.Message")?;
    let topic = message.0.topic.to_value(vm)?;
    vm.answer(topic)
}

fn quick_topic(vm: &mut Vm, args: &[Value]) -> Answer {
    match message_of(args) {
        Some(message) => message.topic.to_value(vm).map_or(Answer::NONE, Answer::from),
        None => Answer::NONE,
    }
}

/// The message that a method was called on.
fn message_of(args: &[Value]) -> Option<&Message> {
    let message = userdata_of::<MessageObject>(*args.first()?)?;
    // SAFETY: alive as an argument.
    Some(unsafe { &(*message).0 })
}

fn quick_payload(vm: &mut Vm, args: &[Value]) -> Answer {
    match message_of(args) {
        Some(message) if message.payload.len() == 1 => match message.payload.unpack_one(vm) {
            Ok(value) => new_payload(vm, value).into(),
            Err(_) => Answer::NONE,
        },
        _ => Answer::NONE,
    }
}

fn from(vm: &mut Vm, args: Args) -> NativeResult {
    let from = args.check_userdata::<MessageObject>(vm, 0, "process.Message")?.0.from;
    let text = if from == NOBODY { Default::default() } else { state(vm).core().hosts.show(from) };
    let text = vm.string(&text)?;
    vm.answer(text)
}

fn payload(vm: &mut Vm, args: Args) -> NativeResult {
    let message = args.check_userdata::<MessageObject>(vm, 0, "process.Message")?;
    match message.0.payload.len() {
        0 => vm.answer(Value::NIL),
        1 => {
            let value = message.0.payload.unpack_one(vm)?;
            let payload = new_payload(vm, value);
            vm.answer(payload)
        }
        _ => {
            let values = message.0.payload.unpack(vm)?;
            let payloads: Vec<Value> = values.iter().map(|value| new_payload(vm, *value)).collect();
            let list = vm.new_list(&payloads)?;
            vm.answer(list)
        }
    }
}

fn message_text(vm: &mut Vm, args: Args) -> NativeResult {
    let message = args.check_userdata::<MessageObject>(vm, 0, "process.Message")?;
    let text = [b"process.Message{topic=", message.0.topic.as_bytes(), b"}"].concat();
    let text = vm.string(&text)?;
    vm.answer(text)
}

//! The `queue` module (`modules.md` §4.13): letters that processes leave for functions.
//!
//! | file | owns |
//! | --- | --- |
//! | [`broker`] | queues in memory |
//! | [`consumer`] | what takes letters and has them handled |
//!
//! A handler learns of its letter by its process: the delivery is kept here under the PID from before the process runs until
//! it has ended.

pub mod broker;
pub mod consumer;

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;
use smallvec::smallvec;

use self::broker::{DeadEnd, Delivery, Letter, Queue};
use super::fields;
use super::plain::plain;
use super::{succeed, succeed_with_text};
use crate::runtime::access::Access;
use crate::runtime::data::Data;
use crate::runtime::errors::{ErrorData, INTERNAL, INVALID, NOT_FOUND};
use crate::runtime::module::object::{Object, check, new_object};
use crate::runtime::module::{Module, ModuleClass, module};
use crate::runtime::operation::run_future;
use crate::runtime::pid::Pid;
use crate::runtime::process_state::state;
use crate::runtime::spawn::{Entries, sibling};
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The module, with the queues of a runtime.
#[derive(Default)]
pub struct Queues {
    /// By the id of their driver and their name there.
    queues: Mutex<HashMap<(String, String), Arc<Queue>>>,
    /// Letters that are being handled, by the process that does.
    deliveries: Mutex<HashMap<Pid, Arc<Delivery>>>,
}

impl Module for Queues {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Storage, ModuleClass::Io, ModuleClass::Nondeterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("queue.d.lua")
    }
}

/// The library.
static LIBRARY: Library = Library {
    name: "queue",
    global: false,
    natives: &[Native::new("publish", publish), Native::new("message", message), Native::new("info", info)],
    constants: &[],
};

/// The kind of entries that keep queues in memory.
pub const MEMORY: &str = "queue.driver.memory";
/// The kind of entries that are queues.
pub const KIND: &str = "queue.queue";

/// Letters that a queue has room for, unless it says so.
const MAX_LENGTH: usize = 1000;
/// How often a letter is delivered before it goes to the dead letters, unless the queue says so.
const ATTEMPTS: u32 = 5;
/// Queues whose dead letters go to each other.
const MAX_CHAIN: u32 = 8;

/// The class of messages.
pub static MESSAGE: Class = Class {
    name: "queue.Message",
    methods: &[
        Native::new("id", |vm, args| {
            let delivery = check::<Delivery>(vm, args, 0)?;
            succeed_with_text(vm, delivery.letter.id.as_bytes())
        }),
        Native::new("header", header),
        Native::new("headers", |vm, args| {
            let delivery = check::<Delivery>(vm, args, 0)?;
            let headers = delivery.letter.headers.iter().map(|(name, value)| (name.as_str().into(), value.clone()));
            let headers = Data::Map(headers.collect()).to_value(vm)?;
            succeed(vm, headers)
        }),
        Native::new("ack", |vm, args| settle(vm, args, true)),
        Native::new("nack", |vm, args| settle(vm, args, false)),
    ],
    metamethods: &[],
};

impl Object for Delivery {
    fn class() -> &'static Class {
        &MESSAGE
    }

    const IS_PLAIN: bool = true;
}

fn invalid(message: &str) -> ErrorData {
    ErrorData::judged(INVALID, message, false)
}

impl Queues {
    /// The queue of an entry.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(&self, entries: &dyn Entries, id: &str) -> Result<Arc<Queue>, ErrorData> {
        self.find_in_chain(entries, id, 0)
    }

    fn find_in_chain(&self, entries: &dyn Entries, id: &str, depth: u32) -> Result<Arc<Queue>, ErrorData> {
        if depth >= MAX_CHAIN {
            return Err(invalid(&format!("{id}: dead letters go around in circles")));
        }
        let (_, fields) = entries.declared(id, &[KIND])?;
        let text = |field: &str| fields.get(field).and_then(Data::as_str);
        let count = |value: Option<&Data>, default: usize| match value {
            Some(Data::Integer(n)) => usize::try_from(*n).unwrap_or(default),
            _ => default,
        };
        let driver = sibling(id, text("driver").unwrap_or_default());
        entries.declared(&driver, &[MEMORY])?;
        let name = (driver, text("queue_name").unwrap_or(id).to_owned());
        if let Some(known) = self.queues.lock().get(&name) {
            return Ok(Arc::clone(known));
        }
        let dead_end = match text("dead_letter") {
            None => None,
            Some(other) => Some(DeadEnd {
                queue: self.find_in_chain(entries, &sibling(id, other), depth + 1)?,
                attempts: count(fields.get("max_attempts"), ATTEMPTS as usize) as u32,
            }),
        };
        let options = fields.get("driver_options").and_then(|options| options.get("memory"));
        let max_length = count(options.and_then(|options| options.get("max_length")), MAX_LENGTH);
        let make = || Queue::new(max_length, dead_end);
        Ok(Arc::clone(self.queues.lock().entry(name).or_insert_with(make)))
    }
}

/// `queue.publish(id, data, headers?)`
fn publish(vm: &mut Vm, args: Args) -> NativeResult {
    let id = String::from_utf8_lossy(args.check_bytes(vm, 0)?).into_owned();
    let (body, headers) = (args.get(vm, 1), args.get(vm, 2));
    if !headers.is_nil() {
        args.check_table(vm, 2)?;
    }
    let (queue, letter) = match prepared(vm, &id, body, headers) {
        Ok(prepared) => prepared,
        Err(error) => return fields::fail(vm, error),
    };
    run_future(vm, "queue.publish", queue.publish(letter), |vm, published| {
        Ok(match published {
            Ok(()) => smallvec![Value::TRUE, Value::NIL],
            Err(error) => smallvec![Value::NIL, fields::error_value(vm, error)],
        })
    })
}

/// The queue that is meant, and the letter.
fn prepared(vm: &mut Vm, id: &str, body: Value, headers: Value) -> Result<(Arc<Queue>, Letter), ErrorData> {
    let access = Access::of_caller(vm);
    access.check("queue.publish", "queue")?;
    access.check("queue.publish.queue", id)?;
    let body = plain(vm, body)?;
    if matches!(&body, Data::Nil) || matches!(&body, Data::Map(entries) if entries.is_empty()) {
        return Err(invalid("there is nothing to publish"));
    }
    let Data::Map(headers) = (match headers.is_nil() {
        true => Data::Map(Vec::new()),
        false => plain(vm, headers)?,
    }) else {
        return Err(invalid("the names of headers must be strings"));
    };
    let header = |(name, value): (Data, Data)| match (name.as_str(), &value) {
        (None, _) => Err(invalid("the names of headers must be strings")),
        (Some(name), Data::List(_) | Data::Map(_) | Data::Nil) => {
            Err(invalid(&format!("header {name}: string, number or boolean expected")))
        }
        (Some(name), _) => Ok((name.to_owned(), value)),
    };
    let headers = headers.into_iter().map(header).collect::<Result<Vec<_>, _>>()?;
    let core = state(vm).core();
    let queue = module::<Queues>(vm).find(&*core.entries, id)?;
    let number = u128::from(core.driver.random_u64()) << 64 | u128::from(core.driver.random_u64());
    let id = uuid::Builder::from_random_bytes(number.to_ne_bytes()).into_uuid();
    Ok((queue, Letter::new(id.hyphenated().to_string(), headers, body)))
}

/// `queue.message()`
fn message(vm: &mut Vm, _: Args) -> NativeResult {
    let pid = state(vm).process().pid;
    let delivery = module::<Queues>(vm).deliveries.lock().get(&pid).cloned();
    match delivery {
        Some(delivery) => {
            let message = new_object(vm, delivery);
            succeed(vm, message)
        }
        None => fields::fail(vm, invalid("not in the handler of a consumer")),
    }
}

/// `queue.info(id)`
fn info(vm: &mut Vm, args: Args) -> NativeResult {
    let id = String::from_utf8_lossy(args.check_bytes(vm, 0)?);
    let found = module::<Queues>(vm).find(&*state(vm).core().entries, &id);
    match found {
        Ok(queue) => {
            let info = queue.info().to_value(vm)?;
            succeed(vm, info)
        }
        Err(error) if &*error.kind == NOT_FOUND => {
            fields::fail(vm, ErrorData::judged(INTERNAL, &format!("unknown queue {id}"), false))
        }
        Err(error) => fields::fail(vm, error),
    }
}

/// `message:header(name)`
fn header(vm: &mut Vm, args: Args) -> NativeResult {
    let delivery = check::<Delivery>(vm, args, 0)?;
    let name = args.check_bytes(vm, 1)?;
    let found = delivery.letter.headers.iter().find(|(known, _)| known.as_bytes() == name);
    let value = match found {
        Some((_, value)) => value.to_value(vm)?,
        None => Value::NIL,
    };
    succeed(vm, value)
}

/// `message:ack()`, `message:nack()`
fn settle(vm: &mut Vm, args: Args, well: bool) -> NativeResult {
    match check::<Delivery>(vm, args, 0)?.settle(well) {
        Ok(()) => succeed(vm, Value::TRUE),
        Err(error) => fields::fail(vm, error),
    }
}

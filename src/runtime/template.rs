//! What the top-level chunk of an entry makes, kept: most such chunks only make a table of functions, and a process needs
//! one of them. Where running the chunk again could not be told from copying what it made the first time, later
//! processes get a copy.
//!
//! That is so if the chunk calls nothing and leaves the globals and the library as it found them: then all it does is
//! to make values out of constants and the library, and those are the same in every new process. A chunk that
//! calls nothing meets no metamethod either, but those of strings. In a sandbox, where `require` only gives what is there
//! already, a chunk may call it by its name with a constant.

use std::sync::OnceLock;

use smallvec::SmallVec;

use super::spawn::Chunk;
use super::transfer::{Parcel, pack_template};
use crate::bytecode::op::{SCALE, index};
use crate::bytecode::{Constant, Op};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::function::Function;
use crate::vm::object::Closure;
use crate::vm::value::{Value, tag};

/// The method of an entry as its chunk makes it; see the module header.
#[derive(Default)]
pub struct Template(OnceLock<Option<Method>>);

enum Method {
    /// A function that captures the globals or nothing, as nearly all are.
    Plain(*const Function),
    /// Anything else.
    Packed(Parcel),
}

// SAFETY: functions of the image are immutable and live as long as it, and the entries of a runtime do not outlive that.
unsafe impl Send for Method {}
// SAFETY: as above.
unsafe impl Sync for Method {}

impl Template {
    /// The method in a fresh state, if it is known and can be copied.
    #[inline]
    pub fn make(&self, vm: &mut Vm) -> Option<Result<Value, Box<LuaError>>> {
        match self.0.get()?.as_ref()? {
            Method::Plain(function) => {
                let globals = Value::table(vm.globals());
                // SAFETY: a function of the image that captures the globals at most.
                Some(Ok(unsafe { vm.new_main_closure(&**function, globals) }))
            }
            Method::Packed(parcel) => Some(parcel.unpack_one(vm)),
        }
    }

    /// Whether the method is known and can be copied.
    pub fn is_known(&self) -> bool {
        self.0.get().is_some_and(Option::is_some)
    }

    /// `chunk` has run in the fresh state `vm`, where these modules were globals, and made this method.
    pub fn learn(&self, vm: &mut Vm, chunk: Chunk, modules: &[Box<str>], method: Value) {
        self.0.get_or_init(|| {
            let calls = if vm.image.is_sandbox() { only_requires(chunk) } else { calls_nothing(chunk) };
            let repeatable = calls && {
                let given = given(vm, modules);
                vm.heap.has_untouched_library(&given)
            };
            if !repeatable {
                return None;
            }
            plain_function(vm, method).map(Method::Plain).or_else(|| pack_template(vm, method).map(Method::Packed))
        });
    }
}

fn is_call(op: Op) -> bool {
    matches!(op, Op::Call | Op::TailCall | Op::GenericCall | Op::GenericLoop)
}

/// Whether no instruction of a chunk calls a function.
fn calls_nothing(chunk: Chunk) -> bool {
    !chunk.function().proto.code.iter().any(|instruction| is_call(instruction.op))
}

/// Whether all that a chunk calls is the global `require`, with one constant, in code that runs from its beginning to its
/// end.
fn only_requires(chunk: Chunk) -> bool {
    let proto = &chunk.function().proto;
    let name = Constant::String((*b"require").into());
    let is_require = |at: usize| {
        let Some([get, argument, call]) = at.checked_sub(2).map(|first| &proto.code[first..=at]) else { return false };
        call.op == Op::Call
            && call.b == 2
            && get.op == Op::GetGlobal
            && get.a == call.a
            && proto.constants[index(get.c)] == name
            && argument.op == Op::LoadConst
            && argument.a == call.a + SCALE
    };
    let is_straight = || {
        !proto.code.iter().any(|instruction| (Op::Jump as u8..=Op::GenericLoop as u8).contains(&(instruction.op as u8)))
    };
    let mut calls = proto.code.iter().enumerate().filter(|(_, instruction)| is_call(instruction.op)).peekable();
    calls.peek().is_none() || (calls.all(|(at, _)| is_require(at)) && is_straight())
}

/// The globals that hold these modules, with their values.
fn given(vm: &mut Vm, modules: &[Box<str>]) -> SmallVec<[(Value, Value); 8]> {
    let mut given = SmallVec::new();
    for name in modules {
        if let Some(module) = vm.image.module(name) {
            let key = Value::string(vm.image.strings.intern(name.as_bytes()));
            given.push((key, vm.own(module)));
        }
    }
    given
}

/// The function of a closure that captures the globals or nothing.
fn plain_function(vm: &Vm, method: Value) -> Option<*const Function> {
    if method.tag() != tag::CLOSURE {
        return None;
    }
    let closure = method.as_closure();
    // SAFETY: a live closure with so many captured values.
    unsafe {
        let plain = match (*closure).header.extra {
            0 => true,
            1 => (*Closure::captured(closure)).same(Value::table(vm.globals())),
            _ => false,
        };
        plain.then_some((*closure).function)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use crate::compile::NoModules;
    use std::sync::{Arc, mpsc};

    use crate::runtime::errors::ErrorData;
    use crate::runtime::module::Modules;
    use crate::runtime::spawn::{Bindings, Chunk, Entries, Entry};
    use crate::runtime::system::System;
    use crate::runtime::transfer::Parcel;
    use crate::vm::image::Image;

    /// One entry that stays.
    struct Kept(Entry);

    impl Entries for Kept {
        fn resolve(&self, _: &Image, _: &str) -> Result<Entry, ErrorData> {
            Ok(self.0.clone())
        }
    }

    /// What three processes of an entry return, one after the other, and whether its method is copied.
    fn results(source: &str, sandbox: bool) -> (Vec<String>, bool) {
        let image = crate::modules::image(&Modules::default(), sandbox);
        let chunk = Chunk::compile(&image, source.as_bytes(), "=kept", &NoModules).expect("the source compiles");
        let modules = if sandbox { vec!["time".into(), "events".into()] } else { Vec::new() };
        let bindings = Bindings { modules, libraries: Vec::new() };
        let entry = Entry::with_bindings("app:main", chunk, "main", Some(Arc::new(bindings)));
        let system = System::builder().workers(1).build(image, Box::new(Kept(entry.clone()))).expect("a thread");
        let result = |_| {
            let (sender, outcome) = mpsc::channel();
            let on_exit = Box::new(move |outcome| sender.send(outcome).expect("the test waits"));
            system.spawn("app:main", &Parcel::Empty, on_exit).expect("the entry can be started");
            format!("{:?}", outcome.recv().expect("the process ends").expect("it does not fail"))
        };
        let results = (0..3).map(result).collect();
        (results, entry.starts_at_once())
    }

    #[test]
    fn every_process_has_its_own_copy() {
        let integer = |i: i64| format!("{:?}", Parcel::Integer(i));
        for (source, copied, expected) in [
            ("return function() return 3 end", true, 3),
            ("local n = 0 return function() n = n + 1 return n end", true, 1),
            (
                "local t = {} local function add() t[#t + 1] = 1 end return {main = function() add() add() return #t end}",
                true,
                2,
            ),
            ("local e = {env = _ENV} return function() e.env.x = (e.env.x or 0) + 1 return x end", true, 1),
            ("local insert = table.insert return function() local t = {} insert(t, 1) return #t end", true, 1),
            ("function helper() return 5 end return function() return helper() end", false, 5),
            ("string.width = string.len return function() return ('abc'):width() end", false, 3),
            ("print = nil return function() return print == nil and 1 or 2 end", false, 1),
            ("local m = setmetatable({}, {__len = function() return 7 end}) return function() return #m end", false, 7),
        ] {
            assert_eq!(results(source, false), (vec![integer(expected); 3], copied), "{source}");
        }
    }

    #[test]
    fn in_a_sandbox_requiring_is_no_call() {
        for (source, copied) in [
            ("return {main = function() return time.SECOND == 1000000000 and events ~= nil end}", true),
            (
                "local t, e = require('time'), require 'events' return function() return t == time and e == events end",
                true,
            ),
            ("local t = require('time') time = 1 return function() return time == 1 and t.SECOND ~= nil end", false),
            ("local t = (nothing or require)('time') return function() return t == time end", false),
            ("local n = tonumber('1') return function() return n == 1 end", false),
            ("local n = 'time' local t = require(n) return function() return t == time end", false),
        ] {
            let expected = format!("{:?}", Parcel::Boolean(true));
            assert_eq!(results(source, true), (vec![expected; 3], copied), "{source}");
        }
        let source = "local t = require('time') return function() return t ~= nil end";
        assert!(!results(source, false).1, "elsewhere it may run files");
    }
}

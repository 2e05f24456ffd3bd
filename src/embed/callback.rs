//! Functions of the host that Lua can call.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Weak;

use super::convert::{FromLuaMulti, IntoLuaMulti, MultiValue};
use super::error::{Error, Result};
use super::handle::Function;
use super::{Lua, State};
use crate::vm::Vm;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::value::Value;

static CALLBACK: Native = Native::new("callback", run);

type Body = dyn Fn(&Lua, MultiValue) -> Result<MultiValue>;

/// What the native closure captures.
struct Callback {
    lua: Weak<State>,
    body: Box<Body>,
}

// SAFETY: a state of this API is neither `Send` nor reachable from another thread, and so is all it captures.
unsafe impl Send for Callback {}

pub(super) fn create<A, R, F>(lua: &Lua, f: F) -> Result<Function>
where
    A: FromLuaMulti,
    R: IntoLuaMulti,
    F: Fn(&Lua, A) -> Result<R> + 'static,
{
    let body: Box<Body> = Box::new(move |lua, args| f(lua, A::from_lua_multi(args, lua)?)?.into_lua_multi(lua));
    let callback = Callback { lua: std::rc::Rc::downgrade(&lua.state), body };
    let closure = lua.with(|vm| vm.heap.new_native_closure(&raw const CALLBACK, 0, Some(Box::new(callback))));
    Ok(Function(lua.root(Value::native_closure(closure))))
}

fn run(vm: &mut Vm, args: Args) -> NativeResult {
    let closure = vm.running_native().as_native_closure();
    // SAFETY: the closure is on the stack while it runs, and its data is not changed.
    let callback = unsafe { (*closure).data.as_deref() }.and_then(|data| data.downcast_ref::<Callback>());
    let callback = callback.expect("made in `create`");
    let lua = Lua { state: callback.lua.upgrade().expect("a running state is alive") };
    let values: Vec<Value> = (0..args.len).map(|i| args.get(vm, i)).collect();
    let values: MultiValue = values.into_iter().map(|value| lua.wrap(value)).collect();
    let answer = catch_unwind(AssertUnwindSafe(|| (callback.body)(&lua, values)));
    match answer {
        Ok(Ok(results)) => {
            let n = results.len() as u32;
            let results: Vec<Value> = results.iter().map(|value| lua.unwrap(value)).collect();
            lua.with(|vm| vm.push_all(&results))?;
            Ok(Flow::Return(n))
        }
        Ok(Err(error)) => Err(lua.raise(&error)),
        Err(panic) => Err(lua.raise(&Error::external(panic_text(&*panic)))),
    }
}

/// What a panic said.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    format!("native function panicked: {text}")
}

//! The `funcs` module (`runtime.md` §6.1): calling functions, and executors that add to what callees inherit.

use std::sync::Arc;
use std::time::Duration;

use super::access;
use super::call::{self, Callable};
use super::context::{Context, Inheritance};
use super::data::Data;
use super::errors::{ErrorData, INVALID, NOT_FOUND, refuse};
use super::future::new_future;
use super::identity::{Actor, Identity, Scope};
use super::module::object::{Object, check};
use super::process_state::state;
use super::select::check_can_wait;
use super::spawn::pack_rest;
use super::task::Wait;
use super::time::span_of;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::exit::Request;
use crate::vm::image::Library;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::userdata::Class;
use crate::vm::value::{Value, tag};

/// The module.
pub static LIBRARY: Library = Library {
    name: "funcs",
    global: false,
    natives: &[
        Native::new("call", |vm, args| call(vm, args, 0, Executor::default())),
        Native::new("async", |vm, args| start(vm, args, 0, Executor::default())),
        Native::new("new", |vm, _| answer_executor(vm, Executor::default())),
    ],
    constants: &[],
};

const CLASS: &str = "funcs.Executor";

static EXECUTOR: Class = Class {
    name: CLASS,
    methods: &[
        Native::new("with_context", with_context),
        Native::new("with_options", with_options),
        Native::new("with_actor", |vm, args| {
            with_identity(vm, args, |identity, actor: Arc<Actor>| identity.actor = Some(actor))
        }),
        Native::new("with_scope", |vm, args| {
            with_identity(vm, args, |identity, scope: Arc<Scope>| identity.scope = Some(scope))
        }),
        Native::new("call", |vm, args| {
            let executor = this(vm, args)?;
            call(vm, args, 1, executor)
        }),
        Native::new("async", |vm, args| {
            let executor = this(vm, args)?;
            start(vm, args, 1, executor)
        }),
    ],
    metamethods: &[],
};

/// What an executor adds to calls.
#[derive(Clone, Default)]
struct Executor {
    context: Option<Arc<Context>>,
    identity: Identity,
    timeout: Option<Duration>,
}

impl Executor {
    /// What a callee inherits.
    fn inheritance(&self, vm: &mut Vm) -> Inheritance {
        let state = state(vm);
        Inheritance {
            context: Context::merged(state.context(), self.context.as_ref()),
            identity: Identity::merged(state.identity(), &self.identity),
        }
    }
}

impl UserData for Executor {
    fn class(&self) -> &'static str {
        CLASS
    }
}

fn this(vm: &mut Vm, args: Args) -> Result<Executor, Box<LuaError>> {
    args.check_userdata::<Executor>(vm, 0, CLASS).map(|executor| executor.clone())
}

fn answer_executor(vm: &mut Vm, executor: Executor) -> NativeResult {
    let metatable = vm.image.class(&EXECUTOR);
    let executor = vm.heap.new_userdata(executor, metatable);
    vm.answer(Value::userdata(executor))
}

fn with_context(vm: &mut Vm, args: Args) -> NativeResult {
    let executor = this(vm, args)?;
    let fields = args.check_table(vm, 1)?;
    if let Err(error) = access::check(vm, "funcs.context", "context") {
        return refuse(vm, error);
    }
    let context = executor.context.as_deref().cloned().unwrap_or_default().with_fields(vm, fields)?;
    answer_executor(vm, Executor { context: Some(Arc::new(context)), ..executor })
}

/// `executor:with_options{timeout?}`: milliseconds or a duration. Options for others are let pass.
fn with_options(vm: &mut Vm, args: Args) -> NativeResult {
    let executor = this(vm, args)?;
    let options = args.check_table(vm, 1)?;
    let timeout = vm.raw_get_name(options, "timeout")?;
    let timeout = match timeout.tag() {
        tag::NIL => None,
        tag::INT | tag::FLOAT => {
            let milliseconds = if timeout.is_int() { timeout.as_int() as f64 } else { timeout.as_float() };
            Some(Duration::try_from_secs_f64(milliseconds / 1000.0).ok())
        }
        _ => Some(span_of(timeout).filter(|span| span.0 >= 0).map(|span| span.to_std())),
    };
    match timeout {
        Some(None) => Err(vm.argument_error(1, "field 'timeout' must be milliseconds or a duration")),
        timeout => answer_executor(vm, Executor { timeout: timeout.flatten(), ..executor }),
    }
}

/// `executor:with_actor(actor)`, `executor:with_scope(scope)`
fn with_identity<T: Object>(vm: &mut Vm, args: Args, set: fn(&mut Identity, Arc<T>)) -> NativeResult {
    let mut executor = this(vm, args)?;
    let value = check::<T>(vm, args, 1)?;
    if let Err(error) = access::check(vm, "funcs.security", "security") {
        return refuse(vm, error);
    }
    set(&mut executor.identity, value);
    answer_executor(vm, executor)
}

/// What argument `i` names.
fn target(vm: &mut Vm, args: Args, i: u32) -> Result<Result<Callable, ErrorData>, Box<LuaError>> {
    let id = if args.get(vm, i).is_nil() { b"" } else { args.check_bytes(vm, i)? };
    let id = String::from_utf8_lossy(id);
    let complaint = match id.split_once(':') {
        _ if id.is_empty() => Some("function ID required"),
        None | Some(("", _)) => Some("namespace required in function ID"),
        Some((_, "")) => Some("name required in function ID"),
        Some(_) => None,
    };
    if let Some(complaint) = complaint {
        return Ok(Err(ErrorData::plain(INVALID, complaint)));
    }
    if let Err(error) = access::check(vm, "funcs.call", &id) {
        return Ok(Err(error));
    }
    let core = state(vm).core();
    Ok(core.entries.callable(core, &id).map_err(|error| match &*error.kind {
        NOT_FOUND => {
            let details = Some(Data::from([("target", &*id)]));
            ErrorData { details, ..ErrorData::plain(NOT_FOUND, "no handler registered for target") }
        }
        _ => error,
    }))
}

/// `funcs.call(target, …)`
fn call(vm: &mut Vm, args: Args, first: u32, executor: Executor) -> NativeResult {
    let callable = match target(vm, args, first)? {
        Ok(callable) => callable,
        Err(error) => return refuse(vm, error),
    };
    check_can_wait(vm)?;
    let then = call::answer_caller(vm);
    let arguments = pack_rest(vm, args, first + 1);
    let inherited = executor.inheritance(vm);
    let process = state(vm).process();
    let mut call = call::start(process, callable, arguments, inherited, then);
    if let Some(timeout) = executor.timeout {
        let expire = call::answer_caller(vm);
        call = call.with_timeout(process, timeout, Box::new(move |_| expire(Err(Arc::new(call::too_late())))));
    }
    state(vm).tasks.begin_wait("funcs.call", Wait::Call(call), true);
    vm.suspend(Request::Event("funcs.call"))
}

/// `funcs.async(target, …)`
fn start(vm: &mut Vm, args: Args, first: u32, executor: Executor) -> NativeResult {
    let callable = match target(vm, args, first)? {
        Ok(callable) => callable,
        Err(error) => return refuse(vm, error),
    };
    let future = new_future(vm, executor.timeout, |vm, then| {
        let arguments = pack_rest(vm, args, first + 1);
        let inherited = executor.inheritance(vm);
        call::start(state(vm).process(), callable, arguments, inherited, then)
    });
    vm.push_all(&[future, Value::NIL])?;
    Ok(Flow::Return(2))
}

#[cfg(test)]
mod tests {
    use super::{EXECUTOR, LIBRARY};
    use crate::runtime::future::FUTURE;
    use crate::types::declared::assert_declares;

    #[test]
    fn the_manifest_declares_all() {
        let classes = [&EXECUTOR, &FUTURE];
        let classes = classes.map(|class| (class.name, class.methods.iter().map(|method| method.name).collect()));
        assert_declares(include_str!("funcs.d.lua"), LIBRARY.natives.iter().map(|native| native.name), classes);
    }
}

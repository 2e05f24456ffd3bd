//! `process.registry` (`runtime.md` §2.13): names of processes.

use super::access;
use super::errors::{self, ALREADY_EXISTS, ErrorData, INTERNAL, INVALID, NOT_FOUND, refuse};
use super::lib_process::{done, pid_value};
use super::names::NameError;
use super::process_state::state;
use crate::vm::Vm;
use crate::vm::arith::to_integer;
use crate::vm::image::{Library, Literal};
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::Str;
use crate::vm::value::Value;

/// A field of the library `process`.
pub static LIBRARY: Library = Library {
    name: "process.registry",
    global: false,
    natives: &[Native::new("register", register), Native::new("lookup", lookup), Native::new("unregister", unregister)],
    constants: &[
        ("LOCAL", Literal::Integer(0)),
        ("EVENTUAL", Literal::Integer(1)),
        ("CONSISTENT", Literal::Integer(2)),
        ("STRONG", Literal::Integer(3)),
    ],
};

/// What a scope means.
enum Scope {
    Local,
    /// One that needs other nodes.
    Wide,
}

/// Argument `i` as a scope; `None` if it is none.
fn scope(vm: &mut Vm, args: Args, i: u32) -> Option<Scope> {
    let value = args.get(vm, i);
    if value.is_nil() {
        return Some(Scope::Local);
    }
    match to_integer(value).filter(|_| value.is_number())? {
        0 => Some(Scope::Local),
        1..=3 => Some(Scope::Wide),
        _ => None,
    }
}

const NO_SCOPE: &str = "scope must be one of the numbers of process.registry";
const STAND_ALONE: &str = "a stand-alone runtime has local names only";

/// Asks whether something may be done to a name.
fn check(vm: &mut Vm, action: &str, name: &[u8]) -> Result<(), ErrorData> {
    access::check(vm, action, &String::from_utf8_lossy(name))
}

fn register(vm: &mut Vm, args: Args) -> NativeResult {
    let name = args.check_bytes(vm, 0)?;
    if name.is_empty() {
        return errors::fail(vm, INVALID, "name must not be empty");
    }
    match scope(vm, args, 2) {
        Some(Scope::Local) => {}
        Some(Scope::Wide) => return errors::fail(vm, INTERNAL, STAND_ALONE),
        None => return errors::fail(vm, INVALID, NO_SCOPE),
    }
    if let Err(error) = check(vm, "process.registry.register", name) {
        return refuse(vm, error);
    }
    let core = state(vm).core();
    let target = if args.get(vm, 1).is_nil() {
        core.processes.get(state(vm).process().pid)
    } else {
        let pid = args.get(vm, 1);
        // SAFETY: a live string.
        let pid = pid.is_string().then(|| unsafe { Str::bytes(pid.as_string()) });
        let Some(pid) = pid.and_then(|pid| core.hosts.parse(pid)) else {
            return errors::fail(vm, INVALID, "invalid pid");
        };
        if pid != state(vm).process().pid
            && let Err(error) = access::check(vm, "process.registry.foreign", &core.hosts.shown(pid))
        {
            return refuse(vm, error);
        }
        core.processes.get(pid)
    };
    let registered = target.map(|target| core.names.register(name, &target, || {}));
    match registered {
        Some(Ok(())) => done(vm),
        Some(Err(NameError::Taken(_))) => errors::fail(vm, ALREADY_EXISTS, "name already registered"),
        Some(Err(NameError::Ended)) | None => errors::fail(vm, NOT_FOUND, "process not found"),
    }
}

fn lookup(vm: &mut Vm, args: Args) -> NativeResult {
    let name = args.check_bytes(vm, 0)?;
    match state(vm).core().names.lookup(name) {
        Some(pid) => {
            let text = pid_value(vm, pid)?;
            vm.push(text)?;
            vm.push(Value::NIL)?;
            Ok(Flow::Return(2))
        }
        None => errors::fail(vm, NOT_FOUND, "name not registered"),
    }
}

fn unregister(vm: &mut Vm, args: Args) -> NativeResult {
    let name = args.check_bytes(vm, 0)?;
    match scope(vm, args, 1) {
        Some(Scope::Local) => {}
        Some(Scope::Wide) => return errors::fail(vm, INTERNAL, STAND_ALONE),
        None => return errors::fail(vm, INVALID, NO_SCOPE),
    }
    if let Err(error) = check(vm, "process.registry.unregister", name) {
        return refuse(vm, error);
    }
    let core = state(vm).core();
    let removed = core.names.unregister(name, &core.processes);
    vm.answer(Value::bool(removed))
}

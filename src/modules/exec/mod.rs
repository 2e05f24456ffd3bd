//! The `exec` module (`modules.md` §4.19): programs of the operating system.
//!
//! | file | owns |
//! | --- | --- |
//! | `words` | command lines as words; pure |
//! | `process` | a program that runs, its streams, its end |
//!
//! In an application an executor is an entry, `exec.native`; in script mode every id is one, which allows all commands. A
//! program sees no environment but what is configured.

mod process;
mod words;

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use self::process::{Plan, Process};
use self::words::words;
use super::fields::{self, Fields, invalid};
use super::succeed;
use crate::runtime::access;
use crate::runtime::data::Data;
use crate::runtime::errors::{ErrorData, PERMISSION_DENIED};
use crate::runtime::module::object::{Object, check, new_object};
use crate::runtime::module::{Module, ModuleClass};
use crate::runtime::process_state::state;
use crate::runtime::spawn::{Entries, Resource};
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The module.
pub struct Exec;

impl Module for Exec {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Io, ModuleClass::Process, ModuleClass::Nondeterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("exec.d.lua")
    }
}

static LIBRARY: Library = Library { name: "exec", global: false, natives: &[Native::new("get", get)], constants: &[] };

static EXECUTOR: Class = Class {
    name: "exec.Executor",
    methods: &[Native::new("exec", exec), Native::new("release", release)],
    metamethods: &[],
};

/// The kind of entries that are executors.
pub const KIND: &str = "exec.native";

/// What may be run, and where.
struct Executor {
    folder: PathBuf,
    environment: Vec<(String, String)>,
    /// Command lines; without it, all.
    whitelist: Option<Vec<String>>,
    released: Mutex<bool>,
}

impl Object for Executor {
    const IS_PLAIN: bool = true;

    fn class() -> &'static Class {
        &EXECUTOR
    }
}

impl Executor {
    /// That of an entry in an application in `folder`.
    fn of_entry(data: &Data, folder: PathBuf) -> Executor {
        let environment = match data.get("default_env") {
            Some(Data::Map(entries)) => entries
                .iter()
                .filter_map(|(name, value)| Some((name.as_str()?.to_owned(), value.as_str()?.to_owned())))
                .collect(),
            _ => Vec::new(),
        };
        let whitelist = match data.get("command_whitelist") {
            Some(Data::List(lines)) => Some(lines.iter().filter_map(Data::as_str).map(str::to_owned).collect()),
            _ => None,
        };
        let folder = match data.get("default_work_dir").and_then(Data::as_str) {
            Some(relative) => folder.join(relative),
            None => folder,
        };
        Executor { folder, environment, whitelist, released: Mutex::new(false) }
    }
}

/// The executor of an id.
fn find(entries: &dyn Entries, id: &str) -> Result<Executor, ErrorData> {
    let folder = match entries.resource(id) {
        Resource::Undeclared if !id.is_empty() => return Ok(Executor::of_entry(&Data::Nil, PathBuf::from("."))),
        Resource::Entry { folder, .. } => folder,
        _ => PathBuf::new(),
    };
    let (_, data) = entries.declared(id, &[KIND])?;
    Ok(Executor::of_entry(&data, folder))
}

/// `exec.get(id)`
fn get(vm: &mut Vm, args: Args) -> NativeResult {
    let id = String::from_utf8_lossy(args.check_bytes(vm, 0)?);
    let core = state(vm).core();
    let allowed = access::check(vm, "exec.get", &id);
    match allowed.and_then(|()| find(&*core.entries, &id)) {
        Ok(executor) => {
            let executor = new_object(vm, Arc::new(executor));
            succeed(vm, executor)
        }
        Err(error) => fields::fail(vm, error),
    }
}

/// `executor:exec(command, options?)`
fn exec(vm: &mut Vm, args: Args) -> NativeResult {
    let executor = check::<Executor>(vm, args, 0)?;
    let line = String::from_utf8_lossy(args.check_bytes(vm, 1)?);
    let plan = access::check(vm, "exec.run", &line).and_then(|()| plan(vm, &executor, &line, args.get(vm, 2)));
    match plan {
        Ok(plan) => {
            let process = new_object(vm, Arc::new(Process::new(plan)));
            succeed(vm, process)
        }
        Err(error) => fields::fail(vm, error),
    }
}

fn plan(vm: &mut Vm, executor: &Executor, line: &str, options: Value) -> Result<Plan, ErrorData> {
    if *executor.released.lock() {
        return Err(invalid("the executor was released"));
    }
    let words = words(line).ok_or_else(|| invalid("a quote of the command is not closed"))?;
    let Some((program, arguments)) = words.split_first().filter(|(program, _)| !program.is_empty()) else {
        return Err(invalid("empty command"));
    };
    if line.contains('\0') {
        return Err(invalid("the command contains a zero byte"));
    }
    if executor.whitelist.as_ref().is_some_and(|allowed| !allowed.iter().any(|allowed| allowed == line)) {
        return Err(ErrorData::judged(PERMISSION_DENIED, &format!("not allowed: {line} (not whitelisted)"), false));
    }
    let options = Fields::of(options, "options")?;
    let folder = match options.text(vm, "work_dir")? {
        Some(folder) => executor.folder.join(folder),
        None => executor.folder.clone(),
    };
    let mut environment = executor.environment.clone();
    for (name, values) in options.map(vm, "env")?.unwrap_or_default() {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok().filter(|text| !text.contains('\0'));
        let [value] = &values[..] else { return Err(invalid("env: a variable has one value")) };
        let name = text(&name).filter(|name| !name.is_empty() && !name.contains('='));
        let (Some(name), Some(value)) = (name, text(value)) else {
            return Err(invalid("env: names and values must be UTF-8 without zero bytes, names without '='"));
        };
        environment.push((name, value));
    }
    Ok(Plan { program: program.clone(), arguments: arguments.to_vec(), environment, folder })
}

/// `executor:release()`
fn release(vm: &mut Vm, args: Args) -> NativeResult {
    *check::<Executor>(vm, args, 0)?.released.lock() = true;
    vm.answer(Value::TRUE)
}

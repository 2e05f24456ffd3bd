//! Running Lua: what the command line asks for becomes the main process of a runtime.

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use smallvec::smallvec;

use super::args::{Invocation, Order};
use super::console::Console;
use super::interrupt::Interrupt;
use super::repl::Repl;
use super::session::{SESSION, Session, Step};
use super::{VERSION, fail};
use crate::app::script::ScriptEntries;
use crate::modules;
use crate::runtime::System;
use crate::runtime::interrupt::DEADLINE;
use crate::runtime::process_state::state;
use crate::runtime::task::Results;
use crate::stdlib::output::{flush_in_background, flush_output, write_output};
use crate::stdlib::package::replace;
use crate::stdlib::stream;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::value::Value;

/// Sets the number of workers; by default there is one for each processor.
const WORKERS: &str = "MOONLET_WORKERS";

/// Where the reference implementation looks for libraries in C. Here nothing is ever loaded from there, but programs
/// expect `package.cpath` to be such a list.
const C_PATH: &[u8] = b"/usr/local/lib/lua/5.3/?.so;./?.so";

pub(super) fn run(invocation: &Invocation) -> ExitCode {
    match try_run(invocation) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => fail(&message),
    }
}

/// Whether all went well; if not, it has been reported. The error is one of the runtime, or what the main process returned.
fn try_run(invocation: &Invocation) -> Result<bool, String> {
    let plan = Plan::new(invocation);
    if plan.shows_version {
        // Should it fail, the flush at the end fails as well.
        let _ = write_output(VERSION.as_bytes());
    }
    let modules = modules::built_in();
    let image = modules::image(&modules, invocation.sandbox);
    let entries = ScriptEntries::new(&plan.file);
    let path = plan.search_path("LUA_PATH", entries.module_path());
    let mut builder = System::builder().module_path(path).modules(modules);
    if let Some(workers) = worker_count()? {
        builder = builder.workers(workers);
    }
    let cannot_start = |error| format!("cannot start: {error}");
    let runtime = builder.build(Arc::clone(&image), Box::new(entries)).map_err(cannot_start)?;
    flush_in_background().map_err(cannot_start)?;
    let interrupt = Interrupt::install().map_err(cannot_start)?;
    let failed = Arc::new(AtomicBool::new(false));
    let outcome = runtime.run_program(
        &plan.entry_id().into(),
        &|vm| plan.begin(vm, &interrupt, &failed),
        plan.reads_from_terminal,
    );
    runtime.shutdown(if interrupt.was_asked() { DEADLINE } else { Duration::ZERO });
    stream::flush_all();
    let flushed = flush_output();
    if let Err(error) = outcome {
        let message = error.full_text();
        return Err(if error.stack.is_empty() { message } else { format!("{message}\n{}", error.stack) });
    }
    flushed.map_err(|error| format!("standard output: {error}"))?;
    Ok(!failed.load(Ordering::Relaxed))
}

/// How many workers the environment asks for.
pub(super) fn worker_count() -> Result<Option<usize>, String> {
    let Some(text) = std::env::var_os(WORKERS) else { return Ok(None) };
    let count = text.to_str().and_then(|text| text.parse().ok()).filter(|count| *count > 0);
    count.map(Some).ok_or_else(|| format!("{WORKERS} must be a positive number, not {}", text.display()))
}

/// What is to be done, in order.
struct Plan<'a> {
    invocation: &'a Invocation,
    /// The script; where there is none, a name in the current folder.
    file: PathBuf,
    steps: Vec<Step>,
    shows_version: bool,
    reads_from_terminal: bool,
}

impl<'a> Plan<'a> {
    fn new(invocation: &'a Invocation) -> Plan<'a> {
        let terminal = std::io::stdin().is_terminal();
        let mut plan = Plan {
            invocation,
            file: PathBuf::from("main"),
            steps: Vec::new(),
            shows_version: invocation.version,
            reads_from_terminal: false,
        };
        plan.steps.extend(plan.initial_chunk());
        plan.steps.extend(invocation.orders.iter().map(|order| match order {
            Order::Execute(source) => Step::Text { source: source.clone(), name: b"=(command line)" },
            Order::Require(name) => Step::Require(name.clone()),
        }));
        match invocation.script() {
            Some(_) if invocation.script_is_input => plan.steps.push(Step::Script(None)),
            Some(name) => {
                plan.file = Path::new(OsStr::from_bytes(name)).to_owned();
                plan.steps.push(Step::Script(Some(name.to_vec())));
            }
            None => {}
        }
        let idle = invocation.script().is_none() && !invocation.is_complete_without_script();
        if invocation.interactive || idle && terminal {
            plan.steps.push(Step::Repl);
            plan.shows_version = true;
            plan.reads_from_terminal = terminal && std::io::stdout().is_terminal();
        } else if idle {
            plan.steps.push(Step::File(None));
        }
        plan
    }

    /// The value of an environment variable; one that ends with the version of the language comes first.
    fn variable(&self, name: &'static str, versioned: &'static str) -> Option<(&'static str, Vec<u8>)> {
        if self.invocation.ignore_environment {
            return None;
        }
        [versioned, name].into_iter().find_map(|name| Some((name, std::env::var_os(name)?.into_vec())))
    }

    /// What `LUA_INIT` asks for.
    fn initial_chunk(&self) -> Option<Step> {
        let (name, value) = self.variable("LUA_INIT", "LUA_INIT_5_3")?;
        Some(match value.strip_prefix(b"@") {
            Some(file) => Step::File(Some(file.to_vec())),
            None if name == "LUA_INIT" => Step::Text { source: value, name: b"=LUA_INIT" },
            None => Step::Text { source: value, name: b"=LUA_INIT_5_3" },
        })
    }

    /// A search path: that of the environment, in which `;;` stands for the default, or the default.
    fn search_path(&self, name: &'static str, default: Vec<u8>) -> Vec<u8> {
        let versioned = if name == "LUA_PATH" { "LUA_PATH_5_3" } else { "LUA_CPATH_5_3" };
        match self.variable(name, versioned) {
            Some((_, path)) => replace(&path, b";;", &[b";", default.as_slice(), b";"].concat()),
            None => default,
        }
    }

    /// The entry id of the main process.
    fn entry_id(&self) -> String {
        let stem = self.file.file_stem().map_or_else(|| "main".into(), |stem| stem.to_string_lossy());
        format!("app:{stem}")
    }

    /// The main function with its argument, after the globals of the command have been set.
    fn begin(
        &self,
        vm: &mut Vm,
        interrupt: &Arc<Interrupt>,
        failed: &Arc<AtomicBool>,
    ) -> Result<(Value, Results), Box<LuaError>> {
        let process = state(vm).process().weak();
        interrupt.aim_at(process.clone());
        self.set_arguments(vm)?;
        if !vm.image.is_sandbox() {
            let globals = vm.globals();
            let package = vm.raw_get_name(globals, "package")?.as_table();
            let path = vm.string(&self.search_path("LUA_CPATH", C_PATH.to_vec()))?;
            vm.raw_set_name(package, "cpath", path)?;
        }
        let console = if self.reads_from_terminal { Console::terminal(process) } else { Console::Plain };
        let session = Session {
            program: self.invocation.program().to_vec(),
            steps: self.steps.iter().cloned().collect(),
            interrupt: Arc::clone(interrupt),
            failed: Arc::clone(failed),
            repl: Repl::new(Arc::new(console)),
        };
        Ok((Value::native(&SESSION), smallvec![vm.new_hidden_userdata(session)]))
    }

    /// The global `arg`: the script has index 0, what comes before it negative ones. Without a script, the program's name
    /// takes its place.
    fn set_arguments(&self, vm: &mut Vm) -> Result<(), Box<LuaError>> {
        let script = self.invocation.script().map_or(0, |_| self.invocation.script as i64);
        let arguments = &self.invocation.arguments;
        let table = vm.new_table(arguments.len() as u32, 1);
        for (i, argument) in arguments.iter().enumerate() {
            let value = vm.string(argument)?;
            vm.raw_set_int(table, i as i64 - script, value)?;
        }
        let globals = vm.globals();
        vm.raw_set_name(globals, "arg", Value::table(table))
    }
}

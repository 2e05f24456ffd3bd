//! The application in a folder: `run`, `test` and `init`. SIGINT and SIGTERM ask it to end; the second time, it ends at
//! once.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::args::Invocation;
use super::fail;
use super::run::worker_count;
use crate::app::application::{Application, Command, LoadError, Stopper};
use crate::app::problem::Problem;
use crate::app::supervisor::End;
use crate::app::template;
use crate::app::tester::{self, Test};
use crate::runtime::core::RuntimeCore;
use crate::runtime::data::Data;
use crate::runtime::errors::ErrorData;
use crate::runtime::mail::Outcome;
use crate::runtime::system::System;
use crate::stdlib::output::{flush_in_background, flush_output, write_output};

/// The name under which the commands are listed.
const LIST: &str = "list";

/// The folder that `run` was given, with what follows it; `None` if it is a file.
pub(super) fn folder(invocation: &Invocation) -> Option<(&Path, &[Vec<u8>])> {
    let path = Path::new(OsStr::from_bytes(invocation.script()?));
    path.is_dir().then(|| (path, &invocation.arguments[invocation.script + 1..]))
}

/// Runs the application, or a command of it.
pub(super) fn run(folder: &Path, arguments: &[Vec<u8>]) -> ExitCode {
    let mut application = match load(folder) {
        Ok(application) => application,
        Err(status) => return status,
    };
    let commands = application.commands();
    let status = match arguments.split_first() {
        None => run_services(&mut application, &commands),
        Some((name, _)) if name == LIST.as_bytes() => {
            list(&commands);
            None
        }
        Some((name, rest)) => match commands.iter().find(|command| command.name.as_bytes() == name) {
            Some(command) => Some(watch(&mut application, |application| {
                application.run_command(command, rest).map_err(|error| shown(&error))
            })),
            None => {
                let name = String::from_utf8_lossy(name);
                eprintln!("moonlet: {} has no command '{name}'{}", folder.display(), known(&commands));
                return ExitCode::from(2);
            }
        },
    };
    let Some((end, status)) = status else { return ExitCode::SUCCESS };
    let orderly = application.stop(&end);
    match flush_output() {
        Ok(()) if orderly => status,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => fail(&format!("standard output: {error}")),
    }
}

/// Set to 1, lets processes without a scope do nothing that is guarded.
const STRICT_SECURITY: &str = "MOONLET_STRICT_SECURITY";

/// Loads an application; what is wrong is told.
fn load(folder: &Path) -> Result<Application, ExitCode> {
    let mut builder = System::builder();
    if let Some(workers) = worker_count().map_err(|message| fail(&message))? {
        builder = builder.workers(workers);
    }
    if std::env::var_os(STRICT_SECURITY).is_some_and(|value| value == "1") {
        builder = builder.strict_security(true);
    }
    let mut warnings = Vec::new();
    let loaded = Application::load(folder, builder, &mut warnings);
    let show = |problems: &[Problem]| problems.iter().for_each(|problem| eprintln!("{problem}"));
    show(&warnings);
    match loaded {
        Ok(application) => Ok(application),
        Err(LoadError::System(error)) => Err(fail(&format!("cannot start: {error}"))),
        Err(LoadError::Wrong(problems)) => {
            show(&problems);
            let count = problems.len();
            let errors = if count == 1 { "an error".to_owned() } else { format!("{count} errors") };
            Err(fail(&format!("{}: {errors} in the definitions", folder.display())))
        }
    }
}

fn list(commands: &[Command]) {
    let width = commands.iter().map(|command| command.name.chars().count()).max().unwrap_or(0);
    for Command { name, description, .. } in commands {
        println!("{}", format!("{name:width$}  {description}").trim_end());
    }
}

fn known(commands: &[Command]) -> String {
    if commands.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = commands.iter().map(|command| command.name.as_str()).collect();
    format!("; its commands are: {}", names.join(", "))
}

fn run_services(application: &mut Application, commands: &[Command]) -> Option<(End, ExitCode)> {
    if !application.has_services() {
        let known = known(commands);
        let status = fail(&format!("no service of the application starts by itself{known}"));
        return Some((End::Killed, status));
    }
    Some(watch(application, |application| {
        let end = application.boot();
        Ok(end.unwrap_or_else(|| application.run()))
    }))
}

/// Lets signals end the application while `run` runs it; how it ended, and what that means for others.
fn watch(application: &mut Application, run: impl FnOnce(&mut Application) -> Result<End, String>) -> (End, ExitCode) {
    if let Err(error) = flush_in_background().and_then(|()| stop_at_signals(application.stopper())) {
        return (End::Killed, fail(&format!("cannot start: {error}")));
    }
    match run(application) {
        Ok(end) => {
            let status = status(application.core(), &end);
            (end, status)
        }
        Err(message) => (End::Killed, fail(&message)),
    }
}

fn stop_at_signals(stopper: Stopper) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let wait = move || {
        for (n, signal) in signals.forever().enumerate() {
            match n {
                0 => stopper.stop(),
                1 => stopper.kill(),
                // Returns only if the system refuses, and then there is nothing else to try.
                _ => drop(emulate_default_handler(signal)),
            }
        }
    };
    thread::Builder::new().name("moonlet-signal".into()).spawn(wait).map(drop)
}

fn shown(error: &ErrorData) -> String {
    let message = error.full_text();
    if error.stack.is_empty() { message } else { format!("{message}\n{}", error.stack) }
}

/// The exit status.
fn status(core: &Arc<RuntimeCore>, end: &End) -> ExitCode {
    // What was printed before a message comes before it.
    let _ = flush_output();
    match end {
        End::Stopped => ExitCode::SUCCESS,
        End::Killed => ExitCode::FAILURE,
        End::Failed(id, error) => fail(&format!("{id} cannot be started: {}", shown(error))),
        End::Finished(outcome) => status_of(core, outcome),
    }
}

/// The exit status for the result of the process at the terminal; text is printed.
fn status_of(core: &Arc<RuntimeCore>, outcome: &Outcome) -> ExitCode {
    let value = match outcome {
        Ok(value) => value,
        Err(error) => return fail(&shown(error)),
    };
    match Data::unpack(core, value) {
        Some(Data::Integer(code)) => ExitCode::from(code as u8),
        Some(Data::Float(code)) => ExitCode::from(code as i64 as u8),
        Some(Data::Boolean(false)) => ExitCode::FAILURE,
        Some(Data::Text(text)) => match write_output(&[&text, &b"\n"[..]].concat()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("standard output: {error}")),
        },
        _ => ExitCode::SUCCESS,
    }
}

/// Runs the tests of an application.
pub(super) fn test(folder: &Path, filter: &str) -> ExitCode {
    if !folder.is_dir() {
        return fail(&format!("{} is no folder", folder.display()));
    }
    let mut application = match load(folder) {
        Ok(application) => application,
        Err(status) => return status,
    };
    if let Err(error) = stop_at_signals(application.stopper()) {
        return fail(&format!("cannot start: {error}"));
    }
    if let Some(end) = application.boot() {
        let status = status(application.core(), &end);
        application.stop(&end);
        return status;
    }
    // The tests run beside the supervision of the services.
    let tests = tester::tests(application.catalog(), filter);
    let (core, stopper) = (Arc::clone(application.core()), application.stopper());
    let run = move || {
        let passed = run_tests(&core, &tests);
        stopper.stop();
        passed
    };
    let tests = match thread::Builder::new().name("moonlet-tests".into()).spawn(run) {
        Ok(tests) => tests,
        Err(error) => return fail(&format!("cannot start: {error}")),
    };
    application.run();
    application.stop(&End::Killed);
    // The services may have said something at their end.
    let _ = flush_output();
    match tests.join() {
        Ok(true) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Runs tests and tells what became of them. Says whether all have passed.
fn run_tests(core: &Arc<RuntimeCore>, tests: &[Test]) -> bool {
    let started = Instant::now();
    let mut failed = 0;
    for test in tests {
        let began = Instant::now();
        let result = test.run(core);
        // What the test has printed comes before what is said of it; that it cannot be written shows at the next line.
        let _ = flush_output();
        let id = test.id();
        match result {
            Ok(()) => println!("ok    {id} ({})", Seconds(began.elapsed())),
            Err(failure) => {
                failed += 1;
                println!("FAIL  {id} ({})", Seconds(began.elapsed()));
                let lines = failure.message.lines().chain(failure.stack.lines());
                lines.for_each(|line| println!("      {line}"));
            }
        }
    }
    let passed = tests.len() - failed;
    println!("{} tests: {passed} passed, {failed} failed ({})", tests.len(), Seconds(started.elapsed()));
    failed == 0
}

/// Shows a duration in seconds.
struct Seconds(Duration);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3} s", self.0.as_secs_f64())
    }
}

/// Makes an application.
pub(super) fn init(folder: &Path) -> ExitCode {
    match template::create(folder) {
        Ok(()) => {
            let shown = folder.display();
            println!("{shown} is an application:");
            println!("  moonlet run {shown}             its services");
            println!("  moonlet run {shown} hello       a command");
            println!("  moonlet test {shown}            its tests");
            ExitCode::SUCCESS
        }
        Err(message) => fail(&message),
    }
}

//! The command `moonlet`: arguments in, messages and exit status out. It presents; the work is done by the rooms below.
//!
//! | file | what |
//! | --- | --- |
//! | `args` | the command line |
//! | `run`, `session` | running what it asks for, as the main process of a runtime |
//! | `repl`, `console`, `complete`, `show` | lines at the keyboard: execution, editing, completion of names, tables for people |
//! | `interrupt` | Ctrl-C |
//! | `application` | the application in a folder: its services, commands and tests; a new one |
//! | `check/`, `dis`, `lsp` | the subcommands that run nothing |
//!
//! Exit status: 0 success, 1 failure (a message on the standard error names what failed), 2 wrong usage.

mod application;
mod args;
mod check;
mod complete;
mod console;
mod dis;
mod interrupt;
mod lsp;
mod repl;
mod run;
mod session;
mod show;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use self::args::{Command, USAGE};
use crate::stdlib::load::strip_first_line;

/// What `-v` shows, and sessions at the keyboard begin with. Programs look for the last word in it.
const VERSION: &str =
    concat!("moonlet ", env!("CARGO_PKG_VERSION"), ", an implementation of Lua 5.3 of Lua.org, PUC-Rio\n");

/// Runs the command with these arguments, the program's name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match args::parse(arguments) {
        Ok(Command::Lua(invocation)) => run::run(&invocation),
        Ok(Command::Run(invocation)) => match application::folder(&invocation) {
            Some((folder, arguments)) => application::run(folder, arguments),
            None => run::run(&invocation),
        },
        Ok(Command::Test(folder, filter)) => application::test(&folder, &filter),
        Ok(Command::Init(folder)) => application::init(&folder),
        Ok(Command::Check(request)) => check::check(request),
        Ok(Command::Dis(file)) => dis::dis(&file),
        Ok(Command::Lsp) => lsp::lsp(),
        Ok(Command::Version) => print(concat!("moonlet ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::Help) => print(USAGE),
        Err(error) => {
            eprint!("moonlet: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn print(text: &str) -> ExitCode {
    print!("{text}");
    ExitCode::SUCCESS
}

/// Says what failed, and makes that the exit status.
fn fail(message: &str) -> ExitCode {
    eprintln!("moonlet: {message}");
    ExitCode::FAILURE
}

/// A script, source text or a binary chunk, without what only the operating system reads of its first line.
fn read_source(file: &Path) -> Result<Vec<u8>, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(strip_first_line(bytes))
}

/// The chunk name of a file.
fn chunk_name(file: &Path) -> Vec<u8> {
    [b"@", file.as_os_str().as_bytes()].concat()
}

//! The command `moonlet`: arguments in, messages and exit status out. It presents; the work is done by the rooms below.
//!
//! Exit status: 0 success, 1 failure (a message on the standard error names what failed), 2 wrong usage.

mod check;
mod dis;
mod run;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::{Arg, Parser};

use crate::stdlib::load::strip_first_line;

const USAGE: &str = "\
usage: moonlet run FILE [ARGUMENT…]   run a script and the processes it spawns
       moonlet FILE [ARGUMENT…]       the same
       moonlet check FILE…            report syntax errors
       moonlet dis FILE               list the bytecode of a script
       moonlet --version | -v
       moonlet --help | -h
";

/// What the arguments ask for.
enum Command {
    Run { file: PathBuf, arguments: Vec<OsString> },
    Check(Vec<PathBuf>),
    Dis(PathBuf),
    Version,
    Help,
}

/// Runs the command with these arguments, the program's name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match parse(Parser::from_iter(arguments)) {
        Ok(Command::Run { file, arguments }) => run::run(&file, &arguments),
        Ok(Command::Check(files)) => check::check(&files),
        Ok(Command::Dis(file)) => dis::dis(&file),
        Ok(Command::Version) => print(concat!("moonlet ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::Help) => print(USAGE),
        Err(error) => {
            eprint!("moonlet: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut parser: Parser) -> Result<Command, lexopt::Error> {
    let Some(first) = parser.next()? else { return Err("no script given".into()) };
    let command = match first {
        Arg::Short('v') | Arg::Long("version") => return Ok(Command::Version),
        Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
        Arg::Value(value) => value,
        other => return Err(other.unexpected()),
    };
    match command.to_str() {
        Some("run") => {
            let file = file(&mut parser, "run")?;
            run_with(file, &mut parser)
        }
        Some("dis") => {
            let file = file(&mut parser, "dis")?;
            match parser.next()? {
                None => Ok(Command::Dis(file)),
                Some(more) => Err(more.unexpected()),
            }
        }
        Some("check") => {
            let mut files = vec![file(&mut parser, "check")?];
            while let Some(argument) = parser.next()? {
                match argument {
                    Arg::Value(file) => files.push(file.into()),
                    other => return Err(other.unexpected()),
                }
            }
            Ok(Command::Check(files))
        }
        _ => run_with(command.into(), &mut parser),
    }
}

/// Everything behind the script belongs to it, options too.
fn run_with(file: PathBuf, parser: &mut Parser) -> Result<Command, lexopt::Error> {
    Ok(Command::Run { file, arguments: parser.raw_args()?.collect() })
}

fn file(parser: &mut Parser, command: &str) -> Result<PathBuf, lexopt::Error> {
    match parser.next()? {
        Some(Arg::Value(file)) => Ok(file.into()),
        Some(other) => Err(other.unexpected()),
        None => Err(format!("{command}: no file given").into()),
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

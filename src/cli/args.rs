//! The command line, read as the `lua` command reads its own (manual §7), with the subcommands `run`, `test`, `init`,
//! `check`, `dis` and `lsp` in the place of a script. A script of such a name is run as `./check`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::check;

/// The text of `--help`, and of the complaint about wrong usage.
pub(super) const USAGE: &str = "\
usage: moonlet [OPTION…] [SCRIPT [ARGUMENT…]]   run a script and the processes it spawns
       moonlet run [--sandbox] FILE [ARGUMENT…] the same, without options; in the sandbox: no files, no os, no loading
       moonlet run FOLDER                       run the services of the application in a folder
       moonlet run FOLDER COMMAND [ARGUMENT…]   run a command of the application; 'list' shows them
       moonlet test FOLDER [TEXT]               run the tests of the application whose ids contain TEXT
       moonlet init NAME                        make a small application in a new folder
       moonlet check [OPTION…] [PATH…]          report errors of syntax and types; also 'lint'
       moonlet dis FILE                         list the bytecode of a script
       moonlet lsp                              serve an editor over the standard streams
       moonlet --version | --help
options:
  -e STAT   execute the string STAT
  -l NAME   require the library NAME into the global NAME
  -i        read lines and execute them after running the script
  -v        show the version
  -E        ignore environment variables (LUA_INIT, LUA_PATH, …)
  --        end of the options
  -         run the standard input as a script, and end of the options
options of check:
  --mode MODE       nocheck, nonstrict (the default) or strict, unless a file chooses: --!strict
  --rules           report style, too
  --require-annotations
                    exported functions must have types, in strict files
  --level LEVEL     report what is at least an error, a warning (the default) or a hint
  --code CODE,…     report these only
  --short | --json | --summary
                    one line for each finding; one object; only how many there are
  --watch           check again whenever a file changes
  --explain CODE    say what a code means
Without a script and without -e or -v, lines are read if the standard input is a terminal; otherwise it is run as a script.
";

/// What the arguments ask for.
#[derive(Debug)]
pub(super) enum Command {
    /// Running Lua.
    Lua(Invocation),
    /// `run`: a file, or the folder of an application.
    Run(Invocation),
    /// `test`: the folder of an application, and what the ids of the tests contain.
    Test(PathBuf, String),
    /// `init`
    Init(PathBuf),
    /// `check`
    Check(check::Request),
    /// `dis`
    Dis(PathBuf),
    /// `lsp`
    Lsp,
    /// `--version`
    Version,
    /// `--help`
    Help,
}

/// What is to be run.
#[derive(Default, Debug)]
pub(super) struct Invocation {
    /// All arguments, the program's name first.
    pub arguments: Vec<Vec<u8>>,
    /// Which of them is the script; their number if there is none.
    pub script: usize,
    /// Whether the script is the standard input.
    pub script_is_input: bool,
    /// What the options `-e` and `-l` ask for, in their order.
    pub orders: Vec<Order>,
    /// `-i`
    pub interactive: bool,
    /// `-v` or `-i`
    pub version: bool,
    /// `-E`
    pub ignore_environment: bool,
    /// `--sandbox`
    pub sandbox: bool,
}

/// An option that makes something run.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Order {
    /// `-e`
    Execute(Vec<u8>),
    /// `-l`
    Require(Vec<u8>),
}

impl Invocation {
    /// The name of the program for messages.
    pub fn program(&self) -> &[u8] {
        self.arguments.first().map_or(b"moonlet", Vec::as_slice)
    }

    /// The script, if there is one.
    pub fn script(&self) -> Option<&[u8]> {
        self.arguments.get(self.script).map(Vec::as_slice)
    }

    /// Whether the options leave nothing else to be done when there is no script.
    pub fn is_complete_without_script(&self) -> bool {
        self.version || self.orders.iter().any(|order| matches!(order, Order::Execute(_)))
    }
}

/// Reads the arguments, the program's name first.
///
/// # Errors
/// What is wrong with them.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let arguments: Vec<Vec<u8>> = arguments.into_iter().map(OsString::into_vec).collect();
    let path = |bytes: &Vec<u8>| PathBuf::from(OsString::from_vec(bytes.clone()));
    match arguments.get(1).map(Vec::as_slice) {
        Some(b"--help") => Ok(Command::Help),
        Some(b"--version") => Ok(Command::Version),
        Some(b"run") => {
            let sandbox = arguments.get(2).is_some_and(|argument| argument == b"--sandbox");
            let script = if sandbox { 3 } else { 2 };
            match arguments.get(script) {
                None => Err("run: no file given".into()),
                Some(option) if option.starts_with(b"-") => Err(unrecognized(option)),
                Some(_) => Ok(Command::Run(Invocation { arguments, script, sandbox, ..Invocation::default() })),
            }
        }
        Some(b"test") => match files(&arguments)? {
            [folder] => Ok(Command::Test(path(folder), String::new())),
            [folder, text] => Ok(Command::Test(path(folder), shown(text).to_string())),
            files => Err(format!("test: unexpected argument '{}'", shown(&files[2]))),
        },
        Some(b"init") => match files(&arguments)? {
            [name] => Ok(Command::Init(path(name))),
            files => Err(format!("init: unexpected argument '{}'", shown(&files[1]))),
        },
        Some(b"check" | b"lint") => check::parse_request(&arguments[2..]).map(Command::Check),
        Some(b"dis") => match files(&arguments)? {
            [file] => Ok(Command::Dis(path(file))),
            files => Err(format!("dis: unexpected argument '{}'", shown(&files[1]))),
        },
        // Editors say `--stdio` where there is a choice.
        Some(b"lsp") => match arguments[2..].iter().find(|argument| *argument != b"--stdio") {
            Some(other) => Err(format!("lsp: unexpected argument '{}'", shown(other))),
            None => Ok(Command::Lsp),
        },
        _ => options(arguments).map(Command::Lua),
    }
}

/// The arguments of a subcommand: one file at least, and no options.
fn files(arguments: &[Vec<u8>]) -> Result<&[Vec<u8>], String> {
    let files = &arguments[2..];
    match files.iter().find(|file| file.starts_with(b"-")) {
        Some(option) => Err(unrecognized(option)),
        None if files.is_empty() => Err(format!("{}: no file given", shown(&arguments[1]))),
        None => Ok(files),
    }
}

fn options(arguments: Vec<Vec<u8>>) -> Result<Invocation, String> {
    let mut read = Invocation::default();
    let mut at = 1;
    while let Some(option) = arguments.get(at).filter(|argument| argument.starts_with(b"-")) {
        match (option.get(1), option.len()) {
            (None, _) => {
                read.script_is_input = true;
                break;
            }
            (Some(b'-'), 2) => {
                at += 1;
                break;
            }
            (Some(b'E'), 2) => read.ignore_environment = true,
            (Some(b'v'), 2) => read.version = true,
            (Some(b'i'), 2) => (read.interactive, read.version) = (true, true),
            (Some(kind @ (b'e' | b'l')), length) => {
                let value = if length > 2 {
                    option[2..].to_vec()
                } else {
                    at += 1;
                    let next = arguments.get(at).filter(|argument| !argument.starts_with(b"-"));
                    next.ok_or_else(|| format!("'{}' needs argument", shown(option)))?.clone()
                };
                read.orders.push(if *kind == b'e' { Order::Execute(value) } else { Order::Require(value) });
            }
            _ => return Err(unrecognized(option)),
        }
        at += 1;
    }
    Ok(Invocation { script: at.min(arguments.len()), arguments, ..read })
}

fn unrecognized(option: &[u8]) -> String {
    format!("unrecognized option '{}'", shown(option))
}

fn shown(bytes: &[u8]) -> std::ffi::os_str::Display<'_> {
    std::ffi::OsStr::from_bytes(bytes).display()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Command, String> {
        parse(std::iter::once("moonlet").chain(arguments.iter().copied()).map(OsString::from))
    }

    #[track_caller]
    fn invocation(arguments: &[&str]) -> Invocation {
        match read(arguments) {
            Ok(Command::Lua(invocation) | Command::Run(invocation)) => invocation,
            other => panic!("{arguments:?} were read as {other:?}"),
        }
    }

    fn execute(text: &str) -> Order {
        Order::Execute(text.into())
    }

    #[test]
    fn orders_keep_their_order() {
        let read = invocation(&["-ea = 1", "-lone", "-e", "b", "-l", "two", "-E", "x.lua", "-v"]);
        assert_eq!(
            read.orders,
            [execute("a = 1"), Order::Require("one".into()), execute("b"), Order::Require("two".into())]
        );
        assert!(read.ignore_environment && !read.version && !read.interactive);
        assert_eq!(read.script(), Some(&b"x.lua"[..]));
    }

    #[test]
    fn where_options_end() {
        let read = invocation(&["-", "-i"]);
        assert!(read.script_is_input && !read.interactive);
        assert_eq!(read.script, 1);
        let read = invocation(&["--", "-i"]);
        assert!(!read.script_is_input && !read.interactive);
        assert_eq!(read.script(), Some(&b"-i"[..]));
        let read = invocation(&["--", "-"]);
        assert!(!read.script_is_input);
        assert_eq!(read.script(), Some(&b"-"[..]));
        for nothing in [&[][..], &["-i"], &["--"], &["-e", "x"]] {
            assert_eq!(invocation(nothing).script(), None, "{nothing:?}");
        }
        assert!(invocation(&["-i"]).version);
        assert!(invocation(&["-ex"]).is_complete_without_script());
        assert!(!invocation(&["-lx"]).is_complete_without_script());
        assert_eq!(invocation(&["run", "a", "-b"]).script(), Some(&b"a"[..]));
        let read = invocation(&["run", "--sandbox", "a", "--sandbox"]);
        assert!(read.sandbox && read.script() == Some(&b"a"[..]));
        assert!(!invocation(&["run", "a", "--sandbox"]).sandbox);
    }

    #[test]
    fn wrong_usage() {
        for option in ["-h", "---", "-Ex", "-vv", "-iv", "-W", "--no"] {
            assert_eq!(read(&[option]).unwrap_err(), format!("unrecognized option '{option}'"));
        }
        for option in ["-e", "-l"] {
            assert_eq!(read(&[option]).unwrap_err(), format!("'{option}' needs argument"));
            assert_eq!(read(&[option, "-v"]).unwrap_err(), format!("'{option}' needs argument"));
        }
        for arguments in [
            &["run"][..],
            &["dis"],
            &["dis", "a", "b"],
            &["run", "-x", "a"],
            &["run", "--sandbox"],
            &["run", "--sandbox", "--sandbox", "a"],
            &["test"],
            &["test", "a", "b", "c"],
            &["init"],
            &["init", "a", "b"],
        ] {
            assert!(read(arguments).is_err(), "{arguments:?}");
        }
    }
}

//! The files of `lua-tests/` that are about Lua 5.3 itself also pass on the reference implementation: what they expect is
//! not moonlet's opinion.
//!
//! That is `lua5.3`, or the command in the environment variable `LUA53`. Where it is not installed, the cases are ignored
//! and a line says so; a command in `LUA53` has to be there.

use std::process::{Command, Stdio};

use libtest_mimic::Trial;

use crate::corpus::{LUA53_FOLDERS, case_name, lua_files, runs_silently};
use crate::program::{Program, root};

const COMMAND: &str = "lua5.3";
const VARIABLE: &str = "LUA53";

pub fn trials() -> Vec<Trial> {
    let chosen = std::env::var(VARIABLE).ok();
    let command = chosen.clone().unwrap_or_else(|| COMMAND.to_owned());
    let missing = chosen.is_none() && !is_installed(&command);
    if missing {
        eprintln!("{command} is not installed: what lua-tests/ expects of Lua 5.3 is NOT checked against it");
    }
    let mut trials = Vec::new();
    for folder in LUA53_FOLDERS {
        for file in lua_files(&root().join("lua-tests").join(folder)) {
            let name = format!("reference::{}", case_name(folder, &file));
            let command = command.clone();
            let run = move || runs_silently(|folder| Program::new(Command::new(&command), folder), &[], &file);
            trials.push(Trial::test(name, run).with_ignored_flag(missing));
        }
    }
    trials
}

fn is_installed(command: &str) -> bool {
    let version =
        Command::new(command).arg("-v").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

//! The Lua files of `lua-tests/`: programs that must pass, and programs that must fail.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};

use crate::program::{Program, root};

/// Folders whose programs must run silently to their end.
const PASSING: [&str; 3] = ["language", "stdlib", "runtime"];

/// Those of them that are about Lua 5.3 alone. They must do so as binary chunks too, and on the reference implementation.
pub const LUA53_FOLDERS: [&str; 2] = ["language", "stdlib"];

pub fn trials() -> Vec<Trial> {
    let corpus = root().join("lua-tests");
    let mut trials = Vec::new();
    for folder in PASSING {
        for file in lua_files(&corpus.join(folder)) {
            trials.push(Trial::test(case_name(folder, &file), move || passes(&file)));
        }
    }
    for folder in LUA53_FOLDERS {
        for file in lua_files(&corpus.join(folder)) {
            let name = format!("{}::from_binary", case_name(folder, &file));
            trials.push(Trial::test(name, move || passes_from_binary(&file)));
        }
    }
    for file in lua_files(&corpus.join("errors")) {
        trials.push(Trial::test(case_name("errors", &file), move || fails_as_described(&file)));
    }
    trials
}

pub fn lua_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the entries of a folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "lua"))
        .collect();
    files.sort();
    files
}

pub fn case_name(folder: &str, file: &Path) -> String {
    format!("{folder}::{}", file.file_stem().expect("a Lua file has a name").to_string_lossy())
}

fn passes(file: &Path) -> Result<(), Failed> {
    runs_silently(|folder| Program::moonlet(folder).arg("run"), &[], file)
}

/// The same, compiled to a binary chunk by a script.
fn passes_from_binary(file: &Path) -> Result<(), Failed> {
    let scripts = [root().join("lua-tests/harness/from_binary.lua")];
    runs_silently(|folder| Program::moonlet(folder).arg("run"), &scripts, file)
}

/// Runs a file in its folder, or the `scripts` that get it as argument.
pub fn runs_silently(start: impl Fn(&Path) -> Program, scripts: &[PathBuf], file: &Path) -> Result<(), Failed> {
    let folder = file.parent().expect("a file is in a folder");
    let name = file.file_name().expect("a Lua file has a name");
    let program = scripts.iter().fold(start(folder), |program, script| program.arg(script));
    program.arg(name).run()?.expect_status(0)?.expect_stdout("")?.expect_no_errors()?;
    Ok(())
}

/// The first line of standard error starts as `NAME.expected` says; nothing is on standard output.
fn fails_as_described(file: &Path) -> Result<(), Failed> {
    let expected = fs::read_to_string(file.with_extension("expected"))?;
    let folder = file.parent().expect("a file is in a folder");
    let name = file.file_name().expect("a Lua file has a name");
    let outcome = Program::moonlet(folder).arg("run").arg(name).run()?.expect_status(1)?.expect_stdout("")?;
    let expected = expected.trim_end_matches('\n');
    if !outcome.stderr().starts_with(expected) {
        return Err(outcome.failure(&format!("expected the message {expected:?}")));
    }
    outcome.expect_once_in_stderr(expected)?;
    Ok(())
}

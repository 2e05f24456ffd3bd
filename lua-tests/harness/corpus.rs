//! The Lua files of `lua-tests/`: programs that must pass, and programs that must fail.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};

use crate::program::{Program, root};

/// Folders whose programs are about Lua 5.3 alone. They must run silently to their end, also as binary chunks, and on the
/// reference implementation.
pub const LUA53_FOLDERS: [&str; 2] = ["language", "stdlib"];

/// The folder of programs with processes, which must run silently to their end with so many workers.
const RUNTIME: &str = "runtime";
/// The folder of programs that run in the sandbox.
const SANDBOX: &str = "sandbox";
/// The folder of programs about host modules; there are servers for them.
const MODULES: &str = "modules";

const WORKERS: [&str; 3] = ["1", "2", "8"];

/// The folder of programs about types as values, which must run silently to their end.
const TYPE_VALUES: &str = "types/values";

pub fn trials() -> Vec<Trial> {
    let corpus = root().join("lua-tests");
    let mut trials = Vec::new();
    for folder in LUA53_FOLDERS {
        for file in lua_files(&corpus.join(folder)) {
            let name = case_name(folder, &file);
            let source = file.clone();
            trials.push(Trial::test(name.clone(), move || passes(&source)));
            trials.push(Trial::test(format!("{name}::from_binary"), move || passes_from_binary(&file)));
        }
    }
    for file in lua_files(&corpus.join(TYPE_VALUES)) {
        trials.push(Trial::test(case_name(TYPE_VALUES, &file), move || passes(&file)));
    }
    for file in lua_files(&corpus.join(RUNTIME)) {
        for workers in WORKERS {
            let (name, file) = (case_name(RUNTIME, &file), file.clone());
            trials.push(Trial::test(format!("{name}::workers_{workers}"), move || passes_with(&file, workers)));
        }
    }
    for file in lua_files(&corpus.join(SANDBOX)) {
        let start = |folder: &Path| Program::moonlet(folder).arg("run").arg("--sandbox");
        trials.push(Trial::test(case_name(SANDBOX, &file), move || runs_silently(start, &[], &file)));
    }
    for file in lua_files(&corpus.join(MODULES)) {
        trials.push(Trial::test(case_name(MODULES, &file), move || passes_with_servers(&file, "2")));
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

/// The same, with a number of workers.
fn passes_with(file: &Path, workers: &str) -> Result<(), Failed> {
    runs_silently(|folder| Program::moonlet(folder).env("MOONLET_WORKERS", workers).arg("run"), &[], file)
}

/// The same, with servers to talk to.
fn passes_with_servers(file: &Path, workers: &str) -> Result<(), Failed> {
    let variables = servers()?;
    let start = |folder: &Path| {
        let program = Program::moonlet(folder).env("MOONLET_WORKERS", workers).arg("run");
        variables.iter().fold(program, |program, (name, value)| program.env(name, value))
    };
    runs_silently(start, &[], file)
}

#[cfg(feature = "http")]
use crate::web::environment as servers;

#[cfg(not(feature = "http"))]
fn servers() -> Result<&'static [(&'static str, String)], Failed> {
    Ok(&[])
}

/// Runs a file in its folder, or the `scripts` that get it as argument.
pub fn runs_silently(start: impl Fn(&Path) -> Program, scripts: &[PathBuf], file: &Path) -> Result<(), Failed> {
    let program = scripts.iter().fold(start(folder(file)), |program, script| program.arg(script));
    program.arg(name(file)).run()?.expect_status(0)?.expect_stdout("")?.expect_no_errors()?;
    Ok(())
}

fn folder(file: &Path) -> &Path {
    file.parent().expect("a file is in a folder")
}

fn name(file: &Path) -> &OsStr {
    file.file_name().expect("a Lua file has a name")
}

/// The first line of standard error starts as `NAME.expected` says; nothing is on standard output.
fn fails_as_described(file: &Path) -> Result<(), Failed> {
    let expected = fs::read_to_string(file.with_extension("expected"))?;
    let outcome =
        Program::moonlet(folder(file)).arg("run").arg(name(file)).run()?.expect_status(1)?.expect_stdout("")?;
    let expected = expected.trim_end_matches('\n');
    if !outcome.stderr().starts_with(expected) {
        return Err(outcome.failure(&format!("expected the message {expected:?}")));
    }
    outcome.expect_once_in_stderr(expected)?;
    Ok(())
}

//! `moonlet check`: what is wrong with files before they run: syntax errors, types, and on request style.
//!
//! | file | what |
//! | --- | --- |
//! | `options` | its arguments |
//! | `files` | which files are meant, and where modules are found |
//! | `report` | findings as text for people, as lines, as JSON |

mod files;
mod options;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

pub(super) use self::files::Folders;
use self::files::lua_files;
use self::options::{CheckOptions, Format};
pub(super) use self::options::{Request, parse as parse_request};
use self::report::Report;
use super::{fail, read_source};

use crate::modules::all_manifests;
use crate::stdlib::load::is_binary;
use crate::types::{Code, Options, Project};

/// How often `--watch` looks for changes.
const PAUSE: Duration = Duration::from_millis(300);
/// The checker descends as deep as a program nests.
const STACK: usize = 64 << 20;

/// Does what the arguments ask for.
pub(super) fn check(request: Request) -> ExitCode {
    match request {
        Request::Explain(code) => explain(&code),
        Request::Check(options) => with_stack(move || run(&options)),
    }
}

/// Does something with a stack on which the checker can work.
pub(super) fn with_stack(work: impl FnOnce() -> ExitCode + Send + 'static) -> ExitCode {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work);
    match thread.map(std::thread::JoinHandle::join) {
        Ok(Ok(status)) => status,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => fail(&format!("cannot start a thread: {error}")),
    }
}

fn explain(text: &str) -> ExitCode {
    let Some(code) = Code::find(text) else { return fail(&format!("there is no code '{text}'")) };
    let info = code.info();
    println!("{}: {}\n\n{}", info.code, info.name, info.text);
    ExitCode::SUCCESS
}

fn run(options: &CheckOptions) -> ExitCode {
    if !options.watch {
        return once(options);
    }
    let mut before = None;
    loop {
        let now = state(&options.paths);
        if before.as_ref() != Some(&now) {
            once(options);
            before = Some(now);
        }
        std::thread::sleep(PAUSE);
    }
}

/// The files with the times of their last changes.
fn state(paths: &[PathBuf]) -> Vec<(PathBuf, Option<SystemTime>)> {
    let files = lua_files(paths).unwrap_or_default();
    let changed = |file: &Path| std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok();
    files.into_iter().map(|file| (file.clone(), changed(&file))).collect()
}

fn once(options: &CheckOptions) -> ExitCode {
    let files = match lua_files(&options.paths) {
        Ok(files) => files,
        Err(message) => return fail(&message),
    };
    let sources = Box::new(Folders::new(&options.paths));
    let wanted = Options { mode: options.mode, rules: options.rules, queries: false };
    let mut project = match Project::new(&all_manifests(), sources, wanted) {
        Ok(project) => project,
        Err(message) => return fail(&message),
    };
    let mut readable = true;
    let mut checked = Vec::new();
    for file in files {
        match read_source(&file) {
            Ok(source) if is_binary(&source) => {
                fail(&format!("{}: a binary chunk; only source text can be checked", file.display()));
                readable = false;
            }
            Ok(source) => {
                project.check(&file, source);
                checked.push(file);
            }
            Err(message) => {
                fail(&message);
                readable = false;
            }
        }
    }
    let mut report = Report::new(options);
    for file in checked {
        let Some(found) = project.take(&file) else { continue };
        report.add(&file, &found.source, found.diagnostics);
    }
    let good = report.finish();
    if good && readable { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether findings are wanted as something else than text with source lines.
fn is_for_machines(format: Format) -> bool {
    format != Format::Carets
}

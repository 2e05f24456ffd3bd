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

use hashbrown::HashSet;

pub(super) use self::files::Folders;
use self::files::lua_files;
use self::options::{CheckOptions, Format};
pub(super) use self::options::{Request, parse as parse_request};
use self::report::Report;
use super::{fail, read_source};

use crate::app::checking::{self, Loaded, load_applications};
use crate::modules::all_manifests;
use crate::stdlib::load::is_binary;
use crate::types::{Code, Options, Project};

/// How often `--watch` looks for changes.
const PAUSE: Duration = Duration::from_millis(300);

/// Does what the arguments ask for.
pub(super) fn check(request: Request) -> ExitCode {
    match request {
        Request::Explain(code) => explain(&code),
        Request::Check(options) => with_stack(move || run(&options)),
    }
}

/// Does something with a stack on which the checker can work.
pub(super) fn with_stack(work: impl FnOnce() -> ExitCode + Send + 'static) -> ExitCode {
    let thread = std::thread::Builder::new().stack_size(checking::STACK).spawn(work);
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
    let wanted = Options {
        mode: options.mode,
        rules: options.rules,
        require_annotations: options.require_annotations,
        queries: false,
    };
    let mut report = Report::new(options);
    let checked = applications(options, wanted, &mut report)
        .and_then(|(good, entries)| Ok(good & files(options, wanted, &entries, &mut report)?));
    match checked {
        Ok(readable) => {
            let good = report.finish();
            if good && readable { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(message) => fail(&message),
    }
}

/// Checks the entries of applications. Answers whether all definitions can be read, and the files with code of entries.
fn applications(
    options: &CheckOptions,
    wanted: Options,
    report: &mut Report<'_>,
) -> Result<(bool, HashSet<PathBuf>), String> {
    let mut good = true;
    let mut files = HashSet::new();
    for folder in options.paths.iter().filter(|path| path.is_dir()) {
        for Loaded { definitions, problems } in load_applications(folder)? {
            for problem in &problems {
                eprintln!("{problem}");
                good &= problem.harmless;
            }
            for (definition, checked) in checking::check(&definitions, wanted)? {
                report.add(&checked.path, Some(&definition.id), &checked.source, checked.diagnostics);
                files.extend(definition.source_file.as_ref().and_then(|file| file.canonicalize().ok()));
            }
        }
    }
    Ok((good, files))
}

/// Checks files that are no code of entries. Answers whether all can be read.
fn files(
    options: &CheckOptions,
    wanted: Options,
    entries: &HashSet<PathBuf>,
    report: &mut Report<'_>,
) -> Result<bool, String> {
    let mut files = lua_files(&options.paths)?;
    files.retain(|file| file.canonicalize().map_or(true, |file| !entries.contains(&file)));
    if files.is_empty() {
        return Ok(true);
    }
    let mut project = Project::new(&all_manifests(), Box::new(Folders::new(&options.paths)), wanted)?;
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
    for file in checked {
        let Some(found) = project.take(&file) else { continue };
        report.add(&file, None, &found.source, found.diagnostics);
    }
    Ok(readable)
}

/// Whether findings are wanted as something else than text with source lines.
fn is_for_machines(format: Format) -> bool {
    format != Format::Carets
}

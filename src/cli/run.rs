//! `moonlet run`: a script as the main process of a runtime.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::{fail, read_source};
use crate::app::script::ScriptEntries;
use crate::modules;
use crate::runtime::System;
use crate::stdlib::output::flush_output;
use crate::stdlib::stream;
use crate::vm::image::{Image, random_seed};

/// Sets the number of workers; by default there is one for each processor.
const WORKERS: &str = "MOONLET_WORKERS";

pub(super) fn run(file: &Path, arguments: &[OsString]) -> ExitCode {
    match try_run(file, arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&message),
    }
}

fn try_run(file: &Path, arguments: &[OsString]) -> Result<(), String> {
    let source = read_source(file)?;
    let image = Image::new(&modules::all_libraries(), false, random_seed());
    let script = ScriptEntries::script(&image, file, &source)?;
    let entries = ScriptEntries::new(file);
    let mut builder = System::builder().module_path(&entries.module_path());
    if let Some(workers) = std::env::var_os(WORKERS) {
        builder = builder.workers(worker_count(&workers)?);
    }
    let runtime =
        builder.build(Arc::clone(&image), Box::new(entries)).map_err(|error| format!("cannot start: {error}"))?;
    let arguments: Vec<Vec<u8>> = arguments.iter().map(|argument| argument.clone().into_vec()).collect();
    let outcome = runtime.run_script(&script, file.as_os_str().as_bytes(), &arguments);
    runtime.shutdown(Duration::ZERO);
    stream::flush_all();
    let flushed = flush_output();
    if let Err(error) = outcome {
        let message = error.full_text();
        return Err(if error.stack.is_empty() { message } else { format!("{message}\n{}", error.stack) });
    }
    flushed.map_err(|error| format!("standard output: {error}"))
}

fn worker_count(text: &OsString) -> Result<usize, String> {
    let count = text.to_str().and_then(|text| text.parse().ok()).filter(|count| *count > 0);
    count.ok_or_else(|| format!("{WORKERS} must be a positive number, not {}", text.display()))
}

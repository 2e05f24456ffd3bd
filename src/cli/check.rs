//! `moonlet check`: all syntax errors and warnings of files, with the lines they are about.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{chunk_name, fail, read_source};
use crate::compile::compile;
use crate::stdlib::load::is_binary;
use crate::syntax::diagnostic::{Diagnostic, render};
use crate::syntax::parse_recovering;

pub(super) fn check(files: &[PathBuf]) -> ExitCode {
    let good = files.iter().filter(|file| check_file(file)).count();
    if good == files.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether the file has no errors.
fn check_file(file: &Path) -> bool {
    let source = match read_source(file) {
        Ok(source) => source,
        Err(message) => {
            fail(&message);
            return false;
        }
    };
    if is_binary(&source) {
        fail(&format!("{}: a binary chunk; only source text can be checked", file.display()));
        return false;
    }
    let (ast, mut errors) = parse_recovering(&source);
    if errors.is_empty() {
        errors.extend(compile(&ast, &chunk_name(file)).err());
    }
    let warnings = ast.warnings.iter().map(Diagnostic::from);
    let diagnostics: Vec<Diagnostic<'_>> = errors.iter().map(Diagnostic::from).chain(warnings).collect();
    if !diagnostics.is_empty() {
        let color = std::io::stderr().is_terminal();
        eprintln!("{}", render(&source, &file.display().to_string(), diagnostics, color));
    }
    errors.is_empty()
}

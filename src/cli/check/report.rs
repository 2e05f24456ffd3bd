//! Findings as text for people, as one line each, as JSON, or only counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::Path;

use super::is_for_machines;
use super::options::{CheckOptions, Format};
use crate::syntax::Span;
use crate::syntax::diagnostic::{self, render};
use crate::syntax::span::column;
use crate::types::{Diagnostic, Severity};

/// What is said about the files of a run.
pub(super) struct Report<'a> {
    options: &'a CheckOptions,
    /// By severity, hints first.
    counts: [usize; 3],
    codes: BTreeMap<(&'static str, &'static str), usize>,
    files: usize,
    /// Objects of [`Format::Json`].
    objects: Vec<String>,
}

impl<'a> Report<'a> {
    pub(super) fn new(options: &'a CheckOptions) -> Report<'a> {
        Report { options, counts: [0; 3], codes: BTreeMap::new(), files: 0, objects: Vec::new() }
    }

    /// Adds the findings of one file, or of the entry with this id.
    pub(super) fn add(&mut self, file: &Path, id: Option<&str>, source: &[u8], found: Vec<Diagnostic>) {
        self.files += 1;
        for one in &found {
            self.counts[one.severity as usize] += 1;
        }
        let shown: Vec<Diagnostic> = found
            .into_iter()
            .filter(|one| one.severity >= self.options.level)
            .filter(|one| self.options.codes.is_empty() || self.options.codes.contains(&one.code))
            .collect();
        for one in &shown {
            let info = one.code.info();
            *self.codes.entry((info.code, info.name)).or_default() += 1;
        }
        let path = file.display().to_string();
        match self.options.format {
            Format::Carets if shown.is_empty() => {}
            Format::Carets => {
                let color = std::io::stderr().is_terminal();
                eprintln!("{}", render(source, &path, shown.iter().map(of_checker), color));
            }
            Format::Short => {
                for one in &shown {
                    let (line, column) = position(source, one.span);
                    let (severity, code) = (one.severity.name(), one.code.info().code);
                    println!("{path}:{line}:{column}: {severity}[{code}]: {}", one.message);
                }
            }
            Format::Json => {
                self.objects.extend(shown.iter().map(|one| object(id.unwrap_or(&path), &path, source, one)))
            }
            Format::Summary => {}
        }
    }

    /// Says what is said at the end; whether there are no errors.
    pub(super) fn finish(self) -> bool {
        let [hints, warnings, errors] = self.counts;
        match self.options.format {
            Format::Json => {
                println!(
                    "{{\"total_entries\":{},\"error_count\":{errors},\"warning_count\":{warnings},\"hint_count\":{hints},\
                     \"diagnostics\":[{}]}}",
                    self.files,
                    self.objects.join(",")
                );
            }
            Format::Summary => {
                for ((code, name), count) in &self.codes {
                    println!("{count:6}  {code}  {name}");
                }
                let files = count(self.files, "file");
                let (errors, warnings) = (count(errors, "error"), count(warnings, "warning"));
                println!("{files}: {errors}, {warnings}, {}", count(hints, "hint"));
            }
            format if is_for_machines(format) => {}
            _ if self.codes.is_empty() => {}
            _ => {
                let (errors, warnings) = (count(errors, "error"), count(warnings, "warning"));
                eprintln!("{}: {errors}, {warnings}", count(self.files, "file"));
            }
        }
        errors == 0
    }
}

/// So many of something.
fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn of_checker(found: &Diagnostic) -> diagnostic::Diagnostic<'_> {
    diagnostic::Diagnostic {
        severity: match found.severity {
            Severity::Error => diagnostic::Severity::Error,
            Severity::Warning => diagnostic::Severity::Warning,
            Severity::Hint => diagnostic::Severity::Hint,
        },
        code: found.code.info().code,
        message: found.message.clone(),
        span: found.span,
        notes: found.notes.iter().map(|note| (note.message.as_str(), note.span)).collect(),
        hint: found.help.as_deref(),
    }
}

/// Line and column, from 1; columns count bytes.
fn position(source: &[u8], span: Span) -> (u32, usize) {
    (span.line, column(source, span.start))
}

fn object(id: &str, path: &str, source: &[u8], found: &Diagnostic) -> String {
    let info = found.code.info();
    let (line, from) = position(source, found.span);
    let mut out = String::new();
    let _ = write!(
        out,
        "{{\"entry_id\":{id},\"file\":{path},\"code\":\"{}\",\"name\":\"{}\",\"severity\":\"{}\",\"message\":{},\
         \"line\":{line},\"column\":{from},\"end_line\":{},\"end_column\":{}",
        info.code,
        info.name,
        found.severity.name(),
        json(&found.message),
        found.span.end_line,
        column(source, found.span.end),
        id = json(id),
        path = json(path),
    );
    let notes: Vec<String> = found
        .notes
        .iter()
        .map(|note| match note.span {
            Some(span) => {
                let (line, column) = position(source, span);
                format!("{{\"message\":{},\"line\":{line},\"column\":{column}}}", json(&note.message))
            }
            None => format!("{{\"message\":{}}}", json(&note.message)),
        })
        .collect();
    let _ = write!(out, ",\"notes\":[{}]", notes.join(","));
    if let Some(help) = &found.help {
        let _ = write!(out, ",\"help\":{}", json(help));
    }
    out.push('}');
    out
}

/// A text in the notation of JSON.
fn json(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_in_json() {
        assert_eq!(json("a\"b\\c\n\u{1}é"), "\"a\\\"b\\\\c\\n\\u0001é\"");
    }
}

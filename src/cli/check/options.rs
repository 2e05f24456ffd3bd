//! The arguments of `moonlet check`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use crate::types::{Code, Mode, Severity};

/// What `check` is asked.
#[derive(Debug)]
pub(in crate::cli) enum Request {
    /// To check files.
    Check(CheckOptions),
    /// To explain a code.
    Explain(String),
}

/// How findings are shown.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum Format {
    /// With the lines they are about.
    #[default]
    Carets,
    /// One line each.
    Short,
    /// One object for all.
    Json,
    /// How many of which code.
    Summary,
}

/// What to check, and what to tell of it.
#[derive(Debug)]
pub(in crate::cli) struct CheckOptions {
    /// Files, and folders for all Lua files below.
    pub(super) paths: Vec<PathBuf>,
    /// How findings are shown.
    pub(super) format: Format,
    /// What is less than this is not shown.
    pub(super) level: Severity,
    /// Only these are shown, unless it is empty.
    pub(super) codes: Vec<Code>,
    /// Whether rules of style are wanted.
    pub(super) rules: bool,
    /// Whether the functions that leave a chunk must have types.
    pub(super) require_annotations: bool,
    /// The mode of chunks that choose none.
    pub(super) mode: Mode,
    /// Whether to check again when a file changes.
    pub(super) watch: bool,
}

/// Reads the arguments after the word `check`.
///
/// # Errors
/// What is wrong with them.
pub(in crate::cli) fn parse(arguments: &[Vec<u8>]) -> Result<Request, String> {
    let mut options = CheckOptions {
        paths: Vec::new(),
        format: Format::default(),
        level: Severity::Warning,
        codes: Vec::new(),
        rules: false,
        require_annotations: false,
        mode: Mode::default(),
        watch: false,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let text = String::from_utf8_lossy(argument);
        // `--name=value` is `--name value`.
        let (name, inline) = match text.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
            _ => (text.clone().into_owned(), None),
        };
        let mut value = || -> Result<String, String> {
            match inline.clone() {
                Some(value) => Ok(value),
                None => {
                    let next = rest.next().ok_or_else(|| format!("'{name}' needs argument"))?;
                    Ok(String::from_utf8_lossy(next).into_owned())
                }
            }
        };
        match &*name {
            "--json" => options.format = Format::Json,
            "--short" => options.format = Format::Short,
            "--summary" => options.format = Format::Summary,
            "--rules" => options.rules = true,
            "--require-annotations" => options.require_annotations = true,
            "--watch" => options.watch = true,
            "--explain" => return Ok(Request::Explain(value()?)),
            "--level" => options.level = level(&value()?)?,
            "--mode" => {
                let word = value()?;
                options.mode = Mode::find(&word).ok_or_else(|| format!("unknown mode '{word}'"))?;
            }
            "--code" => {
                for word in value()?.split(',') {
                    options.codes.push(Code::find(word).ok_or_else(|| format!("there is no code '{word}'"))?);
                }
            }
            name if name.starts_with('-') => return Err(format!("unrecognized option '{name}'")),
            _ => options.paths.push(PathBuf::from(OsString::from_vec(argument.clone()))),
        }
    }
    if options.paths.is_empty() {
        options.paths.push(PathBuf::from("."));
    }
    Ok(Request::Check(options))
}

fn level(word: &str) -> Result<Severity, String> {
    let levels = [Severity::Error, Severity::Warning, Severity::Hint];
    let found = levels.into_iter().find(|level| level.name() == word);
    found.ok_or_else(|| format!("unknown level '{word}'; levels are error, warning and hint"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<CheckOptions, String> {
        let arguments: Vec<Vec<u8>> = arguments.iter().map(|text| text.as_bytes().to_vec()).collect();
        match parse(&arguments)? {
            Request::Check(options) => Ok(options),
            Request::Explain(code) => Err(format!("explain {code}")),
        }
    }

    #[test]
    fn options_and_paths() {
        let options = read(&["src", "--json", "--level=error", "--code", "E0001,e0004", "a.lua"]).expect("it is valid");
        assert_eq!(options.paths, [PathBuf::from("src"), PathBuf::from("a.lua")]);
        assert_eq!((options.format, options.level), (Format::Json, Severity::Error));
        assert_eq!(options.codes, [Code::MISMATCH, Code::NO_FIELD]);
        assert_eq!(read(&["--json"]).expect("it is valid").paths, [PathBuf::from(".")]);
        assert_eq!(read(&["a", "--mode", "strict"]).expect("it is valid").mode, Mode::Strict);
        assert_eq!(read(&["--explain", "E0001"]).unwrap_err(), "explain E0001");
    }

    #[test]
    fn wrong_usage() {
        for arguments in [&["--what"][..], &["a", "--level", "loud"], &["a", "--code", "X"], &["a", "--mode"], &["-x"]]
        {
            assert!(read(arguments).is_err(), "{arguments:?}");
        }
    }
}

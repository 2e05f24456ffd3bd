//! Where the lines of a session at the keyboard come from: a terminal with editing, history and completion, or the
//! standard input as it is.
//!
//! The history is a file, `moonlet/history` in the folder for the state of programs (`XDG_STATE_HOME`), or what
//! `MOONLET_HISTORY` names; if that is empty, none is kept.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Weak;

use parking_lot::Mutex;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use super::complete::ask;
use crate::runtime::process::Process;
use crate::stdlib::os::before_exit;
use crate::stdlib::output::{flush_output, write_output};
use crate::stdlib::stream::standard;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// Names the file of the history.
const HISTORY: &str = "MOONLET_HISTORY";
/// How many chunks are remembered.
const HISTORY_SIZE: usize = 2000;

/// How the terminal was before the line that is being edited.
static SETTINGS: Mutex<Option<Termios>> = Mutex::new(None);

/// Puts the terminal back into the state in which it was before the line that is being edited, if one is: another process
/// may end the program meanwhile.
fn restore_terminal() {
    if let Some(settings) = SETTINGS.lock().take() {
        // There is nothing that could be done about a terminal that has gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &settings);
        // The editor has asked for marks around pasted text.
        let _ = io::stdout().write_all(b"\x1b[?2004l\n").and_then(|()| io::stdout().flush());
    }
}

/// See the module header.
pub(super) enum Console {
    /// The standard input, with prompts on the standard output.
    Plain,
    /// A person.
    Terminal(Box<Mutex<Terminal>>),
}

/// What came instead of a line, or a line.
pub(super) enum Line {
    /// A line without its end.
    Text(Vec<u8>),
    /// Ctrl-C: what was typed so far is of no interest any more.
    GivenUp,
    /// The end of the input.
    End,
}

/// A line editor with the file of its history.
pub(super) struct Terminal {
    editor: Editor<Names, FileHistory>,
    history: Option<PathBuf>,
}

impl Console {
    /// A terminal whose names come from `process`. Where there is none that can be used, lines are read as they are.
    pub fn terminal(process: Weak<Process>) -> Console {
        let config = Config::builder().completion_type(CompletionType::List).auto_add_history(false);
        let editor = config.max_history_size(HISTORY_SIZE).and_then(|config| Editor::with_config(config.build()));
        let Ok(mut editor) = editor else { return Console::Plain };
        editor.set_helper(Some(Names { process }));
        before_exit(restore_terminal);
        let history = history_file();
        if let Some(file) = &history {
            // The first session has no history.
            let _ = editor.load_history(file);
        }
        Console::Terminal(Box::new(Mutex::new(Terminal { editor, history })))
    }

    /// Whether a person reads the results.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Console::Terminal(_))
    }

    /// Waits for a line.
    ///
    /// # Errors
    /// What the system reports.
    pub fn read(&self, prompt: &[u8]) -> io::Result<Line> {
        match self {
            Console::Plain => {
                write_output(prompt)?;
                flush_output()?;
                let mut line = Vec::new();
                let more = standard(0).lock().read_line(false, &mut line)?;
                Ok(if more { Line::Text(line) } else { Line::End })
            }
            Console::Terminal(terminal) => {
                flush_output()?;
                let prompt = String::from_utf8_lossy(prompt).into_owned();
                *SETTINGS.lock() = tcgetattr(io::stdin()).ok();
                let line = terminal.lock().editor.readline(&prompt);
                *SETTINGS.lock() = None;
                match line {
                    Ok(line) => Ok(Line::Text(line.into_bytes())),
                    Err(ReadlineError::Interrupted) => Ok(Line::GivenUp),
                    Err(ReadlineError::Eof) => Ok(Line::End),
                    Err(error) => Err(io::Error::other(error)),
                }
            }
        }
    }

    /// Adds a chunk to the history.
    pub fn remember(&self, chunk: &[u8]) {
        let Console::Terminal(terminal) = self else { return };
        let Terminal { editor, history } = &mut *terminal.lock();
        let text = String::from_utf8_lossy(chunk);
        let added = editor.add_history_entry(text).unwrap_or(false);
        if let Some(file) = history.as_deref().filter(|_| added) {
            // A history that cannot be kept is no reason to complain after every line.
            let _ = file.parent().map_or(Ok(()), std::fs::create_dir_all);
            let _ = editor.append_history(file);
        }
    }
}

fn history_file() -> Option<PathBuf> {
    if let Some(file) = std::env::var_os(HISTORY) {
        return (!file.is_empty()).then(|| file.into());
    }
    let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let state = folder("XDG_STATE_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("moonlet/history"))
}

/// Completes names with what the program has.
struct Names {
    process: Weak<Process>,
}

impl Completer for Names {
    type Candidate = String;

    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(ask(&self.process, &line[..position]))
    }
}

impl Hinter for Names {
    type Hint = String;
}

impl Highlighter for Names {}
impl Validator for Names {}
impl Helper for Names {}

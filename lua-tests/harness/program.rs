//! A run of a program under a time limit, and what can be expected of its outcome.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;

/// What a case may take. Collecting at every safepoint is slow by design.
const LIMIT: Duration = Duration::from_secs(120);
const LIMIT_UNDER_STRESS: Duration = Duration::from_secs(900);

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A command line that has not been started.
pub struct Program {
    command: Command,
    input: Vec<u8>,
}

impl Program {
    /// `moonlet` started in `folder`.
    pub fn moonlet(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_moonlet"));
        command.arg0("moonlet");
        Program::new(command, folder)
    }

    /// Any command that runs Lua, started in `folder`.
    pub fn new(mut command: Command, folder: &Path) -> Self {
        command.current_dir(folder);
        // What the person who runs the tests has set up for Lua is of no interest.
        for name in ["LUA_INIT", "LUA_INIT_5_3", "LUA_PATH", "LUA_PATH_5_3", "LUA_CPATH", "LUA_CPATH_5_3"] {
            command.env_remove(name);
        }
        Program { command, input: Vec::new() }
    }

    /// Adds arguments.
    pub fn args(self, arguments: &[&str]) -> Self {
        arguments.iter().fold(self, Program::arg)
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the standard input.
    pub fn input(mut self, input: impl AsRef<[u8]>) -> Self {
        self.input = input.as_ref().to_vec();
        self
    }

    /// The command, for tests that start it in another way.
    pub fn into_command(self) -> Command {
        self.command
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Runs it to its end and keeps what it wrote.
    pub fn run(mut self) -> Result<Outcome, Failed> {
        let mut child = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().expect("standard input is piped");
        let input = std::mem::take(&mut self.input);
        // A program may end before it has read everything.
        thread::spawn(move || drop(stdin.write_all(&input)));
        let stdout = collect(child.stdout.take().expect("standard output is piped"));
        let stderr = collect(child.stderr.take().expect("standard error is piped"));
        let status = wait(&mut child);
        let text = |reader: thread::JoinHandle<Vec<u8>>| reader.join().expect("the reader does not panic");
        Ok(Outcome { status: status?, stdout: text(stdout), stderr: text(stderr) })
    }
}

/// Reads a stream to its end beside the waiting thread, so that a full pipe never stops the program.
fn collect(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A stream that breaks off is judged by what came before.
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}

/// What a case may take.
pub fn limit() -> Duration {
    let stressed = std::env::var_os("MOONLET_GC_STRESS").is_some();
    if stressed { LIMIT_UNDER_STRESS } else { LIMIT }
}

/// The exit status of `child`; `None` if a signal ended it.
pub fn wait(child: &mut Child) -> Result<Option<i32>, Failed> {
    let limit = limit();
    let started = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code());
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Err(format!("still running after {} s", limit.as_secs()).into());
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// How a program ended and what it wrote.
pub struct Outcome {
    status: Option<i32>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Outcome {
    /// Standard output as text; bytes that are not UTF-8 are replaced.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text; bytes that are not UTF-8 are replaced.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Fails unless the exit status is `expected`.
    pub fn expect_status(self, expected: i32) -> Result<Self, Failed> {
        if self.status == Some(expected) { Ok(self) } else { Err(self.failure(&format!("expected status {expected}"))) }
    }

    /// Fails unless standard output is exactly `expected`.
    pub fn expect_stdout(self, expected: &str) -> Result<Self, Failed> {
        let same = self.stdout() == expected;
        if same { Ok(self) } else { Err(self.failure(&format!("expected standard output:\n{expected}"))) }
    }

    /// Fails unless standard error is empty.
    pub fn expect_no_errors(self) -> Result<Self, Failed> {
        if self.stderr.is_empty() { Ok(self) } else { Err(self.failure("expected no message")) }
    }

    /// Fails unless standard error has `text` in it exactly once.
    pub fn expect_once_in_stderr(self, text: &str) -> Result<Self, Failed> {
        match self.stderr().matches(text).count() {
            1 => Ok(self),
            n => Err(self.failure(&format!("expected {text:?} once on standard error, found {n} times"))),
        }
    }

    /// A failure that shows everything the program did.
    pub fn failure(&self, why: &str) -> Failed {
        let status = self.status.map_or("a signal".to_owned(), |code| format!("status {code}"));
        let (stdout, stderr) = (self.stdout(), self.stderr());
        format!("{why}\nended with {status}\n--- standard output\n{stdout}\n--- standard error\n{stderr}").into()
    }
}

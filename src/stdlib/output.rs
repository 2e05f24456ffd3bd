//! The standard output: one buffer for the whole program, shared by `print` and `io`.
//!
//! It is written at line ends if a person watches, otherwise when the buffer is full; whoever ends the program, reads from
//! the terminal or writes to the standard error calls [`flush_output`] before. A program may run for long after it has
//! printed something that somebody waits for, so a command lets [`flush_in_background`] write what has been collected.

use std::io::{self, IsTerminal, Write};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Bytes that are collected before they are written.
const BUFFER: usize = 32 << 10;
/// How long the background waits for more before it writes.
const DELAY: Duration = Duration::from_millis(5);

/// When the buffer is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Buffering {
    /// After every operation.
    None,
    /// After every operation that ends or contains a line.
    Line,
    /// When it is full.
    Full,
}

struct Output {
    pending: Vec<u8>,
    buffering: Buffering,
    /// What the background could not write; the next who writes is told.
    failure: Option<io::Error>,
}

/// Notified when bytes are collected and there were none before.
static COLLECTED: Condvar = Condvar::new();

static OUTPUT: LazyLock<Mutex<Output>> = LazyLock::new(|| {
    let buffering = if io::stdout().is_terminal() { Buffering::Line } else { Buffering::Full };
    Mutex::new(Output { pending: Vec::new(), buffering, failure: None })
});

impl Output {
    fn flush(&mut self) -> io::Result<()> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(&self.pending);
        self.pending.clear();
        written?;
        stdout.flush()
    }
}

/// Writes to the standard output. The bytes of one call stay together.
///
/// # Errors
/// What the system reports, possibly for bytes written earlier.
pub fn write_output(bytes: &[u8]) -> io::Result<()> {
    let mut output = OUTPUT.lock();
    if output.pending.is_empty() {
        COLLECTED.notify_one();
    }
    output.pending.extend_from_slice(bytes);
    let due = match output.buffering {
        Buffering::None => true,
        Buffering::Line => bytes.contains(&b'\n') || output.pending.len() >= BUFFER,
        Buffering::Full => output.pending.len() >= BUFFER,
    };
    if due { output.flush() } else { Ok(()) }
}

/// Writes what has been collected.
///
/// # Errors
/// What the system reports.
pub fn flush_output() -> io::Result<()> {
    OUTPUT.lock().flush()
}

/// Starts a thread that soon writes what has been collected, to the end of the program.
///
/// # Errors
/// If the system refuses the thread.
pub fn flush_in_background() -> io::Result<()> {
    let flush = || {
        loop {
            let mut output = OUTPUT.lock();
            while output.pending.is_empty() || output.failure.is_some() {
                COLLECTED.wait(&mut output);
            }
            drop(output);
            thread::sleep(DELAY);
            let mut output = OUTPUT.lock();
            output.failure = output.flush().err();
        }
    };
    thread::Builder::new().name("moonlet-output".into()).spawn(flush).map(drop)
}

/// Sets when the standard output is written (`io.stdout:setvbuf`).
///
/// # Errors
/// What the system reports for bytes written earlier.
pub fn set_output_buffering(buffering: Buffering) -> io::Result<()> {
    let mut output = OUTPUT.lock();
    output.buffering = buffering;
    output.flush()
}

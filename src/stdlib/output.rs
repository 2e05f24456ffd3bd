//! The standard output: one buffer for the whole program, shared by `print` and `io`.
//!
//! It is written at line ends if a person watches, otherwise when the buffer is full; whoever ends the program, reads from
//! the terminal or writes to the standard error calls [`flush_output`] before.

use std::io::{self, IsTerminal, Write};
use std::sync::LazyLock;

use parking_lot::Mutex;

/// Bytes that are collected before they are written.
const BUFFER: usize = 32 << 10;

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
}

static OUTPUT: LazyLock<Mutex<Output>> = LazyLock::new(|| {
    let buffering = if io::stdout().is_terminal() { Buffering::Line } else { Buffering::Full };
    Mutex::new(Output { pending: Vec::new(), buffering })
});

impl Output {
    fn flush(&mut self) -> io::Result<()> {
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

/// Sets when the standard output is written (`io.stdout:setvbuf`).
///
/// # Errors
/// What the system reports for bytes written earlier.
pub fn set_output_buffering(buffering: Buffering) -> io::Result<()> {
    let mut output = OUTPUT.lock();
    output.buffering = buffering;
    output.flush()
}

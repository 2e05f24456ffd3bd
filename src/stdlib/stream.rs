//! Byte streams: files, the standard streams, pipes. Nothing here knows Lua.
//!
//! A stream reads ahead and collects what is written, never both at once: who changes from reading to writing goes back
//! to the place the reader has seen, who changes from writing to reading writes first. Streams that are open are known
//! to [`flush_all`], so that ending the program loses nothing.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;

use super::output::{Buffering, flush_output, set_output_buffering, write_output};

/// Bytes read at once, and collected before they are written.
const BUFFER: usize = 16 << 10;
/// `EBADF`, for what the system would refuse if it were asked at once.
const BAD_FILE_DESCRIPTOR: i32 = 9;
/// `ESPIPE`
const ILLEGAL_SEEK: i32 = 29;

/// What bytes come from or go to.
#[derive(Debug)]
pub enum Device {
    /// A file of the system.
    File(File),
    /// The standard input.
    Input,
    /// The standard output, in the buffer that `print` uses.
    Output,
    /// The standard error.
    Error,
    /// The output of another program.
    PipeFrom(Child),
    /// The input of another program.
    PipeTo(Child),
}

/// A stream.
#[derive(Debug)]
pub struct Stream {
    device: Device,
    readable: bool,
    writable: bool,
    /// Bytes read ahead; those from `position` on are still to be delivered.
    ahead: Vec<u8>,
    position: usize,
    /// Bytes to be written.
    pending: Vec<u8>,
    buffering: Buffering,
}

/// A stream that several files may refer to.
pub type Shared = Arc<Mutex<Stream>>;

static OPEN: Mutex<Vec<Weak<Mutex<Stream>>>> = Mutex::new(Vec::new());

static STANDARD: LazyLock<[Shared; 3]> = LazyLock::new(|| {
    [(Device::Input, true), (Device::Output, false), (Device::Error, false)]
        .map(|(device, readable)| Arc::new(Mutex::new(Stream::new(device, readable, !readable))))
});

/// Standard input, output or error (0, 1, 2): one stream for the whole program.
pub fn standard(index: usize) -> Shared {
    Arc::clone(&STANDARD[index])
}

/// Writes what all streams have collected, before the program ends. Errors have nobody left to see them.
pub fn flush_all() {
    for stream in OPEN.lock().drain(..).filter_map(|stream| stream.upgrade()) {
        // A stream in use belongs to a process that is still running, and is cut off with it.
        if let Some(mut stream) = stream.try_lock() {
            let _ = stream.flush();
        }
    }
    let _ = flush_output();
}

impl Stream {
    fn new(device: Device, readable: bool, writable: bool) -> Stream {
        Stream {
            device,
            readable,
            writable,
            ahead: Vec::new(),
            position: 0,
            pending: Vec::new(),
            buffering: Buffering::Full,
        }
    }

    /// A new stream on a device.
    pub fn open(device: Device, readable: bool, writable: bool) -> Shared {
        let stream = Arc::new(Mutex::new(Stream::new(device, readable, writable)));
        let mut open = OPEN.lock();
        if open.len() == open.capacity() {
            open.retain(|stream| stream.strong_count() > 0);
        }
        open.push(Arc::downgrade(&stream));
        stream
    }

    // ---- reading

    /// The bytes read ahead, after reading some if there are none; empty at the end.
    pub fn fill(&mut self) -> io::Result<&[u8]> {
        if self.position == self.ahead.len() {
            if !self.readable {
                return Err(io::Error::from_raw_os_error(BAD_FILE_DESCRIPTOR));
            }
            self.flush()?;
            self.position = 0;
            self.ahead.resize(BUFFER, 0);
            let read = self.read_device();
            self.ahead.truncate(*read.as_ref().unwrap_or(&0));
            read?;
        }
        Ok(&self.ahead[self.position..])
    }

    fn read_device(&mut self) -> io::Result<usize> {
        let into = &mut self.ahead;
        loop {
            let read = match &mut self.device {
                Device::File(file) => file.read(into),
                Device::Input => {
                    flush_output()?;
                    let mut stdin = io::stdin().lock();
                    stdin.read(into)
                }
                Device::PipeFrom(child) => match &mut child.stdout {
                    Some(pipe) => pipe.read(into),
                    None => Ok(0),
                },
                Device::Output | Device::Error | Device::PipeTo(_) => Ok(0),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    /// Takes `n` of the bytes read ahead.
    pub fn consume(&mut self, n: usize) {
        self.position += n;
    }

    /// The next byte, which stays to be read; `None` at the end.
    pub fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.fill()?.first().copied())
    }

    /// Reads to the end of the line; `false` if there is nothing more to read.
    pub fn read_line(&mut self, keep_end: bool, line: &mut Vec<u8>) -> io::Result<bool> {
        let start = line.len();
        loop {
            let bytes = self.fill()?;
            if bytes.is_empty() {
                return Ok(line.len() > start);
            }
            if let Some(end) = memchr::memchr(b'\n', bytes) {
                line.extend_from_slice(&bytes[..end + usize::from(keep_end)]);
                self.consume(end + 1);
                return Ok(true);
            }
            line.extend_from_slice(bytes);
            let n = bytes.len();
            self.consume(n);
        }
    }

    /// Reads up to `n` bytes, fewer only at the end.
    pub fn read_bytes(&mut self, mut n: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        while n > 0 {
            let available = self.fill()?;
            if available.is_empty() {
                break;
            }
            let taken = available.len().min(n);
            bytes.extend_from_slice(&available[..taken]);
            self.consume(taken);
            n -= taken;
        }
        Ok(())
    }

    // ---- writing

    /// Writes bytes, or collects them for later.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.writable {
            return Err(io::Error::from_raw_os_error(BAD_FILE_DESCRIPTOR));
        }
        match self.device {
            Device::Output => return write_output(bytes),
            Device::Error => {
                flush_output()?;
                return io::stderr().write_all(bytes);
            }
            _ => {}
        }
        self.forget_ahead()?;
        self.pending.extend_from_slice(bytes);
        let due = match self.buffering {
            Buffering::None => true,
            Buffering::Line => bytes.contains(&b'\n') || self.pending.len() >= BUFFER,
            Buffering::Full => self.pending.len() >= BUFFER,
        };
        if due { self.flush() } else { Ok(()) }
    }

    /// Writes what has been collected.
    pub fn flush(&mut self) -> io::Result<()> {
        if let Device::Output = self.device {
            return flush_output();
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        let written = match &mut self.device {
            Device::File(file) => file.write_all(&self.pending),
            Device::PipeTo(child) => match &mut child.stdin {
                Some(pipe) => pipe.write_all(&self.pending),
                None => Ok(()),
            },
            Device::Input | Device::Output | Device::Error | Device::PipeFrom(_) => Ok(()),
        };
        self.pending.clear();
        written
    }

    /// Sets when collected bytes are written.
    pub fn set_buffering(&mut self, buffering: Buffering) -> io::Result<()> {
        self.buffering = buffering;
        if let Device::Output = self.device { set_output_buffering(buffering) } else { self.flush() }
    }

    // ---- positions

    /// Goes back to the place up to which bytes have been delivered.
    fn forget_ahead(&mut self) -> io::Result<()> {
        let unread = self.ahead.len() - self.position;
        self.ahead.clear();
        self.position = 0;
        if unread > 0
            && let Device::File(file) = &mut self.device
        {
            file.seek(SeekFrom::Current(-(unread as i64)))?;
        }
        Ok(())
    }

    /// Moves to another place; returns its offset from the beginning.
    pub fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.flush()?;
        let Device::File(file) = &mut self.device else {
            return Err(io::Error::from_raw_os_error(ILLEGAL_SEEK));
        };
        let to = match to {
            SeekFrom::Current(by) => SeekFrom::Current(by - (self.ahead.len() - self.position) as i64),
            other => other,
        };
        let position = file.seek(to)?;
        self.ahead.clear();
        self.position = 0;
        Ok(position)
    }

    /// Writes what is left and, for a pipe, waits for the other program to end.
    pub fn close(&mut self) -> io::Result<Option<ExitStatus>> {
        self.flush()?;
        match &mut self.device {
            Device::PipeFrom(child) | Device::PipeTo(child) => {
                drop(child.stdin.take());
                drop(child.stdout.take());
                child.wait().map(Some)
            }
            _ => Ok(None),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // A file that was never closed is closed now; nobody can be told of an error.
        let _ = self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary() -> Shared {
        let path = std::env::temp_dir().join(format!(
            "moonlet-stream-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        Stream::open(Device::File(file), true, true)
    }

    #[test]
    fn reading_and_writing_take_turns() {
        let stream = temporary();
        let mut stream = stream.lock();
        stream.write(b"one\ntwo\nthree").unwrap();
        assert_eq!(stream.seek(SeekFrom::Start(0)).unwrap(), 0);
        let mut line = Vec::new();
        assert!(stream.read_line(false, &mut line).unwrap());
        assert_eq!(line, b"one");
        assert_eq!(stream.seek(SeekFrom::Current(0)).unwrap(), 4);
        stream.write(b"TWO").unwrap();
        line.clear();
        assert!(stream.read_line(true, &mut line).unwrap());
        assert_eq!(line, b"\n");
        line.clear();
        stream.read_bytes(100, &mut line).unwrap();
        assert_eq!(line, b"three");
        assert!(!stream.read_line(true, &mut line).unwrap());
        assert_eq!(stream.peek().unwrap(), None);
    }

    #[test]
    fn refusals() {
        let stream = standard(0);
        assert_eq!(stream.lock().write(b"x").unwrap_err().raw_os_error(), Some(BAD_FILE_DESCRIPTOR));
        assert_eq!(stream.lock().seek(SeekFrom::Start(0)).unwrap_err().raw_os_error(), Some(ILLEGAL_SEEK));
        assert!(standard(2).lock().fill().is_err());
    }
}

//! The files of the embedded engine, such that a statement can be run where nothing may wait.
//!
//! The engine asks for reads and writes and goes on when they are complete. On a thread that must not wait, operations are
//! put aside, and the engine stops with `IO`; whoever goes on with the statement elsewhere carries them out first.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use turso_core::io::clock::{Clock, MonotonicInstant, WallClockInstant};
use turso_core::io::{FileId, FileSyncType};
use turso_core::{Buffer, Completion, File, IO, LimboError, OpenFlags, PlatformIO};

/// What a thread lets a statement do.
#[derive(Clone, Copy)]
enum Leave {
    /// Take its time.
    Everything,
    /// Neither wait nor run for long: it is asked so many times more, and then has to stop.
    Steps(u32),
    /// Not wait; it will not run for long.
    NoWaiting,
}

thread_local! {
    static LEAVE: Cell<Leave> = const { Cell::new(Leave::Everything) };
}

/// How often a statement that must not run for long is asked before it has to stop. (The engine counts the instructions of
/// all runs of a statement, so the first question may come at once.)
const QUESTIONS: u32 = 2;

/// Whether this thread must not wait just now.
pub fn must_not_wait() -> bool {
    !matches!(LEAVE.get(), Leave::Everything)
}

/// Asked now and then by a statement: whether it has to stop.
pub fn must_stop() -> bool {
    match LEAVE.get() {
        Leave::Steps(0) => true,
        Leave::Steps(left) => {
            LEAVE.set(Leave::Steps(left - 1));
            left == 1
        }
        Leave::Everything | Leave::NoWaiting => false,
    }
}

/// Runs `f`, which must not wait, and, where it `stops`, is interrupted if it takes long.
pub fn without_waiting<R>(stops: bool, f: impl FnOnce() -> R) -> R {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            LEAVE.set(Leave::Everything);
        }
    }
    LEAVE.set(if stops { Leave::Steps(QUESTIONS) } else { Leave::NoWaiting });
    let _reset = Reset;
    f()
}

type Result<T> = std::result::Result<T, LimboError>;
type Operation = Box<dyn FnOnce() -> Result<()> + Send>;

#[derive(Default)]
struct PutAside(Mutex<VecDeque<Operation>>);

impl PutAside {
    /// Carries an operation out, or puts it aside.
    fn submit(
        &self,
        completion: Completion,
        operation: impl FnOnce(Completion) -> Result<Completion> + Send + 'static,
    ) -> Result<Completion> {
        if !must_not_wait() {
            return operation(completion);
        }
        let later = completion.clone();
        let run = move || match operation(later.clone()) {
            Ok(_) => Ok(()),
            Err(error) => {
                later.abort();
                Err(error)
            }
        };
        self.0.lock().push_back(Box::new(run));
        Ok(completion)
    }

    fn carry_out(&self) -> Result<()> {
        while let Some(operation) = self.take() {
            operation()?;
        }
        Ok(())
    }

    fn take(&self) -> Option<Operation> {
        self.0.lock().pop_front()
    }
}

/// The file system.
pub struct Files {
    platform: PlatformIO,
    put_aside: Arc<PutAside>,
}

impl Files {
    /// The file system of the machine.
    pub fn new() -> Result<Files> {
        Ok(Files { platform: PlatformIO::new()?, put_aside: Arc::default() })
    }
}

impl Clock for Files {
    fn current_time_monotonic(&self) -> MonotonicInstant {
        self.platform.current_time_monotonic()
    }

    fn current_time_wall_clock(&self) -> WallClockInstant {
        self.platform.current_time_wall_clock()
    }
}

impl IO for Files {
    fn open_file(&self, path: &str, flags: OpenFlags, direct: bool) -> Result<Arc<dyn File>> {
        let file = self.platform.open_file(path, flags, direct)?;
        Ok(Arc::new(OpenFile { file, put_aside: Arc::clone(&self.put_aside) }))
    }

    fn remove_file(&self, path: &str) -> Result<()> {
        self.platform.remove_file(path)
    }

    fn step(&self) -> Result<()> {
        self.put_aside.carry_out()
    }

    fn file_id(&self, path: &str) -> Result<FileId> {
        self.platform.file_id(path)
    }
}

struct OpenFile {
    file: Arc<dyn File>,
    put_aside: Arc<PutAside>,
}

impl File for OpenFile {
    fn lock_file(&self, exclusive: bool) -> Result<()> {
        self.file.lock_file(exclusive)
    }

    fn unlock_file(&self) -> Result<()> {
        self.file.unlock_file()
    }

    fn pread(&self, pos: u64, c: Completion) -> Result<Completion> {
        let file = Arc::clone(&self.file);
        self.put_aside.submit(c, move |c| file.pread(pos, c))
    }

    fn pwrite(&self, pos: u64, buffer: Arc<Buffer>, c: Completion) -> Result<Completion> {
        let file = Arc::clone(&self.file);
        self.put_aside.submit(c, move |c| file.pwrite(pos, buffer, c))
    }

    fn pwritev(&self, pos: u64, buffers: Vec<Arc<Buffer>>, c: Completion) -> Result<Completion> {
        let file = Arc::clone(&self.file);
        self.put_aside.submit(c, move |c| file.pwritev(pos, buffers, c))
    }

    fn sync(&self, c: Completion, sync_type: FileSyncType) -> Result<Completion> {
        let file = Arc::clone(&self.file);
        self.put_aside.submit(c, move |c| file.sync(c, sync_type))
    }

    fn truncate(&self, len: u64, c: Completion) -> Result<Completion> {
        let file = Arc::clone(&self.file);
        self.put_aside.submit(c, move |c| file.truncate(len, c))
    }

    fn size(&self) -> Result<u64> {
        self.file.size()
    }
}

//! The tokio runtime that drives the futures and the blocking calls of host modules.
//!
//! It is small (two threads, plus blocking ones as needed) and starts on first use: a program that does no I/O has none of
//! it. A future does not return a value to a process; it calls its completion with it, and the completion wakes the
//! process. Whoever starts an operation gets an [`Operation`] and keeps it in the process: dropping it aborts the
//! operation, so a process that ends closes its sockets and statements.
//!
//! Completions run on tokio's threads and must only hand over a result.

use std::{
    any::Any,
    future::{Future, poll_fn},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::OnceLock,
};
use tokio::{
    runtime::{Builder, Runtime},
    task::AbortHandle,
};

/// The result of an operation: its value, or the payload of its panic.
pub type Completion<T> = Result<T, Box<dyn Any + Send>>;

/// Starts operations. See the module header.
#[derive(Default)]
pub struct IoDriver {
    runtime: OnceLock<io::Result<Runtime>>,
}

impl IoDriver {
    /// A driver that has not started anything.
    pub fn new() -> Self {
        IoDriver::default()
    }

    /// Runs a future, then `complete` with what became of it. If the returned [`Operation`] is dropped before, the future
    /// is dropped and `complete` is never called.
    ///
    /// # Errors
    ///
    /// If the operating system refuses the threads of the runtime.
    pub fn spawn_io<F>(
        &self,
        future: F,
        complete: impl FnOnce(Completion<F::Output>) + Send + 'static,
    ) -> io::Result<Operation>
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        let task = self.runtime()?.spawn(async move {
            let mut future = pin!(future);
            complete(
                poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
                    Ok(poll) => poll.map(Ok),
                    Err(panic) => Err(panic).into(),
                })
                .await,
            );
        });
        Ok(Operation(task.abort_handle()))
    }

    /// Runs a function that may block on a thread of its own, then `complete` with what became of it. Dropping the
    /// [`Operation`] keeps it from starting; once started it runs to its end, completion included.
    ///
    /// # Errors
    ///
    /// As [`spawn_io`](Self::spawn_io).
    pub fn spawn_blocking<T>(
        &self,
        function: impl FnOnce() -> T + Send + 'static,
        complete: impl FnOnce(Completion<T>) + Send + 'static,
    ) -> io::Result<Operation> {
        let task = self.runtime()?.spawn_blocking(move || complete(catch_unwind(AssertUnwindSafe(function))));
        Ok(Operation(task.abort_handle()))
    }

    /// How many futures have not ended.
    #[cfg(all(test, not(loom)))]
    pub fn tasks(&self) -> usize {
        match self.runtime.get() {
            Some(Ok(runtime)) => runtime.metrics().num_alive_tasks(),
            _ => 0,
        }
    }

    fn runtime(&self) -> io::Result<&Runtime> {
        let start = || {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(2).thread_name("moonlet-io").enable_all();
            // tokio has it only where it runs for real.
            #[cfg(not(loom))]
            builder.on_thread_park(crate::vm::pool::release);
            builder.build()
        };
        self.runtime.get_or_init(start).as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))
    }
}

impl Drop for IoDriver {
    /// Drops all operations without waiting for blocking ones, so that it may happen on any thread, also a tokio one.
    fn drop(&mut self) {
        if let Some(Ok(runtime)) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// An operation under way; aborted when dropped.
#[must_use = "dropping an operation aborts it"]
pub struct Operation(AbortHandle);

impl Operation {
    /// Whether the operation has completed.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::{
        future::pending,
        sync::{Arc, mpsc},
        time::Duration,
    };

    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn values_and_panics_reach_the_completion() {
        let driver = IoDriver::new();
        let (sender, receiver) = mpsc::channel();
        let complete = |sender: &mpsc::Sender<_>| {
            let sender = sender.clone();
            move |result: Completion<u32>| sender.send(result.map_err(|_| "panic")).expect("the test listens")
        };
        let _first = driver.spawn_io(async { 1 }, complete(&sender)).unwrap();
        assert_eq!(receiver.recv_timeout(LONG), Ok(Ok(1)));
        let _second = driver.spawn_io(async { panic!("on purpose") }, complete(&sender)).unwrap();
        assert_eq!(receiver.recv_timeout(LONG), Ok(Err("panic")));
        let _third = driver.spawn_blocking(|| 3, complete(&sender)).unwrap();
        assert_eq!(receiver.recv_timeout(LONG), Ok(Ok(3)));
        let _fourth = driver.spawn_blocking(|| panic!("on purpose"), complete(&sender)).unwrap();
        assert_eq!(receiver.recv_timeout(LONG), Ok(Err("panic")));
    }

    #[test]
    fn dropping_an_operation_drops_its_future() {
        let driver = IoDriver::new();
        let (sender, receiver) = mpsc::channel::<()>();
        let witness = Arc::new(());
        let held = witness.clone();
        let future = async move {
            let _sender = sender;
            let _held = held;
            pending::<()>().await;
        };
        let operation = driver.spawn_io(future, |_| unreachable!("aborted operations do not complete")).unwrap();
        assert!(!operation.is_finished());
        drop(operation);
        assert_eq!(receiver.recv_timeout(LONG), Err(mpsc::RecvTimeoutError::Disconnected));
    }
}

//! Pools of connections, and the leases by which statements and transactions hold one.
//!
//! * Whoever needs a connection when all are busy waits in order of arrival.
//! * A lease that is dropped gives its connection back. If a transaction is open on it, that is rolled back first; if a
//!   statement was abandoned on it, the connection is not trusted any more and closed (the embedded engine, which has
//!   but one, makes up its state instead). All that happens on the runtime of host modules: who drops a lease never waits.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::config::Config;
use super::connection::Connection;
use super::error::SqlError;
use crate::runtime::errors::UNAVAILABLE;
use crate::runtime::pid::Pid;

/// A pool. Clones are the same pool.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    config: Config,
    /// One permit for each connection that may be in use.
    permits: Semaphore,
    state: Mutex<State>,
    /// What runs the clean-up.
    handle: OnceLock<Handle>,
}

struct Idle {
    connection: Connection,
    opened: Instant,
}

#[derive(Default)]
struct State {
    idle: Vec<Idle>,
    /// The process whose transaction has the only connection.
    owner: Option<Pid>,
    closed: bool,
    counts: Counts,
}

/// What `stats` tells.
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)]
pub struct Counts {
    pub open: u32,
    pub idle: u32,
    pub waits: u64,
    pub waited: Duration,
    pub max_idle_closed: u64,
    pub max_lifetime_closed: u64,
}

fn stopped() -> SqlError {
    SqlError::new(UNAVAILABLE, "the database is stopped")
}

/// The most connections at a time, where there is a limit; otherwise more than there can be.
fn most(config: &Config) -> u32 {
    match config.limits.max_open {
        0 => 1 << 24,
        max => max,
    }
}

impl Pool {
    /// A pool without connections; the first is opened when it is needed.
    pub fn new(config: Config) -> Pool {
        let permits = Semaphore::new(most(&config) as usize);
        Pool(Arc::new(Shared { config, permits, state: Mutex::default(), handle: OnceLock::new() }))
    }

    /// How its database is reached.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Counters.
    pub fn counts(&self) -> Counts {
        let state = self.0.state.lock();
        Counts { idle: state.idle.len() as u32, ..state.counts }
    }

    /// How many connections can be had without waiting.
    #[cfg(test)]
    pub fn free(&self) -> u32 {
        u32::try_from(self.0.permits.available_permits()).unwrap_or(u32::MAX)
    }

    /// Whether the only connection is held by a transaction of this process.
    pub fn is_owned_by(&self, process: Pid) -> bool {
        self.0.config.limits.max_open == 1 && self.0.state.lock().owner == Some(process)
    }

    /// Refuses new work, waits until all connections are back, but no longer than `timeout`, and closes them.
    pub async fn close(&self, timeout: Duration) {
        self.0.state.lock().closed = true;
        // Past the timeout connections are closed when they come back.
        let _ = tokio::time::timeout(timeout, self.0.permits.acquire_many(most(&self.0.config))).await;
        self.0.permits.close();
        let idle = std::mem::take(&mut self.0.state.lock().idle);
        for Idle { connection, .. } in idle {
            connection.close().await;
        }
    }

    /// A connection, if one is there and nobody waits for it.
    pub fn try_acquire(&self) -> Option<Lease> {
        let permit = self.0.permits.try_acquire().ok()?;
        let idle = self.take_idle()?;
        Some(self.lease(idle, permit))
    }

    /// A connection; waits for one, or opens one.
    ///
    /// # Errors
    /// `Unavailable` once the pool is closed; what opening one fails with.
    pub async fn acquire(&self) -> Result<Lease, SqlError> {
        self.0.handle.get_or_init(Handle::current);
        let permit = match self.0.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                let since = Instant::now();
                let permit = self.0.permits.acquire().await.map_err(|_| stopped())?;
                let counts = &mut self.0.state.lock().counts;
                counts.waits += 1;
                counts.waited += since.elapsed();
                permit
            }
        };
        if self.0.state.lock().closed {
            return Err(stopped());
        }
        if let Some(idle) = self.take_idle() {
            return Ok(self.lease(idle, permit));
        }
        let connection = Connection::open(&self.0.config.source).await?;
        self.0.state.lock().counts.open += 1;
        Ok(self.lease(Idle { connection, opened: Instant::now() }, permit))
    }

    /// A connection nobody uses, not too old.
    fn take_idle(&self) -> Option<Idle> {
        let mut state = self.0.state.lock();
        if state.closed {
            return None;
        }
        while let Some(idle) = state.idle.pop() {
            if idle.connection.is_lost() {
                state.counts.open -= 1;
            } else if idle.connection.ages() && idle.opened.elapsed() > self.0.config.limits.max_lifetime {
                state.counts.open -= 1;
                state.counts.max_lifetime_closed += 1;
            } else {
                return Some(idle);
            }
        }
        None
    }

    fn lease(&self, idle: Idle, permit: SemaphorePermit<'_>) -> Lease {
        // The place gives it back.
        permit.forget();
        Lease { held: Some((idle, Place(self.clone()))), busy: false, in_transaction: false }
    }

    /// Takes a connection back.
    fn give_back(&self, idle: Idle) {
        let surplus = {
            let mut state = self.0.state.lock();
            let full = state.idle.len() >= self.0.config.limits.max_idle as usize;
            if self.0.permits.is_closed() || idle.connection.is_lost() || full {
                state.counts.open -= 1;
                state.counts.max_idle_closed += u64::from(full);
                Some(idle)
            } else {
                state.idle.push(idle);
                None
            }
        };
        drop(surplus);
    }
}

/// The permit to use a connection of a pool, which is given back in the end.
struct Place(Pool);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.permits.add_permits(1);
    }
}

/// A connection in use.
pub struct Lease {
    held: Option<(Idle, Place)>,
    /// A statement is under way.
    busy: bool,
    in_transaction: bool,
}

impl Lease {
    /// The connection.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.held.as_mut().expect("there until it is dropped").0.connection
    }

    fn pool(&self) -> &Pool {
        &self.held.as_ref().expect("there until it is dropped").1.0
    }

    /// A statement begins (`true`) or has come to its end. If the lease is dropped in between, it was abandoned.
    pub fn set_busy(&mut self, busy: bool) {
        self.busy = busy;
    }

    /// A transaction of this process begins on the connection.
    pub fn begin(&mut self, owner: Pid) {
        self.in_transaction = true;
        self.pool().0.state.lock().owner = Some(owner);
    }

    /// The transaction is over.
    pub fn end(&mut self) {
        self.in_transaction = false;
        self.pool().0.state.lock().owner = None;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some((idle, place)) = self.held.take() else { return };
        let (busy, in_transaction) = (self.busy, self.in_transaction);
        if in_transaction {
            place.0.0.state.lock().owner = None;
        }
        if !busy && !in_transaction && !idle.connection.is_in_transaction() {
            return place.0.give_back(idle);
        }
        let pool = place.0.clone();
        let handle = pool.0.handle.get().expect("the first connection was acquired on a runtime");
        handle.spawn(async move {
            let Idle { connection, opened } = idle;
            match connection.recover(busy).await {
                Some(connection) => place.0.give_back(Idle { connection, opened }),
                None => place.0.0.state.lock().counts.open -= 1,
            }
        });
    }
}

//! Connections to HTTP servers, kept open for the next request of any process of the runtime.
//!
//! A connection of HTTP/1 belongs to one exchange at a time and comes back here when its response has been read to the
//! end. One of HTTP/2 stays here and is used by many at once. Whoever has a [`Connection`] keeps its driver alive, the
//! task that moves its bytes; when the last one lets go, the task is dropped and the socket closed.

use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashMap;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout};

use crate::modules::net::dial::{Connected, Place};
use crate::modules::net::tls::TlsOptions;

/// Most idle connections.
const MOST_IDLE: usize = 100;
/// Most idle connections that are alike.
const MOST_IDLE_ALIKE: usize = 10;
/// How long a connection stays idle.
const IDLE_TIME: Duration = Duration::from_secs(90);
/// How long a server may take to be ready for the next request after it has answered one. (The bytes of the response
/// have all come; what can be missing is that the request is still being sent.)
const READY_TIME: Duration = Duration::from_millis(50);

/// What connections must have in common to be used for each other.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Route {
    /// Where it leads.
    pub place: Place,
    /// Settings of TLS, if it is used, and the name the server must prove.
    pub tls: Option<(TlsOptions, Box<str>)>,
}

/// The body of a request.
pub type RequestBody = Full<Bytes>;

/// What requests are given to.
enum Sender {
    Http1(http1::SendRequest<RequestBody>),
    Http2(http2::SendRequest<RequestBody>),
}

/// An open connection; see the module header.
pub struct Connection {
    sender: Sender,
    route: Arc<Route>,
    /// The other end.
    pub peer: Option<IpAddr>,
    driver: Arc<Driver>,
    pool: Weak<Pool>,
}

/// Ends the task that moves the bytes when nobody needs it.
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connection that waits for work, since when, and whether it waits.
struct Idle {
    connection: Connection,
    since: Instant,
}

/// All connections that can be used again.
pub struct Pool {
    this: Weak<Pool>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: HashMap<Arc<Route>, Vec<Idle>>,
    /// Whether the task that closes what has been idle for too long is there.
    sweeping: bool,
}

impl Pool {
    /// An empty one.
    pub fn new() -> Arc<Pool> {
        Arc::new_cyclic(|this| Pool { this: this.clone(), state: Mutex::default() })
    }

    /// A connection that can be used at once, if there is one.
    pub fn take(&self, route: &Route) -> Option<Connection> {
        let mut state = self.state.lock();
        let alike = state.idle.get_mut(route)?;
        alike.retain(|idle| !idle.connection.is_closed());
        let found = match alike.last_mut() {
            Some(Idle { connection, since }) if connection.sender.is_shared() => {
                *since = Instant::now();
                connection.share()
            }
            _ => alike.pop().map(|idle| idle.connection),
        };
        if alike.is_empty() {
            state.idle.remove(route);
        }
        found
    }

    /// A connection to begin with. One of HTTP/2 is found by others from now on.
    ///
    /// # Errors
    /// If the two ends cannot agree.
    pub async fn adopt(&self, route: Route, connected: Connected) -> hyper::Result<Connection> {
        let (peer, is_http2) = (connected.peer, connected.http2);
        let io = TokioIo::new(connected);
        let (sender, task) = if is_http2 {
            let (sender, driver) = http2::handshake(TokioExecutor::new(), io).await?;
            // How a connection ends is told to those who use it.
            (Sender::Http2(sender), tokio::spawn(async move { drop(driver.await) }))
        } else {
            let (sender, driver) = http1::handshake(io).await?;
            (Sender::Http1(sender), tokio::spawn(async move { drop(driver.await) }))
        };
        let driver = Arc::new(Driver(task.abort_handle()));
        let connection = Connection { sender, route: Arc::new(route), peer, driver, pool: self.this.clone() };
        if let Some(shared) = connection.share() {
            self.put(shared);
        }
        Ok(connection)
    }

    fn put(&self, connection: Connection) {
        let mut state = self.state.lock();
        if state.idle.values().map(Vec::len).sum::<usize>() >= MOST_IDLE {
            state.drop_oldest();
        }
        let alike = state.idle.entry(Arc::clone(&connection.route)).or_default();
        if alike.len() >= MOST_IDLE_ALIKE {
            alike.remove(0);
        }
        alike.push(Idle { connection, since: Instant::now() });
        if !std::mem::replace(&mut state.sweeping, true) {
            let pool = self.this.clone();
            tokio::spawn(async move {
                while let Some(next) = pool.upgrade().and_then(|pool| pool.sweep()) {
                    sleep_until(next).await;
                }
            });
        }
    }

    /// Closes what has been idle for too long. Answers when the next may be due; nothing if there is none.
    fn sweep(&self) -> Option<Instant> {
        let mut state = self.state.lock();
        let now = Instant::now();
        let stays = |idle: &Idle| !idle.connection.is_closed() && (idle.is_used() || idle.since + IDLE_TIME > now);
        state.idle.retain(|_, alike| {
            alike.retain(stays);
            !alike.is_empty()
        });
        let due = |idle: &Idle| if idle.is_used() { now + IDLE_TIME } else { idle.since + IDLE_TIME };
        let next = state.idle.values().flatten().map(due).min();
        state.sweeping = next.is_some();
        next
    }
}

impl State {
    fn drop_oldest(&mut self) {
        let oldest = self.idle.iter().min_by_key(|(_, alike)| alike.iter().map(|idle| idle.since).min());
        let Some(route) = oldest.map(|(route, _)| Arc::clone(route)) else { return };
        if let Some(alike) = self.idle.get_mut(&route) {
            alike.remove(0);
            if alike.is_empty() {
                self.idle.remove(&route);
            }
        }
    }
}

impl Idle {
    /// Whether others use the connection while it is here.
    fn is_used(&self) -> bool {
        Arc::strong_count(&self.connection.driver) > 1
    }
}

impl Sender {
    /// Whether many can use it at once.
    fn is_shared(&self) -> bool {
        matches!(self, Sender::Http2(_))
    }
}

/// Why a request has failed on a connection.
pub struct SendError {
    /// What happened.
    pub error: hyper::Error,
    /// Whether the server has surely seen nothing of it.
    pub unsent: bool,
}

impl Connection {
    /// Whether requests are to be in the form of HTTP/2.
    pub fn is_http2(&self) -> bool {
        self.sender.is_shared()
    }

    fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => sender.is_closed(),
            Sender::Http2(sender) => sender.is_closed(),
        }
    }

    /// Another user of the same connection, if it can have several.
    fn share(&self) -> Option<Connection> {
        let Sender::Http2(sender) = &self.sender else { return None };
        Some(Connection {
            sender: Sender::Http2(sender.clone()),
            route: Arc::clone(&self.route),
            peer: self.peer,
            driver: Arc::clone(&self.driver),
            pool: self.pool.clone(),
        })
    }

    /// Sends a request; the answer comes without its body.
    ///
    /// # Errors
    /// What went wrong on the way.
    pub async fn send(&mut self, request: Request<RequestBody>) -> Result<Response<Incoming>, SendError> {
        let outcome = match &mut self.sender {
            Sender::Http1(sender) => sender.try_send_request(request).await,
            Sender::Http2(sender) => sender.try_send_request(request).await,
        };
        outcome.map_err(|mut failure| {
            let unsent = failure.take_message().is_some();
            SendError { error: failure.into_error(), unsent }
        })
    }

    /// The response has been read to its end: the connection can be used again.
    pub async fn give_back(mut self) {
        let Some(pool) = self.pool.upgrade() else { return };
        if let Sender::Http1(sender) = &mut self.sender
            && let Ok(Ok(())) = timeout(READY_TIME, sender.ready()).await
        {
            pool.put(self);
        }
    }
}

//! Servers: from a description to a listening socket, and from a connection to exchanges.
//!
//! A [`Service`] is plain data. [`start`] makes a [`Server`] of it, which runs on the I/O threads of the runtime until it is
//! stopped or dropped. Each request that leads to a function becomes an execution of that function.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::{Condvar, Mutex, RwLock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use super::Http;
use super::deadline::WriteDeadline;
use super::exchange::{Exchange, Outgoing, plain, whole};
use super::files::Files;
use super::firewall::Firewall;
use super::middleware::{Middleware, Passage};
use super::relay::{self, Relay, Surroundings};
use super::route::{Match, Routes};
use super::tls::ServerTls;
use crate::modules::fs::Root;
use crate::runtime::call::{self, Callable};
use crate::runtime::context::Inheritance;
use crate::runtime::core::RuntimeCore;
use crate::runtime::io::Operation;
use crate::runtime::links::OnExit;
use crate::runtime::module::resource::asked_to_stop;
use crate::runtime::pid::Pid;
use crate::runtime::transfer::Parcel;

/// Bytes of the head of a request. More are answered with 431, up to twice as many if they come together.
const LONGEST_HEAD: usize = 64 * 1024;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// The head of a request.
    pub read: Duration,
    /// A piece of a response.
    pub write: Duration,
    /// Between two requests of a connection.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts { read: Duration::from_secs(30), write: Duration::from_secs(60), idle: Duration::from_secs(120) }
    }
}

/// What a server is to be.
#[derive(Default)]
pub struct Service {
    /// Where it listens, `host:port`. Without a host: at all addresses of the machine.
    pub address: String,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// TLS, if it is used.
    pub tls: Option<ServerTls>,
    /// Groups of endpoints.
    pub routers: Vec<Router>,
    /// Files.
    pub files: Vec<FileSite>,
}

/// Endpoints with a common beginning of their paths and the same middleware.
#[derive(Default)]
pub struct Router {
    /// The beginning of all paths.
    pub prefix: String,
    /// What requests pass before they are routed, the outermost first.
    pub middleware: Vec<Middleware>,
    /// What asks whether a function may be reached.
    pub firewalls: Vec<Firewall>,
    /// What may be done with a response before it passes back.
    pub relays: Vec<Relay>,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
}

/// A function that answers requests.
pub struct Endpoint {
    /// What firewalls know it by; by default the id of the function.
    pub id: Box<str>,
    /// The method of its requests.
    pub method: Method,
    /// The pattern of their paths, after the prefix.
    pub path: String,
    /// The entry id of the function.
    pub function: Box<str>,
}

impl Endpoint {
    /// An endpoint whose requests are answered by executions of a function.
    ///
    /// # Errors
    /// If the method is none.
    pub fn new(method: &str, path: &str, function: &str) -> io::Result<Endpoint> {
        let method = Method::from_bytes(method.as_bytes()).map_err(io::Error::other)?;
        Ok(Endpoint { id: function.into(), method, path: path.into(), function: function.into() })
    }
}

/// Files that are served.
pub struct FileSite {
    /// The beginning of the paths.
    pub path: String,
    /// Where they are.
    pub root: Root,
    /// Whether paths that name nothing give the index.
    pub single_page: bool,
    /// The file that stands for a folder.
    pub index: String,
    /// The header `Cache-Control`.
    pub cache: Option<String>,
    /// What requests pass before.
    pub middleware: Vec<Middleware>,
}

/// Where a route leads.
enum Target {
    Function(Function),
    Files(Files),
}

/// A function that answers requests.
struct Function {
    id: Box<str>,
    /// What firewalls know it by.
    endpoint: Box<str>,
    /// Whether it was found once: then to find it again does not take long.
    is_known: AtomicBool,
}

/// A target with what is passed on the way to it.
struct Way {
    target: Target,
    middleware: Arc<Vec<Middleware>>,
    firewalls: Arc<Vec<Firewall>>,
    relays: Arc<Vec<Relay>>,
}

impl Way {
    /// Passes a request through the middleware, as far as none of it answers by itself.
    async fn enter(&self, head: &Parts, passage: &mut Passage<'_>) -> Option<Response<Outgoing>> {
        for (at, middleware) in self.middleware.iter().enumerate() {
            if let Some(response) = middleware.before(head, passage).await {
                return Some(self.leave(at, head, passage, response).await);
            }
        }
        None
    }

    /// Passes a response back through the outermost middleware, so many of it.
    async fn leave(
        &self,
        count: usize,
        head: &Parts,
        passage: &Passage<'_>,
        mut response: Response<Outgoing>,
    ) -> Response<Outgoing> {
        for middleware in self.middleware[..count].iter().rev() {
            response = middleware.after(head, passage, response).await;
        }
        response
    }
}

/// A server that runs. Dropping it closes all connections at once.
pub struct Server {
    address: SocketAddr,
    routes: Arc<CurrentRoutes>,
    stopping: watch::Sender<bool>,
    stopped: Arc<Stopped>,
    _running: Operation,
}

/// Whether a server has come to its end.
#[derive(Default)]
struct Stopped {
    is_stopped: Mutex<bool>,
    changed: Condvar,
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests that come from now on with other functions and files.
    ///
    /// # Errors
    /// If they make no sense; then everything stays as it is.
    pub fn replace(&self, routers: Vec<Router>, files: Vec<FileSite>) -> Result<(), String> {
        *self.routes.write() = Arc::new(routes(routers, files)?);
        Ok(())
    }

    /// Accepts no more connections, and ends those there are after the request they are at. Blocks until all have ended
    /// and tells whether that was so before the deadline.
    pub fn stop(&self, deadline: Duration) -> bool {
        self.stopping.send_replace(true);
        let mut is_stopped = self.stopped.is_stopped.lock();
        self.stopped.changed.wait_while_for(&mut is_stopped, |is_stopped| !*is_stopped, deadline);
        *is_stopped
    }
}

/// Where requests lead at the moment.
type CurrentRoutes = RwLock<Arc<Routes<Way>>>;

/// What the connections of a server share.
struct Shared {
    core: Arc<RuntimeCore>,
    http: Arc<Http>,
    routes: Arc<CurrentRoutes>,
    timeouts: Timeouts,
    stopping: watch::Receiver<bool>,
}

/// Begins to serve.
///
/// # Errors
/// If the description makes no sense, or the address cannot be had.
pub fn start(core: &Arc<RuntimeCore>, service: Service) -> io::Result<Server> {
    let invalid = |message: String| io::Error::new(io::ErrorKind::InvalidInput, message);
    let routes = Arc::new(RwLock::new(Arc::new(routes(service.routers, service.files).map_err(invalid)?)));
    let tls = service.tls.map(|tls| tls.acceptor().map_err(|error| invalid(error.message.into()))).transpose()?;
    let listener = std::net::TcpListener::bind(listen_address(&service.address).map_err(invalid)?)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let (stopping, receiver) = watch::channel(false);
    let shared = Shared {
        core: Arc::clone(core),
        http: core.modules.of_type().ok_or_else(|| invalid("the runtime has no module http".into()))?,
        routes: Arc::clone(&routes),
        timeouts: service.timeouts,
        stopping: receiver,
    };
    let stopped = Arc::new(Stopped::default());
    let running = run(listener, tls, Arc::new(shared), Arc::clone(&stopped));
    // It ends when it is stopped, and then nobody waits for its result.
    let running = core.io.spawn_io(running, drop)?;
    Ok(Server { address, routes, stopping, stopped, _running: running })
}

/// The address that `host:port` names. The host is an address, `localhost`, or nothing, which is all addresses of the
/// machine; other names are not looked up, since what they lead to may be no address of this machine.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let wrong = || format!("{text}: not an address to listen at");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let address = match bare {
        "" => Ipv4Addr::UNSPECIFIED.into(),
        "localhost" => Ipv4Addr::LOCALHOST.into(),
        bare => bare.parse::<IpAddr>().map_err(|_| wrong())?,
    };
    Ok(SocketAddr::new(address, port))
}

/// The path of an endpoint, with the prefix of its router.
pub fn full_path(prefix: &str, path: &str) -> String {
    let slash = if path.starts_with('/') || path.is_empty() { "" } else { "/" };
    let path = format!("{}{slash}{path}", prefix.trim_end_matches('/'));
    if path.is_empty() { "/".to_owned() } else { path }
}

fn routes(routers: Vec<Router>, sites: Vec<FileSite>) -> Result<Routes<Way>, String> {
    let mut routes = Routes::default();
    for router in routers {
        let (middleware, firewalls) = (Arc::new(router.middleware), Arc::new(router.firewalls));
        let relays = Arc::new(router.relays);
        for endpoint in router.endpoints {
            let function = Function { id: endpoint.function, endpoint: endpoint.id, is_known: AtomicBool::new(false) };
            let way = Way {
                target: Target::Function(function),
                middleware: Arc::clone(&middleware),
                firewalls: Arc::clone(&firewalls),
                relays: Arc::clone(&relays),
            };
            routes.add(endpoint.method, &full_path(&router.prefix, &endpoint.path), way)?;
        }
    }
    for site in sites {
        let prefix = site.path.trim_end_matches('/').to_owned();
        let middleware = Arc::new(site.middleware);
        let files = Files::new(site.root, site.single_page, site.index, site.cache)?;
        let way = |files| Way {
            target: Target::Files(files),
            middleware: Arc::clone(&middleware),
            firewalls: Arc::default(),
            relays: Arc::default(),
        };
        if !prefix.is_empty() {
            routes.add(Method::GET, &prefix, way(files.clone()))?;
        }
        routes.add(Method::GET, &format!("{prefix}/{{path...}}"), way(files))?;
    }
    Ok(routes)
}

async fn run(
    listener: std::net::TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    stopped: Arc<Stopped>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let mut stopping = shared.stopping.clone();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = asked_to_stop(&mut stopping) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => {
                // One that failed before it began, or no room for it now.
                let Ok((stream, remote)) = accepted else {
                    sleep(Duration::from_millis(10)).await;
                    continue;
                };
                // Without it small responses wait for acknowledgements.
                let _ = stream.set_nodelay(true);
                let (shared, tls) = (Arc::clone(&shared), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => shared.converse(stream, remote, false).await,
                        Some(tls) => {
                            // A handshake that fails is the client's business.
                            let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.accept(stream)).await else { return };
                            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                            shared.converse(stream, remote, http2).await;
                        }
                    }
                });
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    *stopped.is_stopped.lock() = true;
    stopped.changed.notify_all();
    Ok(())
}

impl Shared {
    /// Answers the requests of a connection until one end closes it, it is idle for too long, or the server stops.
    async fn converse(
        self: Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        remote: SocketAddr,
        http2: bool,
    ) {
        let active = Activity::new();
        let service = service_fn(|request| {
            let (shared, busy) = (Arc::clone(&self), active.begin());
            async move {
                let response = shared.answer(request, remote).await;
                Ok::<_, Infallible>(response.map(|body| busy.until_sent(body)))
            }
        });
        let io = TokioIo::new(WriteDeadline::new(stream, self.timeouts.write));
        let mut stopping = self.stopping.clone();
        let over = async {
            tokio::select! {
                () = asked_to_stop(&mut stopping) => {}
                () = active.idle_for(self.timeouts.idle) => {}
            }
        };
        // How a connection ends is the client's business.
        macro_rules! drive {
            ($connection:expr) => {{
                let mut connection = std::pin::pin!($connection);
                tokio::select! {
                    result = connection.as_mut() => drop(result),
                    () = over => {
                        connection.as_mut().graceful_shutdown();
                        drop(connection.await);
                    }
                }
            }};
        }
        if http2 {
            let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            builder.timer(TokioTimer::new()).max_header_list_size(LONGEST_HEAD as u32);
            drive!(builder.serve_connection(io, service));
        } else {
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(self.timeouts.read).max_buf_size(LONGEST_HEAD);
            drive!(builder.serve_connection(io, service).with_upgrades());
        }
    }

    async fn answer(&self, mut request: Request<Incoming>, remote: SocketAddr) -> Response<Outgoing> {
        let wants_other = request.headers().contains_key(header::UPGRADE);
        let upgrade = wants_other.then(|| hyper::upgrade::on(&mut request));
        let (head, body) = request.into_parts();
        let mut passage = Passage::new(&self.core, remote.ip());
        let routes = Arc::clone(&self.routes.read());
        let (way, params) = match routes.find(&head.method, head.uri.path()) {
            Match::Found(way, params) => (way, params),
            Match::Unknown => return plain(StatusCode::NOT_FOUND),
            Match::OtherMethods(methods) => {
                let response = match preflight(&routes, &head) {
                    Some(way) => way.enter(&head, &mut passage).await,
                    None => None,
                };
                return response.unwrap_or_else(|| other_methods(&methods));
            }
        };
        if let Some(response) = way.enter(&head, &mut passage).await {
            return response;
        }
        let exchange;
        let (head, response) = match &way.target {
            Target::Files(files) => {
                let path = params.first().map_or("", |(_, path)| path.as_str());
                let response = files.answer(&head, path).await;
                (&head, response)
            }
            Target::Function(function) => {
                let refused = way.firewalls.iter().find_map(|firewall| firewall.refuse(&passage, &function.endpoint));
                if let Some(response) = refused {
                    return way.leave(way.middleware.len(), &head, &passage, response).await;
                }
                let client = SocketAddr::new(passage.client, remote.port());
                let (new, response) = Exchange::new(head, body, params, client, passage.identity.clone());
                exchange = new;
                self.execute(function, &exchange);
                // A function that is gone without an answer has failed.
                (&exchange.head, response.await.unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR)))
            }
        };
        let response = match &way.relays[..] {
            [] => response,
            relays => {
                let program = *self.http.relay.get_or_init(|| relay::Program::new(&self.core));
                let surroundings = Surroundings { core: &self.core, program, stopping: self.stopping.clone() };
                let response = relay::take_over(relays, head, response, upgrade, surroundings);
                if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                    return response;
                }
                response
            }
        };
        let response = way.leave(way.middleware.len(), head, &passage, response).await;
        if head.method == Method::HEAD { without_body(response) } else { response }
    }

    /// Starts the function of an exchange. Where code has to be loaded for it, that happens elsewhere.
    fn execute(&self, function: &Function, exchange: &Arc<Exchange>) {
        let (core, http, exchange) = (Arc::clone(&self.core), Arc::clone(&self.http), Arc::clone(exchange));
        if function.is_known.load(Ordering::Acquire) {
            match core.entries.callable(&core, &function.id) {
                Ok(callable) if callable.entry.starts_at_once() => return begin(&core, http, callable, exchange),
                Ok(callable) => _ = tokio::task::spawn_blocking(move || begin(&core, http, callable, exchange)),
                Err(_) => exchange.finish(true),
            }
            return;
        }
        function.is_known.store(true, Ordering::Release);
        let id = function.id.clone();
        tokio::task::spawn_blocking(move || match core.entries.callable(&core, &id) {
            Ok(callable) => begin(&core, http, callable, exchange),
            Err(_) => exchange.finish(true),
        });
    }
}

/// The way that a request of another method would take, about which a browser asks beforehand.
fn preflight<'a>(routes: &'a Routes<Way>, head: &Parts) -> Option<&'a Way> {
    let wanted = head.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    let wanted = Method::from_bytes(wanted.as_bytes()).ok()?;
    match routes.find(&wanted, head.uri.path()) {
        Match::Found(way, _) if head.method == Method::OPTIONS => Some(way),
        _ => None,
    }
}

/// Begins the execution that answers a request.
fn begin(core: &Arc<RuntimeCore>, http: Arc<Http>, callable: Callable, exchange: Arc<Exchange>) {
    let inherited = Inheritance { context: None, identity: exchange.identity.clone() };
    let pid: Arc<OnceLock<Pid>> = Arc::default();
    let (known, over, table) = (Arc::clone(&pid), Arc::clone(&exchange), Arc::clone(&http));
    let prepare = Box::new(move |new: Pid| {
        // It is called once.
        let _ = pid.set(new);
        http.exchanges.lock().insert(new, exchange);
    });
    let then: OnExit = Box::new(move |outcome| {
        if let Some(pid) = known.get() {
            table.exchanges.lock().remove(pid);
        }
        over.finish(outcome.is_err());
    });
    call::start_for_host(core, callable, Parcel::Empty, inherited, prepare, then);
}

fn other_methods(methods: &[Method]) -> Response<Outgoing> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED);
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    if let Ok(names) = HeaderValue::from_str(&names.join(", ")) {
        response.headers_mut().insert(header::ALLOW, names);
    }
    response
}

/// The answer to HEAD: it tells the length and keeps the body.
fn without_body(response: Response<Outgoing>) -> Response<Outgoing> {
    let (mut head, mut body) = response.into_parts();
    if let Some(len) = body.size_hint().exact() {
        head.headers.entry(header::CONTENT_LENGTH).or_insert_with(|| len.into());
    } else {
        // The function goes on as if it was heard.
        tokio::spawn(async move { while let Some(Ok(_)) = body.frame().await {} });
    }
    Response::from_parts(head, whole(""))
}

/// How many requests of a connection are being answered, and since when none.
struct Activity {
    requests: AtomicUsize,
    began: Instant,
    /// When the last request ended, in milliseconds after the beginning.
    last: AtomicU64,
}

/// A request that is being answered.
struct Busy(Arc<Activity>);

impl Activity {
    fn new() -> Arc<Activity> {
        Arc::new(Activity { requests: AtomicUsize::new(0), began: Instant::now(), last: AtomicU64::new(0) })
    }

    fn begin(self: &Arc<Self>) -> Busy {
        self.requests.fetch_add(1, Ordering::AcqRel);
        Busy(Arc::clone(self))
    }

    /// Waits until there has been no request for so long.
    async fn idle_for(&self, limit: Duration) {
        loop {
            let due = self.began + Duration::from_millis(self.last.load(Ordering::Acquire)) + limit;
            if self.requests.load(Ordering::Acquire) > 0 {
                sleep(limit).await;
            } else if due > Instant::now() {
                sleep_until(due).await;
            } else {
                return;
            }
        }
    }
}

impl Busy {
    /// Keeps the request counted until its response has been sent.
    fn until_sent(self, body: Outgoing) -> Outgoing {
        Counted { body, _busy: self }.boxed_unsync()
    }
}

/// The body of a response, as it is; its request counts as long as it exists.
struct Counted {
    body: Outgoing,
    _busy: Busy,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let now = u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.last.store(now, Ordering::Release);
        self.0.requests.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_to_listen_at() {
        for (text, expected) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            (":8080", "0.0.0.0:8080"),
            ("localhost:0", "127.0.0.1:0"),
            ("[::1]:443", "[::1]:443"),
        ] {
            assert_eq!(listen_address(text), Ok(expected.parse().expect("an address")), "{text}");
        }
        for wrong in ["", "80", "127.0.0.1", "host.test:80", "127.0.0.1:x", "127.0.0.1:70000"] {
            assert!(listen_address(wrong).is_err(), "{wrong}");
        }
    }
}

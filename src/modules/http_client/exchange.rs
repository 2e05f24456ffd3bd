//! From a request to its response: permissions, connection, redirects.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Body;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use tokio::time::timeout;
use url::{Position, Url};

use super::body::ResponseBody;
use super::pool::{Connection, Pool, RequestBody, Route};
use crate::modules::net::dial::{Place, Secure, dial, server_name};
use crate::modules::net::resolve::Resolver;
use crate::modules::net::tls::{TlsOptions, TlsSettings};
use crate::modules::net::{address, timed_out, unavailable};
use crate::runtime::access::Access;
use crate::runtime::driver::Driver;
use crate::runtime::errors::{ErrorData, INVALID, NOT_FOUND};

const MOST_REDIRECTS: u32 = 10;
/// The body of a redirect is read up to this length for the sake of the connection.
const SHORT_BODY: u64 = 16 * 1024;

const REQUEST: &str = "http_client.request";
const PRIVATE_IP: &str = "http_client.private_ip";

/// What a runtime keeps for its requests.
pub struct Client {
    pool: Arc<Pool>,
    resolver: Resolver,
    tls: TlsSettings,
}

/// A request with everything that says how it is made.
#[derive(Clone)]
pub struct Order {
    /// What the caller may do.
    pub access: Access,
    /// The method.
    pub method: Method,
    /// Without user and password.
    pub url: Url,
    /// All headers but those that follow from the rest.
    pub headers: HeaderMap,
    /// The body; a request without one says nothing of its length.
    pub body: Option<Bytes>,
    /// How long it may take.
    pub timeout: Duration,
    /// The longest body; `None` leaves the body to the caller.
    pub most_body: Option<u64>,
    /// A socket to connect to instead of the host.
    pub socket: Option<std::path::PathBuf>,
    /// Settings of TLS.
    pub tls: TlsOptions,
    /// A network to dial through.
    pub overlay: Option<Box<str>>,
}

/// What has come back.
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers, without those that told about an encoding that was undone.
    pub headers: HeaderMap,
    /// Where the response came from, after redirects.
    pub url: Url,
    /// The body.
    pub body: ReplyBody,
}

/// The body of a [`Reply`].
pub enum ReplyBody {
    /// All of it.
    Whole(Vec<u8>),
    /// Still to be read.
    Open(Box<ResponseBody>),
}

impl Order {
    /// Checks what can be checked before anything is sent.
    ///
    /// # Errors
    /// `PermissionDenied`; `NotFound` for an unknown network.
    pub fn check(&self) -> Result<(), ErrorData> {
        self.access.check(REQUEST, self.url.as_str())?;
        if let Some(socket) = &self.socket {
            self.access.check("http_client.unix_socket", &socket.to_string_lossy())?;
        }
        if self.tls.insecure {
            self.access.check("http_client.insecure_tls", self.url.as_str())?;
        }
        if let Some(network) = &self.overlay {
            self.access.check("network.select", network)?;
            return Err(ErrorData::judged(NOT_FOUND, &format!("network not found: {network}"), false));
        }
        Ok(())
    }

    fn route(&self) -> Result<Route, ErrorData> {
        let host = self.url.host_str().unwrap_or_default();
        let secure = self.url.scheme() == "https";
        let place = match &self.socket {
            Some(path) => Place::Socket(path.clone()),
            None => Place::Port(host.into(), self.url.port_or_known_default().unwrap_or(80)),
        };
        let name = self.tls.server_name.as_deref().unwrap_or(host);
        Ok(Route { place, tls: secure.then(|| (self.tls.clone(), name.into())) })
    }

    /// The request as it goes over a connection.
    fn request(&self, http2: bool) -> Result<Request<RequestBody>, ErrorData> {
        let invalid = |what: &str| ErrorData::judged(INVALID, what, false);
        let mut headers = self.headers.clone();
        let authority = &self.url[Position::BeforeHost..Position::AfterPort];
        let host = headers.remove(header::HOST);
        let target = &self.url[Position::BeforePath..Position::AfterQuery];
        let uri = if http2 {
            // The host is part of the address there.
            let authority = host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or(authority);
            format!("{}://{authority}{target}", self.url.scheme())
        } else {
            let host = host.map_or_else(|| HeaderValue::from_str(authority), Ok);
            headers.insert(header::HOST, host.map_err(|_| invalid("url: malformed host"))?);
            target.to_owned()
        };
        let body = self.body.clone().unwrap_or_default();
        if self.body.is_some() || matches!(self.method, Method::POST | Method::PUT | Method::PATCH) {
            headers.insert(header::CONTENT_LENGTH, body.len().into());
        }
        let mut request = Request::new(RequestBody::new(body));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri.parse::<Uri>().map_err(|_| invalid("malformed url"))?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Whether the request may be made twice without the server noticing a difference.
    fn is_repeatable(&self) -> bool {
        self.method.is_idempotent()
    }

    /// Turns into the request that a redirect asks for.
    ///
    /// # Errors
    /// `Unavailable` if it leads nowhere, `PermissionDenied`
    fn follow(&mut self, status: StatusCode, location: &HeaderValue) -> Result<(), ErrorData> {
        let nowhere = || unavailable(format!("{}: malformed redirect", self.url));
        let location = String::from_utf8_lossy(location.as_bytes());
        let mut url = self.url.join(&location).map_err(|_| nowhere())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ErrorData::judged(
                crate::runtime::errors::UNAVAILABLE,
                &format!("{}: redirect to another scheme: {}", self.url, url.scheme()),
                true,
            ));
        }
        forget_user(&mut url);
        let same_host = url.host_str() == self.url.host_str()
            && url.port_or_known_default() == self.url.port_or_known_default()
            && url.scheme() == self.url.scheme();
        if !same_host {
            for name in [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION, header::HOST] {
                self.headers.remove(name);
            }
        }
        let becomes_get = match status {
            StatusCode::SEE_OTHER | StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => {
                !matches!(self.method, Method::GET | Method::HEAD)
            }
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
            self.body = None;
            for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE] {
                self.headers.remove(name);
            }
        }
        self.url = url;
        self.access.check(REQUEST, self.url.as_str())?;
        if self.tls.insecure {
            self.access.check("http_client.insecure_tls", self.url.as_str())?;
        }
        Ok(())
    }
}

/// Takes user and password out of a url, which is shown in messages.
pub fn forget_user(url: &mut Url) {
    // Only a url without a host refuses, and that has no user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
}

impl Client {
    /// The client of a runtime.
    pub fn new(driver: &Arc<dyn Driver>) -> Client {
        Client { pool: Pool::new(), resolver: Resolver::new(Arc::clone(driver)), tls: TlsSettings::default() }
    }

    /// Checks the settings of TLS, also where they are not needed.
    ///
    /// # Errors
    /// `Invalid`; `Unavailable` on a processor without cryptography.
    pub fn prepare(&self, order: &Order) -> Result<(), ErrorData> {
        if order.url.scheme() == "https" || order.tls != TlsOptions::default() {
            self.tls.get(&order.tls, true)?;
        }
        if let Some(name) = &order.tls.server_name {
            server_name(name)?;
        }
        Ok(())
    }

    /// Makes a request that has been checked.
    ///
    /// # Errors
    /// See `modules.md` §3.7.
    pub async fn run(&self, order: Order) -> Result<Reply, ErrorData> {
        let (limit, url) = (order.timeout, order.url.clone());
        let late = |_| timed_out(format!("{} {url}: no complete response within {limit:?}", order.method));
        timeout(limit, self.exchange(order.clone())).await.map_err(late)?
    }

    async fn exchange(&self, mut order: Order) -> Result<Reply, ErrorData> {
        let offers_gzip = !order.headers.contains_key(header::ACCEPT_ENCODING);
        if offers_gzip {
            order.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        for _ in 0..=MOST_REDIRECTS {
            let (response, connection) = self.send(&order).await?;
            let (mut head, incoming) = response.into_parts();
            let gzip = offers_gzip && !incoming.is_end_stream() && is_gzip(&head.headers);
            let mut body = ResponseBody::new(incoming, connection, gzip);
            if let Some(location) = redirect(head.status, &head.headers) {
                order.follow(head.status, location)?;
                // A body that is long or broken costs the connection and nothing else.
                let _ = body.read_all(SHORT_BODY).await;
                continue;
            }
            if gzip {
                for name in [header::CONTENT_ENCODING, header::CONTENT_LENGTH] {
                    head.headers.remove(name);
                }
            }
            let body = match order.most_body {
                // Some servers send a body all the same.
                Some(_) if order.method == Method::HEAD => {
                    let _ = body.read_all(0).await;
                    ReplyBody::Whole(Vec::new())
                }
                Some(most) => ReplyBody::Whole(body.read_all(most).await?),
                None => ReplyBody::Open(Box::new(body)),
            };
            return Ok(Reply { status: head.status, headers: head.headers, url: order.url, body });
        }
        Err(unavailable(format!("{}: too many redirects (more than {MOST_REDIRECTS})", order.url)))
    }

    /// Sends a request over a connection that is there already, or a new one.
    async fn send(&self, order: &Order) -> Result<(Response<hyper::body::Incoming>, Connection), ErrorData> {
        let route = order.route()?;
        loop {
            let known = self.pool.take(&route);
            let is_new = known.is_none();
            let mut connection = match known {
                Some(connection) => {
                    if let Some(peer) = connection.peer {
                        address::check(&order.access, PRIVATE_IP, peer)?;
                    }
                    connection
                }
                None => self.connect(order, &route).await?,
            };
            let request = order.request(connection.is_http2())?;
            match connection.send(request).await {
                Ok(response) => return Ok((response, connection)),
                // The server may have closed an idle connection just now.
                Err(failure) if !is_new && (failure.unsent || order.is_repeatable()) => {}
                Err(failure) => return Err(exchange_failure(&order.url, &failure.error)),
            }
        }
    }

    async fn connect(&self, order: &Order, route: &Route) -> Result<Connection, ErrorData> {
        let secure = match &route.tls {
            Some((options, name)) => Some(Secure::new(self.tls.get(options, true)?, name)?),
            None => None,
        };
        let connected = dial(&self.resolver, &order.access, PRIVATE_IP, &route.place, secure).await?;
        self.pool.adopt(route.clone(), connected).await.map_err(|error| exchange_failure(&order.url, &error))
    }
}

fn exchange_failure(url: &Url, error: &hyper::Error) -> ErrorData {
    use std::error::Error;
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    unavailable(format!("{url}: {error}{cause}"))
}

/// Where a response leads to, if it is a redirect.
fn redirect(status: StatusCode, headers: &HeaderMap) -> Option<&HeaderValue> {
    match status.as_u16() {
        301 | 302 | 303 | 307 | 308 => headers.get(header::LOCATION),
        _ => None,
    }
}

fn is_gzip(headers: &HeaderMap) -> bool {
    let encoding: &HeaderName = &header::CONTENT_ENCODING;
    headers.get(encoding).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"gzip"))
}

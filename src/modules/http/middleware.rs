//! What requests pass on the way to their function, and responses on the way back.
//!
//! | name | what it does |
//! | --- | --- |
//! | `cors` | tells browsers which other sites may ask |
//! | `ratelimit` | refuses clients that ask too often |
//! | `compress` | compresses responses |
//! | `real_ip` | believes proxies about the address of the client |
//! | `sendfile` | sends the files that functions name |
//! | `token_auth` | finds out on whose behalf a request comes |
//! | `metrics` | counts requests and how long they take |
//!
//! Behind the routes there may be firewalls, which ask whether the function may be reached at all, see
//! [`firewall`](super::firewall), and relays.
//!
//! Options are texts under `<name>.<option>`, as entries have them; only the folder of `sendfile`, which is a volume there,
//! is a path here.

mod compress;
mod cors;
mod metrics;
mod ratelimit;
mod real_ip;
mod sendfile;
mod token_auth;

use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashMap;
use hyper::Response;
use hyper::http::request::Parts;
use tokio::time::Instant;

use super::exchange::Outgoing;
use super::relay::{Origins, Relay};
use crate::runtime::core::RuntimeCore;
use crate::runtime::identity::Identity;

use self::compress::Compress;
use self::cors::Cors;
use self::metrics::Metrics;
use self::ratelimit::RateLimit;
use self::real_ip::RealIp;
use self::sendfile::SendFile;
use self::token_auth::TokenAuth;

/// One kind of middleware with its options.
pub enum Middleware {
    #[allow(missing_docs)]
    Cors(Cors),
    #[allow(missing_docs)]
    RateLimit(RateLimit),
    #[allow(missing_docs)]
    Compress(Compress),
    #[allow(missing_docs)]
    RealIp(RealIp),
    #[allow(missing_docs)]
    SendFile(SendFile),
    #[allow(missing_docs)]
    TokenAuth(TokenAuth),
    #[allow(missing_docs)]
    Metrics(Metrics),
}

/// What middleware finds out about a request.
pub struct Passage<'a> {
    /// The runtime.
    pub core: &'a Arc<RuntimeCore>,
    /// When the request came.
    pub began: Instant,
    /// The address of the client.
    pub client: IpAddr,
    /// On whose behalf it comes.
    pub identity: Option<Arc<Identity>>,
}

impl Passage<'_> {
    /// At first the client is who has connected.
    pub fn new(core: &Arc<RuntimeCore>, client: IpAddr) -> Passage<'_> {
        Passage { core, began: Instant::now(), client: client.to_canonical(), identity: None }
    }
}

/// The options of one kind of middleware.
pub(super) struct Options<'a> {
    pub(super) name: &'a str,
    pub(super) all: &'a HashMap<String, String>,
}

impl Options<'_> {
    pub(super) fn get(&self, option: &str) -> Option<&str> {
        self.all.get(&format!("{}.{option}", self.name)).map(String::as_str)
    }

    /// An option that is not just text.
    fn parsed<T>(&self, option: &str, default: T, parse: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        match self.get(option) {
            None => Ok(default),
            Some(text) => parse(text).ok_or_else(|| format!("{}.{option}: cannot be {text:?}", self.name)),
        }
    }

    /// The items of an option that is a list with commas.
    fn list(&self, option: &str, default: &str) -> Vec<String> {
        let text = self.get(option).unwrap_or(default);
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }
}

impl Relay {
    /// The relay of a name.
    ///
    /// # Errors
    /// If there is none.
    pub fn new(name: &str, options: &HashMap<String, String>) -> Result<Relay, String> {
        let origins = |name| Origins::new(Options { name, all: options }.list("allowed.origins", ""));
        match name {
            "websocket_relay" => Ok(Relay::WebSocket(origins("wsrelay"))),
            "sse_relay" => Ok(Relay::Events(origins("sserelay"))),
            _ => Err(format!("unknown middleware: {name}")),
        }
    }
}

impl Middleware {
    /// The middleware of a name.
    ///
    /// # Errors
    /// If there is none, or an option of it makes no sense.
    pub fn new(name: &str, options: &HashMap<String, String>) -> Result<Middleware, String> {
        let options = Options { name, all: options };
        Ok(match name {
            "cors" => Middleware::Cors(Cors::new(&options)?),
            "ratelimit" => Middleware::RateLimit(RateLimit::new(&options)?),
            "compress" => Middleware::Compress(Compress::new(&options)?),
            "real_ip" => Middleware::RealIp(RealIp::new(&options)?),
            "sendfile" => Middleware::SendFile(SendFile::new(&options)?),
            "token_auth" => Middleware::TokenAuth(TokenAuth::new(&options)?),
            "metrics" => Middleware::Metrics(Metrics),
            _ => return Err(format!("unknown middleware: {name}")),
        })
    }

    /// Looks at a request; may answer it right away.
    pub(super) async fn before(&self, head: &Parts, passage: &mut Passage<'_>) -> Option<Response<Outgoing>> {
        match self {
            Middleware::Cors(cors) => cors.preflight(head),
            Middleware::RateLimit(limit) => limit.check(head, passage.client),
            Middleware::RealIp(real_ip) => {
                passage.client = real_ip.client(&head.headers, passage.client);
                None
            }
            Middleware::TokenAuth(tokens) => {
                tokens.identify(head, passage).await;
                None
            }
            Middleware::Compress(_) | Middleware::SendFile(_) | Middleware::Metrics(_) => None,
        }
    }

    /// Looks at the response to a request.
    pub(super) async fn after(
        &self,
        head: &Parts,
        passage: &Passage<'_>,
        response: Response<Outgoing>,
    ) -> Response<Outgoing> {
        match self {
            Middleware::Cors(cors) => cors.mark(head, response),
            Middleware::Compress(compress) => compress.apply(head, response),
            Middleware::SendFile(files) => files.replace(head, response).await,
            Middleware::Metrics(metrics) => metrics.note(head, passage, response),
            Middleware::RateLimit(_) | Middleware::RealIp(_) | Middleware::TokenAuth(_) => response,
        }
    }
}

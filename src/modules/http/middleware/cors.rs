//! Cross-origin requests: which other sites a browser may let ask.

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use super::Options;
use crate::modules::http::exchange::{Outgoing, whole};
use crate::modules::http::relay::Origins;

/// Options of `cors`.
pub struct Cors {
    origins: Origins,
    methods: HeaderValue,
    headers: HeaderValue,
    exposed: Option<HeaderValue>,
    credentials: bool,
    max_age: HeaderValue,
}

const METHODS: &str = "GET,POST,PUT,DELETE,OPTIONS,PATCH";
const HEADERS: &str = "Origin,Content-Type,Accept,Authorization,X-Requested-With";

impl Cors {
    pub(super) fn new(options: &Options<'_>) -> Result<Cors, String> {
        let value = |text: &str| HeaderValue::from_str(text).ok();
        let header = |option, default: &'static str| options.parsed(option, HeaderValue::from_static(default), value);
        Ok(Cors {
            origins: Origins::new(options.list("allow.origins", "*")),
            methods: header("allow.methods", METHODS)?,
            headers: header("allow.headers", HEADERS)?,
            exposed: options.parsed("expose.headers", None, |text| value(text).map(Some))?,
            credentials: options.parsed("allow.credentials", false, |text| text.parse().ok())?,
            max_age: options.parsed("max.age", HeaderValue::from_static("86400"), |text| {
                text.parse::<u32>().ok().map(HeaderValue::from)
            })?,
        })
    }

    /// The answer to the question whether a request may be made.
    pub(super) fn preflight(&self, head: &Parts) -> Option<Response<Outgoing>> {
        if head.method != Method::OPTIONS || !head.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        self.origins.find(&head.headers)?;
        let mut response = self.mark(head, Response::new(whole("")));
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, self.headers.clone());
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        Some(response)
    }

    /// Says in a response who may see it.
    pub(super) fn mark(&self, head: &Parts, mut response: Response<Outgoing>) -> Response<Outgoing> {
        let Some(origin) = self.origins.find(&head.headers) else { return response };
        let headers = response.headers_mut();
        let mut set = |name: HeaderName, value: HeaderValue| _ = headers.insert(name, value);
        set(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if let Some(exposed) = &self.exposed {
            set(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
        if self.credentials {
            set(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        response
    }
}

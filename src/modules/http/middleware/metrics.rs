//! Counts requests and how long they take, for the module `metrics`.

use hyper::Response;
use hyper::http::request::Parts;

use super::Passage;
use crate::modules::http::exchange::Outgoing;
use crate::modules::metrics::{Labels, Metrics as Registry};

/// The middleware `metrics`; it has no options.
pub struct Metrics;

const REQUESTS: &str = "http_requests_total";
const DURATION: &str = "http_request_duration_seconds";

impl Metrics {
    /// Notes a request that was answered.
    pub(super) fn note(&self, head: &Parts, passage: &Passage<'_>, response: Response<Outgoing>) -> Response<Outgoing> {
        if let Some(registry) = passage.core.modules.of_type::<Registry>() {
            let method = ("method".to_owned(), head.method.to_string());
            let status = ("status".to_owned(), response.status().as_str().to_owned());
            // A program that uses these names for something else gets no counts.
            let _ = registry.count(REQUESTS, 1.0, Labels::from_iter([method.clone(), status]));
            let _ = registry.observe(DURATION, passage.began.elapsed().as_secs_f64(), Labels::from_iter([method]));
        }
        response
    }
}

//! Limits how often a client may ask: each has a bucket of tokens that fills up again evenly.

use std::net::IpAddr;
use std::time::Duration;

use hashbrown::HashMap;
use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::Options;
use crate::modules::http::exchange::{Outgoing, plain};
use crate::modules::http_client::uri;
use crate::runtime::time;

/// Options of `ratelimit`, and the buckets.
pub struct RateLimit {
    /// In which time a token comes back.
    interval: Duration,
    /// How many tokens a bucket holds.
    burst: f64,
    key: Key,
    most_entries: usize,
    buckets: Mutex<HashMap<Vec<u8>, Bucket>>,
}

/// What tells clients apart.
enum Key {
    Address,
    Header(HeaderName),
    Query(String),
}

struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl RateLimit {
    pub(super) fn new(options: &Options<'_>) -> Result<RateLimit, String> {
        let positive = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0);
        let requests = options.parsed("requests", 100, positive)?;
        let window = options.parsed("window", Duration::from_secs(60), |text| {
            time::Duration::parse(text.as_bytes()).map(time::Duration::to_std).filter(|window| !window.is_zero())
        })?;
        let key = options.parsed("key", Key::Address, |text| match text.split_once(':') {
            None if text == "ip" => Some(Key::Address),
            Some(("header", name)) => HeaderName::from_bytes(name.as_bytes()).ok().map(Key::Header),
            Some(("query", name)) if !name.is_empty() => Some(Key::Query(name.to_owned())),
            _ => None,
        })?;
        Ok(RateLimit {
            interval: window / requests,
            burst: f64::from(options.parsed("burst", 20, positive)?),
            key,
            most_entries: options.parsed("max_entries", 100_000, positive)? as usize,
            buckets: Mutex::default(),
        })
    }

    /// Refuses a request of a client whose bucket is empty.
    pub(super) fn check(&self, head: &Parts, client: IpAddr) -> Option<Response<Outgoing>> {
        let wait = self.take(&self.key_of(head, client), Instant::now())?;
        let mut response = plain(StatusCode::TOO_MANY_REQUESTS);
        let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        Some(response)
    }

    /// What the client is known by. Those without the header or the query share one bucket for each address.
    fn key_of(&self, head: &Parts, client: IpAddr) -> Vec<u8> {
        let given = match &self.key {
            Key::Address => None,
            Key::Header(name) => head.headers.get(name).map(|value| value.as_bytes().to_vec()),
            Key::Query(name) => {
                let pairs = head.uri.query().unwrap_or_default().split('&');
                let mut values = pairs.filter_map(|pair| pair.split_once('=').filter(|(key, _)| key == name));
                values.next().and_then(|(_, value)| uri::decode(value.as_bytes()))
            }
        };
        match given {
            Some(given) => [b"=", &*given].concat(),
            None => client.to_string().into_bytes(),
        }
    }

    /// Takes a token; if there is none, answers how long it takes until there is.
    fn take(&self, key: &[u8], now: Instant) -> Option<Duration> {
        let mut buckets = self.buckets.lock();
        if buckets.len() >= self.most_entries && !buckets.contains_key(key) {
            // Full buckets are as good as none. If all are in use, somebody makes keys up: begin anew.
            let is_in_use = |bucket: &Bucket| bucket.tokens + self.gained(bucket, now) < self.burst;
            buckets.retain(|_, bucket| is_in_use(bucket));
            if buckets.len() >= self.most_entries {
                buckets.clear();
            }
        }
        let bucket = buckets.entry_ref(key).or_insert_with(|| Bucket { tokens: self.burst, filled: now });
        bucket.tokens = (bucket.tokens + self.gained(bucket, now)).min(self.burst);
        bucket.filled = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return None;
        }
        Some(self.interval.mul_f64(1.0 - bucket.tokens))
    }

    fn gained(&self, bucket: &Bucket, now: Instant) -> f64 {
        (now - bucket.filled).as_secs_f64() / self.interval.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_evenly() {
        let options: HashMap<String, String> =
            [("requests", "2"), ("window", "1s"), ("burst", "3"), ("max_entries", "2")]
                .map(|(name, value)| (format!("ratelimit.{name}"), value.to_owned()))
                .into();
        let limit = RateLimit::new(&Options { name: "ratelimit", all: &options }).expect("good options");
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        for _ in 0..3 {
            assert_eq!(limit.take(b"a", start), None);
        }
        assert_eq!(limit.take(b"a", start), Some(Duration::from_millis(500)));
        assert_eq!(limit.take(b"b", start), None, "others are not concerned");
        assert_eq!(limit.take(b"a", at(400)), Some(Duration::from_millis(100)));
        assert_eq!(limit.take(b"a", at(500)), None);
        for key in [b"c", b"d", b"e"] {
            assert_eq!(limit.take(key, at(500)), None);
            assert!(limit.buckets.lock().len() <= 2);
        }
    }
}

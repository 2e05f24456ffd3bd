//! Compresses responses with gzip, as they go out.

use std::io::{self, Write};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response};

use super::Options;
use crate::modules::http::exchange::Outgoing;

/// Options of `compress`.
pub struct Compress {
    level: Compression,
    /// Shorter bodies are left alone.
    least: u64,
}

impl Compress {
    pub(super) fn new(options: &Options<'_>) -> Result<Compress, String> {
        let level = options.parsed("level", 6, |text| match text {
            "fastest" => Some(1),
            "default" => Some(6),
            "best" => Some(9),
            text => text.parse().ok().filter(|level| (1..=9).contains(level)),
        })?;
        let least = options.parsed("min.length", 1024, |text| text.parse().ok())?;
        Ok(Compress { level: Compression::new(level), least })
    }

    /// Compresses a response if the client takes it and it is worth it.
    pub(super) fn apply(&self, asked: &Parts, mut response: Response<Outgoing>) -> Response<Outgoing> {
        if !is_text(&response) {
            return response;
        }
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        let long = response.body().size_hint().exact().is_none_or(|len| len >= self.least);
        let plain = !response.headers().contains_key(header::CONTENT_ENCODING);
        // A part of a file is a part of the file as it is.
        let is_all = response.status() != 206;
        if !long || !plain || !is_all || !accepts(asked) || asked.method == Method::HEAD {
            return response;
        }
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response.headers_mut().remove(header::CONTENT_LENGTH);
        let level = self.level;
        response.map(|body| {
            Gzip { body, encoder: Some(GzEncoder::new(Vec::new(), level)), unflushed: false }.boxed_unsync()
        })
    }
}

fn accepts(asked: &Parts) -> bool {
    let lists = asked.headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|item| {
        let (name, quality) = item.split_once(';').unwrap_or((item, ""));
        let refused = quality.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0);
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

/// Whether the type of a response is one that becomes shorter.
fn is_text(response: &Response<Outgoing>) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let bare = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    // Events must not wait for more of them.
    (bare.starts_with("text/") && bare != "text/event-stream")
        || bare.ends_with("+json")
        || bare.ends_with("+xml")
        || matches!(bare, "application/json" | "application/javascript" | "application/xml" | "application/wasm")
}

/// A body that is compressed on its way.
struct Gzip {
    body: Outgoing,
    /// Gone at the end.
    encoder: Option<GzEncoder<Vec<u8>>>,
    /// Whether the encoder may hold something back.
    unflushed: bool,
}

impl Body for Gzip {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        loop {
            let Some(encoder) = &mut this.encoder else { return Poll::Ready(None) };
            let frame = match Pin::new(&mut this.body).poll_frame(context) {
                // What the function has flushed is not held back here.
                Poll::Pending if mem::take(&mut this.unflushed) => {
                    let flushed = encoder.flush().map(|()| Frame::data(mem::take(encoder.get_mut()).into()));
                    return Poll::Ready(Some(flushed));
                }
                Poll::Pending => return Poll::Pending,
                Poll::Ready(frame) => frame,
            };
            match frame {
                None => {
                    let rest = this.encoder.take().map_or(Ok(Vec::new()), GzEncoder::finish);
                    return Poll::Ready(Some(rest.map(|rest| Frame::data(rest.into()))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    if let Err(error) = encoder.write_all(&data) {
                        return Poll::Ready(Some(Err(error)));
                    }
                    this.unflushed = true;
                    let bytes = mem::take(encoder.get_mut());
                    if !bytes.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(bytes.into()))));
                    }
                }
            }
        }
    }
}

//! One request and its response, between the connection and the process that answers.
//!
//! The response begins in a buffer. Small ones stay there until the process ends, and go out with their length. What does
//! not fit, or is flushed, goes to the connection through a short queue; when that is full, the process waits for the
//! client. Once the first piece has gone out, status and headers are settled.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::route::Param;
use crate::modules::fields::invalid;
use crate::modules::net::timed_out;
use crate::runtime::errors::{CANCELED, ErrorData};
use crate::runtime::identity::Identity;

/// The body of a response.
pub type Outgoing = UnsyncBoxBody<Bytes, io::Error>;

/// What is collected before it is sent.
const BUFFER: usize = 32 * 1024;
/// Pieces on their way to the connection.
const QUEUE: usize = 4;

/// See the module header.
pub struct Exchange {
    /// Method, target, headers.
    pub head: Parts,
    /// What the path had for the parameters of the route.
    pub params: Vec<Param>,
    /// Where the request comes from.
    pub remote: SocketAddr,
    /// On whose behalf it is answered.
    pub identity: Option<Arc<Identity>>,
    body: tokio::sync::Mutex<RequestBody>,
    draft: Mutex<Draft>,
    /// Set when the body of the response ends before it is complete.
    broken: AtomicBool,
}

/// The body of a request.
struct RequestBody {
    incoming: Option<Incoming>,
    /// All of it, once it was asked for.
    whole: Option<Bytes>,
}

/// How the body of a response is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transfer {
    /// Whole, if it is small.
    Plain,
    /// Bit by bit.
    Chunked,
    /// As events.
    Events,
}

/// A response that is being made.
struct Draft {
    status: StatusCode,
    headers: HeaderMap,
    transfer: Transfer,
    buffer: Vec<u8>,
    outlet: Outlet,
}

/// Where a response goes.
enum Outlet {
    /// It has not begun.
    Response(oneshot::Sender<Response<Outgoing>>),
    /// Pieces of its body.
    Pieces(mpsc::Sender<Bytes>),
    /// The process has ended.
    Nowhere,
}

impl Outlet {
    fn is_closed(&self) -> bool {
        match self {
            Outlet::Response(sender) => sender.is_closed(),
            Outlet::Pieces(queue) => queue.is_closed(),
            Outlet::Nowhere => true,
        }
    }
}

/// What goes out next, and where.
pub struct Piece {
    queue: mpsc::Sender<Bytes>,
    bytes: Bytes,
}

fn gone() -> ErrorData {
    ErrorData::judged(CANCELED, "the client has gone away", false)
}

fn begun() -> ErrorData {
    invalid("the response has begun")
}

impl Exchange {
    /// An exchange for a request, and where its response will arrive.
    pub fn new(
        head: Parts,
        body: Incoming,
        params: Vec<Param>,
        remote: SocketAddr,
        identity: Option<Arc<Identity>>,
    ) -> (Arc<Exchange>, oneshot::Receiver<Response<Outgoing>>) {
        let (sender, response) = oneshot::channel();
        let incoming = (!body.is_end_stream()).then_some(body);
        let exchange = Exchange {
            head,
            params,
            remote,
            identity,
            body: tokio::sync::Mutex::new(RequestBody { incoming, whole: None }),
            draft: Mutex::new(Draft {
                status: StatusCode::OK,
                headers: HeaderMap::new(),
                transfer: Transfer::Plain,
                buffer: Vec::new(),
                outlet: Outlet::Response(sender),
            }),
            broken: AtomicBool::new(false),
        };
        (Arc::new(exchange), response)
    }

    // ---- the request

    /// The length of the body, if it is announced.
    pub fn content_length(&self) -> Option<u64> {
        self.head.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    /// Whether there is a body.
    pub fn has_body(&self) -> bool {
        match self.content_length() {
            Some(len) => len > 0,
            None => self.body.try_lock().map_or(true, |body| body.incoming.is_some() || body.whole.is_some()),
        }
    }

    /// All of the body.
    ///
    /// # Errors
    /// `Invalid` if there is none, it is longer than `most`, or it was taken as a stream; `Timeout`.
    pub async fn read_body(&self, most: u64, limit: Duration) -> Result<Bytes, ErrorData> {
        let mut body = self.body.lock().await;
        if let Some(whole) = &body.whole {
            return Ok(whole.clone());
        }
        let too_large = || invalid(format!("request body too large: more than {most} bytes"));
        if self.content_length().is_some_and(|len| len > most) {
            return Err(too_large());
        }
        let Some(mut incoming) = body.incoming.take() else { return Err(invalid("no request body")) };
        let read = async {
            let mut all = Vec::new();
            while let Some(piece) = next_piece(&mut incoming).await? {
                if (all.len() + piece.len()) as u64 > most {
                    return Err(too_large());
                }
                all.extend_from_slice(&piece);
            }
            Ok(Bytes::from(all))
        };
        let whole = timeout(limit, read).await.map_err(|_| timed_out("the request body has not come in time"))??;
        body.whole = Some(whole.clone());
        Ok(whole)
    }

    /// The body, to be read piece by piece.
    ///
    /// # Errors
    /// `Invalid` if there is none, or it was taken before.
    pub fn take_body(&self) -> Result<Incoming, ErrorData> {
        let body = self.body.try_lock().ok().and_then(|mut body| body.incoming.take());
        body.ok_or_else(|| invalid("no request body, or it was taken before"))
    }

    // ---- the response

    /// Changes the status.
    ///
    /// # Errors
    /// `Invalid` once the response has begun, or if there is no such status.
    pub fn set_status(&self, status: i64) -> Result<(), ErrorData> {
        let mut draft = self.draft.lock();
        draft.check_unsent()?;
        let status = u16::try_from(status).ok().filter(|status| (200..=599).contains(status));
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        draft.status = status.ok_or_else(|| invalid("no such status"))?;
        Ok(())
    }

    /// Sets a header, replacing those of the same name.
    ///
    /// # Errors
    /// `Invalid` once the response has begun, or if it is no header.
    pub fn set_header(&self, name: &[u8], value: &[u8]) -> Result<(), ErrorData> {
        let mut draft = self.draft.lock();
        draft.check_unsent()?;
        let name = HeaderName::from_bytes(name).map_err(|_| invalid("not a header name"))?;
        // Connections and lengths are not the business of programs.
        if matches!(name, header::CONNECTION | header::TRANSFER_ENCODING | header::CONTENT_LENGTH) {
            return Err(invalid(format!("{name} is set by the server")));
        }
        let value = HeaderValue::from_bytes(value).map_err(|_| invalid("control characters in a header"))?;
        draft.headers.insert(name, value);
        Ok(())
    }

    /// Sets the content type unless it is set, or the response has begun.
    pub fn default_content_type(&self, value: &'static str) {
        let mut draft = self.draft.lock();
        if draft.check_unsent().is_ok() && !draft.headers.contains_key(header::CONTENT_TYPE) {
            draft.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
        }
    }

    /// Says how the body is sent.
    ///
    /// # Errors
    /// `Invalid` once the response has begun.
    pub fn set_transfer(&self, transfer: Transfer) -> Result<(), ErrorData> {
        let mut draft = self.draft.lock();
        if draft.transfer == transfer {
            return Ok(());
        }
        draft.check_unsent()?;
        draft.transfer = transfer;
        if transfer == Transfer::Events {
            draft.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            draft.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        Ok(())
    }

    /// Adds to the body. What is to be sent now is handed back; the rest waits for more.
    ///
    /// # Errors
    /// `Canceled` if the client has gone away.
    pub fn write(self: &Arc<Exchange>, bytes: &[u8], flush: bool) -> Result<Option<Piece>, ErrorData> {
        let mut draft = self.draft.lock();
        if draft.outlet.is_closed() {
            return Err(gone());
        }
        draft.buffer.extend_from_slice(bytes);
        if !flush && draft.buffer.len() < BUFFER {
            return Ok(None);
        }
        let bytes = Bytes::from(std::mem::take(&mut draft.buffer));
        let queue = match std::mem::replace(&mut draft.outlet, Outlet::Nowhere) {
            Outlet::Response(sender) => {
                let (queue, receiver) = mpsc::channel(QUEUE);
                let body = Pieces { receiver, exchange: Some(Arc::clone(self)) };
                let response = draft.response(body.boxed_unsync());
                sender.send(response).map_err(|_| gone())?;
                queue
            }
            Outlet::Pieces(queue) => queue,
            Outlet::Nowhere => return Err(gone()),
        };
        draft.outlet = Outlet::Pieces(queue.clone());
        // An empty piece would end nothing and say nothing.
        Ok((!bytes.is_empty()).then_some(Piece { queue, bytes }))
    }

    /// The process has ended: what is left goes out. A response that had not begun becomes an error if it has failed.
    pub fn finish(&self, failed: bool) {
        let mut draft = self.draft.lock();
        self.broken.store(failed, Ordering::Release);
        // The body ends when its queue is gone, and must know by then whether it is complete.
        let Outlet::Response(sender) = std::mem::replace(&mut draft.outlet, Outlet::Nowhere) else { return };
        let response = if failed {
            plain(StatusCode::INTERNAL_SERVER_ERROR)
        } else {
            let body = std::mem::take(&mut draft.buffer);
            draft.response(whole(body))
        };
        // The client may have gone away.
        let _ = sender.send(response);
    }
}

/// The next bytes of a body; `None` at the end.
pub async fn next_piece(incoming: &mut Incoming) -> Result<Option<Bytes>, ErrorData> {
    loop {
        match incoming.frame().await {
            None => return Ok(None),
            Some(Err(error)) => return Err(ErrorData::judged(CANCELED, &format!("request body: {error}"), false)),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if !data.is_empty() => return Ok(Some(data)),
                // Trailers are of no interest.
                _ => {}
            },
        }
    }
}

/// A body that is there.
pub fn whole(bytes: impl Into<Bytes>) -> Outgoing {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A response that says its status and nothing else.
pub fn plain(status: StatusCode) -> Response<Outgoing> {
    let mut response = Response::new(whole(status.canonical_reason().unwrap_or_default()));
    *response.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}

impl Draft {
    fn check_unsent(&self) -> Result<(), ErrorData> {
        if matches!(self.outlet, Outlet::Response(_)) && self.buffer.is_empty() { Ok(()) } else { Err(begun()) }
    }

    fn response(&mut self, body: Outgoing) -> Response<Outgoing> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = std::mem::take(&mut self.headers);
        response
    }
}

impl Piece {
    /// Waits until the connection takes the piece.
    ///
    /// # Errors
    /// `Canceled` if the client goes away.
    pub async fn send(self) -> Result<(), ErrorData> {
        self.queue.send(self.bytes).await.map_err(|_| gone())
    }
}

/// A body that comes piece by piece, and at last what is left in the buffer.
struct Pieces {
    receiver: mpsc::Receiver<Bytes>,
    /// Gone at the end.
    exchange: Option<Arc<Exchange>>,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.exchange.is_none() {
            return Poll::Ready(None);
        }
        match self.receiver.poll_recv(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Poll::Ready(None) => {
                let Some(exchange) = self.exchange.take() else { return Poll::Ready(None) };
                if exchange.broken.load(Ordering::Acquire) {
                    // The client must not take it for complete.
                    return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
                }
                let rest = std::mem::take(&mut exchange.draft.lock().buffer);
                Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest.into()))))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

//! What the well-behaved servers answer.
//!
//! | path | what |
//! | --- | --- |
//! | `/echo…` | the request as text: method and target, headers, an empty line, the body |
//! | `/status/N` | that status, with its number as body |
//! | `/redirect/N` | N redirects to `/hello` |
//! | `/to?CODE&URL` | a redirect of that status to a url |
//! | `/forbidden` | a redirect to `/refused` |
//! | `/site/…` | a few pages with links, good and bad |
//! | `/cookies` | two cookies |
//! | `/connection` | the number of the connection |
//! | `/bytes/N` | so many bytes |
//! | `/chunks/A/B/…` | the pieces, one after the other, without a length |
//! | `/gzip/TEXT` | the text, compressed whatever the client says |
//! | `/maybe-gzip/TEXT` | the text, compressed if the client accepts that |
//! | `/silent/KEY` | nothing, ever |
//! | `/stalled/KEY` | the first piece of a body, and then nothing |
//! | `/waiting/KEY` | how many of the last two with that key are being answered |
//! | anything else | `hello` |

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::Write;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body as _, Frame, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The pages, and who is waiting for one.
#[derive(Default)]
pub struct Pages {
    waiting: Mutex<HashMap<String, u32>>,
}

/// Somebody who waits under a key.
struct Waiting {
    pages: Arc<Pages>,
    key: String,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waiting = self.pages.waiting.lock().expect("nobody panics with the lock");
        *waiting.get_mut(&self.key).expect("noted before") -= 1;
    }
}

fn whole(text: impl Into<Bytes>) -> Response<Body> {
    Response::new(Full::new(text.into()).boxed_unsync())
}

/// A body of pieces that come one by one; `None` ends it, and `wait` keeps it open.
fn pieces(pieces: Vec<Bytes>, wait: Option<Waiting>) -> Response<Body> {
    let stream = futures_stream(pieces.into_iter(), wait);
    Response::new(StreamBody::new(stream).boxed_unsync())
}

/// The pieces as a stream that gives way between them.
fn futures_stream(
    mut pieces: std::vec::IntoIter<Bytes>,
    wait: Option<Waiting>,
) -> impl futures_core::Stream<Item = Result<Frame<Bytes>, Infallible>> {
    let mut pause = true;
    PollFn(move |context: &mut std::task::Context<'_>| {
        // Each piece goes out alone.
        if std::mem::replace(&mut pause, false) {
            context.waker().wake_by_ref();
            return std::task::Poll::Pending;
        }
        pause = true;
        match pieces.next() {
            Some(piece) => std::task::Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if wait.is_some() => std::task::Poll::Pending,
            None => std::task::Poll::Ready(None),
        }
    })
}

/// A stream made of its poll function.
struct PollFn<F>(F);

impl<F, T> futures_core::Stream for PollFn<F>
where
    F: FnMut(&mut std::task::Context<'_>) -> std::task::Poll<Option<T>> + Unpin,
{
    type Item = T;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<T>> {
        (self.0)(context)
    }
}

fn with_status(status: u16, mut response: Response<Body>) -> Response<Body> {
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    response
}

fn with_header(name: header::HeaderName, value: &str, mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().append(name, HeaderValue::from_str(value).expect("tests ask for headers that exist"));
    response
}

fn redirect(status: u16, to: &str) -> Response<Body> {
    with_header(header::LOCATION, to, with_status(status, whole("moved")))
}

/// The pages that a crawler finds.
fn site(path: &str) -> Response<Body> {
    let page = match path {
        "/site/" => {
            "<html><title>Home</title><a href=\"sub/a.html\">A</a> <a class=\"x\" href=\"/site/sub/b.html#part\">B</a>\
             <a href=\"missing\">missing</a> <a href=\"data.txt\">data</a> <a href=\"mailto:me@here\">me</a>\
             <a href=\"http://elsewhere.test/\">elsewhere</a> <a href=\"#top\">top</a></html>"
        }
        "/site/sub/a.html" => {
            "<title> A </title><a href=\"../sub/b.html\">B</a> <a href=\"../teapot\">tea</a> <a href=\"./\">up</a>"
        }
        "/site/sub/" => return redirect(302, "/site/"),
        "/site/sub/b.html" => "<title>B</title><a href=\"/site/\">Home</a> <a href=\"\">here</a>",
        "/site/data.txt" => return whole("12345"),
        "/site/teapot" => return with_status(418, whole("short and stout")),
        _ => return with_status(404, whole("not here")),
    };
    with_header(header::CONTENT_TYPE, "text/html; charset=utf-8", whole(page))
}

fn compressed(text: &str) -> Response<Body> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory can be written");
    let bytes = encoder.finish().expect("memory can be written");
    with_header(header::CONTENT_ENCODING, "gzip", whole(bytes))
}

impl Pages {
    /// The answer to a request that came over this connection.
    pub async fn answer(self: Arc<Self>, request: Request<Incoming>, connection: u64) -> Response<Body> {
        let without_body = request.method() == Method::HEAD;
        let mut response = self.page(request, connection).await;
        if without_body {
            let len = response.body().size_hint().exact();
            let empty = Full::new(Bytes::new()).boxed_unsync();
            *response.body_mut() = empty;
            if let Some(len) = len {
                response.headers_mut().insert(header::CONTENT_LENGTH, len.into());
            }
        }
        response
    }

    async fn page(self: Arc<Self>, request: Request<Incoming>, connection: u64) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let mut parts = path.split('/').skip(1);
        let (page, argument) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let number = || argument.parse::<usize>().unwrap_or_default();
        match page {
            "status" => with_status(number() as u16, whole(argument.to_owned())),
            "redirect" => match number() {
                0 => whole("hello"),
                n => redirect(302, &format!("/redirect/{}", n - 1)),
            },
            "to" => {
                let (status, url) = request.uri().query().unwrap_or_default().split_once('&').unwrap_or(("302", "/"));
                redirect(status.parse().unwrap_or(302), url)
            }
            "forbidden" => redirect(302, "/refused"),
            "site" => site(&path),
            "cookies" => {
                let response = with_header(header::SET_COOKIE, "one=1; Path=/; HttpOnly", whole("cookies"));
                with_header(header::SET_COOKIE, "two=\"a b\"", response)
            }
            "connection" => whole(connection.to_string()),
            "bytes" => whole(vec![b'x'; number()]),
            "chunks" => {
                let all = std::iter::once(argument).chain(parts);
                pieces(all.map(|piece| Bytes::copy_from_slice(piece.as_bytes())).collect(), None)
            }
            "gzip" => compressed(argument),
            "maybe-gzip" => {
                let accepts = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains("gzip"));
                let accepted = request.headers().get(header::ACCEPT_ENCODING).is_some_and(accepts);
                if accepted { compressed(argument) } else { whole(argument.to_owned()) }
            }
            "silent" => {
                let _waiting = self.wait(argument);
                std::future::pending().await
            }
            "stalled" => {
                let waiting = self.wait(argument);
                pieces(vec![Bytes::from_static(b"first")], Some(waiting))
            }
            "waiting" => {
                let waiting = self.waiting.lock().expect("nobody panics with the lock");
                whole(waiting.get(argument).copied().unwrap_or_default().to_string())
            }
            _ if page.starts_with("echo") => echo(request).await,
            _ => whole("hello"),
        }
    }

    fn wait(self: &Arc<Self>, key: &str) -> Waiting {
        *self.waiting.lock().expect("nobody panics with the lock").entry(key.to_owned()).or_default() += 1;
        Waiting { pages: Arc::clone(self), key: key.to_owned() }
    }
}

async fn echo(request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut text = format!("{} {target}\n", head.method).into_bytes();
    let authority = head.uri.authority().filter(|_| head.version == Version::HTTP_2);
    if let Some(authority) = authority {
        text.extend(format!(":authority: {authority}\n").bytes());
    }
    for (name, value) in &head.headers {
        text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat());
    }
    text.push(b'\n');
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    text.extend_from_slice(&body);
    let version = if head.version == Version::HTTP_2 { "2" } else { "1" };
    with_header(header::HeaderName::from_static("x-version"), version, whole(text))
}

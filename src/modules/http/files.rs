//! Static files: from the rest of a path to a file below a folder, or to one in memory.
//!
//! Names are resolved by the file system, so that what counts is where a file really is: nothing outside the folder is
//! served, also not through symbolic links.

use std::io::SeekFrom;
use std::ops::Range;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncSeekExt, ReadBuf};

use super::exchange::{Outgoing, plain, whole};
use crate::modules::fs::{Node, PackedFile, PackedFiles, Root};

/// What is read at a time.
const CHUNK: usize = 64 * 1024;

/// Files of a volume.
#[derive(Clone)]
pub struct Files(Arc<Site>);

struct Site {
    /// A folder is named without symbolic links.
    root: Root,
    single_page: bool,
    index: String,
    cache: Option<HeaderValue>,
}

/// A file that was asked for.
struct Found {
    content: Content,
    len: u64,
    modified: Option<SystemTime>,
    content_type: &'static str,
}

enum Content {
    File(File),
    Packed(PackedFile),
}

impl Files {
    /// The files of a volume.
    ///
    /// # Errors
    /// If there is no such folder.
    pub fn new(root: Root, single_page: bool, index: String, cache: Option<String>) -> Result<Files, String> {
        let root = match root {
            Root::Folder(folder) => {
                folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?.into()
            }
            packed @ Root::Packed(_) => packed,
        };
        let cache = cache.map(|cache| HeaderValue::from_str(&cache)).transpose();
        let cache = cache.map_err(|_| "cache: control characters in a header".to_owned())?;
        Ok(Files(Arc::new(Site { root, single_page, index, cache })))
    }

    /// The answer to a GET or HEAD for a decoded path below the folder.
    pub async fn answer(&self, head: &Parts, path: &str) -> Response<Outgoing> {
        let found = match self.0.find(path).await {
            None if self.0.single_page => self.0.find(&self.0.index).await,
            found => found,
        };
        match found {
            Some(found) => self.0.serve(&head.headers, found).await,
            None => plain(StatusCode::NOT_FOUND),
        }
    }
}

impl Site {
    async fn find(&self, path: &str) -> Option<Found> {
        if path.split('/').any(|part| part == ".." || part.contains(['\0', '\\'])) {
            return None;
        }
        let path = path.trim_start_matches('/');
        match &self.root {
            Root::Folder(root) => self.find_in_folder(root, path).await,
            Root::Packed(files) => self.find_packed(files, path),
        }
    }

    async fn find_in_folder(&self, root: &Path, path: &str) -> Option<Found> {
        let mut real = tokio::fs::canonicalize(root.join(path)).await.ok()?;
        if tokio::fs::metadata(&real).await.ok()?.is_dir() {
            real = tokio::fs::canonicalize(real.join(&self.index)).await.ok()?;
        }
        if !real.starts_with(root) {
            return None;
        }
        let file = File::open(&real).await.ok()?;
        let metadata = file.metadata().await.ok()?;
        if !metadata.is_file() {
            return None;
        }
        let content_type = content_type(&real);
        let (len, modified) = (metadata.len(), metadata.modified().ok());
        Some(Found { content: Content::File(file), len, modified, content_type })
    }

    fn find_packed(&self, files: &PackedFiles, path: &str) -> Option<Found> {
        let mut path = Path::new("/").join(path);
        if matches!(files.node(&path).ok()?, Node::Folder) {
            path.push(&self.index);
        }
        let Node::File(file) = files.node(&path).ok()? else { return None };
        let (len, modified) = (file.content.len() as u64, file.modified);
        Some(Found { content: Content::Packed(file.clone()), len, modified, content_type: content_type(&path) })
    }

    async fn serve(&self, asked: &HeaderMap, mut found: Found) -> Response<Outgoing> {
        let tag = found.tag();
        let modified = found.modified.map(httpdate::fmt_http_date);
        let mut response = if is_unchanged(asked, &tag, found.modified) {
            let mut response = Response::new(whole(""));
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            match range(asked, found.len, &tag) {
                Ok(None) => Response::new(found.body(0..found.len).await),
                Ok(Some(part)) => {
                    let bounds = format!("bytes {}-{}/{}", part.start, part.end - 1, found.len);
                    let mut response = Response::new(found.body(part).await);
                    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                    set(&mut response, header::CONTENT_RANGE, &bounds);
                    response
                }
                Err(()) => {
                    let mut response = plain(StatusCode::RANGE_NOT_SATISFIABLE);
                    set(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", found.len));
                    return response;
                }
            }
        };
        set(&mut response, header::CONTENT_TYPE, found.content_type);
        set(&mut response, header::ACCEPT_RANGES, "bytes");
        set(&mut response, header::ETAG, &tag);
        if let Some(modified) = modified {
            set(&mut response, header::LAST_MODIFIED, &modified);
        }
        if let Some(cache) = &self.cache {
            response.headers_mut().insert(header::CACHE_CONTROL, cache.clone());
        }
        response
    }
}

fn set(response: &mut Response<Outgoing>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

impl Found {
    /// Differs when the file has changed.
    fn tag(&self) -> String {
        let mark = match &self.content {
            Content::Packed(file) => u128::from(file.digest),
            Content::File(_) => {
                let modified = self.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                modified.unwrap_or_default().as_nanos()
            }
        };
        format!("\"{mark:x}-{:x}\"", self.len)
    }

    async fn body(&mut self, part: Range<u64>) -> Outgoing {
        let file = match &self.content {
            Content::File(file) => file,
            Content::Packed(file) => {
                // The part is one of what is in memory.
                return whole(
                    Bytes::from_owner(Arc::clone(&file.content)).slice(part.start as usize..part.end as usize),
                );
            }
        };
        let Ok(file) = file.try_clone().await else { return whole("") };
        let mut body = FileBody { file, left: part.end - part.start, buffer: BytesMut::new() };
        if part.start > 0 && body.file.seek(SeekFrom::Start(part.start)).await.is_err() {
            return whole("");
        }
        body.boxed_unsync()
    }
}

/// Whether the client has the file already.
fn is_unchanged(asked: &HeaderMap, tag: &str, modified: Option<SystemTime>) -> bool {
    if let Some(known) = asked.get(header::IF_NONE_MATCH) {
        let known = known.to_str().unwrap_or_default();
        return known
            .split(',')
            .map(|known| known.trim().trim_start_matches("W/"))
            .any(|known| known == tag || known == "*");
    }
    let since = asked.get(header::IF_MODIFIED_SINCE).and_then(|since| since.to_str().ok());
    match (since.and_then(|since| httpdate::parse_http_date(since).ok()), modified) {
        // Dates in headers have no fractions.
        (Some(since), Some(modified)) => modified < since + Duration::from_secs(1),
        _ => false,
    }
}

/// The one part that is asked for; several at once are answered with the whole.
///
/// # Errors
/// If there is no such part.
fn range(asked: &HeaderMap, len: u64, tag: &str) -> Result<Option<Range<u64>>, ()> {
    let condition = asked.get(header::IF_RANGE).and_then(|condition| condition.to_str().ok());
    if condition.is_some_and(|condition| condition != tag) {
        return Ok(None);
    }
    let range = asked.get(header::RANGE).and_then(|range| range.to_str().ok());
    let Some((first, last)) = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) else {
        return Ok(None);
    };
    let part = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(len),
        (Ok(first), Err(_)) if last.is_empty() => first..len,
        (Err(_), Ok(count)) if first.is_empty() => len.saturating_sub(count)..len,
        _ => return Ok(None),
    };
    if part.is_empty() { Err(()) } else { Ok(Some(part)) }
}

/// The content of a file, or a part of it.
struct FileBody {
    file: File,
    left: u64,
    buffer: BytesMut,
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let this = &mut *self;
        let want = usize::try_from(this.left).unwrap_or(CHUNK).min(CHUNK);
        this.buffer.resize(want, 0);
        let mut buffer = ReadBuf::new(&mut this.buffer);
        let read = Pin::new(&mut this.file).poll_read(context, &mut buffer);
        let len = buffer.filled().len();
        match read {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error))),
            // It has become shorter.
            Poll::Ready(Ok(())) if len == 0 => Poll::Ready(Some(Err(std::io::ErrorKind::UnexpectedEof.into()))),
            Poll::Ready(Ok(())) => {
                this.left -= len as u64;
                Poll::Ready(Some(Ok(Frame::data(this.buffer.split_to(len).freeze()))))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn content_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "txt" | "md" | "lua" => "text/plain; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "xml" => "text/xml; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        "wasm" => "application/wasm",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wav" => "audio/wav",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_files() {
        let part = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_str(text).expect("a header"));
            range(&headers, 10, "tag")
        };
        assert_eq!(part("bytes=0-3"), Ok(Some(0..4)));
        assert_eq!(part("bytes=4-"), Ok(Some(4..10)));
        assert_eq!(part("bytes=-3"), Ok(Some(7..10)));
        assert_eq!(part("bytes=-30"), Ok(Some(0..10)));
        assert_eq!(part("bytes=5-500"), Ok(Some(5..10)));
        assert_eq!(part("bytes=10-"), Err(()));
        assert_eq!(part("bytes=-0"), Err(()));
        for whole in ["bytes=3-2", "bytes=1-2,4-5", "bytes=", "lines=1-2", "bytes=a-b", "bytes=-"] {
            assert_eq!(part(whole), Ok(None), "{whole}");
        }
    }
}

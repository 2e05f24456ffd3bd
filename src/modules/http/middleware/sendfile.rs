//! Files that functions name instead of writing what is in them.

use hyper::Response;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;

use super::Options;
use crate::modules::fs::Root;
use crate::modules::http::exchange::Outgoing;
use crate::modules::http::files::Files;

/// The header with the path of the file, below the folder.
const FILE: HeaderName = HeaderName::from_static("x-sendfile");
/// The header with the name by which a browser is to save it.
const NAME: HeaderName = HeaderName::from_static("x-file-name");

/// Options of `sendfile`.
pub struct SendFile {
    files: Files,
}

impl SendFile {
    pub(super) fn new(options: &Options<'_>) -> Result<SendFile, String> {
        let folder = options.get("fs").ok_or("sendfile.fs is required")?;
        Ok(SendFile { files: Files::new(Root::Folder(folder.into()), false, "index.html".to_owned(), None)? })
    }

    /// The response, or the file that it names. What the function has said about it stays.
    pub(super) async fn replace(&self, head: &Parts, mut response: Response<Outgoing>) -> Response<Outgoing> {
        let Some(path) = response.headers_mut().remove(FILE) else { return response };
        let name = response.headers_mut().remove(NAME);
        let mut file = self.files.answer(head, path.to_str().unwrap_or_default()).await;
        if !file.status().is_success() {
            return file;
        }
        for (name, value) in response.headers() {
            if *name != header::CONTENT_LENGTH {
                file.headers_mut().insert(name, value.clone());
            }
        }
        if let Some(disposition) = name.and_then(|name| disposition(&name)) {
            file.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
        }
        file
    }
}

/// How a browser is to save the file.
fn disposition(name: &HeaderValue) -> Option<HeaderValue> {
    let quoted: Vec<u8> =
        name.as_bytes().iter().map(|byte| if matches!(byte, b'"' | b'\\') { b'_' } else { *byte }).collect();
    HeaderValue::from_bytes(&[b"attachment; filename=\"", &*quoted, b"\""].concat()).ok()
}

//! Uploads: the parts of a `multipart/form-data` body (RFC 7578).

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::modules::fields::{Entry, invalid};
use crate::modules::fs::OpenFile;
use crate::modules::stream::Stream;
use crate::runtime::errors::ErrorData;

/// A file to be uploaded.
#[derive(Clone)]
pub struct File {
    /// The name of the field.
    pub name: Vec<u8>,
    /// What it is to be called there.
    pub file_name: Vec<u8>,
    /// Its type.
    pub content_type: Vec<u8>,
    /// Its content.
    pub content: Content,
}

/// What is in a file.
#[derive(Clone)]
pub enum Content {
    /// These bytes.
    Bytes(Bytes),
    /// What is left of a stream.
    Stream(Stream),
    /// What is left of a file.
    File(Arc<OpenFile>),
}

/// What the body of a request is made from.
#[derive(Clone)]
pub enum Plan {
    /// Nothing, or bytes.
    Ready(Option<Bytes>),
    /// Fields and files, separated by a line.
    Multipart {
        /// The line.
        boundary: String,
        /// The fields.
        fields: Vec<Entry>,
        /// The files.
        files: Vec<File>,
    },
}

impl Plan {
    /// The body; streams are read to their ends.
    ///
    /// # Errors
    /// Those of the streams.
    pub async fn carry_out(self) -> Result<Option<Bytes>, ErrorData> {
        let (boundary, fields, files) = match self {
            Plan::Ready(body) => return Ok(body),
            Plan::Multipart { boundary, fields, files } => (boundary, fields, files),
        };
        let mut body = Vec::new();
        for (name, values) in &fields {
            for value in values {
                begin_part(&mut body, &boundary, name, None);
                body.extend_from_slice(b"\r\n");
                body.extend_from_slice(value);
                body.extend_from_slice(b"\r\n");
            }
        }
        for file in files {
            begin_part(&mut body, &boundary, &file.name, Some(&file.file_name));
            body.extend_from_slice(b"Content-Type: ");
            body.extend_from_slice(&file.content_type);
            body.extend_from_slice(b"\r\n\r\n");
            match file.content {
                Content::Bytes(bytes) => body.extend_from_slice(&bytes),
                Content::Stream(stream) => body.extend_from_slice(&stream.read_to_end().await?),
                Content::File(file) => {
                    let content = tokio::task::spawn_blocking(move || file.read_to_end()).await;
                    let content = content.map_err(io::Error::other).flatten();
                    body.extend_from_slice(&content.map_err(|error| invalid(format!("files: {error}")))?);
                }
            }
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Ok(Some(body.into()))
    }
}

fn begin_part(body: &mut Vec<u8>, boundary: &str, name: &[u8], file_name: Option<&[u8]>) {
    body.extend_from_slice(format!("--{boundary}\r\nContent-Disposition: form-data; name=\"").as_bytes());
    quote(body, name);
    if let Some(file_name) = file_name {
        body.extend_from_slice(b"\"; filename=\"");
        quote(body, file_name);
    }
    body.extend_from_slice(b"\"\r\n");
}

/// A name between quotes, with what would end it as browsers write it.
fn quote(body: &mut Vec<u8>, name: &[u8]) {
    for byte in name {
        match byte {
            b'"' => body.extend_from_slice(b"%22"),
            b'\r' => body.extend_from_slice(b"%0D"),
            b'\n' => body.extend_from_slice(b"%0A"),
            _ => body.push(*byte),
        }
    }
}

//! The body of a response, piece by piece, as the program gets it.

use std::io::Write;
use std::mem;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::pool::Connection;
use crate::modules::net::unavailable;
use crate::runtime::errors::{ErrorData, INTERNAL};

/// A body that has not been read to its end.
pub struct ResponseBody {
    incoming: Incoming,
    /// Goes back to the pool at the end; until then it keeps the bytes coming.
    connection: Option<Connection>,
    decoder: Option<Decoder>,
}

/// Undoes gzip.
struct Decoder {
    inner: MultiGzDecoder<Vec<u8>>,
    /// Whether anything came at all: an empty body is not compressed.
    begun: bool,
}

impl ResponseBody {
    /// The body of a response that comes over this connection.
    pub fn new(incoming: Incoming, connection: Connection, gzip: bool) -> ResponseBody {
        let decoder = gzip.then(|| Decoder { inner: MultiGzDecoder::new(Vec::new()), begun: false });
        ResponseBody { incoming, connection: Some(connection), decoder }
    }

    /// The next bytes, never none; `None` at the end.
    ///
    /// # Errors
    /// `Unavailable` if the body breaks off or is malformed.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ErrorData> {
        loop {
            let Some(frame) = self.incoming.frame().await else { return self.finish().await };
            let frame = frame.map_err(|error| unavailable(format!("the response breaks off: {error}")))?;
            // Trailers are of no interest.
            let Ok(data) = frame.into_data() else { continue };
            let data = match &mut self.decoder {
                Some(decoder) => decoder.decode(&data)?,
                None => data,
            };
            if self.incoming.is_end_stream() && self.decoder.is_none() {
                self.release().await;
            }
            if !data.is_empty() {
                return Ok(Some(data));
            }
        }
    }

    async fn finish(&mut self) -> Result<Option<Bytes>, ErrorData> {
        self.release().await;
        match self.decoder.take() {
            Some(decoder) => decoder.finish(),
            None => Ok(None),
        }
    }

    async fn release(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.give_back().await;
        }
    }

    /// How long it is, if the server has said so.
    pub fn size(&self) -> Option<u64> {
        if self.decoder.is_some() { None } else { self.incoming.size_hint().exact() }
    }

    /// All of it, if it is not longer than `most`.
    ///
    /// # Errors
    /// As [`ResponseBody::next`]; `Internal` if it is longer.
    pub async fn read_all(&mut self, most: u64) -> Result<Vec<u8>, ErrorData> {
        let too_large =
            || ErrorData::judged(INTERNAL, &format!("response body too large: more than {most} bytes"), false);
        let announced = self.incoming.size_hint().lower();
        if self.decoder.is_none() && announced > most {
            return Err(too_large());
        }
        let mut all = Vec::new();
        while let Some(data) = self.next().await? {
            if (all.len() + data.len()) as u64 > most {
                return Err(too_large());
            }
            all.extend_from_slice(&data);
        }
        Ok(all)
    }
}

fn malformed(error: &std::io::Error) -> ErrorData {
    unavailable(format!("malformed gzip in the response: {error}"))
}

impl Decoder {
    fn decode(&mut self, data: &[u8]) -> Result<Bytes, ErrorData> {
        self.begun |= !data.is_empty();
        self.inner.write_all(data).map_err(|error| malformed(&error))?;
        Ok(mem::take(self.inner.get_mut()).into())
    }

    fn finish(mut self) -> Result<Option<Bytes>, ErrorData> {
        if !self.begun {
            return Ok(None);
        }
        self.inner.try_finish().map_err(|error| malformed(&error))?;
        let rest = mem::take(self.inner.get_mut());
        Ok((!rest.is_empty()).then(|| rest.into()))
    }
}

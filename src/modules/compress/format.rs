//! The formats. Whatever is not exactly what an encoder has written is corrupt: also what ends too early or goes on behind
//! its end.
//!
//! All of them look piece by piece whether anybody is interested; if not, the data ends there.

use std::io::{self, Read};
use std::ops::RangeInclusive;

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::read::{DeflateEncoder, GzEncoder, MultiGzDecoder, ZlibEncoder};
use flate2::{Compression, Decompress, FlushDecompress, Status};
use structured_zstd::decoding::{DictionaryHandle, StreamingDecoder};
use structured_zstd::encoding::{CompressionLevel, FrameCompressor};

use crate::runtime::errors::{INTERNAL, INVALID};
use crate::runtime::operation::Interest;

/// A format.
pub struct Format {
    /// The levels from the quickest to the one with the smallest results.
    pub levels: RangeInclusive<u32>,
    /// The level unless told.
    pub default_level: u32,
    /// Whether there are dictionaries.
    pub has_dictionaries: bool,
    /// The kind of the error for data that cannot be decoded.
    pub corrupt: &'static str,
    /// From data, level and dictionary.
    pub encode: fn(&[u8], u32, &[u8], &Interest) -> Coded,
    /// From data, the size that the result may have, and dictionary.
    pub decode: fn(&[u8], usize, &[u8], &Interest) -> Coded,
}

/// What comes of it.
pub type Coded = Result<Vec<u8>, Failure>;

/// Why there is no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// It would be larger than allowed.
    TooLarge,
    /// The data is not of this format.
    Corrupt,
    /// The dictionary is none.
    Dictionary,
}

const LIKE_GZIP: Format = Format {
    levels: 1..=9,
    default_level: 6,
    has_dictionaries: false,
    corrupt: INVALID,
    encode: |data, level, _, interest| {
        read_all(GzEncoder::new(Watched { data, interest }, Compression::new(level)), interest)
    },
    decode: |data, most, _, interest| read_up_to(MultiGzDecoder::new(Watched { data, interest }), most, interest),
};

/// gzip: of several members, if need be.
pub static GZIP: Format = LIKE_GZIP;

/// DEFLATE without anything around it.
pub static DEFLATE: Format = Format {
    encode: |data, level, _, interest| {
        read_all(DeflateEncoder::new(Watched { data, interest }, Compression::new(level)), interest)
    },
    decode: |data, most, _, interest| inflate(data, most, false, interest),
    ..LIKE_GZIP
};

/// DEFLATE with the header of zlib.
pub static ZLIB: Format = Format {
    encode: |data, level, _, interest| {
        read_all(ZlibEncoder::new(Watched { data, interest }, Compression::new(level)), interest)
    },
    decode: |data, most, _, interest| inflate(data, most, true, interest),
    ..LIKE_GZIP
};

/// Brotli.
pub static BROTLI: Format = Format {
    levels: 0..=11,
    encode: |data, level, _, interest| encode_brotli(data, level, interest),
    decode: |data, most, _, interest| decode_brotli(data, most, interest),
    ..LIKE_GZIP
};

/// Zstandard.
pub static ZSTD: Format = Format {
    levels: 1..=22,
    default_level: 3,
    has_dictionaries: true,
    corrupt: INTERNAL,
    encode: encode_zstd,
    decode: decode_zstd,
};

/// What is asked for at a time.
const BUFFER: usize = 32 << 10;

/// Data that ends when nobody is interested any more.
struct Watched<'a> {
    data: &'a [u8],
    interest: &'a Interest,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.interest.is_lost() {
            return Ok(0);
        }
        self.data.read(buffer)
    }
}

/// All that a decoder gives, which must not be too much.
fn read_up_to(decoder: impl Read, most: usize, interest: &Interest) -> Coded {
    let decoded = read_all(decoder.take(most as u64 + 1), interest)?;
    if decoded.len() > most { Err(Failure::TooLarge) } else { Ok(decoded) }
}

/// All that a coder gives.
fn read_all(mut coder: impl Read, interest: &Interest) -> Coded {
    let (mut coded, mut piece) = (Vec::new(), vec![0; BUFFER]);
    loop {
        match coder.read(&mut piece) {
            Ok(n @ 1..) if !interest.is_lost() => coded.extend_from_slice(&piece[..n]),
            Ok(_) => return Ok(coded),
            Err(_) => return Err(Failure::Corrupt),
        }
    }
}

fn inflate(data: &[u8], most: usize, header: bool, interest: &Interest) -> Coded {
    let mut stream = Decompress::new(header);
    let mut decoded = Vec::new();
    loop {
        decoded.reserve(decoded.len().clamp(BUFFER, most.max(BUFFER)));
        let before = (stream.total_in(), stream.total_out());
        let rest = &data[stream.total_in() as usize..];
        let status = stream.decompress_vec(rest, &mut decoded, FlushDecompress::None);
        if decoded.len() > most {
            return Err(Failure::TooLarge);
        }
        match status {
            Ok(Status::StreamEnd) if stream.total_in() as usize == data.len() => return Ok(decoded),
            // There was room, and nothing came of it: the end is missing.
            Ok(Status::Ok | Status::BufError)
                if (stream.total_in(), stream.total_out()) != before && !interest.is_lost() => {}
            _ => return Err(Failure::Corrupt),
        }
    }
}

fn encode_brotli(data: &[u8], level: u32, interest: &Interest) -> Coded {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: level as i32,
        size_hint: data.len(),
        ..brotli::enc::BrotliEncoderParams::default()
    };
    let mut encoded = Vec::new();
    match brotli::BrotliCompress(&mut Watched { data, interest }, &mut encoded, &parameters) {
        Ok(_) => Ok(encoded),
        Err(_) => Err(Failure::Corrupt),
    }
}

fn decode_brotli(data: &[u8], most: usize, interest: &Interest) -> Coded {
    let mut state = BrotliState::new(StandardAlloc::default(), StandardAlloc::default(), StandardAlloc::default());
    let (mut left, mut read) = (data.len(), 0);
    let (mut decoded, mut total, mut buffer) = (Vec::new(), 0, vec![0; BUFFER]);
    loop {
        let (mut room, mut written) = (buffer.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut read,
            data,
            &mut room,
            &mut written,
            &mut buffer,
            &mut total,
            &mut state,
        );
        decoded.extend_from_slice(&buffer[..written]);
        if decoded.len() > most {
            return Err(Failure::TooLarge);
        }
        match result {
            BrotliResult::ResultSuccess if left == 0 => return Ok(decoded),
            BrotliResult::NeedsMoreOutput if !interest.is_lost() => {}
            _ => return Err(Failure::Corrupt),
        }
    }
}

fn encode_zstd(data: &[u8], level: u32, dictionary: &[u8], interest: &Interest) -> Coded {
    let mut encoder: FrameCompressor<Watched<'_>, Vec<u8>> =
        FrameCompressor::new(CompressionLevel::from_level(level as i32));
    encoder.set_dictionary_from_bytes(dictionary).map_err(|_| Failure::Dictionary)?;
    encoder.set_source_size_hint(data.len() as u64);
    encoder.set_source(Watched { data, interest });
    encoder.set_drain(Vec::new());
    encoder.compress();
    Ok(encoder.take_drain().unwrap_or_default())
}

fn decode_zstd(data: &[u8], most: usize, dictionary: &[u8], interest: &Interest) -> Coded {
    let watched = Watched { data, interest };
    if dictionary.is_empty() {
        return read_up_to(StreamingDecoder::new(watched), most, interest);
    }
    let dictionary = DictionaryHandle::from_serialized_or_raw_content(dictionary).map_err(|_| Failure::Dictionary)?;
    match StreamingDecoder::new_with_dictionary_handle(watched, &dictionary) {
        Ok(decoder) => read_up_to(decoder, most, interest),
        Err(_) => Err(Failure::Dictionary),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_or_goes_on_is_corrupt() {
        let all = Interest::default();
        let data: Vec<u8> = (0..5000u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
        for (name, format) in
            [("gzip", &GZIP), ("deflate", &DEFLATE), ("zlib", &ZLIB), ("brotli", &BROTLI), ("zstd", &ZSTD)]
        {
            for level in format.levels.clone() {
                let encoded = (format.encode)(&data, level, b"", &all).unwrap();
                assert!(encoded.len() < data.len(), "{name} {level}");
                assert!((format.decode)(&encoded, data.len(), b"", &all).as_ref() == Ok(&data), "{name} {level}");
            }
            let encoded = (format.encode)(&data, format.default_level, b"", &all).unwrap();
            assert!((format.decode)(&encoded, data.len() - 1, b"", &all) == Err(Failure::TooLarge), "{name}");
            for cut in [1, encoded.len() / 2, encoded.len() - 1] {
                assert!((format.decode)(&encoded[..cut], 1 << 20, b"", &all) == Err(Failure::Corrupt), "{name} {cut}");
            }
            let longer = [&encoded[..], b"more"].concat();
            assert!((format.decode)(&longer, 1 << 20, b"", &all) == Err(Failure::Corrupt), "{name}");
        }
    }

    #[test]
    fn what_nobody_is_interested_in_ends_early() {
        let (all, none) = (Interest::default(), Interest::none());
        let data: Vec<u8> = (0..1 << 18).map(|i: u32| (i.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect();
        for (name, format) in
            [("gzip", &GZIP), ("deflate", &DEFLATE), ("zlib", &ZLIB), ("brotli", &BROTLI), ("zstd", &ZSTD)]
        {
            let encoded = (format.encode)(&data, *format.levels.end(), b"", &none).unwrap_or_default();
            assert!(encoded.len() < 1000, "{name}");
            let encoded = (format.encode)(&data, *format.levels.start(), b"", &all).unwrap();
            let decoded = (format.decode)(&encoded, 1 << 20, b"", &none).unwrap_or_default();
            assert!(decoded.len() < data.len(), "{name}");
        }
    }
}

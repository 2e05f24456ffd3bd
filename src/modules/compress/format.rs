//! The formats. Whatever is not exactly what an encoder has written is corrupt: also what ends too early or goes on behind
//! its end.

use std::io::Read;
use std::ops::RangeInclusive;

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::read::{GzEncoder, MultiGzDecoder};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use structured_zstd::decoding::{DictionaryHandle, StreamingDecoder};
use structured_zstd::encoding::{CompressionLevel, FrameCompressor};

use crate::runtime::errors::{INTERNAL, INVALID};

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
    pub encode: fn(&[u8], u32, &[u8]) -> Coded,
    /// From data, the size that the result may have, and dictionary.
    pub decode: fn(&[u8], usize, &[u8]) -> Coded,
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
    encode: |data, level, _| Ok(encode_gzip(data, level)),
    decode: |data, most, _| read_up_to(MultiGzDecoder::new(data), most),
};

/// gzip: of several members, if need be.
pub static GZIP: Format = LIKE_GZIP;

/// DEFLATE without anything around it.
pub static DEFLATE: Format = Format {
    encode: |data, level, _| deflate(data, level, false),
    decode: |data, most, _| inflate(data, most, false),
    ..LIKE_GZIP
};

/// DEFLATE with the header of zlib.
pub static ZLIB: Format = Format {
    encode: |data, level, _| deflate(data, level, true),
    decode: |data, most, _| inflate(data, most, true),
    ..LIKE_GZIP
};

/// Brotli.
pub static BROTLI: Format = Format {
    levels: 0..=11,
    encode: |data, level, _| encode_brotli(data, level),
    decode: |data, most, _| decode_brotli(data, most),
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

/// All that a decoder gives.
fn read_up_to(decoder: impl Read, most: usize) -> Coded {
    let mut decoded = Vec::new();
    match decoder.take(most as u64 + 1).read_to_end(&mut decoded) {
        Ok(_) if decoded.len() > most => Err(Failure::TooLarge),
        Ok(_) => Ok(decoded),
        Err(_) => Err(Failure::Corrupt),
    }
}

fn encode_gzip(data: &[u8], level: u32) -> Vec<u8> {
    let mut encoded = Vec::new();
    let mut encoder = GzEncoder::new(data, Compression::new(level));
    encoder.read_to_end(&mut encoded).expect("reading from memory does not fail");
    encoded
}

/// With the header of zlib, or without any.
fn deflate(data: &[u8], level: u32, header: bool) -> Coded {
    let mut stream = Compress::new(Compression::new(level), header);
    let mut encoded = Vec::with_capacity(data.len() / 2 + 64);
    loop {
        let rest = &data[stream.total_in() as usize..];
        match stream.compress_vec(rest, &mut encoded, FlushCompress::Finish) {
            Ok(Status::StreamEnd) => return Ok(encoded),
            Ok(_) => encoded.reserve(BUFFER),
            Err(_) => return Err(Failure::Corrupt),
        }
    }
}

fn inflate(data: &[u8], most: usize, header: bool) -> Coded {
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
            Ok(Status::Ok | Status::BufError) if (stream.total_in(), stream.total_out()) != before => {}
            _ => return Err(Failure::Corrupt),
        }
    }
}

fn encode_brotli(data: &[u8], level: u32) -> Coded {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: level as i32,
        size_hint: data.len(),
        ..brotli::enc::BrotliEncoderParams::default()
    };
    let mut encoded = Vec::new();
    match brotli::BrotliCompress(&mut { data }, &mut encoded, &parameters) {
        Ok(_) => Ok(encoded),
        Err(_) => Err(Failure::Corrupt),
    }
}

fn decode_brotli(data: &[u8], most: usize) -> Coded {
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
            BrotliResult::NeedsMoreOutput => {}
            _ => return Err(Failure::Corrupt),
        }
    }
}

fn encode_zstd(data: &[u8], level: u32, dictionary: &[u8]) -> Coded {
    let mut encoder: FrameCompressor = FrameCompressor::new(CompressionLevel::from_level(level as i32));
    encoder.set_dictionary_from_bytes(dictionary).map_err(|_| Failure::Dictionary)?;
    Ok(encoder.compress_independent_frame(data))
}

fn decode_zstd(data: &[u8], most: usize, dictionary: &[u8]) -> Coded {
    if dictionary.is_empty() {
        return read_up_to(StreamingDecoder::new(data), most);
    }
    let dictionary = DictionaryHandle::from_serialized_or_raw_content(dictionary).map_err(|_| Failure::Dictionary)?;
    match StreamingDecoder::new_with_dictionary_handle(data, &dictionary) {
        Ok(decoder) => read_up_to(decoder, most),
        Err(_) => Err(Failure::Dictionary),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_or_goes_on_is_corrupt() {
        let data: Vec<u8> = (0..5000u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
        for (name, format) in
            [("gzip", &GZIP), ("deflate", &DEFLATE), ("zlib", &ZLIB), ("brotli", &BROTLI), ("zstd", &ZSTD)]
        {
            for level in format.levels.clone() {
                let encoded = (format.encode)(&data, level, b"").unwrap();
                assert!(encoded.len() < data.len(), "{name} {level}");
                assert!((format.decode)(&encoded, data.len(), b"").as_ref() == Ok(&data), "{name} {level}");
            }
            let encoded = (format.encode)(&data, format.default_level, b"").unwrap();
            assert!((format.decode)(&encoded, data.len() - 1, b"") == Err(Failure::TooLarge), "{name}");
            for cut in [1, encoded.len() / 2, encoded.len() - 1] {
                assert!((format.decode)(&encoded[..cut], 1 << 20, b"") == Err(Failure::Corrupt), "{name} {cut}");
            }
            let longer = [&encoded[..], b"more"].concat();
            assert!((format.decode)(&longer, 1 << 20, b"") == Err(Failure::Corrupt), "{name}");
        }
    }
}

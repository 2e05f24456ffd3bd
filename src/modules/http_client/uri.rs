//! Percent-encoding as forms have it: queries, form bodies, `encode_uri` and `decode_uri`.

use url::Url;

use crate::modules::fields::Entry;

/// Everything but `A-Z a-z 0-9 - _ . ~` as `%XX`, spaces as `+`.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    encode_into(bytes, &mut text);
    text
}

fn encode_into(bytes: &[u8], text: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => text.push(char::from(*byte)),
            b' ' => text.push('+'),
            _ => {
                text.push('%');
                text.push(char::from(DIGITS[usize::from(byte >> 4)]));
                text.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }
}

/// The bytes that were encoded; `None` if there is a `%` without two hexadecimal digits.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        let mut digit = || rest.next().and_then(|byte| char::from(*byte).to_digit(16));
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => (digit()? << 4 | digit()?) as u8,
            _ => *byte,
        });
    }
    Some(bytes)
}

/// `name=value&…` of all entries, in their order.
pub fn encode_form(entries: &[Entry]) -> String {
    let mut text = String::new();
    for (name, values) in entries {
        for value in values {
            if !text.is_empty() {
                text.push('&');
            }
            encode_into(name, &mut text);
            text.push('=');
            encode_into(value, &mut text);
        }
    }
    text
}

/// Puts entries into the query of a url: those of the same name are replaced, all are written anew in the byte order of
/// their names.
pub fn merge_query(url: &mut Url, entries: Vec<Entry>) {
    let mut merged: Vec<Entry> = Vec::new();
    for pair in url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // What is no encoding stands for itself.
        let plain = |text: &str| decode(text.as_bytes()).unwrap_or_else(|| text.as_bytes().to_vec());
        let (name, value) = (plain(name), plain(value));
        if entries.iter().any(|(other, _)| *other == name) {
            continue;
        }
        match merged.iter_mut().find(|(other, _)| *other == name) {
            Some((_, values)) => values.push(value),
            None => merged.push((name, [value].into_iter().collect())),
        }
    }
    merged.extend(entries);
    merged.sort_by(|(a, _), (b, _)| a.cmp(b));
    let query = encode_form(&merged);
    url.set_query((!query.is_empty()).then_some(&query));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_and_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(encode(&all).as_bytes()), Some(all));
        assert_eq!(encode(b"a b/\xe4~+"), "a+b%2F%E4~%2B");
        assert_eq!(decode(b"%7e%7E+"), Some(b"~~ ".to_vec()));
        for bad in [&b"%"[..], b"%1", b"%1g", b"%%20"] {
            assert_eq!(decode(bad), None);
        }
    }

    #[test]
    fn queries_are_merged() {
        let entry = |name: &str, values: &[&str]| {
            (name.as_bytes().to_vec(), values.iter().map(|value| value.as_bytes().to_vec()).collect())
        };
        let merge = |url: &str, entries| {
            let mut url: Url = url.parse().expect("a url");
            merge_query(&mut url, entries);
            url.query().map(str::to_owned)
        };
        assert_eq!(
            merge("http://h/?z=1&b=old&a=%20&z=2&b=old", vec![entry("b", &["x&y", ""]), entry("c", &[])]).as_deref(),
            Some("a=+&b=x%26y&b=&z=1&z=2")
        );
        assert_eq!(merge("http://h/?", vec![]), None);
        assert_eq!(merge("http://h/?a&%zz=%", vec![]).as_deref(), Some("%25zz=%25&a="));
    }
}

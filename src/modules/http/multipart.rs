//! Taking `multipart/form-data` apart (RFC 7578). Pure.

use bytes::Bytes;
use memchr::memmem;

/// A part of a body.
#[derive(PartialEq, Eq, Debug)]
pub struct Part {
    /// The name of the field.
    pub name: Vec<u8>,
    /// The name of the file, if it is one.
    pub file_name: Option<Vec<u8>>,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its content.
    pub content: Bytes,
}

/// The boundary that a content type names; `None` if it is another type.
pub fn boundary(content_type: &str) -> Option<Vec<u8>> {
    let (bare, rest) = content_type.split_once(';')?;
    if !bare.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    parameter(rest.as_bytes(), b"boundary").filter(|boundary| !boundary.is_empty())
}

/// The parts of a body. `None` if it is malformed.
pub fn parts(body: &Bytes, boundary: &[u8]) -> Option<Vec<Part>> {
    let line = [b"--", boundary].concat();
    let delimiter = [b"\r\n", &*line].concat();
    // What comes before the first line is of no interest.
    let mut at = if body.starts_with(&line) { line.len() } else { memmem::find(body, &delimiter)? + delimiter.len() };
    let mut parts = Vec::new();
    loop {
        let rest = body.get(at..)?;
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        // White space may follow the line.
        let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let start = at + padding + 2;
        if rest.get(padding..padding + 2)? != b"\r\n" {
            return None;
        }
        let len = memmem::find(body.get(start..)?, &delimiter)?;
        parts.push(part(body.slice(start..start + len))?);
        at = start + len + delimiter.len();
    }
}

fn part(whole: Bytes) -> Option<Part> {
    let (head, content) = match memmem::find(&whole, b"\r\n\r\n") {
        Some(end) => (&whole[..end], whole.slice(end + 4..)),
        None => return None,
    };
    let mut headers = Vec::new();
    for line in head.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = memchr::memchr(b':', line)?;
        let name = std::str::from_utf8(&line[..colon]).ok()?.trim().to_ascii_lowercase();
        headers.push((name, line[colon + 1..].trim_ascii().to_vec()));
    }
    let disposition = &headers.iter().find(|(name, _)| name == "content-disposition")?.1;
    let (name, file_name) = (parameter(disposition, b"name")?, parameter(disposition, b"filename"));
    Some(Part { name, file_name, headers, content })
}

/// A parameter `; name=value` or `; name="value"` of a header.
fn parameter(header: &[u8], wanted: &[u8]) -> Option<Vec<u8>> {
    let mut rest = header;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| matches!(byte, b'=' | b';'));
        let end = end?;
        let name = rest[..end].trim_ascii();
        if rest[end] == b';' {
            rest = &rest[end + 1..];
            continue;
        }
        let value = &rest[end + 1..];
        let (value, after) = match value.strip_prefix(b"\"") {
            Some(quoted) => {
                let close = memchr::memchr(b'"', quoted)?;
                (&quoted[..close], &quoted[close + 1..])
            }
            None => {
                let end = memchr::memchr(b';', value).unwrap_or(value.len());
                (value[..end].trim_ascii(), &value[end..])
            }
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value.to_vec());
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Option<Vec<(String, Option<String>, String)>> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let parts = parts(&Bytes::copy_from_slice(body.as_bytes()), b"x")?;
        let parts =
            parts.iter().map(|part| (text(&part.name), part.file_name.as_deref().map(text), text(&part.content)));
        Some(parts.collect())
    }

    #[test]
    fn fields_and_files() {
        let body = "before\r\n--x\r\nContent-Disposition: form-data; name=\"a;b\"\r\n\r\n1\r\n--y\r\n--x \r\n\
            content-disposition: form-data; filename=f.txt; NAME=b\r\nX: y\r\n\r\n\r\n--x--\r\nafter";
        let field = |name: &str, file: Option<&str>, content: &str| {
            (name.to_owned(), file.map(str::to_owned), content.to_owned())
        };
        assert_eq!(read(body), Some(vec![field("a;b", None, "1\r\n--y"), field("b", Some("f.txt"), "")]));
        assert_eq!(read("--x--"), Some(Vec::new()));
    }

    #[test]
    fn malformed_bodies() {
        let whole = "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--";
        assert!(read(whole).is_some());
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), None, "{end}");
        }
        for body in ["", "--xy--", "--x\r\n\r\n1\r\n--x--", "--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--"] {
            assert_eq!(read(body), None, "{body}");
        }
    }

    #[test]
    fn content_types() {
        assert_eq!(boundary("multipart/form-data; boundary=abc"), Some(b"abc".to_vec()));
        assert_eq!(boundary("Multipart/Form-Data; charset=x; boundary=\"a b;c\""), Some(b"a b;c".to_vec()));
        for other in
            ["multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=x", "text/plain"]
        {
            assert_eq!(boundary(other), None, "{other}");
        }
    }
}

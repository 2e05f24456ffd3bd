//! Files as the protocol names them. A document that is no file, such as one that was never saved, has a path that nobody
//! else has.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use lsp_types::Uri;

const FILE: &str = "file://";

/// The path of a document.
pub(super) fn path_of(uri: &Uri) -> PathBuf {
    let text = uri.as_str();
    match text.strip_prefix(FILE) {
        // A host may stand before the path; no other than this one can be meant.
        Some(rest) => PathBuf::from(OsString::from_vec(decoded(&rest[rest.find('/').unwrap_or(0)..]))),
        None => PathBuf::from(text),
    }
}

/// The name of a path of [`path_of`], or of a file.
pub(super) fn uri_of(path: &Path) -> Option<Uri> {
    if !path.is_absolute() {
        return Uri::from_str(path.to_str()?).ok();
    }
    let mut text = FILE.to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    Uri::from_str(&text).ok()
}

/// Bytes for their escapes.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths() {
        for (uri, path) in [
            ("file:///home/ada/a.lua", "/home/ada/a.lua"),
            ("file:///a%20b/%C3%A4%25.lua", "/a b/ä%.lua"),
            ("untitled:Untitled-1", "untitled:Untitled-1"),
        ] {
            let parsed = Uri::from_str(uri).expect("it is one");
            assert_eq!(path_of(&parsed), Path::new(path));
            assert_eq!(uri_of(Path::new(path)).expect("there is one").as_str(), uri);
        }
        let other = |text: &str| path_of(&Uri::from_str(text).expect("it is one"));
        assert_eq!(other("file://localhost/a.lua"), Path::new("/a.lua"));
        assert_eq!(other("file:///a%3Ab+c.lua"), Path::new("/a:b+c.lua"));
    }
}

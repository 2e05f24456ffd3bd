//! Which URLs attributes may have.

/// What URLs are allowed.
#[derive(Default)]
pub struct Urls {
    /// Schemes, in lower case.
    pub schemes: Vec<String>,
    /// Whether those without a scheme are.
    pub allow_relative: bool,
    /// Whether only those are that are written as URLs have to be.
    pub require_parseable: bool,
    /// Whether images may be part of the document.
    pub allow_data_images: bool,
}

/// Schemes whose URLs are code, or may be: never allowed.
pub const EXECUTABLE: [&str; 8] =
    ["javascript", "vbscript", "livescript", "mocha", "data", "blob", "filesystem", "view-source"];

/// Attributes whose value is a URL.
const ATTRIBUTES: [&str; 18] = [
    "action",
    "background",
    "cite",
    "classid",
    "codebase",
    "data",
    "dynsrc",
    "formaction",
    "href",
    "icon",
    "longdesc",
    "lowsrc",
    "manifest",
    "poster",
    "profile",
    "src",
    "usemap",
    "xlink:href",
];

/// The beginnings of images that are part of the document.
const IMAGES: [&str; 4] = ["image/gif;base64,", "image/jpeg;base64,", "image/png;base64,", "image/webp;base64,"];

/// Whether the value of an attribute is a URL.
pub fn is_url(attribute: &str) -> bool {
    ATTRIBUTES.contains(&attribute)
}

/// The scheme of a URL; `Err` if there is something in its place that is none.
fn scheme(url: &str) -> Result<Option<String>, ()> {
    let Some((before, _)) = url.split_once(':').filter(|(before, _)| !before.contains(['/', '?', '#', '\\'])) else {
        return Ok(None);
    };
    let is_scheme = before.starts_with(|c: char| c.is_ascii_alphabetic())
        && before.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if is_scheme { Ok(Some(before.to_ascii_lowercase())) } else { Err(()) }
}

/// Whether a URL says which host it is about.
pub fn names_host(url: &str) -> bool {
    let behind = match scheme(url) {
        Ok(Some(scheme)) => &url[scheme.len() + 1..],
        _ => url,
    };
    behind.replace('\\', "/").starts_with("//")
}

impl Urls {
    /// The URL as it may stand in an attribute, if it may.
    pub fn allowed(&self, element: &str, attribute: &str, url: &str) -> Option<String> {
        // Browsers do the same before they look at it.
        let url: String = url.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
        let url = url.trim_matches(|c: char| c <= ' ');
        if url.is_empty() || url.chars().any(char::is_control) || self.require_parseable && !is_parseable(url) {
            return None;
        }
        let is_allowed = match scheme(url).ok()? {
            None => self.allow_relative,
            Some(scheme) if scheme == "data" => {
                self.allow_data_images && element == "img" && attribute == "src" && is_image(&url[scheme.len() + 1..])
            }
            Some(scheme) => !EXECUTABLE.contains(&&*scheme) && self.schemes.contains(&scheme),
        };
        is_allowed.then(|| url.to_owned())
    }
}

fn is_image(data: &str) -> bool {
    let is_base64 = |data: &str| data.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
    IMAGES.iter().any(|beginning| data.strip_prefix(beginning).is_some_and(|data| !data.is_empty() && is_base64(data)))
}

/// Whether a URL is written as RFC 3986 says, but for characters that are not ASCII.
fn is_parseable(url: &str) -> bool {
    if url.contains([' ', '"', '<', '>', '\\', '^', '`', '{', '|', '}']) {
        return false;
    }
    let escapes = url.split('%').skip(1);
    let are_escapes = |mut escapes: std::iter::Skip<std::str::Split<'_, char>>| {
        escapes.all(|behind| behind.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2)
    };
    let Some((_, authority)) = url.split_once("//").filter(|_| names_host(url)) else { return are_escapes(escapes) };
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !host.ends_with(']') => (name, port),
        _ => (host, ""),
    };
    let is_literal = name.starts_with('[') && name.ends_with(']');
    let is_name = !name.contains(['[', ']', ':']);
    !name.is_empty() && (is_literal || is_name) && port.bytes().all(|b| b.is_ascii_digit()) && are_escapes(escapes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standard() -> Urls {
        Urls {
            schemes: vec!["http".to_owned(), "https".to_owned(), "javascript".to_owned()],
            allow_relative: true,
            ..Urls::default()
        }
    }

    #[test]
    fn code_is_never_allowed() {
        for url in [
            "javascript:alert(1)",
            " \u{1}JavaScript:alert(1)",
            "java\nscript:alert(1)",
            "java script:alert(1)",
            "\u{0}javascript:alert(1)",
            "vbscript:x",
            "data:text/html,<script>",
            "data:image/svg+xml;base64,AAAA",
            "ftp://host/",
            "&colon;:x",
            "",
            " ",
        ] {
            assert_eq!(standard().allowed("a", "href", url), None, "{url}");
        }
        assert_eq!(standard().allowed("a", "href", " HTTP://host/\n "), Some("HTTP://host/".to_owned()));
        assert_eq!(standard().allowed("a", "href", "a/b:c"), Some("a/b:c".to_owned()));
        let none = Urls::default();
        assert!(none.allowed("a", "href", "a").is_none() && none.allowed("a", "href", "http://a").is_none());
    }

    #[test]
    fn images_in_documents() {
        let urls = Urls { allow_data_images: true, ..Urls::default() };
        let image = "data:image/png;base64,iVBORw0KGgo=";
        assert_eq!(urls.allowed("img", "src", image), Some(image.to_owned()));
        assert!(
            urls.allowed("a", "href", image).is_none()
                && urls.allowed("img", "src", "data:image/png;base64,<").is_none()
        );
        assert!(standard().allowed("img", "src", image).is_none());
    }

    #[test]
    fn how_urls_are_written() {
        for good in ["http://a", "http://a:1/b?c#d", "http://u@[::1]:80/", "mailto:a@b", "/a%20b", "//a", "ä", "?a=b:c"]
        {
            assert!(is_parseable(good), "{good}");
        }
        for bad in
            ["http://", "http:///a", "http://a:b/", "http://a b/", "a%2", "a%zz", "a\\b", "http://[::1", "http://a]b/"]
        {
            assert!(!is_parseable(bad), "{bad}");
        }
    }
}

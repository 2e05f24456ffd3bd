//! HTML as a sequence of tokens, whatever the text.
//!
//! Comments, declarations, and the content of elements that is code or is for programs of another kind are no tokens; neither
//! is a tag that does not end. Where browsers disagree about what is text and what is a tag, so may this file: what is made of
//! the tokens is written anew, and means the same to all of them.

use super::references::decode;

/// A part of a document.
#[derive(Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// Text, with references in it.
    Text(&'a str),
    /// The beginning of an element.
    Start(Tag),
    /// The end of the element with this name.
    End(String),
}

/// The beginning of an element. Names are in lower case.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tag {
    /// What it is.
    pub name: String,
    /// Its attributes, with references replaced by what they stand for. The first of a name counts.
    pub attributes: Vec<(String, String)>,
    /// Whether it ends with `/>`.
    pub is_closed: bool,
}

/// Elements whose content is no markup, and nothing to read.
const CODE: [&str; 7] = ["script", "style", "iframe", "noembed", "noframes", "noscript", "title"];
/// Elements whose content is text without markup.
const PLAIN: [&str; 3] = ["textarea", "xmp", "plaintext"];

/// The tokens of a text.
pub struct Tokens<'a> {
    rest: &'a str,
    /// Text without markup that comes next.
    plain: Option<&'a str>,
}

/// The tokens of `text`.
pub fn tokens(text: &str) -> Tokens<'_> {
    Tokens { rest: text, plain: None }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if let Some(plain) = self.plain.take() {
            return Some(Token::Text(plain));
        }
        while !self.rest.is_empty() {
            let Some(at) = markup(self.rest) else { return Some(Token::Text(self.take(self.rest.len()))) };
            if at > 0 {
                return Some(Token::Text(self.take(at)));
            }
            match self.rest.as_bytes()[1] {
                b'!' if self.rest.starts_with("<!--") => self.comment(),
                b'!' | b'?' => _ = self.take_up_to(">"),
                b'/' if !self.rest.as_bytes().get(2).is_some_and(u8::is_ascii_alphabetic) => _ = self.take_up_to(">"),
                b'/' => {
                    self.rest = &self.rest[2..];
                    match self.tag() {
                        Some(tag) => return Some(Token::End(tag.name)),
                        None => self.rest = "",
                    }
                }
                _ => {
                    self.rest = &self.rest[1..];
                    match self.tag() {
                        Some(tag) => {
                            self.pass_content(&tag.name);
                            return Some(Token::Start(tag));
                        }
                        None => self.rest = "",
                    }
                }
            }
        }
        None
    }
}

/// Where markup begins.
fn markup(text: &str) -> Option<usize> {
    let is_markup =
        |at: &usize| matches!(text.as_bytes().get(at + 1), Some(b'!' | b'?' | b'/' | b'a'..=b'z' | b'A'..=b'Z'));
    text.match_indices('<').map(|(at, _)| at).find(is_markup)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c')
}

impl<'a> Tokens<'a> {
    /// The first bytes of what is left.
    fn take(&mut self, n: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(n);
        self.rest = rest;
        taken
    }

    /// What is before `mark`, which is passed; all if it does not come.
    fn take_up_to(&mut self, mark: &str) -> &'a str {
        let (taken, rest) = self.rest.split_once(mark).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// What lies before the first byte that is not `wanted`.
    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let end = self.rest.bytes().position(|byte| !wanted(byte)).unwrap_or(self.rest.len());
        self.take(end)
    }

    fn comment(&mut self) {
        self.take(4);
        if self.rest.starts_with('>') || self.rest.starts_with("->") {
            self.take_up_to(">");
            return;
        }
        let rest = self.rest;
        let is_end = |at: &usize| rest[..*at].ends_with("--") || rest[..*at].ends_with("--!");
        let end = rest.match_indices('>').map(|(at, _)| at).find(is_end);
        self.take(end.map_or(rest.len(), |at| at + 1));
    }

    /// The rest of a tag, from its name on; `None` if it does not end.
    fn tag(&mut self) -> Option<Tag> {
        let ends_name = |byte: u8| is_space(byte) || matches!(byte, b'/' | b'>');
        let name = self.take_while(|byte| !ends_name(byte)).to_ascii_lowercase();
        let mut tag = Tag { name, ..Tag::default() };
        loop {
            self.take_while(is_space);
            match self.rest.bytes().next()? {
                b'>' => {
                    self.take(1);
                    return Some(tag);
                }
                b'/' => {
                    self.take(1);
                    tag.is_closed = self.rest.starts_with('>');
                    continue;
                }
                _ => {}
            }
            // An equals sign in front is part of the name.
            let ends = |byte: u8| ends_name(byte) || byte == b'=';
            let length = 1 + self.rest.bytes().skip(1).position(ends).unwrap_or(self.rest.len() - 1);
            let name = self.take(length).to_ascii_lowercase();
            self.take_while(is_space);
            let value = if self.rest.starts_with('=') { self.value()? } else { "" };
            if tag.attributes.iter().all(|(other, _)| *other != name) {
                tag.attributes.push((name, decode(value)));
            }
        }
    }

    /// The value behind an equals sign; `None` if it does not end.
    fn value(&mut self) -> Option<&'a str> {
        self.take(1);
        self.take_while(is_space);
        let quote = match self.rest.bytes().next()? {
            b'"' => "\"",
            b'\'' => "'",
            _ => return Some(self.take_while(|byte| !is_space(byte) && byte != b'>')),
        };
        self.take(1);
        self.rest.contains(quote).then(|| self.take_up_to(quote))
    }

    /// Passes the content of an element if it is no markup.
    fn pass_content(&mut self, name: &str) {
        let (is_code, is_plain) = (CODE.contains(&name), PLAIN.contains(&name));
        if is_code || is_plain {
            let end = if name == "plaintext" { self.rest.len() } else { end_of_content(self.rest, name) };
            let content = self.take(end);
            self.plain = Some(content).filter(|content| is_plain && !content.is_empty());
        }
    }
}

/// Where the end tag of an element is whose content is no markup.
fn end_of_content(text: &str, name: &str) -> usize {
    let is_end = |at: &usize| {
        let tag = &text.as_bytes()[at + 2..];
        let (Some(found), behind) = (tag.get(..name.len()), tag.get(name.len())) else { return false };
        found.eq_ignore_ascii_case(name.as_bytes()) && behind.is_some_and(|b| is_space(*b) || matches!(b, b'/' | b'>'))
    };
    text.match_indices("</").map(|(at, _)| at).find(is_end).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(name: &str, attributes: &[(&str, &str)], is_closed: bool) -> Token<'static> {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Token::Start(Tag { name: name.to_owned(), attributes: attributes.collect(), is_closed })
    }

    #[track_caller]
    fn check(text: &str, expected: &[Token<'_>]) {
        assert_eq!(tokens(text).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn tags_and_attributes() {
        check(
            "a<B c=d E='f\"' g = \"h'>\" I c=x =j/k / >z</b w>",
            &[
                Token::Text("a"),
                start("b", &[("c", "d"), ("e", "f\""), ("g", "h'>"), ("i", ""), ("=j", ""), ("k", "")], false),
                Token::Text("z"),
                Token::End("b".to_owned()),
            ],
        );
        check("<br/><br / ><ä>", &[start("br", &[], true), start("br", &[], false), Token::Text("<ä>")]);
        check("<a é=\"&#x41;&lt;\">", &[start("a", &[("é", "A<")], false)]);
    }

    #[test]
    fn what_is_no_tag() {
        check("a < b <3 <", &[Token::Text("a < b <3 <")]);
        check("x<!-- <b> --!>y<!-->z<!--->", &[Token::Text("x"), Token::Text("y"), Token::Text("z")]);
        check("<!doctype html><?php x ?></ b></>", &[]);
        for cut in ["<b", "<b c", "<b c=", "<b c=\"d>", "</b", "<!--", "<b /"] {
            check(cut, &[]);
        }
    }

    #[test]
    fn content_that_is_no_markup() {
        let end = |name: &str| Token::End(name.to_owned());
        check("<script>a</scripty><b></SCRIPT >x", &[start("script", &[], false), end("script"), Token::Text("x")]);
        check("<style>b", &[start("style", &[], false)]);
        check("<xmp><b></xmp>", &[start("xmp", &[], false), Token::Text("<b>"), end("xmp")]);
        check("<plaintext></plaintext>", &[start("plaintext", &[], false), Token::Text("</plaintext>")]);
    }
}

//! Documents made of what a policy allows.
//!
//! The result is written anew: text without markup, tags in one spelling, each element ended in the one it began in.

use super::escape;
use super::policy::Policy;
use super::references::reference;
use super::tokens::{Tag, Token, tokens};
use super::urls::{is_url, names_host};

/// Elements within elements. Those further in lose their tags.
const MAX_DEPTH: usize = 256;

/// Elements without content.
const VOID: [&str; 11] = ["area", "br", "col", "embed", "hr", "img", "input", "param", "source", "track", "wbr"];
/// Elements that are gone with all that is in them. Those whose content is no markup have none.
const WITH_CONTENT: [&str; 6] = ["applet", "frameset", "math", "object", "svg", "template"];
/// Elements that mean nothing without attributes.
const NEED_ATTRIBUTES: [&str; 3] = ["a", "area", "img"];
/// Elements that end a paragraph.
const BLOCKS: [&str; 32] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "details",
    "dir",
    "div",
    "dl",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "main",
    "menu",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "ul",
];

/// What ends when an element begins: elements of these names, as far as they lie within the last one of those.
fn ended_by(name: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    Some(match name {
        "li" => (&["li"], &["ol", "ul"]),
        "dd" | "dt" => (&["dd", "dt"], &["dl"]),
        "option" | "optgroup" => (&["option"], &["datalist"]),
        "td" | "th" => (&["caption", "colgroup", "td", "th"], &["table", "tr"]),
        "tr" => (&["caption", "colgroup", "tr"], &["table", "tbody", "tfoot", "thead"]),
        "tbody" | "tfoot" | "thead" => (&["caption", "colgroup", "tbody", "tfoot", "thead", "tr"], &["table"]),
        name if BLOCKS.contains(&name) => {
            (&["p"], &["button", "caption", "dd", "div", "dt", "li", "table", "td", "th"])
        }
        _ => return None,
    })
}

/// The text as the policy allows it.
pub fn sanitize(policy: &Policy, text: &str) -> String {
    let mut document = Document { policy, out: String::with_capacity(text.len()), open: Vec::new(), gone: None };
    for token in tokens(text) {
        match token {
            Token::Text(text) if document.gone.is_none() => document.text(text),
            Token::Text(_) => {}
            Token::Start(tag) => document.start(&tag),
            Token::End(name) => document.end(&name),
        }
    }
    document.close(0);
    document.out
}

struct Document<'a> {
    policy: &'a Policy,
    out: String,
    /// The elements that have begun and not ended.
    open: Vec<String>,
    /// The element that is left out with all its content, and how often it has begun within itself.
    gone: Option<(String, usize)>,
}

impl Document<'_> {
    /// References stay what they are.
    fn text(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find('&') {
            escape(&rest[..at], &mut self.out);
            rest = &rest[at..];
            let length = match reference(rest) {
                Some(reference) => reference.len() + 2,
                None => {
                    self.out.push_str("&amp;");
                    rest = &rest[1..];
                    continue;
                }
            };
            self.out.push_str(&rest[..length]);
            rest = &rest[length..];
        }
        escape(rest, &mut self.out);
    }

    fn start(&mut self, tag: &Tag) {
        let name = &*tag.name;
        if let Some((gone, depth)) = &mut self.gone {
            *depth += usize::from(gone == name && !tag.is_closed);
            return;
        }
        if WITH_CONTENT.contains(&name) {
            if !tag.is_closed {
                self.gone = Some((name.to_owned(), 1));
            }
            return;
        }
        let is_void = VOID.contains(&name);
        if !self.policy.allows_element(name) || !is_void && self.open.len() >= MAX_DEPTH {
            return;
        }
        let attributes = self.attributes(tag);
        if attributes.is_empty() && NEED_ATTRIBUTES.contains(&name) {
            return;
        }
        if let Some((ended, within)) = ended_by(name) {
            let begin = self.open.iter().rposition(|open| within.contains(&&**open)).map_or(0, |at| at + 1);
            if let Some(at) = self.open[begin..].iter().position(|open| ended.contains(&&**open)) {
                self.close(begin + at);
            }
        }
        self.out.push('<');
        self.out.push_str(name);
        for (name, value) in attributes {
            self.out.push(' ');
            self.out.push_str(&name);
            self.out.push_str("=\"");
            escape(&value, &mut self.out);
            self.out.push('"');
        }
        self.out.push('>');
        if !is_void {
            self.open.push(name.to_owned());
        }
    }

    fn end(&mut self, name: &str) {
        if let Some((gone, depth)) = &mut self.gone {
            *depth -= usize::from(gone == name);
            if *depth == 0 {
                self.gone = None;
            }
            return;
        }
        if let Some(at) = self.open.iter().rposition(|open| open == name) {
            self.close(at);
        }
    }

    /// Ends all elements but the first so many.
    fn close(&mut self, depth: usize) {
        for name in self.open.drain(depth..).rev() {
            self.out.push_str("</");
            self.out.push_str(&name);
            self.out.push('>');
        }
    }

    /// The attributes of an element that stay, and those that it gets.
    fn attributes(&self, tag: &Tag) -> Vec<(String, String)> {
        let mut kept = Vec::new();
        for (name, value) in &tag.attributes {
            if !self.policy.allows_attribute(&tag.name, name, value) {
                continue;
            }
            let value = match is_url(name) {
                true => self.policy.urls.allowed(&tag.name, name, value),
                false => Some(value.clone()),
            };
            kept.extend(value.map(|value| (name.clone(), value)));
        }
        let href = kept.iter().find(|(name, _)| name == "href").map(|(_, href)| href.clone());
        if let Some(href) = href.filter(|_| matches!(&*tag.name, "a" | "area")) {
            let links = &self.policy.links;
            // It comes last, wherever it was.
            let mut words: Vec<String> = match kept.iter().position(|(name, _)| name == "rel") {
                Some(at) => kept.remove(at).1.split_ascii_whitespace().map(str::to_owned).collect(),
                None => Vec::new(),
            };
            let blank = links.blank && names_host(&href);
            if blank {
                set(&mut kept, "target", "_blank".to_owned());
            }
            let added = [("nofollow", links.nofollow), ("noreferrer", links.noreferrer), ("noopener", blank)];
            for (word, _) in added.iter().filter(|(_, wanted)| *wanted) {
                if !words.iter().any(|known| known.eq_ignore_ascii_case(word)) {
                    words.push((*word).to_owned());
                }
            }
            if !words.is_empty() {
                kept.push(("rel".to_owned(), words.join(" ")));
            }
        }
        kept
    }
}

fn set(attributes: &mut Vec<(String, String)>, name: &str, value: String) {
    match attributes.iter_mut().find(|(known, _)| known == name) {
        Some((_, known)) => *known = value,
        None => attributes.push((name.to_owned(), value)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::Rule;
    use super::*;

    #[track_caller]
    fn check(policy: &Policy, text: &str, expected: &str) {
        assert_eq!(sanitize(policy, text), expected, "{text}");
        assert_eq!(sanitize(policy, expected), expected, "again");
    }

    #[test]
    fn elements_are_ended_where_they_began() {
        let users = Policy::for_users();
        check(&users, "<b>a<i>b</b>c</i>d", "<b>a<i>b</i></b>cd");
        check(
            &users,
            "a</b><p>b<p>c<ul><li>1<li>2<ul><li>3</ul></ul>",
            "a<p>b</p><p>c</p><ul><li>1</li><li>2<ul><li>3</li></ul></li></ul>",
        );
        check(
            &users,
            "<table><tr><td>1<td>2<tr><td><table><tr><td>3</table><tbody><tr><th>4",
            "<table><tr><td>1</td><td>2</td></tr><tr><td><table><tr><td>3</td></tr></table></td></tr><tbody><tr><th>4</th></tr></tbody></table>",
        );
        check(&users, "<dl><dt>a<dd>b<dt>c</dl>", "<dl><dt>a</dt><dd>b</dd><dt>c</dt></dl>");
        check(&users, "x<br/></br><hr>y<img>", "x<br><hr>y");
        let deep = sanitize(&users, &"<b>".repeat(10_000));
        assert_eq!(deep, "<b>".repeat(MAX_DEPTH) + &"</b>".repeat(MAX_DEPTH));
    }

    #[test]
    fn text_stays_text() {
        let none = Policy::default();
        check(&none, "a &lt; b &amp; c &eacute; &#65; &", "a &lt; b &amp; c &eacute; &#65; &amp;");
        check(&none, "1 < 2 > 0 \"x\" 'y'", "1 &lt; 2 &gt; 0 &quot;x&quot; &#39;y&#39;");
        check(&none, "<b>bold</b> <xmp><b></xmp>", "bold &lt;b&gt;");
        check(&none, "a<script>b</script>c<style>d</style>e<svg><g>f</g><svg></svg></svg>g<math/>h", "acegh");
        check(&none, "a<svg>b", "a");
    }

    #[test]
    fn links_and_attributes() {
        let mut policy = Policy::for_users();
        check(&policy, "<a href=x onclick=y title='\"'>z</a>", "<a href=\"x\" title=\"&quot;\" rel=\"nofollow\">z</a>");
        check(&policy, "<a href=javascript&colon;alert(1)>z</a>", "z");
        policy.links.blank = true;
        policy.links.noreferrer = true;
        policy.allow_attributes(&["rel"], Rule::Any, &["a"]);
        check(
            &policy,
            "<a rel='NOFOLLOW me' href='//a'>z</a>",
            "<a href=\"//a\" target=\"_blank\" rel=\"NOFOLLOW me noreferrer noopener\">z</a>",
        );
    }

    /// Whatever the text, what comes out has balanced tags, and only those that are allowed.
    #[test]
    fn nothing_else_comes_out() {
        let mut policy = Policy::for_users();
        policy.allow_elements(&["script", "svg", "style", "iframe", "textarea"]);
        policy.allow_attributes_globally(&["onclick", "style", "srcdoc", "href"], &Rule::Any);
        let parts = [
            "<",
            ">",
            "\"",
            "'",
            "=",
            "/",
            " ",
            "&",
            ";",
            "<!--",
            "-->",
            "<b",
            "<a href=",
            "javascript:x",
            "<svg>",
            "</svg>",
            "<p>",
            "</p>",
            "<style>",
            "</style>",
            "<textarea>",
            "</textarea>",
            "&#x3c;",
            "onclick=x",
            "é",
            "\0",
            "<table><td>",
            "<li>",
            "<math><mtext>",
            "<![CDATA[",
            "]]>",
            "<img src=x ",
            "<plaintext>",
        ];
        let mut seed = 1u32;
        for _ in 0..5000 {
            let mut text = String::new();
            for _ in 0..12 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                text.push_str(parts[(seed >> 16) as usize % parts.len()]);
            }
            let clean = sanitize(&policy, &text);
            assert_eq!(sanitize(&policy, &clean), clean, "{text}");
            let mut open = Vec::new();
            for token in tokens(&clean) {
                match token {
                    Token::Text(text) => assert!(!text.contains(['<', '>']), "{clean}"),
                    Token::Start(tag) => {
                        assert!(policy.allows_element(&tag.name), "{clean}");
                        for (name, value) in &tag.attributes {
                            assert!(!name.starts_with("on") && name != "style" && name != "srcdoc", "{clean}");
                            assert!(!value.contains("javascript:") || name != "href", "{clean}");
                        }
                        if !VOID.contains(&&*tag.name) {
                            open.push(tag.name);
                        }
                    }
                    Token::End(name) => assert_eq!(open.pop(), Some(name), "{clean}"),
                }
            }
            assert!(open.is_empty() && !clean.contains("<s") && !clean.contains("<!--"), "{clean}");
        }
    }
}

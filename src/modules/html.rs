//! Text within HTML.

/// Appends a text in which nothing means markup, neither between tags nor in the value of an attribute.
pub fn escape(text: &str, into: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        into.push_str(&rest[..at]);
        into.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        });
        rest = &rest[at + 1..];
    }
    into.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn markup_becomes_text() {
        let mut text = String::from(">");
        escape("a<b> & \"c\" 'ä'", &mut text);
        assert_eq!(text, ">a&lt;b&gt; &amp; &quot;c&quot; &#39;ä&#39;");
    }
}

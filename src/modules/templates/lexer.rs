//! Templates as text between actions; pure.

/// What marks actions and comments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delimiters {
    /// Begins an action.
    pub left: String,
    /// Ends it.
    pub right: String,
    /// Begins a comment.
    pub comment_left: String,
    /// Ends it.
    pub comment_right: String,
}

impl Default for Delimiters {
    fn default() -> Delimiters {
        let [left, right, comment_left, comment_right] = ["{{", "}}", "{*", "*}"].map(str::to_owned);
        Delimiters { left, right, comment_left, comment_right }
    }
}

/// A part of a template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Segment<'a> {
    /// What is put out as it is.
    Text(&'a str),
    /// What is done, without white space around it, and the line where it begins.
    Action(&'a str, usize),
}

/// The parts of a template.
///
/// # Errors
/// What has no end, and its line.
pub fn segments<'a>(source: &'a str, delimiters: &Delimiters) -> Result<Vec<Segment<'a>>, String> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (source, 1);
    let lines = |text: &str| text.bytes().filter(|byte| *byte == b'\n').count();
    loop {
        let action = rest.find(&delimiters.left);
        let comment = rest.find(&delimiters.comment_left);
        let is_comment = comment.is_some_and(|comment| action.is_none_or(|action| comment < action));
        let Some(start) = (if is_comment { comment } else { action }) else {
            if !rest.is_empty() {
                found.push(Segment::Text(rest));
            }
            return Ok(found);
        };
        if start > 0 {
            found.push(Segment::Text(&rest[..start]));
        }
        line += lines(&rest[..start]);
        let (left, right) = match is_comment {
            true => (&delimiters.comment_left, &delimiters.comment_right),
            false => (&delimiters.left, &delimiters.right),
        };
        let inner = &rest[start + left.len()..];
        let end = if is_comment { inner.find(right) } else { end_of_action(inner, right) };
        let end = end.ok_or_else(|| format!("'{left}' without '{right}' at line {line}"))?;
        if !is_comment {
            found.push(Segment::Action(inner[..end].trim(), line));
        }
        line += lines(&inner[..end]);
        rest = &inner[end + right.len()..];
    }
}

/// Where an action ends: at its delimiter, but not at one in a string.
fn end_of_action(text: &str, right: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            None if text[at..].starts_with(right) => return Some(at),
            None if matches!(c, '"' | '\'') => quote = Some(c),
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Segment::{Action, Text};
    use super::*;

    #[test]
    fn actions_comments_and_text() {
        let found = segments("a{{ b }}\n{* {{ c }} *}{{\"}}\\\"}}\"}}{d\n", &Delimiters::default()).unwrap();
        assert_eq!(found, [Text("a"), Action("b", 1), Text("\n"), Action("\"}}\\\"}}\"", 2), Text("{d\n")]);
        assert!(segments("", &Delimiters::default()).unwrap().is_empty());
        let other = Delimiters { left: "<%".into(), right: "%>".into(), ..Delimiters::default() };
        assert_eq!(segments("{{<% x %>", &other).unwrap(), [Text("{{"), Action("x", 1)]);
        for (wrong, line) in [("\n{{ x", 2), ("{* x", 1), ("{{ \"}}", 1), ("{* x\n *}\n\n{{", 4)] {
            assert!(segments(wrong, &Delimiters::default()).unwrap_err().ends_with(&format!("at line {line}")));
        }
    }
}

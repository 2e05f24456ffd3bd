//! The syntax of RE2 in terms of the syntax of the engine. They are alike; here is what differs:
//!
//! * `\d`, `\s`, `\w` and `\b` mean ASCII alone;
//! * in a class, `[`, `&&`, `--` and `~~` mean themselves;
//! * a `{` that begins no repetition means itself, and so do `\<` and `\>`;
//! * between `\Q` and `\E` everything means itself.

/// The expression in the engine's syntax.
pub fn translate(pattern: &str) -> String {
    let mut translator = Translator { rest: pattern, out: String::with_capacity(pattern.len()) };
    while let Some(c) = translator.next() {
        match c {
            '\\' => translator.escape(false),
            '[' => translator.class(),
            '{' if !is_repetition(translator.rest) => translator.out.push_str(r"\{"),
            c => translator.out.push(c),
        }
    }
    translator.out
}

struct Translator<'a> {
    rest: &'a str,
    out: String,
}

impl Translator<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    /// What follows a backslash.
    fn escape(&mut self, in_class: bool) {
        let Some(c) = self.next() else {
            self.out.push('\\');
            return;
        };
        let class = match c {
            'd' | 'D' => "0-9",
            's' | 'S' => r"\t\n\f\r ",
            'w' | 'W' => "0-9A-Za-z_",
            'Q' if !in_class => {
                let (literal, rest) = self.rest.split_once(r"\E").unwrap_or((self.rest, ""));
                self.out.push_str(&regex::escape(literal));
                self.rest = rest;
                return;
            }
            'b' | 'B' if !in_class => {
                self.out.extend([r"(?-u:\", if c == 'b' { "b" } else { "B" }, ")"]);
                return;
            }
            '<' | '>' => {
                self.out.push(c);
                return;
            }
            _ => {
                self.out.extend(['\\', c]);
                // The braces of `\x{…}` and `\p{…}` are no repetition.
                if matches!(c, 'x' | 'p' | 'P')
                    && let Some(end) = self.rest.starts_with('{').then(|| self.rest.find('}')).flatten()
                {
                    let (braces, rest) = self.rest.split_at(end + 1);
                    self.out.push_str(braces);
                    self.rest = rest;
                }
                return;
            }
        };
        match (c.is_uppercase(), in_class) {
            (false, true) => self.out.push_str(class),
            (negated, _) => self.out.extend([if negated { "[^" } else { "[" }, class, "]"]),
        }
    }

    /// What follows the `[` of a class, to its end.
    fn class(&mut self) {
        self.out.push('[');
        if self.rest.starts_with('^') {
            self.next();
            self.out.push('^');
        }
        if self.rest.starts_with(']') {
            self.next();
            self.out.push_str(r"\]");
        }
        while let Some(c) = self.next() {
            match c {
                ']' => {
                    self.out.push(']');
                    return;
                }
                '\\' => self.escape(true),
                '[' if self.rest.starts_with(':') => {
                    // A named class, as `[:alpha:]`.
                    let end = self.rest.find(":]").map_or(0, |end| end + 2);
                    let (name, rest) = self.rest.split_at(end);
                    self.out.push_str(if end == 0 { r"\[" } else { "[" });
                    self.out.push_str(name);
                    self.rest = rest;
                }
                '[' => self.out.push_str(r"\["),
                '&' | '~' | '-' if self.rest.starts_with(c) => self.out.extend(['\\', c]),
                c => self.out.push(c),
            }
        }
    }
}

/// Whether a repetition goes on so behind its `{`.
fn is_repetition(rest: &str) -> bool {
    let Some((bounds, _)) = rest.split_once('}') else { return false };
    let (least, most) = bounds.split_once(',').unwrap_or((bounds, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && is_number(least) && is_number(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;

    fn matches(pattern: &str, text: &str) -> bool {
        let regex = Regex::new(&translate(pattern));
        regex.unwrap_or_else(|error| panic!("{pattern}: {error}")).is_match(text)
    }

    #[test]
    fn differs_from_the_engine_where_it_must() {
        for (pattern, good, bad) in [
            (r"^\d$", "7", "٧"),
            (r"^\D$", "٧", "7"),
            (r"^\w+$", "a_1", "ä"),
            (r"^[\w-]+$", "a-b", "ä"),
            (r"^[^\W\d]$", "x", "1"),
            (r"^\s$", "\t", "\u{a0}"),
            (r"\bcd", "äcd", "bcd"),
            (r"^[[a]$", "[", "b"),
            (r"^[a&&b]+$", "a&b", "c"),
            (r"^[a~~b]+$", "~", "c"),
            (r"^[]a]+$", "]a", "b"),
            (r"^[^]a]$", "b", "]"),
            (r"^[[:alpha:]_]$", "_", "1"),
            (r"^a{$", "a{", "a"),
            (r"^a{,2}$", "a{,2}", "aa"),
            (r"^a{2}$", "aa", "a"),
            (r"^a{2,}$", "aaa", "a"),
            (r"^\<a\>$", "<a>", "a"),
            (r"^\Qa.b[\E+$", "a.b[[", "axb["),
            (r"^\Q\\E$", "\\", "x"),
            (r"^\x{e4}\p{Greek}$", "äω", "äo"),
            (r"^\pL$", "ж", "1"),
            (r"(?i)^straSSE$", "STRASSE", "x"),
        ] {
            assert!(matches(pattern, good), "{pattern} on {good}");
            assert!(!matches(pattern, bad), "{pattern} on {bad}");
        }
    }

    #[test]
    fn mistakes_stay_mistakes() {
        for pattern in ["(", "[a", "[[:alpha:", "*", r"a\", r"\8", "(?<n", "[z-a]"] {
            assert!(Regex::new(&translate(pattern)).is_err(), "{pattern}");
        }
    }
}

//! Command lines as words, by the quoting rules of the shell (POSIX 2.2). Nothing else of the shell: no variables, no
//! patterns, no operators.

/// The words of a command line; `None` if a quote is not closed.
pub fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '"' => break,
                        '\\' => match rest.next()? {
                            '\n' => {}
                            c @ ('$' | '`' | '"' | '\\') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => match rest.next()? {
                '\n' => {}
                c => word.get_or_insert_default().push(c),
            },
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn quotes_are_those_of_the_shell() {
        for (line, expected) in [
            ("", &[][..]),
            ("  ls  -l\t/tmp\n", &["ls", "-l", "/tmp"]),
            (r#"echo 'a b' "c d" e\ f"#, &["echo", "a b", "c d", "e f"]),
            (r#"a'b'"c"d '' """#, &["abcd", "", ""]),
            (r#""\"\\\$\a" '\"'"#, &[r#""\$\a"#, r#"\""#]),
            ("one\\\ntwo", &["onetwo"]),
            ("$HOME * | ä", &["$HOME", "*", "|", "ä"]),
        ] {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
        for line in ["'open", "\"open", "\"open\\", "end\\"] {
            assert_eq!(words(line), None, "{line}");
        }
    }
}

//! Texts in pieces of limited size, cut where it hurts least: at separators, the strongest first; each piece repeats a little
//! of the one before.
//!
//! Sizes count characters. Pieces have no white space around them.

use std::collections::VecDeque;

/// How texts are cut.
#[derive(Clone, Debug)]
pub struct Cut {
    /// Characters that a piece may have. More only if no separator helps.
    pub size: usize,
    /// Characters that a piece may repeat; fewer than `size`.
    pub overlap: usize,
    /// Where texts may be cut, from the strongest on. The empty one is between all characters.
    pub separators: Vec<String>,
    /// Whether separators stay, each at the beginning of what follows it.
    pub keep_separator: bool,
}

/// The pieces of a text.
pub fn pieces(text: &str, cut: &Cut) -> Vec<String> {
    let mut pieces = Vec::new();
    split(text, &cut.separators, cut, &mut pieces);
    pieces
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn split(text: &str, separators: &[String], cut: &Cut, pieces: &mut Vec<String>) {
    let chosen = separators.iter().position(|separator| text.contains(separator.as_str()));
    let Some(chosen) = chosen else {
        push(text, pieces);
        return;
    };
    let separator = separators[chosen].as_str();
    let weaker = &separators[chosen + 1..];
    let glue = if cut.keep_separator { "" } else { separator };
    let mut small = Vec::new();
    for part in parts(text, separator, cut.keep_separator) {
        if length(part) <= cut.size {
            small.push(part);
            continue;
        }
        merge(&small, glue, cut, pieces);
        small.clear();
        split(part, weaker, cut, pieces);
    }
    merge(&small, glue, cut, pieces);
}

/// What lies between separators, or begins with them. Nothing is empty.
fn parts<'a>(text: &'a str, separator: &str, keep: bool) -> Vec<&'a str> {
    if separator.is_empty() {
        return text.split("").filter(|part| !part.is_empty()).collect();
    }
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(separator) {
        parts.push(&text[start..at]);
        start = if keep { at } else { at + separator.len() };
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.is_empty());
    parts
}

/// Puts neighbours together as long as they fit.
fn merge(parts: &[&str], glue: &str, cut: &Cut, pieces: &mut Vec<String>) {
    let glue_length = length(glue);
    let mut window: VecDeque<(&str, usize)> = VecDeque::new();
    // Of the window, with glue.
    let mut total = 0;
    let join = |window: &VecDeque<(&str, usize)>| {
        let parts: Vec<&str> = window.iter().map(|(part, _)| *part).collect();
        parts.join(glue)
    };
    for part in parts {
        let len = length(part);
        let glued = |window: &VecDeque<(&str, usize)>| if window.is_empty() { 0 } else { glue_length };
        if total + glued(&window) + len > cut.size && !window.is_empty() {
            push(&join(&window), pieces);
            // The end of it is repeated, if there is room.
            while total > cut.overlap || (total > 0 && total + glued(&window) + len > cut.size) {
                let Some((_, gone)) = window.pop_front() else { break };
                total -= gone + glued(&window);
            }
        }
        total += len + glued(&window);
        window.push_back((part, len));
    }
    if !window.is_empty() {
        push(&join(&window), pieces);
    }
}

fn push(text: &str, pieces: &mut Vec<String>) {
    let text = text.trim();
    if !text.is_empty() {
        pieces.push(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(size: usize, overlap: usize) -> Cut {
        let separators = ["\n\n", "\n", " ", ""].map(str::to_owned).to_vec();
        Cut { size, overlap, separators, keep_separator: false }
    }

    #[test]
    fn cuts_at_the_strongest_separator_that_helps() {
        assert_eq!(pieces("one two\n\nthree four\n\nfive", &cut(12, 0)), ["one two", "three four", "five"]);
        assert_eq!(pieces("one two\n\nthree", &cut(20, 0)), ["one two\n\nthree"]);
        assert_eq!(pieces("one two three four", &cut(9, 0)), ["one two", "three", "four"]);
        assert_eq!(pieces("abcdefgh", &cut(3, 0)), ["abc", "def", "gh"]);
        assert_eq!(pieces("äöüß", &cut(2, 0)), ["äö", "üß"]);
        assert!(pieces("", &cut(3, 0)).is_empty() && pieces(" \n\n ", &cut(3, 0)).is_empty());
    }

    #[test]
    fn pieces_overlap() {
        assert_eq!(pieces("one two three four", &cut(9, 4)), ["one two", "two three", "four"]);
        assert_eq!(pieces("abcdef", &cut(4, 2)), ["abcd", "cdef"]);
    }

    #[test]
    fn separators_can_stay() {
        let keep = Cut { separators: vec![", ".to_owned()], keep_separator: true, ..cut(6, 0) };
        assert_eq!(pieces("one, two, three", &keep), ["one", ", two", ", three"]);
        let none = Cut { separators: Vec::new(), ..cut(2, 0) };
        assert_eq!(pieces("longer than two", &none), ["longer than two"]);
    }

    #[test]
    fn no_piece_is_too_long_and_nothing_is_lost() {
        let text: String = (0..500).map(|i| format!("w{i}{}", ["", "\n", "\n\n"][i % 3].to_owned() + " ")).collect();
        for (size, overlap) in [(10, 0), (10, 4), (50, 49), (1, 0), (1000, 200)] {
            let found = pieces(&text, &cut(size, overlap));
            assert!(found.iter().all(|piece| piece.chars().count() <= size), "{size} {overlap}");
            if overlap == 0 {
                let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
                assert_eq!(letters(&found.concat()), letters(&text));
            }
        }
    }
}

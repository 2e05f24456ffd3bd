//! Changes that can be applied to another text than the one they were made for: each knows what it changes, a little of what
//! lies around, and where that was. What is there now is looked for near that place, and may differ.
//!
//! Places count symbols, from 0.

use std::time::{Duration, Instant};

use super::difference::{Operation, Part, Symbol, compare, distance, moved, side};

/// How differences are found and patches are made and applied.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a comparison may look for the shortest difference; zero means as long as it takes.
    pub timeout: Duration,
    /// Changes with no more symbols than this between them are one patch, however small the margin is.
    pub edit_cost: usize,
    /// What may differ where a patch is applied: 0 means nothing, 1 all.
    pub match_threshold: f64,
    /// Symbols away from the expected place that count like a text that differs altogether; 0 means that the place must be
    /// exact.
    pub match_distance: usize,
    /// What may differ of a long text that is to be deleted.
    pub delete_threshold: f64,
    /// Symbols around a change that belong to its patch.
    pub margin: usize,
}

impl Settings {
    /// The difference of two texts.
    pub fn compare(&self, before: &[Symbol], after: &[Symbol]) -> Vec<Part> {
        let deadline = (!self.timeout.is_zero()).then(|| Instant::now() + self.timeout);
        compare(before, after, deadline)
    }
}

/// A change with what lies around it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patch {
    /// Where it begins in the text before.
    pub start_before: usize,
    /// Where it begins in the text after.
    pub start_after: usize,
    /// What it consists of.
    pub parts: Vec<Part>,
}

/// Texts that are looked for as a whole; of longer ones, the two ends are.
const MAX_SOUGHT: usize = 64;

/// The patches that make one text of another.
pub fn make(before: &[Symbol], after: &[Symbol], settings: &Settings) -> Vec<Patch> {
    let parts = settings.compare(before, after);
    let mut patches: Vec<Patch> = Vec::new();
    let (mut at_before, mut at_after) = (0, 0);
    // Changes with less than two margins between them are one patch.
    let mut open = false;
    for (i, part) in parts.iter().enumerate() {
        let len = part.text.len();
        if part.operation == Operation::Equal {
            let last = i + 1 == parts.len();
            if let Some(patch) = patches.last_mut().filter(|_| open) {
                if !last && len <= (2 * settings.margin).max(settings.edit_cost) {
                    patch.parts.push(part.clone());
                } else {
                    let context = part.text[..len.min(settings.margin)].to_vec();
                    add_equal(patch, context);
                    open = false;
                }
            }
            (at_before, at_after) = (at_before + len, at_after + len);
            continue;
        }
        if !open {
            let context = settings.margin.min(at_before).min(match i {
                0 => 0,
                i => parts[i - 1].text.len(),
            });
            let mut patch =
                Patch { start_before: at_before - context, start_after: at_after - context, parts: Vec::new() };
            add_equal(&mut patch, before[at_before - context..at_before].to_vec());
            patches.push(patch);
            open = true;
        }
        if let Some(patch) = patches.last_mut() {
            patch.parts.push(part.clone());
        }
        match part.operation {
            Operation::Delete => at_before += len,
            _ => at_after += len,
        }
    }
    patches
}

fn add_equal(patch: &mut Patch, text: Vec<Symbol>) {
    if !text.is_empty() {
        patch.parts.push(Part { operation: Operation::Equal, text });
    }
}

/// The text after all patches that could be applied, and whether all could.
pub fn apply(patches: &[Patch], mut text: Vec<Symbol>, settings: &Settings) -> (Vec<Symbol>, bool) {
    let (mut all, mut shift) = (true, 0isize);
    for patch in patches {
        let expected = patch.start_after.saturating_add_signed(shift);
        match place(patch, &text, expected, settings) {
            Some((start, changed)) => {
                shift += start as isize - expected as isize;
                text.splice(start..start + changed.len, changed.text);
            }
            None => {
                all = false;
                // What it would have added or removed is missing.
                let len = |without| side(&patch.parts, without).len() as isize;
                shift += len(Operation::Insert) - len(Operation::Delete);
            }
        }
    }
    (text, all)
}

/// What takes the place of so many symbols.
struct Changed {
    len: usize,
    text: Vec<Symbol>,
}

/// Where a patch belongs in a text, and what it makes of what is there.
fn place(patch: &Patch, text: &[Symbol], expected: usize, settings: &Settings) -> Option<(usize, Changed)> {
    let (before, after) = (side(&patch.parts, Operation::Insert), side(&patch.parts, Operation::Delete));
    let start;
    let end;
    if before.len() <= MAX_SOUGHT {
        start = find(text, &before, expected, settings)?;
        end = (start + before.len()).min(text.len());
    } else {
        let half = MAX_SOUGHT / 2;
        start = find(text, &before[..half], expected, settings)?;
        let tail = find(text, &before[before.len() - half..], start + before.len() - half, settings)?;
        end = (tail + half).min(text.len());
        if tail <= start {
            return None;
        }
    }
    let there = &text[start..end];
    if there == before {
        return Some((start, Changed { len: before.len(), text: after }));
    }
    let differing = settings.compare(&before, there);
    if before.len() > MAX_SOUGHT && distance(&differing) as f64 > settings.delete_threshold * before.len() as f64 {
        return None;
    }
    // The same changes, where the places that they are about have gone.
    let (mut result, mut at, mut kept) = (Vec::with_capacity(there.len()), 0, 0);
    for part in &patch.parts {
        let here = moved(&differing, at);
        match part.operation {
            Operation::Equal => at += part.text.len(),
            Operation::Insert => {
                result.extend_from_slice(&there[kept.min(here)..here]);
                result.extend_from_slice(&part.text);
                kept = here;
            }
            Operation::Delete => {
                at += part.text.len();
                result.extend_from_slice(&there[kept.min(here)..here]);
                kept = moved(&differing, at).max(here);
            }
        }
    }
    result.extend_from_slice(&there[kept..]);
    Some((start, Changed { len: there.len(), text: result }))
}

/// The place where a text is most like `sought`, and not too far from the expected one.
fn find(text: &[Symbol], sought: &[Symbol], expected: usize, settings: &Settings) -> Option<usize> {
    let expected = expected.min(text.len());
    if sought.is_empty() || text[expected..].starts_with(sought) {
        return Some(expected);
    }
    let badness = |errors: usize, start: usize| {
        let away = start.abs_diff(expected);
        let accuracy = errors as f64 / sought.len() as f64;
        match settings.match_distance {
            0 if away > 0 => f64::INFINITY,
            0 => accuracy,
            distance => accuracy + away as f64 / distance as f64,
        }
    };
    // Further away, not even the same text would do.
    let reach = (settings.match_threshold * settings.match_distance as f64) as usize;
    let first = expected.saturating_sub(reach);
    let last = (expected + reach + 2 * sought.len()).min(text.len());
    let mut best: Option<(f64, usize)> = None;
    // For each number of symbols of `sought`: the fewest errors with which they end here, and where that begins (Sellers).
    let mut column: Vec<(usize, usize)> = (0..=sought.len()).map(|errors| (errors, first)).collect();
    for at in first..=last {
        if let Some(&(errors, start)) = column.last() {
            let badness = badness(errors, start);
            if badness <= settings.match_threshold && best.is_none_or(|(least, _)| badness < least) {
                best = Some((badness, start));
            }
        }
        let Some(symbol) = text.get(at).filter(|_| at < last) else { break };
        let mut diagonal = column[0];
        column[0] = (0, at + 1);
        for (i, wanted) in sought.iter().enumerate() {
            let (above, left) = (column[i], column[i + 1]);
            let replaced = (diagonal.0 + usize::from(symbol != wanted), diagonal.1);
            column[i + 1] = replaced.min((left.0 + 1, left.1)).min((above.0 + 1, above.1));
            diagonal = left;
        }
    }
    best.map(|(_, start)| start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::text::difference::{symbols, text};

    fn settings() -> Settings {
        Settings {
            timeout: Duration::ZERO,
            edit_cost: 4,
            match_threshold: 0.5,
            match_distance: 1000,
            delete_threshold: 0.5,
            margin: 4,
        }
    }

    fn patched(before: &str, after: &str, other: &str, settings: &Settings) -> (String, bool) {
        let patches = make(&symbols(before.as_bytes()), &symbols(after.as_bytes()), settings);
        let (patched, all) = apply(&patches, symbols(other.as_bytes()), settings);
        (String::from_utf8(text(&patched)).unwrap(), all)
    }

    const FOX: &str = "The quick brown fox jumps over the lazy dog.";

    #[test]
    fn the_same_text_becomes_what_it_was_to_become() {
        let long = "0123456789 ".repeat(100);
        for (before, after) in [
            ("", ""),
            ("", "new"),
            ("old", ""),
            (FOX, "That quick brown fox jumped over a lazy dog."),
            ("aaaa", "aa"),
            ("äöü", "äü"),
            (&long, "short"),
            (&long, &format!("start {}{} end", &long[..300], &long[500..])),
        ] {
            assert_eq!(patched(before, after, before, &settings()), (after.to_owned(), true), "{before} -> {after}");
        }
    }

    #[test]
    fn patches_have_places_and_a_margin() {
        let patches = make(&symbols(b"0123456789abcdef"), &symbols(b"0123456X789abcdef!"), &settings());
        assert_eq!(patches.len(), 2);
        assert_eq!((patches[0].start_before, patches[0].start_after), (3, 3));
        assert_eq!(text(&side(&patches[0].parts, Operation::Insert)), b"3456789a");
        assert_eq!((patches[1].start_before, patches[1].start_after), (12, 13));
        assert_eq!(text(&side(&patches[1].parts, Operation::Delete)), b"cdef!");
        let near = make(&symbols(b"0123456789abcdef"), &symbols(b"01X23456Y789abcdef"), &settings());
        assert_eq!(near.len(), 1);
    }

    #[test]
    fn texts_that_differ_a_little_are_found() {
        let after = "That quick brown fox jumped over a lazy dog.";
        let (patched, all) = self::patched(FOX, after, "The quick red rabbit jumps over the tired tiger.", &settings());
        assert_eq!((&*patched, all), ("That quick red rabbit jumped over a tired tiger.", true));
        let moved = format!("Somewhere else. {FOX}");
        assert_eq!(self::patched(FOX, after, &moved, &settings()), (format!("Somewhere else. {after}"), true));
    }

    #[test]
    fn what_is_not_there_is_not_changed() {
        let after = "That quick brown fox jumped over a lazy dog.";
        let nothing = "I am the very model of a modern major general.";
        assert_eq!(patched(FOX, after, nothing, &settings()), (nothing.to_owned(), false));
        let exact = Settings { match_distance: 0, ..settings() };
        assert!(!patched("one two", "one 2", "+ one two", &exact).1);
        let strict = Settings { match_threshold: 0.0, ..settings() };
        assert!(!patched("one two three", "one 2 three", "one tow three", &strict).1);
        // A long text that is to go, and is another.
        let long: String = (0..60).map(|i| format!("word{i} ")).collect();
        let other = format!("{}{}{}", &long[..40], "something else ".repeat(30), &long[long.len() - 40..]);
        let keep = format!("{}{}", &long[..10], &long[long.len() - 10..]);
        assert!(!patched(&long, &keep, &other, &settings()).1);
    }
}

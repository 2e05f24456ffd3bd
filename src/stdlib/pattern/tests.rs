//! Expectations were observed with the reference implementation (5.3.6).

use super::*;
use proptest::prelude::*;

/// The match as `string.find` reports it: first and last position, then the captures.
fn find(subject: &str, pattern: &str) -> Result<Option<Vec<String>>, String> {
    find_bytes(subject.as_bytes(), pattern.as_bytes())
}

fn find_bytes(subject: &[u8], pattern: &[u8]) -> Result<Option<Vec<String>>, String> {
    let mut matcher = Matcher::new(subject, pattern);
    let Some((start, end)) = matcher.find(0).map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    let mut shown = vec![format!("{}", start + 1), end.to_string()];
    for capture in matcher.captures() {
        shown.push(match capture.map_err(|error| error.to_string())? {
            Capture::Span(start, end) => String::from_utf8_lossy(&subject[start..end]).into_owned(),
            Capture::Position(position) => position.to_string(),
        });
    }
    Ok(Some(shown))
}

#[track_caller]
fn found(subject: &str, pattern: &str, expected: &str) {
    let words = expected.split_whitespace().map(str::to_owned).collect();
    assert_eq!(find(subject, pattern), Ok(Some(words)), "{pattern:?} in {subject:?}");
}

#[track_caller]
fn missing(subject: &str, pattern: &str) {
    assert_eq!(find(subject, pattern), Ok(None), "{pattern:?} in {subject:?}");
}

#[track_caller]
fn fails(subject: &str, pattern: &str, message: &str) {
    assert_eq!(find(subject, pattern), Err(message.to_owned()), "{pattern:?} in {subject:?}");
}

#[test]
fn literals_and_anchors() {
    found("alo", "", "1 0");
    found("abc", "b", "2 2");
    found("abc", "c$", "3 3");
    found("abc", "^a", "1 1");
    found("", "^$", "1 0");
    found("a$c", "a$c", "1 3");
    found("a$", "a$$", "1 2");
    found("*", "^*", "1 1");
    found("a.", "a%.", "1 2");
    missing("abc", "^b");
    missing("abc", "b^");
    missing("a*", "b*$x");
}

#[test]
fn a_caret_is_literal_without_anchoring() {
    let mut matcher = Matcher::unanchored(b"a^b", b"^b");
    assert_eq!(matcher.find(0), Ok(Some((1, 3))));
    assert!(!matcher.is_anchored());
    assert!(Matcher::new(b"", b"^").is_anchored());
}

#[test]
fn quantifiers() {
    found("aaab", ".*b", "1 4");
    found("aaa", ".*a", "1 3");
    missing("aaa", ".+b");
    found("aaab", "a-b", "1 4");
    found("aaa", "a-$", "1 3");
    found("aaa", "^.-", "1 0");
    found("ab", "a?b", "1 2");
    found("b", "a?b", "1 1");
    found("aaa", "^a?a?a?a?$", "1 3");
    missing("aaa", "^a?a?$");
    found("ab*", "a-*", "3 3");
    missing("ab", "a-*");
    found("x=12", "%d+", "3 4");
    found("]]]b", "[^b]+", "1 3");
}

#[test]
fn classes() {
    found("hello 42 world", "%a+ %d+", "1 8");
    found("aXb", "%u", "2 2");
    found("a\u{b} ", "%s+", "2 3");
    found("a!b", "%p", "2 2");
    found(" \x7f", "%c", "2 2");
    found("xyzBEEF", "%x+", "4 7");
    found("a_b", "%W", "2 2");
    found(" \t!", "%g", "3 3");
    found("a0", "%f[\0]", "3 2");
    found("a", "%f[%z]", "2 1");
    assert_eq!(find_bytes(b"a\0b", b"%z"), Ok(Some(vec!["2".into(), "2".into()])));
    missing("é", "%a");
    missing("é", "%p");
    found("é", "%A+", "1 2");
}

#[test]
fn sets() {
    found("a-b", "[a-]+", "1 2");
    found("a-b]", "[]-]+", "2 2");
    found("x]", "[]]", "2 2");
    found("a%]", "[%]]", "3 3");
    found("]", "[^%a]", "1 1");
    found("b", "[a-c-e]", "1 1");
    found("-", "[a-c-e]", "1 1");
    found("-", "[%a-z]", "1 1");
    found("z", "[%a-z]", "1 1");
    found("^", "[a^]", "1 1");
    // The range takes the first escape; the second one is left with the closing bracket.
    found("a%]", "[a-%%]", "3 3");
    missing("a%", "[a-%%]");
    found("xA9_", "[%w_]+", "1 4");
    found("é", "[\u{80}-\u{ff}]+", "1 2");
}

#[test]
fn captures() {
    found("key = value", "(%w+) = (%w+)", "1 11 key value");
    found("abc", "()b()", "2 2 2 3");
    found("abc", "((a)(b))c", "1 3 ab a b");
    found("THE (quick) fox", "%((%a+)%)", "5 11 quick");
    found("aa", "(a)(%1)", "1 2 a a");
    missing("ab", "(a)(%1)");
    found("\"it's\"", "([\"'])it's%1", "1 6 \"");
    missing("aa", "()a%1");
    found("aab", "(a-)b", "1 3 aa");
    found(&"a".repeat(300), &"()".repeat(32), &format!("1 0{}", " 1".repeat(32)));
    let mut matcher = Matcher::new(b"xay", b"a");
    assert_eq!(matcher.find(0), Ok(Some((1, 2))));
    assert_eq!(matcher.capture_count(), 0);
    assert_eq!(matcher.capture(1), Err(PatternError::InvalidCaptureIndex(2)));
}

#[test]
fn abandoned_captures_are_forgotten() {
    found("aXaXb", "(a)(X)b$", "3 5 a X");
    let mut matcher = Matcher::new(b"aXab", b"(a)X(c)");
    assert_eq!(matcher.find(0), Ok(None));
    assert_eq!(matcher.capture_count(), 0);
}

#[test]
fn balance_and_frontier() {
    found("(()())x", "%b()", "1 6");
    missing("((x)", "^%b()");
    found("((x)", "%b()", "2 4");
    found("xaax", "%bxx", "1 4");
    found("THE fox", "%f[%a]%a+%f[%A]", "1 3");
    found(" fox", "%f[%w]()", "2 1 2");
    missing("0", "%f[a]");
}

#[test]
fn malformed_patterns() {
    fails("a", "%", "malformed pattern (ends with '%')");
    fails("a", "a%", "malformed pattern (ends with '%')");
    for pattern in ["[a", "[", "[]", "[^", "[^]", "[a%", "[%", "[a-", "[a-%", "%f["] {
        fails("a", pattern, "malformed pattern (missing ']')");
    }
    fails("a", "%f", "missing '[' after '%f' in pattern");
    fails("a", "%fa", "missing '[' after '%f' in pattern");
    fails("a", "(", "unfinished capture");
    fails("a", "(()", "unfinished capture");
    fails("abc", "((b)", "unfinished capture");
    fails("a", ".)", "invalid pattern capture");
    fails("a", "%1", "invalid capture index %1");
    fails("a", "%0", "invalid capture index %0");
    fails("a", "(%1)", "invalid capture index %1");
    fails("a", "(a)%2", "invalid capture index %2");
    fails("a", "%b", "malformed pattern (missing arguments to '%b')");
    fails("a", "%bx", "malformed pattern (missing arguments to '%b')");
    fails("a", &"()".repeat(33), "too many captures");
    // The flaw is out of reach.
    missing("x", "a%");
    missing("x", "a[");
}

#[test]
fn depth_is_limited_like_in_the_reference() {
    let subject = "a".repeat(300);
    found(&subject, &"a?".repeat(199), "1 199");
    found(&subject, &"a*".repeat(199), "1 300");
    found(&subject, &format!("{}$", "a-".repeat(199)), "1 300");
    fails(&subject, &"a?".repeat(200), "pattern too complex");
    fails(&subject, &"a*".repeat(201), "pattern too complex");
    fails(&subject, &format!("{}$", "a-".repeat(200)), "pattern too complex");
    found(&"a".repeat(300_000), ".-b?$", "1 300000");
}

#[test]
fn endless_patterns_can_be_stopped() {
    let subject = "a".repeat(60);
    let pattern = format!("{}b", "a?".repeat(50));
    let mut matcher = Matcher::new(subject.as_bytes(), pattern.as_bytes());
    matcher.limit_steps(100_000);
    assert_eq!(matcher.find(0), Err(PatternError::OutOfSteps));
    assert!(matcher.steps() <= 100_001);
}

#[test]
fn plain_search() {
    assert_eq!(find_plain(b"abcabc", b"bc", 0), Some(1));
    assert_eq!(find_plain(b"abcabc", b"bc", 2), Some(4));
    assert_eq!(find_plain(b"abc", b"", 3), Some(3));
    assert_eq!(find_plain(b"abc", b"abcd", 0), None);
    assert_eq!(find_plain(b"a\0b", b"\0b", 0), Some(1));
    assert!(!has_specials(b"plain ) ] text"));
    for special in "^$*+?.([%-".bytes() {
        assert!(has_specials(&[b'a', special]));
    }
}

/// A small language whose meaning is easy to state as a set of ends: items with quantifiers over three letters.
#[derive(Clone, Debug)]
struct Item {
    text: &'static str,
    letters: &'static str,
    quantifier: &'static str,
}

fn item() -> impl Strategy<Value = Item> {
    let single = prop::sample::select(vec![
        ("a", "a"),
        ("b", "b"),
        (".", "ab1"),
        ("%a", "ab"),
        ("%d", "1"),
        ("[^a]", "b1"),
        ("[a1]", "a1"),
        ("[a-b]", "ab"),
        ("%A", "1"),
        ("[^%d]", "ab"),
        ("[%d-b]", "1b"),
    ]);
    let quantifier = prop::sample::select(vec!["", "?", "*", "+", "-"]);
    (single, quantifier).prop_map(|((text, letters), quantifier)| Item { text, letters, quantifier })
}

/// The end of the match at `at`, by trying the numbers of repetitions in the order the manual prescribes.
fn reference(items: &[Item], subject: &[u8], at: usize) -> Option<usize> {
    let Some((item, rest)) = items.split_first() else {
        return Some(at);
    };
    let run = subject[at..].iter().take_while(|byte| item.letters.as_bytes().contains(byte)).count();
    let mut counts: Vec<usize> = match item.quantifier {
        "" => vec![1],
        "?" => vec![1, 0],
        "*" => (0..=run).rev().collect(),
        "+" => (1..=run).rev().collect(),
        _ => (0..=run).collect(),
    };
    counts.retain(|count| *count <= run);
    counts.into_iter().find_map(|count| reference(rest, subject, at + count))
}

proptest! {
    #[test]
    fn agrees_with_a_naive_matcher(items in prop::collection::vec(item(), 0..6), subject in "[ab1]{0,12}") {
        let subject = subject.as_bytes();
        let pattern: String = items.iter().map(|item| format!("{}{}", item.text, item.quantifier)).collect();
        // A quantifier directly behind an item without one would attach to it; there is no such pattern here, as
        // every item's text begins with something else.
        let mut matcher = Matcher::new(subject, pattern.as_bytes());
        let expected = (0..=subject.len()).find_map(|at| reference(&items, subject, at).map(|end| (at, end)));
        prop_assert_eq!(matcher.find(0), Ok(expected), "{}", pattern);
    }

    #[test]
    fn never_panics(pattern in "[ab%()\\[\\]^$*+?.\\-bf01-]{0,12}", subject in "[ab()01]{0,16}") {
        let mut matcher = Matcher::new(subject.as_bytes(), pattern.as_bytes());
        matcher.limit_steps(100_000);
        if let Ok(Some((start, end))) = matcher.find(0) {
            prop_assert!(start <= end && end <= subject.len());
            for capture in matcher.captures().flatten() {
                if let Capture::Span(start, end) = capture {
                    prop_assert!(start <= end && end <= subject.len());
                }
            }
        }
    }

    #[test]
    fn plain_search_agrees_with_windows(haystack in "[ab]{0,20}", needle in "[ab]{1,4}", from in 0usize..20) {
        let from = from.min(haystack.len());
        let expected = haystack.as_bytes()[from..]
            .windows(needle.len())
            .position(|window| window == needle.as_bytes())
            .map(|offset| from + offset);
        prop_assert_eq!(find_plain(haystack.as_bytes(), needle.as_bytes(), from), expected);
    }
}

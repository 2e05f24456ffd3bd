//! Lua patterns (manual §6.4.1): a backtracking matcher over bytes, and plain substring search.
//!
//! A pattern is interpreted where it stands; nothing is compiled and nothing is allocated. House rules:
//!
//! * Recursion happens only where an alternative must be remembered (a quantifier) and is limited to [`MAX_DEPTH`], so a
//!   pattern cannot exhaust the native stack. Who tries an alternative puts the captures back when it fails.
//! * Every item tried and every byte scanned counts as a step. The caller charges [`Matcher::steps`] to its budget and
//!   may set a limit, as a pattern can take exponential time.
//! * A malformed pattern is reported when matching reaches the flaw, like the reference implementation does.

use std::fmt;

use smallvec::SmallVec;

/// The most captures a pattern may have.
pub const MAX_CAPTURES: usize = 32;
/// The deepest nesting of remembered alternatives.
const MAX_DEPTH: u32 = 200;

/// Why a pattern cannot be matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// The pattern ends in the escape character.
    EndsWithEscape,
    /// A set is not closed.
    MissingBracket,
    /// `%f` without a set.
    MissingFrontierSet,
    /// `%b` without its two delimiters.
    MissingBalanceArguments,
    /// A `)` without its `(`.
    InvalidPatternCapture,
    /// A reference to a capture that does not exist or is not closed; counted from 1.
    InvalidCaptureIndex(i32),
    /// More than [`MAX_CAPTURES`].
    TooManyCaptures,
    /// A capture without its `)`.
    UnfinishedCapture,
    /// More alternatives to remember than [`MAX_DEPTH`].
    TooComplex,
    /// The limit set with [`Matcher::limit_steps`] was reached.
    OutOfSteps,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PatternError::EndsWithEscape => "malformed pattern (ends with '%')",
            PatternError::MissingBracket => "malformed pattern (missing ']')",
            PatternError::MissingFrontierSet => "missing '[' after '%f' in pattern",
            PatternError::MissingBalanceArguments => "malformed pattern (missing arguments to '%b')",
            PatternError::InvalidPatternCapture => "invalid pattern capture",
            PatternError::InvalidCaptureIndex(index) => return write!(f, "invalid capture index %{index}"),
            PatternError::TooManyCaptures => "too many captures",
            PatternError::UnfinishedCapture => "unfinished capture",
            PatternError::TooComplex => "pattern too complex",
            PatternError::OutOfSteps => "pattern takes too long",
        })
    }
}

impl std::error::Error for PatternError {}

/// What a capture holds after a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// The subject's bytes from the first to before the second offset.
    Span(usize, usize),
    /// A position capture `()`: counted from 1.
    Position(i64),
}

/// A capture while matching is under way; whether it is still open says [`Marks::open`].
#[derive(Clone, Copy)]
struct Slot {
    start: usize,
    /// [`POSITION`] for a position capture.
    end: usize,
}

/// No text ends here.
const POSITION: usize = usize::MAX;

/// What has to be put back when an alternative fails: captures begun since are forgotten, captures closed since are
/// open again. Their other fields are written anew before they are read.
#[derive(Clone, Copy)]
struct Marks {
    begun: usize,
    /// A bit for each capture that is not closed.
    open: u32,
}

/// Matches one pattern against one subject, at as many places as wanted.
pub struct Matcher<'a> {
    subject: &'a [u8],
    pattern: &'a [u8],
    anchored: bool,
    /// The captures the current match has begun. A list and not an array: the unused places cost nothing.
    slots: SmallVec<[Slot; MAX_CAPTURES]>,
    open: u32,
    depth: u32,
    steps: u64,
    step_limit: u64,
}

impl<'a> Matcher<'a> {
    /// A leading `^` anchors the pattern, as in `find`, `match` and `gsub`.
    #[inline]
    pub fn new(subject: &'a [u8], pattern: &'a [u8]) -> Matcher<'a> {
        let anchored = pattern.first() == Some(&b'^');
        let mut matcher = Matcher::unanchored(subject, &pattern[usize::from(anchored)..]);
        matcher.anchored = anchored;
        matcher
    }

    /// A leading `^` stands for itself, as in `gmatch`.
    #[inline]
    pub fn unanchored(subject: &'a [u8], pattern: &'a [u8]) -> Matcher<'a> {
        Matcher {
            subject,
            pattern,
            anchored: false,
            slots: SmallVec::new(),
            open: 0,
            depth: 0,
            steps: 0,
            step_limit: u64::MAX,
        }
    }

    /// Whether the pattern can match at one place only.
    pub fn is_anchored(&self) -> bool {
        self.anchored
    }

    /// The work done so far by this matcher, over all calls: about one per item tried and byte scanned.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Makes matching fail with [`PatternError::OutOfSteps`] soon after `limit` steps in total.
    pub fn limit_steps(&mut self, limit: u64) {
        self.step_limit = limit;
    }

    /// Matches at offset `at` exactly; returns the end of the match. Captures are valid until the next call.
    pub fn match_at(&mut self, at: usize) -> Result<Option<usize>, PatternError> {
        self.restore(Marks { begun: 0, open: 0 });
        self.depth = 0;
        let end = self.run(at, 0)?;
        if end.is_none() {
            self.restore(Marks { begun: 0, open: 0 });
        }
        Ok(end)
    }

    /// The first match that starts at `from` or later (at `from` only if the pattern is anchored), as start and end.
    pub fn find(&mut self, from: usize) -> Result<Option<(usize, usize)>, PatternError> {
        if self.anchored {
            return Ok(self.match_at(from)?.map(|end| (from, end)));
        }
        let first = self.required_first();
        let mut at = from;
        while at <= self.subject.len() {
            if let Some(first) = first {
                match self.skip_to(first, at) {
                    Some(found) => at = found,
                    None => return Ok(None),
                }
            }
            if let Some(end) = self.match_at(at)? {
                return Ok(Some((at, end)));
            }
            at += 1;
        }
        Ok(None)
    }

    /// The first place at `at` or later with a byte that `first` matches.
    #[inline]
    fn skip_to(&mut self, first: Single<'a>, at: usize) -> Option<usize> {
        let rest = &self.subject[at..];
        let skipped = match first {
            Single::Literal(byte) => memchr::memchr(byte, rest),
            first => rest.iter().position(|&byte| first.matches(byte)),
        };
        // The search runs over many bytes at a time, so they are charged in blocks.
        self.steps += skipped.unwrap_or(rest.len()) as u64 / 8;
        skipped.map(|skipped| at + skipped)
    }

    /// How many captures the last match has.
    pub fn capture_count(&self) -> usize {
        self.slots.len()
    }

    /// The capture with the given index, counted from 0, of the last match.
    pub fn capture(&self, index: usize) -> Result<Capture, PatternError> {
        match self.slots.get(index) {
            None => Err(PatternError::InvalidCaptureIndex(index as i32 + 1)),
            Some(_) if self.open & 1 << index != 0 => Err(PatternError::UnfinishedCapture),
            Some(&Slot { start, end: POSITION }) => Ok(Capture::Position(start as i64 + 1)),
            Some(&Slot { start, end }) => Ok(Capture::Span(start, end)),
        }
    }

    /// All captures of the last match, in the order of their opening parentheses.
    pub fn captures(&self) -> impl Iterator<Item = Result<Capture, PatternError>> {
        (0..self.slots.len()).map(|index| self.capture(index))
    }

    /// What the first byte of every match must fit, if the pattern says so at its beginning.
    fn required_first(&self) -> Option<Single<'a>> {
        let mut p = 0;
        while p < MAX_CAPTURES && self.pattern.get(p) == Some(&b'(') {
            p += 1;
        }
        self.required_at(p)
    }

    /// What the byte at which the pattern goes on at `p` must fit, if the pattern begins with one there that is not
    /// optional.
    #[inline]
    fn required_at(&self, p: usize) -> Option<Single<'a>> {
        match *self.pattern.get(p..)? {
            [] | [b'(' | b')', ..] | [b'$'] | [b'%', b'b' | b'f' | b'0'..=b'9', ..] => return None,
            _ => {}
        }
        let (single, after) = Single::parse(self.pattern, p).ok()?;
        match self.pattern.get(after) {
            Some(b'?' | b'*' | b'-') => None,
            _ => Some(single),
        }
    }

    /// The byte that must follow where the pattern goes on at `p`. Looks past the end of a capture.
    #[inline]
    fn required_byte(&self, p: usize) -> Option<u8> {
        let p = if self.open != 0 && self.pattern.get(p) == Some(&b')') { p + 1 } else { p };
        match self.required_at(p) {
            Some(Single::Literal(byte)) => Some(byte),
            _ => None,
        }
    }

    #[inline]
    fn marks(&self) -> Marks {
        Marks { begun: self.slots.len(), open: self.open }
    }

    #[inline]
    fn restore(&mut self, marks: Marks) {
        self.slots.truncate(marks.begun);
        self.open = marks.open;
    }

    #[inline]
    fn step(&mut self) -> Result<(), PatternError> {
        self.steps += 1;
        if self.steps > self.step_limit { Err(PatternError::OutOfSteps) } else { Ok(()) }
    }

    /// Matches the pattern from offset `p` against the subject from `s`; returns the end of the match.
    fn run(&mut self, s: usize, p: usize) -> Result<Option<usize>, PatternError> {
        if self.depth == MAX_DEPTH {
            return Err(PatternError::TooComplex);
        }
        self.depth += 1;
        let result = self.run_items(s, p);
        self.depth -= 1;
        result
    }

    fn run_items(&mut self, mut s: usize, mut p: usize) -> Result<Option<usize>, PatternError> {
        loop {
            self.step()?;
            match self.pattern[p..] {
                [] => return Ok(Some(s)),
                [b'(', b')', ..] => {
                    self.begin_capture(Slot { start: s, end: POSITION })?;
                    p += 2;
                }
                [b'(', ..] => {
                    self.open |= 1 << self.begin_capture(Slot { start: s, end: s })?;
                    p += 1;
                }
                [b')', ..] => {
                    self.close_capture(s)?;
                    p += 1;
                }
                [b'$'] => return Ok((s == self.subject.len()).then_some(s)),
                [b'%', b'b', ..] => {
                    match self.balance(s, p + 2)? {
                        Some(end) => s = end,
                        None => return Ok(None),
                    }
                    p += 4;
                }
                [b'%', b'f', ..] => {
                    if self.pattern.get(p + 2) != Some(&b'[') {
                        return Err(PatternError::MissingFrontierSet);
                    }
                    let (set, after) = Single::parse(self.pattern, p + 2)?;
                    let before = if s == 0 { 0 } else { self.subject[s - 1] };
                    let here = self.subject.get(s).copied().unwrap_or(0);
                    if set.matches(before) || !set.matches(here) {
                        return Ok(None);
                    }
                    p = after;
                }
                [b'%', digit @ b'0'..=b'9', ..] => {
                    match self.back_reference(s, digit)? {
                        Some(end) => s = end,
                        None => return Ok(None),
                    }
                    p += 2;
                }
                _ => {
                    let (single, after) = Single::parse(self.pattern, p)?;
                    match self.pattern.get(after) {
                        Some(b'*') => return self.longest(single, s, s, after + 1),
                        Some(b'+') => {
                            return if self.single_at(single, s) {
                                self.longest(single, s + 1, s + 1, after + 1)
                            } else {
                                Ok(None)
                            };
                        }
                        Some(b'-') => return self.shortest(single, s, after + 1),
                        Some(b'?') => {
                            if self.single_at(single, s) {
                                let marks = self.marks();
                                if let Some(end) = self.run(s + 1, after + 1)? {
                                    return Ok(Some(end));
                                }
                                self.restore(marks);
                            }
                            p = after + 1;
                        }
                        _ => {
                            if !self.single_at(single, s) {
                                return Ok(None);
                            }
                            s += 1;
                            p = after;
                        }
                    }
                }
            }
        }
    }

    #[inline]
    fn single_at(&self, single: Single<'a>, s: usize) -> bool {
        self.subject.get(s).is_some_and(|&byte| single.matches(byte))
    }

    /// As many of `single` as possible from `from` on, giving back down to `least` until the rest matches.
    fn longest(
        &mut self,
        single: Single<'a>,
        from: usize,
        least: usize,
        rest: usize,
    ) -> Result<Option<usize>, PatternError> {
        let run = single.run_length(&self.subject[from..]);
        self.steps += run as u64 / 4;
        let mut end = from + run;
        if rest == self.pattern.len() {
            return Ok(Some(end));
        }
        let next = self.required_byte(rest);
        let marks = self.marks();
        loop {
            if next.is_none_or(|byte| self.subject.get(end) == Some(&byte)) {
                if let Some(matched) = self.run(end, rest)? {
                    return Ok(Some(matched));
                }
                self.restore(marks);
            }
            if end == least {
                return Ok(None);
            }
            end -= 1;
        }
    }

    /// As few of `single` as possible.
    fn shortest(&mut self, single: Single<'a>, mut s: usize, rest: usize) -> Result<Option<usize>, PatternError> {
        let next = self.required_byte(rest);
        let marks = self.marks();
        loop {
            self.step()?;
            if next.is_none_or(|byte| self.subject.get(s) == Some(&byte)) {
                if let Some(matched) = self.run(s, rest)? {
                    return Ok(Some(matched));
                }
                self.restore(marks);
            }
            if !self.single_at(single, s) {
                return Ok(None);
            }
            s += 1;
        }
    }

    /// Begins a capture and returns its index.
    #[inline]
    fn begin_capture(&mut self, slot: Slot) -> Result<usize, PatternError> {
        let index = self.slots.len();
        if index == MAX_CAPTURES {
            return Err(PatternError::TooManyCaptures);
        }
        self.slots.push(slot);
        Ok(index)
    }

    /// Closes the innermost open capture.
    #[inline]
    fn close_capture(&mut self, s: usize) -> Result<(), PatternError> {
        let index = self.open.checked_ilog2().ok_or(PatternError::InvalidPatternCapture)?;
        self.slots[index as usize].end = s;
        self.open &= !(1 << index);
        Ok(())
    }

    /// `%bxy`, with the delimiters at `p`: the end of the balanced text that starts at `s`.
    fn balance(&mut self, s: usize, p: usize) -> Result<Option<usize>, PatternError> {
        let [open, close, ..] = self.pattern[p..] else {
            return Err(PatternError::MissingBalanceArguments);
        };
        if self.subject.get(s) != Some(&open) {
            return Ok(None);
        }
        let mut nesting = 1usize;
        for (offset, &byte) in self.subject[s + 1..].iter().enumerate() {
            // If both delimiters are the same byte, it closes.
            if byte == close {
                nesting -= 1;
                if nesting == 0 {
                    self.steps += offset as u64;
                    return Ok(Some(s + offset + 2));
                }
            } else if byte == open {
                nesting += 1;
            }
        }
        self.steps += (self.subject.len() - s) as u64;
        Ok(None)
    }

    /// `%1` to `%9`: the end of a repetition at `s` of what the capture holds.
    fn back_reference(&mut self, s: usize, digit: u8) -> Result<Option<usize>, PatternError> {
        let number = i32::from(digit - b'0');
        let invalid = PatternError::InvalidCaptureIndex(number);
        let index =
            usize::from(digit - b'0').checked_sub(1).filter(|index| *index < self.slots.len()).ok_or(invalid)?;
        if self.open & 1 << index != 0 {
            return Err(invalid);
        }
        match self.slots[index] {
            // A position holds no text that could be repeated.
            Slot { end: POSITION, .. } => Ok(None),
            Slot { start, end } => {
                let text = &self.subject[start..end];
                self.steps += text.len() as u64 / 16;
                Ok(self.subject[s..].starts_with(text).then_some(s + text.len()))
            }
        }
    }
}

/// A pattern item that matches one byte.
#[derive(Clone, Copy)]
enum Single<'a> {
    Any,
    Literal(u8),
    Class {
        mask: u16,
        negated: bool,
    },
    /// The text between the brackets, without `^`.
    Set {
        body: &'a [u8],
        negated: bool,
    },
}

impl<'a> Single<'a> {
    /// Reads the item at offset `p` (which exists) and returns it with the offset behind it.
    #[inline]
    fn parse(pattern: &'a [u8], p: usize) -> Result<(Single<'a>, usize), PatternError> {
        match pattern[p] {
            b'.' => Ok((Single::Any, p + 1)),
            b'%' => {
                let letter = *pattern.get(p + 1).ok_or(PatternError::EndsWithEscape)?;
                Ok((Single::escaped(letter), p + 2))
            }
            b'[' => {
                let negated = pattern.get(p + 1) == Some(&b'^');
                let start = p + 1 + usize::from(negated);
                let mut end = start;
                // A bracket in the first place is a member.
                loop {
                    let byte = *pattern.get(end).ok_or(PatternError::MissingBracket)?;
                    if byte == b']' && end > start {
                        return Ok((Single::Set { body: &pattern[start..end], negated }, end + 1));
                    }
                    end += if byte == b'%' { 2 } else { 1 };
                }
            }
            literal => Ok((Single::Literal(literal), p + 1)),
        }
    }

    /// The meaning of `%` followed by `letter`.
    #[inline]
    fn escaped(letter: u8) -> Single<'a> {
        match class_mask(letter.to_ascii_lowercase()) {
            Some(mask) => Single::Class { mask, negated: letter.is_ascii_uppercase() },
            None => Single::Literal(letter),
        }
    }

    #[inline(always)]
    fn matches(self, byte: u8) -> bool {
        match self {
            Single::Any => true,
            Single::Literal(literal) => byte == literal,
            Single::Class { mask, negated } => is_in_class(byte, mask) != negated,
            Single::Set { body, negated } => is_in_set(byte, body) != negated,
        }
    }

    /// How many bytes at the beginning of `text` match.
    fn run_length(self, text: &[u8]) -> usize {
        // One loop per kind keeps the choice of the kind out of the loop.
        let end = match self {
            Single::Any => None,
            Single::Literal(literal) => text.iter().position(|&byte| byte != literal),
            Single::Class { mask, negated } => text.iter().position(|&byte| is_in_class(byte, mask) == negated),
            Single::Set { body, negated } => text.iter().position(|&byte| is_in_set(byte, body) == negated),
        };
        end.unwrap_or(text.len())
    }
}

fn is_in_set(byte: u8, mut body: &[u8]) -> bool {
    loop {
        let hit = match *body {
            [] => return false,
            [b'%', letter, ref rest @ ..] => {
                body = rest;
                Single::escaped(letter).matches(byte)
            }
            // An escape that would be the range's end left of the closing bracket stands for that bracket.
            [b'%'] => return byte == b']',
            [first, b'-', last, ref rest @ ..] => {
                body = rest;
                (first..=last).contains(&byte)
            }
            [literal, ref rest @ ..] => {
                body = rest;
                byte == literal
            }
        };
        if hit {
            return true;
        }
    }
}

const ALPHA: u16 = 1;
const CONTROL: u16 = 1 << 1;
const DIGIT: u16 = 1 << 2;
const LOWER: u16 = 1 << 3;
const PUNCTUATION: u16 = 1 << 4;
const SPACE: u16 = 1 << 5;
const UPPER: u16 = 1 << 6;
const HEXADECIMAL: u16 = 1 << 7;
const ZERO: u16 = 1 << 8;

/// For each byte, the classes it belongs to in the C locale.
static CLASSES: [u16; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let byte = index as u8;
        let mut mask = 0;
        if byte.is_ascii_alphabetic() {
            mask |= ALPHA;
        }
        if byte.is_ascii_control() {
            mask |= CONTROL;
        }
        if byte.is_ascii_digit() {
            mask |= DIGIT;
        }
        if byte.is_ascii_lowercase() {
            mask |= LOWER;
        }
        if byte.is_ascii_punctuation() {
            mask |= PUNCTUATION;
        }
        if matches!(byte, b' ' | b'\t'..=b'\r') {
            mask |= SPACE;
        }
        if byte.is_ascii_uppercase() {
            mask |= UPPER;
        }
        if byte.is_ascii_hexdigit() {
            mask |= HEXADECIMAL;
        }
        if byte == 0 {
            mask |= ZERO;
        }
        table[index] = mask;
        index += 1;
    }
    table
};

/// The classes that the lower-case letter of a `%` item stands for.
#[inline]
fn class_mask(letter: u8) -> Option<u16> {
    Some(match letter {
        b'a' => ALPHA,
        b'c' => CONTROL,
        b'd' => DIGIT,
        b'g' => ALPHA | DIGIT | PUNCTUATION,
        b'l' => LOWER,
        b'p' => PUNCTUATION,
        b's' => SPACE,
        b'u' => UPPER,
        b'w' => ALPHA | DIGIT,
        b'x' => HEXADECIMAL,
        // Undocumented since 5.2, still understood by 5.3.
        b'z' => ZERO,
        _ => return None,
    })
}

#[inline]
fn is_in_class(byte: u8, mask: u16) -> bool {
    CLASSES[usize::from(byte)] & mask != 0
}

#[inline]
fn is_special(byte: u8) -> bool {
    matches!(byte, b'^' | b'$' | b'*' | b'+' | b'?' | b'.' | b'(' | b'[' | b'%' | b'-')
}

/// Whether `pattern` contains a byte that can have a meaning other than itself; if not, plain search finds the same.
pub fn has_specials(pattern: &[u8]) -> bool {
    pattern.iter().any(|&byte| is_special(byte))
}

/// The offset of the first occurrence of `needle` at `from` or later. `from` is at most the length of `haystack`.
pub fn find_plain(haystack: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    memchr::memmem::find(&haystack[from..], needle).map(|offset| from + offset)
}

#[cfg(test)]
mod tests;

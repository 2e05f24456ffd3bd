//! Process identifiers: a number inside the runtime, `{host|0x0002a}` in programs.

use std::fmt;

use smallvec::SmallVec;

/// Names one process for as long as the runtime lives; numbers are never used twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Pid(pub u64);

/// The sender shown for messages that no process sent.
pub const NOBODY: Pid = Pid(0);

impl Pid {
    /// The text form under a host id.
    pub fn display(self, host: &str) -> Display<'_> {
        Display { pid: self, host }
    }

    /// Reads the text form. `None` if it is no PID of this host at all.
    pub fn parse(text: &[u8], host: &str) -> Option<Pid> {
        let inner = text.strip_prefix(b"{")?.strip_suffix(b"}")?;
        let rest = inner.strip_prefix(host.as_bytes())?.strip_prefix(b"|")?;
        // With two bars the middle field is ignored.
        let number = rest.iter().rposition(|byte| *byte == b'|').map_or(rest, |bar| &rest[bar + 1..]);
        let digits = number.strip_prefix(b"0x")?;
        if digits.is_empty() || digits.len() > 16 {
            return None;
        }
        digits.iter().try_fold(0u64, |sum, digit| Some(sum << 4 | u64::from(hex_digit(*digit)?))).map(Pid)
    }

    /// Whether a text has the form of a PID, of whatever host; if not, it is a name.
    pub fn looks_like(text: &[u8]) -> bool {
        text.first() == Some(&b'{') && text.last() == Some(&b'}') && text.contains(&b'|')
    }
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// The bytes of a PID in text form.
pub type PidText = SmallVec<[u8; 64]>;

/// Shows a [`Pid`].
#[derive(Clone, Copy)]
pub struct Display<'a> {
    pid: Pid,
    host: &'a str,
}

impl Display<'_> {
    /// The text, made without the machinery of `format!`: every spawn makes one.
    pub fn text(&self) -> PidText {
        let mut text = SmallVec::new();
        if self.pid == NOBODY {
            text.extend_from_slice(b"{|}");
            return text;
        }
        text.push(b'{');
        text.extend_from_slice(self.host.as_bytes());
        text.extend_from_slice(b"|0x");
        let number = self.pid.0;
        let digits = (64 - number.leading_zeros() as usize).div_ceil(4).max(5);
        let mut end = *b"0000000000000000}";
        for (i, place) in end[..16].iter_mut().enumerate() {
            *place = b"0123456789abcdef"[(number >> (60 - 4 * i) & 15) as usize];
        }
        text.extend_from_slice(&end[16 - digits..]);
        text
    }
}

impl fmt::Display for Display<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number() {
        for (number, text) in
            [(0x2a, "{app:p|0x0002a}"), (0x100000, "{app:p|0x100000}"), (u64::MAX, "{app:p|0xffffffffffffffff}")]
        {
            assert_eq!(Pid(number).display("app:p").to_string(), text);
            assert_eq!(Pid::parse(text.as_bytes(), "app:p"), Some(Pid(number)));
        }
        assert_eq!(Pid::parse(b"{app:p|middle|0x0002a}", "app:p"), Some(Pid(0x2a)));
        for wrong in ["", "{}", "{app:p}", "{app:p|}", "{app:p|0x}", "{app:p|0x0002A}", "{other|0x0002a}", "worker"] {
            assert_eq!(Pid::parse(wrong.as_bytes(), "app:p"), None, "{wrong}");
        }
        assert!(Pid::looks_like(b"{other|0x1}") && !Pid::looks_like(b"worker"));
    }
}

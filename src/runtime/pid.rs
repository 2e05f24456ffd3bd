//! Process identifiers: a number inside the runtime, `{host|0x0002a}` in programs. The upper bits of the number say which
//! host; [`Hosts`](super::hosts::Hosts) knows its name.

use std::fmt;

use smallvec::SmallVec;

/// Names one process for as long as the runtime lives; numbers are never used twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Pid(pub u64);

/// The sender shown for messages that no process sent.
pub const NOBODY: Pid = Pid(0);

/// Bits of the number below those that name the host.
const NUMBER_BITS: u32 = 48;

impl Pid {
    /// The PID with this number on a host.
    pub fn new(host: u16, number: u64) -> Pid {
        Pid(u64::from(host) << NUMBER_BITS | number & ((1 << NUMBER_BITS) - 1))
    }

    /// The index of its host.
    #[inline]
    pub fn host(self) -> u16 {
        (self.0 >> NUMBER_BITS) as u16
    }

    fn number(self) -> u64 {
        Pid::new(0, self.0).0
    }

    /// The text form under a host id.
    pub fn display(self, host: &str) -> Display<'_> {
        Display { pid: self, host }
    }

    /// Reads the text form: the id of the host, and the number. `None` if it is none.
    pub fn parse(text: &[u8]) -> Option<(&[u8], u64)> {
        let inner = text.strip_prefix(b"{")?.strip_suffix(b"}")?;
        let bar = inner.iter().position(|byte| *byte == b'|')?;
        let (host, rest) = (&inner[..bar], &inner[bar + 1..]);
        // With two bars the middle field is ignored.
        let number = rest.iter().rposition(|byte| *byte == b'|').map_or(rest, |bar| &rest[bar + 1..]);
        let digits = number.strip_prefix(b"0x")?;
        if digits.is_empty() || digits.len() > NUMBER_BITS as usize / 4 {
            return None;
        }
        let number = digits.iter().try_fold(0u64, |sum, digit| Some(sum << 4 | u64::from(hex_digit(*digit)?)))?;
        Some((host, number))
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
        let number = self.pid.number();
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
            [(0x2a, "{app:p|0x0002a}"), (0x100000, "{app:p|0x100000}"), (0xffff_ffff_ffff, "{app:p|0xffffffffffff}")]
        {
            assert_eq!(Pid(number).display("app:p").to_string(), text);
            assert_eq!(Pid::parse(text.as_bytes()), Some((&b"app:p"[..], number)));
            assert_eq!(Pid::new(3, number).display("app:p").to_string(), text);
            assert_eq!(Pid::new(3, number).host(), 3);
        }
        assert_eq!(Pid::parse(b"{app:p|middle|0x0002a}"), Some((&b"app:p"[..], 0x2a)));
        for wrong in ["", "{}", "{app:p}", "{app:p|}", "{app:p|0x}", "{app:p|0x0002A}", "worker"] {
            assert_eq!(Pid::parse(wrong.as_bytes()), None, "{wrong}");
        }
        assert!(Pid::looks_like(b"{other|0x1}") && !Pid::looks_like(b"worker"));
    }
}

//! Messages of the domain name system (RFC 1035), as far as addresses are asked for. Pure; no input makes it panic.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// IPv4.
    A = 1,
    /// IPv6.
    Aaaa = 28,
}

const INTERNET: u16 = 1;
const HEADER: usize = 12;
/// Longer names and labels do not exist.
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// What an answer says.
#[derive(PartialEq, Eq, Debug)]
pub enum Answer {
    /// The name has these addresses, perhaps none.
    Addresses(Vec<IpAddr>),
    /// There is more than fits a datagram; ask again over TCP.
    Truncated,
    /// The server cannot or will not tell.
    Failed,
}

/// Whether this can be a name at all. A dot at its end is not part of it.
pub fn is_name(name: &str) -> bool {
    let label =
        |label: &str| (1..=MAX_LABEL).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_graphic());
    (1..=MAX_NAME).contains(&name.len()) && name.split('.').all(label)
}

/// The question for the addresses of a name, which [`is_name`].
pub fn question(id: u16, name: &str, kind: Kind) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER + name.len() + 6);
    // One question, to be answered by asking others.
    for word in [id, 0x0100, 1, 0, 0, 0] {
        message.extend(word.to_be_bytes());
    }
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend(label.bytes());
    }
    message.push(0);
    message.extend((kind as u16).to_be_bytes());
    message.extend(INTERNET.to_be_bytes());
    message
}

/// Reads what came back for a question. `None` if it does not answer that question: somebody else has sent it.
pub fn answer(question: &[u8], message: &[u8], kind: Kind) -> Option<Answer> {
    let word = |at: usize| Some(u16::from_be_bytes(message.get(at..at + 2)?.try_into().ok()?));
    let asked = question.get(HEADER..)?;
    let repeated = message.get(HEADER..HEADER + asked.len());
    let flags = word(2)?;
    let is_answer = message.get(..2)? == question.get(..2)? && flags & 0x8000 != 0;
    if !is_answer || !repeated.is_none_or(|repeated| repeated.eq_ignore_ascii_case(asked)) {
        return None;
    }
    match flags & 0xf {
        // No error, or no such name.
        0 | 3 => {}
        _ => return Some(Answer::Failed),
    }
    if flags & 0x0200 != 0 {
        return Some(Answer::Truncated);
    }
    Some(records(message, asked.len(), word(6)?, kind).map_or(Answer::Failed, Answer::Addresses))
}

/// The addresses among the records of an answer. Those of other names are there because the name is an alias for them.
fn records(message: &[u8], question: usize, count: u16, kind: Kind) -> Option<Vec<IpAddr>> {
    let mut addresses = Vec::new();
    let mut at = HEADER + question;
    for _ in 0..count {
        at = after_name(message, at)?;
        let fixed = message.get(at..at + 10)?;
        let len = usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
        let data = message.get(at + 10..at + 10 + len)?;
        at += 10 + len;
        if fixed[..2] != (kind as u16).to_be_bytes() || fixed[2..4] != INTERNET.to_be_bytes() {
            continue;
        }
        addresses.push(match kind {
            Kind::A => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?)),
            Kind::Aaaa => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?)),
        });
    }
    Some(addresses)
}

/// Where the name at `at` ends: at a zero, or with a reference to another place.
fn after_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            byte if byte & 0xc0 == 0xc0 => return Some(at + 2),
            len => at += 1 + usize::from(len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer with records of type, class and data.
    fn reply(question: &[u8], flags: u16, records: &[(u16, u16, &[u8])]) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2..4].copy_from_slice(&flags.to_be_bytes());
        message[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
        for (kind, class, data) in records {
            message.extend([0xc0, 12]);
            message.extend(kind.to_be_bytes());
            message.extend(class.to_be_bytes());
            message.extend(60_u32.to_be_bytes());
            message.extend((data.len() as u16).to_be_bytes());
            message.extend(*data);
        }
        message
    }

    #[test]
    fn a_question_is_as_the_standard_writes_it() {
        let message = question(0x1234, "a.bc", Kind::Aaaa);
        assert_eq!(message, b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x02bc\x00\x00\x1c\x00\x01");
    }

    #[test]
    fn addresses_are_found_behind_aliases() {
        let question = question(7, "www.example.com", Kind::A);
        let message = reply(
            &question,
            0x8180,
            &[(5, 1, b"\x01x\xc0\x0c"), (1, 1, &[1, 2, 3, 4]), (28, 1, &[0; 16]), (1, 1, &[5; 4])],
        );
        let expected = ["1.2.3.4", "5.5.5.5"].map(|text| text.parse().expect("an address"));
        assert_eq!(answer(&question, &message, Kind::A), Some(Answer::Addresses(expected.into())));
    }

    #[test]
    fn answers_without_addresses() {
        let question = question(7, "example.com", Kind::A);
        let read = |message: &[u8]| answer(&question, message, Kind::A);
        assert_eq!(read(&reply(&question, 0x8183, &[])), Some(Answer::Addresses(Vec::new())), "no such name");
        assert_eq!(read(&reply(&question, 0x8182, &[])), Some(Answer::Failed), "the server failed");
        assert_eq!(read(&reply(&question, 0x8380, &[])), Some(Answer::Truncated));
        assert_eq!(read(&reply(&question, 0x8180, &[(1, 1, &[1, 2, 3])])), Some(Answer::Failed), "three bytes");
        assert_eq!(read(&reply(&question, 0x0100, &[])), None, "a question");
        assert_eq!(read(&reply(&super::question(8, "example.com", Kind::A), 0x8180, &[])), None, "another id");
        assert_eq!(read(&reply(&super::question(7, "example.org", Kind::A), 0x8180, &[])), None, "another name");
    }

    #[test]
    fn broken_messages_are_no_answers() {
        let question = question(7, "example.com", Kind::A);
        let whole = reply(&question, 0x8180, &[(1, 1, &[1, 2, 3, 4])]);
        for end in 0..whole.len() {
            assert!(matches!(answer(&question, &whole[..end], Kind::A), None | Some(Answer::Failed)), "{end}");
        }
    }

    #[test]
    fn names() {
        for name in ["a", "a.b-c.d", "_srv.example"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "a..b", "a.", "a b", "ä", &"x".repeat(64), &"x.".repeat(127)] {
            assert!(!is_name(name), "{name}");
        }
    }
}

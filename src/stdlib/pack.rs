//! The binary formats of `string.pack`, `string.unpack` and `string.packsize` (manual §6.4.2).
//!
//! [`Items`] reads a format string and yields one [`Item`] per option that moves the position, with its alignment
//! already worked out; an item packs or unpacks one value. Modes (`<`, `>`, `=`, `!`, space) never surface.
//!
//! The caller supplies the position so far (for alignment) and decides which argument an error blames, see
//! [`PackError::blames_format`].

use std::fmt;

/// The widest integer.
const MAX_INT_SIZE: usize = 16;
/// Bytes in Lua's own integer.
const INT_SIZE: usize = 8;
/// The alignment `!` stands for.
const NATIVE_ALIGN: usize = 8;
/// Results of `packsize` and sizes in formats stay within C's `int`, as in the reference implementation.
const MAX_SIZE: usize = i32::MAX as usize;

/// Why a format or a value is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackError {
    /// A letter that is no option.
    InvalidOption(u8),
    /// The size of an integer outside 1 to 16.
    SizeOutOfLimits(usize),
    /// `c` without a number.
    MissingSize,
    /// `X` not followed by an option with an alignment.
    InvalidNextOption,
    /// An alignment is not a power of two.
    AlignmentNotPowerOfTwo,
    /// `packsize` of `s` or `z`.
    VariableLength,
    /// `packsize` of more than [`MAX_SIZE`] bytes.
    ResultTooLarge,
    /// The value does not fit in a signed integer of that size.
    IntegerOverflow,
    /// The value does not fit in an unsigned integer of that size.
    UnsignedOverflow,
    /// A string's length does not fit in the prefix.
    LengthOverflow,
    /// A string is longer than its field.
    StringTooLong,
    /// A string for `z` has a zero byte.
    StringContainsZeros,
    /// The data end within the item.
    DataTooShort,
    /// An integer of this many bytes has no 64-bit value.
    DoesNotFit(usize),
}

impl PackError {
    /// Whether the error is reported as a bad argument #1, the format. The flaws in an option's own text, and
    /// [`PackError::DoesNotFit`], blame no argument; all others blame the value or the data.
    pub fn blames_format(self) -> bool {
        use PackError::*;
        matches!(self, InvalidNextOption | AlignmentNotPowerOfTwo | VariableLength | ResultTooLarge)
    }

    /// Whether the error is reported without blaming an argument.
    pub fn blames_nothing(self) -> bool {
        use PackError::*;
        matches!(self, InvalidOption(_) | SizeOutOfLimits(_) | MissingSize | DoesNotFit(_))
    }
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            PackError::InvalidOption(letter @ b' '..=b'~') => {
                return write!(f, "invalid format option '{}'", char::from(letter));
            }
            PackError::InvalidOption(byte) => return write!(f, "invalid format option '<\\{byte}>'"),
            PackError::SizeOutOfLimits(size) => {
                return write!(f, "integral size ({size}) out of limits [1,{MAX_INT_SIZE}]");
            }
            PackError::MissingSize => "missing size for format option 'c'",
            PackError::InvalidNextOption => "invalid next option for option 'X'",
            PackError::AlignmentNotPowerOfTwo => "format asks for alignment not power of 2",
            PackError::VariableLength => "variable-length format",
            PackError::ResultTooLarge => "format result too large",
            PackError::IntegerOverflow => "integer overflow",
            PackError::UnsignedOverflow => "unsigned overflow",
            PackError::LengthOverflow => "string length does not fit in given size",
            PackError::StringTooLong => "string longer than given size",
            PackError::StringContainsZeros => "string contains zeros",
            PackError::DataTooShort => "data string too short",
            PackError::DoesNotFit(size) => return write!(f, "{size}-byte integer does not fit into Lua Integer"),
        })
    }
}

impl std::error::Error for PackError {}

/// What an item holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An integer of [`Item::size`] bytes.
    Int {
        /// Two's complement.
        signed: bool,
    },
    /// A float of [`Item::size`] bytes: 4 or 8.
    Float,
    /// A string of exactly [`Item::size`] bytes.
    FixedString,
    /// A string behind its length, which takes [`Item::size`] bytes.
    PrefixedString,
    /// A string that ends with a zero byte.
    ZeroTerminated,
    /// [`Item::size`] bytes that hold no value: padding, or nothing but alignment.
    Padding,
}

/// One option of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it holds.
    pub kind: Kind,
    /// Its size in bytes, see [`Kind`].
    pub size: usize,
    /// How many bytes of alignment precede it.
    pub align: usize,
    big_endian: bool,
}

/// A value read by [`Item::unpack`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unpacked<'d> {
    /// From [`Kind::Int`].
    Int(i64),
    /// From [`Kind::Float`].
    Float(f64),
    /// From any of the strings.
    Bytes(&'d [u8]),
    /// From [`Kind::Padding`].
    Nothing,
}

/// Reads a format string.
#[derive(Clone, Debug)]
pub struct Items<'f> {
    format: &'f [u8],
    big_endian: bool,
    max_align: usize,
}

impl<'f> Items<'f> {
    /// Starts with native byte order and without alignment.
    pub fn new(format: &'f [u8]) -> Items<'f> {
        Items { format, big_endian: cfg!(target_endian = "big"), max_align: 1 }
    }

    /// The next item, if it is to be placed at offset `position`; `None` at the end of the format.
    pub fn next(&mut self, position: usize) -> Result<Option<Item>, PackError> {
        while let Some(letter) = self.take() {
            let mut align_to = None;
            let (kind, size) = if letter == b'X' {
                let next = match self.take() {
                    Some(b'X') | None => None,
                    Some(letter) => self.option(letter)?,
                };
                match next {
                    Some((kind, size)) if size > 0 && kind != Kind::FixedString => align_to = Some(size),
                    _ => return Err(PackError::InvalidNextOption),
                }
                (Kind::Padding, 0)
            } else {
                match self.option(letter)? {
                    Some(option) => option,
                    None => continue,
                }
            };
            let wanted = match (align_to, kind) {
                (Some(size), _) => size,
                (None, Kind::FixedString) => 1,
                (None, _) => size,
            };
            let align = self.padding(wanted, position)?;
            return Ok(Some(Item { kind, size, align, big_endian: self.big_endian }));
        }
        Ok(None)
    }

    fn padding(&self, wanted: usize, position: usize) -> Result<usize, PackError> {
        if wanted <= 1 {
            return Ok(0);
        }
        let align = wanted.min(self.max_align);
        if !align.is_power_of_two() {
            return Err(PackError::AlignmentNotPowerOfTwo);
        }
        Ok(position.wrapping_neg() & (align - 1))
    }

    fn take(&mut self) -> Option<u8> {
        let (&letter, rest) = self.format.split_first()?;
        self.format = rest;
        Some(letter)
    }

    /// Interprets one option; `None` if it only sets a mode.
    fn option(&mut self, letter: u8) -> Result<Option<(Kind, usize)>, PackError> {
        let int = |signed, size| (Kind::Int { signed }, size);
        Ok(Some(match letter {
            b'b' | b'B' => int(letter == b'b', 1),
            b'h' | b'H' => int(letter == b'h', 2),
            b'l' | b'j' => int(true, 8),
            b'L' | b'J' | b'T' => int(false, 8),
            b'i' | b'I' => int(letter == b'i', self.int_size(4)?),
            b's' => (Kind::PrefixedString, self.int_size(8)?),
            b'f' => (Kind::Float, 4),
            b'd' | b'n' => (Kind::Float, 8),
            b'c' => (Kind::FixedString, self.number().ok_or(PackError::MissingSize)?),
            b'z' => (Kind::ZeroTerminated, 0),
            b'x' => (Kind::Padding, 1),
            mode => {
                match mode {
                    b' ' => {}
                    b'<' => self.big_endian = false,
                    b'>' => self.big_endian = true,
                    b'=' => self.big_endian = cfg!(target_endian = "big"),
                    b'!' => self.max_align = self.int_size(NATIVE_ALIGN)?,
                    _ => return Err(PackError::InvalidOption(mode)),
                }
                return Ok(None);
            }
        }))
    }

    fn int_size(&mut self, default: usize) -> Result<usize, PackError> {
        let size = self.number().unwrap_or(default);
        if (1..=MAX_INT_SIZE).contains(&size) { Ok(size) } else { Err(PackError::SizeOutOfLimits(size)) }
    }

    /// A decimal number; digits past what surely fits in an `int` are left to be refused as options.
    fn number(&mut self) -> Option<usize> {
        let mut value: Option<usize> = None;
        while let Some(digit @ b'0'..=b'9') = self.format.first()
            && value.unwrap_or(0) <= (MAX_SIZE - 9) / 10
        {
            value = Some(value.unwrap_or(0) * 10 + usize::from(digit - b'0'));
            self.format = &self.format[1..];
        }
        value
    }
}

impl Item {
    /// Writes the alignment and, for [`Kind::Padding`], the item itself. Comes before the value.
    pub fn pack_padding(&self, out: &mut Vec<u8>) {
        let own = if self.kind == Kind::Padding { self.size } else { 0 };
        out.resize(out.len() + self.align + own, 0);
    }

    /// Writes the value of [`Kind::Int`].
    pub fn pack_int(&self, value: i64, out: &mut Vec<u8>) -> Result<(), PackError> {
        let signed = self.kind == Kind::Int { signed: true };
        if self.size < INT_SIZE {
            let bits = self.size * 8;
            if signed && !(-(1i64 << (bits - 1))..1i64 << (bits - 1)).contains(&value) {
                return Err(PackError::IntegerOverflow);
            }
            if !signed && value as u64 >= 1u64 << bits {
                return Err(PackError::UnsignedOverflow);
            }
        }
        let wide = if signed { i128::from(value) } else { i128::from(value as u64) };
        self.put_int(wide, out);
        Ok(())
    }

    /// Writes the value of [`Kind::Float`].
    pub fn pack_float(&self, value: f64, out: &mut Vec<u8>) {
        let bits = if self.size == 4 { u64::from((value as f32).to_bits()) } else { value.to_bits() };
        self.put_int(i128::from(bits), out);
    }

    /// Writes the value of one of the string kinds.
    pub fn pack_bytes(&self, text: &[u8], out: &mut Vec<u8>) -> Result<(), PackError> {
        match self.kind {
            Kind::PrefixedString => {
                if self.size < INT_SIZE && text.len() as u64 >= 1u64 << (self.size * 8) {
                    return Err(PackError::LengthOverflow);
                }
                self.put_int(text.len() as i128, out);
                out.extend_from_slice(text);
            }
            Kind::ZeroTerminated => {
                if text.contains(&0) {
                    return Err(PackError::StringContainsZeros);
                }
                out.extend_from_slice(text);
                out.push(0);
            }
            _ => {
                let missing = self.size.checked_sub(text.len()).ok_or(PackError::StringTooLong)?;
                out.extend_from_slice(text);
                out.resize(out.len() + missing, 0);
            }
        }
        Ok(())
    }

    fn put_int(&self, value: i128, out: &mut Vec<u8>) {
        if self.big_endian {
            out.extend_from_slice(&value.to_be_bytes()[MAX_INT_SIZE - self.size..]);
        } else {
            out.extend_from_slice(&value.to_le_bytes()[..self.size]);
        }
    }

    /// Reads alignment and value at `*position` of `data` and moves the position behind them.
    pub fn unpack<'d>(&self, data: &'d [u8], position: &mut usize) -> Result<Unpacked<'d>, PackError> {
        let mut rest = data.get(*position..).and_then(|rest| rest.get(self.align..)).ok_or(PackError::DataTooShort)?;
        let value = match self.kind {
            Kind::Padding => {
                split(&mut rest, self.size)?;
                Unpacked::Nothing
            }
            Kind::Int { signed } => Unpacked::Int(self.read_int(split(&mut rest, self.size)?, signed)?),
            Kind::Float => {
                let bits = self.read_int(split(&mut rest, self.size)?, false)? as u64;
                Unpacked::Float(if self.size == 4 {
                    f64::from(f32::from_bits(bits as u32))
                } else {
                    f64::from_bits(bits)
                })
            }
            Kind::FixedString => Unpacked::Bytes(split(&mut rest, self.size)?),
            Kind::PrefixedString => {
                let length = self.read_int(split(&mut rest, self.size)?, false)? as u64;
                let length = usize::try_from(length).map_err(|_| PackError::DataTooShort)?;
                Unpacked::Bytes(split(&mut rest, length)?)
            }
            Kind::ZeroTerminated => {
                let length = memchr::memchr(0, rest).ok_or(PackError::DataTooShort)?;
                let text = split(&mut rest, length)?;
                split(&mut rest, 1)?;
                Unpacked::Bytes(text)
            }
        };
        *position = data.len() - rest.len();
        Ok(value)
    }

    fn read_int(&self, bytes: &[u8], signed: bool) -> Result<i64, PackError> {
        let mut little = [0; MAX_INT_SIZE];
        little[..bytes.len()].copy_from_slice(bytes);
        if self.big_endian {
            little[..bytes.len()].reverse();
        }
        let unused = 128 - bytes.len() as u32 * 8;
        let unsigned = u128::from_le_bytes(little);
        let value = ((unsigned << unused) as i128) >> unused;
        if bytes.len() <= INT_SIZE {
            return Ok(if signed { value as i64 } else { unsigned as i64 });
        }
        let fits = if signed { i64::try_from(value).is_ok() } else { u64::try_from(unsigned).is_ok() };
        if fits { Ok(unsigned as i64) } else { Err(PackError::DoesNotFit(bytes.len())) }
    }
}

fn split<'d>(rest: &mut &'d [u8], length: usize) -> Result<&'d [u8], PackError> {
    let (taken, remaining) = rest.split_at_checked(length).ok_or(PackError::DataTooShort)?;
    *rest = remaining;
    Ok(taken)
}

/// The length of what `format` packs, if every item has a fixed size.
pub fn pack_size(format: &[u8]) -> Result<usize, PackError> {
    let mut items = Items::new(format);
    let mut total = 0;
    while let Some(item) = items.next(total)? {
        if matches!(item.kind, Kind::PrefixedString | Kind::ZeroTerminated) {
            return Err(PackError::VariableLength);
        }
        let size = item.align + item.size;
        if size > MAX_SIZE - total {
            return Err(PackError::ResultTooLarge);
        }
        total += size;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn size(format: &str) -> Result<usize, String> {
        pack_size(format.as_bytes()).map_err(|error| error.to_string())
    }

    fn pack(format: &str, values: &[Unpacked<'_>]) -> Result<Vec<u8>, String> {
        let mut items = Items::new(format.as_bytes());
        let mut out = Vec::new();
        let mut values = values.iter();
        while let Some(item) = items.next(out.len()).map_err(|error| error.to_string())? {
            item.pack_padding(&mut out);
            if item.kind == Kind::Padding {
                continue;
            }
            match values.next().expect("a value for every item") {
                Unpacked::Int(value) => item.pack_int(*value, &mut out),
                Unpacked::Float(value) => {
                    item.pack_float(*value, &mut out);
                    Ok(())
                }
                Unpacked::Bytes(text) => item.pack_bytes(text, &mut out),
                Unpacked::Nothing => Ok(()),
            }
            .map_err(|error| error.to_string())?;
        }
        Ok(out)
    }

    fn unpack<'d>(format: &str, data: &'d [u8]) -> Result<(Vec<Unpacked<'d>>, usize), String> {
        let mut items = Items::new(format.as_bytes());
        let mut position = 0;
        let mut values = Vec::new();
        while let Some(item) = items.next(position).map_err(|error| error.to_string())? {
            match item.unpack(data, &mut position).map_err(|error| error.to_string())? {
                Unpacked::Nothing => {}
                value => values.push(value),
            }
        }
        Ok((values, position))
    }

    #[test]
    fn sizes() {
        for (format, expected) in [
            ("", 0),
            ("i16", 16),
            ("i", 4),
            ("!", 0),
            ("Xx", 0),
            ("Xs", 0),
            ("Xi16", 0),
            ("c0", 0),
            ("c10", 10),
            ("!4 i8", 8),
            ("!8i16", 16),
            ("i3", 3),
            ("<>=", 0),
            ("jJTnfdbBhHlL", 66),
            ("<!2 b Xh i4 i8 c1 Xi1", 15),
            ("!16 b Xi16", 16),
            ("!3b", 1),
        ] {
            assert_eq!(size(format), Ok(expected), "{format}");
        }
        let large = "c214748364".repeat(10);
        assert_eq!(size(&format!("{large}c7")), Ok(MAX_SIZE));
        for (format, expected) in [
            ("i0", "integral size (0) out of limits [1,16]"),
            ("s17", "integral size (17) out of limits [1,16]"),
            ("!17", "integral size (17) out of limits [1,16]"),
            ("i99999999999", "integral size (999999999) out of limits [1,16]"),
            ("y", "invalid format option 'y'"),
            ("\u{1}", "invalid format option '<\\1>'"),
            ("c", "missing size for format option 'c'"),
            ("c2147483647", "invalid format option '7'"),
            ("X", "invalid next option for option 'X'"),
            ("Xz", "invalid next option for option 'X'"),
            ("XX", "invalid next option for option 'X'"),
            ("Xc4", "invalid next option for option 'X'"),
            ("X<", "invalid next option for option 'X'"),
            ("!3i", "format asks for alignment not power of 2"),
            ("!4i3", "format asks for alignment not power of 2"),
            ("z", "variable-length format"),
            ("s4", "variable-length format"),
            (&format!("{large}c8"), "format result too large"),
        ] {
            assert_eq!(size(format), Err(expected.to_owned()), "{format}");
        }
    }

    #[test]
    fn packing() {
        use Unpacked::{Bytes, Float, Int};
        assert_eq!(pack("<i16", &[Int(-2)]), Ok([&[0xFE][..], &[0xFF; 15]].concat()));
        assert_eq!(pack("<I16", &[Int(-2)]), Ok([&[0xFE][..], &[0xFF; 7], &[0; 8]].concat()));
        assert_eq!(pack(">i3", &[Int(-8388608)]), Ok(vec![0x80, 0, 0]));
        assert_eq!(pack("<s2", &[Bytes(b"abc")]), Ok(b"\x03\0abc".to_vec()));
        assert_eq!(pack("z", &[Bytes(b"abc")]), Ok(b"abc\0".to_vec()));
        assert_eq!(pack("c5", &[Bytes(b"abc")]), Ok(b"abc\0\0".to_vec()));
        assert_eq!(pack("<f", &[Float(1e300)]), Ok(vec![0, 0, 0x80, 0x7F]));
        assert_eq!(pack(">d", &[Float(0.1)]), Ok(0.1f64.to_be_bytes().to_vec()));
        assert_eq!(pack("<!4 b i4", &[Int(1), Int(2)]), Ok(b"\x01\0\0\0\x02\0\0\0".to_vec()));
        assert_eq!(pack("<!4 b Xi4 b", &[Int(1), Int(2)]), Ok(b"\x01\0\0\0\x02".to_vec()));
        assert_eq!(pack("<!2 b s4", &[Int(1), Bytes(b"a")]), Ok(b"\x01\0\x01\0\0\0a".to_vec()));
        for (format, value, expected) in [
            ("i1", Int(128), "integer overflow"),
            ("i1", Int(-129), "integer overflow"),
            ("I1", Int(256), "unsigned overflow"),
            ("I1", Int(-1), "unsigned overflow"),
            ("i7", Int(1 << 55), "integer overflow"),
            ("s1", Bytes(&[b'x'; 256]), "string length does not fit in given size"),
            ("z", Bytes(b"a\0"), "string contains zeros"),
            ("c3", Bytes(b"abcd"), "string longer than given size"),
        ] {
            assert_eq!(pack(format, &[value]), Err(expected.to_owned()), "{format}");
        }
    }

    #[test]
    fn unpacking() {
        use Unpacked::{Bytes, Float, Int};
        let ones = [0xFF; 16];
        let half = [[0xFF; 8], [0; 8]].concat();
        assert_eq!(unpack("i1", &ones), Ok((vec![Int(-1)], 1)));
        assert_eq!(unpack("I1", &ones), Ok((vec![Int(255)], 1)));
        assert_eq!(unpack("i3", &ones), Ok((vec![Int(-1)], 3)));
        assert_eq!(unpack("i16", &ones), Ok((vec![Int(-1)], 16)));
        assert_eq!(unpack("<I16", &half), Ok((vec![Int(-1)], 16)));
        let too_wide = Err("16-byte integer does not fit into Lua Integer".to_owned());
        assert_eq!(unpack("I16", &ones), too_wide);
        assert_eq!(unpack("<i16", &half), too_wide);
        assert_eq!(unpack("s16", &ones), too_wide);
        assert_eq!(unpack("z", b"abc\0d"), Ok((vec![Bytes(b"abc")], 4)));
        assert_eq!(unpack("s1", b"\x03abcd"), Ok((vec![Bytes(b"abc")], 4)));
        assert_eq!(unpack("<!4 b i4", b"\x01\0\0\0\x02\0\0\0"), Ok((vec![Int(1), Int(2)], 8)));
        assert_eq!(unpack("<f", b"\xcd\xcc\xcc\x3d"), Ok((vec![Float(f64::from(0.1f32))], 4)));
        for (format, data) in [
            ("i2", &ones[..1]),
            ("z", b"abc"),
            ("s1", b"\x05abc"),
            ("c3", b"ab"),
            ("x", b""),
            ("!4 b i4", b"\x01\0\0"),
            ("s8", &ones),
            ("c214748364", b""),
        ] {
            assert_eq!(unpack(format, data), Err("data string too short".to_owned()), "{format}");
        }
    }

    proptest! {
        #[test]
        fn integers_survive(value: i64, size in 1usize..=16, big: bool, signed: bool, prefix in 0usize..9) {
            let bits = size.min(8) as u32 * 8;
            let value = if signed { value << (64 - bits) >> (64 - bits) } else { ((value as u64) << (64 - bits) >> (64 - bits)) as i64 };
            let format = format!("{}{}{}{size}", "x".repeat(prefix), if big { '>' } else { '<' }, if signed { 'i' } else { 'I' });
            let data = pack(&format, &[Unpacked::Int(value)]).expect("fits");
            prop_assert_eq!(data.len(), size + prefix);
            prop_assert_eq!(unpack(&format, &data), Ok((vec![Unpacked::Int(value)], data.len())));
        }

        #[test]
        fn mixtures_survive(a: i16, f: f64, text in "[a-z]{0,9}", align in prop::sample::select(vec![1, 2, 4, 8, 16])) {
            let format = format!("!{align} h d s4 z j");
            let values = [
                Unpacked::Int(i64::from(a)), Unpacked::Float(f), Unpacked::Bytes(text.as_bytes()),
                Unpacked::Bytes(text.as_bytes()), Unpacked::Int(7),
            ];
            let data = pack(&format, &values).expect("valid");
            prop_assert_eq!(unpack(&format, &data), Ok((values.to_vec(), data.len())));
        }

        #[test]
        fn never_panics(format in "[<>=! bBhHlLjJTfdniIszxXc0-9]{0,10}", data in prop::collection::vec(any::<u8>(), 0..32)) {
            // Whatever the outcome: the data are untrusted.
            let _ = unpack(&format, &data);
        }
    }
}

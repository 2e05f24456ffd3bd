//! Files as host objects, and their methods (manual §6.8).

use std::io::{self, SeekFrom};

use smallvec::SmallVec;

use super::output::Buffering;
use super::stream::{Shared, Stream, standard};
use super::system::{error_text, exit_results, failure, outcome};
use crate::number::{FloatSpec, FloatStyle, format_float, parse_number, write_integer};
use crate::vm::Vm;
use crate::vm::arith::to_number;
use crate::vm::error::LuaError;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::raw::string_bytes;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The host object.
pub(super) struct LuaFile {
    /// `None` once it is closed.
    stream: Option<Shared>,
    /// Whether it is one of the standard streams, which stay open.
    standard: bool,
}

impl UserData for LuaFile {
    fn class(&self) -> &'static str {
        CLASS.name
    }
}

/// The class of files.
static CLASS: Class = Class {
    name: "FILE*",
    methods: &[
        Native::new("close", close),
        Native::new("flush", flush),
        Native::new("lines", lines),
        Native::new("read", read),
        Native::new("seek", seek),
        Native::new("setvbuf", setvbuf),
        Native::new("write", write),
    ],
    metamethods: &[Native::new("__gc", collect), Native::new("__tostring", to_string)],
};

/// The most formats of a `lines` iterator.
const MAX_FORMATS: u32 = 250;
/// The longest numeral that is read.
const MAX_NUMERAL: usize = 200;

/// A file object on a stream.
pub(super) fn new_file(vm: &mut Vm, stream: Shared) -> Result<Value, Box<LuaError>> {
    vm.new_userdata(LuaFile { stream: Some(stream), standard: false }, &CLASS)
}

/// A file object on standard input, output or error (0, 1, 2).
pub(super) fn new_standard_file(vm: &mut Vm, index: usize) -> Result<Value, Box<LuaError>> {
    vm.new_userdata(LuaFile { stream: Some(standard(index)), standard: true }, &CLASS)
}

/// Argument `i` as a file, open or closed.
pub(super) fn check_file<'a>(vm: &mut Vm, args: Args, i: u32) -> Result<&'a mut LuaFile, Box<LuaError>> {
    args.check_userdata(vm, i, CLASS.name)
}

/// Argument `i` as the stream of an open file.
pub(super) fn check_stream<'a>(vm: &mut Vm, args: Args, i: u32) -> Result<&'a Shared, Box<LuaError>> {
    match &check_file(vm, args, i)?.stream {
        Some(stream) => Ok(stream),
        None => Err(vm.error("attempt to use a closed file")),
    }
}

impl LuaFile {
    /// Whether it can be used.
    pub(super) fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// Closes it; the results are those of `file:close`.
    pub(super) fn close(&mut self, vm: &mut Vm) -> NativeResult {
        if self.standard {
            let message = vm.string(b"cannot close standard file")?;
            vm.push_all(&[Value::NIL, message])?;
            return Ok(Flow::Return(2));
        }
        let Some(stream) = self.stream.take() else { return Err(vm.error("attempt to use a closed file")) };
        let closed = stream.lock().close();
        match closed {
            Ok(None) => vm.answer(Value::TRUE),
            Ok(Some(status)) => exit_results(vm, status),
            Err(error) => failure(vm, &error, None),
        }
    }
}

fn close(vm: &mut Vm, args: Args) -> NativeResult {
    check_file(vm, args, 0)?.close(vm)
}

/// `__gc`, for programs that call it themselves: the collector drops a file, which closes it.
fn collect(vm: &mut Vm, args: Args) -> NativeResult {
    let file = check_file(vm, args, 0)?;
    if !file.standard {
        file.stream = None;
    }
    Ok(Flow::Return(0))
}

fn to_string(vm: &mut Vm, args: Args) -> NativeResult {
    let text = match &check_file(vm, args, 0)?.stream {
        Some(stream) => format!("file ({:p})", &raw const **stream),
        None => "file (closed)".to_owned(),
    };
    let text = vm.string(text.as_bytes())?;
    vm.answer(text)
}

fn flush(vm: &mut Vm, args: Args) -> NativeResult {
    let flushed = check_stream(vm, args, 0)?.lock().flush();
    outcome(vm, flushed, None)
}

/// `file:seek([whence [, offset]])`
fn seek(vm: &mut Vm, args: Args) -> NativeResult {
    let stream = check_stream(vm, args, 0)?;
    let whence = args.check_option(vm, 1, Some(1), &["set", "cur", "end"])?;
    let offset = args.opt_int(vm, 2, 0)?;
    let to = match (whence, u64::try_from(offset)) {
        (0, Ok(offset)) => SeekFrom::Start(offset),
        (0, Err(_)) => return failure(vm, &io::Error::from_raw_os_error(INVALID_ARGUMENT), None),
        (1, _) => SeekFrom::Current(offset),
        _ => SeekFrom::End(offset),
    };
    let position = stream.lock().seek(to);
    match position {
        Ok(position) => vm.answer(Value::int(position as i64)),
        Err(error) => failure(vm, &error, None),
    }
}

/// `EINVAL`
const INVALID_ARGUMENT: i32 = 22;

/// `file:setvbuf(mode [, size])`; the size is a hint that nobody needs.
fn setvbuf(vm: &mut Vm, args: Args) -> NativeResult {
    let stream = check_stream(vm, args, 0)?;
    let mode = args.check_option(vm, 1, None, &["no", "full", "line"])?;
    args.opt_int(vm, 2, 0)?;
    let set = stream.lock().set_buffering([Buffering::None, Buffering::Full, Buffering::Line][mode]);
    outcome(vm, set, None)
}

// ---- writing

fn write(vm: &mut Vm, args: Args) -> NativeResult {
    let stream = check_stream(vm, args, 0)?;
    let file = args.get(vm, 0);
    write_values(vm, args, 1, stream, file)
}

/// Writes the arguments from `first` on; the result is the file.
pub(super) fn write_values(vm: &mut Vm, args: Args, first: u32, stream: &Shared, file: Value) -> NativeResult {
    let mut stream = stream.lock();
    for i in first..args.len {
        let value = args.get(vm, i);
        let written = if value.is_number() {
            let mut text = Vec::with_capacity(32);
            if value.is_int() {
                write_integer(value.as_int(), &mut text);
            } else {
                // As the reference implementation writes floats here: without the mark of a float that `tostring` adds.
                format_float(&FloatSpec::new(FloatStyle::General).precision(14), value.as_float(), &mut text);
            }
            stream.write(&text)
        } else {
            stream.write(args.check_bytes(vm, i)?)
        };
        if let Err(error) = written {
            return failure(vm, &error, None);
        }
    }
    vm.answer(file)
}

// ---- reading

/// What `read` reads.
#[derive(Clone, Copy)]
enum Format {
    Number,
    Line { keep_end: bool },
    All,
    Bytes(usize),
}

/// The formats of a `read` or a `lines` iterator.
type Formats = SmallVec<[Value; 4]>;

fn read(vm: &mut Vm, args: Args) -> NativeResult {
    let stream = check_stream(vm, args, 0)?;
    read_arguments(vm, args, 1, stream)
}

/// Reads as the arguments from `first` on say.
pub(super) fn read_arguments(vm: &mut Vm, args: Args, first: u32, stream: &Shared) -> NativeResult {
    let formats: Formats = (first..args.len).map(|i| args.get(vm, i)).collect();
    match read_values(vm, stream, &formats, first)? {
        Ok(count) => Ok(Flow::Return(count)),
        Err(error) => failure(vm, &error, None),
    }
}

/// Pushes what the formats read; the first that fails gives nil, and those after it are ignored. `first` is the number
/// of the first format's argument.
fn read_values(vm: &mut Vm, stream: &Shared, formats: &[Value], first: u32) -> Result<io::Result<u32>, Box<LuaError>> {
    let stream = &mut *stream.lock();
    if formats.is_empty() {
        return Ok(push_read(vm, stream, Format::Line { keep_end: false })?.map(|_| 1));
    }
    let mut count = 0;
    for (i, format) in formats.iter().enumerate() {
        let format = check_format(vm, *format, first + i as u32)?;
        count += 1;
        match push_read(vm, stream, format)? {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(count))
}

/// Pushes what one format reads, or nil; tells whether it read anything.
fn push_read(vm: &mut Vm, stream: &mut Stream, format: Format) -> Result<io::Result<bool>, Box<LuaError>> {
    let value = match read_value(vm, stream, format) {
        Ok(Some(value)) => value?,
        Ok(None) => Value::NIL,
        Err(error) => return Ok(Err(error)),
    };
    vm.push(value)?;
    Ok(Ok(!value.is_nil()))
}

fn check_format(vm: &mut Vm, value: Value, i: u32) -> Result<Format, Box<LuaError>> {
    if value.is_number() {
        let count = to_number(value).and_then(|number| number.to_int());
        let Some(count) = count else { return Err(vm.argument_error(i, "number has no integer representation")) };
        // A negative count asks for more bytes than there are.
        return Ok(Format::Bytes(usize::try_from(count).unwrap_or(usize::MAX)));
    }
    if !value.is_string() {
        return Err(vm.type_error(i, "string", Some(value)));
    }
    let text = string_bytes(value);
    match text.strip_prefix(b"*").unwrap_or(text).first() {
        Some(b'n') => Ok(Format::Number),
        Some(b'l') => Ok(Format::Line { keep_end: false }),
        Some(b'L') => Ok(Format::Line { keep_end: true }),
        Some(b'a') => Ok(Format::All),
        _ => Err(vm.argument_error(i, "invalid format")),
    }
}

/// `None` at the end of the stream, or where no number is.
fn read_value(vm: &mut Vm, stream: &mut Stream, format: Format) -> io::Result<Option<Result<Value, Box<LuaError>>>> {
    let mut text = vm.take_text();
    let found = match format {
        Format::Number => {
            let number = read_numeral(stream, &mut text)?.then(|| parse_number(&text)).flatten();
            vm.give_back_text(text);
            return Ok(number.map(|number| Ok(number.into())));
        }
        Format::Line { keep_end } => stream.read_line(keep_end, &mut text)?,
        Format::All => {
            stream.read_bytes(usize::MAX, &mut text)?;
            true
        }
        Format::Bytes(0) => stream.peek()?.is_some(),
        Format::Bytes(n) => {
            stream.read_bytes(n, &mut text)?;
            !text.is_empty()
        }
    };
    Ok(found.then(|| vm.finish_text(text)))
}

/// Reads what looks like a numeral and not a byte more; `false` if it is too long for one.
fn read_numeral(stream: &mut Stream, text: &mut Vec<u8>) -> io::Result<bool> {
    while stream.peek()?.is_some_and(|byte| byte.is_ascii_whitespace() || byte == 0x0b) {
        stream.consume(1);
    }
    let mut numeral = Numeral { stream, text };
    numeral.accept(|byte| matches!(byte, b'+' | b'-'))?;
    let mut hexadecimal = false;
    let mut digits = 0;
    if numeral.accept(|byte| byte == b'0')? {
        hexadecimal = numeral.accept(|byte| matches!(byte, b'x' | b'X'))?;
        digits = usize::from(!hexadecimal);
    }
    digits += numeral.digits(hexadecimal)?;
    if numeral.accept(|byte| byte == b'.')? {
        digits += numeral.digits(hexadecimal)?;
    }
    let mark = if hexadecimal { b'p' } else { b'e' };
    if digits > 0 && numeral.accept(|byte| byte.to_ascii_lowercase() == mark)? {
        numeral.accept(|byte| matches!(byte, b'+' | b'-'))?;
        numeral.digits(false)?;
    }
    Ok(text.len() < MAX_NUMERAL)
}

/// A numeral while it is being read.
struct Numeral<'a> {
    stream: &'a mut Stream,
    text: &'a mut Vec<u8>,
}

impl Numeral<'_> {
    /// Takes the next byte if it fits and the numeral is not too long yet.
    fn accept(&mut self, fits: impl Fn(u8) -> bool) -> io::Result<bool> {
        match self.stream.peek()? {
            Some(byte) if fits(byte) && self.text.len() < MAX_NUMERAL => {
                self.text.push(byte);
                self.stream.consume(1);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn digits(&mut self, hexadecimal: bool) -> io::Result<usize> {
        let mut count = 0;
        while self.accept(|byte| if hexadecimal { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() })? {
            count += 1;
        }
        Ok(count)
    }
}

// ---- lines

/// What `lines` returns. It captures the file, whether to close it at the end, and the formats.
static NEXT_LINE: Native = Native::new("lines", next_line);

fn lines(vm: &mut Vm, args: Args) -> NativeResult {
    check_stream(vm, args, 0)?;
    let file = args.get(vm, 0);
    let iterator = new_lines(vm, args, file, false)?;
    vm.answer(iterator)
}

/// An iterator over `file`, with the arguments from the second on as formats.
pub(super) fn new_lines(vm: &mut Vm, args: Args, file: Value, close: bool) -> Result<Value, Box<LuaError>> {
    if args.len > MAX_FORMATS + 1 {
        return Err(vm.argument_error(MAX_FORMATS + 1, "too many arguments"));
    }
    let mut captured: SmallVec<[Value; 8]> = SmallVec::new();
    captured.extend([file, Value::bool(close), Value::int(i64::from(args.len.saturating_sub(1)))]);
    captured.extend((1..args.len).map(|i| args.get(vm, i)));
    Ok(vm.new_native_closure(&NEXT_LINE, &captured))
}

fn next_line(vm: &mut Vm, args: Args) -> NativeResult {
    let file = vm.captured(0);
    let close = vm.captured(1).is_true();
    let formats: Formats = (0..vm.captured(2).as_int() as usize).map(|i| vm.captured(3 + i)).collect();
    vm.keep_only(Args { len: 0, ..args });
    vm.push(file)?;
    let slots = Args { len: 1, ..args };
    let Some(stream) = &check_file(vm, slots, 0)?.stream else { return Err(vm.error("file is already closed")) };
    match read_values(vm, stream, &formats, 1)? {
        Err(error) => Err(vm.error(&error_text(&error))),
        Ok(count) if vm.slot(slots.start + slots.len).is_true() => Ok(Flow::Return(count)),
        Ok(_) => {
            if close {
                check_file(vm, slots, 0)?.close(vm)?;
            }
            Ok(Flow::Return(0))
        }
    }
}

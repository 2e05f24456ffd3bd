//! Messages on streams: a head with the length, then JSON. What is no JSON, or no message, is answered with an error and
//! forgotten; after a head without a length nobody knows where the next message begins, and the conversation ends.

use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use lsp_server::{Connection, ErrorCode, Message};
use lsp_types::notification::{Exit, Notification as _};
use parking_lot::Mutex;

/// Longer messages end the conversation: no document is that long.
const MAX_LENGTH: u64 = 1 << 30;

/// The threads that read and write.
pub struct Transport {
    reader: JoinHandle<io::Result<()>>,
    writer: JoinHandle<io::Result<()>>,
}

/// A connection to the client at the other end of two streams.
///
/// # Errors
/// The system refuses threads.
pub fn connect(
    mut input: impl BufRead + Send + 'static,
    output: impl Write + Send + 'static,
) -> io::Result<(Connection, Transport)> {
    let (server, Connection { sender, receiver }) = Connection::memory();
    let output = Arc::new(Mutex::new(output));
    let answers = Arc::clone(&output);
    let reader = thread::Builder::new().name("messages in".to_owned()).spawn(move || {
        while let Some(text) = read(&mut input)? {
            match parse(&text) {
                Ok(message) => {
                    let last = matches!(&message, Message::Notification(told) if told.method == Exit::METHOD);
                    // The server is gone if it does not take the message.
                    if sender.send(message).is_err() || last {
                        break;
                    }
                }
                Err(answer) => write(&mut *answers.lock(), answer.to_string().as_bytes())?,
            }
        }
        Ok(())
    })?;
    let writer = thread::Builder::new().name("messages out".to_owned()).spawn(move || {
        receiver.into_iter().try_for_each(|message| {
            let mut text = Vec::new();
            message.write(&mut text)?;
            let mut output = output.lock();
            output.write_all(&text)?;
            output.flush()
        })
    })?;
    Ok((server, Transport { reader, writer }))
}

impl Transport {
    /// Waits until both have ended: the connection is dropped, and the client has left.
    ///
    /// # Errors
    /// What could not be read or written.
    pub fn join(self) -> io::Result<()> {
        let ended =
            |thread: JoinHandle<io::Result<()>>| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        ended(self.reader)?;
        ended(self.writer)
    }
}

/// The text of the next message; `None` at the end.
fn read(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let wrong = |message: &str| io::Error::new(io::ErrorKind::InvalidData, message.to_owned());
    let mut length = None;
    loop {
        let mut line = Vec::new();
        if input.take(MAX_LENGTH).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_ascii();
        if line.is_empty() {
            break;
        }
        let line = String::from_utf8_lossy(line);
        let (name, value) = line.split_once(':').ok_or_else(|| wrong("a line of a head without a colon"))?;
        if name.trim().eq_ignore_ascii_case("Content-Length") {
            length = value.trim().parse().ok().filter(|length| *length <= MAX_LENGTH);
        }
    }
    let length = length.ok_or_else(|| wrong("a head without a length"))?;
    let mut text = Vec::new();
    // Memory is taken as the text comes, whatever the head says.
    input.take(length).read_to_end(&mut text)?;
    if (text.len() as u64) < length { Err(wrong("a message ends early")) } else { Ok(Some(text)) }
}

/// A message, or the answer to what is none.
fn parse(text: &[u8]) -> Result<Message, serde_json::Value> {
    let refusal = |code: ErrorCode, id: serde_json::Value, error: &serde_json::Error| {
        let error = serde_json::json!({"code": code as i32, "message": error.to_string()});
        serde_json::json!({"jsonrpc": "2.0", "id": id, "error": error})
    };
    let value: serde_json::Value = serde_json::from_slice(text)
        .map_err(|error| refusal(ErrorCode::ParseError, serde_json::Value::Null, &error))?;
    let id = value.get("id").filter(|id| id.is_number() || id.is_string()).cloned().unwrap_or_default();
    serde_json::from_value(value).map_err(|error| refusal(ErrorCode::InvalidRequest, id, &error))
}

fn write(output: &mut impl Write, text: &[u8]) -> io::Result<()> {
    write!(output, "Content-Length: {}\r\n\r\n", text.len())?;
    output.write_all(text)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_heads() {
        let mut input =
            "Content-Length: 2\r\nContent-Type: x; charset=utf-8\r\n\r\n{}content-length:3\n\n[1]".as_bytes();
        assert_eq!(read(&mut input).ok().flatten().as_deref(), Some(&b"{}"[..]));
        assert_eq!(read(&mut input).ok().flatten().as_deref(), Some(&b"[1]"[..]));
        assert!(matches!(read(&mut input), Ok(None)));
        assert!(read(&mut "no head\r\n\r\n".as_bytes()).is_err());
        assert!(read(&mut "Content-Length: 3\r\n\r\n{}".as_bytes()).is_err());
        assert!(read(&mut "Content-Length: 99999999999\r\n\r\n{}".as_bytes()).is_err());
    }

    #[test]
    fn what_is_no_message_is_answered() {
        let code = |text: &[u8]| parse(text).map_err(|answer| answer["error"]["code"].as_i64());
        assert!(code(br#"{"jsonrpc":"2.0","method":"exit"}"#).is_ok());
        assert_eq!(code(b"{").err().flatten(), Some(-32700));
        assert_eq!(code(b"{\"a\": \"\xff\"}").err().flatten(), Some(-32700));
        assert_eq!(code(b"[]").err().flatten(), Some(-32600));
        let answer = parse(br#"{"id":7,"method":3}"#).err().unwrap_or_default();
        assert_eq!((answer["id"].as_i64(), answer["error"]["code"].as_i64()), (Some(7), Some(-32600)));
    }
}

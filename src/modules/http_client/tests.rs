//! The end of a process in the middle of a download: nothing is left on the side of the runtime either.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::embed::Runtime;

/// Starts `entry` with the address of a server that sends `response` and keeps the connection open; terminates it when
/// the request is there; waits for the connection to be closed and the tasks to end.
fn left_behind(entry: &str, response: &[u8]) -> usize {
    let runtime = Runtime::builder().workers(1).entry("app:download", entry).build().expect("threads can be started");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let process = runtime.spawn("app:download", (url,)).expect("the entry exists");
    let (mut stream, _) = listener.accept().expect("the process connects");
    let mut request = [0; 1024];
    assert_ne!(stream.read(&mut request).expect("the process sends a request"), 0);
    stream.write_all(response).expect("the process listens");
    process.terminate();
    assert!(process.wait().is_err());
    assert_eq!(stream.read(&mut request).unwrap_or(0), 0, "the connection is closed");
    // The driver of the connection ends by itself once it is told to.
    let io = &runtime.core().io;
    let deadline = Instant::now() + Duration::from_secs(20);
    while io.tasks() > 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    io.tasks()
}

const WHOLE: &str = "return function(url) require('http_client').get(url) end";
const STREAMED: &str = "return function(url)
    local stream = require('http_client').get(url, { stream = true }).stream
    while true do stream:read() end
end";
const BATCH: &str = "return function(url)
    require('http_client').request_batch { { method = 'GET', url = url } }
end";

#[test]
fn a_terminated_process_leaves_no_task_behind() {
    let part = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthe beginning";
    for entry in [WHOLE, STREAMED, BATCH] {
        assert_eq!(left_behind(entry, b""), 0, "before the response: {entry}");
        assert_eq!(left_behind(entry, part), 0, "in the middle of the body: {entry}");
    }
}

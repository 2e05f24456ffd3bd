//! What servers keep, and when they give it back.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::Http;
use crate::Runtime;
use crate::http::{Endpoint, Router, Server, Service, Timeouts};

const LONG: Duration = Duration::from_secs(20);

const ANSWER: &str = "return function() require('http').response():write('answer') end";
const ENDLESS: &str = "return function()
    local response = require('http').response()
    repeat local err = response:write(('x'):rep(10000)) until err
end";
const ECHO: &str = "return function()
    local http = require('http')
    local body, err = http.request { max_body = 1000 }:body()
    http.response():write(body or err:message())
end";

const IMPATIENT: &str = "return function()
    local http = require('http')
    local request = http.request { timeout = 10 }
    local body, err = request:body()
    http.response():write(err:kind() .. ' ' .. tostring(err:retryable()))
end";

fn serve(timeouts: Timeouts) -> (Runtime, Server) {
    let builder = Runtime::builder().entry("app:answer", ANSWER).entry("app:endless", ENDLESS).entry("app:echo", ECHO);
    let builder = builder.entry("app:impatient", IMPATIENT);
    let runtime = builder.workers(2).build().expect("threads");
    let endpoint = |method, path, function| Endpoint::new(method, path, function).expect("a method");
    let endpoints = vec![
        endpoint("GET", "/answer", "app:answer"),
        endpoint("GET", "/endless", "app:endless"),
        endpoint("POST", "/echo", "app:echo"),
        endpoint("POST", "/impatient", "app:impatient"),
    ];
    let routers = vec![Router { endpoints, ..Router::default() }];
    let service = Service { address: "127.0.0.1:0".to_owned(), timeouts, routers, ..Service::default() };
    let server = runtime.serve(service).expect("an address");
    (runtime, server)
}

fn send(server: &Server, request: &[u8]) -> TcpStream {
    let mut client = TcpStream::connect(server.address()).expect("the server listens");
    client.set_read_timeout(Some(LONG)).expect("a timeout");
    // A server that refuses the request does not read all of it.
    let _ = client.write_all(request);
    client
}

/// All that comes until the server closes the connection, as far as it is text.
fn receive(mut client: TcpStream) -> String {
    let mut answer = Vec::new();
    // What breaks off is judged by what came before.
    if let Err(error) = client.read_to_end(&mut answer) {
        assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "the server closes the connection");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Whether the functions have all ended and nothing of their exchanges is kept.
fn comes_to_rest(runtime: &Runtime) -> bool {
    let http = runtime.core().modules.of_type::<Http>().expect("it is built in");
    let deadline = Instant::now() + LONG;
    while runtime.process_count() > 0 || !http.exchanges.lock().is_empty() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

#[test]
fn nothing_is_kept_of_clients_that_have_gone() {
    let (runtime, server) = serve(Timeouts::default());
    let idle = runtime.core().io.tasks();
    for round in 0..20 {
        let answer = receive(send(&server, b"GET /answer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        assert!(answer.ends_with("\r\n\r\nanswer"), "{answer}");
        let mut client = send(&server, b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
        if round % 2 == 0 {
            client.read_exact(&mut [0; 100]).expect("the beginning of an answer");
        }
        client.shutdown(Shutdown::Both).expect("the connection is open");
    }
    assert!(comes_to_rest(&runtime));
    let deadline = Instant::now() + LONG;
    while runtime.core().io.tasks() > idle {
        assert!(Instant::now() < deadline, "{} tasks are left", runtime.core().io.tasks() - idle);
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn clients_that_take_their_time() {
    let limit = Duration::from_millis(50);
    let (runtime, server) = serve(Timeouts { read: limit, write: limit, ..Timeouts::default() });
    // One that does not say what it wants.
    let answer = receive(send(&server, b"GET /answer HTTP/1.1\r\nHost: x\r\n"));
    assert!(!answer.contains("200 OK"), "{answer}");
    // One that reads nothing.
    let client = send(&server, b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(runtime.process_count() < 2 && comes_to_rest(&runtime), "the function ends though the client is there");
    drop(client);
}

#[test]
fn functions_that_do_not_wait_for_the_rest_of_a_body() {
    let (_runtime, server) = serve(Timeouts::default());
    let request = b"POST /impatient HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nab";
    let answer = receive(send(&server, request));
    assert!(answer.contains("\r\n\r\nTimeout "), "{answer}");
}

#[test]
fn limits_of_requests() {
    let (_runtime, server) = serve(Timeouts::default());
    let long = format!("GET /answer HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(200_000));
    let answer = receive(send(&server, long.as_bytes()));
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let nonsense = receive(send(&server, b"nonsense\r\n\r\n"));
    assert!(nonsense.starts_with("HTTP/1.1 400 "), "{nonsense}");
    for (body, expected) in [
        ("Content-Length: 3\r\n\r\nabc".to_owned(), "abc"),
        ("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".to_owned(), "abcde"),
        (format!("Content-Length: 1001\r\n\r\n{}", "x".repeat(1001)), "request body too large: more than 1000 bytes"),
        (
            format!("Transfer-Encoding: chunked\r\n\r\n3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001)),
            "request body too large: more than 1000 bytes",
        ),
    ] {
        let request = format!("POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{body}");
        let answer = receive(send(&server, request.as_bytes()));
        assert!(answer.ends_with(&format!("\r\n\r\n{expected}")), "{answer}");
    }
}

//! HTTP servers made with the Rust API. Their functions are the files of `lua-tests/served/handlers/`; their clients are
//! the programs of `lua-tests/served/`, each of which returns a function that gets the address of the server, and `curl`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use moonlet::http::{Endpoint, FileSite, Middleware, Router, Server, ServerTls, Service, Timeouts};
use moonlet::{Data, Runtime};

use crate::corpus::{case_name, lua_files};
use crate::program::{limit, root};
use crate::web;

const FOLDER: &str = "served";

pub fn trials() -> Vec<Trial> {
    let clients = lua_files(&root().join("lua-tests").join(FOLDER));
    let clients = clients.into_iter().map(|file| Trial::test(case_name(FOLDER, &file), move || passes(&file)));
    let others = [
        Trial::test("served::curl", curl),
        Trial::test("served::wrong_descriptions", wrong_descriptions),
        Trial::test("served::stop_lets_requests_end", stop_lets_requests_end),
        Trial::test("served::idle_connections_are_closed", idle_connections_are_closed),
    ];
    clients.chain(others).collect()
}

/// A runtime that has the functions and this program.
fn runtime(program: &str) -> Result<Runtime, Failed> {
    let handlers = lua_files(&root().join("lua-tests").join(FOLDER).join("handlers"));
    let mut builder = Runtime::builder().entry("test:program", program);
    for file in handlers {
        builder = builder.entry(&case_name("handler", &file).replace("::", ":"), fs::read(&file)?);
    }
    Ok(builder.build()?)
}

fn router(prefix: &str, middleware: &[&str], options: &[(&str, &str)], endpoints: &[&str]) -> Router {
    let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let endpoint = |line: &&str| {
        let mut words = line.split(' ');
        let mut word = || words.next().expect("method, path, function");
        Endpoint::new(word(), word(), &format!("handler:{}", word())).expect("a method")
    };
    Router {
        prefix: prefix.to_owned(),
        middleware: middleware.iter().map(|name| Middleware::new(name, &options).expect("good options")).collect(),
        firewalls: Vec::new(),
        relays: Vec::new(),
        endpoints: endpoints.iter().map(endpoint).collect(),
    }
}

fn service() -> Service {
    let site = |path: &str, single_page, cache: Option<&str>| FileSite {
        path: path.to_owned(),
        root: root().join("lua-tests").join(FOLDER).join("files").into(),
        single_page,
        index: "index.html".to_owned(),
        cache: cache.map(str::to_owned),
        middleware: Vec::new(),
    };
    let cross_origin: &[(&str, &str)] = &[
        ("cors.allow.origins", "https://good.test,*.friends.test"),
        ("cors.allow.credentials", "true"),
        ("cors.max.age", "60"),
        ("compress.min.length", "100"),
        ("real_ip.trust_all", "true"),
    ];
    Service {
        address: "127.0.0.1:0".to_owned(),
        routers: vec![
            router(
                "",
                &[],
                &[],
                &[
                    "GET /describe/{name} describe",
                    "POST /describe/{name}/{rest...} describe",
                    "GET /fixed describe",
                    "PUT /fixed describe",
                    "GET /respond respond",
                    "POST /respond respond",
                    "POST /body body",
                    "GET /missing no_such_function",
                ],
            ),
            router(
                "/api/",
                &["real_ip", "cors", "compress"],
                cross_origin,
                &["GET /describe/{name} describe", "POST /respond respond", "GET respond respond"],
            ),
            router(
                "/few",
                &["ratelimit"],
                &[
                    ("ratelimit.requests", "1"),
                    ("ratelimit.window", "1h"),
                    ("ratelimit.burst", "2"),
                    ("ratelimit.key", "header:X-Key"),
                ],
                &["GET /respond respond"],
            ),
        ],
        files: vec![site("/files", false, Some("max-age=60")), site("/app", true, None)],
        ..Service::default()
    }
}

fn passes(file: &Path) -> Result<(), Failed> {
    let runtime = runtime(&fs::read_to_string(file)?)?;
    let variables = web::environment()?;
    let named = |name| {
        let found = variables.iter().find(|(other, _)| *other == name).map(|(_, value)| value);
        fs::read(found.expect("the servers have files"))
    };
    let tls = ServerTls {
        certificate: named("WEB_SERVER_CERT")?,
        key: named("WEB_SERVER_KEY")?,
        client_authorities: None,
        client_required: false,
    };
    let plain = runtime.serve(service())?;
    let secure = runtime.serve(Service { tls: Some(tls), ..service() })?;
    let arguments = Data::from([
        ("url", Data::from(format!("http://{}", plain.address()))),
        ("tls_url", Data::from(format!("https://{}", secure.address()))),
        ("ca", Data::from(&*named("WEB_CA")?)),
    ]);
    let process = runtime.spawn("test:program", (arguments,))?;
    match process.wait_timeout(limit()) {
        Ok(outcome) => outcome.map(drop).map_err(|error| format!("{error:?}").into()),
        Err(_) => Err("still running".into()),
    }
}

/// Runs `curl` with arguments in which `URL` stands for the server. `None` if there is no `curl`.
fn run_curl(server: &Server, arguments: &[&str]) -> Result<Option<String>, Failed> {
    let url = format!("http://{}", server.address());
    let arguments = arguments.iter().map(|argument| argument.replace("URL", &url));
    match Command::new("curl").args(["--silent", "--show-error", "--max-time", "60"]).args(arguments).output() {
        Ok(output) => Ok(Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("curl is not installed: skipped");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn curl() -> Result<(), Failed> {
    let runtime = runtime("return function() end")?;
    let server = runtime.serve(service())?;
    let expect = |arguments: &[&str], expected: &[&str]| -> Result<(), Failed> {
        let Some(output) = run_curl(&server, arguments)? else { return Ok(()) };
        match expected.iter().find(|text| !output.contains(**text)) {
            None => Ok(()),
            Some(text) => Err(format!("expected {text:?} of curl {arguments:?} in:\n{output}").into()),
        }
    };
    expect(&["-i", "URL/respond?text=hello"], &["HTTP/1.1 200 OK", "content-length: 5", "\r\n\r\nhello"])?;
    expect(&["-I", "URL/respond?text=hello"], &["HTTP/1.1 200 OK", "content-length: 5"])?;
    expect(&["-i", "-X", "DELETE", "URL/fixed"], &["HTTP/1.1 405", "allow: GET, HEAD, PUT"])?;
    expect(&["-i", "URL/nowhere"], &["HTTP/1.1 404"])?;
    expect(&["-d", "a=1", "URL/body?as=text"], &["a=1"])?;
    expect(&["-H", "Expect: 100-continue", "-d", "late", "URL/body?as=text"], &["late"])?;
    expect(&["-F", "f=@-;filename=x.txt", "-F", "v=1", "URL/body?as=form"], &["\"v\":\"1\"", "x.txt"])?;
    expect(&["-i", "-N", "URL/respond?chunks=3"], &["transfer-encoding: chunked", "piece 1\npiece 2\npiece 3\n"])?;
    expect(&["-i", "-N", "URL/respond?events=2"], &["text/event-stream", "event: tick\ndata: {\"n\":1}\n\n"])?;
    expect(&["-i", "--compressed", "URL/api/respond?big=5000"], &["content-encoding: gzip", &"x".repeat(5000)])?;
    expect(
        &["-i", "-r", "0-4", "URL/files/hello.txt"],
        &["HTTP/1.1 206", "content-range: bytes 0-4/13", "\r\n\r\nhello"],
    )?;
    expect(&["-i", "URL/respond?text=1", "URL/respond?text=2"], &["\r\n\r\n1HTTP/1.1", "\r\n\r\n2"])?;
    expect(&["-i", "--path-as-is", "URL/files/../served_test.lua"], &["HTTP/1.1 404"])?;
    expect(&["-i", "--path-as-is", "URL/files/%2e%2e/respond.lua"], &["HTTP/1.1 404"])?;
    Ok(())
}

fn wrong_descriptions() -> Result<(), Failed> {
    let runtime = runtime("return function() end")?;
    let with_routes = |endpoints: &[&str]| Service { routers: vec![router("/", &[], &[], endpoints)], ..service() };
    let site = |folder: &str| FileSite { root: std::path::PathBuf::from(folder).into(), ..service().files.remove(0) };
    let wrong = [
        Service { address: "nowhere".to_owned(), ..service() },
        with_routes(&["GET /{a}/{a} respond"]),
        with_routes(&["GET /a respond", "GET /a body"]),
        Service { files: vec![site("/no/such/folder")], ..service() },
        Service {
            tls: Some(ServerTls {
                certificate: b"no certificate".to_vec(),
                key: Vec::new(),
                client_authorities: None,
                client_required: false,
            }),
            ..service()
        },
    ];
    for (i, service) in wrong.into_iter().enumerate() {
        if runtime.serve(service).is_ok() {
            return Err(format!("description {i} was accepted").into());
        }
    }
    for (name, option, value) in [
        ("ratelimit", "window", "soon"),
        ("ratelimit", "requests", "0"),
        ("ratelimit", "key", "colour"),
        ("compress", "level", "10"),
        ("real_ip", "trusted.subnets", "everybody"),
        ("cors", "allow.credentials", "perhaps"),
        ("nothing", "", ""),
    ] {
        let options = [(format!("{name}.{option}"), value.to_owned())].into_iter().collect();
        if Middleware::new(name, &options).is_ok() {
            return Err(format!("{name}.{option} = {value} was accepted").into());
        }
    }
    Ok(())
}

fn stop_lets_requests_end() -> Result<(), Failed> {
    let program = "return function(url)
        local http, done = require('http_client'), channel.new()
        coroutine.spawn(function()
            local stream = assert(http.get(url .. '/respond?wait=begun', { stream = true })).stream
            local text = ''
            for piece in function() return stream:read() end do text = text .. piece end
            done:send(text)
        end)
        return (done:receive())
    end";
    let runtime = runtime(program)?;
    let server = runtime.serve(service())?;
    let process = runtime.spawn("test:program", (format!("http://{}", server.address()),))?;
    // The function registers a name when it has sent the first half; it waits for a message then.
    while runtime.send("waiting", "go", ()).is_err() {
        std::thread::sleep(Duration::from_millis(1));
    }
    if !server.stop(limit()) {
        return Err("a request has not ended".into());
    }
    if std::net::TcpStream::connect(server.address()).is_ok() {
        return Err("the server still listens".into());
    }
    let outcome = process.wait_timeout(limit()).map_err(|_| "still running")?;
    let text = outcome.map_err(|error| format!("{error:?}"))?;
    if text.as_str() != Some("first half, second half") {
        return Err(format!("{text:?}").into());
    }
    Ok(())
}

fn idle_connections_are_closed() -> Result<(), Failed> {
    use std::io::{Read, Write};
    let runtime = runtime("return function() end")?;
    let timeouts = Timeouts { idle: Duration::from_millis(20), ..Timeouts::default() };
    let server = runtime.serve(Service { timeouts, ..service() })?;
    let mut client = std::net::TcpStream::connect(server.address())?;
    client.write_all(b"GET /respond?text=once HTTP/1.1\r\nHost: x\r\n\r\n")?;
    let mut answer = String::new();
    // Ends only when the server closes the connection.
    client.read_to_string(&mut answer)?;
    if !answer.ends_with("\r\n\r\nonce") {
        return Err(answer.into());
    }
    Ok(())
}

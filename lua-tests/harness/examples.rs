//! The Lua programs of `examples/`: what they print, or how clients get on with them.

use std::fs;
#[cfg(feature = "http")]
use std::{
    net::TcpStream,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use libtest_mimic::{Failed, Trial};
#[cfg(feature = "http")]
use rustix::process::{Pid, Signal, kill_process};

#[cfg(feature = "http")]
use crate::apps::free_port;
#[cfg(all(feature = "http", feature = "sql"))]
use crate::folder::Folder;
#[cfg(feature = "http")]
use crate::program::wait;
use crate::program::{Program, root};

pub fn trials() -> Vec<Trial> {
    let alone = ["pipeline", "ring", "supervise"];
    let alone = alone.map(|name| Trial::test(format!("examples::{name}"), move || prints_what_is_expected(name, &[])));
    let mut trials: Vec<Trial> = alone.into();
    #[cfg(feature = "http")]
    {
        trials.push(Trial::test("examples::crawler", crawler));
        trials.push(Trial::test("examples::chat", || serves("chat", "chat_client", chat_page_with_curl)));
    }
    #[cfg(all(feature = "http", feature = "sql"))]
    {
        trials.push(Trial::test("examples::todo-api", || serves("todo-api", "todo_client", todo_with_curl)));
        trials.push(Trial::test("examples::todo-api_with_a_file", todo_with_a_file));
    }
    trials
}

fn prints_what_is_expected(name: &str, arguments: &[&str]) -> Result<(), Failed> {
    let expected = fs::read_to_string(root().join(format!("lua-tests/examples/{name}.expected")))?;
    let script = format!("examples/{name}/main.lua");
    let program = Program::moonlet(&root()).arg("run").arg(script).args(arguments);
    program.run()?.expect_status(0)?.expect_stdout(&expected)?;
    Ok(())
}

/// It needs a site.
#[cfg(feature = "http")]
fn crawler() -> Result<(), Failed> {
    let variables = crate::web::environment()?;
    let server = variables.iter().find(|(name, _)| *name == "WEB_URL").map(|(_, url)| url);
    let site = format!("{}/site/", server.ok_or("no server")?);
    prints_what_is_expected("crawler", &[&site, "3", "1000"])
}

/// Lets a client of `lua-tests/examples` and `curl` use the server of an application.
#[cfg(feature = "http")]
fn serves(name: &str, client: &str, curl: fn(&str) -> Result<(), Failed>) -> Result<(), Failed> {
    with_server(name, &[], |url| {
        let client = Program::moonlet(&root()).arg("run").arg(format!("lua-tests/examples/{client}.lua")).arg(url);
        client.run()?.expect_status(0)?.expect_stdout("all is well\n")?;
        curl(url)
    })
}

/// Runs an application with a server as long as it is used, and stops it.
#[cfg(feature = "http")]
fn with_server(
    name: &str,
    variables: &[(&str, &str)],
    uses: impl FnOnce(&str) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let address = format!("127.0.0.1:{}", free_port()?);
    let port = address.rsplit(':').next().unwrap_or_default();
    let server = variables
        .iter()
        .fold(Program::moonlet(&root()).env("PORT", port), |server, (name, value)| server.env(name, value));
    let server = server.arg("run").arg(format!("examples/{name}"));
    let mut server = server.into_command().stdout(Stdio::null()).spawn()?;
    let used = (|| {
        while TcpStream::connect(&address).is_err() {
            if let Some(status) = server.try_wait()? {
                return Err(format!("the server has ended: {status}").into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        uses(&format!("http://{address}"))
    })();
    if server.try_wait()?.is_none() {
        kill_process(Pid::from_child(&server), Signal::TERM)?;
    }
    let status = wait(&mut server)?;
    used?;
    if status == Some(0) { Ok(()) } else { Err(format!("the server has ended with {status:?}").into()) }
}

/// What is kept in a file is there when the server runs again.
#[cfg(all(feature = "http", feature = "sql"))]
fn todo_with_a_file() -> Result<(), Failed> {
    let folder = Folder::new("todo-api")?;
    let file = folder.path().join("todos.db");
    let variables = [("TODO_DB", &*file.to_string_lossy())];
    let draft = r#"{"title": "outlives the server"}"#;
    with_server("todo-api", &variables, |url| curl(&["-d", draft, &format!("{url}/api/todos")]).map(drop))?;
    with_server("todo-api", &variables, |url| {
        let listed = curl(&[&format!("{url}/api/todos")])?;
        if listed.contains("outlives the server") { Ok(()) } else { Err(listed.into()) }
    })
}

/// What `curl` prints, which must be installed.
#[cfg(feature = "http")]
fn curl(arguments: &[&str]) -> Result<String, Failed> {
    let output =
        Command::new("curl").args(["--silent", "--show-error", "--max-time", "60"]).args(arguments).output()?;
    Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[cfg(all(feature = "http", feature = "sql"))]
fn todo_with_curl(url: &str) -> Result<(), Failed> {
    let todos = format!("{url}/api/todos");
    let made = curl(&["-i", "-d", r#"{"title": "by curl"}"#, &todos])?;
    let listed = curl(&["--compressed", &todos])?;
    let other = curl(&["-i", "-X", "PUT", &todos])?;
    if made.starts_with("HTTP/1.1 201 Created\r\n")
        && listed.contains("by curl")
        && other.contains("allow: GET, HEAD, POST")
    {
        return Ok(());
    }
    Err(format!("{made}\n{listed}\n{other}").into())
}

#[cfg(feature = "http")]
fn chat_page_with_curl(url: &str) -> Result<(), Failed> {
    let page = curl(&["-i", url])?;
    let is_page = page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("content-type: text/html; charset=utf-8");
    if is_page { Ok(()) } else { Err(page.into()) }
}

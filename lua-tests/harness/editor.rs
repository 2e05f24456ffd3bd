//! The language server, as an editor talks to it: framed JSON on the standard streams of `moonlet lsp`.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::folder::Folder;
use crate::program::{Program, limit, wait};

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("editor::begins_and_ends", begins_and_ends),
        Trial::test("editor::ends_without_order", ends_without_order),
        Trial::test("editor::refuses", refuses),
        Trial::test("editor::answers_everything_once", answers_everything_once),
        Trial::test("editor::survives_what_is_no_message", survives_what_is_no_message),
        Trial::test("editor::survives_confused_clients", survives_confused_clients),
        Trial::test("editor::diagnostics_follow_the_text", diagnostics_follow_the_text),
        Trial::test("editor::diagnostics_follow_other_files", diagnostics_follow_other_files),
        Trial::test("editor::settings", settings),
        Trial::test("editor::hover", hover),
        Trial::test("editor::definition", definition),
        Trial::test("editor::completion", completion),
        Trial::test("editor::symbols", symbols),
        Trial::test("editor::references", references),
        Trial::test("editor::signature", signature),
        Trial::test("editor::rename", rename),
        Trial::test("editor::rename_is_refused", rename_is_refused),
        Trial::test("editor::unfinished_text", unfinished_text),
        Trial::test("editor::applications", applications),
    ]
}

// ---- the client

/// A connection to a server of its own.
struct Client {
    child: Child,
    /// Closed to end without a word.
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    /// What came while something else was waited for.
    kept: VecDeque<Value>,
    next: i64,
}

/// Reads messages until there are no more.
fn read_messages(output: ChildStdout, send: impl Fn(Value)) -> Option<()> {
    let mut output = BufReader::new(output);
    loop {
        let mut length = None;
        loop {
            let mut line = String::new();
            output.read_line(&mut line).ok().filter(|length| *length > 0)?;
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", digits)) => length = digits.parse().ok(),
                Some(_) => {}
                None => break,
            }
        }
        let mut content = vec![0; length?];
        output.read_exact(&mut content).ok()?;
        send(serde_json::from_slice(&content).ok()?);
    }
}

fn framed(message: &Value) -> Vec<u8> {
    let text = message.to_string();
    format!("Content-Length: {}\r\n\r\n{text}", text.len()).into_bytes()
}

fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

impl Client {
    /// Starts a server in a folder, without a word to it.
    fn start(folder: &Path) -> Result<Client, Failed> {
        let mut command = Program::moonlet(folder).args(&["lsp", "--stdio"]).into_command();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().expect("standard output is piped");
        let (sender, messages) = mpsc::channel();
        // A message for a test that has ended is for nobody.
        thread::spawn(move || read_messages(output, |message| _ = sender.send(message)));
        Ok(Client { child, input, messages, kept: VecDeque::new(), next: 0 })
    }

    /// Starts a server and introduces an editor that has the folder open.
    fn new(folder: &Folder) -> Result<Client, Failed> {
        Client::with_settings(folder, &json!({}))
    }

    fn with_settings(folder: &Folder, settings: &Value) -> Result<Client, Failed> {
        let mut client = Client::start(folder.path())?;
        let result = client.ask(
            "initialize",
            &json!({
                "processId": null, "capabilities": {}, "initializationOptions": settings,
                "workspaceFolders": [{"uri": uri(folder.path()), "name": "folder"}],
            }),
        )?;
        expect(&result["capabilities"]["textDocumentSync"], &json!(2))?;
        expect(&result["serverInfo"]["name"], &json!("moonlet"))?;
        client.tell("initialized", &json!({}))?;
        Ok(client)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        let input = self.input.as_mut().expect("the input is open");
        input.write_all(bytes)?;
        input.flush()?;
        Ok(())
    }

    fn tell(&mut self, method: &str, params: &Value) -> Result<(), Failed> {
        self.send(&framed(&json!({"jsonrpc": "2.0", "method": method, "params": params})))
    }

    /// The next message that satisfies a condition; others are kept.
    fn receive(&mut self, wanted: impl Fn(&Value) -> bool) -> Result<Value, Failed> {
        if let Some(place) = self.kept.iter().position(&wanted) {
            return Ok(self.kept.remove(place).expect("it is there"));
        }
        loop {
            let message = self.messages.recv_timeout(limit()).map_err(|_| "nothing more came from the server")?;
            if wanted(&message) {
                return Ok(message);
            }
            self.kept.push_back(message);
        }
    }

    /// The response to a request.
    fn response(&mut self, method: &str, params: &Value) -> Result<Value, Failed> {
        self.next += 1;
        let id = json!(self.next);
        self.send(&framed(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})))?;
        self.receive(|message| message["id"] == id && message.get("method").is_none())
    }

    /// The result of a request.
    fn ask(&mut self, method: &str, params: &Value) -> Result<Value, Failed> {
        let response = self.response(method, params)?;
        match response.get("result") {
            Some(result) => Ok(result.clone()),
            None => Err(format!("{method}: {response}").into()),
        }
    }

    /// The code of the error that a request leads to.
    fn error(&mut self, method: &str, params: &Value) -> Result<i64, Failed> {
        let response = self.response(method, params)?;
        response["error"]["code"].as_i64().ok_or_else(|| format!("{method} was answered: {response}").into())
    }

    fn open(&mut self, path: &Path, text: &str) -> Result<(), Failed> {
        let document = json!({"uri": uri(path), "languageId": "lua", "version": 1, "text": text});
        self.tell("textDocument/didOpen", &json!({"textDocument": document}))
    }

    /// Replaces what stands between two places.
    fn edit(&mut self, path: &Path, version: i32, edits: &[([u32; 4], &str)]) -> Result<(), Failed> {
        let changes: Vec<_> = edits.iter().map(|(at, text)| json!({"range": range(*at), "text": text})).collect();
        let document = json!({"uri": uri(path), "version": version});
        self.tell("textDocument/didChange", &json!({"textDocument": document, "contentChanges": changes}))
    }

    /// What was found in a version of a document: `line:character-line:character code` for each.
    fn found(&mut self, path: &Path, version: Option<i32>) -> Result<Vec<String>, Failed> {
        let name = json!(uri(path));
        let version = json!(version);
        let news = self.receive(|message| {
            let params = &message["params"];
            message["method"] == "textDocument/publishDiagnostics"
                && params["uri"] == name
                && params.get("version").unwrap_or(&Value::Null) == &version
        })?;
        let found = news["params"]["diagnostics"].as_array().cloned().unwrap_or_default();
        Ok(found.iter().map(|one| format!("{} {}", shown(&one["range"]), one["code"].as_str().unwrap_or(""))).collect())
    }

    /// Ends the conversation as it should be.
    fn end(mut self) -> Result<(), Failed> {
        expect(&self.ask("shutdown", &Value::Null)?, &Value::Null)?;
        self.tell("exit", &Value::Null)?;
        self.expect_status(0)
    }

    fn expect_status(&mut self, status: i32) -> Result<(), Failed> {
        match wait(&mut self.child)? {
            Some(found) if found == status => Ok(()),
            found => Err(format!("ended with {found:?} instead of {status}").into()),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // A test that failed leaves it running; otherwise it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn expect(found: &Value, wanted: &Value) -> Result<(), Failed> {
    if found == wanted { Ok(()) } else { Err(format!("expected {wanted}, found {found}").into()) }
}

fn expect_lines(found: &[String], wanted: &[&str]) -> Result<(), Failed> {
    if found == wanted { Ok(()) } else { Err(format!("expected {wanted:?}, found {found:?}").into()) }
}

fn range([line, character, end_line, end_character]: [u32; 4]) -> Value {
    json!({
        "start": {"line": line, "character": character},
        "end": {"line": end_line, "character": end_character},
    })
}

fn shown(range: &Value) -> String {
    let place = |place: &Value| format!("{}:{}", place["line"], place["character"]);
    format!("{}-{}", place(&range["start"]), place(&range["end"]))
}

fn at(path: &Path, line: u32, character: u32) -> Value {
    json!({"textDocument": {"uri": uri(path)}, "position": {"line": line, "character": character}})
}

/// A document that is open in a server of its own.
fn document(name: &str, text: &str) -> Result<(Folder, std::path::PathBuf, Client), Failed> {
    let folder = Folder::new(&format!("editor-{name}"))?;
    let path = folder.path().join("main.lua");
    let mut client = Client::new(&folder)?;
    client.open(&path, text)?;
    Ok((folder, path, client))
}

// ---- the conversation

fn begins_and_ends() -> Result<(), Failed> {
    let folder = Folder::new("editor-begins")?;
    let mut client = Client::new(&folder)?;
    expect(&client.ask("shutdown", &Value::Null)?, &Value::Null)?;
    expect(&json!(client.error("textDocument/hover", &at(Path::new("/a.lua"), 0, 0))?), &json!(-32600))?;
    client.tell("exit", &Value::Null)?;
    client.expect_status(0)
}

fn ends_without_order() -> Result<(), Failed> {
    let folder = Folder::new("editor-ends")?;
    let mut client = Client::new(&folder)?;
    client.tell("exit", &Value::Null)?;
    client.expect_status(1)?;
    let mut client = Client::new(&folder)?;
    client.input = None;
    client.expect_status(1)?;
    let mut client = Client::start(folder.path())?;
    client.tell("exit", &Value::Null)?;
    client.expect_status(1)?;
    let mut client = Client::start(folder.path())?;
    client.send(b"no head\r\n\r\n")?;
    client.expect_status(1)
}

fn refuses() -> Result<(), Failed> {
    let folder = Folder::new("editor-refuses")?;
    let mut client = Client::start(folder.path())?;
    let somewhere = at(Path::new("/nowhere.lua"), 0, 0);
    expect(&json!(client.error("textDocument/hover", &somewhere)?), &json!(-32002))?;
    drop(client);
    let mut client = Client::new(&folder)?;
    expect(&json!(client.error("initialize", &json!({"capabilities": {}}))?), &json!(-32600))?;
    expect(&json!(client.error("textDocument/unheardOf", &json!({}))?), &json!(-32601))?;
    expect(&json!(client.error("textDocument/hover", &json!({"odd": 1}))?), &json!(-32602))?;
    expect(&json!(client.error("textDocument/hover", &somewhere)?), &json!(-32602))?;
    client.tell("$/unheardOf", &json!({}))?;
    client.tell("textDocument/didOpen", &json!({"odd": 1}))?;
    client.tell("$/cancelRequest", &json!({"id": 999}))?;
    client.edit(Path::new("/nowhere.lua"), 2, &[([0, 0, 0, 0], "x")])?;
    client.end()
}

/// Requests that come at once, one of them withdrawn, are answered once each, in whatever way.
fn answers_everything_once() -> Result<(), Failed> {
    let (_folder, path, mut client) = document("once", &"local x: number = 1\nprint(x)\n".repeat(80))?;
    let mut bytes = Vec::new();
    for id in 100..150 {
        bytes.extend(framed(&json!({
            "jsonrpc": "2.0", "id": id, "method": "textDocument/hover", "params": at(&path, 1, 6),
        })));
    }
    bytes.extend(framed(&json!({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 149}})));
    client.send(&bytes)?;
    for id in 100..150 {
        let response = client.receive(|message| message["id"] == json!(id))?;
        let withdrawn = id == 149 && response["error"]["code"] == json!(-32800);
        if !withdrawn {
            expect(&response["result"]["contents"]["value"], &json!("```lua\nlocal x: number\n```"))?;
        }
    }
    if client.kept.iter().any(|message| message.get("id").is_some()) {
        return Err("something was answered twice".into());
    }
    client.end()
}

// ---- diagnostics

fn diagnostics_follow_the_text() -> Result<(), Failed> {
    let (_folder, path, mut client) = document("text", "local s = '🌍' local n: number = 'x'\n")?;
    // The globe is two units.
    expect_lines(&client.found(&path, Some(1))?, &["0:33-0:36 E0001"])?;
    client.edit(&path, 2, &[([0, 33, 0, 36], "1")])?;
    expect_lines(&client.found(&path, Some(2))?, &[])?;
    // Each change counts from what the one before it has made.
    client.edit(&path, 3, &[([1, 0, 1, 0], "local\n"), ([1, 5, 1, 5], " function f("), ([0, 11, 0, 13], "e")])?;
    let found = client.found(&path, Some(3))?;
    if found.len() != 1 || !found[0].ends_with("P0001") {
        return Err(format!("expected an error of syntax, found {found:?}").into());
    }
    client.edit(&path, 4, &[([1, 17, 2, 0], ") end ::l:: goto m")])?;
    expect_lines(&client.found(&path, Some(4))?, &["1:34-1:35 P0003"])?;
    let whole =
        json!({"textDocument": {"uri": uri(&path), "version": 5}, "contentChanges": [{"text": "#!/bin/x\nf()"}]});
    client.tell("textDocument/didChange", &whole)?;
    expect_lines(&client.found(&path, Some(5))?, &["1:0-1:1 E0006"])?;
    client.tell("textDocument/didClose", &json!({"textDocument": {"uri": uri(&path)}}))?;
    expect_lines(&client.found(&path, None)?, &[])?;
    client.end()
}

fn diagnostics_follow_other_files() -> Result<(), Failed> {
    let folder = Folder::new("editor-files")?;
    let shapes = folder.write("shapes.lua", "return {side = 1}\n")?;
    let main = folder.path().join("main.lua");
    let mut client = Client::with_settings(&folder, &json!({"mode": "strict"}))?;
    client.open(&main, "local shapes = require('shapes')\nlocal n: string = shapes.side\n")?;
    expect_lines(&client.found(&main, Some(1))?, &["1:18-1:29 E0001"])?;
    // What is in the editor counts, not what is on the disk.
    client.open(&shapes, "return {side = 'x'}\n")?;
    expect_lines(&client.found(&main, Some(1))?, &[])?;
    client.edit(&shapes, 2, &[([0, 15, 0, 18], "nil")])?;
    let found = client.found(&main, Some(1))?;
    if found.is_empty() {
        return Err("a module has changed, and nobody noticed".into());
    }
    client.tell("textDocument/didClose", &json!({"textDocument": {"uri": uri(&shapes)}}))?;
    expect_lines(&client.found(&main, Some(1))?, &["1:18-1:29 E0001"])?;
    folder.write("shapes.lua", "return {side = 'y'}\n")?;
    client.tell("workspace/didChangeWatchedFiles", &json!({"changes": [{"uri": uri(&shapes), "type": 2}]}))?;
    expect_lines(&client.found(&main, Some(1))?, &[])?;
    client.end()
}

fn settings() -> Result<(), Failed> {
    let folder = Folder::new("editor-settings")?;
    let path = folder.path().join("main.lua");
    let mut client = Client::with_settings(&folder, &json!({"mode": "strict"}))?;
    client.open(&path, "local v = '10' + 1\nlocal unused = v\n")?;
    expect_lines(&client.found(&path, Some(1))?, &["0:10-0:14 E0019"])?;
    client.tell(
        "workspace/didChangeConfiguration",
        &json!({"settings": {"moonlet": {"mode": "nonstrict", "rules": true}}}),
    )?;
    expect_lines(&client.found(&path, Some(1))?, &["1:6-1:12 W0004"])?;
    client.end()
}

// ---- questions

fn hover() -> Result<(), Failed> {
    let text = "-- How many.\nlocal count: integer = 1\nlocal u: {name: string} = {name = '🌍'} print(u.name, count)\n";
    let (_folder, path, mut client) = document("hover", text)?;
    let found = client.ask("textDocument/hover", &at(&path, 2, 55))?;
    expect(&found["contents"]["value"], &json!("```lua\nlocal count: integer\n```\n\nHow many."))?;
    expect(&json!(shown(&found["range"])), &json!("2:54-2:59"))?;
    let found = client.ask("textDocument/hover", &at(&path, 2, 49))?;
    expect(&found["contents"]["value"], &json!("```lua\nname: string\n```"))?;
    expect(&client.ask("textDocument/hover", &at(&path, 1, 22))?, &Value::Null)?;
    client.edit(&path, 2, &[([1, 13, 1, 20], "number")])?;
    let found = client.ask("textDocument/hover", &at(&path, 1, 8))?;
    expect(&found["contents"]["value"], &json!("```lua\nlocal count: number\n```\n\nHow many."))?;
    client.end()
}

fn definition() -> Result<(), Failed> {
    let folder = Folder::new("editor-definition")?;
    let shapes = folder
        .write("shapes.lua", "#!/bin/x\nlocal M = {}\nfunction M.area(side: number) return side ^ 2 end\nreturn M\n")?;
    let main = folder.path().join("main.lua");
    let mut client = Client::new(&folder)?;
    client.open(
        &main,
        "type Id = string\nlocal shapes = require('shapes')\nlocal id: Id = 'x'\nprint(shapes.area(2), id)\n",
    )?;
    let mut leads = |line, character, to: &Path, place: &str| {
        let found = client.ask("textDocument/definition", &at(&main, line, character))?;
        expect(&found["uri"], &json!(uri(to)))?;
        expect(&json!(shown(&found["range"])), &json!(place))
    };
    leads(3, 23, &main, "2:6-2:8")?;
    leads(3, 8, &main, "1:6-1:12")?;
    leads(3, 15, &shapes, "2:11-2:15")?;
    leads(2, 10, &main, "0:5-0:7")?;
    leads(1, 26, &shapes, "0:0-0:0")?;
    expect(&client.ask("textDocument/definition", &at(&main, 3, 2))?, &Value::Null)?;
    client.end()
}

fn labels(found: &Value) -> Vec<&str> {
    found.as_array().into_iter().flatten().filter_map(|item| item["label"].as_str()).collect()
}

fn completion() -> Result<(), Failed> {
    let folder = Folder::new("editor-completion")?;
    folder.write("shapes.lua", "return {area = function(side: number) return side ^ 2 end}\n")?;
    let path = folder.path().join("main.lua");
    let mut client = Client::new(&folder)?;
    client.open(&path, "local shapes = require('shapes')\nlocal user: {name: string, age: number} = {name = 'x', age = 1}\nlocal used = 1\n\n")?;
    let mut complete = |version, text: &str| {
        client.edit(&path, version, &[([3, 0, 9, 0], text)])?;
        client.ask("textDocument/completion", &at(&path, 3, text.encode_utf16().count() as u32))
    };
    let fields = complete(2, "print(user.")?;
    if labels(&fields) != ["age", "name"] {
        return Err(format!("fields: {fields}").into());
    }
    expect(&fields[0]["kind"], &json!(5))?;
    let members = complete(3, "local a = shapes.")?;
    expect(&members[0]["label"], &json!("area"))?;
    expect(&members[0]["kind"], &json!(3))?;
    let library = complete(4, "string.")?;
    let methods = complete(5, "user.name:")?;
    for (what, found) in [("library", &library), ("methods", &methods)] {
        if !labels(found).contains(&"rep") {
            return Err(format!("{what} of strings: {found}").into());
        }
    }
    let names = complete(6, "us")?;
    for name in ["user", "used", "shapes", "print", "while"] {
        if !labels(&names).contains(&name) {
            return Err(format!("no '{name}' in {names}").into());
        }
    }
    // What was asked about has not become part of the text.
    expect(
        &client.ask("textDocument/hover", &at(&path, 2, 8))?["contents"]["value"],
        &json!("```lua\nlocal used: integer\n```"),
    )?;
    client.end()
}

fn symbols() -> Result<(), Failed> {
    let text = "type User = {name: string}\nlocal M = {}\nfunction M.new()\n  local function helper() end\n  helper()\nend\nfunction M:go() end\nreturn M\n";
    let (_folder, path, mut client) = document("symbols", text)?;
    let found = client.ask("textDocument/documentSymbol", &json!({"textDocument": {"uri": uri(&path)}}))?;
    let line = |symbol: &Value| {
        format!("{} {} {}", symbol["name"].as_str().unwrap_or(""), symbol["kind"], shown(&symbol["selectionRange"]))
    };
    let lines: Vec<_> = found.as_array().into_iter().flatten().map(line).collect();
    expect_lines(&lines, &["User 5 0:5-0:9", "M 13 1:6-1:7", "M.new 12 2:11-2:14", "M:go 6 6:11-6:13"])?;
    expect(&json!(line(&found[2]["children"][0])), &json!("helper 12 3:17-3:23"))?;
    expect(&json!(shown(&found[2]["range"])), &json!("2:0-5:3"))?;
    client.end()
}

fn references() -> Result<(), Failed> {
    let (_folder, path, mut client) =
        document("references", "local x = 1\nx = x + 1\ndo local x = 2 print(x) end\nprint(x)\n")?;
    let mut params = at(&path, 3, 6);
    params["context"] = json!({"includeDeclaration": true});
    let places = |found: &Value, key: Option<&str>| -> Vec<String> {
        let one = |found: &Value| {
            let kind = key.map_or_else(String::new, |key| format!(" {}", found[key]));
            format!("{}{kind}", shown(&found["range"]))
        };
        found.as_array().into_iter().flatten().map(one).collect()
    };
    let found = client.ask("textDocument/references", &params)?;
    let mut all = places(&found, None);
    all.sort();
    expect_lines(&all, &["0:6-0:7", "1:0-1:1", "1:4-1:5", "3:6-3:7"])?;
    params["context"] = json!({"includeDeclaration": false});
    expect(&json!(client.ask("textDocument/references", &params)?.as_array().map(Vec::len)), &json!(3))?;
    let found = client.ask("textDocument/documentHighlight", &at(&path, 3, 6))?;
    let mut all = places(&found, Some("kind"));
    all.sort();
    expect_lines(&all, &["0:6-0:7 3", "1:0-1:1 3", "1:4-1:5 2", "3:6-3:7 2"])?;
    client.end()
}

fn signature() -> Result<(), Failed> {
    let (_folder, path, mut client) =
        document("signature", "local function add(a: number, b: number) return a + b end\nprint(add(1, 2))\n")?;
    let found = client.ask("textDocument/signatureHelp", &at(&path, 1, 13))?;
    expect(&found["signatures"][0]["label"], &json!("(a: number, b: number) -> number"))?;
    expect(&found["signatures"][0]["parameters"][1]["label"], &json!("b: number"))?;
    expect(&found["activeParameter"], &json!(1))?;
    expect(&client.ask("textDocument/signatureHelp", &at(&path, 0, 0))?, &Value::Null)?;
    client.end()
}

/// The edits of a rename: `place text` for each.
fn edits(path: &Path, found: &Value) -> Vec<String> {
    let edits = found["changes"][uri(path)].as_array().cloned().unwrap_or_default();
    edits.iter().map(|edit| format!("{} {}", shown(&edit["range"]), edit["newText"].as_str().unwrap_or(""))).collect()
}

fn renaming(path: &Path, line: u32, character: u32, name: &str) -> Value {
    let mut params = at(path, line, character);
    params["newName"] = json!(name);
    params
}

fn rename() -> Result<(), Failed> {
    let text = "local s, x = '🌍', 1\nlocal function f(x) return x end\nx = f(x)\ntype Id = string\nlocal id: Id = s\nreturn id, x, Id\n";
    let (_folder, path, mut client) = document("rename", text)?;
    let found = client.ask("textDocument/prepareRename", &at(&path, 2, 0))?;
    expect(&found["placeholder"], &json!("x"))?;
    expect(&json!(shown(&found["range"])), &json!("2:0-2:1"))?;
    let found = client.ask("textDocument/rename", &renaming(&path, 2, 6, "total"))?;
    expect_lines(&edits(&path, &found), &["0:9-0:10 total", "2:0-2:1 total", "2:6-2:7 total", "5:11-5:12 total"])?;
    let found = client.ask("textDocument/rename", &renaming(&path, 1, 17, "value"))?;
    expect_lines(&edits(&path, &found), &["1:17-1:18 value", "1:27-1:28 value"])?;
    let found = client.ask("textDocument/rename", &renaming(&path, 4, 10, "Name"))?;
    expect_lines(&edits(&path, &found), &["3:5-3:7 Name", "4:10-4:12 Name", "5:14-5:16 Name"])?;
    // The document itself has not changed.
    let found = client.ask("textDocument/hover", &at(&path, 5, 8))?;
    expect(&found["contents"]["value"], &json!("```lua\nlocal id: Id\n```"))?;
    client.end()
}

fn rename_is_refused() -> Result<(), Failed> {
    let text = "local a, b = 1, 2\ndo local c = a print(a, b, c) end\nexport type Id = string\nlocal M = {}\n\
                function M:go() return self end\nglobal = M\nreturn M.go\n";
    let (_folder, path, mut client) = document("refused", text)?;
    let mut refused = |line, character, name| -> Result<(), Failed> {
        let code = client.error("textDocument/rename", &renaming(&path, line, character, name))?;
        expect(&json!(code), &json!(-32803))
    };
    // What the name would mean in other places, and what it would hide.
    refused(0, 6, "b")?;
    refused(0, 6, "c")?;
    refused(1, 9, "a")?;
    refused(0, 6, "print")?;
    // No names.
    refused(0, 6, "end")?;
    refused(0, 6, "1x")?;
    refused(0, 6, "")?;
    refused(0, 6, "x, y")?;
    // Nothing that belongs to this file alone.
    refused(2, 12, "Name")?;
    refused(4, 23, "this")?;
    refused(5, 0, "other")?;
    refused(6, 9, "run")?;
    expect(&client.ask("textDocument/prepareRename", &at(&path, 5, 0))?, &Value::Null)?;
    expect(&client.ask("textDocument/prepareRename", &at(&path, 0, 12))?, &Value::Null)?;
    client.end()
}

/// Whatever is being written, there is an answer.
fn unfinished_text() -> Result<(), Failed> {
    let whole = "local t: {x: number, [string]: any} = {x = 1}\nfor k, v in pairs(t) do print(k, v, t.x) end\n";
    let (_folder, path, mut client) = document("unfinished", "")?;
    for end in 0..whole.len() {
        let text = &whole[..end];
        let params =
            json!({"textDocument": {"uri": uri(&path), "version": end + 2}, "contentChanges": [{"text": text}]});
        client.tell("textDocument/didChange", &params)?;
        let (line, last) = text.rsplit_once('\n').map_or((0, text), |(_, last)| (1, last));
        let place = at(&path, line, last.len() as u32);
        for method in ["hover", "completion", "definition", "signatureHelp", "documentHighlight", "prepareRename"] {
            client.ask(&format!("textDocument/{method}"), &place)?;
        }
        client.ask("textDocument/documentSymbol", &json!({"textDocument": {"uri": uri(&path)}}))?;
    }
    client.end()
}

fn survives_what_is_no_message() -> Result<(), Failed> {
    let (_folder, path, mut client) = document("garbage", "local x = 1\nreturn x\n")?;
    for (text, code) in [("{\"id\": 1, ", -32700), ("\u{0}", -32700), ("[]", -32600), ("{\"id\": \"a\"}", -32600)] {
        client.send(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes())?;
        let answer = client.receive(|message| message.get("error").is_some())?;
        expect(&answer["error"]["code"], &json!(code))?;
    }
    expect(&client.ask("textDocument/hover", &at(&path, 1, 7))?["contents"]["kind"], &json!("markdown"))?;
    client.end()
}

/// Versions that go back, places outside, documents that are not open.
fn survives_confused_clients() -> Result<(), Failed> {
    let (folder, path, mut client) = document("confused", "local x = 1\nreturn x\n")?;
    client.edit(&path, 7, &[([0, 10, 0, 11], "2")])?;
    client.edit(&path, 3, &[([90, 0, 99, 9], "-- end\n"), ([0, 99, 0, 3], "")])?;
    client.edit(&path, 4, &[([0, 0, 99, 0], "local s = '🌍ü' local y = s\n")])?;
    let never = folder.path().join("never.lua");
    client.edit(&never, 1, &[([0, 0, 0, 0], "x")])?;
    client.tell("textDocument/didClose", &json!({"textDocument": {"uri": uri(&never)}}))?;
    client.open(&path, "local s = '🌍ü' local y = s\n")?;
    // The globe counts as two, the letter as one.
    client.edit(&path, 9, &[([0, 23, 0, 23], ": integer")])?;
    expect_lines(&client.found(&path, Some(9))?, &["0:35-0:36 E0001"])?;
    for method in ["hover", "definition"] {
        let params = at(&path, 99, 99);
        client.response(&format!("textDocument/{method}"), &params)?;
    }
    client.tell("textDocument/didClose", &json!({"textDocument": {"uri": uri(&path)}}))?;
    client.tell("textDocument/didClose", &json!({"textDocument": {"uri": uri(&path)}}))?;
    client.end()
}

/// Entries of an application know those that they import by the names they have given them, and nothing else.
fn applications() -> Result<(), Failed> {
    let folder = Folder::new("editor-applications")?;
    let index = |library: &str| {
        format!(
            "version: '1.0'\nnamespace: app\nentries:\n\
             - {{name: shapes, kind: library.lua, source: 'file://{library}.lua'}}\n\
             - {{name: inside, kind: library.lua, source: 'return {{answer = 42}}'}}\n\
             - {{name: main, kind: function.lua, source: 'file://main.lua', method: main, modules: [json],\n   \
               imports: {{figures: 'app:shapes', inside: 'app:inside'}}}}\n"
        )
    };
    folder.write("_index.yaml", index("shapes"))?;
    let shapes =
        folder.write("shapes.lua", "local M = {}\nfunction M.area(side: number) return side end\nreturn M\n")?;
    folder.write("round.lua", "return {radius = function(area: number): number return area end}\n")?;
    let (main, script) = (folder.path().join("main.lua"), folder.path().join("script.lua"));
    folder.write("main.lua", "")?;
    let mut client = Client::new(&folder)?;
    client.open(
        &main,
        "local figures = require('figures')\nlocal inside = require('inside')\n\
         local function main() return figures.area(inside.answer), json.encode(1) end\n\
         figures.area('x')\nrequire('shapes')\nio.popen('x')\nreturn {main = main}\n",
    )?;
    expect_lines(&client.found(&main, Some(1))?, &["3:13-3:16 E0001", "4:0-4:17 E0032", "5:0-5:2 E0006"])?;
    let hover = client.ask("textDocument/hover", &at(&main, 2, 38))?;
    expect(&hover["contents"]["value"], &json!("```lua\narea: (side: number) -> number\n```"))?;
    let found = client.ask("textDocument/definition", &at(&main, 2, 38))?;
    expect(&found["uri"], &json!(uri(&shapes)))?;
    expect(&json!(shown(&found["range"])), &json!("1:11-1:15"))?;
    let hover = client.ask("textDocument/hover", &at(&main, 1, 8))?;
    expect(&hover["contents"]["value"], &json!("```lua\nlocal inside: {answer: integer}\n```"))?;

    // What is written into the library counts at once.
    client.open(&shapes, "local M = {}\nfunction M.area(side: string) return side end\nreturn M\n")?;
    expect_lines(&client.found(&shapes, Some(1))?, &[])?;
    expect_lines(&client.found(&main, Some(1))?, &["4:0-4:17 E0032", "5:0-5:2 E0006"])?;

    // A file that is no entry knows files, and all of the library.
    client.open(&script, "local shapes = require('shapes')\nshapes.area(1)\nio.popen('x')\n")?;
    expect_lines(&client.found(&script, Some(1))?, &["1:12-1:13 E0001"])?;

    // Another library under the name.
    let changed = folder.write("_index.yaml", index("round"))?;
    client.tell("workspace/didChangeWatchedFiles", &json!({"changes": [{"uri": uri(&changed), "type": 2}]}))?;
    let hover = client.ask("textDocument/hover", &at(&main, 0, 8))?;
    let wanted = "```lua\nlocal figures: {radius: (area: number) -> number}\n```";
    expect(&hover["contents"]["value"], &json!(wanted))?;
    client.end()
}

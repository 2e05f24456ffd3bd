//! Processes that are terminated in the middle of something: transactions are rolled back, and neither connection nor
//! statement nor task is left. The servers are those of `tools/services`.

use std::thread;
use std::time::Instant;

use super::*;

/// What is not the same on all engines.
struct Engine {
    kind: &'static str,
    fields: Vec<(Data, Data)>,
    /// A statement that takes for ever.
    slow: &'static str,
    /// Counts the sessions of the test on the server, and those that do something.
    sessions: Option<[String; 2]>,
}

/// Connections at a time, where there can be several.
const CONNECTIONS: u32 = 4;
/// Processes for each way of being in the middle of something.
const PROCESSES: usize = 3;
/// How long things may take until something must be wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// The ways to be in the middle of something. What does not get a connection waits for one.
const WAYS: [&str; 4] = ["query", "statement", "transaction", "query in a transaction"];

/// `main(how, slow, table)` is terminated; `ask(text)` returns the integer `n` of the only row.
const MAIN: &str = "
    local sql = require('sql')
    return function(how, slow, table)
        local db = assert(sql.get('app:db'))
        if how == 'query' then return tostring(select(2, db:query(slow))) end
        if how == 'statement' then
            local statement = assert(db:prepare(slow))
            return tostring(select(2, statement:query()))
        end
        local tx = assert(db:begin())
        assert(tx:execute('INSERT INTO ' .. table .. ' VALUES (1)'))
        if how == 'transaction' then channel.new():receive() end
        return tostring(select(2, tx:query(slow)))
    end";
const ASK: &str = "
    local sql = require('sql')
    return function(id, text)
        local db = assert(sql.get(id))
        if text:find('^SELECT') then return assert(db:query(text))[1].n end
        return assert(db:execute(text)).rows_affected
    end";

fn ask(runtime: &Runtime, id: &str, text: &str) -> i64 {
    let process = runtime.spawn("app:ask", (id, text)).expect("it compiles");
    match process.wait().expect("the database answers") {
        Data::Integer(n) => n,
        other => panic!("{text} gives {other:?}"),
    }
}

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn terminated_processes_leave_nothing(engine: Engine) {
    let table = format!("abandoned_{}", std::process::id());
    let mut fields = engine.fields.clone();
    fields.push(("pool".into(), Data::from([("max_open", Data::from(i64::from(CONNECTIONS)))])));
    let database = open(engine.kind, &Data::Map(fields));
    let sql = Sql::default();
    sql.add("app:db", Arc::clone(&database));
    // Whoever watches has a connection of his own; the embedded engine has only one.
    let watch = if engine.sessions.is_some() { "app:watch" } else { "app:db" };
    sql.add("app:watch", open(engine.kind, &Data::Map(engine.fields.clone())));
    let builder = Runtime::builder().workers(2).module(sql).entry("app:main", MAIN).entry("app:ask", ASK);
    let runtime = builder.build().expect("the system has threads");
    ask(&runtime, watch, &format!("CREATE TABLE {table} (a INTEGER)"));

    for _ in 0..3 {
        let victims: Vec<_> = (0..PROCESSES)
            .flat_map(|_| WAYS)
            .map(|how| runtime.spawn("app:main", (how, engine.slow, &*table)).expect("it compiles"))
            .collect();
        let most = if engine.sessions.is_some() { CONNECTIONS } else { 1 };
        until("all connections are in use", || {
            let counts = database.pool.counts();
            counts.open - counts.idle == most
        });
        // Those that have a connection are in the middle of what they do with it soon after.
        thread::sleep(Duration::from_millis(100));
        victims.iter().for_each(|victim| victim.terminate());
        for victim in victims {
            assert!(victim.wait().is_err(), "it has not come to its end by itself");
        }

        until("all connections are back", || {
            let counts = database.pool.counts();
            counts.open == counts.idle && database.pool.free() == most
        });
        until("no task is left", || runtime.core().io.tasks() == 0);
        until("no process is left", || runtime.process_count() == 0);
        if let Some([sessions, busy]) = &engine.sessions {
            until("no session does anything", || ask(&runtime, watch, busy) == 0);
            let open = i64::from(database.pool.counts().open);
            until("there are no other sessions", || ask(&runtime, watch, sessions) == open);
        }
        assert_eq!(ask(&runtime, watch, &format!("SELECT COUNT(*) AS n FROM {table}")), 0, "it was rolled back");
        // No lock is left either.
        assert_eq!(ask(&runtime, "app:db", &format!("INSERT INTO {table} VALUES (2)")), 1);
        assert_eq!(ask(&runtime, "app:db", &format!("DELETE FROM {table}")), 1);
    }
    ask(&runtime, watch, &format!("DROP TABLE {table}"));
}

/// For the embedded engine.
const ENDLESS: &str = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1000000000000) SELECT COUNT(*) AS n FROM c";

/// A server of `tools/services`, and a database there.
fn on_server(port: i64, database: &str) -> Vec<(Data, Data)> {
    let text = |name: &'static str, value: &str| (Data::from(name), Data::from(value));
    vec![
        text("host", "127.0.0.1"),
        text("database", database),
        text("username", "moonlet"),
        text("password", "secret"),
        ("port".into(), port.into()),
    ]
}

#[test]
fn on_the_embedded_engine() {
    terminated_processes_leave_nothing(Engine {
        kind: "db.sql.sqlite",
        fields: vec![("file".into(), ":memory:".into())],
        slow: ENDLESS,
        sessions: None,
    });
}

#[test]
fn on_the_embedded_engine_with_a_file() {
    let file = std::env::temp_dir().join(format!("moonlet-abandoned-{}.db", std::process::id()));
    let path = file.to_str().expect("the path is text");
    terminated_processes_leave_nothing(Engine {
        kind: "db.sql.sqlite",
        fields: vec![("file".into(), path.into())],
        slow: ENDLESS,
        sessions: None,
    });
    for suffix in ["", "-wal", "-shm"] {
        // Not all of them are there.
        let _ = std::fs::remove_file(format!("{path}{suffix}"));
    }
}

#[test]
fn on_postgresql() {
    let name = format!("abandoned {}", std::process::id());
    let mine = format!("FROM pg_stat_activity WHERE application_name = '{name}' AND pid <> pg_backend_pid()");
    let mut fields = on_server(55432, "moonlet");
    fields.push(("options".into(), Data::from([("application_name", name.as_str())])));
    terminated_processes_leave_nothing(Engine {
        kind: "db.sql.postgres",
        fields,
        slow: "SELECT pg_sleep(1000)",
        sessions: Some([
            format!("SELECT COUNT(*) AS n {mine}"),
            format!("SELECT COUNT(*) AS n {mine} AND state <> 'idle'"),
        ]),
    });
}

#[test]
fn on_mysql() {
    // The server knows its sessions by the database they use.
    let name = format!("abandoned_{}", std::process::id());
    let sql = Sql::default();
    sql.add("app:root", open("db.sql.mysql", &Data::Map(on_server(53306, "moonlet"))));
    let builder = Runtime::builder().workers(1).module(sql).entry("app:ask", ASK);
    let runtime = builder.build().expect("the system has threads");
    ask(&runtime, "app:root", &format!("CREATE DATABASE {name}"));
    let mine = format!("FROM information_schema.processlist WHERE db = '{name}' AND id <> CONNECTION_ID()");
    terminated_processes_leave_nothing(Engine {
        kind: "db.sql.mysql",
        fields: on_server(53306, &name),
        slow: "SELECT SLEEP(1000) AS n",
        sessions: Some([
            format!("SELECT COUNT(*) AS n {mine}"),
            format!("SELECT COUNT(*) AS n {mine} AND command <> 'Sleep'"),
        ]),
    });
    ask(&runtime, "app:root", &format!("DROP DATABASE {name}"));
}

//! What programs alone cannot show: entries, stopping, limits. Statements and engines are tested in `lua-tests/modules/`.

mod abandoned;

use std::path::Path;

use super::config::{Limits, Source};
use super::*;
use crate::{Data, Runtime};

fn server(port: i64) -> Vec<(Data, Data)> {
    [("host", "h"), ("database", "d"), ("username", "u"), ("password", "p")]
        .map(|(name, value)| (name.into(), value.into()))
        .into_iter()
        .chain([("port".into(), port.into())])
        .collect()
}

fn configured(kind: &str, fields: &Data) -> Result<Config, ErrorData> {
    Config::from_entry(&Declaration { id: "app:db", kind, fields, folder: Path::new("/app") })
}

fn open(kind: &str, fields: &Data) -> Arc<Database> {
    let entry = Declaration { id: "app:db", kind, fields, folder: Path::new("/app") };
    Database::open(&entry).expect("the fields are complete")
}

fn refused(kind: &str, fields: Data) -> String {
    match configured(kind, &fields) {
        Ok(config) => panic!("accepted: {config:?}"),
        Err(error) => {
            assert_eq!(&*error.kind, INVALID);
            error.message.into()
        }
    }
}

#[test]
fn entries_are_checked() {
    let config = configured("db.sql.sqlite", &Data::from([("file", ":memory:")])).expect("complete");
    assert!(matches!(config.source, Source::Sqlite(None)) && config.limits.max_open == 1);
    let config_of = |file: &str| configured("db.sql.sqlite", &Data::from([("file", file)])).map(|config| config.source);
    assert!(matches!(config_of("a/b.db"), Ok(Source::Sqlite(Some(path))) if path == Path::new("/app/a/b.db")));
    assert!(matches!(config_of("/b.db"), Ok(Source::Sqlite(Some(path))) if path == Path::new("/b.db")));
    let mut fields = server(5432);
    fields.push(("pool".into(), Data::from([("max_open", Data::from(3)), ("max_lifetime", "5m".into())])));
    fields.push(("options".into(), Data::from([("sslmode", "disable")])));
    let config = configured("db.sql.postgres", &Data::Map(fields)).expect("complete");
    assert!(matches!(&config.source, Source::Postgres(server) if server.option("sslmode") == Some("disable")));
    let Limits { max_open, max_lifetime, .. } = config.limits;
    assert_eq!((max_open, max_lifetime), (3, Duration::from_secs(300)));

    assert!(refused("db.sql.sqlite", Data::Map(vec![])).contains("file is required"));
    assert!(refused("db.sql.mysql", Data::from([("host", "h")])).contains("required"));
    assert!(refused("db.sql.other", Data::from([("file", "x")])).contains("no kind"));
    for port in [0, -1, 65_536] {
        assert!(refused("db.sql.postgres", Data::Map(server(port))).contains("65535"), "{port}");
    }
    for pool in [("max_open", Data::from(-1)), ("max_idle", "x".into()), ("max_lifetime", "soon".into())] {
        let mut fields = server(1);
        fields.push(("pool".into(), Data::from([pool])));
        assert!(refused("db.sql.mysql", Data::Map(fields)).contains("pool."));
    }
    let mut fields = server(1);
    fields.push(("options".into(), Data::from([("nonsense", "1")])));
    assert!(refused("db.sql.mysql", Data::Map(fields)).contains("nonsense"));
}

#[test]
fn placeholders_stand_for_variables() {
    let file = |text: &str| configured("db.sql.sqlite", &Data::from([("file", text)])).map(|config| config.source);
    let name = std::env::vars().find(|(_, value)| value.starts_with('/')).expect("some variable is a path");
    let path = |text: &str| match file(text) {
        Ok(Source::Sqlite(Some(path))) => path.to_string_lossy().into_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(path(&format!("${{env:{}}}", name.0)), name.1);
    assert_eq!(path("a${env:NO_SUCH_VARIABLE|b}c${env:NO_SUCH_VARIABLE|}"), "/app/abc");
    for (wrong, text) in [("${env:NO_SUCH_VARIABLE}", "NO_SUCH_VARIABLE"), ("a${env:HOME", "does not end")] {
        assert!(file(wrong).expect_err("it has no value").message.contains(text), "{wrong}");
    }
    let mut fields = server(1);
    fields.retain(|(name, _)| *name != "port".into());
    fields.push(("port".into(), "${env:NO_SUCH_VARIABLE|77}".into()));
    assert!(
        matches!(configured("db.sql.mysql", &Data::Map(fields)).map(|config| config.source), Ok(Source::MySql(server)) if server.port == 77)
    );
}

#[test]
fn urls_are_read() {
    let of = |url| Config::from_url(url).map(|config| config.map(|config| config.source));
    assert!(matches!(of("sqlite:a/b.db"), Some(Ok(Source::Sqlite(Some(path)))) if path.ends_with("a/b.db")));
    assert!(matches!(of("sqlite::memory:other"), Some(Ok(Source::Sqlite(None)))));
    match of("postgresql://us%40er:p%3Aw@[::1]:7/db?application_name=x%20y") {
        Some(Ok(Source::Postgres(server))) => {
            assert_eq!((&*server.host, server.port, &*server.database), ("::1", 7, "db"));
            assert_eq!((&*server.username, &*server.password), ("us@er", "p:w"));
            assert_eq!(server.option("application_name"), Some("x y"));
            assert!(!format!("{server:?}").contains("p:w"));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(of("mysql://u:p@h/d"), Some(Ok(Source::MySql(server))) if server.port == 3306));
    assert!(of("app:db").is_none() && of("nothing").is_none());
    for wrong in ["sqlite:", "postgres:h/d", "mysql://h/d", "mysql://u@h:x/d", "mysql://u@h", "postgres://u%zz@h/d"] {
        assert!(matches!(of(wrong), Some(Err(_))), "{wrong}");
    }
}

/// A runtime with one database, whose processes return what a function gives for a handle on it: a text.
fn runtime(database: &Arc<Database>, body: &str) -> Runtime {
    let sql = Sql::default();
    sql.add("app:db", Arc::clone(database));
    let source = format!(
        "local sql = require('sql') return function()
            local db = assert(sql.get('app:db'))
            local function told(value, err) return err and err:kind() .. ': ' .. err:message() or 'fine' end
            {body}
        end"
    );
    Runtime::builder().workers(2).memory_limit(8 << 20).module(sql).entry("app:main", source).build().expect("threads")
}

fn run(database: &Arc<Database>, body: &str) -> String {
    let outcome = runtime(database, body).spawn("app:main", ()).expect("it compiles").wait();
    outcome.expect("it does not raise").as_str().unwrap_or_default().to_owned()
}

fn memory() -> Arc<Database> {
    open("db.sql.sqlite", &Data::from([("file", ":memory:")]))
}

#[test]
fn a_result_larger_than_the_heap_is_an_error() {
    let rows = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 200000) SELECT i, hex(zeroblob(50)) AS t FROM c";
    let told = run(&memory(), &format!("return told(db:query([[{rows}]]))"));
    assert!(told.starts_with("Internal: query: "), "{told}");
    let told = run(&memory(), "return told(db:query('SELECT zeroblob(20000000) AS b'))");
    assert!(told.starts_with("Internal: query: "), "{told}");
}

#[test]
fn rows_before_and_after_a_wait_for_the_file_are_one_result() {
    let path = std::env::temp_dir().join(format!("moonlet-rows-{}.db", std::process::id()));
    let file = Data::from([("file", path.to_str().expect("the path is text"))]);
    let make = "assert(db:execute([[CREATE TABLE near (id INTEGER PRIMARY KEY, a); CREATE TABLE far (id INTEGER PRIMARY KEY, a);
        INSERT INTO near VALUES (1, 'one'); INSERT INTO far VALUES (1, 'two')]])) return 'made'";
    let database = open("db.sql.sqlite", &file);
    assert_eq!(run(&database, make), "made");
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    tokio.block_on(database.close(Duration::from_secs(5)));
    drop(database);
    // The first query reads the pages of one table, the second those of the other after the row of the first.
    let ask = "assert(db:query('SELECT a FROM near WHERE id = 1'))
        local both = 'SELECT a, 1.5 AS b, NULL AS c FROM near WHERE id = ? UNION ALL SELECT a, 2 AS b, id AS c FROM far WHERE id = ?'
        local rows, told = assert(db:query(both, { 1, 1 })), {}
        for i, row in ipairs(rows) do told[i] = row.a .. ' ' .. row.b .. ' ' .. tostring(row.c) end
        return table.concat(told, ', ')";
    assert_eq!(run(&open("db.sql.sqlite", &file), ask), "one 1.5 nil, two 2 1");
    for suffix in ["", "-wal", "-shm"] {
        // Not all of them are there.
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
}

#[test]
fn a_stopped_database_refuses_work() {
    let database = memory();
    assert_eq!(run(&database, "return told(db:query('SELECT 1 AS a'))"), "fine");
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    tokio.block_on(async {
        database.ping().await.expect("it runs");
        database.close(Duration::from_secs(5)).await;
        assert_eq!(&*database.ping().await.expect_err("it is stopped").kind, errors::UNAVAILABLE);
    });
    let told = run(&database, "return told(db:query('SELECT 1 AS a'))");
    assert!(told.starts_with("Unavailable: query: "), "{told}");
}

#[test]
fn passwords_are_not_told() {
    let fields = server(1);
    let database = open("db.sql.postgres", &Data::Map(fields));
    let told = run(&database, "return told(db:query('SELECT 1')) .. tostring(db)");
    assert!(told.contains("sql.DB{postgres}") && !told.contains("u:p"), "{told}");
}

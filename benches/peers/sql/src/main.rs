//! Many inserts in one transaction, and reads of single rows: on the embedded engine, and on PostgreSQL through
//! `tokio-postgres`. `sql.lua` does the same through the module `sql`.
//!
//! Prints for each engine: its name, seconds of the inserts, seconds of the reads.

use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_postgres::NoTls;
use turso_core::{
    Connection, Database, DatabaseOpts, MemoryIO, OpenFlags, SqliteDialect, Statement, StepResult, Value,
};

const ROWS: i64 = 100_000;
const SERVER: &str = "postgres://moonlet:secret@127.0.0.1:55432/moonlet";

/// Of the inserts, of the reads.
type Times = [Duration; 2];

/// Runs a statement to its end; gives the last integer of the last row.
fn run(statement: &mut Statement) -> i64 {
    let mut found = 0;
    loop {
        match statement.step().expect("the statement is right") {
            StepResult::Row => {
                let row = statement.row().expect("there is a row");
                found = row.get_values().last().and_then(|value| value.as_int()).unwrap_or_default();
            }
            StepResult::Done => break,
            _ => {}
        }
    }
    statement.reset().expect("it has ended");
    found
}

fn execute(connection: &Arc<Connection>, text: &str) {
    run(&mut connection.prepare(text).expect("the statement is right"));
}

fn bind(statement: &mut Statement, values: impl IntoIterator<Item = Value>) {
    for (i, value) in (1..).zip(values) {
        let place = NonZero::new(i).expect("from 1");
        statement.bind_at(place, value).expect("there is such a parameter");
    }
}

fn embedded() -> Times {
    let options = DatabaseOpts::new();
    let database = Database::open_file_with_flags(
        Arc::new(MemoryIO::new()),
        ":memory:",
        OpenFlags::Create,
        options,
        None,
        Arc::new(SqliteDialect),
    );
    let connection = database.and_then(|database| database.connect()).expect("it is in memory");
    execute(&connection, "CREATE TABLE bench (id INTEGER PRIMARY KEY, name TEXT, n INTEGER)");
    let begin = Instant::now();
    execute(&connection, "BEGIN");
    let mut insert = connection.prepare("INSERT INTO bench VALUES (?, ?, ?)").expect("the statement is right");
    for i in 1..=ROWS {
        let name = Value::build_text(format!("name {i}"));
        bind(&mut insert, [Value::from_i64(i), name, Value::from_i64(i * 7)]);
        run(&mut insert);
    }
    execute(&connection, "COMMIT");
    let middle = Instant::now();
    let mut read = connection.prepare("SELECT name, n FROM bench WHERE id = ?").expect("the statement is right");
    for i in 1..=ROWS {
        bind(&mut read, [Value::from_i64(i)]);
        assert_eq!(run(&mut read), i * 7);
    }
    [middle - begin, middle.elapsed()]
}

fn on_server() -> Times {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    tokio.expect("threads can be started").block_on(async {
        let (mut client, connection) =
            tokio_postgres::connect(SERVER, NoTls).await.expect("tools/services has started it");
        let connection = tokio::spawn(connection);
        let table = "DROP TABLE IF EXISTS bench; CREATE TABLE bench (id INTEGER PRIMARY KEY, name TEXT, n INTEGER)";
        client.batch_execute(table).await.expect("the statement is right");
        let begin = Instant::now();
        let transaction = client.transaction().await.expect("it can begin");
        let insert =
            transaction.prepare("INSERT INTO bench VALUES ($1, $2, $3)").await.expect("the statement is right");
        for i in 1..=ROWS as i32 {
            let name = format!("name {i}");
            transaction.execute(&insert, &[&i, &name, &(i * 7)]).await.expect("the row can be inserted");
        }
        transaction.commit().await.expect("it can be committed");
        let middle = Instant::now();
        let read = client.prepare("SELECT name, n FROM bench WHERE id = $1").await.expect("the statement is right");
        for i in 1..=ROWS as i32 {
            let row = client.query_one(&read, &[&i]).await.expect("there is such a row");
            let (_, n): (String, i32) = (row.get(0), row.get(1));
            assert_eq!(n, i * 7);
        }
        let times = [middle - begin, middle.elapsed()];
        client.batch_execute("DROP TABLE bench").await.expect("the statement is right");
        drop(client);
        connection.await.expect("it does not panic").expect("it ends in order");
        times
    })
}

fn main() {
    for (engine, [inserts, reads]) in [("embedded", embedded()), ("postgres", on_server())] {
        println!("{engine} {:.3} {:.3}", inserts.as_secs_f64(), reads.as_secs_f64());
    }
}

//! MySQL and MariaDB: sessions by the client `mysql_async`.
//!
//! Statements go through the server's prepared statements, which the client keeps and of which each is one; those that cannot
//! be prepared go as text.
//! The session is in UTC unless the option `loc` says otherwise, so that points in time go there and back unchanged.

use std::time::Duration;

use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::prelude::Queryable;
use mysql_async::{Column, Conn, DriverError, Error, OptsBuilder, Params, PoolOpts, SslOpts, Value};

use super::config::Server;
use super::connection::{Answer, Command, Request, Want};
use super::error::{SqlError, invalid};
use super::tls;
use super::value::{Cell, Effect, Param, Rows};
use crate::modules::certificates;
use crate::runtime::errors::{
    ALREADY_EXISTS, CANCELED, CONFLICT, INTERNAL, INVALID, PERMISSION_DENIED, TIMEOUT, UNAVAILABLE,
};
use crate::runtime::time;

/// How long connecting may take unless an option says otherwise, and saying that a statement is not wanted any more.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
const CANCEL_PATIENCE: Duration = Duration::from_secs(5);

/// Statements that are kept.
const MAX_STATEMENTS: usize = 100;

/// The number of the error for a statement that only works as text.
const NOT_PREPARABLE: u16 = 1295;

/// The number of a character set that is none.
const BINARY: u16 = 63;

/// A session.
pub struct MySql {
    conn: Conn,
    server: Server,
    parse_time: bool,
    statement_timeout: Option<Duration>,
    lost: bool,
}

impl MySql {
    /// Begins a session.
    pub async fn connect(server: &Server) -> Result<MySql, SqlError> {
        let timeout = duration(server, "timeout")?.unwrap_or(CONNECT_TIMEOUT);
        let statement_timeout = match (duration(server, "readTimeout")?, duration(server, "writeTimeout")?) {
            (Some(read), Some(write)) => Some(read + write),
            (read, write) => read.or(write),
        };
        let parse_time = server.option("parseTime") == Some("true");
        let conn = match tokio::time::timeout(timeout, Conn::new(options(server)?)).await {
            Ok(conn) => conn.map_err(|error| sql_error(&error))?,
            Err(_) => return Err(SqlError::new(TIMEOUT, format!("connecting to {server:?} took too long"))),
        };
        Ok(MySql { conn, server: server.clone(), parse_time, statement_timeout, lost: false })
    }

    /// Whether the session has ended.
    pub fn is_lost(&self) -> bool {
        self.lost || self.conn.is_disconnected()
    }

    /// Runs a statement to its end.
    pub async fn run(&mut self, request: &Request) -> Result<Answer, SqlError> {
        self.check()?;
        let answer = in_time(self.statement_timeout, self.run_untimed(request)).await;
        self.note(answer)
    }

    /// A session that has ended, or in the middle of whose statement nobody waited any more, takes no other one.
    fn check(&self) -> Result<(), SqlError> {
        if self.is_lost() { Err(SqlError::new(UNAVAILABLE, "the session has ended")) } else { Ok(()) }
    }

    /// What has come in time; what has not loses the session.
    fn note<T>(&mut self, answer: Option<Result<T, SqlError>>) -> Result<T, SqlError> {
        answer.unwrap_or_else(|| {
            self.lost = true;
            Err(SqlError::new(TIMEOUT, "the statement took too long"))
        })
    }

    async fn run_untimed(&mut self, request: &Request) -> Result<Answer, SqlError> {
        let result = match request.want {
            Want::Nothing => self.conn.prep(&*request.text).await.map(|_| Answer::Nothing),
            Want::Effect => match self.conn.exec_drop(&*request.text, params(&request.params)).await {
                Err(Error::Server(error)) if error.code == NOT_PREPARABLE && request.params.is_empty() => {
                    self.conn.query_drop(&*request.text).await
                }
                result => result,
            }
            .map(|()| Answer::Effect(self.effect())),
            Want::Rows => return self.rows(request).await,
        };
        result.map_err(|error| self.failed(&error))
    }

    fn effect(&self) -> Effect {
        Effect {
            last_insert_id: self.conn.last_insert_id().map_or(0, |id| id as i64),
            rows_affected: self.conn.affected_rows() as i64,
        }
    }

    async fn rows(&mut self, request: &Request) -> Result<Answer, SqlError> {
        let parse_time = self.parse_time;
        let outcome = async {
            let mut result = self.conn.exec_iter(&*request.text, params(&request.params)).await?;
            let columns = result.columns().unwrap_or_default();
            let names: Vec<_> = columns.iter().map(|column| column.name_str().into()).collect();
            let mut rows = Rows::new(names, request.budget);
            let mut fits = Ok(());
            while let Some(row) = result.next().await? {
                if fits.is_ok() {
                    let cells = row.unwrap().into_iter().zip(columns.iter());
                    fits = rows.push(cells.map(|(value, column)| cell(column, value, parse_time)));
                }
            }
            result.drop_result().await?;
            Ok::<_, Error>(fits.map(|()| rows))
        };
        match outcome.await {
            Ok(fits) => Ok(Answer::Rows(fits?)),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn failed(&mut self, error: &Error) -> SqlError {
        self.lost |= !matches!(error, Error::Server(_) | Error::Driver(DriverError::StmtParamsMismatch { .. }));
        sql_error(error)
    }

    /// Does a step of a transaction.
    pub async fn command(&mut self, command: &Command) -> Result<(), SqlError> {
        self.check()?;
        let done = in_time(self.statement_timeout, self.command_untimed(command)).await;
        self.note(done)
    }

    async fn command_untimed(&mut self, command: &Command) -> Result<(), SqlError> {
        let text = match command {
            Command::Begin { isolation, read_only } => {
                if let Some(level) = isolation.standard()? {
                    self.text(&format!("SET TRANSACTION ISOLATION LEVEL {level}")).await?;
                }
                if *read_only { "START TRANSACTION READ ONLY" } else { "START TRANSACTION" }.to_owned()
            }
            Command::Commit => "COMMIT".to_owned(),
            Command::Rollback => "ROLLBACK".to_owned(),
            Command::Savepoint(name) => format!("SAVEPOINT `{name}`"),
            Command::RollbackTo(name) => format!("ROLLBACK TO SAVEPOINT `{name}`"),
            Command::Release(name) => format!("RELEASE SAVEPOINT `{name}`"),
        };
        self.text(&text).await
    }

    async fn text(&mut self, text: &str) -> Result<(), SqlError> {
        let result = self.conn.query_drop(text).await;
        result.map_err(|error| self.failed(&error))
    }

    /// Asks the server to stop what this session does, and ends the session.
    pub async fn cancel(self) {
        let id = self.conn.id();
        let server = self.server.clone();
        drop(self);
        let kill = async {
            let mut conn = Conn::new(options(&server)?).await.map_err(|error| sql_error(&error))?;
            let killed = conn.query_drop(format!("KILL {id}")).await;
            drop(conn.disconnect().await);
            killed.map_err(|error| sql_error(&error))
        };
        // Without an answer the server finds out when it writes to the closed connection.
        let _ = tokio::time::timeout(CANCEL_PATIENCE, kill).await;
    }

    /// Ends the session.
    pub async fn close(self) {
        // The server notices the end of the connection, too.
        let _ = self.conn.disconnect().await;
    }
}

/// What comes before the time is over, if there is a limit.
async fn in_time<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match limit {
        None => Some(work.await),
        Some(limit) => tokio::time::timeout(limit, work).await.ok(),
    }
}

fn duration(server: &Server, option: &str) -> Result<Option<Duration>, SqlError> {
    let Some(text) = server.option(option) else { return Ok(None) };
    match time::Duration::parse(text.as_bytes()) {
        Some(duration) if duration.0 > 0 => Ok(Some(duration.to_std())),
        _ => Err(invalid(format!("{option} must be a duration"))),
    }
}

fn options(server: &Server) -> Result<OptsBuilder, SqlError> {
    let charset = server.option("charset").unwrap_or("utf8mb4");
    let zone = match server.option("loc") {
        None | Some("UTC") => "+00:00",
        Some("Local") => "SYSTEM",
        Some(zone) => zone,
    };
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_/+-:".contains(&byte));
    if !plain(charset) || !plain(zone) {
        return Err(invalid("charset and loc must be names"));
    }
    let ssl = match server.option("tls").unwrap_or("false") {
        "false" => None,
        "true" => Some(SslOpts::default()),
        "skip-verify" => Some(SslOpts::default().with_danger_accept_invalid_certs(true)),
        _ => return Err(invalid("tls must be true, false or skip-verify")),
    };
    if ssl.is_some() {
        // The client takes its cryptography from here; whoever came first has chosen the same.
        let provider = certificates::provider().map_err(tls::refused)?;
        let _ = std::sync::Arc::unwrap_or_clone(provider).install_default();
    }
    let builder = OptsBuilder::default()
        .user(Some(&server.username))
        .pass(Some(&server.password))
        .db_name(Some(&server.database))
        .stmt_cache_size(MAX_STATEMENTS)
        .prefer_socket(false)
        .tcp_nodelay(true)
        .pool_opts(PoolOpts::default())
        .ssl_opts(ssl)
        .init(vec![format!("SET NAMES {charset}, time_zone = '{zone}'")]);
    Ok(match server.host.starts_with('/') {
        true => builder.socket(Some(&server.host)),
        false => builder.ip_or_hostname(&server.host).tcp_port(server.port),
    })
}

fn params(params: &[Param]) -> Params {
    if params.is_empty() {
        return Params::Empty;
    }
    Params::Positional(params.iter().map(value).collect())
}

fn value(param: &Param) -> Value {
    match param {
        Param::Null => Value::NULL,
        Param::Bool(b) => Value::Int(i64::from(*b)),
        Param::Int(i) => Value::Int(*i),
        Param::Float(f) => Value::Double(*f),
        Param::Text(text) => Value::Bytes(text.as_bytes().to_vec()),
        Param::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        Param::Time(moment) => {
            let mut text = (**moment).clone().in_zone(time::Zone::Utc).rfc3339();
            text.retain(|byte| *byte != b'Z');
            text.iter_mut().filter(|byte| **byte == b'T').for_each(|byte| *byte = b' ');
            Value::Bytes(text)
        }
    }
}

/// A value of a row. Statements that were sent as text have all their values as text.
fn cell(column: &Column, value: Value, parse_time: bool) -> Cell {
    use ColumnType as T;
    let kind = column.column_type();
    match value {
        Value::NULL => Cell::Null,
        Value::Int(i) => Cell::Int(i),
        Value::UInt(u) => i64::try_from(u).map_or_else(|_| Cell::text(&u.to_string()), Cell::Int),
        Value::Double(f) => Cell::Float(f),
        // The double that reads as the float does.
        Value::Float(f) => Cell::Float(f.to_string().parse().unwrap_or(f64::from(f))),
        Value::Date(year, month, day, ..) if kind == T::MYSQL_TYPE_DATE => {
            Cell::text(&format!("{year:04}-{month:02}-{day:02}"))
        }
        Value::Date(year, month, day, hour, minute, second, micros) => {
            let date = format!("{year:04}-{month:02}-{day:02}");
            let time = format!("{hour:02}:{minute:02}:{second:02}");
            let text = match parse_time {
                true => format!("{date}T{time}{}Z", fraction(micros, 6).trim_end_matches(['0', '.'])),
                false => format!("{date} {time}{}", fraction(micros, column.decimals())),
            };
            Cell::text(&text)
        }
        Value::Time(negative, days, hours, minutes, seconds, micros) => {
            let sign = if negative { "-" } else { "" };
            let hours = days * 24 + u32::from(hours);
            let fraction = fraction(micros, column.decimals());
            Cell::text(&format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{fraction}"))
        }
        Value::Bytes(bytes) => match kind {
            T::MYSQL_TYPE_TINY
            | T::MYSQL_TYPE_SHORT
            | T::MYSQL_TYPE_INT24
            | T::MYSQL_TYPE_LONG
            | T::MYSQL_TYPE_LONGLONG
            | T::MYSQL_TYPE_YEAR
                if column.character_set() == BINARY || column.flags().contains(ColumnFlags::NUM_FLAG) =>
            {
                let integer = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
                integer.map_or_else(|| Cell::Bytes(bytes.into()), Cell::Int)
            }
            _ => Cell::Bytes(bytes.into()),
        },
    }
}

/// A fraction of a second with so many digits, and its point.
fn fraction(micros: u32, digits: u8) -> String {
    match usize::from(digits).min(6) {
        0 => String::new(),
        digits => format!(".{micros:06}")[..=digits].to_owned(),
    }
}

fn sql_error(error: &Error) -> SqlError {
    let error = match error {
        Error::Server(error) => error,
        Error::Driver(DriverError::StmtParamsMismatch { required, supplied }) => {
            return invalid(format!("the statement has {required} parameters, {supplied} were given"));
        }
        Error::Driver(DriverError::ConnectionClosed) | Error::Io(_) => {
            return SqlError::new(UNAVAILABLE, error.to_string());
        }
        other => return SqlError::new(INTERNAL, other.to_string()),
    };
    let kind = match error.code {
        1062 | 1586 => ALREADY_EXISTS,
        1213 | 1205 | 1020 => CONFLICT,
        1044 | 1045 | 1142 | 1143 | 1227 | 1698 => PERMISSION_DENIED,
        1040 | 1053 | 1203 => UNAVAILABLE,
        1969 | 3024 => TIMEOUT,
        1317 => CANCELED,
        // A check (of MySQL), a field without default, a value of another type.
        3819 | 1364 | 1366 => INVALID,
        _ => match error.state.get(..2) {
            Some("0A" | "21" | "22" | "23" | "25" | "42" | "44") => INVALID,
            Some("08") => UNAVAILABLE,
            _ => INTERNAL,
        },
    };
    // The server quotes values and names alike; what stands for a key or a constraint comes last.
    let constraint = match error.code {
        1062 | 1586 => error.message.rsplit('\'').nth(1),
        1451 | 1452 | 4025 => error.message.split("CONSTRAINT `").nth(1).and_then(|rest| rest.split('`').next()),
        _ => None,
    };
    let text = match (error.code, constraint) {
        (1062 | 1586, Some(key)) => format!("duplicate entry for key '{key}'"),
        (1366 | 1292, _) => "incorrect value for the type of its column".to_owned(),
        _ => error.message.clone(),
    };
    SqlError {
        constraint: constraint.map(str::to_owned),
        code: Some(error.code.to_string()),
        ..SqlError::new(kind, text)
    }
}

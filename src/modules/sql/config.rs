//! How a database is reached: the fields of an entry, or a URL (`modules.md` §2.1).

use std::path::PathBuf;
use std::time::Duration;

use crate::modules::env;
use crate::runtime::data::Data;
use crate::runtime::errors::{ErrorData, INVALID};
use crate::runtime::module::resource::Declaration;
use crate::runtime::time;

/// Which engine, and where.
#[derive(Clone, Debug)]
pub enum Source {
    /// A SQLite file; `None` is a database in memory.
    Sqlite(Option<PathBuf>),
    /// A PostgreSQL server.
    Postgres(Server),
    /// A MySQL or MariaDB server.
    MySql(Server),
}

impl Source {
    /// What `type()` answers.
    pub fn engine(&self) -> &'static str {
        match self {
            Source::Sqlite(_) => "sqlite",
            Source::Postgres(_) => "postgres",
            Source::MySql(_) => "mysql",
        }
    }
}

/// A database on a server. The password is never shown: there is no text form of this outside of tests.
#[derive(Clone)]
pub struct Server {
    /// Name or address.
    pub host: String,
    /// Where it listens.
    pub port: u16,
    /// Which database.
    pub database: String,
    /// As whom.
    pub username: String,
    /// And why it should believe that.
    pub password: String,
    /// Further options of the engine.
    pub options: Vec<(String, String)>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}/{}", self.host, self.port, self.database)
    }
}

impl Server {
    /// The value of an option.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// How many connections are kept, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most at a time; 0 for any number.
    pub max_open: u32,
    /// The most that are kept unused.
    pub max_idle: u32,
    /// How long one is used.
    pub max_lifetime: Duration,
}

/// The most connections that are kept unused unless an entry says otherwise.
const MAX_IDLE: u32 = 4;
const MAX_LIFETIME: Duration = Duration::from_secs(3600);

impl Default for Limits {
    fn default() -> Limits {
        Limits { max_open: 0, max_idle: MAX_IDLE, max_lifetime: MAX_LIFETIME }
    }
}

/// A database as an entry or a URL describes it.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which engine, and where.
    pub source: Source,
    /// Its pool.
    pub limits: Limits,
}

const SQLITE: &str = "db.sql.sqlite";
const POSTGRES: &str = "db.sql.postgres";
const MYSQL: &str = "db.sql.mysql";

/// The kinds of entries that are databases.
pub const KINDS: [&str; 3] = [SQLITE, POSTGRES, MYSQL];

const POSTGRES_PORT: u16 = 5432;
const MYSQL_PORT: u16 = 3306;

impl Config {
    /// Of an entry.
    ///
    /// # Errors
    /// `Invalid` if a field is missing or wrong.
    pub fn from_entry(entry: &Declaration<'_>) -> Result<Config, ErrorData> {
        let fields = entry.fields;
        let mut limits = limits(fields)?;
        let source = match entry.kind {
            SQLITE => {
                limits = Limits { max_open: 1, max_idle: 1, ..limits };
                Source::Sqlite(file(&text(fields, "file")?).map(|file| entry.folder.join(file)))
            }
            POSTGRES => Source::Postgres(server(fields)?),
            MYSQL => Source::MySql(server(fields)?),
            other => return Err(invalid(&format!("{other} is no kind of database"))),
        };
        check_options(&source)?;
        Ok(Config { source, limits })
    }

    /// Of a URL: `sqlite:PATH`, `sqlite::memory:`, `postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE` or the same with
    /// `mysql`. `None` if it is none.
    ///
    /// # Errors
    /// `Invalid` if it is one that says nothing sensible.
    pub fn from_url(url: &str) -> Option<Result<Config, ErrorData>> {
        let (scheme, rest) = url.split_once(':')?;
        match scheme {
            "sqlite" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                let limits = Limits { max_open: 1, max_idle: 1, ..Limits::default() };
                Some(match path {
                    "" => Err(invalid("the URL names no file")),
                    // What follows tells one database in memory from another.
                    path if path.starts_with(MEMORY) => Ok(Config { source: Source::Sqlite(None), limits }),
                    path => Ok(Config { source: Source::Sqlite(file(path)), limits }),
                })
            }
            "postgres" | "postgresql" => Some(of_server(server_of_url(rest, POSTGRES_PORT).map(Source::Postgres))),
            "mysql" | "mariadb" => Some(of_server(server_of_url(rest, MYSQL_PORT).map(Source::MySql))),
            _ => None,
        }
    }
}

fn of_server(source: Result<Source, ErrorData>) -> Result<Config, ErrorData> {
    let source = source?;
    check_options(&source)?;
    Ok(Config { source, limits: Limits::default() })
}

/// The name of a database in memory.
const MEMORY: &str = ":memory:";

fn file(path: &str) -> Option<PathBuf> {
    (path != MEMORY).then(|| PathBuf::from(path))
}

fn invalid(message: &str) -> ErrorData {
    ErrorData::plain(INVALID, message)
}

fn text(fields: &Data, name: &str) -> Result<String, ErrorData> {
    match fields.get(name) {
        Some(Data::Integer(i)) => Ok(i.to_string()),
        Some(data) => match data.as_str() {
            Some(text) if !text.is_empty() => expanded(text),
            _ => Err(invalid(&format!("field {name} must be a string"))),
        },
        None => Err(invalid(&format!("field {name} is required"))),
    }
}

fn expanded(text: &str) -> Result<String, ErrorData> {
    env::expand(text).map_err(|message| invalid(&message))
}

fn server(fields: &Data) -> Result<Server, ErrorData> {
    let port = text(fields, "port")?;
    let port = port.parse().ok().filter(|port| *port > 0);
    let mut options = Vec::new();
    if let Some(Data::Map(entries)) = fields.get("options") {
        for (key, value) in entries {
            let value = match value {
                Data::Integer(i) => i.to_string(),
                Data::Boolean(b) => b.to_string(),
                other => expanded(other.as_str().ok_or_else(|| invalid("options must be strings"))?)?,
            };
            options.push((key.as_str().ok_or_else(|| invalid("options must have names"))?.to_owned(), value));
        }
    }
    Ok(Server {
        host: text(fields, "host")?,
        port: port.ok_or_else(|| invalid("field port must be in 1..65535"))?,
        database: text(fields, "database")?,
        username: text(fields, "username")?,
        password: text(fields, "password")?,
        options,
    })
}

fn limits(fields: &Data) -> Result<Limits, ErrorData> {
    let mut limits = Limits::default();
    let Some(pool) = fields.get("pool") else { return Ok(limits) };
    let count = |name: &str| match pool.get(name) {
        None => Ok(None),
        Some(Data::Integer(i)) => match u32::try_from(*i) {
            Ok(count) => Ok(Some(count)),
            Err(_) => Err(invalid(&format!("field pool.{name} must not be negative"))),
        },
        Some(_) => Err(invalid(&format!("field pool.{name} must be an integer"))),
    };
    limits.max_open = count("max_open")?.unwrap_or(limits.max_open);
    limits.max_idle = count("max_idle")?.unwrap_or(limits.max_idle);
    if let Some(lifetime) = pool.get("max_lifetime") {
        let lifetime = lifetime.as_str().map(expanded).transpose()?;
        let lifetime = lifetime.and_then(|text| time::Duration::parse(text.as_bytes()));
        let lifetime = lifetime.filter(|lifetime| lifetime.0 > 0);
        limits.max_lifetime = lifetime.ok_or_else(|| invalid("field pool.max_lifetime must be a duration"))?.to_std();
    }
    Ok(limits)
}

const POSTGRES_MODES: [&str; 5] = ["disable", "prefer", "require", "verify-ca", "verify-full"];
const MYSQL_OPTIONS: [&str; 7] = ["charset", "parseTime", "loc", "tls", "timeout", "readTimeout", "writeTimeout"];

fn check_options(source: &Source) -> Result<(), ErrorData> {
    match source {
        Source::Sqlite(_) => Ok(()),
        Source::Postgres(server) => match server.option("sslmode") {
            Some(mode) if !POSTGRES_MODES.contains(&mode) => Err(invalid("unknown sslmode")),
            _ => Ok(()),
        },
        Source::MySql(server) => {
            match server.options.iter().find(|(name, _)| !MYSQL_OPTIONS.contains(&name.as_str())) {
                Some((name, _)) => Err(invalid(&format!("unknown option {name}"))),
                None => Ok(()),
            }
        }
    }
}

/// The server in what follows the scheme of a URL.
fn server_of_url(rest: &str, default_port: u16) -> Result<Server, ErrorData> {
    let wrong = || invalid("the URL must have the form scheme://user:password@host:port/database");
    let rest = rest.strip_prefix("//").ok_or_else(wrong)?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').ok_or_else(wrong)?;
    let (user, address) = authority.rsplit_once('@').ok_or_else(wrong)?;
    let (username, password) = user.split_once(':').unwrap_or((user, ""));
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().map_err(|_| wrong())?),
        _ => (address, default_port),
    };
    let decoded = |text: &str| percent_decoded(text).ok_or_else(wrong);
    let options = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decoded(name)?, decoded(value)?))
    });
    Ok(Server {
        host: host.trim_matches(['[', ']']).to_owned(),
        port,
        database: decoded(database)?,
        username: decoded(username)?,
        password: decoded(password)?,
        options: options.collect::<Result<_, ErrorData>>()?,
    })
}

/// Text with `%XX` replaced by the byte.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

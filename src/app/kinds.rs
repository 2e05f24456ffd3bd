//! The kinds of entries and what fields they have (`runtime.md` §8.2).
//!
//! A kind is a row of [`KINDS`]. What can be said of one field alone is checked here, from the table; how entries fit
//! together is checked where they are [linked](super::link).

use super::definition::Definition;
use super::problem::Problem;
use crate::modules::env::storage;
use crate::modules::exec;
use crate::modules::fs;
use crate::modules::queue::{self, consumer};
use crate::modules::security::{policy, tokens};
#[cfg(feature = "sql")]
use crate::modules::sql::config;
use crate::modules::store;
use crate::modules::templates::{SET_KIND, TEMPLATE_KIND};
use crate::runtime::data::Data;
#[cfg(feature = "sql")]
use crate::runtime::module::resource::Declaration;
use crate::runtime::time::Duration;

/// A kind of entry.
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What it may have.
    fields: &'static [Field],
    /// Whether other fields are its own business.
    open: bool,
}

/// A field of a kind.
struct Field {
    name: &'static str,
    shape: Shape,
    required: bool,
}

/// What a field may be.
#[derive(Clone, Copy)]
enum Shape {
    /// Text that is not empty.
    Text,
    /// An integer that is not negative.
    Count,
    /// A positive integer.
    Positive,
    /// A number that is not negative.
    Number,
    /// true or false.
    Boolean,
    /// A duration that is not negative.
    Duration,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// A map of texts.
    Names,
    /// A map of texts, numbers and booleans.
    Options,
    /// A list of anything.
    List,
    /// A map with these fields.
    Map(&'static [Field]),
    /// Anything.
    Any,
}

const fn optional(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: false }
}

const fn required(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: true }
}

const LIFECYCLE: Field = optional(
    "lifecycle",
    Shape::Map(&[
        optional("auto_start", Shape::Boolean),
        optional("start_timeout", Shape::Duration),
        optional("stop_timeout", Shape::Duration),
        optional("stable_threshold", Shape::Duration),
        optional("startup", Shape::Word(&["required", "optional"])),
        optional("requires", Shape::Texts),
        optional("depends_on", Shape::Texts),
        optional(
            "security",
            Shape::Map(&[
                optional("actor", Shape::Map(&[required("id", Shape::Text), optional("meta", Shape::Any)])),
                optional("policies", Shape::Texts),
                optional("groups", Shape::Texts),
            ]),
        ),
        optional(
            "restart",
            Shape::Map(&[
                optional("initial_delay", Shape::Duration),
                optional("max_delay", Shape::Duration),
                optional("backoff_factor", Shape::Number),
                optional("jitter", Shape::Number),
                optional("max_attempts", Shape::Count),
            ]),
        ),
    ]),
);

#[cfg(feature = "sql")]
const POOL: Field = optional(
    "pool",
    Shape::Map(&[
        optional("max_open", Shape::Count),
        optional("max_idle", Shape::Count),
        optional("max_lifetime", Shape::Text),
    ]),
);

/// Numbers among them may be placeholders, and so texts.
#[cfg(feature = "sql")]
const DATABASE_SERVER: &[Field] = &[
    required("host", Shape::Text),
    required("port", Shape::Any),
    required("database", Shape::Text),
    required("username", Shape::Text),
    required("password", Shape::Any),
    optional("options", Shape::Any),
    POOL,
    LIFECYCLE,
];

/// Code that a process runs.
pub const PROCESS: &str = "process.lua";
/// Code that `funcs` calls.
pub const FUNCTION: &str = "function.lua";
/// Code for other code.
pub const LIBRARY: &str = "library.lua";
/// A place for processes.
pub const HOST: &str = "process.host";
/// A place for one process that has the terminal.
pub const TERMINAL: &str = "terminal.host";
/// A process that is supervised.
pub const SERVICE: &str = "process.service";
/// A scope of process groups.
pub const GROUP_SCOPE: &str = "pg.scope";

/// A server of HTTP.
pub const HTTP_SERVICE: &str = "http.service";
/// Endpoints of a server with something in common.
pub const HTTP_ROUTER: &str = "http.router";
/// A function that answers requests.
pub const HTTP_ENDPOINT: &str = "http.endpoint";
/// Files that a server gives away.
pub const HTTP_STATIC: &str = "http.static";

static KINDS: &[Kind] = &[
    Kind {
        name: FUNCTION,
        fields: &[
            required("source", Shape::Text),
            required("method", Shape::Text),
            optional("modules", Shape::Texts),
            optional("imports", Shape::Names),
            optional(
                "pool",
                Shape::Map(&[
                    optional("type", Shape::Word(&["inline", "lazy", "static", "adaptive"])),
                    optional("size", Shape::Positive),
                    optional("workers", Shape::Positive),
                    optional("buffer", Shape::Count),
                    optional("max_size", Shape::Positive),
                ]),
            ),
        ],
        open: false,
    },
    Kind {
        name: PROCESS,
        fields: &[
            required("source", Shape::Text),
            optional("method", Shape::Text),
            optional("modules", Shape::Texts),
            optional("imports", Shape::Names),
            LIFECYCLE,
        ],
        open: false,
    },
    Kind {
        name: LIBRARY,
        fields: &[
            required("source", Shape::Text),
            optional("modules", Shape::Texts),
            optional("imports", Shape::Names),
        ],
        open: false,
    },
    Kind {
        name: HOST,
        fields: &[
            optional(
                "host",
                Shape::Map(&[
                    optional("workers", Shape::Positive),
                    optional("queue_size", Shape::Count),
                    optional("local_queue_size", Shape::Count),
                    optional("max_processes", Shape::Positive),
                ]),
            ),
            LIFECYCLE,
        ],
        open: false,
    },
    Kind {
        name: SERVICE,
        fields: &[
            required("process", Shape::Text),
            required("host", Shape::Text),
            optional("input", Shape::List),
            LIFECYCLE,
        ],
        open: false,
    },
    Kind { name: TERMINAL, fields: &[optional("hide_logs", Shape::Boolean), LIFECYCLE], open: false },
    Kind {
        name: fs::DIRECTORY,
        fields: &[
            required("directory", Shape::Text),
            optional("auto_init", Shape::Boolean),
            optional("mode", Shape::Text),
            optional("base", Shape::Word(&["project", "module"])),
            LIFECYCLE,
        ],
        open: false,
    },
    Kind { name: fs::EMBED, fields: &[required("directory", Shape::Text), LIFECYCLE], open: false },
    Kind {
        name: SET_KIND,
        fields: &[
            optional(
                "engine",
                Shape::Map(&[
                    optional("development_mode", Shape::Boolean),
                    optional(
                        "delimiters",
                        Shape::Map(&[
                            optional("left", Shape::Text),
                            optional("right", Shape::Text),
                            optional("comment_left", Shape::Text),
                            optional("comment_right", Shape::Text),
                        ]),
                    ),
                    optional("globals", Shape::Any),
                ]),
            ),
            LIFECYCLE,
        ],
        open: false,
    },
    Kind { name: TEMPLATE_KIND, fields: &[required("set", Shape::Text), required("source", Shape::Any)], open: false },
    Kind {
        name: exec::KIND,
        fields: &[
            optional("default_work_dir", Shape::Text),
            optional("default_env", Shape::Names),
            optional("command_whitelist", Shape::Texts),
            LIFECYCLE,
        ],
        open: false,
    },
    Kind { name: storage::MEMORY, fields: &[LIFECYCLE], open: false },
    Kind {
        name: storage::FILE,
        fields: &[
            required("file_path", Shape::Text),
            optional("auto_create", Shape::Boolean),
            optional("file_mode", Shape::Any),
            optional("dir_mode", Shape::Any),
            LIFECYCLE,
        ],
        open: false,
    },
    Kind { name: storage::SYSTEM, fields: &[LIFECYCLE], open: false },
    Kind { name: storage::STATIC, fields: &[required("values", Shape::Options), LIFECYCLE], open: false },
    Kind { name: storage::ROUTER, fields: &[required("storages", Shape::Texts), LIFECYCLE], open: false },
    Kind {
        name: storage::VARIABLE,
        fields: &[
            required("variable", Shape::Text),
            required("storage", Shape::Text),
            optional("default", Shape::Any),
            optional("readonly", Shape::Boolean),
        ],
        open: false,
    },
    Kind {
        name: store::MEMORY,
        fields: &[optional("max_size", Shape::Positive), optional("cleanup_interval", Shape::Duration), LIFECYCLE],
        open: false,
    },
    #[cfg(feature = "sql")]
    Kind {
        name: store::SQL,
        fields: &[
            required("database", Shape::Text),
            required("table_name", Shape::Text),
            optional("id_column_name", Shape::Text),
            optional("payload_column_name", Shape::Text),
            optional("expire_column_name", Shape::Text),
            optional("cleanup_interval", Shape::Duration),
            LIFECYCLE,
        ],
        open: false,
    },
    Kind { name: queue::MEMORY, fields: &[LIFECYCLE], open: false },
    Kind {
        name: queue::KIND,
        fields: &[
            required("driver", Shape::Text),
            optional("codec", Shape::Word(&["json/plain"])),
            optional("queue_name", Shape::Text),
            optional(
                "driver_options",
                Shape::Map(&[optional("memory", Shape::Map(&[optional("max_length", Shape::Positive)]))]),
            ),
            optional("dead_letter", Shape::Text),
            optional("max_attempts", Shape::Positive),
            LIFECYCLE,
        ],
        open: false,
    },
    Kind {
        name: consumer::KIND,
        fields: &[
            required("queue", Shape::Text),
            required("func", Shape::Text),
            optional("concurrency", Shape::Positive),
            optional("prefetch", Shape::Positive),
            optional("auto_ack", Shape::Boolean),
            LIFECYCLE,
        ],
        open: false,
    },
    Kind {
        name: "security.policy",
        fields: &[
            required(
                "policy",
                Shape::Map(&[
                    required("actions", Shape::Any),
                    required("resources", Shape::Any),
                    required("effect", Shape::Any),
                    optional("conditions", Shape::Any),
                ]),
            ),
            optional("groups", Shape::Texts),
        ],
        open: false,
    },
    Kind {
        name: policy::EXPRESSION,
        fields: &[
            required(
                "policy",
                Shape::Map(&[
                    required("actions", Shape::Any),
                    required("resources", Shape::Any),
                    required("effect", Shape::Any),
                    required("expression", Shape::Text),
                ]),
            ),
            optional("groups", Shape::Texts),
        ],
        open: false,
    },
    Kind {
        name: tokens::KIND,
        fields: &[
            required("store", Shape::Text),
            optional("token_length", Shape::Positive),
            optional("default_expiration", Shape::Duration),
            optional("token_key", Shape::Text),
        ],
        open: false,
    },
    Kind {
        name: HTTP_SERVICE,
        fields: &[
            required("addr", Shape::Text),
            optional(
                "timeouts",
                Shape::Map(&[
                    optional("read", Shape::Duration),
                    optional("write", Shape::Duration),
                    optional("idle", Shape::Duration),
                ]),
            ),
            optional(
                "tls",
                Shape::Map(&[
                    required("mode", Shape::Word(&["manual"])),
                    required("cert", Shape::Text),
                    required("key", Shape::Text),
                    optional("client_ca", Shape::Text),
                    optional("client_auth", Shape::Word(&["none", "request", "require"])),
                ]),
            ),
            LIFECYCLE,
        ],
        open: false,
    },
    Kind {
        name: HTTP_ROUTER,
        fields: &[
            optional("prefix", Shape::Text),
            optional("middleware", Shape::Texts),
            optional("options", Shape::Options),
            optional("post_middleware", Shape::Texts),
            optional("post_options", Shape::Options),
        ],
        open: false,
    },
    Kind {
        name: HTTP_ENDPOINT,
        fields: &[required("method", Shape::Text), required("path", Shape::Text), required("func", Shape::Text)],
        open: false,
    },
    Kind {
        name: HTTP_STATIC,
        fields: &[
            required("path", Shape::Text),
            required("fs", Shape::Text),
            optional(
                "static_options",
                Shape::Map(&[
                    optional("spa", Shape::Boolean),
                    optional("index", Shape::Text),
                    optional("cache", Shape::Text),
                ]),
            ),
            optional("middleware", Shape::Texts),
            optional("options", Shape::Options),
        ],
        open: false,
    },
    #[cfg(feature = "sql")]
    Kind {
        name: "db.sql.sqlite",
        fields: &[required("file", Shape::Text), POOL, optional("options", Shape::Any), LIFECYCLE],
        open: false,
    },
    #[cfg(feature = "sql")]
    Kind { name: "db.sql.postgres", fields: DATABASE_SERVER, open: false },
    #[cfg(feature = "sql")]
    Kind { name: "db.sql.mysql", fields: DATABASE_SERVER, open: false },
    Kind { name: GROUP_SCOPE, fields: &[LIFECYCLE], open: true },
    Kind { name: "registry.entry", fields: &[], open: true },
];

/// Whether entries of a kind hold code.
pub fn is_code(kind: &str) -> bool {
    matches!(kind, FUNCTION | PROCESS | LIBRARY)
}

/// Whether entries of a kind have a state: they are started and stopped.
pub fn is_supervised(kind: &str) -> bool {
    #[cfg(feature = "sql")]
    if config::KINDS.contains(&kind) {
        return true;
    }
    matches!(kind, HOST | TERMINAL | SERVICE | HTTP_SERVICE | consumer::KIND)
}

/// Checks the fields of a definition.
pub fn check(definition: &Definition, problems: &mut Vec<Problem>) {
    let Some(kind) = KINDS.iter().find(|kind| kind.name == &*definition.kind) else {
        problems.push(definition.problem("kind", format!("unknown kind '{}'", definition.kind)));
        return;
    };
    let Data::Map(entries) = &definition.data else { return };
    let before = problems.len();
    let mut report = |top: &str, harmless, message| {
        problems.push(Problem { harmless, ..definition.problem(top, message) });
    };
    check_fields(entries, kind.fields, kind.open, "", &mut report);
    if problems[before..].iter().any(|problem| !problem.harmless) {
        return;
    }
    if policy::KINDS.contains(&kind.name)
        && let Err(message) = policy::compile(kind.name, &definition.data)
    {
        problems.push(definition.problem("policy", message));
    }
    #[cfg(feature = "sql")]
    if config::KINDS.contains(&kind.name) {
        // Values that come from the environment, numbers in texts, options of the engine.
        let (id, folder) = (&*definition.id, std::path::Path::new(""));
        let entry = Declaration { id, kind: kind.name, fields: &definition.data, folder };
        if let Err(error) = config::Config::from_entry(&entry) {
            problems.push(definition.problem("", error.message.into()));
        }
    }
}

type Report<'a> = &'a mut dyn FnMut(&str, bool, String);

/// Checks the fields of a map. `path` is that of the map, with a dot behind it; `report` gets the field of the entry that is
/// concerned, whether that is harmless, and a message.
fn check_fields(entries: &[(Data, Data)], fields: &[Field], open: bool, path: &str, report: Report<'_>) {
    let top = |name: &str| path.split('.').next().filter(|top| !top.is_empty()).unwrap_or(name).to_owned();
    for (key, value) in entries {
        let Some(name) = key.as_str() else {
            report(
                &top(""),
                false,
                format!("a field of '{}' has a name that is no string", path.trim_end_matches('.')),
            );
            continue;
        };
        match fields.iter().find(|field| field.name == name) {
            // Null is as good as nothing.
            Some(_) if *value == Data::Nil => {}
            Some(field) => check_shape(value, field.shape, &format!("{path}{name}"), &top(name), report),
            None if open => {}
            None => report(&top(name), true, format!("unknown field '{path}{name}'{}", meant(name, fields))),
        }
    }
    for field in fields.iter().filter(|field| field.required) {
        let there = entries.iter().any(|(key, value)| key.as_str() == Some(field.name) && *value != Data::Nil);
        if !there {
            report(&top(field.name), false, format!("missing field '{path}{}'", field.name));
        }
    }
}

/// The field that was probably meant.
fn meant(name: &str, fields: &[Field]) -> String {
    let common = |other: &str| name.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let similar = fields.iter().find(|field| 2 * common(field.name) >= name.chars().count().max(field.name.len()));
    similar.map_or_else(String::new, |field| format!(" (is '{}' meant?)", field.name))
}

fn check_shape(value: &Data, shape: Shape, path: &str, top: &str, report: Report<'_>) {
    let number = match value {
        Data::Integer(i) => Some(*i as f64),
        Data::Float(f) => Some(*f),
        _ => None,
    };
    let expected = match shape {
        Shape::Any => None,
        Shape::Text => value.as_str().is_none_or(str::is_empty).then_some("a string that is not empty"),
        Shape::Count => (!matches!(value, Data::Integer(0..))).then_some("an integer that is not negative"),
        Shape::Positive => (!matches!(value, Data::Integer(1..))).then_some("a positive integer"),
        Shape::Number => (!number.is_some_and(|number| number >= 0.0)).then_some("a number that is not negative"),
        Shape::Boolean => (!matches!(value, Data::Boolean(_))).then_some("true or false"),
        Shape::Duration => Duration::of_data(value).is_none().then_some("a duration such as 500ms or 10s"),
        Shape::Word(words) => match value.as_str() {
            Some(word) if words.contains(&word) => None,
            _ => {
                report(top, false, format!("'{path}' must be one of {}, not {}", words.join(", "), shown(value)));
                None
            }
        },
        Shape::Texts => match value {
            Data::List(items) => (!items.iter().all(|item| item.as_str().is_some_and(|text| !text.is_empty())))
                .then_some("a list of strings"),
            value => (!is_empty(value)).then_some("a list of strings"),
        },
        Shape::Names => match value {
            Data::Map(entries) => {
                let text = |data: &Data| data.as_str().is_some_and(|text| !text.is_empty());
                (!entries.iter().all(|(key, value)| text(key) && text(value))).then_some("a map of strings")
            }
            value => (!is_empty(value)).then_some("a map of strings"),
        },
        Shape::Options => match value {
            Data::Map(entries) => {
                let plain =
                    |data: &Data| matches!(data, Data::Text(_) | Data::Integer(_) | Data::Float(_) | Data::Boolean(_));
                (!entries.iter().all(|(key, value)| key.as_str().is_some() && plain(value)))
                    .then_some("a map of strings, numbers and booleans")
            }
            value => (!is_empty(value)).then_some("a map"),
        },
        Shape::List => (!matches!(value, Data::List(_)) && !is_empty(value)).then_some("a list"),
        Shape::Map(fields) => match value {
            Data::Map(entries) => {
                check_fields(entries, fields, false, &format!("{path}."), report);
                None
            }
            value => (!is_empty(value)).then_some("a map"),
        },
    };
    if let Some(expected) = expected {
        report(top, false, format!("'{path}' must be {expected}, not {}", shown(value)));
    }
}

/// Whether it is an empty list or map: what comes from programs does not tell them apart.
fn is_empty(value: &Data) -> bool {
    matches!(value, Data::List(items) if items.is_empty()) || matches!(value, Data::Map(entries) if entries.is_empty())
}

/// A value for a message.
fn shown(value: &Data) -> String {
    match value {
        Data::Nil => "null".to_owned(),
        Data::Boolean(b) => b.to_string(),
        Data::Integer(i) => i.to_string(),
        Data::Float(f) => f.to_string(),
        Data::Text(text) => format!("{:?}", String::from_utf8_lossy(&text[..text.len().min(40)])),
        Data::List(_) => "a list".to_owned(),
        Data::Map(_) => "a map".to_owned(),
    }
}

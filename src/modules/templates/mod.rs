//! The `templates` module (`modules.md` §4.16): text made from templates and data.
//!
//! | file | owns |
//! | --- | --- |
//! | [`lexer`] | templates as text between actions |
//! | [`parser`] | from there to what is to be done |
//! | `render` | doing it |
//! | `functions` | what expressions have here besides what they have everywhere |
//!
//! Sets and templates are entries, `template.set` and `template.jet`; a script has none. The parsed templates of a set are
//! kept until one of them changes. Rendering happens off the workers.

mod functions;
mod lexer;
mod parser;
mod render;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;
use smallvec::smallvec;

use self::lexer::Delimiters;
use self::parser::parse;
use self::render::{Failure, Templates};
use super::expr::value::Value as Computed;
use super::fields::{self, error_value, invalid};
use super::plain::plain;
use super::succeed;
use crate::runtime::access;
use crate::runtime::data::Data;
use crate::runtime::errors::{ErrorData, INTERNAL, NOT_FOUND};
use crate::runtime::module::object::{self, Object, new_object};
use crate::runtime::module::{Module, ModuleClass, module};
use crate::runtime::operation::run_blocking;
use crate::runtime::process_state::state;
use crate::runtime::spawn::{Entries, sibling};
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The module, with the sets that were parsed.
#[derive(Default)]
pub struct TemplateSets(Mutex<HashMap<Box<str>, Parsed>>);

/// The templates of a set, and what they were made of.
struct Parsed {
    engine: Data,
    sources: Vec<(String, Data)>,
    templates: Arc<Templates>,
}

impl Module for TemplateSets {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Io, ModuleClass::Nondeterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("templates.d.lua")
    }
}

static LIBRARY: Library =
    Library { name: "templates", global: false, natives: &[Native::new("get", get)], constants: &[] };

/// Sets as programs hold them.
pub static SET: Class = Class {
    name: "template.Set",
    methods: &[Native::new("render", render), Native::new("release", release)],
    metamethods: &[Native::new("__tostring", text)],
};

/// The kind of entries that are sets.
pub const SET_KIND: &str = "template.set";
/// The kind of entries that are templates.
pub const TEMPLATE_KIND: &str = "template.jet";

/// `None` once it is released.
struct Set(Mutex<Option<Arc<Templates>>>);

impl Object for Set {
    const IS_PLAIN: bool = true;

    fn class() -> &'static Class {
        &SET
    }
}

/// The delimiters in the fields of a set.
fn delimiters(set: &Data) -> Delimiters {
    let chosen = set.get("engine").and_then(|engine| engine.get("delimiters"));
    let delimiter = |name: &str, default: String| {
        let chosen = chosen.and_then(|chosen| chosen.get(name)).and_then(Data::as_str);
        chosen.filter(|text| !text.is_empty()).map_or(default, str::to_owned)
    };
    let default = Delimiters::default();
    Delimiters {
        left: delimiter("left", default.left),
        right: delimiter("right", default.right),
        comment_left: delimiter("comment_left", default.comment_left),
        comment_right: delimiter("comment_right", default.comment_right),
    }
}

/// What is wrong with the text of a template of this set.
///
/// # Errors
/// That.
pub fn check(set: &Data, source: &str) -> Result<(), String> {
    parse(source, &delimiters(set)).map(drop)
}

impl TemplateSets {
    /// The templates of a set.
    fn find(&self, entries: &dyn Entries, id: &str) -> Result<Arc<Templates>, ErrorData> {
        let (_, set) = entries.declared(id, &[SET_KIND])?;
        let engine = set.get("engine").cloned().unwrap_or_default();
        let mut sources = Vec::new();
        for (template, fields) in entries.of_kind(TEMPLATE_KIND) {
            let of = fields.get("set").and_then(Data::as_str).map(|set| sibling(&template, set));
            if of.as_deref() == Some(id) {
                let meta = entries.meta(&template);
                let name = meta.get("name").and_then(Data::as_str);
                let name = name.or_else(|| template.split_once(':').map(|(_, name)| name)).unwrap_or(&template);
                sources.push((name.to_owned(), fields.get("source").cloned().unwrap_or_default()));
            }
        }
        if let Some(known) = self.0.lock().get(id)
            && known.engine == engine
            && known.sources == sources
        {
            return Ok(Arc::clone(&known.templates));
        }
        let failed = |message: String| ErrorData::judged(INTERNAL, &message, false);
        let delimiters = delimiters(&set);
        let mut templates = Templates::default();
        for (name, source) in &sources {
            let template = parse(source.as_str().unwrap_or_default(), &delimiters);
            let template = template.map_err(|message| failed(format!("template '{name}': {message}")))?;
            if templates.templates.insert(name.clone(), template).is_some() {
                return Err(failed(format!("there are two templates '{name}'")));
            }
        }
        if let Some(globals) = engine.get("globals") {
            let globals = Computed::try_from(globals).map_err(failed)?;
            templates.globals = globals.entries().unwrap_or_default().to_vec();
        }
        let templates = Arc::new(templates);
        let development = matches!(engine.get("development_mode"), Some(Data::Boolean(true)));
        if !development {
            let parsed = Parsed { engine, sources, templates: Arc::clone(&templates) };
            self.0.lock().insert(id.into(), parsed);
        }
        Ok(templates)
    }
}

/// `templates.get(id)`
fn get(vm: &mut Vm, args: Args) -> NativeResult {
    let id = String::from_utf8_lossy(args.check_bytes(vm, 0)?);
    let allowed = access::check(vm, "template.get", &id);
    let sets = module::<TemplateSets>(vm);
    let core = state(vm).core();
    match allowed.and_then(|()| sets.find(&*core.entries, &id)) {
        Ok(templates) => {
            let set = new_object(vm, Arc::new(Set(Mutex::new(Some(templates)))));
            succeed(vm, set)
        }
        Err(error) => fields::fail(vm, error),
    }
}

/// `set:render(name, data?)`
fn render(vm: &mut Vm, args: Args) -> NativeResult {
    let set = object::check::<Set>(vm, args, 0)?;
    let name = String::from_utf8_lossy(args.check_bytes(vm, 1)?).into_owned();
    let data = args.get(vm, 2);
    if !data.is_nil() {
        args.check_table(vm, 2)?;
    }
    let Some(templates) = set.0.lock().clone() else {
        return fields::fail(vm, ErrorData::judged(INTERNAL, "the set was released", false));
    };
    if name.is_empty() {
        return fields::fail(vm, invalid("empty template name"));
    }
    let data = match plain(vm, data).and_then(|data| Computed::try_from(&data).map_err(invalid)) {
        Ok(data) => data,
        Err(error) => return fields::fail(vm, error),
    };
    let work = move || templates.render(&name, data).map_err(|failure| error(failure, &name));
    run_blocking(vm, "rendering", work, |vm, result| {
        Ok(match result {
            Ok(text) => smallvec![vm.string(&text)?, Value::NIL],
            Err(error) => smallvec![Value::NIL, error_value(vm, error)],
        })
    })
}

fn error(failure: Failure, name: &str) -> ErrorData {
    match failure {
        Failure::Unknown => ErrorData::judged(NOT_FOUND, &format!("no template '{name}'"), false),
        Failure::Failed(message) => ErrorData::judged(INTERNAL, &message, false),
    }
}

/// `set:release()`
fn release(vm: &mut Vm, args: Args) -> NativeResult {
    *object::check::<Set>(vm, args, 0)?.0.lock() = None;
    vm.answer(Value::TRUE)
}

fn text(vm: &mut Vm, args: Args) -> NativeResult {
    let released = object::check::<Set>(vm, args, 0)?.0.lock().is_none();
    let text = vm.string(if released { b"template.Set{released}" } else { b"template.Set{}" })?;
    vm.answer(text)
}

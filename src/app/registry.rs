//! The `registry` module (`runtime.md` §8.5): the entries of the application as programs see and change them.
//!
//! A change takes effect for what starts later; processes that run keep their code, and hosts and services are those the
//! application has started with.

use std::sync::Arc;

use hashbrown::HashMap;
use smallvec::smallvec;

use super::catalog::{Catalog, CatalogEntries, Change, Refusal, Version, delta};
use super::definition::Definition;
use super::filter::Filter;
use super::problem::{Place, Problem};
use crate::runtime::access::{self, Access};
use crate::runtime::data::Data;
use crate::runtime::errors::{self, CONFLICT, INVALID, NOT_FOUND, UNAVAILABLE};
use crate::runtime::module::{Module, ModuleClass};
use crate::runtime::operation::run_blocking;
use crate::runtime::process_state::state;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::Library;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The module.
pub struct Registry;

impl Module for Registry {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Process, ModuleClass::Nondeterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("registry.d.lua")
    }
}

/// The library.
static LIBRARY: Library = Library {
    name: "registry",
    global: false,
    natives: &[
        Native::new("get", |vm, args| with_current(vm, |vm, version| get(vm, args, 0, &version))),
        Native::new("find", |vm, args| with_current(vm, |vm, version| find(vm, args, 0, &version))),
        Native::new("parse_id", parse_id),
        Native::new("snapshot", |vm, _| with_current(vm, answer_snapshot)),
        Native::new("snapshot_at", |vm, args| snapshot_at(vm, args, 0)),
        Native::new("current_version", |vm, _| with_current(vm, answer_version)),
        Native::new("versions", |vm, _| versions(vm)),
        Native::new("history", |vm, _| answer_object(vm, History, &HISTORY)),
        Native::new("apply_version", apply_version),
        Native::new("build_delta", build_delta),
    ],
    constants: &[],
};

const SNAPSHOT_NAME: &str = "registry.Snapshot";
const VERSION_NAME: &str = "registry.Version";
const HISTORY_NAME: &str = "registry.History";
const CHANGES_NAME: &str = "registry.Changes";

struct Snapshot(Arc<Version>);
struct VersionObject(Arc<Version>);
struct History;

/// Changes that are being gathered.
struct Changes {
    base: u64,
    list: Vec<Change>,
}

impl UserData for Snapshot {
    fn class(&self) -> &'static str {
        SNAPSHOT_NAME
    }
}

impl UserData for VersionObject {
    fn class(&self) -> &'static str {
        VERSION_NAME
    }
}

impl UserData for History {
    fn class(&self) -> &'static str {
        HISTORY_NAME
    }
}

impl UserData for Changes {
    fn class(&self) -> &'static str {
        CHANGES_NAME
    }
}

static SNAPSHOT: Class = Class {
    name: SNAPSHOT_NAME,
    methods: &[
        Native::new("entries", |vm, args| {
            let version = snapshot(vm, args)?;
            answer_entries(vm, &version, |_| true)
        }),
        Native::new("get", |vm, args| {
            let version = snapshot(vm, args)?;
            get(vm, args, 1, &version)
        }),
        Native::new("find", |vm, args| {
            let version = snapshot(vm, args)?;
            find(vm, args, 1, &version)
        }),
        Native::new("namespace", |vm, args| {
            let version = snapshot(vm, args)?;
            let namespace = args.check_bytes(vm, 1)?;
            answer_entries(vm, &version, |definition| definition.namespace().as_bytes() == namespace)
        }),
        Native::new("version", |vm, args| {
            let version = snapshot(vm, args)?;
            answer_version(vm, version)
        }),
        Native::new("changes", |vm, args| {
            let base = snapshot(vm, args)?.number;
            let metatable = vm.image.class(&CHANGES);
            let changes = vm.heap.new_userdata(Changes { base, list: Vec::new() }, metatable);
            vm.answer(Value::userdata(changes))
        }),
    ],
    metamethods: &[],
};

static VERSION: Class = Class {
    name: VERSION_NAME,
    methods: &[
        Native::new("id", |vm, args| {
            let number = version(vm, args, 0)?.number;
            vm.answer(Value::int(number as i64))
        }),
        Native::new("string", version_text),
        Native::new("previous", |vm, args| {
            let number = version(vm, args, 0)?.previous;
            neighbour(vm, number)
        }),
        Native::new("next", |vm, args| {
            let number = version(vm, args, 0)?.number + 1;
            neighbour(vm, number)
        }),
    ],
    metamethods: &[Native::new("__tostring", version_text)],
};

static HISTORY: Class = Class {
    name: HISTORY_NAME,
    methods: &[
        Native::new("versions", |vm, _| versions(vm)),
        Native::new("get_version", |vm, args| match wanted_version(vm, args, 1)? {
            Ok(version) => answer_version(vm, version),
            Err(message) => errors::fail(vm, NOT_FOUND, &message),
        }),
        Native::new("snapshot_at", |vm, args| snapshot_at(vm, args, 1)),
    ],
    metamethods: &[],
};

static CHANGES: Class = Class {
    name: CHANGES_NAME,
    methods: &[
        Native::new("create", |vm, args| add_definition(vm, args, Change::Create)),
        Native::new("update", |vm, args| add_definition(vm, args, Change::Update)),
        Native::new("delete", delete),
        Native::new("ops", |vm, args| {
            let ops = changes(vm, args)?.list.clone();
            answer_ops(vm, &ops)
        }),
        Native::new("apply", apply),
    ],
    metamethods: &[],
};

/// The catalog of the application; `None` in a script.
fn catalog(vm: &mut Vm) -> Option<Arc<Catalog>> {
    let entries: &dyn std::any::Any = &*state(vm).core().entries;
    entries.downcast_ref::<CatalogEntries>().map(|entries| Arc::clone(&entries.0))
}

fn no_catalog(vm: &mut Vm) -> NativeResult {
    errors::fail(vm, UNAVAILABLE, "there is no registry outside applications")
}

fn with_current(vm: &mut Vm, f: impl FnOnce(&mut Vm, Arc<Version>) -> NativeResult) -> NativeResult {
    match catalog(vm) {
        Some(catalog) => {
            let version = catalog.current();
            f(vm, version)
        }
        None => no_catalog(vm),
    }
}

/// `value, nil`
fn answer_pair(vm: &mut Vm, value: Value) -> NativeResult {
    vm.push_all(&[value, Value::NIL])?;
    Ok(Flow::Return(2))
}

fn answer_object(vm: &mut Vm, object: impl UserData, class: &'static Class) -> NativeResult {
    let metatable = vm.image.class(class);
    let object = vm.heap.new_userdata(object, metatable);
    answer_pair(vm, Value::userdata(object))
}

fn answer_snapshot(vm: &mut Vm, version: Arc<Version>) -> NativeResult {
    answer_object(vm, Snapshot(version), &SNAPSHOT)
}

fn answer_version(vm: &mut Vm, version: Arc<Version>) -> NativeResult {
    answer_object(vm, VersionObject(version), &VERSION)
}

fn snapshot(vm: &mut Vm, args: Args) -> Result<Arc<Version>, Box<LuaError>> {
    args.check_userdata::<Snapshot>(vm, 0, SNAPSHOT_NAME).map(|snapshot| Arc::clone(&snapshot.0))
}

fn version(vm: &mut Vm, args: Args, i: u32) -> Result<Arc<Version>, Box<LuaError>> {
    args.check_userdata::<VersionObject>(vm, i, VERSION_NAME).map(|version| Arc::clone(&version.0))
}

fn changes<'a>(vm: &mut Vm, args: Args) -> Result<&'a mut Changes, Box<LuaError>> {
    args.check_userdata(vm, 0, CHANGES_NAME)
}

/// The version that an argument, a number or a version, means.
fn wanted_version(vm: &mut Vm, args: Args, i: u32) -> Result<Result<Arc<Version>, String>, Box<LuaError>> {
    let number = match args.get(vm, i) {
        value if value.is_userdata() => version(vm, args, i)?.number,
        _ => u64::try_from(args.check_int(vm, i)?).unwrap_or(0),
    };
    let found = catalog(vm).and_then(|catalog| catalog.version(number));
    Ok(found.ok_or_else(|| format!("there is no version {number}")))
}

fn entry_data(definition: &Definition) -> Data {
    Data::from([
        ("id", Data::from(&*definition.id)),
        ("kind", Data::from(&*definition.kind)),
        ("meta", definition.meta.clone()),
        ("data", definition.data.clone()),
    ])
}

/// Entries that the caller may not get are left out.
fn answer_entries(vm: &mut Vm, version: &Version, wanted: impl Fn(&Definition) -> bool) -> NativeResult {
    let access = Access::of_caller(vm);
    let is_visible = |definition: &Definition| access.allows("registry.get", &definition.id, &Data::Nil);
    let entries = version.linked.definitions.values();
    let entries = entries.filter(|definition| wanted(definition) && is_visible(definition));
    let entries = Data::List(entries.map(|definition| entry_data(definition)).collect());
    let entries = entries.to_value(vm)?;
    answer_pair(vm, entries)
}

/// `registry.get(id)`
fn get(vm: &mut Vm, args: Args, i: u32, version: &Version) -> NativeResult {
    let id = String::from_utf8_lossy(args.check_bytes(vm, i)?);
    if id.is_empty() {
        return errors::fail(vm, INVALID, "empty entry id");
    }
    if let Err(error) = access::check(vm, "registry.get", &id) {
        return errors::refuse(vm, error);
    }
    match version.linked.definitions.get(&*id) {
        Some(definition) => {
            let entry = entry_data(definition).to_value(vm)?;
            answer_pair(vm, entry)
        }
        None => errors::fail(vm, NOT_FOUND, &format!("entry not found: {id}")),
    }
}

/// `registry.find(filter)`
fn find(vm: &mut Vm, args: Args, i: u32, version: &Version) -> NativeResult {
    let fields = args.check_table(vm, i)?;
    let fields = Data::of(vm, Value::table(fields));
    match Filter::of(&fields) {
        Ok(filter) => answer_entries(vm, version, |definition| filter.accepts(definition)),
        Err(message) => errors::fail(vm, INVALID, &message),
    }
}

/// `registry.parse_id(text)`
fn parse_id(vm: &mut Vm, args: Args) -> NativeResult {
    let id = String::from_utf8_lossy(args.check_bytes(vm, 0)?).into_owned();
    let (namespace, name) = id.split_once(':').unwrap_or(("", &id));
    let parts = Data::from([("ns", namespace), ("name", name)]).to_value(vm)?;
    vm.answer(parts)
}

fn snapshot_at(vm: &mut Vm, args: Args, i: u32) -> NativeResult {
    match wanted_version(vm, args, i)? {
        Ok(version) => answer_snapshot(vm, version),
        Err(message) => errors::fail(vm, NOT_FOUND, &message),
    }
}

/// The version before or after another, or nil.
fn neighbour(vm: &mut Vm, number: u64) -> NativeResult {
    match catalog(vm).and_then(|catalog| catalog.version(number)) {
        Some(version) => answer_version(vm, version),
        None => vm.answer(Value::NIL),
    }
}

fn version_text(vm: &mut Vm, args: Args) -> NativeResult {
    let text = format!("v{}", version(vm, args, 0)?.number);
    let text = vm.string(text.as_bytes())?;
    vm.answer(text)
}

fn versions(vm: &mut Vm) -> NativeResult {
    let Some(catalog) = catalog(vm) else { return no_catalog(vm) };
    let list = vm.new_table(0, 0);
    let metatable = vm.image.class(&VERSION);
    for (i, version) in catalog.versions().into_iter().enumerate() {
        let object = vm.heap.new_userdata(VersionObject(version), metatable);
        vm.raw_set_int(list, i as i64 + 1, Value::userdata(object))?;
    }
    answer_pair(vm, Value::table(list))
}

fn answer_ops(vm: &mut Vm, ops: &[Change]) -> NativeResult {
    let op = |change: &Change| {
        let (kind, entry) = match change {
            Change::Create(definition) => ("entry.create", entry_data(definition)),
            Change::Update(definition) => ("entry.update", entry_data(definition)),
            Change::Delete(id) => ("entry.delete", Data::from([("id", &**id)])),
        };
        Data::from([("kind", kind.into()), ("entry", entry)])
    };
    let ops = Data::List(ops.iter().map(op).collect()).to_value(vm)?;
    answer_pair(vm, ops)
}

/// `registry.build_delta(from, to)`, without entries that the caller may not get.
fn build_delta(vm: &mut Vm, args: Args) -> NativeResult {
    let (from, to) = (wanted_version(vm, args, 0)?, wanted_version(vm, args, 1)?);
    match (from, to) {
        (Ok(from), Ok(to)) => {
            let access = Access::of_caller(vm);
            let mut ops = delta(&from.linked, &to.linked);
            ops.retain(|change| access.allows("registry.get", change.id(), &Data::Nil));
            answer_ops(vm, &ops)
        }
        (Err(message), _) | (_, Err(message)) => errors::fail(vm, NOT_FOUND, &message),
    }
}

/// `changes:create(entry)` and `changes:update(entry)`
fn add_definition(vm: &mut Vm, args: Args, change: fn(Arc<Definition>) -> Change) -> NativeResult {
    let entry = args.check_table(vm, 1)?;
    let entry = Data::of(vm, Value::table(entry));
    let text = |field| entry.get(field).and_then(Data::as_str).filter(|text| !text.is_empty());
    let id = match (text("id"), text("namespace"), text("name")) {
        (Some(id), ..) => id.to_owned(),
        (None, Some(namespace), Some(name)) => format!("{namespace}:{name}"),
        _ => return Err(vm.argument_error(1, "field 'id' must be a string")),
    };
    if id.split_once(':').is_none_or(|(namespace, name)| namespace.is_empty() || name.is_empty()) {
        return Err(vm.argument_error(1, "field 'id' must have the form namespace:name"));
    }
    let Some(kind) = text("kind") else { return Err(vm.argument_error(1, "field 'kind' must be a string")) };
    let map = |field| entry.get(field).filter(|data| matches!(data, Data::Map(_))).cloned();
    let definition = Definition {
        id: id.into(),
        kind: kind.into(),
        meta: map("meta").unwrap_or(Data::Map(Vec::new())),
        data: map("data").unwrap_or(Data::Map(Vec::new())),
        place: Place::none(),
        lines: HashMap::new(),
        source_file: None,
    };
    changes(vm, args)?.list.push(change(Arc::new(definition)));
    let this = args.get(vm, 0);
    vm.answer(this)
}

/// `changes:delete(id)`
fn delete(vm: &mut Vm, args: Args) -> NativeResult {
    let id = String::from_utf8_lossy(args.check_bytes(vm, 1)?);
    changes(vm, args)?.list.push(Change::Delete(id.into()));
    let this = args.get(vm, 0);
    vm.answer(this)
}

/// `changes:apply()`
fn apply(vm: &mut Vm, args: Args) -> NativeResult {
    let Some(catalog) = catalog(vm) else { return no_catalog(vm) };
    let Changes { base, list } = changes(vm, args)?;
    if let Err(error) = access::check(vm, "registry.apply", "registry") {
        return errors::refuse(vm, error);
    }
    if list.is_empty() {
        return errors::fail(vm, INVALID, "there are no changes");
    }
    let (base, list, image) = (*base, list.clone(), Arc::clone(&state(vm).core().image));
    change(vm, move || catalog.apply(&image, base, &list))
}

/// `registry.apply_version(version)`
fn apply_version(vm: &mut Vm, args: Args) -> NativeResult {
    let Some(catalog) = catalog(vm) else { return no_catalog(vm) };
    let wanted = wanted_version(vm, args, 0)?;
    if let Err(error) = access::check(vm, "registry.apply_version", "registry") {
        return errors::refuse(vm, error);
    }
    let wanted = match wanted {
        Ok(version) => version,
        Err(message) => return errors::fail(vm, NOT_FOUND, &message),
    };
    let image = Arc::clone(&state(vm).core().image);
    change(vm, move || catalog.restore(&image, &wanted))
}

/// Makes a change off the workers, since code is compiled for it.
fn change(vm: &mut Vm, work: impl FnOnce() -> Result<Arc<Version>, Refusal> + Send + 'static) -> NativeResult {
    run_blocking(vm, "registry", work, |vm, result| {
        let (kind, message) = match result {
            Ok(version) => {
                let metatable = vm.image.class(&VERSION);
                let version = vm.heap.new_userdata(VersionObject(version), metatable);
                return Ok(smallvec![Value::userdata(version), Value::NIL]);
            }
            Err(Refusal::Conflict) => (CONFLICT, "the registry has changed since the snapshot".to_owned()),
            Err(Refusal::Wrong(problems)) => {
                let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
                (INVALID, lines.join("\n"))
            }
        };
        Ok(smallvec![Value::NIL, errors::new_error(vm, kind, &message)])
    })
}

#[cfg(test)]
mod tests {
    use super::{CHANGES, HISTORY, LIBRARY, SNAPSHOT, VERSION};
    use crate::types::declared::assert_declares;

    #[test]
    fn the_manifest_declares_all() {
        let classes = [&CHANGES, &HISTORY, &SNAPSHOT, &VERSION];
        let classes = classes.map(|class| (class.name, class.methods.iter().map(|method| method.name).collect()));
        assert_declares(include_str!("registry.d.lua"), LIBRARY.natives.iter().map(|native| native.name), classes);
    }
}

//! The `security` module (`modules.md` §4.20): who acts, what decides about it, and tokens that stand for both.
//!
//! | file | owns |
//! | --- | --- |
//! | [`policy`] | policies as entries |
//! | [`tokens`] | token stores |
//!
//! What actors and scopes are, and how guarded functions ask them, belongs to the runtime: see
//! [`identity`](crate::runtime::identity) and [`access`].

pub mod policy;
pub mod tokens;

use std::sync::Arc;
use std::time::Duration;

use smallvec::smallvec;

use self::tokens::TokenStore;
use super::fields::{self, Fields, error_value};
use super::plain::plain;
use super::succeed;
use crate::runtime::access::{self, Access};
use crate::runtime::data::Data;
use crate::runtime::errors::{ErrorData, INVALID, NOT_FOUND};
use crate::runtime::identity::{Actor, Identity, Policy, Scope};
use crate::runtime::module::object::{Object, check, new_object, this};
use crate::runtime::module::{Module, ModuleClass};
use crate::runtime::operation::run_future;
use crate::runtime::process_state::state;
use crate::runtime::spawn::{Entries, sibling};
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Flow, Native, NativeResult};
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// The module.
pub struct Security;

impl Module for Security {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Security]
    }

    fn manifest(&self) -> &'static str {
        include_str!("security.d.lua")
    }
}

/// The library.
static LIBRARY: Library = Library {
    name: "security",
    global: false,
    natives: &[
        Native::new("actor", |vm, _| {
            let actor = state(vm).identity().and_then(|identity| identity.actor.clone());
            answer_object(vm, actor)
        }),
        Native::new("scope", |vm, _| {
            let scope = state(vm).identity().and_then(|identity| identity.scope.clone());
            answer_object(vm, scope)
        }),
        Native::new("can", can),
        Native::new("new_actor", new_actor),
        Native::new("new_scope", new_scope),
        Native::new("policy", |vm, args| get(vm, args, "security.policy.get", find_policy)),
        Native::new("named_scope", |vm, args| get(vm, args, "security.policy_group.get", named_scope)),
        Native::new("token_store", token_store),
    ],
    constants: &[],
};

const TOKEN_STORE_NAME: &str = "security.TokenStore";

/// The class of token stores.
pub static TOKEN_STORE: Class = Class {
    name: TOKEN_STORE_NAME,
    methods: &[
        Native::new("create", create),
        Native::new("validate", validate),
        Native::new("revoke", revoke),
        Native::new("close", |vm, args| {
            check::<TokenStore>(vm, args, 0)?.close();
            vm.answer(Value::TRUE)
        }),
    ],
    metamethods: &[],
};

impl Object for TokenStore {
    fn class() -> &'static Class {
        &TOKEN_STORE
    }

    const IS_PLAIN: bool = true;
}

/// The policy of an entry.
///
/// # Errors
/// If there is none.
pub fn find_policy(entries: &dyn Entries, id: &str) -> Result<Policy, ErrorData> {
    let (kind, data) = entries.declared(id, &policy::KINDS)?;
    let rule = policy::compile(&kind, &data).map_err(|message| ErrorData::judged(INVALID, &message, false))?;
    Ok(Policy { id: id.into(), rule: Arc::new(rule) })
}

/// The policies of a group. They name it by its id, or without its namespace if that is their own.
///
/// # Errors
/// If none is in it.
pub fn named_scope(entries: &dyn Entries, group: &str) -> Result<Scope, ErrorData> {
    if group.is_empty() {
        return Err(ErrorData::judged(INVALID, "empty group id", false));
    }
    let mut policies = Vec::new();
    for (id, data) in policy::KINDS.iter().flat_map(|kind| entries.of_kind(kind)) {
        let groups = match data.get("groups") {
            Some(Data::List(groups)) => &groups[..],
            _ => &[],
        };
        let is_member = |name: &str| name == group || sibling(&id, name) == group;
        if groups.iter().filter_map(Data::as_str).any(is_member) {
            policies.push(find_policy(entries, &id)?);
        }
    }
    if policies.is_empty() {
        return Err(ErrorData::judged(NOT_FOUND, &format!("no policy is in group {group}"), false));
    }
    Ok(Scope::new(policies))
}

/// The identity that a definition asks for: `actor` with `id` and `meta`, `policies`, `groups`. `of` is the id of the entry.
///
/// # Errors
/// If a policy or a group is not there, or `actor` has no id.
pub fn declared_identity(entries: &dyn Entries, of: &str, fields: &Data) -> Result<Identity, ErrorData> {
    let actor = match fields.get("actor") {
        None | Some(Data::Nil) => None,
        Some(actor) => {
            let missing = || ErrorData::judged(INVALID, "'lifecycle.security.actor' has no 'id'", false);
            let id = actor.get("id").and_then(Data::as_str).ok_or_else(missing)?;
            Some(Arc::new(Actor { id: id.into(), meta: actor.get("meta").cloned().unwrap_or_default() }))
        }
    };
    let ids = |field: &str| match fields.get(field) {
        Some(Data::List(ids)) => ids.iter().filter_map(Data::as_str).map(|id| sibling(of, id)).collect(),
        _ => Vec::new(),
    };
    let (policies, groups) = (ids("policies"), ids("groups"));
    let has_scope = !policies.is_empty() || !groups.is_empty();
    let mut all = policies.iter().map(|id| find_policy(entries, id)).collect::<Result<Vec<_>, _>>()?;
    for group in &groups {
        all.extend_from_slice(named_scope(entries, group)?.policies());
    }
    Ok(Identity { actor, scope: has_scope.then(|| Arc::new(Scope::new(all))) })
}

fn answer_object<T: Object>(vm: &mut Vm, object: Option<Arc<T>>) -> NativeResult {
    let value = object.map_or(Value::NIL, |object| new_object(vm, object));
    vm.answer(value)
}

/// `security.can(action, resource, meta?)`
fn can(vm: &mut Vm, args: Args) -> NativeResult {
    let action = String::from_utf8_lossy(args.check_bytes(vm, 0)?);
    let resource = String::from_utf8_lossy(args.check_bytes(vm, 1)?);
    let meta = args.get(vm, 2);
    let meta = Data::of(vm, meta);
    let allowed = Access::of_caller(vm).allows(&action, &resource, &meta);
    vm.answer(Value::bool(allowed))
}

/// `security.new_actor(id, meta?)`
fn new_actor(vm: &mut Vm, args: Args) -> NativeResult {
    let id = String::from_utf8_lossy(fields::check_not_empty(vm, args, 0)?);
    let meta = match args.get(vm, 1) {
        none if none.is_nil() => Data::Map(Vec::new()),
        _ => {
            let table = args.check_table(vm, 1)?;
            plain(vm, Value::table(table)).map_err(|error| vm.argument_error(1, &error.message))?
        }
    };
    access::check(vm, "security.actor.create", &id).map_err(|error| vm.error(&error.message))?;
    answer_object(vm, Some(Arc::new(Actor { id: id.as_ref().into(), meta })))
}

/// `security.new_scope(policies?)`
fn new_scope(vm: &mut Vm, args: Args) -> NativeResult {
    let mut policies = Vec::new();
    if !args.get(vm, 0).is_nil() {
        let list = args.check_table(vm, 0)?;
        for i in 1..=vm.raw_len(list) {
            let Some(policy) = this::<Policy>(vm.raw_get_int(list, i)) else {
                return Err(vm.argument_error(0, &format!("item {i} is no policy")));
            };
            policies.push(Policy::clone(&policy));
        }
    }
    access::check(vm, "security.scope.create", "custom").map_err(|error| vm.error(&error.message))?;
    answer_object(vm, Some(Arc::new(Scope::new(policies))))
}

/// Answers with what an id leads to.
fn get<T: Object>(
    vm: &mut Vm,
    args: Args,
    action: &str,
    find: fn(&dyn Entries, &str) -> Result<T, ErrorData>,
) -> NativeResult {
    let id = String::from_utf8_lossy(args.check_bytes(vm, 0)?);
    let found = access::check(vm, action, &id).and_then(|()| find(&*state(vm).core().entries, &id));
    match found {
        Ok(found) => {
            let found = new_object(vm, Arc::new(found));
            succeed(vm, found)
        }
        Err(error) => fields::fail(vm, error),
    }
}

/// `security.token_store(id)`
fn token_store(vm: &mut Vm, args: Args) -> NativeResult {
    let id = String::from_utf8_lossy(args.check_bytes(vm, 0)?);
    let store = access::check(vm, "security.token_store.get", &id);
    match store.and_then(|()| TokenStore::open(state(vm).core(), &id)) {
        Ok(store) => {
            let store = new_object(vm, Arc::new(store));
            succeed(vm, store)
        }
        Err(error) => fields::fail(vm, error),
    }
}

/// `store:create(actor, scope, options?)`
fn create(vm: &mut Vm, args: Args) -> NativeResult {
    let store = check::<TokenStore>(vm, args, 0)?;
    let (actor, scope) = (check::<Actor>(vm, args, 1)?, check::<Scope>(vm, args, 2)?);
    let options = args.get(vm, 3);
    let read = read_options(vm, options).and_then(|read| check_may(vm, "security.token.create", &store).map(|()| read));
    let (expiration, meta) = match read {
        Ok(read) => read,
        Err(error) => return fields::fail(vm, error),
    };
    let core = Arc::clone(state(vm).core());
    let work = async move { store.create(&core, &actor, &scope, expiration, meta).await };
    run_future(vm, WAITING, work, |vm, created| {
        Ok(match created {
            Ok(token) => smallvec![vm.string(token.as_bytes())?, Value::NIL],
            Err(error) => smallvec![Value::NIL, error_value(vm, error)],
        })
    })
}

/// What a program waits for that uses a token store.
const WAITING: &str = "token store";

/// Whether the caller may do this with a store, and could wait for it.
fn check_may(vm: &mut Vm, action: &str, store: &TokenStore) -> Result<(), ErrorData> {
    access::check(vm, action, &store.id)?;
    store.check(state(vm).core(), state(vm).process().pid)
}

/// How long a new token is to be good, and what is noted with it.
fn read_options(vm: &mut Vm, options: Value) -> Result<(Option<Duration>, Data), ErrorData> {
    let options = Fields::of(options, "options")?;
    let expiration = options.duration(vm, "expiration", Duration::from_millis(1))?;
    let meta = options.value(vm, "meta");
    Ok((expiration, plain(vm, meta)?))
}

/// `store:validate(token)`
fn validate(vm: &mut Vm, args: Args) -> NativeResult {
    let store = check::<TokenStore>(vm, args, 0)?;
    let token = String::from_utf8_lossy(args.check_bytes(vm, 1)?).into_owned();
    if let Err(error) = check_may(vm, "security.token.validate", &store) {
        let error = error_value(vm, error);
        vm.push_all(&[Value::NIL, Value::NIL, error])?;
        return Ok(Flow::Return(3));
    }
    let core = Arc::clone(state(vm).core());
    run_future(vm, WAITING, async move { store.validate(&core, &token).await }, |vm, valid| {
        Ok(match valid {
            Ok((actor, scope)) => {
                smallvec![new_object(vm, Arc::new(actor)), new_object(vm, Arc::new(scope)), Value::NIL]
            }
            Err(error) => smallvec![Value::NIL, Value::NIL, error_value(vm, error)],
        })
    })
}

/// `store:revoke(token)`
fn revoke(vm: &mut Vm, args: Args) -> NativeResult {
    let store = check::<TokenStore>(vm, args, 0)?;
    let token = String::from_utf8_lossy(args.check_bytes(vm, 1)?).into_owned();
    if let Err(error) = check_may(vm, "security.token.revoke", &store) {
        return fields::fail(vm, error);
    }
    let core = Arc::clone(state(vm).core());
    run_future(vm, WAITING, async move { store.revoke(&core, &token).await }, |vm, revoked| {
        Ok(match revoked {
            Ok(revoked) => smallvec![Value::bool(revoked), Value::NIL],
            Err(error) => smallvec![Value::NIL, error_value(vm, error)],
        })
    })
}

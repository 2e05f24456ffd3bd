//! The `html` module (`modules.md` §4.17): documents from elsewhere with only what a policy allows.
//!
//! | file | owns |
//! | --- | --- |
//! | `tokens`, `references` | from text to tags and text |
//! | [`policy`], `urls` | what is allowed |
//! | `sanitize` | from tokens to a document |

pub mod policy;
mod references;
mod sanitize;
mod tokens;
mod urls;

use std::sync::Arc;

use parking_lot::Mutex;
use regex::Regex;

use self::policy::{Policy, Rule};
use super::succeed;
use super::text::translate;
use crate::runtime::errors::{self, INVALID};
use crate::runtime::module::object::{Object, check, new_object};
use crate::runtime::module::{Module, ModuleClass};
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::object::UserData;
use crate::vm::userdata::Class;
use crate::vm::value::Value;

/// Appends a text in which nothing means markup, neither between tags nor in the value of an attribute.
pub fn escape(text: &str, into: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        into.push_str(&rest[..at]);
        into.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        });
        rest = &rest[at + 1..];
    }
    into.push_str(rest);
}

/// The module.
pub struct Html;

impl Module for Html {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY, &SANITIZE]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Deterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("html/html.d.lua")
    }
}

static LIBRARY: Library = Library { name: "html", global: false, natives: &[], constants: &[] };

static SANITIZE: Library = Library {
    name: "html.sanitize",
    global: false,
    natives: &[
        Native::new("new_policy", |vm, _| answer_policy(vm, Policy::default())),
        Native::new("strict_policy", |vm, _| answer_policy(vm, Policy::default())),
        Native::new("ugc_policy", |vm, _| answer_policy(vm, Policy::for_users())),
    ],
    constants: &[],
};

/// A policy that is being made.
type Shared = Arc<Mutex<Policy>>;

const POLICY: &str = "html.Policy";

/// A policy as an object.
struct PolicyObject(Shared);

impl UserData for PolicyObject {
    fn class(&self) -> &'static str {
        POLICY
    }
}

/// The methods of policies. Not a [`Class`], in which no name may be as long as one of these.
static METHODS: [Native; 15] = [
    Native::new("allow_elements", |vm, args| {
        let names = names(vm, args)?;
        change(vm, args, |policy| policy.allow_elements(&names))
    }),
    Native::new("allow_attrs", allow_attrs),
    Native::new("allow_standard_urls", |vm, args| change(vm, args, Policy::allow_standard_urls)),
    Native::new("allow_url_schemes", |vm, args| {
        let schemes = names(vm, args)?;
        change(vm, args, |policy| policy.allow_schemes(&schemes))
    }),
    Native::new("allow_relative_urls", |vm, args| switch(vm, args, |policy, on| policy.urls.allow_relative = on)),
    Native::new("require_parseable_urls", |vm, args| switch(vm, args, |policy, on| policy.urls.require_parseable = on)),
    Native::new("require_nofollow_on_links", |vm, args| switch(vm, args, |policy, on| policy.links.nofollow = on)),
    Native::new("require_noreferrer_on_links", |vm, args| switch(vm, args, |policy, on| policy.links.noreferrer = on)),
    Native::new("add_target_blank_to_fully_qualified_links", |vm, args| {
        switch(vm, args, |policy, on| policy.links.blank = on)
    }),
    Native::new("allow_images", |vm, args| change(vm, args, Policy::allow_images)),
    Native::new("allow_data_uri_images", |vm, args| change(vm, args, |policy| policy.urls.allow_data_images = true)),
    Native::new("allow_lists", |vm, args| change(vm, args, Policy::allow_lists)),
    Native::new("allow_tables", |vm, args| change(vm, args, Policy::allow_tables)),
    Native::new("allow_standard_attributes", |vm, args| change(vm, args, Policy::allow_standard_attributes)),
    Native::new("sanitize", clean),
];

/// Attributes that are to be allowed somewhere.
struct AttrBuilder {
    policy: Shared,
    names: Vec<String>,
    rule: Mutex<Rule>,
}

static ATTR_BUILDER: Class = Class {
    name: "html.AttrBuilder",
    methods: &[
        Native::new("matching", matching),
        Native::new("on_elements", |vm, args| {
            let (builder, elements) = (check::<AttrBuilder>(vm, args, 0)?, names(vm, args)?);
            let rule = builder.rule.lock().clone();
            builder.policy.lock().allow_attributes(&builder.names, rule, &elements);
            answer_shared(vm, &builder.policy)
        }),
        Native::new("globally", |vm, args| {
            let builder = check::<AttrBuilder>(vm, args, 0)?;
            builder.policy.lock().allow_attributes_globally(&builder.names, &builder.rule.lock());
            answer_shared(vm, &builder.policy)
        }),
    ],
    metamethods: &[],
};

impl Object for AttrBuilder {
    fn class() -> &'static Class {
        &ATTR_BUILDER
    }

    const IS_PLAIN: bool = true;
}

fn answer_policy(vm: &mut Vm, policy: Policy) -> NativeResult {
    let policy = policy_value(vm, Arc::new(Mutex::new(policy)))?;
    succeed(vm, policy)
}

fn answer_shared(vm: &mut Vm, policy: &Shared) -> NativeResult {
    let policy = policy_value(vm, Arc::clone(policy))?;
    vm.answer(policy)
}

/// A policy as a value.
fn policy_value(vm: &mut Vm, policy: Shared) -> Result<Value, Box<LuaError>> {
    let (metatable, methods) = (vm.new_table(0, 2), vm.new_table(0, METHODS.len() as u32));
    for method in &METHODS {
        let name = vm.string(method.name.as_bytes())?;
        vm.raw_set(methods, name, Value::native(method))?;
    }
    vm.raw_set_name(metatable, "__index", Value::table(methods))?;
    let name = vm.string(POLICY.as_bytes())?;
    vm.raw_set_name(metatable, "__name", name)?;
    Ok(Value::userdata(vm.heap.new_userdata(PolicyObject(policy), metatable)))
}

/// The policy whose method is called.
fn this(vm: &mut Vm, args: Args) -> Result<Shared, Box<LuaError>> {
    args.check_userdata::<PolicyObject>(vm, 0, POLICY).map(|policy| Arc::clone(&policy.0))
}

/// The arguments of a method: names, whose case does not matter.
fn names(vm: &mut Vm, args: Args) -> Result<Vec<String>, Box<LuaError>> {
    (1..args.len)
        .map(|i| args.check_bytes(vm, i).map(|name| String::from_utf8_lossy(name).to_ascii_lowercase()))
        .collect()
}

/// Changes a policy, which is the answer.
fn change(vm: &mut Vm, args: Args, change: impl FnOnce(&mut Policy)) -> NativeResult {
    change(&mut this(vm, args)?.lock());
    let policy = args.get(vm, 0);
    vm.answer(policy)
}

/// Turns something in a policy on or off.
fn switch(vm: &mut Vm, args: Args, set: impl FnOnce(&mut Policy, bool)) -> NativeResult {
    this(vm, args)?;
    let on = args.get(vm, 1);
    if !on.same(Value::TRUE) && !on.same(Value::FALSE) {
        return Err(vm.type_error(1, "boolean", args.try_get(vm, 1)));
    }
    change(vm, args, |policy| set(policy, on.same(Value::TRUE)))
}

/// `policy:allow_attrs(...)`
fn allow_attrs(vm: &mut Vm, args: Args) -> NativeResult {
    let (policy, names) = (this(vm, args)?, names(vm, args)?);
    let builder = new_object(vm, Arc::new(AttrBuilder { policy, names, rule: Mutex::new(Rule::Any) }));
    vm.answer(builder)
}

/// `builder:matching(pattern)`
fn matching(vm: &mut Vm, args: Args) -> NativeResult {
    let builder = check::<AttrBuilder>(vm, args, 0)?;
    let pattern = String::from_utf8_lossy(args.check_bytes(vm, 1)?);
    match Regex::new(&translate(&pattern)) {
        Ok(regex) => {
            *builder.rule.lock() = Rule::Matching(regex);
            let builder = args.get(vm, 0);
            succeed(vm, builder)
        }
        Err(_) => errors::fail(vm, INVALID, &format!("invalid regex {pattern:?}")),
    }
}

/// Bytes that cost as much as a function call.
const BYTES_PER_CALL: usize = 16;

/// `policy:sanitize(text)`
fn clean(vm: &mut Vm, args: Args) -> NativeResult {
    let policy = this(vm, args)?;
    let text = args.check_bytes(vm, 1)?;
    vm.fuel -= (text.len() / BYTES_PER_CALL) as i64;
    let clean = sanitize::sanitize(&policy.lock(), &String::from_utf8_lossy(text));
    let clean = vm.string(clean.as_bytes())?;
    vm.answer(clean)
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn markup_becomes_text() {
        let mut text = String::from(">");
        escape("a<b> & \"c\" 'ä'", &mut text);
        assert_eq!(text, ">a&lt;b&gt; &amp; &quot;c&quot; &#39;ä&#39;");
    }
}

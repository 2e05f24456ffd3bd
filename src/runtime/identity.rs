//! On whose behalf code runs, and who decides what it may do (`modules.md` §4.20): actors, policies, scopes.
//!
//! None of them ever changes; processes share them by count. What policies are made of is the business of the module
//! `security`.

use std::sync::Arc;

use super::data::Data;
use super::module::convert::Result;
use super::module::function::method;
use super::module::object::{New, Object};
use crate::vm::userdata::Class;

/// Who acts.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Its name.
    pub id: Box<str>,
    /// What else is known of it: a map.
    pub meta: Data,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who, if that is known.
    pub actor: Option<&'a Actor>,
    /// What.
    pub action: &'a str,
    /// To what.
    pub resource: &'a str,
    /// What else is known: a map, or nothing.
    pub meta: &'a Data,
}

/// What is said to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No.
    Deny,
    /// Nothing.
    Undefined,
}

impl Decision {
    /// The word that programs see.
    pub fn name(self) -> &'static str {
        match self {
            Decision::Allow => "allow",
            Decision::Deny => "deny",
            Decision::Undefined => "undefined",
        }
    }
}

/// Decides about some requests.
pub trait Rule: Send + Sync {
    /// What it says to a request.
    fn decide(&self, request: &Request<'_>) -> Decision;
}

/// A rule with its entry id.
#[derive(Clone)]
pub struct Policy {
    /// The id.
    pub id: Box<str>,
    /// The rule.
    pub rule: Arc<dyn Rule>,
}

/// Policies that decide together.
#[derive(Clone, Default)]
pub struct Scope(Vec<Policy>);

impl Scope {
    /// A scope of policies; of those with the same id the last counts.
    pub fn new(policies: impl IntoIterator<Item = Policy>) -> Scope {
        policies.into_iter().fold(Scope::default(), |scope, policy| scope.with(&policy))
    }

    /// Its policies.
    pub fn policies(&self) -> &[Policy] {
        &self.0
    }

    /// This scope with one more policy.
    pub fn with(&self, policy: &Policy) -> Scope {
        let mut scope = self.without(&policy.id);
        scope.0.push(policy.clone());
        scope
    }

    /// This scope without a policy.
    pub fn without(&self, id: &str) -> Scope {
        Scope(self.0.iter().filter(|policy| *policy.id != *id).cloned().collect())
    }

    /// Any refusal counts; without one, any consent.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let mut decision = Decision::Undefined;
        for policy in &self.0 {
            match policy.rule.decide(request) {
                Decision::Deny => return Decision::Deny,
                Decision::Allow => decision = Decision::Allow,
                Decision::Undefined => {}
            }
        }
        decision
    }
}

/// Actor and scope of a process.
#[derive(Clone, Default)]
pub struct Identity {
    /// Who acts.
    pub actor: Option<Arc<Actor>>,
    /// What decides.
    pub scope: Option<Arc<Scope>>,
}

impl Identity {
    /// Whether there is neither.
    pub fn is_empty(&self) -> bool {
        self.actor.is_none() && self.scope.is_none()
    }

    /// What a callee gets: the caller's, as far as `more` has nothing else.
    pub fn merged(own: Option<&Arc<Identity>>, more: &Identity) -> Option<Arc<Identity>> {
        match own {
            _ if more.is_empty() => own.cloned(),
            None => Some(Arc::new(more.clone())),
            Some(own) => Some(Arc::new(Identity {
                actor: more.actor.clone().or_else(|| own.actor.clone()),
                scope: more.scope.clone().or_else(|| own.scope.clone()),
            })),
        }
    }
}

static ACTOR: Class = Class {
    name: "security.Actor",
    methods: &[
        method("id", |actor: &Actor, ()| Ok(actor.id.to_string())),
        method("meta", |actor: &Actor, ()| Ok(actor.meta.clone())),
    ],
    metamethods: &[],
};

/// The class of policies.
pub static POLICY: Class = Class {
    name: "security.Policy",
    methods: &[
        method("id", |policy: &Policy, ()| Ok(policy.id.to_string())),
        method("evaluate", |policy: &Policy, question: Question| {
            Ok(asked(&question, |request| policy.rule.decide(request)))
        }),
    ],
    metamethods: &[],
};

static SCOPE: Class = Class {
    name: "security.Scope",
    methods: &[
        method("with", |scope: &Scope, (policy,): (Arc<Policy>,)| Ok(New(scope.with(&policy)))),
        method("without", |scope: &Scope, (id,): (String,)| Ok(New(scope.without(&id)))),
        method("evaluate", |scope: &Scope, question: Question| Ok(asked(&question, |request| scope.decide(request)))),
        method("contains", |scope: &Scope, (id,): (String,)| Ok(scope.0.iter().any(|policy| *policy.id == *id))),
        method("policies", policies),
    ],
    metamethods: &[],
};

/// The arguments of `evaluate`: actor, action, resource, meta.
type Question = (Option<Arc<Actor>>, String, String, Option<Data>);

fn asked((actor, action, resource, meta): &Question, decide: impl FnOnce(&Request<'_>) -> Decision) -> &'static str {
    let meta = meta.as_ref().unwrap_or(&Data::Nil);
    decide(&Request { actor: actor.as_deref(), action, resource, meta }).name()
}

fn policies(scope: &Scope, (): ()) -> Result<Vec<New<Policy>>> {
    Ok(scope.0.iter().cloned().map(New).collect())
}

impl Object for Actor {
    fn class() -> &'static Class {
        &ACTOR
    }

    const IS_PLAIN: bool = true;
}

impl Object for Policy {
    fn class() -> &'static Class {
        &POLICY
    }

    const IS_PLAIN: bool = true;
}

impl Object for Scope {
    fn class() -> &'static Class {
        &SCOPE
    }

    const IS_PLAIN: bool = true;
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    impl Rule for Decision {
        fn decide(&self, _: &Request<'_>) -> Decision {
            *self
        }
    }

    #[test]
    fn refusals_count_most() {
        let request = Request { actor: None, action: "a", resource: "r", meta: &Data::Nil };
        let policy = |id: &str, decision: Decision| Policy { id: id.into(), rule: Arc::new(decision) };
        let (allow, deny) = (policy("allow", Decision::Allow), policy("deny", Decision::Deny));
        let undefined = policy("undefined", Decision::Undefined);
        let decide = |policies: &[&Policy]| Scope::new(policies.iter().copied().cloned()).decide(&request);
        assert_eq!(decide(&[]), Decision::Undefined);
        assert_eq!(decide(&[&undefined]), Decision::Undefined);
        assert_eq!(decide(&[&undefined, &allow]), Decision::Allow);
        assert_eq!(decide(&[&allow, &deny, &allow]), Decision::Deny);
        let both = Scope::new([allow, deny.clone()]);
        assert_eq!(both.without("deny").decide(&request), Decision::Allow);
        assert_eq!(both.with(&deny).policies().len(), 2);
    }

    #[test]
    fn callees_get_what_is_not_replaced() {
        let actor = |id: &str| Some(Arc::new(Actor { id: id.into(), meta: Data::Nil }));
        let own = Arc::new(Identity { actor: actor("own"), scope: Some(Arc::default()) });
        let merged = |more: Identity| Identity::merged(Some(&own), &more).expect("there is one");
        assert!(Arc::ptr_eq(&merged(Identity::default()), &own));
        let other = merged(Identity { actor: actor("other"), scope: None });
        assert_eq!(other.actor.as_ref().map(|actor| &*actor.id), Some("other"));
        assert!(other.scope.is_some());
        assert!(Identity::merged(None, &Identity::default()).is_none());
    }
}

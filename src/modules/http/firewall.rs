//! Firewalls: behind the routes they ask whether the function of a request may be reached at all. A request that comes on
//! nobody's behalf is answered with 401, one that is not allowed with 403.
//!
//! | name | asks for |
//! | --- | --- |
//! | `endpoint_firewall` | the action of its options, `access` by default, on the id of the endpoint |
//! | `resource_firewall` | the action of its options on the target of its options |

use std::sync::Arc;

use hashbrown::HashMap;
use hyper::{Response, StatusCode};

use super::exchange::{Outgoing, plain};
use super::middleware::{Options, Passage};
use crate::runtime::access::Access;
use crate::runtime::data::Data;

/// A firewall with its options.
pub struct Firewall {
    action: String,
    /// What is asked about; `None` for the endpoint.
    target: Option<String>,
}

impl Firewall {
    /// The firewall of a name; `None` if there is none.
    ///
    /// # Errors
    /// If an option is missing.
    pub fn new(name: &str, options: &HashMap<String, String>) -> Result<Option<Firewall>, String> {
        let options = Options { name, all: options };
        let needed = |option: &str| options.get(option).ok_or_else(|| format!("missing option '{name}.{option}'"));
        Ok(Some(match name {
            "endpoint_firewall" => {
                Firewall { action: options.get("action").unwrap_or("access").to_owned(), target: None }
            }
            "resource_firewall" => {
                Firewall { action: needed("action")?.to_owned(), target: Some(needed("target")?.to_owned()) }
            }
            _ => return Ok(None),
        }))
    }

    /// The answer to a request that may not pass.
    pub(super) fn refuse(&self, passage: &Passage<'_>, endpoint: &str) -> Option<Response<Outgoing>> {
        let Some(identity) = passage.identity.as_ref().filter(|identity| identity.actor.is_some()) else {
            return Some(plain(StatusCode::UNAUTHORIZED));
        };
        let access = Access::of(passage.core, Some(Arc::clone(identity)));
        let target = self.target.as_deref().unwrap_or(endpoint);
        (!access.allows(&self.action, target, &Data::Nil)).then(|| plain(StatusCode::FORBIDDEN))
    }
}

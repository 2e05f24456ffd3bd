//! Token stores: what stands for an actor with a scope where neither can go, such as a header of a request.
//!
//! A token is random. The store, one of the module `store` of any kind, knows a hash of it; whoever reads the store cannot make up
//! tokens. With a key, a token is signed, and one that was made up is refused without asking the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::super::env;
use super::super::store::{Store, Stores};
use super::{find_policy, sibling};
use crate::modules::crypto::random::random_bytes;
use crate::modules::hash::hex;
use crate::runtime::core::RuntimeCore;
use crate::runtime::data::Data;
use crate::runtime::errors::{ErrorData, INTERNAL, INVALID};
use crate::runtime::identity::{Actor, Scope};
use crate::runtime::pid::Pid;
use crate::runtime::time;

/// The kind of entries that are token stores.
pub const KIND: &str = "security.token_store";
/// Random bytes of a token, unless the entry says so, and at most.
const LENGTH: usize = 32;
const MAX_LENGTH: usize = 1024;
/// How long tokens are good, unless somebody says so.
const EXPIRATION: Duration = Duration::from_secs(24 * 60 * 60);

/// A token store.
pub struct TokenStore {
    /// Its entry id.
    pub id: Box<str>,
    store: Store,
    length: usize,
    expiration: Duration,
    key: Option<Vec<u8>>,
    is_closed: AtomicBool,
}

fn bad_token() -> ErrorData {
    ErrorData::judged(INVALID, "the token is not valid", false)
}

impl TokenStore {
    /// The token store of an entry.
    ///
    /// # Errors
    /// If there is none, or something is wrong with it.
    pub fn open(core: &RuntimeCore, id: &str) -> Result<TokenStore, ErrorData> {
        let (_, data) = core.entries.declared(id, &[KIND])?;
        let store = data.get("store").and_then(Data::as_str).unwrap_or_default();
        let stores = core.modules.of_type::<Stores>();
        let stores = stores.ok_or_else(|| ErrorData::plain(INTERNAL, "the runtime has no module store"))?;
        let key = data.get("token_key").and_then(Data::as_str).map(env::expand).transpose();
        let key = key.map_err(|message| ErrorData::judged(INVALID, &message, false))?;
        Ok(TokenStore {
            id: id.into(),
            store: stores.open(&*core.entries, &sibling(id, store))?,
            length: match data.get("token_length") {
                Some(Data::Integer(length)) => usize::try_from(*length).unwrap_or(LENGTH).clamp(1, MAX_LENGTH),
                _ => LENGTH,
            },
            expiration: data.get("default_expiration").and_then(time::Duration::of_data).unwrap_or(EXPIRATION),
            key: key.filter(|key| !key.is_empty()).map(String::into_bytes),
            is_closed: AtomicBool::new(false),
        })
    }

    /// Refuses everything from now on.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// Whether a process can use it.
    ///
    /// # Errors
    /// `Invalid` if it is closed, or the process holds the only connection to where the tokens are; those of the store.
    pub fn check(&self, core: &RuntimeCore, process: Pid) -> Result<(), ErrorData> {
        match self.is_closed.load(Ordering::Relaxed) {
            true => Err(ErrorData::judged(INVALID, "the token store is closed", false)),
            false => self.store.check(core, process),
        }
    }

    /// A new token.
    ///
    /// # Errors
    /// If the system has no randomness, or the store no room; those of the store.
    pub async fn create(
        &self,
        core: &Arc<RuntimeCore>,
        actor: &Actor,
        scope: &Scope,
        expiration: Option<Duration>,
        meta: Data,
    ) -> Result<String, ErrorData> {
        let mut token = URL_SAFE_NO_PAD.encode(random_bytes(self.length)?);
        let policies: Vec<&str> = scope.policies().iter().map(|policy| &*policy.id).collect();
        let value = Data::from([
            ("actor", Data::from([("id", Data::from(&*actor.id)), ("meta", actor.meta.clone())])),
            ("policies", policies.into()),
            ("meta", meta),
        ]);
        self.store.set(core, &hash(&token), value, expiration.unwrap_or(self.expiration)).await?;
        if let Some(mac) = self.mac(&token) {
            token.push('.');
            token.push_str(&URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        }
        Ok(token)
    }

    /// Whom a token stands for.
    ///
    /// # Errors
    /// `Invalid` if it is none, has expired, or was revoked; also if a policy of its scope is gone: without it, the scope
    /// could allow more. Those of the store.
    pub async fn validate(&self, core: &Arc<RuntimeCore>, token: &str) -> Result<(Actor, Scope), ErrorData> {
        let token = self.unsigned(token).ok_or_else(bad_token)?;
        let value = self.store.find(core, &hash(token)).await?.ok_or_else(bad_token)?;
        let actor = value.get("actor").ok_or_else(bad_token)?;
        let id = actor.get("id").and_then(Data::as_str).ok_or_else(bad_token)?;
        let actor = Actor { id: id.into(), meta: actor.get("meta").cloned().unwrap_or_default() };
        let policies = match value.get("policies") {
            Some(Data::List(ids)) => &ids[..],
            _ => &[],
        };
        let policies = policies.iter().map(|id| find_policy(&*core.entries, id.as_str().unwrap_or_default()));
        let policies = policies.collect::<Result<Vec<_>, _>>().map_err(|_| bad_token())?;
        Ok((actor, Scope::new(policies)))
    }

    /// Makes a token worthless. Says whether it was worth anything.
    ///
    /// # Errors
    /// `Invalid` if it is none; those of the store.
    pub async fn revoke(&self, core: &Arc<RuntimeCore>, token: &str) -> Result<bool, ErrorData> {
        let token = self.unsigned(token).ok_or_else(bad_token)?;
        if self.store.delete(core, &hash(token)).await? { Ok(true) } else { Err(bad_token()) }
    }

    fn mac(&self, token: &str) -> Option<Hmac<Sha256>> {
        let key = self.key.as_ref()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key for HMAC may have any length");
        mac.update(token.as_bytes());
        Some(mac)
    }

    /// The random part of a token, if its signature is right.
    fn unsigned<'a>(&self, token: &'a str) -> Option<&'a str> {
        match token.split_once('.') {
            None => self.key.is_none().then_some(token),
            Some((token, signature)) => {
                let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
                self.mac(token)?.verify_slice(&signature).ok().map(|()| token)
            }
        }
    }
}

/// Under which key the store has a token.
fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

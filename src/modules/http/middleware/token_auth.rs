//! Finds out on whose behalf a request comes: by a token of a token store, in a header, the query or a cookie. A request
//! without a good token passes, too, on nobody's behalf.

use std::sync::{Arc, OnceLock};

use hyper::header::{COOKIE, HeaderName};
use hyper::http::request::Parts;

use super::{Options, Passage};
use crate::modules::http_client::uri;
use crate::modules::security::tokens::TokenStore;
use crate::runtime::identity::Identity;

/// Options of `token_auth`, and the token store.
pub struct TokenAuth {
    store_id: String,
    store: OnceLock<Arc<TokenStore>>,
    header: HeaderName,
    prefix: String,
    query: String,
    cookie: String,
}

impl TokenAuth {
    pub(super) fn new(options: &Options<'_>) -> Result<TokenAuth, String> {
        let text = |option: &str, default: &str| options.get(option).unwrap_or(default).to_owned();
        let header = text("header.name", "Authorization");
        Ok(TokenAuth {
            store_id: options.get("store").ok_or("missing option 'token_auth.store'")?.to_owned(),
            store: OnceLock::new(),
            header: HeaderName::from_bytes(header.as_bytes())
                .map_err(|_| format!("token_auth.header.name: cannot be {header:?}"))?,
            prefix: text("header.prefix", "Bearer "),
            query: text("query.param", "x-auth-token"),
            cookie: text("cookie.name", "x-auth-token"),
        })
    }

    /// Notes whose token a request has.
    pub(super) async fn identify(&self, head: &Parts, passage: &mut Passage<'_>) {
        let Some(token) = self.token(head) else { return };
        let core = passage.core;
        let store = match self.store.get() {
            Some(store) => store,
            None => match TokenStore::open(core, &self.store_id) {
                Ok(store) => self.store.get_or_init(|| Arc::new(store)),
                Err(_) => return,
            },
        };
        if let Ok((actor, scope)) = store.validate(core, &token).await {
            passage.identity = Some(Arc::new(Identity { actor: Some(Arc::new(actor)), scope: Some(Arc::new(scope)) }));
        }
    }

    fn token(&self, head: &Parts) -> Option<String> {
        let header = head.headers.get(&self.header).and_then(|value| value.to_str().ok());
        if let Some(token) = header.and_then(|value| value.strip_prefix(&self.prefix)) {
            return Some(token.trim().to_owned());
        }
        let mut pairs = head.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        if let Some((_, value)) = pairs.find(|(name, _)| *name == self.query) {
            return uri::decode(value.as_bytes()).and_then(|token| String::from_utf8(token).ok());
        }
        let cookies = head.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut cookies = cookies.flat_map(|value| value.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
        cookies.find(|(name, _)| *name == self.cookie).map(|(_, value)| value.to_owned())
    }
}

//! Connections to other machines, for all modules that make any.
//!
//! | file | owns |
//! | --- | --- |
//! | [`address`] | which addresses are private |
//! | [`dns`] | messages of the domain name system; pure |
//! | [`resolve`] | from names to addresses |
//! | [`dial`] | from a place to an open connection: the address guard, attempts in turn, TLS |
//! | [`tls`] | the settings of TLS |
//!
//! House rules:
//! * The guard is asked about the address that is dialled, after resolution, each time.
//! * Everything here is a future: to drop it closes what it has opened.

pub mod address;
pub mod dial;
pub mod dns;
pub mod resolve;
pub mod tls;

use crate::runtime::errors::{ErrorData, TIMEOUT, UNAVAILABLE};

/// What stands for a failure of the network that may pass.
pub fn unavailable(message: impl AsRef<str>) -> ErrorData {
    ErrorData::judged(UNAVAILABLE, message.as_ref(), true)
}

/// What stands for something that has taken too long.
pub fn timed_out(message: impl AsRef<str>) -> ErrorData {
    ErrorData::judged(TIMEOUT, message.as_ref(), true)
}

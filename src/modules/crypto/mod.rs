//! The `crypto` module (`modules.md` §4.7): random values, keyed digests, authenticated encryption, signed tokens, keys from
//! passwords.
//!
//! | file | owns |
//! | --- | --- |
//! | [`random`] | bytes that nobody can foresee, and what is made of them |
//! | `cipher` | AES-GCM and ChaCha20-Poly1305 |
//! | `jwt` | tokens, their algorithms |
//! | `derive` | PBKDF2 |
//!
//! House rules: secrets are compared in constant time, and no message contains any; whatever is not authentic is refused with
//! `Internal`, without saying by how much.

mod cipher;
mod derive;
mod jwt;
pub mod random;

use hmac::Hmac;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::fields::{self, invalid};
use super::hash::{BYTES_PER_CALL, hex, mac};
use super::succeed_with_text;
use crate::runtime::errors::{ErrorData, INTERNAL};
use crate::runtime::module::{Module, ModuleClass};
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::value::Value;

/// The module.
pub struct Crypto;

impl Module for Crypto {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY, &random::LIBRARY, &HMAC, &cipher::ENCRYPT, &cipher::DECRYPT, &jwt::LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Security, ModuleClass::Nondeterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("crypto.d.lua")
    }
}

static LIBRARY: Library = Library {
    name: "crypto",
    global: false,
    natives: &[
        Native::new("pbkdf2", derive::pbkdf2),
        Native::new("constant_time_compare", |vm, args| {
            let (a, b) = (args.check_bytes(vm, 0)?, args.check_bytes(vm, 1)?);
            charge(vm, a.len());
            vm.answer(Value::bool(a.ct_eq(b).into()))
        }),
    ],
    constants: &[],
};

static HMAC: Library = Library {
    name: "crypto.hmac",
    global: false,
    natives: &[
        Native::new("sha256", |vm, args| keyed(vm, args, mac::<Hmac<Sha256>>)),
        Native::new("sha512", |vm, args| keyed(vm, args, mac::<Hmac<Sha512>>)),
    ],
    constants: &[],
};

/// `crypto.hmac.…(key, data)`
fn keyed(vm: &mut Vm, args: Args, mac: fn(&[u8], &[u8]) -> Vec<u8>) -> NativeResult {
    let (key, data) = (args.check_bytes(vm, 0)?, args.check_bytes(vm, 1)?);
    if key.is_empty() {
        return fields::fail(vm, invalid("empty key"));
    }
    charge(vm, data.len());
    succeed_with_text(vm, hex(&mac(key, data)).as_bytes())
}

/// The error of what is not authentic.
fn refused(message: &str) -> ErrorData {
    ErrorData::judged(INTERNAL, message, false)
}

/// Charges for some bytes of input.
fn charge(vm: &mut Vm, bytes: usize) {
    vm.fuel -= (bytes / BYTES_PER_CALL) as i64;
}

/// Answers with bytes, or with `nil, error`.
fn answer(vm: &mut Vm, result: Result<Vec<u8>, ErrorData>) -> NativeResult {
    match result {
        Ok(bytes) => succeed_with_text(vm, &bytes),
        Err(error) => fields::fail(vm, error),
    }
}

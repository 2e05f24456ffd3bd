//! Signed tokens: JSON Web Tokens (RFC 7519) in compact form.
//!
//! The caller says which algorithm a token must have; what the token says of itself is compared with that and decides
//! nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use getrandom::SysRng;
use hmac::Hmac;
use rsa::pkcs1::{DecodeRsaPrivateKey, DecodeRsaPublicKey};
use rsa::pkcs8::{DecodePrivateKey, DecodePublicKey};
use rsa::rand_core::UnwrapErr;
use rsa::{Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey};
use sha2::{Digest, Sha256, Sha384, Sha512};
use smallvec::smallvec;
use subtle::ConstantTimeEq;

use super::{answer, charge, refused};
use crate::modules::fields::{self, error_value, invalid};
use crate::modules::hash::mac;
use crate::modules::{json, succeed};
use crate::runtime::errors::ErrorData;
use crate::runtime::operation::run_blocking;
use crate::runtime::process_state::state;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::object::Table;
use crate::vm::raw::string_bytes;
use crate::vm::value::{Value, tag};

pub(super) static LIBRARY: Library = Library {
    name: "crypto.jwt",
    global: false,
    natives: &[Native::new("encode", encode), Native::new("verify", verify)],
    constants: &[],
};

/// The claim that is no claim: what goes into the header.
const HEADER: &[u8] = b"_header";

/// What it costs to check a signature of RSA, in bytes of digests.
const RSA_COST: usize = 1 << 20;

/// How tokens are signed.
#[derive(Clone, Copy)]
enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
}

impl Algorithm {
    fn named(name: &[u8]) -> Result<Algorithm, ErrorData> {
        Ok(match name {
            b"HS256" => Algorithm::Hs256,
            b"HS384" => Algorithm::Hs384,
            b"HS512" => Algorithm::Hs512,
            b"RS256" => Algorithm::Rs256,
            _ => return Err(invalid("the algorithm must be HS256, HS384, HS512 or RS256")),
        })
    }

    fn name(self) -> &'static str {
        match self {
            Algorithm::Hs256 => "HS256",
            Algorithm::Hs384 => "HS384",
            Algorithm::Hs512 => "HS512",
            Algorithm::Rs256 => "RS256",
        }
    }

    fn sign(self, key: &[u8], text: &[u8]) -> Result<Vec<u8>, ErrorData> {
        if key.is_empty() {
            return Err(invalid("empty key"));
        }
        Ok(match self {
            Algorithm::Hs256 => mac::<Hmac<Sha256>>(key, text),
            Algorithm::Hs384 => mac::<Hmac<Sha384>>(key, text),
            Algorithm::Hs512 => mac::<Hmac<Sha512>>(key, text),
            Algorithm::Rs256 => {
                let pem = std::str::from_utf8(key).unwrap_or_default();
                let key = RsaPrivateKey::from_pkcs8_pem(pem)
                    .or_else(|_| RsaPrivateKey::from_pkcs1_pem(pem))
                    .map_err(|_| invalid("the key must be a private RSA key in PEM form"))?;
                // With randomness, the time it takes says nothing about the key.
                key.sign_with_rng(&mut UnwrapErr(SysRng), Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(text))
                    .map_err(|_| invalid("the key is too short"))?
            }
        })
    }

    fn verify(self, key: &[u8], text: &[u8], signature: &[u8]) -> Result<(), ErrorData> {
        let authentic = match self {
            Algorithm::Rs256 => {
                let pem = std::str::from_utf8(key).unwrap_or_default();
                let key = RsaPublicKey::from_public_key_pem(pem)
                    .or_else(|_| RsaPublicKey::from_pkcs1_pem(pem))
                    .map_err(|_| invalid("the key must be a public RSA key in PEM form"))?;
                key.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(text), signature).is_ok()
            }
            _ => self.sign(key, text)?.ct_eq(signature).into(),
        };
        if authentic { Ok(()) } else { Err(refused("the signature is wrong")) }
    }

    /// What it costs to sign a text or to check that.
    fn charge(self, vm: &mut Vm, text: usize) {
        charge(vm, text + if matches!(self, Algorithm::Rs256) { RSA_COST } else { 0 });
    }
}

/// The algorithm in the third argument.
fn algorithm(vm: &mut Vm, args: Args) -> Result<Result<Algorithm, ErrorData>, Box<LuaError>> {
    let name = if args.get(vm, 2).is_nil() { b"HS256" } else { args.check_bytes(vm, 2)? };
    Ok(Algorithm::named(name))
}

/// Copies the fields of a table but for the one that is no claim.
fn copy(vm: &mut Vm, from: *mut Table, to: *mut Table) -> Result<(), Box<LuaError>> {
    let mut key = Value::NIL;
    while let Some((next, value)) = vm.raw_next(from, key)? {
        key = next;
        if !(key.is_string() && string_bytes(key) == HEADER) {
            vm.raw_set(to, key, value)?;
        }
    }
    Ok(())
}

/// The JSON text of a table that is an object.
fn object_text(vm: &mut Vm, table: *mut Table, what: &str) -> Result<Result<Vec<u8>, ErrorData>, Box<LuaError>> {
    if vm.raw_next(table, Value::NIL)?.is_none() {
        return Ok(Ok(b"{}".to_vec()));
    }
    Ok(match json::text_of(vm, Value::table(table))? {
        Ok(text) if text.starts_with(b"{") => Ok(text),
        Ok(_) => Err(invalid(format!("{what} must be a table with names"))),
        Err(why) => Err(invalid(format!("{what}: {why}"))),
    })
}

/// `crypto.jwt.encode(claims, key, alg?)`
fn encode(vm: &mut Vm, args: Args) -> NativeResult {
    let claims = args.check_table(vm, 0)?;
    let key = args.check_bytes(vm, 1)?;
    let algorithm = match algorithm(vm, args)? {
        Ok(algorithm) => algorithm,
        Err(error) => return fields::fail(vm, error),
    };
    let (header, payload) = (vm.new_table(0, 4), vm.new_table(0, 8));
    let token_type = vm.string(b"JWT")?;
    vm.raw_set_name(header, "typ", token_type)?;
    let name = vm.string(HEADER)?;
    match vm.raw_get(claims, name) {
        more if more.is_table() => copy(vm, more.as_table(), header)?,
        more if more.is_nil() => {}
        _ => return fields::fail(vm, invalid("_header must be a table")),
    }
    let name = vm.string(algorithm.name().as_bytes())?;
    vm.raw_set_name(header, "alg", name)?;
    copy(vm, claims, payload)?;
    let (header, payload) = match (object_text(vm, header, "_header")?, object_text(vm, payload, "claims")?) {
        (Ok(header), Ok(payload)) => (header, payload),
        (Err(error), _) | (_, Err(error)) => return fields::fail(vm, error),
    };
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    if !matches!(algorithm, Algorithm::Rs256) {
        algorithm.charge(vm, text.len());
        return answer(vm, signed(algorithm, key, text));
    }
    // That takes as long as a thousand of the others.
    let key = key.to_vec();
    run_blocking(
        vm,
        "signing",
        move || signed(algorithm, &key, text),
        |vm, token| {
            Ok(match token {
                Ok(token) => smallvec![vm.string(&token)?, Value::NIL],
                Err(error) => smallvec![Value::NIL, error_value(vm, error)],
            })
        },
    )
}

/// The token made of a text and its signature.
fn signed(algorithm: Algorithm, key: &[u8], text: String) -> Result<Vec<u8>, ErrorData> {
    let signature = algorithm.sign(key, text.as_bytes())?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)).into_bytes())
}

/// A part of a token: the table it stands for.
fn decode(vm: &mut Vm, part: &[u8]) -> Result<Option<*mut Table>, Box<LuaError>> {
    let Ok(text) = URL_SAFE_NO_PAD.decode(part) else { return Ok(None) };
    let value = json::value_of(vm, &text)?;
    Ok(value.ok().filter(|value| value.is_table()).map(Value::as_table))
}

/// `crypto.jwt.verify(token, key, alg?, require_exp?)`
fn verify(vm: &mut Vm, args: Args) -> NativeResult {
    let (token, key) = (args.check_bytes(vm, 0)?, args.check_bytes(vm, 1)?);
    let algorithm = match algorithm(vm, args)? {
        Ok(algorithm) => algorithm,
        Err(error) => return fields::fail(vm, error),
    };
    let expires = !args.get(vm, 3).same(Value::FALSE);
    let malformed = || invalid("not a token");
    let parts: Vec<&[u8]> = token.split(|byte| *byte == b'.').collect();
    let [header, payload, signature] = parts[..] else { return fields::fail(vm, malformed()) };
    let (Some(found), Ok(signature)) = (decode(vm, header)?, URL_SAFE_NO_PAD.decode(signature)) else {
        return fields::fail(vm, malformed());
    };
    let name = vm.raw_get_name(found, "alg")?;
    if !(name.is_string() && string_bytes(name) == algorithm.name().as_bytes()) {
        return fields::fail(vm, refused("the token has another algorithm"));
    }
    if !vm.raw_get_name(found, "crit")?.is_nil() {
        return fields::fail(vm, refused("the token needs extensions that are not known"));
    }
    let text = &token[..header.len() + 1 + payload.len()];
    algorithm.charge(vm, text.len());
    if let Err(error) = algorithm.verify(key, text, &signature) {
        return fields::fail(vm, error);
    }
    let Some(claims) = decode(vm, payload)? else { return fields::fail(vm, malformed()) };
    match check_times(vm, claims, expires)? {
        None => succeed(vm, Value::table(claims)),
        Some(complaint) => fields::fail(vm, refused(complaint)),
    }
}

/// What is wrong with the times of a token.
fn check_times(vm: &mut Vm, claims: *mut Table, expires: bool) -> Result<Option<&'static str>, Box<LuaError>> {
    let clock = state(vm).core().driver.wall_clock();
    let now = clock.seconds as f64 + f64::from(clock.nanos) / 1e9;
    let seconds = |value: Value| match value.tag() {
        tag::INT => Some(value.as_int() as f64),
        tag::FLOAT => Some(value.as_float()),
        _ => None,
    };
    if expires {
        match vm.raw_get_name(claims, "exp")? {
            expiry if expiry.is_nil() => return Ok(Some("the token has no claim exp")),
            expiry if seconds(expiry).is_none_or(|expiry| now >= expiry) => return Ok(Some("the token has expired")),
            _ => {}
        }
    }
    let start = vm.raw_get_name(claims, "nbf")?;
    if !start.is_nil() && seconds(start).is_none_or(|start| now < start) {
        return Ok(Some("the token is not valid yet"));
    }
    Ok(None)
}

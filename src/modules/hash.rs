//! The `hash` module (`modules.md` §4.6): digests, keyed digests, and FNV-1.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::{not_text, succeed, succeed_with_text};
use crate::runtime::module::{Module, ModuleClass};
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

/// The module.
pub struct Hash;

impl Module for Hash {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Deterministic]
    }

    fn manifest(&self) -> &'static str {
        include_str!("hash.d.lua")
    }
}

/// The library.
static LIBRARY: Library = Library {
    name: "hash",
    global: false,
    natives: &[
        Native::new("md5", |vm, args| digest(vm, args, |data| Md5::digest(data).to_vec())),
        Native::new("sha1", |vm, args| digest(vm, args, |data| Sha1::digest(data).to_vec())),
        Native::new("sha256", |vm, args| digest(vm, args, |data| Sha256::digest(data).to_vec())),
        Native::new("sha512", |vm, args| digest(vm, args, |data| Sha512::digest(data).to_vec())),
        Native::new("hmac_md5", |vm, args| keyed(vm, args, mac::<Hmac<Md5>>)),
        Native::new("hmac_sha1", |vm, args| keyed(vm, args, mac::<Hmac<Sha1>>)),
        Native::new("hmac_sha256", |vm, args| keyed(vm, args, mac::<Hmac<Sha256>>)),
        Native::new("hmac_sha512", |vm, args| keyed(vm, args, mac::<Hmac<Sha512>>)),
        Native::new("fnv32", fnv32),
        Native::new("fnv64", fnv64),
    ],
    constants: &[],
};

/// Bytes that cost as much as a function call.
pub const BYTES_PER_CALL: usize = 64;

/// The keyed digest of some data.
pub fn mac<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("a key for HMAC may have any length");
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

fn digest(vm: &mut Vm, args: Args, digest: fn(&[u8]) -> Vec<u8>) -> NativeResult {
    let data = args.get(vm, 0);
    if !data.is_string() {
        return not_text(vm, data);
    }
    let data = string_bytes(data);
    vm.fuel -= (data.len() / BYTES_PER_CALL) as i64;
    let raw = args.get(vm, 1).is_true();
    answer(vm, &digest(data), raw)
}

fn keyed(vm: &mut Vm, args: Args, mac: fn(&[u8], &[u8]) -> Vec<u8>) -> NativeResult {
    let (data, secret) = (args.get(vm, 0), args.get(vm, 1));
    for value in [data, secret] {
        if !value.is_string() {
            return not_text(vm, value);
        }
    }
    let data = string_bytes(data);
    vm.fuel -= (data.len() / BYTES_PER_CALL) as i64;
    let raw = args.get(vm, 2).is_true();
    answer(vm, &mac(string_bytes(secret), data), raw)
}

/// The bytes, or their hexadecimal text.
fn answer(vm: &mut Vm, bytes: &[u8], raw: bool) -> NativeResult {
    if raw {
        return succeed_with_text(vm, bytes);
    }
    succeed_with_text(vm, hex(bytes).as_bytes())
}

/// Bytes as hexadecimal text.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fnv32(vm: &mut Vm, args: Args) -> NativeResult {
    let data = args.get(vm, 0);
    if !data.is_string() {
        return not_text(vm, data);
    }
    let step = |hash: u32, byte: &u8| hash.wrapping_mul(0x0100_0193) ^ u32::from(*byte);
    let hash = string_bytes(data).iter().fold(0x811c_9dc5, step);
    succeed(vm, Value::int(i64::from(hash)))
}

fn fnv64(vm: &mut Vm, args: Args) -> NativeResult {
    let data = args.get(vm, 0);
    if !data.is_string() {
        return not_text(vm, data);
    }
    let step = |hash: u64, byte: &u8| hash.wrapping_mul(0x0000_0100_0000_01b3) ^ u64::from(*byte);
    let hash = string_bytes(data).iter().fold(0xcbf2_9ce4_8422_2325, step);
    succeed(vm, Value::int(hash as i64))
}

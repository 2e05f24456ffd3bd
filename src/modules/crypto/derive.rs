//! Keys from passwords: PBKDF2 (RFC 8018 §5.2).

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha512};
use smallvec::smallvec;

use super::answer;
use crate::modules::fields::{self, invalid};
use crate::runtime::operation::{Interest, run_long};
use crate::vm::Vm;
use crate::vm::native::{Args, NativeResult};
use crate::vm::value::Value;

const MAX_ITERATIONS: i64 = 10_000_000;
const MAX_LENGTH: i64 = 1024;

/// Digests that take too little time to do them elsewhere.
const FEW: u64 = 1000;
/// Digests between two looks at whether anybody is interested.
const TURN: u32 = 10_000;

/// `crypto.pbkdf2(password, salt, iterations, length, hash?)`
pub(super) fn pbkdf2(vm: &mut Vm, args: Args) -> NativeResult {
    let (password, salt) = (args.check_bytes(vm, 0)?, args.check_bytes(vm, 1)?);
    let (iterations, length) = (args.check_int(vm, 2)?, args.check_int(vm, 3)?);
    let hash = if args.get(vm, 4).is_nil() { b"sha256" } else { args.check_bytes(vm, 4)? };
    let complaint = if password.is_empty() || salt.is_empty() {
        Some("password and salt must not be empty".to_owned())
    } else if !(1..=MAX_ITERATIONS).contains(&iterations) {
        Some(format!("the number of iterations must be between 1 and {MAX_ITERATIONS}"))
    } else if !(1..=MAX_LENGTH).contains(&length) {
        Some(format!("the length must be between 1 and {MAX_LENGTH}"))
    } else {
        None
    };
    if let Some(complaint) = complaint {
        return fields::fail(vm, invalid(complaint));
    }
    let (iterations, length) = (iterations as u32, length as usize);
    let (work, width): (Derivation, _) = match hash {
        b"sha256" => (derive::<Hmac<Sha256>>, 32),
        b"sha512" => (derive::<Hmac<Sha512>>, 64),
        _ => return fields::fail(vm, invalid("the hash must be sha256 or sha512")),
    };
    let digests = u64::from(iterations) * length.div_ceil(width) as u64;
    if digests <= FEW {
        vm.fuel -= digests as i64;
        return answer(vm, Ok(work(password, salt, iterations, length, &Interest::default())));
    }
    let (password, salt) = (password.to_vec(), salt.to_vec());
    let work = move |interest: &Interest| work(&password, &salt, iterations, length, interest);
    run_long(vm, "key derivation", work, |vm, key| Ok(smallvec![vm.string(&key)?, Value::NIL]))
}

type Derivation = fn(&[u8], &[u8], u32, usize, &Interest) -> Vec<u8>;

/// The key; anything once nobody is interested.
fn derive<M: Mac + KeyInit + Clone>(
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    length: usize,
    interest: &Interest,
) -> Vec<u8> {
    let keyed = <M as KeyInit>::new_from_slice(password).expect("a key for HMAC may have any length");
    let digest = |parts: &[&[u8]]| {
        let mut mac = keyed.clone();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes()
    };
    let mut key = Vec::with_capacity(length);
    for block in 1u32.. {
        let mut last = digest(&[salt, &block.to_be_bytes()]);
        let mut sum = last.clone();
        for i in 1..iterations {
            if i % TURN == 0 && interest.is_lost() {
                return key;
            }
            last = digest(&[&last]);
            sum.iter_mut().zip(&last).for_each(|(sum, byte)| *sum ^= byte);
        }
        let rest = length - key.len();
        key.extend_from_slice(&sum[..rest.min(sum.len())]);
        if key.len() == length {
            break;
        }
    }
    key
}

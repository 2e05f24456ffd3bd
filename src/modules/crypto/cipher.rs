//! Authenticated encryption. What is encrypted is a random nonce, the text, and the tag, in this order.

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{Aead, KeyInit, Nonce, Payload};
use aes_gcm::aes::Aes192;
use aes_gcm::{Aes128Gcm, Aes256Gcm, AesGcm};
use chacha20poly1305::ChaCha20Poly1305;

use super::{answer, charge, random, refused};
use crate::modules::fields::invalid;
use crate::runtime::errors::ErrorData;
use crate::vm::Vm;
use crate::vm::image::Library;
use crate::vm::native::{Args, Native, NativeResult};

pub(super) static ENCRYPT: Library = Library {
    name: "crypto.encrypt",
    global: false,
    natives: &[
        Native::new("aes", |vm, args| {
            with_data(vm, args, |input| match input.key.len() {
                16 => input.encrypt::<Aes128Gcm>(),
                24 => input.encrypt::<Aes192Gcm>(),
                32 => input.encrypt::<Aes256Gcm>(),
                _ => Err(invalid(AES_KEY)),
            })
        }),
        Native::new("chacha20", |vm, args| with_data(vm, args, |input| input.encrypt::<ChaCha20Poly1305>())),
    ],
    constants: &[],
};

pub(super) static DECRYPT: Library = Library {
    name: "crypto.decrypt",
    global: false,
    natives: &[
        Native::new("aes", |vm, args| {
            with_data(vm, args, |input| match input.key.len() {
                16 => input.decrypt::<Aes128Gcm>(),
                24 => input.decrypt::<Aes192Gcm>(),
                32 => input.decrypt::<Aes256Gcm>(),
                _ => Err(invalid(AES_KEY)),
            })
        }),
        Native::new("chacha20", |vm, args| with_data(vm, args, |input| input.decrypt::<ChaCha20Poly1305>())),
    ],
    constants: &[],
};

type Aes192Gcm = AesGcm<Aes192, U12>;

const AES_KEY: &str = "the key must have 16, 24 or 32 bytes";

/// Bytes of a nonce and of a tag, with all ciphers here.
const NONCE: usize = 12;
const TAG: usize = 16;

/// What a function of the ciphers gets.
struct Input<'a> {
    data: &'a [u8],
    key: &'a [u8],
    /// What is authenticated, and not encrypted.
    aad: &'a [u8],
}

/// `crypto.….…(data, key, aad?)`
fn with_data(vm: &mut Vm, args: Args, work: fn(&Input<'_>) -> Result<Vec<u8>, ErrorData>) -> NativeResult {
    let (data, key) = (args.check_bytes(vm, 0)?, args.check_bytes(vm, 1)?);
    let aad = if args.get(vm, 2).is_nil() { b"" } else { args.check_bytes(vm, 2)? };
    charge(vm, data.len() + aad.len());
    let result = work(&Input { data, key, aad });
    answer(vm, result)
}

impl Input<'_> {
    fn encrypt<C: Aead + KeyInit>(&self) -> Result<Vec<u8>, ErrorData> {
        let cipher = self.cipher::<C>()?;
        let mut nonce = Nonce::<C>::default();
        random::fill(&mut nonce)?;
        let payload = Payload { msg: self.data, aad: self.aad };
        let encrypted = cipher.encrypt(&nonce, payload).map_err(|_| invalid("too much data"))?;
        Ok([&nonce[..], &encrypted].concat())
    }

    fn decrypt<C: Aead + KeyInit>(&self) -> Result<Vec<u8>, ErrorData> {
        let cipher = self.cipher::<C>()?;
        if self.data.len() < NONCE + TAG {
            return Err(invalid("the data is shorter than nonce and tag"));
        }
        let (nonce, encrypted) = self.data.split_at(NONCE);
        let nonce = Nonce::<C>::try_from(nonce).map_err(|_| invalid("the nonce has another length"))?;
        let payload = Payload { msg: encrypted, aad: self.aad };
        cipher.decrypt(&nonce, payload).map_err(|_| refused("authentication failed"))
    }

    fn cipher<C: KeyInit>(&self) -> Result<C, ErrorData> {
        C::new_from_slice(self.key).map_err(|_| invalid(format!("the key must have {} bytes", C::key_size())))
    }
}

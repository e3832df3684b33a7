//! Secrets of tokens: how they are made, recognised and hashed.
//!
//! ```text
//! ork_k3v9x2ma_<32 letters and digits: 160 random bits>_<6 of a checksum>
//!     └ prefix: shown in lists, so that people can tell tokens apart
//! ```
//!
//! The checksum is no secret: it lets scanners of leaked secrets, and this server, tell a token from something that only
//! looks like one, without a look-up. What is stored is an HMAC (RFC 2104) with a key that is not in the database, so that a
//! copy of the database lets nobody in, and nobody can add a token to it.

use hmac::{Hmac, KeyInit, Mac};
use ork_core::clock::Entropy;
use ork_core::store::TokenHash;
use ork_vault::MasterKey;
use sha2::{Digest, Sha256};

/// 32 signs, none of which looks like another one: five bits each.
const SIGNS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const KIND: &str = "ork";
const PREFIX_SIGNS: usize = 8;
const SECRET_SIGNS: usize = 32;
const CHECKSUM_SIGNS: usize = 6;

/// What tokens are hashed with: the newest key makes, all recognise.
#[derive(Clone)]
pub struct TokenKey {
    newest: Hasher,
    older: Vec<Hasher>,
}

#[derive(Clone)]
struct Hasher {
    key: [u8; 32],
    link: [u8; 32],
    id: String,
}

impl Hasher {
    fn new(key: &MasterKey) -> Self {
        let id = key.derived("ork/token/id");
        let (hash, link) = (key.derived("ork/token/hash"), key.derived("ork/link/sign"));
        Self { key: hash, link, id: signs(&id, PREFIX_SIGNS) }
    }

    fn hash(&self, text: &str) -> TokenHash {
        TokenHash(hmac(&self.key, &[text.as_bytes()]))
    }
}

/// A token that was just made. Its text is shown once, and kept by nobody.
pub struct Minted {
    /// The whole secret.
    pub text: String,
    /// Its beginning.
    pub prefix: String,
    /// What is stored of it.
    pub hash: TokenHash,
}

impl TokenKey {
    /// Those of an installation, the newest first.
    #[must_use]
    pub fn new(newest: &MasterKey, older: &[MasterKey]) -> Self {
        Self { newest: Hasher::new(newest), older: older.iter().map(Hasher::new).collect() }
    }

    /// A name of the newest key that says nothing about it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.newest.id
    }

    /// Whether one of the keys has this name.
    #[must_use]
    pub fn knows(&self, id: &str) -> bool {
        self.newest.id == id || self.older.iter().any(|key| key.id == id)
    }

    /// Makes a token.
    pub fn mint(&self, entropy: &mut dyn Entropy) -> Minted {
        let mut random = [0; 32];
        for chunk in random.chunks_exact_mut(8) {
            chunk.copy_from_slice(&entropy.next_u64().to_be_bytes());
        }
        let prefix = format!("{KIND}_{}", signs(&random[..5], PREFIX_SIGNS));
        let body = format!("{prefix}_{}", signs(&random[5..25], SECRET_SIGNS));
        let text = format!("{body}_{}", checksum(&body));
        let hash = self.newest.hash(&text);
        Minted { text, prefix, hash }
    }

    /// Signs what a link says.
    #[must_use]
    pub fn sign_link(&self, said: &[u8]) -> [u8; 32] {
        hmac(&self.newest.link, &[said])
    }

    /// Whether one of the keys has signed what a link says. How much of a signature is right shows in no time that it takes.
    #[must_use]
    pub fn has_signed_link(&self, said: &[u8], mac: &[u8]) -> bool {
        let is_right = |key: &Hasher| {
            let mut own = Hmac::<Sha256>::new_from_slice(&key.link).expect("a key of HMAC may have any length");
            own.update(said);
            own.verify_slice(mac).is_ok()
        };
        std::iter::once(&self.newest).chain(&self.older).any(is_right)
    }

    /// The hashes of what somebody sent, by the newest key first; none when no token looks like that.
    #[must_use]
    pub fn recognise(&self, text: &str) -> Vec<TokenHash> {
        if !is_ours(text) {
            return Vec::new();
        }
        std::iter::once(&self.newest).chain(&self.older).map(|key| key.hash(text)).collect()
    }
}

fn is_ours(text: &str) -> bool {
    let length = KIND.len() + 1 + PREFIX_SIGNS + 1 + SECRET_SIGNS;
    text.rsplit_once('_')
        .is_some_and(|(body, sum)| body.len() == length && body.starts_with(KIND) && checksum(body) == sum)
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of HMAC may have any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn checksum(body: &str) -> String {
    signs(&Sha256::digest(body), CHECKSUM_SIGNS)
}

/// The first bits of these bytes, five a sign.
fn signs(bytes: &[u8], count: usize) -> String {
    let sign = |at: usize| {
        let bit = |n: usize| bytes[n / 8] >> (7 - n % 8) & 1;
        let five = (at * 5..at * 5 + 5).fold(0, |five, n| five << 1 | bit(n));
        char::from(SIGNS[usize::from(five)])
    };
    (0..count).map(sign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ork_core::clock::SeededEntropy;

    fn key() -> TokenKey {
        TokenKey::new(&MasterKey::new([7; 32]), &[])
    }

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        // Test case 2; a key is filled up with zeros.
        let mut jefe = [0; 32];
        jefe[..4].copy_from_slice(b"Jefe");
        let hex: String =
            hmac(&jefe, &[b"what do ya ", b"want for nothing?"]).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn tokens_are_recognised_by_their_checksum() {
        let (key, mut entropy) = (key(), SeededEntropy::new(1));
        let (one, two) = (key.mint(&mut entropy), key.mint(&mut entropy));
        assert_eq!(one.text.len(), 3 + 1 + 8 + 1 + 32 + 1 + 6);
        assert!(one.text.starts_with(&one.prefix) && one.prefix.len() == 12 && one.text != two.text, "{}", one.text);
        assert_eq!(key.recognise(&one.text), [one.hash]);
        let rotated = TokenKey::new(&MasterKey::new([8; 32]), &[MasterKey::new([7; 32])]);
        assert_eq!(rotated.recognise(&one.text)[1..], [one.hash], "a token outlives the change of the key");
        assert!(rotated.knows(key.id()) && rotated.id() != key.id() && !key.knows(rotated.id()));
        assert_ne!(TokenKey::new(&MasterKey::new([8; 32]), &[]).recognise(&one.text), [one.hash], "the key counts");
        for at in 0..one.text.len() {
            let mut wrong = one.text.clone().into_bytes();
            wrong[at] = if wrong[at] == b'a' { b'b' } else { b'a' };
            assert_eq!(key.recognise(std::str::from_utf8(&wrong).unwrap()), [], "sign {at}");
        }
        let long = format!("{}a", one.text);
        for wrong in ["", "_", "ork_", "ork__", &one.text[..50], &long, " ", "ö_ö", &one.prefix] {
            assert_eq!(key.recognise(wrong), [], "{wrong}");
        }
    }

    #[test]
    fn every_bit_of_a_secret_is_random() {
        let mut entropy = SeededEntropy::new(3);
        let tokens: Vec<String> = (0..400).map(|_| key().mint(&mut entropy).text).collect();
        for at in (4..12).chain(13..45) {
            let seen: std::collections::BTreeSet<u8> = tokens.iter().map(|token| token.as_bytes()[at]).collect();
            assert!(seen.len() == 32, "place {at} takes {} of 32 signs", seen.len());
        }
    }
}

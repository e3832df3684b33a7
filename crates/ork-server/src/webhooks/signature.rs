//! Signatures of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, in base64, with a version before it.
//!
//! After the [specification](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use ork_core::clock::{Entropy, Timestamp};
use sha2::Sha256;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// Bytes of a key.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Bytes of a key that is made here.
const MADE_BYTES: usize = 32;
/// How far the sender's clock may be from this one's, either way.
pub const TOLERANCE_S: u64 = 5 * 60;
/// Signatures of one message that are looked at.
const SIGNATURES_MAX: usize = 8;
/// Bytes of an id.
const ID_BYTES_MAX: usize = 128;

/// What is signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(Vec<u8>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// Makes a secret.
pub fn make(entropy: &mut dyn Entropy) -> String {
    let mut key = [0; MADE_BYTES];
    for chunk in key.chunks_exact_mut(8) {
        chunk.copy_from_slice(&entropy.next_u64().to_be_bytes());
    }
    format!("{PREFIX}{}", BASE64_STANDARD.encode(key))
}

impl SigningKey {
    /// Reads a secret: `whsec_` and base64.
    ///
    /// # Errors
    /// What is wrong with it, for the end of a sentence. The secret is not repeated.
    pub fn read(secret: &str) -> Result<Self, &'static str> {
        let text = secret.strip_prefix(PREFIX).ok_or("it does not begin with `whsec_`")?;
        let key = BASE64_STANDARD.decode(text).map_err(|_| "what follows `whsec_` is not base64")?;
        if !KEY_BYTES.contains(&key.len()) {
            return Err("what follows `whsec_` is not 24 to 64 bytes in base64");
        }
        Ok(Self(key))
    }

    /// One that signs nothing: to take as long as with one that does.
    pub(crate) fn nobodys() -> Self {
        Self(vec![0; MADE_BYTES])
    }

    fn mac(&self, id: &str, at_s: i64, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of HMAC may have any length");
        mac.update(format!("{id}.{at_s}.").as_bytes());
        mac.update(body);
        mac
    }

    /// The signature of a message, with its version.
    #[must_use]
    pub fn sign(&self, id: &str, at_s: i64, body: &[u8]) -> String {
        format!("v1,{}", BASE64_STANDARD.encode(self.mac(id, at_s, body).finalize().into_bytes()))
    }
}

/// The seconds of a moment, as they are signed.
#[must_use]
pub const fn seconds(at: Timestamp) -> i64 {
    at.micros().div_euclid(1_000_000)
}

/// The signature of the format `execution`: of the body alone.
#[must_use]
pub fn of_body(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of HMAC may have any length");
    mac.update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

/// What a message says of itself, as it came in.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`: one or several, between blanks.
    pub signatures: &'a str,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

impl Signed<'_> {
    /// Whether one of the keys has signed it, about now.
    #[must_use]
    pub fn is_genuine(&self, keys: &[SigningKey], now: Timestamp) -> bool {
        // What is signed has dots between its parts, so an id has none.
        let is_id = |b: u8| b.is_ascii_graphic() && b != b'.';
        if self.id.is_empty() || self.id.len() > ID_BYTES_MAX || !self.id.bytes().all(is_id) {
            return false;
        }
        // `+5` and `05` are the same number, and not what was signed.
        let Some(at_s) = self.timestamp.parse::<i64>().ok().filter(|at| at.to_string() == self.timestamp) else {
            return false;
        };
        if seconds(now).abs_diff(at_s) > TOLERANCE_S {
            return false;
        }
        let sent = self.signatures.split(' ').filter_map(|one| one.strip_prefix("v1,")).take(SIGNATURES_MAX);
        let sent: Vec<Vec<u8>> = sent.filter_map(|text| BASE64_STANDARD.decode(text).ok()).collect();
        // Compared in constant time.
        keys.iter().any(|key| {
            let mac = key.mac(self.id, at_s, self.body);
            sent.iter().any(|one| mac.clone().verify_slice(one).is_ok())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ork_core::clock::SeededEntropy;

    /// Those of the specification and of its libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT_S: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn now(at_s: i64) -> Timestamp {
        Timestamp::from_micros(at_s * 1_000_000)
    }

    #[test]
    fn a_message_is_signed_as_the_specification_does() {
        assert_eq!(SigningKey::read(SECRET).unwrap().sign(ID, AT_S, BODY), SIGNATURE);
        let mut entropy = SeededEntropy::new(1);
        let (one, two) = (make(&mut entropy), make(&mut entropy));
        assert!(
            one != two
                && SigningKey::read(&one).is_ok()
                && !format!("{:?}", SigningKey::read(&one)).contains(&one[6..])
        );
        // RFC 4231, test case 2.
        let jefe = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(of_body("Jefe", b"what do ya want for nothing?"), jefe);
    }

    const GOOD: Signed<'_> = Signed { id: ID, timestamp: "1614265330", signatures: SIGNATURE, body: BODY };

    fn check(signed: Signed<'_>, keys: &[&str], at_s: i64, is_genuine: bool) {
        let keys: Vec<SigningKey> = keys.iter().map(|key| SigningKey::read(key).unwrap()).collect();
        assert_eq!(signed.is_genuine(&keys, now(at_s)), is_genuine, "{signed:?}");
    }

    #[test]
    fn what_is_not_signed_about_now_is_not_genuine() {
        let other = make(&mut SeededEntropy::new(2));
        check(GOOD, &[SECRET], AT_S, true);
        check(GOOD, &[&other, SECRET], AT_S, true);
        check(GOOD, &[&other], AT_S, false);
        check(GOOD, &[], AT_S, false);
        for (late_s, is_genuine) in [(300, true), (-300, true), (301, false), (-301, false)] {
            check(GOOD, &[SECRET], AT_S + late_s, is_genuine);
        }
        let several = format!("v1,AAAA v2,xyz {SIGNATURE} v1a,abc");
        check(Signed { signatures: &several, ..GOOD }, &[SECRET], AT_S, true);
        for wrong in ["", "v1", "v1,", "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "none,g0hM9SsE", "v1,g0hM9SsE"] {
            check(Signed { signatures: wrong, ..GOOD }, &[SECRET], AT_S, false);
        }
        let v2 = SIGNATURE.replace("v1", "v2");
        check(Signed { signatures: &v2, ..GOOD }, &[SECRET], AT_S, false);
        for body in [&b"{\"test\":2432232314}"[..], b"", b"{\"test\": 2432232315}"] {
            check(Signed { body, ..GOOD }, &[SECRET], AT_S, false);
        }
        for id in ["", "msg_other", "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330"] {
            check(Signed { id, ..GOOD }, &[SECRET], AT_S, false);
        }
        for timestamp in ["", "x", "+1614265330", "01614265330", "1614265331", "99999999999999999999", "1614265330 "] {
            check(Signed { timestamp, ..GOOD }, &[SECRET], AT_S, false);
        }
    }

    #[test]
    fn nothing_that_is_sent_breaks_it() {
        let mut entropy = SeededEntropy::new(3);
        let keys = [SigningKey::read(SECRET).unwrap()];
        for _ in 0..2_000 {
            let text = |entropy: &mut SeededEntropy| -> String {
                (0..entropy.below(40)).map(|_| char::from(u8::try_from(entropy.below(128)).unwrap())).collect()
            };
            let (id, timestamp, signatures) = (text(&mut entropy), text(&mut entropy), text(&mut entropy));
            let signed = Signed { id: &id, timestamp: &timestamp, signatures: &signatures, body: BODY };
            assert!(!signed.is_genuine(&keys, now(AT_S)));
        }
    }
}

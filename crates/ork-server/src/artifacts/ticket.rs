//! What an upload was prepared for, and its signature.
//!
//! ```text
//! base64url( 2 | workspace, 16 | run, 16 | artifact, 16 | end, 8 | size, 8 | SHA-256, 32 | nonce, 16 | said, JSON | HMAC-SHA256, 32 )
//! ```
//!
//! Nothing is kept of an upload that was prepared: what was said of it is signed, and comes back with `complete`. The address that
//! the bytes go to has the same, without what only people read. The first byte tells both from links of gates, which are signed with
//! the same key.

use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ork_core::blobs::BlobKey;
use ork_core::clock::{Entropy, Timestamp};
use ork_core::id::{ArtifactId, IdError, RunId, WorkspaceId};

use super::Said;
use super::digest::hex;
use crate::secret::TokenKey;

const FORM: u8 = 2;
const NONCE_BYTES: usize = 16;
const MAC_BYTES: usize = 32;
/// Signs of one that could be ours: names and `meta` are escaped in JSON, and written in base64.
const SIGNS_MAX: usize = 256 << 10;

/// An upload that was prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The run.
    pub run: RunId,
    /// The id that the artifact will have.
    pub artifact: ArtifactId,
    /// Until when bytes may come.
    pub expires_at: Timestamp,
    /// How many bytes.
    pub size: u64,
    /// Their SHA-256 in lower-case hexadecimal.
    pub checksum: String,
    /// What was said of the artifact; not there in an address.
    pub said: Option<Said>,
}

impl Upload {
    /// Where the bytes are.
    pub fn key(&self) -> BlobKey {
        BlobKey::artifact(self.workspace, self.run, self.artifact)
    }

    /// As text that nobody can change without the key.
    pub fn write(&self, key: &TokenKey, entropy: &mut dyn Entropy) -> String {
        let mut bytes = vec![FORM];
        bytes.extend(self.workspace.uuid().as_bytes());
        bytes.extend(self.run.uuid().as_bytes());
        bytes.extend(self.artifact.uuid().as_bytes());
        bytes.extend(self.expires_at.micros().to_be_bytes());
        bytes.extend(self.size.to_be_bytes());
        let digit = |at: usize| u8::from_str_radix(self.checksum.get(at..at + 2).unwrap_or("00"), 16).unwrap_or(0);
        bytes.extend((0..32).map(|n| digit(n * 2)));
        bytes.extend(entropy.next_u64().to_be_bytes());
        bytes.extend(entropy.next_u64().to_be_bytes());
        if let Some(said) = &self.said {
            // It holds texts and numbers alone, which can always be written.
            bytes.extend(serde_json::to_vec(said).unwrap_or_default());
        }
        let mac = key.sign_link(&bytes);
        bytes.extend(mac);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what one of the keys has signed, and nothing else.
    pub fn read(key: &TokenKey, text: &str) -> Option<Self> {
        let bytes = if text.len() <= SIGNS_MAX { BASE64_URL_SAFE_NO_PAD.decode(text).ok()? } else { return None };
        let (signed, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        if !key.has_signed_link(signed, mac) {
            return None;
        }
        let mut rest = signed;
        let [FORM] = take::<1>(&mut rest)? else { return None };
        let (workspace, run, artifact) = (id(&mut rest)?, id(&mut rest)?, id(&mut rest)?);
        let expires_at = Timestamp::from_micros(i64::from_be_bytes(take(&mut rest)?));
        let size = u64::from_be_bytes(take(&mut rest)?);
        let checksum = hex(&take::<32>(&mut rest)?);
        take::<NONCE_BYTES>(&mut rest)?;
        let said = if rest.is_empty() { None } else { Some(serde_json::from_slice(rest).ok()?) };
        Some(Self { workspace, run, artifact, expires_at, size, checksum, said })
    }
}

fn id<T: FromStr<Err = IdError>>(rest: &mut &[u8]) -> Option<T> {
    format!("{:032x}", u128::from_be_bytes(take(rest)?)).parse().ok()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use ork_core::clock::SeededEntropy;
    use ork_vault::MasterKey;

    use super::*;
    use crate::links::Ticket;

    fn key(byte: u8) -> TokenKey {
        TokenKey::new(&MasterKey::new([byte; 32]), &[])
    }

    fn upload(said: Option<Said>) -> Upload {
        Upload {
            workspace: WorkspaceId::DEFAULT,
            run: "run_01920000-0000-7000-8000-000100000000".parse().unwrap(),
            artifact: "art_01920000-0000-7000-8000-000000000009".parse().unwrap(),
            expires_at: Timestamp::from_micros(1_700_000_000_123_456),
            size: u64::MAX,
            checksum: format!("{:064x}", 0xabc),
            said,
        }
    }

    fn said() -> Said {
        let (name, kind, content_type) = ("ä/\"b\".txt".into(), "video".into(), "text/plain".into());
        Said { name, kind, content_type, n: Some(7), meta: Some(r#"{"a":1}"#.into()) }
    }

    #[test]
    fn an_upload_says_what_was_signed() {
        let mut entropy = SeededEntropy::new(1);
        for said in [None, Some(said())] {
            let upload = upload(said);
            let text = upload.write(&key(7), &mut entropy);
            assert_eq!(Upload::read(&key(7), &text), Some(upload.clone()));
            assert_ne!(text, upload.write(&key(7), &mut entropy), "no two are the same");
            assert_eq!((Upload::read(&key(8), &text), Ticket::read(&key(7), &text)), (None, None));
        }
    }

    #[test]
    fn no_bit_of_it_can_be_changed() {
        let text = upload(Some(said())).write(&key(7), &mut SeededEntropy::new(1));
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&text).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Upload::read(&key(7), &BASE64_URL_SAFE_NO_PAD.encode(wrong)), None, "bit {bit}");
        }
        for cut in 0..text.len() {
            assert_eq!(Upload::read(&key(7), &text[..cut]), None, "{cut} signs");
        }
    }
}

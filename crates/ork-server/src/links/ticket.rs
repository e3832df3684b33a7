//! What a link says, and its signature.

use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ork_core::clock::{Entropy, Timestamp};
use ork_core::id::{GateId, IdError, WorkspaceId};

use crate::secret::TokenKey;

/// The form of a link, so that another one can follow.
const FORM: u8 = 1;
const NONCE_BYTES: usize = 16;
const MAC_BYTES: usize = 32;
/// Signs of a link that could be one.
const SIGNS_MAX: usize = 1_024;

/// What may be decided with a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Approval alone.
    Approve,
    /// Rejection alone.
    Reject,
    /// Either.
    Any,
}

impl Choice {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Approve, Self::Reject, Self::Any];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Any => "any",
        }
    }

    /// What a word means.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.word() == word)
    }

    const fn byte(self) -> u8 {
        match self {
            Self::Approve => 1,
            Self::Reject => 2,
            Self::Any => 3,
        }
    }
}

/// What a link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Whose gate it is.
    pub workspace: WorkspaceId,
    /// The gate.
    pub gate: GateId,
    /// What may be decided.
    pub choice: Choice,
    /// When it ends.
    pub expires_at: Timestamp,
    /// As whose decision it is written down.
    pub principal: String,
    /// Who made the link.
    pub creator: String,
}

impl Ticket {
    /// As text that nobody can change without the key.
    #[must_use]
    pub fn write(&self, key: &TokenKey, entropy: &mut dyn Entropy) -> String {
        let mut bytes = vec![FORM];
        bytes.extend(self.workspace.uuid().as_bytes());
        bytes.extend(self.gate.uuid().as_bytes());
        bytes.push(self.choice.byte());
        bytes.extend(self.expires_at.micros().to_be_bytes());
        bytes.extend(entropy.next_u64().to_be_bytes());
        bytes.extend(entropy.next_u64().to_be_bytes());
        // Names have 256 bytes at most.
        bytes.extend(u16::try_from(self.principal.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend(self.principal.as_bytes());
        bytes.extend(self.creator.as_bytes());
        let mac = key.sign_link(&bytes);
        bytes.extend(mac);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what one of the keys has signed, and nothing else.
    #[must_use]
    pub fn read(key: &TokenKey, text: &str) -> Option<Self> {
        let bytes = if text.len() <= SIGNS_MAX { BASE64_URL_SAFE_NO_PAD.decode(text).ok()? } else { return None };
        let (said, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        if !key.has_signed_link(said, mac) {
            return None;
        }
        let mut rest = said;
        let [FORM] = take::<1>(&mut rest)? else { return None };
        let (workspace, gate) = (id(&mut rest)?, id(&mut rest)?);
        let [choice] = take::<1>(&mut rest)?;
        let choice = Choice::ALL.into_iter().find(|known| known.byte() == choice)?;
        let expires_at = Timestamp::from_micros(i64::from_be_bytes(take(&mut rest)?));
        take::<NONCE_BYTES>(&mut rest)?;
        let length = usize::from(u16::from_be_bytes(take(&mut rest)?));
        let (principal, creator) = rest.split_at_checked(length)?;
        let name = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        Some(Self { workspace, gate, choice, expires_at, principal: name(principal)?, creator: name(creator)? })
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

    fn key(byte: u8) -> TokenKey {
        TokenKey::new(&MasterKey::new([byte; 32]), &[])
    }

    fn ticket() -> Ticket {
        Ticket {
            workspace: WorkspaceId::DEFAULT,
            gate: "gate_01920000-0000-7000-8000-000000000009".parse().unwrap(),
            choice: Choice::Any,
            expires_at: Timestamp::from_micros(1_700_000_000_123_456),
            principal: "bob@example.com".into(),
            creator: "ädä".into(),
        }
    }

    #[test]
    fn a_link_says_what_was_signed() {
        let mut entropy = SeededEntropy::new(1);
        for choice in Choice::ALL {
            let ticket = Ticket { choice, ..ticket() };
            let text = ticket.write(&key(7), &mut entropy);
            assert_eq!(Ticket::read(&key(7), &text), Some(ticket.clone()));
            assert_ne!(text, ticket.write(&key(7), &mut entropy), "no two are the same");
            let rotated = TokenKey::new(&MasterKey::new([8; 32]), &[MasterKey::new([7; 32])]);
            assert_eq!(Ticket::read(&rotated, &text), Some(ticket), "a link outlives the change of the key");
            assert_eq!(Ticket::read(&key(8), &text), None, "the key counts");
        }
    }

    #[test]
    fn no_bit_of_a_link_can_be_changed() {
        let text = ticket().write(&key(7), &mut SeededEntropy::new(1));
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&text).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Ticket::read(&key(7), &BASE64_URL_SAFE_NO_PAD.encode(wrong)), None, "bit {bit}");
        }
        for cut in 0..text.len() {
            assert_eq!(Ticket::read(&key(7), &text[..cut]), None, "{cut} signs");
        }
        let long = format!("{text}{}", "A".repeat(1_000));
        for wrong in [long.as_str(), &format!("{text}="), &format!("{text}A"), "", "ä"] {
            assert_eq!(Ticket::read(&key(7), wrong), None, "{wrong}");
        }
    }

    /// What is signed for another use is no link, though the key of the installation is the same.
    #[test]
    fn a_link_has_a_key_of_its_own() {
        let said = b"\x01anything";
        let token = TokenKey::new(&MasterKey::new([7; 32]), &[]);
        assert_ne!(token.sign_link(said), MasterKey::new([7; 32]).derived("ork/token/hash"));
        assert!(
            token.has_signed_link(said, &token.sign_link(said))
                && !token.has_signed_link(b"\x01", &token.sign_link(said))
        );
    }
}

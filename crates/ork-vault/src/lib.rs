//! Secrets at rest: sealed with a key that is not in the database, and opened only where they are used.
//!
//! ```text
//! 1 | key id, 8 bytes | nonce, 24 random bytes | XChaCha20-Poly1305 of the text, with its tag of 16 bytes
//! ```
//!
//! The place of a secret, which is its workspace, kind and name, is bound to it: what is copied to another row of the database does
//! not open there. Of several keys the newest seals and all open, so that a key can be changed while everything runs. What
//! was opened is a [`Secret`], which nothing shows or stores by mistake, and which is wiped when it is dropped.
#![deny(missing_docs)]

mod keyring;
mod mask;
mod master;
mod secret;
mod vault;

pub use keyring::Keyring;
pub use mask::{MASK, Mask, Masked, SECRET_BYTES_MIN};
pub use master::MasterKey;
pub use secret::Secret;
pub use vault::{NoKey, Place, Unopened, Vault, key_of};

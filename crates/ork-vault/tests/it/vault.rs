//! What opens where.

use std::sync::{Arc, Mutex};

use ork_core::clock::SeededEntropy;
use ork_core::id::WorkspaceId;
use ork_vault::{MasterKey, NoKey, Place, Secret, Unopened, Vault, key_of};

const HERE: Place<'static> = Place { workspace: WorkspaceId::DEFAULT, kind: "secret", name: "token" };

fn key(byte: u8) -> MasterKey {
    MasterKey::new([byte; 32])
}

fn secret() -> Secret {
    Secret::new("correct horse battery".to_owned())
}

fn seal(vault: &Vault) -> Vec<u8> {
    vault.seal(HERE, &secret(), &mut SeededEntropy::new(1)).unwrap()
}

#[test]
fn what_was_sealed_opens() {
    let vault = Vault::new(&[key(1)]);
    let sealed = seal(&vault);
    assert_eq!(vault.open(HERE, &sealed), Ok(secret()));
    assert_eq!(key_of(&sealed), vault.key_id());
    let text = secret().expose().as_bytes().to_vec();
    assert!(!sealed.windows(4).any(|part| text.windows(4).any(|own| own == part)), "nothing of the text shows");
    let again = vault.seal(HERE, &secret(), &mut SeededEntropy::new(2)).unwrap();
    assert_ne!(sealed, again, "equal texts look unlike");
}

#[test]
fn it_opens_at_no_other_place() {
    let vault = Vault::new(&[key(1)]);
    let sealed = seal(&vault);
    let other = WorkspaceId::from_uuid(uuid::Uuid::from_u128(2));
    for place in [
        Place { workspace: other, ..HERE },
        Place { kind: "webhook", ..HERE },
        Place { name: "token2", ..HERE },
        // The same letters, divided otherwise.
        Place { kind: "secrett", name: "oken", ..HERE },
    ] {
        assert_eq!(vault.open(place, &sealed), Err(Unopened::Damaged), "{place:?}");
    }
}

#[test]
fn no_byte_of_it_can_be_changed_or_left_out() {
    let vault = Vault::new(&[key(1)]);
    let sealed = seal(&vault);
    for at in 0..sealed.len() {
        let mut wrong = sealed.clone();
        wrong[at] ^= 1;
        assert!(vault.open(HERE, &wrong).is_err(), "byte {at}");
        assert!(vault.open(HERE, &sealed[..at]).is_err(), "the first {at} bytes");
    }
    let longer = [sealed.as_slice(), &[0]].concat();
    assert_eq!(vault.open(HERE, &longer), Err(Unopened::Damaged));
}

#[test]
fn the_newest_key_seals_and_all_open() {
    let old = Vault::new(&[key(1)]);
    let both = Vault::new(&[key(2), key(1)]);
    let (by_old, by_new) = (seal(&old), seal(&both));
    assert_eq!(both.open(HERE, &by_old), Ok(secret()));
    assert_eq!(both.open(HERE, &by_new), Ok(secret()));
    assert_ne!(old.key_id(), both.key_id());
    assert_eq!(old.open(HERE, &by_new), Err(Unopened::UnknownKey(both.key_id().unwrap())));
}

#[test]
fn keys_are_read_again_when_one_is_not_known() {
    let on_disk = Arc::new(Mutex::new(vec![key(1)]));
    let (disk, reads) = (Arc::clone(&on_disk), Arc::new(Mutex::new(0)));
    let counted = Arc::clone(&reads);
    let vault = Vault::reading(&[key(1)], move || {
        *counted.lock().unwrap() += 1;
        Some(disk.lock().unwrap().clone())
    });
    let sealed = seal(&vault);
    assert_eq!(*reads.lock().unwrap(), 1, "somebody may have put another key in front");
    assert_eq!(vault.open(HERE, &sealed), Ok(secret()));
    assert_eq!(*reads.lock().unwrap(), 1, "a known key needs no reading");
    let rotated = seal(&Vault::new(&[key(2), key(1)]));
    assert!(matches!(vault.open(HERE, &rotated), Err(Unopened::UnknownKey(_))));
    on_disk.lock().unwrap().insert(0, key(2));
    assert_eq!(vault.open(HERE, &rotated), Ok(secret()));
    assert_eq!(vault.key_id(), Vault::new(&[key(2)]).key_id(), "and from then on it seals with the newest");

    let disk = Arc::clone(&on_disk);
    let late = Vault::reading(&[], move || Some(disk.lock().unwrap().clone()));
    assert_eq!(late.open(HERE, &rotated), Ok(secret()), "keys are read when one is needed");
    let none = Vault::reading(&[], || None);
    assert_eq!(none.seal(HERE, &secret(), &mut SeededEntropy::new(1)), Err(NoKey));
    assert!(matches!(none.open(HERE, &rotated), Err(Unopened::UnknownKey(_))));
}

#[test]
fn nothing_shows_it() {
    let vault = Vault::new(&[key(1)]);
    let shown = format!("{:?} {:?} {vault:?}", secret(), key(1));
    assert_eq!(shown, "Secret(…) MasterKey(…) Vault { .. }");
}

#[test]
fn a_key_for_a_purpose_is_that_of_rfc_5869() {
    // HKDF-Expand of one block, computed with Python's hmac: hmac.new(b"\x07"*32, b"ork/token/hash\x01", "sha256").
    let hex: String = key(7).derived("ork/token/hash").iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, "773f7bd77b8da3dbafc6004dd0c502899fba11d135ad98b34b30bd5261ba2940");
}

#[test]
fn a_text_opens_whatever_is_in_it() {
    use proptest::prelude::*;
    proptest!(|(text in ".{0,300}", name in ".{0,40}", seed: u64)| {
        let vault = Vault::new(&[key(3)]);
        let place = Place { name: &name, ..HERE };
        let sealed = vault.seal(place, &Secret::new(text.clone()), &mut SeededEntropy::new(seed)).unwrap();
        let opened = vault.open(place, &sealed).unwrap();
        prop_assert_eq!(opened.expose(), text.as_str());
    });
}

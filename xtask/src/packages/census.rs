//! How many packages, which never, and which twice.

use std::collections::{BTreeMap, BTreeSet};

use super::Packages;

/// Packages of others: each is compiled on a cold machine and audited on every upgrade.
const PACKAGES_MAX: usize = 306;

/// Packages that may not be in the lock file, with what to use instead.
const BANNED: &[(&str, &str)] = &[
    ("aws-lc-sys", "`ring`: one TLS provider for all"),
    ("failure", "`thiserror`"),
    ("lazy_static", "`std::sync::LazyLock`"),
    ("native-tls", "`rustls` with `ring`"),
    ("openssl-sys", "`rustls` with `ring`"),
    ("serde_yaml", "`serde-saphyr`"),
    ("serde_yaml_ng", "`serde-saphyr`"),
    ("serde_yml", "`serde-saphyr`"),
    ("sqlx-core", "`rusqlite` and `tokio-postgres`"),
];

/// Packages that others make us carry in two versions. A ratchet: no new entry without a reason, and an entry that is no
/// longer needed must go.
const DUPLICATES: &[(&str, &str)] = &[
    ("base64", "postgres-protocol is a version behind serde-saphyr"),
    ("crypto-common", "object_store's `crc-fast` is a version behind our hashes"),
    ("digest", "object_store's `crc-fast` is a version behind our hashes"),
    ("fallible-iterator", "tokio-postgres is a version behind rusqlite"),
    ("getrandom", "ring is a version behind jiff's and proptest's"),
    ("syn", "jiff-static and refinery-macros are a version behind the other derives"),
    ("wasi", "mio and tokio-postgres's `whoami` differ; compiled on no platform of ours"),
    ("windows-sys", "ring is a version behind; compiled on no platform of ours"),
];

/// Everything that is too much.
pub fn check(packages: &Packages) -> Vec<String> {
    let mut findings = Vec::new();
    let count = packages.0.values().filter(|package| !package.is_member).count();
    if count > PACKAGES_MAX {
        findings.push(format!("{count} packages of others in the lock file, allowed are {PACKAGES_MAX}"));
    }
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages.0.values() {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    let banned = BANNED.iter().filter(|(name, _)| versions.contains_key(name));
    findings.extend(banned.map(|(name, instead)| format!("package `{name}` is banned; use {instead}")));
    findings.extend(duplicates(&versions, DUPLICATES));
    findings
}

fn duplicates(versions: &BTreeMap<&str, BTreeSet<&str>>, known: &[(&str, &str)]) -> Vec<String> {
    let twice = versions.iter().filter(|(_, versions)| versions.len() > 1);
    let new = twice.filter(|(name, _)| !known.iter().any(|(entry, _)| entry == *name)).map(|(name, versions)| {
        let versions: Vec<_> = versions.iter().copied().collect();
        format!("package `{name}` is there as {}; agree on one, or say why in census.rs", versions.join(" and "))
    });
    let gone = known.iter().filter(|(name, _)| versions.get(name).is_none_or(|versions| versions.len() < 2));
    let gone = gone.map(|(name, _)| format!("package `{name}` is no longer there twice: remove it from census.rs"));
    new.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::sample;

    #[test]
    fn a_banned_package_is_named_with_its_replacement() {
        let findings = check(&sample::packages("lazy_static:\n serde:"));
        assert!(
            findings.contains(&"package `lazy_static` is banned; use `std::sync::LazyLock`".to_owned()),
            "{findings:?}"
        );
    }

    #[test]
    fn a_new_duplicate_and_a_stale_entry_are_both_found() {
        let versions = BTreeMap::from([
            ("a", BTreeSet::from(["1.0.0", "2.0.0"])),
            ("b", BTreeSet::from(["1.0.0", "2.0.0"])),
            ("c", BTreeSet::from(["1.0.0"])),
        ]);
        let found = duplicates(&versions, &[("b", "because"), ("c", "because")]);
        let expected = [
            "package `a` is there as 1.0.0 and 2.0.0; agree on one, or say why in census.rs",
            "package `c` is no longer there twice: remove it from census.rs",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn too_many_packages_are_counted() {
        let many: Vec<String> = (0..=PACKAGES_MAX).map(|number| format!("package{number}:")).collect();
        let findings = check(&sample::packages(&many.join("\n")));
        assert!(
            findings.contains(&"307 packages of others in the lock file, allowed are 306".to_owned()),
            "{findings:?}"
        );
    }
}

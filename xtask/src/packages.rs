//! The packages of the lock file, as cargo resolves them, and what is allowed among them.

pub mod arrows;
pub mod census;
pub mod licence;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell;

/// One resolved package. Build dependencies count as normal ones: they reach the shipped binary.
#[derive(Debug, Default)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// The SPDX expression, as its author wrote it.
    pub licence: Option<String>,
    pub is_member: bool,
    /// Ids of what it needs to be built.
    pub normal: BTreeSet<String>,
    /// Ids of what only its tests need.
    pub dev: BTreeSet<String>,
}

/// All packages by cargo's id.
#[derive(Debug, Default)]
pub struct Packages(pub BTreeMap<String, Package>);

impl Packages {
    /// Asks cargo; fails when the lock file is not up to date.
    pub fn read() -> Result<Packages> {
        let text = shell::capture(shell::cargo().args(["metadata", "--format-version", "1", "--locked", "--quiet"]))?;
        Packages::parse(&serde_json::from_str(&text)?).context("failed to read what `cargo metadata` said")
    }

    fn parse(metadata: &Value) -> Option<Packages> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let members: BTreeSet<&str> =
            metadata["workspace_members"].as_array()?.iter().filter_map(Value::as_str).collect();
        let mut packages = BTreeMap::new();
        for package in metadata["packages"].as_array()? {
            let id = text(&package["id"])?;
            let is_member = members.contains(id.as_str());
            let package = Package {
                name: text(&package["name"])?,
                version: text(&package["version"])?,
                licence: text(&package["license"]),
                is_member,
                ..Package::default()
            };
            packages.insert(id, package);
        }
        for node in metadata["resolve"]["nodes"].as_array()? {
            let package = packages.get_mut(node["id"].as_str()?)?;
            for dependency in node["deps"].as_array()? {
                let id = text(&dependency["pkg"])?;
                let mut kinds = dependency["dep_kinds"].as_array()?.iter();
                let only_dev = kinds.all(|kind| kind["kind"] == "dev");
                if only_dev {
                    package.dev.insert(id)
                } else {
                    package.normal.insert(id)
                };
            }
        }
        Some(Packages(packages))
    }

    /// Every finding of every check.
    pub fn check(&self) -> Vec<String> {
        let mut findings = arrows::check(self);
        findings.extend(census::check(self));
        findings.extend(licence::check(self));
        findings
    }

    fn members(&self) -> impl Iterator<Item = &Package> {
        self.0.values().filter(|package| package.is_member)
    }

    fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.0.get(id).map_or(id, |package| &package.name)
    }
}

#[cfg(test)]
pub mod sample {
    use super::{Package, Packages};

    /// A graph from lines `name: normal dependencies | dev dependencies`; names that begin with `ork` or `xtask` are
    /// members, and every name is its own id.
    pub fn packages(text: &str) -> Packages {
        let mut packages = Packages::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (name, rest) = line.split_once(':').expect("name: dependencies");
            let (normal, dev) = rest.split_once('|').unwrap_or((rest, ""));
            let ids = |list: &str| list.split_whitespace().map(str::to_owned).collect();
            let package = Package {
                name: name.to_owned(),
                version: "1.0.0".to_owned(),
                licence: Some("MIT".to_owned()),
                is_member: name.starts_with("ork") || name == "xtask",
                normal: ids(normal),
                dev: ids(dev),
            };
            packages.0.insert(name.to_owned(), package);
        }
        packages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_becomes_a_graph() {
        let metadata = serde_json::json!({
            "workspace_members": ["a"],
            "packages": [
                {"id": "a", "name": "ork-a", "version": "0.1.0", "license": "MIT"},
                {"id": "b", "name": "b", "version": "2.0.0", "license": null},
                {"id": "c", "name": "c", "version": "3.0.0", "license": "ISC"},
                {"id": "d", "name": "d", "version": "4.0.0", "license": "ISC"},
            ],
            "resolve": {"nodes": [
                {"id": "a", "deps": [
                    {"pkg": "b", "dep_kinds": [{"kind": null}, {"kind": "dev"}]},
                    {"pkg": "c", "dep_kinds": [{"kind": "dev"}]},
                    {"pkg": "d", "dep_kinds": [{"kind": "build"}]},
                ]},
                {"id": "b", "deps": []}, {"id": "c", "deps": []}, {"id": "d", "deps": []},
            ]},
        });
        let packages = Packages::parse(&metadata).unwrap();
        let a = &packages.0["a"];
        assert!(a.is_member && !packages.0["b"].is_member);
        assert_eq!(a.normal, BTreeSet::from(["b".to_owned(), "d".to_owned()]));
        assert_eq!(a.dev, BTreeSet::from(["c".to_owned()]));
        assert_eq!(packages.0["b"].licence, None);
    }
}

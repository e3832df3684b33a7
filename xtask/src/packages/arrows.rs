//! Which crate may name which: arrows point inwards, the executable knows everything, core nobody.

use std::collections::BTreeSet;

use super::{Package, Packages};

/// What one crate of ours may name of ours. A crate that is not here is refused: its arrows must be decided first.
struct Arrow {
    from: &'static str,
    to: &'static [&'static str],
    /// In tests, on top of `to`.
    to_in_tests: &'static [&'static str],
}

const ARROWS: &[Arrow] = &[
    Arrow { from: "ork-core", to: &[], to_in_tests: &[] },
    Arrow { from: "ork-workflow", to: &["ork-core"], to_in_tests: &[] },
    Arrow { from: "ork-sqlite", to: &["ork-core"], to_in_tests: &["ork-conformance"] },
    Arrow { from: "ork-postgres", to: &["ork-core"], to_in_tests: &["ork-conformance"] },
    Arrow { from: "ork-conformance", to: &["ork-core"], to_in_tests: &[] },
    Arrow { from: "ork-executors", to: &["ork-core"], to_in_tests: &[] },
    Arrow { from: "ork-graph", to: &["ork-core"], to_in_tests: &[] },
    Arrow { from: "ork-filter", to: &["ork-core"], to_in_tests: &[] },
    Arrow { from: "ork-vault", to: &["ork-core"], to_in_tests: &[] },
    Arrow { from: "ork-logs", to: &["ork-core"], to_in_tests: &["ork-conformance"] },
    Arrow { from: "ork-api", to: &[], to_in_tests: &[] },
    Arrow { from: "ork-http", to: &[], to_in_tests: &[] },
    Arrow { from: "ork-blobs", to: &["ork-core", "ork-http"], to_in_tests: &[] },
    Arrow { from: "ork-ai", to: &["ork-core", "ork-http"], to_in_tests: &["ork-doubles"] },
    Arrow { from: "ork-doubles", to: &[], to_in_tests: &[] },
    Arrow { from: "ork-client", to: &["ork-api", "ork-http"], to_in_tests: &[] },
    Arrow {
        from: "ork-server",
        to: &["ork-core", "ork-api", "ork-filter", "ork-workflow", "ork-graph", "ork-http", "ork-vault", "ork-logs"],
        to_in_tests: &["ork-sqlite"],
    },
    Arrow {
        from: "ork-engine",
        to: &["ork-core", "ork-workflow", "ork-vault", "ork-logs"],
        to_in_tests: &["ork-sqlite", "ork-conformance"],
    },
    Arrow {
        from: "ork-sim",
        to: &["ork-core", "ork-workflow", "ork-engine", "ork-sqlite", "ork-conformance", "ork-vault"],
        to_in_tests: &[],
    },
    Arrow {
        from: "ork",
        to: &[
            "ork-core",
            "ork-workflow",
            "ork-graph",
            "ork-filter",
            "ork-api",
            "ork-http",
            "ork-client",
            "ork-server",
            "ork-sqlite",
            "ork-postgres",
            "ork-engine",
            "ork-executors",
            "ork-vault",
            "ork-ai",
            "ork-logs",
            "ork-blobs",
        ],
        to_in_tests: &["ork-client", "ork-conformance", "ork-doubles", "ork-sim"],
    },
    Arrow { from: "xtask", to: &[], to_in_tests: &[] },
];

/// Outside crates that only these crates of ours may name, tests included.
const KEPT: &[(&str, &[&str])] = &[
    // The executable is the one that may name a driver; today only its tests do.
    ("rusqlite", &["ork", "ork-sqlite"]),
    ("tokio-postgres", &["ork", "ork-postgres"]),
    ("refinery", &["ork-sqlite", "ork-postgres"]),
    ("clap", &["ork"]),
    ("anyhow", &["ork", "xtask"]),
    ("axum", &["ork-server"]),
    // It comes with `object_store`; for us there is `jiff`.
    ("chrono", &[]),
    ("chacha20poly1305", &["ork-vault"]),
    ("hyper", &["ork-client", "ork-http", "ork-server"]),
    ("hyper-rustls", &["ork-http"]),
    ("object_store", &["ork-blobs"]),
    ("rustls", &["ork-http"]),
    ("utoipa-axum", &["ork-server"]),
    ("utoipa", &["ork-api", "ork-server"]),
];

/// What core must not reach, however indirectly: a runtime, SQL, HTTP, a clock.
const FOREIGN_TO_CORE: &[&str] =
    &["tokio", "rusqlite", "tokio-postgres", "refinery", "reqwest", "hyper", "axum", "jiff", "chrono", "time"];

/// Every arrow that is not in the tables.
pub fn check(packages: &Packages) -> Vec<String> {
    let mut findings = Vec::new();
    for member in packages.members() {
        let Some(arrow) = ARROWS.iter().find(|arrow| arrow.from == member.name) else {
            findings.push(format!("crate `{}` has no arrows: enter it in xtask/src/packages/arrows.rs", member.name));
            continue;
        };
        findings.extend(broken(packages, member, arrow));
        findings.extend(taken(packages, member));
        if member.name == "ork-core" {
            findings.extend(reached_by_core(packages, member));
        }
    }
    findings
}

fn broken(packages: &Packages, member: &Package, arrow: &Arrow) -> Vec<String> {
    let is_ours = |id: &&String| packages.0.get(*id).is_some_and(|package| package.is_member);
    let normal = member.normal.iter().filter(is_ours).map(|id| packages.name(id));
    let normal = normal.filter(|name| !arrow.to.contains(name));
    let dev = member.dev.iter().filter(is_ours).map(|id| packages.name(id));
    let dev = dev.filter(|name| !arrow.to.contains(name) && !arrow.to_in_tests.contains(name));
    normal
        .map(|name| format!("arrow `{}` → `{name}` is not allowed", member.name))
        .chain(dev.map(|name| format!("arrow `{}` → `{name}` is not allowed, not even in tests", member.name)))
        .collect()
}

fn taken(packages: &Packages, member: &Package) -> Vec<String> {
    let named: BTreeSet<&str> = member.normal.iter().chain(&member.dev).map(|id| packages.name(id)).collect();
    let taken = KEPT.iter().filter(|(kept, owners)| named.contains(kept) && !owners.contains(&member.name.as_str()));
    taken
        .map(|(kept, owners)| format!("`{}` names `{kept}`, which only {} may name", member.name, owners.join(" and ")))
        .collect()
}

fn reached_by_core(packages: &Packages, core: &Package) -> Vec<String> {
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<&String> = core.normal.iter().collect();
    while let Some(id) = ahead.pop() {
        if reached.insert(packages.name(id))
            && let Some(package) = packages.0.get(id)
        {
            ahead.extend(&package.normal);
        }
    }
    let foreign = FOREIGN_TO_CORE.iter().filter(|name| reached.contains(*name));
    foreign.map(|name| format!("`ork-core` reaches `{name}`; core does no I/O and has no clock")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::sample;

    fn check_graph(graph: &str, expected: &[&str]) {
        assert_eq!(check(&sample::packages(graph)), expected, "{graph}");
    }

    #[test]
    fn arrows_inwards_are_allowed() {
        check_graph(
            "ork: ork-core ork-sqlite clap anyhow | ork-sim
             ork-sqlite: ork-core rusqlite | ork-conformance
             ork-sim: ork-engine ork-sqlite ork-conformance
             ork-engine: ork-core tokio | ork-sqlite
             ork-conformance: ork-core
             ork-core: serde
             xtask: anyhow
             rusqlite: \n tokio: \n clap: \n anyhow: \n serde:",
            &[],
        );
    }

    #[test]
    fn a_broken_arrow_is_named() {
        check_graph(
            "ork-engine: ork-core ork-sqlite\n ork-sqlite: ork-core\n ork-core:",
            &["arrow `ork-engine` → `ork-sqlite` is not allowed"],
        );
        check_graph(
            "ork-core: | ork-conformance\n ork-conformance:",
            &["arrow `ork-core` → `ork-conformance` is not allowed, not even in tests"],
        );
        check_graph("ork: ork-sim\n ork-sim:", &["arrow `ork` → `ork-sim` is not allowed"]);
    }

    #[test]
    fn a_crate_without_arrows_is_refused() {
        check_graph("ork-new:", &["crate `ork-new` has no arrows: enter it in xtask/src/packages/arrows.rs"]);
    }

    #[test]
    fn drivers_and_the_command_line_have_one_owner() {
        check_graph(
            "ork-engine: rusqlite | tokio-postgres\n rusqlite:\n tokio-postgres:",
            &[
                "`ork-engine` names `rusqlite`, which only ork and ork-sqlite may name",
                "`ork-engine` names `tokio-postgres`, which only ork and ork-postgres may name",
            ],
        );
        check_graph("ork-core: anyhow\n anyhow:", &["`ork-core` names `anyhow`, which only ork and xtask may name"]);
    }

    #[test]
    fn core_reaches_no_clock_however_indirectly() {
        check_graph(
            "ork-core: a | tokio\n a: b\n b: a time\n time:\n tokio:",
            &["`ork-core` reaches `time`; core does no I/O and has no clock"],
        );
    }
}

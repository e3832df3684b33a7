//! Every exit code, reached by a command.

use rustix::process::Signal;

use crate::home::Home;
use crate::http::Server;

/// Makes the stored plan of `good` something that is no JSON, as a bad disk would.
fn damage(home: &Home) {
    let path = home.dir.join(".local/share/ork/ork.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let plan = br#"{"name":"good""#;
    let places: Vec<usize> =
        bytes.windows(plan.len()).enumerate().filter(|(_, at)| at == plan).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at] = b'[';
    }
    std::fs::write(&path, bytes).unwrap();
}

/// Something that ends with this code.
fn reach(code: &str) -> String {
    let home = Home::new();
    home.file("good.yaml", "tasks:\n  a: {run: echo}\n");
    home.file("bad.yaml", "tasks:\n  a: {run: exit 9}\n");
    home.file("long.yaml", "tasks:\n  a: {run: sleep 60}\n");
    match code {
        "0" => home.says("run good.yaml"),
        "1" => home.says("run bad.yaml"),
        "2" => home.says("run good.yaml -i nothing=1"),
        "3" => {
            let mut run = home.start("run long.yaml");
            run.wait_for("started");
            assert!(home.says("runs cancel last").starts_with("exit 0\n"));
            run.end(&home)
        }
        "4" => {
            assert!(home.says("tokens create ada --role admin").starts_with("exit 0\n"));
            let server = Server::start(&home, "");
            home.says(&format!("runs list --server http://127.0.0.1:{}", server.port))
        }
        "5" => {
            home.says("runs submit good.yaml");
            home.says("runs watch last --timeout 50ms")
        }
        "6" => {
            home.file("asks.yaml", "tasks:\n  t: {steps: [{name: ask, phase: execution, gate: {approval: {}}}]}\n");
            home.says("run asks.yaml --no-wait")
        }
        "7" => {
            home.says("run good.yaml");
            home.says("runs show 0123456789")
        }
        "8" => home.says("runs list --database postgres://nobody@127.0.0.1:1/none"),
        "70" => {
            home.says("run good.yaml");
            damage(&home);
            home.says("runs retry last --all")
        }
        "130" => {
            let mut run = home.start("run long.yaml");
            run.wait_for("started");
            run.signal(Signal::TERM);
            run.end(&home)
        }
        other => panic!("nothing here ends with {other}"),
    }
}

#[test]
fn every_exit_code_is_reached() {
    let page = include_str!("../../../../docs/reference/errors.md");
    let codes: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### exit-")).collect();
    assert!(codes.len() >= 9, "{codes:?}");
    for code in codes {
        let said = reach(code);
        assert!(said.starts_with(&format!("exit {code}\n")), "{code}: {said}");
    }
}

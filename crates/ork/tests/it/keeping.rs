//! Schedules, and runs that are not kept, on a command line and over HTTP.

use crate::home::Home;
use crate::http::Server;
use crate::postgres::rows;
use crate::server::on_both;

const NIGHTLY: &str = "\
name: nightly
schedule: {cron: '30 3 * * *', timezone: Europe/Paris, input: {size: 3}}
inputs: {size: {type: integer, required: true}}
tasks: {a: {run: 'exit 0', count: '{{ inputs.size }}'}}
";

#[test]
fn schedules_are_listed_enabled_and_disabled() {
    on_both(|home, at| {
        let says = |line: &str| home.says(format!("{line} {at}").trim_end());
        home.file("nightly.yaml", NIGHTLY);
        home.file("never.yaml", "schedule: {cron: '0 0 30 2 *'}\ntasks: {a: {run: 'exit 0'}}\n");
        assert!(says("schedules list").contains("no stored workflow has a schedule"));
        assert!(says("workflows apply never.yaml").contains("error[ORK-E0211]"));
        assert!(says("workflows apply nightly.yaml").starts_with("exit 0\n"));
        let listed = says("schedules list");
        assert!(
            listed.contains("nightly") && listed.contains("30 3 * * *") && listed.contains("Europe/Paris"),
            "{listed}"
        );
        let shown = &home.values(format!("schedules show nightly --json {at}").trim_end())[0];
        assert_eq!((shown["enabled"].as_bool(), shown["input"]["size"].as_u64()), (Some(true), Some(3)));
        assert_eq!(shown["upcoming"].as_array().unwrap().len(), 10);
        assert_eq!(shown["upcoming"][0], shown["next_at"]);
        assert_eq!(home.values(format!("schedules next nightly --json {at}").trim_end()).len(), 10);
        assert!(says("schedules disable nightly").contains("disabled: nightly\n"));
        assert!(says("schedules disable nightly").contains("disabled: nightly was so already\n"));
        assert!(says("schedules list").contains("disabled"));
        assert!(says("schedules enable nightly").contains("enabled: nightly\n"));
        assert!(says("schedules enable nothing").starts_with("exit 7\n"));
        assert!(says("workflows delete nightly").starts_with("exit 0\n"));
        assert!(says("schedules show nightly").starts_with("exit 7\n"));
    });
}

#[test]
fn a_schedule_begins_runs_of_a_server() {
    on_both(|home, at| {
        let server = Server::start(home, at);
        let body = r#"{"source": "schedule: {cron: '* * * * *'}\ntasks: {a: {run: 'exit 0'}}\n"}"#;
        let put = server.send("PUT", "/api/v1/workflows/tick", "content-type: application/json\r\n", body);
        assert_eq!(put.status, 201, "{}", put.body);
        // Its time came a moment ago.
        let sql = "UPDATE schedules SET next_at = next_at - 60000000";
        match at.strip_prefix("--database ") {
            Some(url) => drop(rows(url, &format!("SET ROLE ork_engine; {sql}"))),
            None => {
                let path = home.project().parent().unwrap().join(".local/share/ork/ork.db");
                rusqlite::Connection::open(path).unwrap().execute(sql, []).unwrap();
            }
        }
        home.wait_until(format!("runs list --json {at}").trim_end(), |rows| {
            rows.first().is_some_and(|row| row["triggered_by"] == "schedule" && row["status"] == "success")
        });
        let shown = server.get("/api/v1/schedules/tick").json();
        assert!(shown["last_run_id"].is_string(), "{shown}");
    });
}

/// Makes all runs that ended look as if they had ended forty days ago.
fn age(home: &Home, at: &str) {
    let sql = "UPDATE runs SET finished_at = finished_at - 3456000000000 WHERE finished_at IS NOT NULL";
    match at.strip_prefix("--database ") {
        Some(url) => drop(rows(url, &format!("SET ROLE ork_engine; {sql}"))),
        None => {
            let path = home.project().parent().unwrap().join(".local/share/ork/ork.db");
            rusqlite::Connection::open(path).unwrap().execute(sql, []).unwrap();
        }
    }
}

#[test]
fn old_runs_leave_a_tombstone() {
    on_both(|home, at| {
        let says = |line: &str| home.says(format!("{line} {at}").trim_end());
        home.file("flow.yaml", "tasks: {a: {run: 'echo said something', count: 3}}\n");
        assert!(says("run flow.yaml").starts_with("exit 0\n"));
        let old =
            home.values(format!("runs list --json --limit 1 {at}").trim_end())[0]["id"].as_str().unwrap().to_owned();
        assert!(says("db prune").contains("removed: 0 runs"));
        age(home, at);
        assert!(says("run flow.yaml").starts_with("exit 0\n"));
        assert!(says("db prune").contains("removed: 1 run\n"));
        assert!(says("db prune").contains("removed: 0 runs\n"));
        assert_eq!(home.values(format!("runs list --json {at}").trim_end()).len(), 1);
        assert!(says(&format!("runs show {old}")).starts_with("exit 7\n"));
        for line in ["db verify", "doctor"] {
            let said = says(line);
            let of_cluster = said.contains("`fsync` is off") || said.contains("`full_page_writes` is off");
            assert!(said.starts_with("exit 0\n") || of_cluster, "{said}");
        }
        let server = Server::start(home, at);
        for path in ["", "/tasks", "/events", "/logs?task=a", "/why"] {
            let answer = server.get(&format!("/api/v1/runs/{old}{path}"));
            assert_eq!(answer.status, 410, "{path}: {}", answer.body);
            assert_eq!(answer.json()["code"], "pruned");
        }
        assert!(server.get(&format!("/api/v1/runs/{old}")).body.contains("ended as success at"));
    });
}

//! Control over HTTP: stored workflows, retries, acknowledgements, pauses of queues.

use serde_json::{Value, json};

use crate::home::Home;
use crate::http::{Answer, Server};
use crate::server::{GOOD, RUNS, on_both, submit, wait, wait_for_bulk};

const WORKFLOWS: &str = "/api/v1/workflows";

/// A JSON body with a method and headers.
fn send(server: &Server, method: &str, path: &str, headers: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    server.send(method, path, &format!("content-type: application/json\r\n{headers}"), &body)
}

fn put(server: &Server, name: &str, headers: &str, source: &str) -> Answer {
    send(server, "PUT", &format!("{WORKFLOWS}/{name}"), headers, &json!({"source": source}))
}

/// Status, what was applied, and the tag.
fn applied(answer: &Answer) -> String {
    let tag = answer.header("etag").unwrap_or("none").to_owned();
    match answer.status {
        200 | 201 => format!("{} {} {tag}", answer.status, answer.json()["applied"].as_str().unwrap()),
        status => format!("{status} {}", answer.json()["code"].as_str().unwrap()),
    }
}

#[test]
fn a_workflow_is_stored_changed_and_run() {
    on_both(|home, at| {
        let server = Server::start(home, at);
        let one =
            "description: says one\ntasks:\n  a: {run: echo one, output: stdout}\nresult: '{{ tasks.a.output }}'\n";
        let two = one.replace("one", "two");
        let created = put(&server, "say", "if-none-match: *\r\n", one);
        assert_eq!(applied(&created), "201 created \"1\"", "{}", created.body);
        assert_eq!(applied(&put(&server, "say", "", one)), "200 unchanged \"1\"");
        assert_eq!(applied(&put(&server, "say", "if-none-match: *\r\n", &two)), "412 precondition-failed");
        assert_eq!(applied(&put(&server, "say", "if-match: \"2\"\r\n", &two)), "412 precondition-failed");
        assert_eq!(applied(&put(&server, "say", "if-match: nonsense\r\n", &two)), "412 precondition-failed");
        assert_eq!(applied(&put(&server, "new", "if-match: *\r\n", &two)), "412 precondition-failed");
        assert_eq!(applied(&put(&server, "say", "if-none-match: \"1\"\r\n", &two)), "400 invalid-request");
        assert_eq!(applied(&put(&server, "say", "", &format!("name: other\n{one}"))), "400 invalid-body");
        assert_eq!(applied(&put(&server, "say", "", "tasks:\n  a: {rum: echo}\n")), "422 invalid-workflow");
        let name_of = json!({"workflow": "say"}).to_string();
        let first = server.post(RUNS, "idempotency-key: k1\r\n", &name_of);
        assert_eq!(first.status, 202, "{}", first.body);
        assert_eq!(applied(&put(&server, "say", "if-match: \"1\"\r\n", &two)), "200 updated \"2\"");
        // The name meant another text when this request was carried out first, and its answer stays the same.
        assert_eq!(server.post(RUNS, "idempotency-key: k1\r\n", &name_of).body, first.body);
        let second = server.post(RUNS, "", &name_of).json()["id"].as_str().unwrap().to_owned();
        let first = first.json()["id"].as_str().unwrap().to_owned();
        let shown = server.get(&format!("{WORKFLOWS}/say")).json();
        for (run, result) in [(&first, "one"), (&second, "two")] {
            wait(home, at, run);
            let run = server.get(&format!("{RUNS}/{run}")).json();
            assert_eq!((&run["result"], &run["name"]), (&result.into(), &"say".into()), "{run}");
            assert_eq!(run["workflow_id"], shown["id"]);
            assert_eq!(run["revision_id"] == shown["revision"]["id"], result == "two");
        }
        assert_eq!((&shown["source"], &shown["description"]), (&two.as_str().into(), &"says two".into()));
        let fresh = server.send("GET", &format!("{WORKFLOWS}/say"), "if-none-match: \"2\"\r\n", "");
        assert_eq!((fresh.status, fresh.body.as_str(), fresh.header("etag")), (304, "", Some("\"2\"")));
        assert_eq!(server.send("GET", &format!("{WORKFLOWS}/say"), "if-none-match: \"1\"\r\n", "").status, 200);
        let revisions = server.get(&format!("{WORKFLOWS}/say/revisions?limit=1")).json();
        assert_eq!((&revisions["items"][0]["number"], &revisions["next_cursor"]), (&2.into(), &"2".into()));
        let rest = server.get(&format!("{WORKFLOWS}/say/revisions?limit=1&cursor=2")).json();
        assert_eq!((&rest["items"][0]["number"], &rest["next_cursor"]), (&1.into(), &Value::Null));
        let delete = |headers: &str| send(&server, "DELETE", &format!("{WORKFLOWS}/say"), headers, &Value::Null).status;
        assert_eq!([delete("if-match: \"1\"\r\n"), delete("if-match: \"2\"\r\n"), delete("")], [412, 200, 404]);
        assert_eq!(server.get(&format!("{WORKFLOWS}/say")).status, 404);
        let gone = server.post(RUNS, "", &name_of);
        assert_eq!((gone.status, gone.json()["code"].as_str().unwrap().to_owned()), (404, "not-found".into()));
        assert_eq!(server.post(RUNS, "idempotency-key: k1\r\n", &name_of).status, 202, "it was carried out");
        let text = server.post(RUNS, "", &json!({"workflow": one}).to_string()).json();
        assert_eq!(text["hint"], "send the text of one as `source`");
        let again = server.post(&format!("{RUNS}/{second}/retry"), "", r#"{"failed_only": false}"#);
        assert_eq!(again.status, 202, "a run keeps its revision: {}", again.body);
        assert_eq!(applied(&put(&server, "say", "", one)), "201 created \"3\"");
    });
}

const STEPS: &str = "\
inputs: {word: {type: string, default: old}, size: {type: integer, default: 1}}
labels: {team: '{{ inputs.word }}'}
tasks:
  first: {run: echo first, output: stdout}
  word: {run: 'echo $WORD', env: {WORD: '{{ inputs.word }}'}, output: stdout}
  join: {depends_on: [first, word], run: 'test -e GO || exit 3'}
";

#[test]
fn a_run_is_done_again_with_what_succeeded() {
    on_both(|home, at| {
        let server = Server::start(home, at);
        let go = home.project().join("go");
        let source = STEPS.replace("GO", go.to_str().unwrap());
        let body = json!({"source": source, "labels": {"own": "1"}, "priority": 4});
        let run = server.post(RUNS, "", &body.to_string()).json()["id"].as_str().unwrap().to_owned();
        let path = format!("{RUNS}/{run}/retry");
        wait(home, at, &run);
        let reused = |answer: &Answer| {
            assert_eq!(answer.status, 202, "{}", answer.body);
            let id = answer.json()["id"].as_str().unwrap().to_owned();
            wait(home, at, &id);
            let tasks = server.get(&format!("{RUNS}/{id}/tasks")).json();
            let taken = tasks["items"].as_array().unwrap().iter().filter(|task| !task["reused_from"].is_null());
            let keys: Vec<String> = taken.map(|task| task["key"].as_str().unwrap().to_owned()).collect();
            (id, keys.join(" "))
        };
        // The same request is one run; another one under its name is refused.
        let key = "idempotency-key: again\r\n";
        let first = server.send("POST", &path, key, "");
        let (id, taken) = reused(&first);
        assert_eq!(taken, "first word");
        assert_eq!(server.send("POST", &path, key, "").body, first.body);
        assert_eq!(server.post(&path, key, r#"{"failed_only": true}"#).body, first.body, "it says the same");
        for other in [r#"{"from": "word"}"#, r#"{"failed_only": false}"#, r#"{"input": {"word": "new"}}"#] {
            assert_eq!(server.post(&path, key, other).status, 409, "{other}");
        }
        let shown = server.get(&format!("{RUNS}/{id}")).json();
        assert_eq!((&shown["retry_of"], &shown["triggered_by"]), (&run.as_str().into(), &"retry".into()));
        assert_eq!((&shown["priority"], &shown["labels"]), (&4.into(), &json!({"own": "1", "team": "old"})));
        assert_eq!(reused(&server.post(&path, "", r#"{"from": "first"}"#)).1, "word");
        assert_eq!(reused(&server.post(&path, "", r#"{"failed_only": false}"#)).1, "");
        std::fs::write(&go, "").unwrap();
        let (edited, taken) = reused(&server.post(&path, "", r#"{"input": {"word": "new"}}"#));
        assert_eq!(taken, "first", "what depends on the input is done again");
        let shown = server.get(&format!("{RUNS}/{edited}")).json();
        assert_eq!((&shown["status"], &shown["labels"]), (&"success".into(), &json!({"own": "1", "team": "new"})));
        let (unread, taken) = reused(&server.post(&path, "", r#"{"input": {"size": 2}}"#));
        assert_eq!(taken, "first word", "nothing reads it");
        // A retry of a retry has the text as well.
        let more = server.post(&format!("{RUNS}/{unread}/retry"), "", r#"{"input": {"word": "third"}}"#);
        assert_eq!(reused(&more).1, "first");
        let refused = |path: &str, body: &str| {
            let answer = server.post(path, "", body);
            format!("{} {}", answer.status, answer.json()["detail"].as_str().unwrap().replace(&*edited, "RUN"))
        };
        let path = format!("{RUNS}/{edited}/retry");
        assert_eq!(refused(&path, "{}"), "409 `RUN` succeeded: there is nothing to do again");
        assert_eq!(refused(&path, r#"{"from": "frist"}"#), "400 `from` is wrong: `source` has no task `frist`");
        assert_eq!(
            refused(&path, r#"{"from": "first", "failed_only": false}"#),
            "400 `from` takes over what succeeded, and `failed_only: false` does not"
        );
        let wrong = refused(&path, r#"{"input": {"size": "x"}}"#);
        assert_eq!(wrong, "422 the workflow has 1 error; nothing was created");
        let late = submit(&server, "tasks:\n  a: {operation: nobody}\n");
        assert!(refused(&format!("{RUNS}/{late}/retry"), "{}").contains("only a run that is over"));
        // What `ork run` carried has a folder that the server does not know.
        home.file("flow.yaml", "tasks:\n  a: {run: exit 1}\n");
        home.says(format!("run flow.yaml {at}").trim_end());
        let carried = server.get(&format!("{RUNS}?limit=1")).json()["items"][0]["id"].as_str().unwrap().to_owned();
        assert!(refused(&format!("{RUNS}/{carried}/retry"), "{}").contains("was carried by `ork run`"));
    });
}

#[test]
fn tasks_are_tried_again_and_cancelled() {
    on_both(|home, at| {
        let server = Server::start(home, at);
        let retry = "retry: {max_attempts: 2, delay: 1h, max_delay: 1h}";
        let run = submit(&server, &format!("tasks:\n  a: {{run: exit 1, {retry}}}\n  b: {{operation: nobody}}\n"));
        let list = |query: &str| server.get(&format!("{RUNS}/{run}/tasks{query}")).json()["items"].clone();
        let line = format!("tasks list {run} --status retrying --json {at}");
        home.wait_until(line.trim_end(), |rows| rows.len() == 1);
        let [a, b] = ["a", "b"].map(|key| list(&format!("?key={key}"))[0]["id"].as_str().unwrap().to_owned());
        let ask = |task: &str, what: &str| {
            let answer = server.post(&format!("/api/v1/tasks/{task}/{what}"), "", "").json();
            (answer["asked"].as_bool().unwrap(), answer["status"].as_str().unwrap().to_owned())
        };
        assert!(!ask(&b, "retry").0, "it does not wait for a retry");
        assert!(ask(&a, "retry").0);
        wait_for(home, at, &run, "a", "failed");
        assert!(!ask(&a, "retry").0, "it is over");
        assert!(!ask(&b, "cancel").0, "the run stopped, and cancelled it");
        let live = submit(&server, "tasks:\n  a: {operation: nobody}\n  b: {operation: nobody}\n");
        let first = server.get(&format!("{RUNS}/{live}/tasks")).json()["items"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(ask(&first, "cancel"), (true, "cancelled".into()));
        assert_eq!(ask(&first, "cancel"), (false, "cancelled".into()));
        assert_eq!(server.post("/api/v1/tasks/task_x/cancel", "", "").status, 404);
    });
}

fn wait_for(home: &Home, at: &str, run: &str, key: &str, status: &str) {
    let line = format!("tasks show {run}/{key} --json {at}");
    home.wait_until(line.trim_end(), |rows| rows[0]["status"] == status);
}

#[test]
fn the_end_of_a_run_is_acknowledged() {
    on_both(|home, at| {
        let server = Server::start(home, at);
        let runs: Vec<String> = (0..3).map(|_| submit(&server, GOOD)).collect();
        let late = submit(&server, "tasks:\n  a: {operation: nobody}\n");
        for run in &runs {
            wait(home, at, run);
        }
        let unseen = |query: &str| {
            let page = server.get(&format!("{RUNS}/unacknowledged{query}")).json();
            let ids = page["items"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned());
            (ids.collect::<Vec<_>>(), page["next_cursor"].as_str().map(str::to_owned))
        };
        assert_eq!(unseen("?limit=2"), (vec![runs[2].clone(), runs[1].clone()], Some(runs[1].clone())));
        assert_eq!(unseen(&format!("?limit=2&cursor={}", runs[1])), (vec![runs[0].clone()], None));
        let ask = |run: &str| server.post(&format!("{RUNS}/{run}/acknowledge"), "", "");
        assert_eq!(ask(&runs[1]).json()["asked"], true);
        assert_eq!(ask(&runs[1]).json()["asked"], false);
        assert_eq!(ask(&late).json()["code"], "conflict");
        assert_eq!(server.get(&format!("{RUNS}/{}", runs[1])).json()["acknowledged_by"], "dev");
        let said = home.says(format!("runs acknowledge {} {at}", runs[0]).trim_end());
        assert!(said.contains(&format!("acknowledged: {}\n", home.masked(&runs[0]).trim_end())), "{said}");
        assert_eq!(unseen("").0, [runs[2].clone()]);
        let listed = server.get(&format!("{RUNS}?q=is:unacknowledged")).json();
        assert_eq!(
            (&listed["items"][0]["id"], listed["items"].as_array().unwrap().len()),
            (&runs[2].as_str().into(), 1)
        );
        assert!(home.says(format!("runs acknowledge {late} {at}").trim_end()).starts_with("exit 2\n"));
    });
}

#[test]
fn a_paused_queue_holds_back_what_is_not_begun() {
    on_both(|home, at| {
        let server = Server::start(home, at);
        let ask = |what: &str| server.post(&format!("/api/v1/queues/default/{what}"), "", "").json();
        assert_eq!(ask("resume")["asked"], false);
        let paused = ask("pause");
        assert_eq!((&paused["asked"], &paused["paused"]["by"]), (&true.into(), &"dev".into()));
        assert_eq!(ask("pause")["asked"], false);
        let run = submit(&server, GOOD);
        let why = server.get(&format!("{RUNS}/{run}/why")).json();
        assert_eq!(why["reasons"][0]["code"], "queue_paused", "{why}");
        let sentence = why["reasons"][0]["sentence"].as_str().unwrap();
        assert!(sentence.starts_with("greet: the queue `default` is paused by `dev`, for "), "{sentence}");
        assert!(sentence.contains("; go on with: ork queues resume default"), "{sentence}");
        let queues = server.get("/api/v1/queues").json();
        assert_eq!((&queues["items"][0]["queued"], &queues["items"][0]["paused"]["by"]), (&1.into(), &"dev".into()));
        let said = home.says(format!("queues {at}").trim_end());
        assert!(said.contains("1 queued") && said.contains("paused by dev for "), "{said}");
        // Since it was submitted, a worker that was free has been asked for several things.
        assert_eq!(server.get(&format!("{RUNS}/{run}")).json()["status"], "pending");
        let said = home.says(format!("queues resume default {at}").trim_end());
        assert!(said.contains("resumed: default\n"), "{said}");
        wait(home, at, &run);
        assert_eq!(server.get(&format!("{RUNS}/{run}")).json()["status"], "success");
        assert_eq!(server.post("/api/v1/queues/a%2Fb/pause", "", "").status, 404);
        let said = home.says(format!("queues pause video@here {at}").trim_end());
        assert!(said.starts_with("exit 2\n") && said.contains("no queue can be called"), "{said}");
    });
}

#[test]
fn filters_are_completed() {
    let home = Home::new();
    let server = Server::start(&home, "");
    let body = json!({"source": GOOD, "labels": {"team": "media lab"}});
    server.post(RUNS, "", &body.to_string());
    let suggest = |query: &str| {
        let page = server.get(&format!("{RUNS}/suggest?{query}")).json();
        let items = page["items"].as_array().unwrap().iter();
        let words: Vec<String> =
            items.map(|item| format!("{} {}-{}", item["word"].as_str().unwrap(), item["from"], item["to"])).collect();
        words.join(", ")
    };
    assert_eq!(suggest("q=is:"), "is:held 0-3, is:retrying 0-3, is:unacknowledged 0-3");
    assert_eq!(suggest("q=na"), "name:good 0-2");
    assert_eq!(suggest("q=is:held%20label.t"), "label.team=\"media lab\" 8-15");
    assert_eq!(
        suggest("q=st%20is:held&at=2"),
        "status:pending 0-2, status:running 0-2, status:paused 0-2, status:success 0-2, status:failed 0-2, status:cancelled 0-2, started>-1h 0-2, started>-1d 0-2, started>-7d 0-2"
    );
    assert_eq!(suggest("q=nothing:"), "");
    assert_eq!(server.get(&format!("{RUNS}/suggest?q={}", "x".repeat(9_000))).status, 400);
}

const BULK: &str = "/api/v1/runs/bulk";

#[test]
fn many_runs_are_asked_at_once() {
    on_both(|home, at| {
        let server = Server::start(home, at);
        let media = json!({"source": "tasks:\n  a: {operation: nobody}\n", "labels": {"team": "media"}}).to_string();
        let runs: Vec<String> =
            (0..3).map(|_| server.post(RUNS, "", &media).json()["id"].as_str().unwrap().to_owned()).collect();
        let other = submit(&server, "tasks:\n  a: {operation: nobody}\n");
        let bulk = |headers: &str, body: Value| server.post(BULK, headers, &body.to_string());
        let preview = bulk("", json!({"action": "cancel", "q": "label.team=media", "preview": true})).json();
        assert_eq!((&preview["count"], &preview["more"]), (&3.into(), &false.into()));
        assert_eq!(preview["first"][0]["id"], runs[2].as_str());
        assert_eq!(bulk("", json!({"action": "cancel"})).status, 400, "all runs are not meant by saying nothing");
        assert_eq!(bulk("", json!({"action": "cancel", "q": "sttus:failed"})).json()["errors"][0]["pointer"], "/q");
        assert_eq!(
            bulk("", json!({"action": "cancle", "q": "name:a"})).json()["errors"][0]["hint"],
            "did you mean `cancel`?"
        );
        let key = "idempotency-key: all of them\r\n";
        let pause = json!({"action": "pause", "q": "label.team=media"});
        let first = bulk(key, pause.clone());
        assert_eq!(first.status, 202, "{}", first.body);
        let id = first.json()["id"].as_str().unwrap().to_owned();
        let done = wait_for_bulk(&server, &id);
        assert_eq!((&done["status"], &done["seen"], &done["changed"]), (&"success".into(), &3.into(), &3.into()));
        assert_eq!(bulk(key, pause).json()["id"], id.as_str(), "the same request is one action");
        assert_eq!(bulk(key, json!({"action": "cancel", "q": "label.team=media"})).status, 409);
        assert_eq!(server.get(&format!("{RUNS}?q=status:paused")).json()["items"].as_array().unwrap().len(), 3);
        let after = |action: &str, q: &str| {
            let id = bulk("", json!({"action": action, "q": q})).json()["id"].as_str().unwrap().to_owned();
            let done = wait_for_bulk(&server, &id);
            (done["seen"].as_u64().unwrap(), done["changed"].as_u64().unwrap())
        };
        assert_eq!(after("resume", "label.team=media"), (3, 3));
        assert_eq!(after("resume", "status:running"), (0, 0), "what cannot be resumed is not asked");
        assert_eq!(after("cancel", "label.team=media"), (3, 3));
        assert_eq!(server.get(&format!("{RUNS}/{other}")).json()["status"], "pending", "the filter left it out");
        assert_eq!(after("retry", "status:cancelled label.team=media"), (3, 3));
        let retries = server.get(&format!("{RUNS}?q=status:pending%20label.team=media")).json();
        let of: Vec<&str> =
            retries["items"].as_array().unwrap().iter().map(|run| run["retry_of"].as_str().unwrap()).collect();
        assert_eq!(of.len(), 3);
        assert!(runs.iter().all(|run| of.contains(&run.as_str())), "{of:?}");
        assert_eq!(after("acknowledge", "status:cancelled"), (3, 3));
        assert_eq!(server.get(&format!("{RUNS}/unacknowledged")).json()["items"], json!([]));
        let listed = server.get("/api/v1/bulk?limit=2").json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 2);
        assert!(listed["next_cursor"].is_string());
    });
}

#[test]
fn an_action_on_many_runs_outlives_its_server() {
    on_both(|home, at| {
        let mut server = Server::start(home, at);
        let body = json!({"source": "tasks:\n  a: {operation: nobody}\n", "labels": {"team": "media"}}).to_string();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..60).for_each(|_| assert_eq!(server.post(RUNS, "", &body).status, 202)));
            }
        });
        assert_eq!(server.post(BULK, "", r#"{"action": "cancel", "all": true, "preview": true}"#).json()["count"], 240);
        let id =
            server.post(BULK, "", r#"{"action": "cancel", "all": true}"#).json()["id"].as_str().unwrap().to_owned();
        let listed = |server: &Server, q: &str| {
            server.get(&format!("{RUNS}?q={q}&limit=200")).json()["items"].as_array().unwrap().len()
        };
        // Somewhere in the middle of a piece: some were asked, and nothing or not all was noted.
        while listed(&server, "status:cancelled") == 0 {}
        let Server { process, .. } = server;
        process.kill();
        server = Server::start(home, at);
        let done = wait_for_bulk(&server, &id);
        assert_eq!(done["status"], "success");
        assert_eq!(listed(&server, "status:pending"), 0, "every run was asked");
        let said = home.says(format!("doctor {at}").trim_end());
        assert!(said.starts_with("exit 0\n"), "{said}");
    });
}

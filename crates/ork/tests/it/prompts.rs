//! Prompts, prices and budgets of the command line, on a database and through a server.

use serde_json::json;

use crate::home::Home;
use crate::http::Server;

/// What commands say, one after the other.
const LINES: &[&str] = &[
    "prompts list",
    "prompts put captions.txt --id captions --var tone --var count=3 --category film",
    "prompts put captions.txt --id captions --var tone --var count=3",
    "prompts put short.txt --id captions",
    "prompts put wrong.txt --id captions",
    "prompts get captions",
    "prompts get captions@1",
    "prompts get captions@9",
    "prompts get captions@x",
    "prompts get captions@1 --json",
    "prompts list",
    "prompts history captions",
    "prompts history titles",
    "prices set vendor/model:free --input 3 --output 15.5",
    "prices set a --input 1e3 --output 1",
    "prices list",
    "prices delete vendor/model:free",
    "prices delete vendor/model:free",
    "budgets set month --usd 50",
    "budgets set day --tokens 1000 --usd 0.5",
    "budgets set year --usd 1",
    "budgets list --json",
    "budgets delete day",
    "budgets delete day",
];

fn session(at: &str, home: &Home) -> String {
    home.file("captions.txt", "Write {{ vars.count }} captions in a {{ vars.tone }} tone.\n");
    home.file("short.txt", "Be brief.\n");
    home.file("wrong.txt", "{{ vars.tone }}\n");
    let said = LINES.iter().map(|line| format!("$ ork {line}\n{}", home.says(format!("{line}{at}").as_str())));
    // What a server refuses is told place by place.
    let told = |line: &&str| !line.starts_with("  /");
    said.collect::<String>().replace(at, "").lines().filter(told).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_database_and_a_server_say_the_same() {
    let local = session("", &Home::new());
    for words in [
        "captions@1\n",
        "captions@2\n",
        "there is no variable `tone`",
        "there is no prompt `captions@9`",
        "Write {{ vars.count }} captions in a {{ vars.tone }} tone.",
        "vendor/model:free  input 3  output 15.5  cached 3",
        "`vendor/model:free` has no price",
        r#""limit":{"tokens":1000,"usd":0.5}"#,
        "there is no budget `day`",
    ] {
        assert!(local.contains(words), "{words}\n{local}");
    }
    let home = Home::new();
    let server = Server::begin(&home, "dev");
    let through = session(&format!(" --server http://127.0.0.1:{}", server.port), &home);
    assert_eq!(through.replace("by dev", "by ada").replace("\"dev\"", "\"ada\""), local);
}

#[test]
fn a_run_keeps_the_version_that_it_began_with() {
    let home = Home::new();
    home.file("house.txt", "Be brief.");
    let file = "tasks:\n  a: {env: {STYLE: '{{ prompts.house }}'}, run: 'echo \"$STYLE\"', output: stdout}\nresult: '{{ tasks.a.output }}'\n";
    home.file("a.yaml", file);
    let refused = home.says("run a.yaml");
    assert!(refused.starts_with("exit 2\n") && refused.contains("there is no prompt `house`"), "{refused}");
    assert!(home.says("runs list").contains("no run"), "nothing was created");
    assert!(home.says("prompts put house.txt --id house").contains("house@1"));
    assert!(home.says("run a.yaml").contains("Be brief."));
    home.file("house.txt", "Be long.");
    assert!(home.says("prompts put house.txt --id house").contains("house@2"));
    let server = Server::begin(&home, "dev");
    let first = home.last();
    let plan = server.get(&format!("/api/v1/runs/{first}/plan")).json();
    assert_eq!(plan["plan"]["prompts"], json!({"house": 1}));
    let used = server.get("/api/v1/prompts/house").json();
    assert_eq!((&used["version"], &used["used_by"]), (&2.into(), &json!([])));
    let put = server.send(
        "PUT",
        "/api/v1/workflows/brief",
        "content-type: application/json\r\n",
        &json!({"source": file}).to_string(),
    );
    assert_eq!(put.status, 201, "{}", put.body);
    assert_eq!(server.get("/api/v1/prompts/house").json()["used_by"], json!(["brief"]));
    let missing = json!({"source": file.replace("house", "titles")}).to_string();
    let refused = server.post("/api/v1/runs", "", &missing);
    assert_eq!((refused.status, &refused.json()["code"]), (422, &"invalid-workflow".into()), "{}", refused.body);
    assert_eq!(refused.json()["errors"][0]["pointer"], "/source");
    // The same request again creates nothing, though the prompt is another one by now.
    let body = json!({"source": file, "external_id": "mine"}).to_string();
    let id = server.post("/api/v1/runs", "", &body).json()["id"].clone();
    home.file("house.txt", "Be quick.");
    assert!(home.says("prompts put house.txt --id house").contains("house@3"));
    let again = server.post("/api/v1/runs", "", &body);
    assert_eq!((again.status, &again.json()["id"]), (202, &id), "{}", again.body);
}

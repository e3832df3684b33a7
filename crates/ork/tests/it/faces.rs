//! Every command as people see it: through a pipe, as JSON, in a terminal with colours, and in a narrow one without.

use std::collections::BTreeMap;

use regex::Regex;

use crate::home::{Home, ORK};
use crate::terminal::Terminal;

const GOOD: &str = "\
name: good
inputs: {name: {type: string, default: you}}
labels: {team: media}
tasks:
  greet:
    run: echo \"hello, $NAME\"
    env: {NAME: \"{{ inputs.name }}\"}
    output: stdout
result: \"{{ tasks.greet.output }}\"
";
const BAD: &str = "\
name: bad
tasks:
  one: {run: echo fine}
  two:
    depends_on: [one]
    run: echo working; exit 3
    retry: {max_attempts: 2, delay: 10ms}
  many: {depends_on: [one], count: 2, run: echo part}
  three: {depends_on: [two], run: echo never}
on_failure: continue
";
const WRONG: &str = "tasks:\n  one: {rum: echo fine}\n  two: {depends_on: [oen], run: echo}\n";

/// How each command is called. A command that is not here fails the test.
const CALLS: &[(&str, &str)] = &[
    ("run", "run bad.yaml --jobs 1 --progress plain"),
    ("init", "init fresh --template etl"),
    ("validate", "validate good.yaml wrong.yaml"),
    ("graph", "graph bad.yaml"),
    ("runs list", "runs list"),
    ("runs show", "runs show last"),
    ("runs watch", "runs watch last --progress plain"),
    ("runs logs", "runs logs last/two"),
    ("runs cancel", "runs cancel last"),
    ("runs retry", "runs retry last --jobs 1 --progress plain"),
    ("runs submit", "runs submit good.yaml"),
    ("runs pause", "runs pause last"),
    ("runs resume", "runs resume last"),
    ("runs diff", "runs diff last"),
    ("tasks list", "tasks list last"),
    ("tasks show", "tasks show last/two"),
    ("tasks steps", "tasks steps last/two"),
    ("tasks retry", "tasks retry last/two"),
    ("tasks cancel", "tasks cancel last/two"),
    ("gates list", "gates list"),
    ("gates show", "gates show last"),
    ("gates approve", "gates approve last"),
    ("gates reject", "gates reject last/two --comment no"),
    ("gates link", "gates link gate_00000000-0000-7000-8000-000000000000 --for bob"),
    ("artifacts list", "artifacts list"),
    ("artifacts get", "artifacts get last/good.yaml -o -"),
    ("artifacts put", "artifacts put last good.yaml --kind source"),
    ("artifacts verify", "artifacts verify last"),
    ("prompts put", "prompts put good.yaml --id house"),
    ("prompts get", "prompts get house"),
    ("prompts list", "prompts list"),
    ("prompts history", "prompts history house"),
    ("prices set", "prices set vendor/model --input 3 --output 15.5"),
    ("prices list", "prices list"),
    ("prices delete", "prices delete vendor/model"),
    ("budgets set", "budgets set month --usd 50"),
    ("budgets list", "budgets list"),
    ("budgets delete", "budgets delete month"),
    ("events", "events last"),
    ("events append", "events append last bot.seen --task two"),
    ("events verify", "events verify last"),
    ("events seal", "events seal last"),
    ("queues", "queues"),
    ("queues pause", "queues pause video"),
    ("queues resume", "queues resume video"),
    ("workflows apply", "workflows apply good.yaml wrong.yaml"),
    ("workflows list", "workflows list"),
    ("workflows show", "workflows show good"),
    ("workflows delete", "workflows delete good"),
    ("schedules list", "schedules list"),
    ("schedules show", "schedules show good"),
    ("schedules next", "schedules next good"),
    ("schedules enable", "schedules enable good"),
    ("schedules disable", "schedules disable good"),
    ("secrets set", "secrets set token --file good.yaml"),
    ("secrets list", "secrets list"),
    ("secrets delete", "secrets delete token"),
    ("secrets rotate", "secrets rotate --keep-key"),
    ("runs acknowledge", "runs acknowledge last"),
    ("workers", "workers"),
    ("why", "why last/two"),
    ("doctor", "doctor"),
    ("worker", "worker --no-such-option"),
    ("serve", "serve --listen 0.0.0.0:6750"),
    ("dev", "dev nosuchfolder"),
    ("tokens create", "tokens create ada --role nosuchrole"),
    ("tokens list", "tokens list"),
    ("tokens revoke", "tokens revoke nobody"),
    ("webhooks endpoints create", "webhooks endpoints create ci --url http://a.example/hook"),
    ("webhooks endpoints list", "webhooks endpoints list"),
    ("webhooks endpoints change", "webhooks endpoints change nobody --disable"),
    ("webhooks endpoints rotate", "webhooks endpoints rotate nobody"),
    ("webhooks endpoints delete", "webhooks endpoints delete nobody"),
    ("webhooks deliveries", "webhooks deliveries"),
    ("webhooks redeliver", "webhooks redeliver --failed"),
    ("webhooks test", "webhooks test nobody"),
    ("hooks create", "hooks create ci --workflow nosuchworkflow"),
    ("hooks list", "hooks list"),
    ("hooks delete", "hooks delete nobody"),
    ("workspaces create", "workspaces create media"),
    ("workspaces list", "workspaces list"),
    ("workspaces set", "workspaces set nowhere --isolate-owners"),
    ("workspaces show", "workspaces show"),
    ("db migrate", "db migrate"),
    ("db status", "db status"),
    ("db verify", "db verify"),
    ("db prune", "db prune --keep-days 1"),
    ("db backup", "db backup good.yaml"),
    ("db copy", "db copy --from sqlite:nowhere.db --to sqlite:new.db"),
    ("db export", "db export ."),
    ("db import", "db import nosuchfolder --database sqlite:new.db"),
    ("config show", "config show --origin"),
    ("context list", "context list"),
    ("context use", "context use nosuchcontext"),
    ("context show", "context show"),
    ("schema", "schema config"),
    ("explain", "explain exit-5"),
    ("completions", "completions nosuchshell"),
    ("man", "man nosuchcommand"),
    ("version", "version"),
];

/// A home with a run that succeeded and, after it, one that failed.
pub fn home() -> Home {
    let home = Home::new();
    for (name, text) in [("good.yaml", GOOD), ("bad.yaml", BAD), ("wrong.yaml", WRONG)] {
        home.file(name, text);
    }
    assert!(home.says("run good.yaml -i name=Ada").starts_with("exit 0\n"));
    assert!(home.says("run bad.yaml --jobs 1").starts_with("exit 1\n"));
    assert!(home.says("runs retry last --jobs 1").starts_with("exit 1\n"));
    home
}

/// Commands with some below them that say something by themselves.
const ALONE: &[&str] = &["events", "queues"];

/// The commands that have none below them, or that can do without.
fn leaves(home: &Home, above: &str) -> Vec<String> {
    let line = format!("{above} --help");
    let help = home.says(line.trim_start());
    let Some((_, commands)) = help.split_once("\nCommands:\n") else { return vec![above.trim_start().to_owned()] };
    let names = commands.lines().take_while(|line| !line.is_empty()).filter_map(|line| {
        // The descriptions of some go on in the next line.
        line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?.split_whitespace().next()
    });
    let below = names.filter(|name| *name != "help").flat_map(|name| leaves(home, &format!("{above} {name}")));
    let alone = ALONE.iter().filter(|name| **name == above.trim_start()).map(|name| (*name).to_owned());
    below.chain(alone).collect()
}

/// What a command writes to a terminal, escapes made visible.
fn in_terminal(line: &str, columns: u16, no_color: bool) -> String {
    let home = home();
    let mut command = home.program(ORK);
    command.args(line.split(' ')).envs(no_color.then_some(("NO_COLOR", "1")));
    let (code, screen) = Terminal::start(command, 50, columns).end();
    let text = String::from_utf8(screen.bytes).unwrap().replace("\r\n", "\n");
    let text = Regex::new("\x1b\\[([0-9;]*)m").unwrap().replace_all(&text, "‹$1›").replace('\x1b', "␛");
    format!("exit {}\n{}", code.unwrap(), home.masked(&text))
}

/// Text without what only a slow machine says, numbers that count it, and padding that depends on times.
pub fn steady(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.contains("task.dispatched") && !line.contains("task.running"));
    let text = lines.map(|line| format!("{line}\n")).collect::<String>();
    let masks = [
        (r#""seq":\d+"#, r#""seq":N"#),
        (r"(?m)^ +\d+  MOMENT", "  N  MOMENT"),
        (r#""(cpu_ms|memory_bytes_max|seq_last|sealed|unsealed)":\d+"#, r#""$1":N"#),
        (r"\b[0-9a-f]{64}\b", "LINK"),
        (r#"\b(key "?|"key_id":")[0-9a-f]{16}\b"#, "${1}KEY"),
        (r"\b(event|events) \d+ of", "$1 N of"),
        (r"\d+ events sealed, \d+ not yet", "N events sealed, N not yet"),
        (r"\d+ events sealed with", "N events sealed with"),
        (" {2,}", "  "),
    ];
    masks.iter().fold(text, |text, (pattern, mask)| Regex::new(pattern).unwrap().replace_all(&text, *mask).into_owned())
}

#[test]
fn every_command_has_its_faces() {
    let listed: Vec<String> = CALLS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut there = leaves(&home(), "");
    let mut known = listed.clone();
    there.sort();
    known.sort();
    assert_eq!(there, known, "each command stands in CALLS");
    for (name, line) in CALLS {
        let faces: BTreeMap<&str, String> = [
            ("1 through a pipe", home().says(line)),
            ("2 as JSON", home().says(&format!("{line} --json"))),
            ("3 in a terminal", in_terminal(line, 100, false)),
            ("4 in a narrow terminal, NO_COLOR", in_terminal(line, 40, true)),
        ]
        .into();
        let text: String = faces.iter().map(|(face, text)| format!("===== {face}\n{}\n", steady(text))).collect();
        insta::with_settings!({description => format!("ork {line}"), omit_expression => true, prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!(name.replace(' ', "-"), text);
        });
    }
}

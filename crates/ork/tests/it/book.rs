//! The book: its pages are all in the summary, lead to each other, and every block that they show is run. A page is one
//! session in one shell, in an empty home with the examples beside it:
//!
//! - `sh` must succeed; `console` must say what it shows: `…` is some text of a line, `...` some lines.
//! - `yaml` that begins with `# NAME.yaml` is a file that later commands use; of one for GitHub Actions the commands run;
//!   any other must be a valid workflow, and so must `json`.
//! - `toml` must be an `ork.toml`, `sql` must run on the history that the page made, `text` is only shown.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ork_core::state::{RUN_CHANGES, Reason, RunStatus, TASK_CHANGES, TaskStatus};
use regex::Regex;

use crate::docs::{root, with_examples};
use crate::home::Home;
use crate::postgres::{owner, rows, with_database, with_empty_database};
use crate::reference::sqlite;

/// What pages call the server of PostgreSQL.
const SERVER: &str = "postgres://ork@localhost/ork";
/// The same for the owner of its tables.
const OWNER: &str = "postgres://ork_owner@localhost/ork";
/// Where pages say that `ork serve` listens.
const PORT: &str = "6750";
/// The home of whoever a page shows.
const SHOWN_HOME: &str = "/home/ada";

struct Block {
    page: String,
    line: usize,
    language: String,
    text: String,
}

/// A command of a `console` block, and what it is to say.
struct Exchange {
    place: String,
    command: String,
    said: String,
}

/// The pages of the summary, from `docs`.
fn pages() -> Vec<String> {
    let summary = read("SUMMARY.md");
    let pages: Vec<String> = links(&summary).map(str::to_owned).collect();
    assert!(pages.len() > 20, "{pages:?}");
    pages
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join("docs").join(page)).unwrap_or_else(|error| panic!("docs/{page}: {error}"))
}

fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

fn blocks(page: &str, text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for (number, line) in text.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if is_open => is_open = false,
            Some(language) => {
                let (page, language) = (page.to_owned(), language.to_owned());
                blocks.push(Block { page, line: number + 1, language, text: String::new() });
                is_open = true;
            }
            None if is_open => {
                let text = &mut blocks.last_mut().unwrap().text;
                *text += line;
                text.push('\n');
            }
            None => {}
        }
    }
    blocks
}

impl Block {
    fn place(&self) -> String {
        format!("docs/{}:{}", self.page, self.line)
    }

    /// The name of the file that the first line gives.
    fn file(&self) -> Option<&str> {
        let is_name = |name: &&str| name.ends_with(".yaml") && !name.contains([' ', '/']);
        self.text.lines().next()?.strip_prefix("# ").filter(is_name)
    }

    /// The commands of a file for GitHub Actions.
    fn steps(&self) -> Vec<&str> {
        self.text.lines().filter_map(|line| line.trim_start().strip_prefix("- run: ")).collect()
    }

    fn exchanges(&self) -> Vec<Exchange> {
        let mut exchanges: Vec<Exchange> = Vec::new();
        for line in self.text.lines() {
            match (line.strip_prefix("$ "), exchanges.last_mut()) {
                (Some(command), _) => {
                    exchanges.push(Exchange { place: self.place(), command: command.into(), said: String::new() });
                }
                (None, Some(exchange)) => exchange.said += &format!("{line}\n"),
                (None, None) => panic!("{}: the first line is no command", self.place()),
            }
        }
        exchanges
    }
}

/// Whether lines are as they are shown.
fn is_like(shown: &[&str], said: &[&str]) -> bool {
    match shown {
        [] => said.is_empty(),
        ["...", rest @ ..] => (0..=said.len()).any(|skipped| is_like(rest, &said[skipped..])),
        [line, rest @ ..] => {
            let pattern: Vec<String> = line.split('…').map(regex::escape).collect();
            let pattern = Regex::new(&format!("^{}$", pattern.join(".*"))).unwrap();
            said.first().is_some_and(|first| pattern.is_match(first)) && is_like(rest, &said[1..])
        }
    }
}

/// Text without what differs from run to run, and without the padding that depends on it.
fn plain(home: &Home, text: &str) -> String {
    let text = home.masked(&text.replace(SHOWN_HOME, "HOME"));
    let text = Regex::new(" {2,}").unwrap().replace_all(&text, "  ").into_owned();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The session of a page as one script. `codes` of commands pass through the marks.
fn script(blocks: &[Block], exchanges: &mut Vec<Exchange>) -> String {
    // A page that fails halfway leaves no worker behind, which would hold our end of the pipe open.
    let mut script = "exec 2>&1\ntrap 'kill $! 2>/dev/null' EXIT\n".to_owned();
    for block in blocks {
        match (block.language.as_str(), block.file()) {
            ("sh", _) => script += &format!("set -e\n{}set +e\n", block.text),
            ("yaml", Some(file)) => script += &format!("cat >{file} <<'END OF FILE'\n{}END OF FILE\n", block.text),
            ("yaml", None) => block.steps().iter().for_each(|step| script += &format!("set -e\n{step}\nset +e\n")),
            ("console", _) => {
                for exchange in block.exchanges() {
                    let (n, command) = (exchanges.len(), &exchange.command);
                    script += &format!("code=$?; printf '\\n@@{n}\\n'; (exit $code)\n{command}\n");
                    exchanges.push(exchange);
                }
                script += "code=$?; printf '\\n@@\\n'; (exit $code)\n";
            }
            _ => {}
        }
    }
    script + "exit 0\n"
}

/// Files and settings that are shown alone.
fn check_files(block: &Block) {
    let home = Home::new();
    let place = block.place();
    match (block.language.as_str(), block.file()) {
        ("yaml", None) if block.steps().is_empty() => {
            home.file("shown.yaml", &block.text);
            let said = home.says("validate shown.yaml");
            assert!(said.starts_with("exit 0\n"), "{place}\n{said}");
        }
        ("json", _) => {
            home.file("shown.json", &block.text);
            let said = home.says("validate shown.json");
            assert!(said.starts_with("exit 0\n"), "{place}\n{said}");
        }
        ("toml", _) => {
            home.file("ork.toml", &block.text);
            let said = home.says("config show");
            assert!(said.starts_with("exit 0\n"), "{place}\n{said}");
        }
        ("sh" | "console" | "sql" | "text" | "yaml", _) => {}
        (other, _) => panic!("{place}: nothing runs blocks of `{other}`; if it is only to be read, call it `text`"),
    }
}

/// A port that nobody listens on: others may play the same page.
fn free_port() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

/// Plays a page. `server` is what stands for the server of PostgreSQL.
fn play(page: &str, text: &str, server: Option<&str>) {
    let home = with_examples();
    let blocks = blocks(page, text);
    blocks.iter().for_each(check_files);
    let mut exchanges = Vec::new();
    let script = script(&blocks, &mut exchanges);
    let script =
        server.map_or_else(|| script.clone(), |server| script.replace(OWNER, &owner(server)).replace(SERVER, server));
    let port = free_port();
    let listens = |command: &str| format!("{command} --listen 127.0.0.1:{port}");
    let script = script.replace(PORT, &port).replace("ork serve", &listens("ork serve"));
    let script = script.replace("ork dev", &listens("ork dev"));
    let output = home.program("/bin/sh").args(["-c", &script]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "docs/{page}: {}\n{said}", output.status);
    for (n, exchange) in exchanges.iter().enumerate() {
        let (_, own) = said.split_once(&format!("\n@@{n}\n")).unwrap();
        let own = plain(&home, own.split("\n@@").next().unwrap());
        let own = server.map_or_else(|| own.clone(), |server| own.replace(server, SERVER));
        let own = own.replace(&port, PORT);
        let shown = plain(&home, &exchange.said);
        let (shown_lines, own_lines): (Vec<&str>, Vec<&str>) = (shown.lines().collect(), own.lines().collect());
        let (place, command) = (&exchange.place, &exchange.command);
        assert!(is_like(&shown_lines, &own_lines), "{place}\n$ {command}\n--- shown\n{shown}\n--- said\n{own}");
    }
    let queries = blocks.iter().filter(|block| block.language == "sql");
    for query in queries {
        if exchanges.is_empty() {
            assert!(home.says("run examples/hello.yaml").starts_with("exit 0\n"));
        }
        assert!(!sqlite(&home, &query.text).is_empty() || query.text.contains("'failed'"), "{}", query.place());
    }
}

#[test]
fn the_summary_has_every_page() {
    let listed: BTreeSet<String> = pages().into_iter().collect();
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(root().join("docs")).unwrap().to_string_lossy().into_owned();
            let is_page = name.ends_with(".md") && name != "SUMMARY.md";
            assert!(!is_page || listed.contains(&name), "docs/{name} is not in docs/SUMMARY.md");
        }
    }
}

/// That a link leads to a file and a heading is checked by `cargo xtask tidy`; here, that it stays in the book.
#[test]
fn links_stay_in_the_book() {
    let listed: BTreeSet<String> = pages().into_iter().collect();
    for page in &listed {
        for link in links(&read(page)).filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let target = link.split('#').next().unwrap();
            let mut parts: Vec<&str> = Path::new(page).parent().unwrap().iter().map(|p| p.to_str().unwrap()).collect();
            for part in target.split('/') {
                if part == ".." {
                    assert!(parts.pop().is_some(), "docs/{page}: the link to `{link}` leaves the book");
                } else {
                    parts.push(part);
                }
            }
            let target = parts.join("/");
            let is_there = listed.contains(&target) || target.ends_with(".json");
            assert!(is_there, "docs/{page}: `{link}` leads to no page of the book");
        }
    }
}

#[test]
fn every_page_does_what_it_shows() {
    std::thread::scope(|scope| {
        for page in pages() {
            scope.spawn(move || {
                let text = read(&page);
                if text.contains(SERVER) && !page.starts_with("reference/") {
                    with_empty_database(|url| play(&page, &text, Some(url)));
                } else {
                    play(&page, &text, None);
                }
            });
        }
    });
}

#[test]
fn files_that_are_shown_are_used() {
    for page in pages() {
        let blocks = blocks(&page, &read(&page));
        for (n, block) in blocks.iter().enumerate() {
            let Some(file) = block.file().filter(|_| block.language == "yaml") else { continue };
            let is_used = |later: &Block| later.language != "yaml" && later.text.contains(file);
            assert!(blocks[n..].iter().any(is_used), "{}: no command uses `{file}`", block.place());
        }
    }
}

/// A row of a table: the first cell, and the words in its last one.
fn rows_of(page: &str) -> Vec<(String, Vec<String>)> {
    let words = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let text = read(page);
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|')?.split_once(" | "));
    rows.map(|(first, rest)| (first.trim_matches('`').to_owned(), words(rest.rsplit(" |").next().unwrap()))).collect()
}

#[test]
fn states_are_those_of_the_code() {
    let mut rows = rows_of("concepts/runs.md").into_iter();
    let mut check = |status: &str, next: Vec<&str>| {
        let row = rows.find(|(word, _)| word == status);
        assert_eq!(row.map(|(_, next)| next), Some(next.into_iter().map(str::to_owned).collect()), "{status}");
    };
    for status in RunStatus::ALL {
        let next = RUN_CHANGES.iter().find(|(from, _)| from == status).map_or(&[][..], |(_, next)| next);
        check(status.word(), next.iter().map(|next| next.word()).collect());
    }
    for status in TaskStatus::ALL {
        let next = TASK_CHANGES.iter().find(|(from, _)| from == status).map_or(&[][..], |(_, next)| next);
        check(status.word(), next.iter().map(|next| next.word()).collect());
    }
    for reason in Reason::ALL {
        assert!(read("concepts/runs.md").contains(&format!("\n| `{reason}` | ")), "{reason}");
    }
}

#[test]
fn guarantees_are_those_that_are_explained() {
    let page = read("concepts/guarantees.md");
    let home = Home::new();
    let codes = home.values("explain --json");
    let codes = codes.iter().filter_map(|row| row["code"].as_str()?.strip_prefix('G'));
    let missing: Vec<&str> =
        codes.filter(|n| !page.contains(&format!("[G{n}](../reference/errors.md#g{n})"))).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// The queries say the same on the other database.
#[test]
fn queries_run_on_postgresql() {
    with_database(|url| {
        let home = with_examples();
        let at = format!("--database {url}");
        assert!(home.says(&format!("db migrate {at}")).starts_with("exit 0\n"));
        assert!(home.says(&format!("run examples/hello.yaml {at}")).starts_with("exit 0\n"));
        let all: Vec<Block> = pages().iter().flat_map(|page| blocks(page, &read(page))).collect();
        let queries: Vec<&Block> = all.iter().filter(|block| block.language == "sql").collect();
        assert!(!queries.is_empty());
        for query in queries {
            assert!(!rows(url, &query.text).is_empty() || query.text.contains("'failed'"), "{}", query.place());
        }
    });
}

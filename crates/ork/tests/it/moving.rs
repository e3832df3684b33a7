//! Everything of one database in another: by copy, by files, by backup.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::future::Future;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use ork_core::store::Store;
use ork_core::transfer::{Row, Source, Table, Value, is_one_sided};
use ork_postgres::{PgOptions, PgSource, PgStore};
use ork_sqlite::{Durability, SqliteOptions, SqliteSource, SqliteStore};

use crate::home::{Home, ORK};
use crate::postgres::{owner, rows, with_database, with_empty_database};

/// Rows of each table, in the order of their keys.
type Tables = BTreeMap<String, Vec<Row>>;

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Everything that a database holds and another one holds too. Of places in the order of all events only the order counts.
fn everything(url: &str) -> Tables {
    block(async {
        let mut source: Box<dyn Source> = match url.strip_prefix("sqlite:") {
            Some(path) => Box::new(SqliteSource::open(Path::new(path), &ork_postgres::tables()).unwrap()),
            None => Box::new(PgSource::connect(url).await.unwrap()),
        };
        let mut found = Tables::new();
        for mut table in source.tables().to_vec() {
            if is_one_sided(&table.name) {
                continue;
            }
            let known = ork_postgres::tables().into_iter().find(|known| known.name == table.name).unwrap();
            // Both in one order of columns.
            table.columns = known.columns;
            table.key = known.key;
            let mut all = Vec::new();
            loop {
                let page = source.next(&table).await.unwrap();
                if page.is_empty() {
                    break;
                }
                all.extend(page.rows().to_vec());
            }
            if table.name == "events" {
                in_order_of_feed(&table, &mut all);
            }
            found.insert(table.name, all);
        }
        found
    })
}

fn in_order_of_feed(table: &Table, rows: &mut [Row]) {
    let [feed, run, seq] = ["feed", "run_id", "seq"].map(|column| table.place(column).unwrap());
    rows.sort_by_key(|row| (row[feed].clone(), row[run].clone(), row[seq].clone()));
    for row in rows {
        assert!(row[feed] > Value::Integer(0), "it stands in the order");
        row[feed] = Value::Null;
    }
}

fn assert_same(left: &str, right: &str) {
    let (left, right) = (everything(left), everything(right));
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
    for (table, rows) in &left {
        assert_eq!(rows, &right[table], "{table}");
    }
}

fn sqlite(home: &Home, name: &str) -> (String, SqliteStore) {
    let path = home.project().join(name);
    let options = SqliteOptions { durability: Durability::Normal, ..SqliteOptions::default() };
    (format!("sqlite:{}", path.display()), SqliteStore::open(&path, &options).unwrap())
}

/// A database with rows of every kind.
fn scene(home: &Home, name: &str) -> String {
    let (url, store) = sqlite(home, name);
    block(ork_conformance::scene(Arc::new(store)));
    url
}

fn carry_on(home: &Home, url: &str) {
    if url.starts_with("sqlite:") {
        let (_, store) = sqlite(home, url.rsplit('/').next().unwrap());
        return block(ork_conformance::carry_on(Arc::new(store)));
    }
    block(async {
        let store = PgStore::connect(url, PgOptions::default()).await.unwrap();
        ork_conformance::carry_on(Arc::new(store) as Arc<dyn Store>).await;
    });
}

fn succeeds(home: &Home, line: &str) -> String {
    let said = home.says(line);
    assert!(said.starts_with("exit 0\n"), "{line}\n{said}");
    said
}

/// Which tables of a scene have no row. A table of a later migration belongs into the scene, so that its rows are seen to
/// move; this list only gets shorter.
const WITHOUT_ROWS: &[&str] = &[];

#[test]
fn everything_moves_between_databases_and_files() {
    let home = Home::new();
    let first = scene(&home, "first.db");
    let filled = everything(&first);
    let empty: Vec<&str> = filled.iter().filter(|(_, rows)| rows.is_empty()).map(|(name, _)| name.as_str()).collect();
    assert_eq!(empty, WITHOUT_ROWS, "the scene has rows of every table");
    with_database(|second| {
        let said = succeeds(&home, &format!("db copy --from {first} --to {second}"));
        assert!(said.contains("nothing is wrong"), "{said}");
        assert_same(&first, second);
        succeeds(&home, &format!("db export files --database {second}"));
        let third = format!("sqlite:{}", home.project().join("third.db").display());
        succeeds(&home, &format!("db import files --database {third}"));
        assert_same(&first, &third);
        let fourth = format!("sqlite:{}", home.project().join("fourth.db").display());
        succeeds(&home, &format!("db copy --from {third} --to {fourth}"));
        assert_same(&first, &fourth);
        with_database(|fifth| {
            succeeds(&home, &format!("db export more --database {fourth}"));
            succeeds(&home, &format!("db import more --database {fifth}"));
            assert_same(&first, fifth);
            succeeds(&home, &format!("db backup sixth.db --database {fifth}"));
            let sixth = format!("sqlite:{}", home.project().join("sixth.db").display());
            assert_same(&first, &sixth);
            for url in [second, third.as_str(), fifth, sixth.as_str()] {
                carry_on(&home, url);
                succeeds(&home, &format!("doctor --database {url}"));
            }
        });
    });
}

/// Whatever state a database is in, a copy of it is in the same, and goes on from there.
#[test]
fn random_states_move() {
    let home = Home::new();
    let folder = home.project();
    let count = std::sync::atomic::AtomicU32::new(0);
    block(ork_conformance::random(
        || async {
            let name = format!("{}.db", count.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            let (_, store) = sqlite(&home, &name);
            rusqlite::Connection::open(folder.join(&name))
                .and_then(|db| {
                    let id = ork_conformance::OTHER.uuid().into_bytes().to_vec();
                    db.execute("INSERT INTO workspaces (id, name, created_at) VALUES (?1, 'other', 0)", [id])
                })
                .unwrap();
            Arc::new(store) as Arc<dyn Store>
        },
        0..3,
        120,
    ));
    for n in 0..count.into_inner() {
        let url = |name: &str| format!("sqlite:{}", folder.join(name).display());
        let (first, back) = (url(&format!("{n}.db")), url(&format!("{n}-back.db")));
        with_database(|middle| {
            succeeds(&home, &format!("db copy --from {first} --to {middle}"));
            assert_same(&first, middle);
            succeeds(&home, &format!("db copy --from {middle} --to {back}"));
            assert_same(&first, &back);
            carry_on(&home, middle);
            carry_on(&home, &back);
        });
    }
}

#[test]
fn a_run_goes_on_where_it_was_copied_to() {
    with_database(|url| {
        let home = Home::new();
        home.file("flow.yaml", "tasks:\n  a: {run: 'echo once >> a'}\n  b: {depends_on: [a], run: 'test $ORK_ATTEMPT -gt 1 || sleep 60'}\n");
        let mut run = home.start("run flow.yaml");
        run.wait_for(" b");
        run.kill();
        // It is some time later: a worker that was heard of just now may live, and on another database nobody can tell.
        let path = home.dir.join(".local/share/ork/ork.db");
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute("UPDATE workers SET heartbeat_at = heartbeat_at - 60000000", []).unwrap();
        drop(db);
        let from = format!("sqlite:{}", path.display());
        succeeds(&home, &format!("db copy --from {from} --to {url}"));
        let said = succeeds(&home, &format!("run --resume last --database {url}"));
        assert!(said.contains("its worker died; again"), "{said}");
        assert_eq!(fs::read_to_string(home.project().join("a")).unwrap(), "once\n", "what was done is not done again");
        let said = succeeds(&home, &format!("events last --database {url}"));
        assert!(said.contains("run.success"), "{said}");
    });
}

/// New events come after those that were copied, for whoever reads all of them.
#[test]
fn the_order_of_events_goes_on() {
    with_database(|url| {
        let home = Home::new();
        let first = scene(&home, "first.db");
        // As on a database that has seen more than the cluster has: its numbers are beyond all transactions.
        let db = rusqlite::Connection::open(home.project().join("first.db")).unwrap();
        db.execute_batch("DROP TRIGGER events_are_not_changed; UPDATE events SET feed = feed * 1000000000000").unwrap();
        let counted: i64 = db.query_row("SELECT count(DISTINCT feed) FROM events", [], |row| row.get(0)).unwrap();
        drop(db);
        succeeds(&home, &format!("db copy --from {first} --to {url}"));
        assert_same(&first, url);
        let at_work = rows(
            url,
            "SET ROLE ork_engine; SELECT max(feed) < pg_current_xact_id()::text::bigint, count(DISTINCT feed) FROM events",
        );
        assert_eq!(at_work, [["t".to_owned(), counted.to_string()]]);
        carry_on(&home, url);
        let back = rows(
            url,
            "SET ROLE ork_engine; SELECT count(*) FROM events e JOIN events before ON before.run_id = e.run_id AND before.seq < e.seq WHERE before.feed > e.feed",
        );
        assert_eq!(back, [["0"]]);
    });
}

#[test]
fn what_cannot_be_a_target_is_refused_and_unchanged() {
    let home = Home::new();
    let first = scene(&home, "first.db");
    let check = |line: &str, code: u8, words: &str| {
        let said = home.says(line);
        assert!(said.starts_with(&format!("exit {code}\n")) && said.contains(words), "{line}\n{said}");
    };
    check(&format!("db copy --from {first} --to {first}"), 2, "are both");
    check("db copy --from sqlite:none.db --to sqlite:new.db", 7, "does not exist");
    let second = scene(&home, "second.db");
    let before = everything(&second);
    check(&format!("db copy --from {first} --to {second}"), 2, "the target is not empty");
    check(&format!("db copy --from {first} --to mysql://x"), 2, "is not the URL of a database");
    assert_eq!(everything(&second), before);
    check(&format!("db backup second.db --database {first}"), 2, "exists already");
    fs::create_dir_all(home.project().join("full/of")).unwrap();
    check(&format!("db export full --database {first}"), 2, "is not empty");
    assert_eq!(everything(&second), before);
    let left = fs::read_dir(home.project())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".part-"));
    assert_eq!(left.count(), 0);
    with_empty_database(|url| {
        check(&format!("db copy --from {first} --to {url}"), 2, "ork db migrate");
        succeeds(&home, &format!("db migrate --database {}", owner(url)));
        check(&format!("db copy --from {first} --to {}", owner(url)), 2, "is for `ork db` alone");
        succeeds(&home, &format!("db copy --from {first} --to {url}"));
        check(&format!("db copy --from {first} --to {url}"), 2, "the target is not empty");
        assert_same(&first, url);
    });
}

/// Whenever a copy dies, its target is as empty as before, and the next one brings everything.
#[test]
fn a_copy_that_is_killed_has_done_nothing() {
    let home = Home::new();
    let first = scene(&home, "first.db");
    home.file("wide.yaml", "tasks: {a: {run: 'true', count: 30000}}\n");
    succeeds(&home, &format!("runs submit wide.yaml --database {first}"));
    let check = |target: &str| {
        let before = everything(target);
        let mut killed = 0;
        for ms in [20, 60, 100, 150, 200, 300] {
            let mut command = home.program(ORK);
            command.args(["db", "copy", "--from", &first, "--to", target]).stdout(Stdio::null()).stderr(Stdio::null());
            let mut copy = command.spawn().unwrap();
            std::thread::park_timeout(Duration::from_millis(ms));
            if copy.try_wait().unwrap().is_some() {
                break;
            }
            copy.kill().unwrap();
            if copy.wait().unwrap().success() || everything(target) != before {
                break;
            }
            killed += 1;
        }
        assert!(killed > 2, "killed while nothing was done: {killed} times");
        let said = home.says(&format!("db copy --from {first} --to {target}"));
        // Of the last ones that were killed one may have been through.
        assert!(said.starts_with("exit 0\n") || said.contains("the target is not empty"), "{said}");
        assert_same(&first, target);
    };
    let (second, store) = sqlite(&home, "second.db");
    drop(store);
    check(&second);
    with_database(check);
}

/// Whatever is wrong with a folder, its place is said and the database stays as it was.
#[test]
fn a_broken_export_is_refused_with_its_place() {
    let home = Home::new();
    let first = scene(&home, "first.db");
    let there = |name: &str| home.project().join("files").join(name);
    let refused = |words: &str| {
        let said = home.says("db import files --database sqlite:new.db");
        assert!(
            said.starts_with("exit 2\n") && said.contains(words) && said.contains("nothing was changed"),
            "{words}\n{said}"
        );
    };
    let fresh = || {
        fs::remove_dir_all(there("")).ok();
        succeeds(&home, &format!("db export files --database {first}"));
        let mut names: Vec<_> = fs::read_dir(there("runs")).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names[0].clone()
    };
    let change = |path: &Path, from: &str, to: &str| {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    };
    let run = fresh();
    change(&run, "\"priority\": 0", "\"priority\": \"high\"");
    refused(".json:7:");
    let run = fresh();
    change(&run, "\"name\"", "\"nome\"");
    refused("`runs` has no column `nome`");
    let run = fresh();
    change(&run, "\"triggered_by\": \"api\"", "\"triggered_by\": \"moon\"");
    refused("a row of table `runs` is refused");
    let run = fresh();
    fs::remove_file(&run).unwrap();
    refused("manifest.json` says");
    let run = fresh();
    fs::rename(&run, run.with_file_name("other.json")).unwrap();
    refused("what is in it belongs into `");
    let run = fresh();
    fs::write(run.with_file_name("notes.txt"), "").unwrap();
    refused("notes.txt` is not of an export");
    fresh();
    fs::create_dir(there("moons")).unwrap();
    refused("moons` is not of an export");
    fresh();
    fs::remove_file(there("manifest.json")).unwrap();
    let said = home.says("db import files --database sqlite:new.db");
    assert!(said.starts_with("exit 2\n") && said.contains("never finished"), "{said}");
    fresh();
    succeeds(&home, "db import files --database sqlite:new.db");
    assert_same(&first, &format!("sqlite:{}", home.project().join("new.db").display()));
}

/// What is exported can be read by people, and holds no secret.
#[test]
fn an_export_is_readable() {
    let home = Home::new();
    home.file(
        "flow.yaml",
        "name: flow\nlabels: {team: media}\ntasks:\n  a: {run: 'echo hello; echo 7 > $ORK_OUTPUT'}\n",
    );
    succeeds(&home, "run flow.yaml");
    let token = home.output(&["tokens", "create", "ci", "--role", "admin"]);
    let secret = String::from_utf8(token.stdout).unwrap();
    succeeds(&home, "db export files");
    let mut text = String::new();
    let mut folders = BTreeSet::new();
    for folder in fs::read_dir(home.project().join("files")).unwrap() {
        let folder = folder.unwrap().path();
        folders.insert(folder.file_name().unwrap().to_string_lossy().into_owned());
        for file in fs::read_dir(&folder).into_iter().flatten() {
            text += &fs::read_to_string(file.unwrap().path()).unwrap();
        }
    }
    for folder in ["runs", "tasks", "events", "logs", "manifest.json"] {
        assert!(folders.contains(folder), "{folders:?}");
    }
    for words in
        ["\"output\": 7,", "\"bytes\": \"hello\\n\"", "\"status\": \"success\"", "Z\",\n", "\"value\": \"media\""]
    {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let secret = secret.lines().find(|line| line.contains("ork_")).unwrap().trim();
    assert!(secret.len() > 20 && !text.contains(secret), "{text}");
}

/// Backups while everything is at work: each is whole.
#[test]
fn backups_under_load_are_whole() {
    let check = |home: &Home, at: &str| {
        home.file(
            "flow.yaml",
            "tasks:\n  first: {run: 'true'}\n  a: {depends_on: [first], count: 300, run: 'echo $ORK_TASK_INDEX'}\n",
        );
        let mut taken = 0;
        for round in 0..3 {
            let mut run = home.start(&format!("run flow.yaml{at}"));
            run.wait_for("first");
            for part in 0..2 {
                let name = format!("backup-{round}-{part}.db");
                let said = succeeds(home, &format!("db backup {name}{at}"));
                assert!(said.contains("nothing is wrong"), "{said}");
                succeeds(home, &format!("doctor --database sqlite:{name}"));
                let live = home.values(&format!("runs list status:running --json --database sqlite:{name}"));
                taken += live.len();
            }
            let said = run.end(home);
            assert!(said.starts_with("exit 0\n"), "{said}");
        }
        assert!(taken > 0, "none of them was taken under load");
    };
    check(&Home::new(), "");
    with_database(|url| check(&Home::new(), &format!(" --database {url}")));
}

/// What one database has and the other has not stands in one table, with its reason.
#[test]
fn both_databases_have_the_same_tables() {
    let home = Home::new();
    let (url, _store) = sqlite(&home, "a.db");
    let path = url.strip_prefix("sqlite:").unwrap();
    let known = ork_postgres::tables();
    let source = SqliteSource::open(Path::new(path), &known).unwrap();
    let of = |tables: &[Table]| -> BTreeMap<String, (BTreeSet<String>, Vec<String>)> {
        let named = tables.iter().filter(|table| !is_one_sided(&table.name)).map(|table| {
            let columns: BTreeSet<String> = table.columns.iter().map(|column| column.name.clone()).collect();
            let key: Vec<String> = table.key.iter().map(|at| table.columns[*at].name.clone()).collect();
            (table.name.clone(), (columns, key))
        });
        named.collect()
    };
    assert_eq!(of(source.tables()), of(&known));
}

/// Rows that come and go with each step of a task, which are no files beside a database.
const QUEUE: &[&str] = &["delayed", "evaluations", "held", "leases", "ready", "run_slots"];

/// The files of rows below a folder, with what is in them.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for table in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let name = table.file_name().unwrap().to_string_lossy().into_owned();
        if QUEUE.contains(&name.as_str()) || name.starts_with("ork.db") {
            continue;
        }
        for file in fs::read_dir(&table).unwrap().map(|entry| entry.unwrap().path()) {
            let name = format!("{name}/{}", file.file_name().unwrap().to_string_lossy());
            found.insert(name, fs::read_to_string(file).unwrap());
        }
    }
    found
}

/// Files beside a database are what an export of it would be, whoever wrote to it, and whatever somebody did to them.
#[test]
fn files_follow_their_database() {
    let home = Home::new();
    home.file("flow.yaml", "name: flow\ntasks:\n  a: {count: 3, run: 'echo hello'}\n  b: {depends_on: [a], run: 'exit 3', retry: {max_attempts: 2, delay: 1ms}}\n");
    let seen = home.project().join("seen");
    let agree = |line: &str| {
        home.says(line);
        fs::remove_dir_all(home.project().join("files")).ok();
        let before = files(&seen);
        succeeds(&home, "db export files --database sqlite:seen/ork.db");
        let exported = files(&home.project().join("files"));
        assert_eq!(before.keys().collect::<Vec<_>>(), exported.keys().collect::<Vec<_>>(), "{line}");
        assert_eq!(before, exported, "{line}");
        before
    };
    let first = agree("run flow.yaml --database files:seen");
    let count =
        |files: &BTreeMap<String, String>, table: &str| files.keys().filter(|name| name.starts_with(table)).count();
    let counts = ["runs/", "tasks/", "attempts/", "logs/"].map(|table| count(&first, table));
    assert_eq!(counts, [1, 4, 1, 3], "{:?}", first.keys());
    // What a process that died had written is in the files after the next command.
    home.says("run flow.yaml --database sqlite:seen/ork.db");
    assert_eq!(files(&seen), first, "nobody has looked yet");
    let second = agree("runs list --database files:seen");
    assert_eq!(count(&second, "runs/"), 2);
    // What belongs to no run has no event.
    agree("workflows apply flow.yaml --database files:seen");
    agree("queues pause video --database files:seen");
    agree("queues resume video --database files:seen");
    // Files are not read, and are made anew.
    fs::remove_file(seen.join(".projected")).unwrap();
    fs::remove_dir_all(seen.join("tasks")).unwrap();
    fs::write(seen.join("runs/other.json"), "{}").unwrap();
    agree("runs list --database files:seen");
    let url = format!("sqlite:{}", seen.join("ork.db").display());
    succeeds(&home, "db copy --from files:seen --to files:again");
    assert_same(&url, &format!("sqlite:{}", home.project().join("again/ork.db").display()));
    assert_eq!(files(&home.project().join("again")), files(&seen));
}

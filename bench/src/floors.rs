//! What the machine can do without Ork: measured in the same run.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Result;
use rusqlite::Connection;

use crate::measure::quantile;
use crate::world::{Kind, folder, fresh_postgres};

/// Rows inserted per second in batches, and tasks claimed and completed per second, by bare SQL on SQLite (`FULL`).
pub fn sqlite(tasks: u32, batch: u32) -> Result<(f64, f64)> {
    let folder = folder();
    let db = Connection::open(folder.join("floor.db"))?;
    db.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
         CREATE TABLE task (id INTEGER PRIMARY KEY, state INTEGER NOT NULL, worker INTEGER);
         CREATE TABLE ready (id INTEGER PRIMARY KEY);",
    )?;
    let begin = Instant::now();
    for from in (0..tasks).step_by(batch as usize) {
        db.execute_batch("BEGIN IMMEDIATE")?;
        let mut task = db.prepare_cached("INSERT INTO task VALUES (?1, 0, NULL)")?;
        let mut ready = db.prepare_cached("INSERT INTO ready VALUES (?1)")?;
        for id in from..(from + batch).min(tasks) {
            task.execute([id])?;
            ready.execute([id])?;
        }
        db.execute_batch("COMMIT")?;
    }
    let insert = f64::from(tasks) / begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    let mut done = 0;
    while done < tasks {
        db.execute_batch("BEGIN IMMEDIATE")?;
        let ids: Vec<u32> = {
            let mut head = db.prepare_cached(
                "DELETE FROM ready WHERE id IN (SELECT id FROM ready ORDER BY id LIMIT ?1) RETURNING id",
            )?;
            head.query_map([batch], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        let mut claim = db.prepare_cached("UPDATE task SET state = 1, worker = 7 WHERE id = ?1")?;
        for id in &ids {
            claim.execute([id])?;
        }
        db.execute_batch("COMMIT; BEGIN IMMEDIATE")?;
        let mut complete = db.prepare_cached("UPDATE task SET state = 2 WHERE id = ?1")?;
        for id in &ids {
            complete.execute([id])?;
        }
        db.execute_batch("COMMIT")?;
        done += batch;
    }
    let drain = f64::from(tasks) / begin.elapsed().as_secs_f64();
    std::fs::remove_dir_all(folder)?;
    Ok((insert, drain))
}

/// The same on PostgreSQL: a task row and a ready row each, claimed by DELETE and completed by UPDATE, one client.
pub async fn postgres(tasks: u32, batch: u32) -> Result<(f64, f64)> {
    let url = fresh_postgres().await?;
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    client
        .batch_execute(
            "CREATE TABLE task (id bigint PRIMARY KEY, state int NOT NULL, worker int) WITH (fillfactor = 60);
             CREATE TABLE ready (id bigint PRIMARY KEY);",
        )
        .await?;
    let begin = Instant::now();
    let count = i64::from(tasks);
    client.execute("INSERT INTO task SELECT i, 0, NULL FROM generate_series(1, $1::bigint) i", &[&count]).await?;
    client.execute("INSERT INTO ready SELECT i FROM generate_series(1, $1::bigint) i", &[&count]).await?;
    let insert = f64::from(tasks) / begin.elapsed().as_secs_f64();
    let claim = client
        .prepare(
            "DELETE FROM ready WHERE ctid = ANY (ARRAY(SELECT ctid FROM ready WHERE id >= $2 ORDER BY id LIMIT $1 \
             FOR UPDATE SKIP LOCKED)) RETURNING id",
        )
        .await?;
    let complete = client.prepare("UPDATE task SET state = 2, worker = 7 WHERE id = ANY ($1)").await?;
    let begin = Instant::now();
    let mut next = 0_i64;
    loop {
        let rows = client.query(&claim, &[&i64::from(batch), &next]).await?;
        if rows.is_empty() {
            break;
        }
        let ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        next = ids.iter().max().copied().unwrap_or(0) + 1;
        client.execute(&complete, &[&ids]).await?;
    }
    Ok((insert, f64::from(tasks) / begin.elapsed().as_secs_f64()))
}

/// Milliseconds of one bare commit of one row, the median of so many.
pub async fn commit(kind: Kind, count: u32) -> Result<f64> {
    let mut times = Vec::new();
    match kind {
        Kind::Sqlite => {
            let folder = folder();
            let db = Connection::open(folder.join("floor.db"))?;
            db.execute_batch(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE row (n INTEGER PRIMARY KEY);",
            )?;
            let mut insert = db.prepare("INSERT INTO row VALUES (?1)")?;
            for n in 0..count {
                let begin = Instant::now();
                insert.execute([n])?;
                times.push(begin.elapsed().as_secs_f64() * 1e3);
            }
            std::fs::remove_dir_all(folder)?;
        }
        Kind::Postgres => {
            let (client, connection) = tokio_postgres::connect(&fresh_postgres().await?, tokio_postgres::NoTls).await?;
            tokio::spawn(connection);
            client.batch_execute("CREATE TABLE row (n bigint PRIMARY KEY)").await?;
            let insert = client.prepare("INSERT INTO row VALUES ($1)").await?;
            for n in 0..count {
                let begin = Instant::now();
                client.execute(&insert, &[&i64::from(n)]).await?;
                times.push(begin.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    Ok(quantile(&times, 0.5))
}

/// Starts and waits of `/bin/true` per second with both streams captured, so many in flight, nothing remembered.
pub fn spawn(count: u32, in_flight: u32) -> f64 {
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..in_flight {
            scope.spawn(|| {
                for _ in 0..count / in_flight {
                    let mut command = Command::new("/bin/true");
                    command.stdin(Stdio::null()).output().expect("/bin/true runs");
                }
            });
        }
    });
    f64::from(count) / begin.elapsed().as_secs_f64()
}

/// `xargs -P2` over the same.
pub fn xargs(count: u32) -> Result<f64> {
    let begin = Instant::now();
    let status = Command::new("sh").args(["-c", &format!("seq {count} | xargs -P2 -n1 /bin/true")]).status()?;
    anyhow::ensure!(status.success(), "xargs failed");
    Ok(f64::from(count) / begin.elapsed().as_secs_f64())
}

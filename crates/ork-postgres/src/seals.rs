//! Seals of events.

use async_trait::async_trait;
use ork_core::error::{StoreError, StoreResult};
use ork_core::id::RunId;
use ork_core::seal::{Anchor, Link, SealRow, Unsealed};
use ork_core::store::{ROWS_MAX, Scope, SealKeyRow, Seals};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::conn::{Batch, Conn, column, one};
use crate::fault::Work;
use crate::rows::{Columns, big, event_row, filter, int};
use crate::sql::Sql;
use crate::store::{PgStore, Transition};

#[async_trait]
impl Seals for PgStore {
    async fn unsealed(&self, rows: u32) -> StoreResult<Vec<Unsealed>> {
        collect(&self.select(Scope::All, Sql::SealsUnsealed, &[&i64::from(rows)]).await?)
    }

    async fn unsealed_of(&self, scope: Scope, run: RunId, rows: u32) -> StoreResult<Option<Unsealed>> {
        let values: [&(dyn ToSql + Sync); 3] = [&run.uuid(), &filter(scope), &i64::from(rows)];
        Ok(collect(&self.select(scope, Sql::SealsUnsealedOf, &values).await?)?.pop())
    }

    async fn seal(&self, seals: &[SealRow]) -> StoreResult<u64> {
        if seals.is_empty() {
            return Ok(0);
        }
        self.write(Scope::All, Seal(seals.to_vec())).await
    }

    async fn seals(&self, scope: Scope, run: RunId, after: u32, limit: u32) -> StoreResult<Vec<SealRow>> {
        let limit = i64::from(limit.min(ROWS_MAX));
        let values: [&(dyn ToSql + Sync); 4] = [&run.uuid(), &filter(scope), &int(after), &limit];
        self.select(scope, Sql::SealsList, &values).await?.iter().map(row).collect()
    }

    async fn anchor(&self, scope: Scope, run: RunId) -> StoreResult<Option<Anchor>> {
        let rows = self.select(scope, Sql::HeadsAnchor, &[&run.uuid(), &filter(scope)]).await?;
        let read = |row| {
            let mut c = Columns::of(row, "run_heads");
            Ok(Anchor { seq: c.next("seq")?, sealed: c.next("sealed_seq")? })
        };
        rows.first().map(read).transpose()
    }

    async fn keep_seal_key(&self, key: &SealKeyRow) -> StoreResult<()> {
        let values: [&(dyn ToSql + Sync); 4] = [&key.key_id, &key.sealed, &key.sealed_by, &key.sealed_at.micros()];
        self.change(Scope::All, Sql::SealKeysPut, &values).await?;
        Ok(())
    }

    async fn seal_keys(&self) -> StoreResult<Vec<SealKeyRow>> {
        let read = |row| {
            let mut c = Columns::of(row, "seal_keys");
            Ok(SealKeyRow {
                key_id: c.next("key_id")?,
                sealed: c.next("sealed")?,
                sealed_by: c.next("sealed_by")?,
                sealed_at: c.next("sealed_at")?,
            })
        };
        self.select(Scope::All, Sql::SealKeysList, &[]).await?.iter().map(read).collect()
    }
}

/// Rows of a join of heads and their events: as many of a run as it has, and one without an event for a run that has none.
fn collect(rows: &[Row]) -> StoreResult<Vec<Unsealed>> {
    let mut found: Vec<Unsealed> = Vec::new();
    for row in rows {
        let mut c = Columns::of(row, "seals");
        let run: RunId = c.next("run_id")?;
        let (seals, link): (u32, Option<Vec<u8>>) = (c.next("seals")?, c.option("link")?);
        let (sealed, seq) = (c.next("sealed_seq")?, c.next("head_seq")?);
        if found.last().is_none_or(|last| last.run != run) {
            // One that nobody has made is found by those who verify; the chain begins anew behind it.
            let link = link.as_deref().and_then(Link::from_bytes).unwrap_or(Link::NONE);
            found.push(Unsealed { run, seals, link, sealed, seq, rows: Vec::new() });
        }
        if row.get::<_, Option<i64>>("seq").is_some()
            && let Some(last) = found.last_mut()
        {
            match event_row(run, c) {
                Ok(event) => last.rows.push(event),
                // It is left out, which those who verify will see: nobody else waits for it.
                Err(StoreError::Corrupt { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(found)
}

fn read_link(bytes: &[u8], run: RunId, number: u32) -> StoreResult<Link> {
    Link::from_bytes(bytes).ok_or_else(|| StoreError::Corrupt {
        table: "seals",
        column: "link",
        row: format!("{run} number {number}"),
        problem: format!("{} bytes, and a link has 32", bytes.len()),
    })
}

fn row(row: &Row) -> StoreResult<SealRow> {
    let mut c = Columns::of(row, "seals");
    let (run, number) = (c.next("run_id")?, c.next("number")?);
    let (seq, seq_last, key_id) = (c.next("seq")?, c.next("seq_last")?, c.next("key_id")?);
    let link: Vec<u8> = c.next("link")?;
    let link = read_link(&link, run, number)?;
    Ok(SealRow { run, number, seq, seq_last, key_id, link, marks: c.next("marks")?, sealed_at: c.next("sealed_at")? })
}

struct Seal(Vec<SealRow>);

impl Transition for Seal {
    type Output = u64;

    /// One round trip, however many runs: heads are locked in their order, then all that fits is written.
    async fn apply(&self, db: &Conn) -> Work<u64> {
        let seals = &self.0;
        let runs = || column(seals, |seal: &SealRow| seal.run.uuid());
        let seqs = || column(seals, |seal: &SealRow| big(seal.seq));
        let ends = || column(seals, |seal: &SealRow| big(seal.seq_last));
        let mut batch = Batch::default();
        batch.add(Sql::HeadsLock, vec![runs(), one(None::<Uuid>)]);
        let written = batch.add(
            Sql::SealsInsert,
            vec![
                runs(),
                column(seals, |seal| int(seal.number)),
                seqs(),
                ends(),
                column(seals, |seal| seal.key_id.as_str()),
                column(seals, |seal| seal.link.bytes().as_slice()),
                column(seals, |seal| seal.marks.as_slice()),
                column(seals, |seal| seal.sealed_at.micros()),
            ],
        );
        batch.add(Sql::HeadsSeal, vec![runs(), seqs(), ends()]);
        let answers = db.begin_send(&batch).await?;
        db.commit().await?;
        Ok(answers[written].changed)
    }
}

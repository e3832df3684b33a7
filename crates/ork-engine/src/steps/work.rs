//! The folder of an attempt's steps: kept in the store while nobody works in it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use ork_core::executor::{PartSink, PartSource, StopCause, WorkFolder};
use ork_core::store::{SavedWork, WorkPart};

use crate::assignment::{Unprepared, patiently};
use crate::backoff::Backoff;
use crate::live::Live;

use super::ledger::Gone;

pub struct Work<'a> {
    live: &'a Live,
    folder: &'a dyn WorkFolder,
    /// The number of the last save.
    number: u32,
    is_lost: bool,
    is_kept: AtomicBool,
    /// How often it was saved under this lease.
    saves: AtomicU32,
}

impl<'a> Work<'a> {
    pub const fn new(live: &'a Live, folder: &'a dyn WorkFolder) -> Self {
        let is_kept = AtomicBool::new(false);
        Self { live, folder, number: 0, is_lost: false, is_kept, saves: AtomicU32::new(0) }
    }

    pub const fn folder(&self) -> &dyn WorkFolder {
        self.folder
    }

    /// Nothing of what was in it before is there.
    pub const fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Whether something of it is in the store.
    pub fn is_kept(&self) -> bool {
        self.is_kept.load(Ordering::Acquire)
    }

    /// Brings along what was saved last.
    pub async fn bring(&mut self, saved: Option<&SavedWork>) {
        let Some(saved) = saved else {
            self.is_lost = true;
            return;
        };
        self.number = saved.number;
        *self.is_kept.get_mut() = true;
        let from = Stored { live: self.live, saved };
        if let Err(why) = self.folder.restore(&from, &saved.checksum).await {
            self.live.remark(&format!("what was saved of `$ORK_WORK` could not be restored: {why}"));
            self.is_lost = true;
        }
    }

    /// Saves it; the save before is removed.
    pub async fn keep(&self) -> Result<Result<(), String>, Gone> {
        let number = self.number + 1 + self.saves.load(Ordering::Relaxed);
        let to = Storing { live: self.live, number, parts: AtomicU32::new(0), is_gone: AtomicBool::new(false) };
        let saved = self.folder.save(&to).await;
        if to.is_gone.load(Ordering::Acquire) {
            return Err(Gone);
        }
        let (bytes, checksum) = match saved {
            Ok(saved) => saved,
            Err(why) => return Ok(Err(why)),
        };
        let saved = SavedWork { number, parts: to.parts.load(Ordering::Acquire), bytes, checksum };
        let ticket = &self.live.ticket;
        let at = (ticket.claimed.task, ticket.claimed.attempt, ticket.lease);
        let scope = self.live.parts.config.scope;
        let kept = ask(self.live, || self.live.parts.store.keep_work(scope, at, &saved)).await?;
        match kept {
            Ok(true) => {
                self.is_kept.store(true, Ordering::Release);
                self.saves.fetch_add(1, Ordering::Relaxed);
                Ok(Ok(()))
            }
            Ok(false) => Err(Gone),
            Err(why) => Ok(Err(why)),
        }
    }

    /// Removes what is saved. What fails is left to the janitor, who removes it with its run.
    pub async fn forget(&self) {
        if self.is_kept() {
            let (parts, ticket) = (&self.live.parts, &self.live.ticket);
            let at = (ticket.claimed.task, ticket.claimed.attempt, ticket.lease);
            if let Err(error) = parts.store.drop_work(parts.config.scope, at).await {
                parts.store_failed("steps", &error);
            }
        }
    }
}

/// Asks the store until it answers; `Gone` when this process ends before. An error of another kind is the inner one.
async fn ask<T, F>(live: &Live, request: impl Fn() -> F) -> Result<Result<T, String>, Gone>
where
    F: Future<Output = ork_core::error::StoreResult<T>>,
{
    let mut backoff = Backoff::new();
    loop {
        match request().await {
            Ok(answer) => return Ok(Ok(answer)),
            Err(error) if error.is_transient() => live.parts.store_failed("steps", &error),
            Err(error) => return Ok(Err(error.to_string())),
        }
        backoff.wait().await;
        if live.cause() == Some(StopCause::Drain) {
            return Err(Gone);
        }
    }
}

struct Storing<'a> {
    live: &'a Live,
    number: u32,
    parts: AtomicU32,
    is_gone: AtomicBool,
}

#[async_trait]
impl PartSink for Storing<'_> {
    async fn put(&self, bytes: Vec<u8>) -> Result<(), String> {
        let ticket = &self.live.ticket;
        let part = WorkPart {
            task: ticket.claimed.task,
            attempt: ticket.claimed.attempt,
            lease: ticket.lease,
            number: self.number,
            part: self.parts.fetch_add(1, Ordering::AcqRel),
            bytes,
        };
        let scope = self.live.parts.config.scope;
        match ask(self.live, || self.live.parts.store.save_part(scope, &part)).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) | Err(Gone) => {
                self.is_gone.store(true, Ordering::Release);
                Err("the lease is gone".into())
            }
            Ok(Err(why)) => Err(why),
        }
    }
}

struct Stored<'a> {
    live: &'a Live,
    saved: &'a SavedWork,
}

#[async_trait]
impl PartSource for Stored<'_> {
    async fn get(&self, part: u32) -> Result<Option<Vec<u8>>, String> {
        if part >= self.saved.parts {
            return Ok(None);
        }
        let (parts, claimed) = (&self.live.parts, &self.live.ticket.claimed);
        let at = (claimed.task, claimed.attempt);
        let read = || parts.store.work_part(parts.config.scope, at, self.saved.number, part);
        match patiently(self.live, read).await {
            Ok(Some(bytes)) => Ok(Some(bytes)),
            Ok(None) => Err(format!("part {part} of {} is missing", self.saved.parts)),
            Err(Unprepared::Failed(failure)) => Err(failure.message),
            Err(Unprepared::Stopped) => Err("the attempt was stopped".into()),
        }
    }
}

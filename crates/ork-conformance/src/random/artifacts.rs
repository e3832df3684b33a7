//! Artifacts at random: bytes that are noted, named, doomed and forgotten, in any order.

use ork_core::artifact::{ArtifactAt, NewArtifact, Provenance};
use ork_core::blobs::BlobKey;
use ork_core::id::{ArtifactId, RunId, WorkspaceId};
use ork_core::json::Json;
use ork_core::store::{KeptUnder, LooseBlob};

use super::{Command, World};
use crate::OTHER;
use crate::plans::small;

impl World {
    /// Something that happens to an artifact or its bytes.
    pub(super) fn artifact(&mut self) -> Option<Command> {
        match self.random.below(10) {
            0..3 => self.note_blob(),
            3..8 => self.keep(),
            8 => Some(Command::Doom(1 + small(&mut self.random, 3))),
            _ => {
                let keys = self.keys.clone();
                let keys = (0..=self.random.below(2)).filter_map(|_| self.pick(&keys)).map(|(key, _)| key).collect();
                Some(Command::Forget(keys))
            }
        }
    }

    fn owner_of(&self, run: RunId) -> WorkspaceId {
        self.runs.iter().find(|(id, _)| *id == run).map_or(WorkspaceId::DEFAULT, |(_, new)| new.workspace)
    }

    /// New bytes, or some that were noted before.
    fn note_blob(&mut self) -> Option<Command> {
        let known = self.keys.clone();
        let again = self.pick(&known).filter(|_| self.random.below(3) == 0);
        let (key, of) = match again {
            Some(again) => again,
            None => {
                let run = self.run()?;
                let id = ArtifactId::new(self.now, &mut self.random);
                (BlobKey::artifact(self.owner_of(run), run, id), run)
            }
        };
        if !known.iter().any(|(other, _)| *other == key) {
            self.keys.push((key.clone(), of));
        }
        // Now and then it is somebody else who notes them.
        let workspace = if self.random.below(20) == 0 { OTHER } else { self.owner_of(of) };
        let kept_until = self.now.plus_ms(self.random.below(6_000));
        Some(Command::Note(LooseBlob { key, workspace, kept_until }))
    }

    /// Artifacts of one run, most of them new, under a lease or none.
    fn keep(&mut self) -> Option<Command> {
        if !self.made.is_empty() && self.random.below(8) == 0 {
            let made = self.made.clone();
            return self.pick(&made).map(|new| Command::Keep(vec![new], None));
        }
        let given = self.lease().filter(|_| self.random.below(2) == 0);
        let run = match given {
            Some(given) => given.claimed.task.run,
            None => self.run()?,
        };
        let under = given.map(|given| KeptUnder {
            task: given.claimed.task,
            attempt: given.claimed.attempt,
            lease: given.lease,
        });
        let n =
            under.map(|under| under.task.n).or_else(|| (self.random.below(3) == 0).then(|| small(&mut self.random, 6)));
        let from = Provenance { n, attempt: under.map(|under| under.attempt), step: None };
        let mut new = Vec::new();
        for _ in 0..=self.random.below(2) {
            new.push(self.new_artifact(run, from.clone()));
        }
        self.made.extend(new.iter().cloned());
        Some(Command::Keep(new, under))
    }

    fn new_artifact(&mut self, run: RunId, from: Provenance) -> NewArtifact {
        let own: Vec<BlobKey> = self.keys.iter().filter(|(_, of)| *of == run).map(|(key, _)| key.clone()).collect();
        let at = match self.pick(&own).filter(|_| self.random.below(5) > 0) {
            Some(key) => ArtifactAt::Kept { key, size: self.random.below(9), checksum: "c".into() },
            None => ArtifactAt::Elsewhere { url: "https://a.example/".into(), size: None, checksum: None },
        };
        NewArtifact {
            id: ArtifactId::new(self.now, &mut self.random),
            run,
            from,
            name: format!("f{}", self.random.below(3)),
            kind: "file".into(),
            content_type: "text/plain".into(),
            at,
            meta: (self.random.below(2) == 0).then(|| Json::from_stored("{\"n\": 1}")),
        }
    }
}

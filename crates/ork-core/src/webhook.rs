//! What others are told about runs: about which of their events, in which form, and when again if they did not hear it.

use serde::{Deserialize, Serialize};

/// What somebody can be told of. Each happens once, and none before it is certain: while retries are left, nothing has finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Occasion {
    /// A run's first task was given to a worker.
    RunStarted,
    /// A run ended.
    RunFinished,
    /// A task ended, in whatever way.
    TaskFinished,
    /// Somebody wants to see whether an endpoint hears.
    Test,
}

impl Occasion {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::RunStarted, Self::RunFinished, Self::TaskFinished, Self::Test];

    /// Those that can be asked for.
    pub const EVENTS: [Self; 3] = [Self::RunStarted, Self::RunFinished, Self::TaskFinished];

    /// The word that is stored, shown and sent.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::RunStarted => "run.started",
            Self::RunFinished => "run.finished",
            Self::TaskFinished => "task.finished",
            Self::Test => "webhook.test",
        }
    }

    /// The one of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|occasion| occasion.word() == word)
    }

    const fn bit(self) -> u8 {
        match self {
            Self::RunStarted => 1,
            Self::RunFinished => 2,
            Self::TaskFinished => 4,
            Self::Test => 0,
        }
    }

    /// A number for ids.
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::RunStarted => 1,
            Self::RunFinished => 2,
            Self::TaskFinished => 3,
            Self::Test => 4,
        }
    }
}

/// A set of events: what somebody wants to be told of. By default nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted(u8);

impl Wanted {
    /// The set as a number, as heads of runs keep it.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The set of a number.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 7)
    }

    /// Whether it has this one.
    #[must_use]
    pub const fn has(self, occasion: Occasion) -> bool {
        self.0 & occasion.bit() != 0
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both together.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The words, in a fixed order.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        Occasion::EVENTS.into_iter().filter(|occasion| self.has(*occasion)).map(Occasion::word).collect()
    }

    /// The set of these words.
    ///
    /// # Errors
    /// The first word that is none.
    pub fn of_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        words.into_iter().try_fold(Self::default(), |all, word| {
            let occasion = Occasion::EVENTS.into_iter().find(|occasion| occasion.word() == word);
            occasion.map(|occasion| all.or(occasion.into())).ok_or(word)
        })
    }

    /// What is stored: the words between commas.
    #[must_use]
    pub fn stored(self) -> String {
        self.words().join(",")
    }

    /// Reads what is stored.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::of_words(text.split(',').filter(|word| !word.is_empty())).ok()
    }
}

impl From<Occasion> for Wanted {
    fn from(occasion: Occasion) -> Self {
        Self(occasion.bit())
    }
}

/// What a message looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Standard Webhooks: `{type, timestamp, data}`.
    #[default]
    Standard,
    /// `{executionId, status, result, error, completedAt}`, signed by `X-Webhook-Signature`.
    Execution,
}

impl Format {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Standard, Self::Execution];

    /// The word that is stored, shown and sent.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Execution => "execution",
        }
    }

    /// The one of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }
}

/// What a message is signed with. In the clear it is nowhere in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigningSecret {
    /// As the vault has sealed it.
    Sealed(Vec<u8>),
    /// That of the workspace's secret of this name, as it is when the message is sent.
    Named(String),
}

/// Whom a run tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunWebhook {
    /// Where to.
    pub url: String,
    /// Without one, messages are not signed.
    pub secret: Option<SigningSecret>,
    /// Of what.
    pub events: Wanted,
    /// How.
    pub format: Format,
}

impl RunWebhook {
    /// The secret, if it is sealed.
    #[must_use]
    pub fn sealed(&self) -> Option<&[u8]> {
        match &self.secret {
            Some(SigningSecret::Sealed(sealed)) => Some(sealed),
            Some(SigningSecret::Named(_)) | None => None,
        }
    }

    /// The name of the secret, if it has one.
    #[must_use]
    pub fn named(&self) -> Option<&str> {
        match &self.secret {
            Some(SigningSecret::Named(name)) => Some(name),
            Some(SigningSecret::Sealed(_)) | None => None,
        }
    }
}

/// What a workflow file says about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanWebhook {
    /// Where to.
    pub url: String,
    /// The name of the workspace's secret that messages are signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Of what, in words.
    pub events: Vec<String>,
    /// How.
    #[serde(default)]
    pub format: Format,
}

impl PlanWebhook {
    /// As the run of the plan has it.
    #[must_use]
    pub fn of_run(&self) -> RunWebhook {
        let events = Wanted::of_words(self.events.iter().map(String::as_str)).unwrap_or_default();
        let secret = self.secret.clone().map(SigningSecret::Named);
        RunWebhook { url: self.url.clone(), secret, events, format: self.format }
    }
}

/// How long is waited after each attempt in vain; after the last one nothing more is tried. Together almost two days.
const WAITS_MS: [u64; 10] =
    [5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000];

/// Attempts of one message, unless somebody asks for more.
pub const ATTEMPTS_MAX: u32 = 11;

/// How long is waited after so many attempts in vain, from 1; `None` when it was the last one. `random` moves it by up to a fifth in
/// either direction, so that those that failed together do not come back together.
#[must_use]
pub fn wait_ms(attempts: u32, random: u64) -> Option<u64> {
    let wait = *WAITS_MS.get(usize::try_from(attempts).ok()?.checked_sub(1)?)?;
    let span = wait / 5 * 2;
    Some(wait - span / 2 + random % (span + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_seconds_to_a_day() {
        let waits: Vec<u64> = (1..).map_while(|attempts| wait_ms(attempts, 0)).collect();
        assert_eq!((waits.len(), waits.len() as u32 + 1), (WAITS_MS.len(), ATTEMPTS_MAX));
        for (attempts, whole) in (1..).zip(WAITS_MS) {
            for random in [0, 1, 77_777_777, u64::MAX] {
                let wait = wait_ms(attempts, random).unwrap();
                assert!(wait >= whole * 4 / 5 && wait <= whole * 6 / 5, "{attempts}: {wait}");
            }
        }
        assert_eq!((wait_ms(0, 0), wait_ms(ATTEMPTS_MAX, 0)), (None, None));
    }

    #[test]
    fn sets_are_written_in_words() {
        let all = Wanted::of_words(["task.finished", "run.started", "run.finished"]).unwrap();
        assert_eq!(all.stored(), "run.started,run.finished,task.finished");
        assert_eq!(Wanted::from_stored(&all.stored()), Some(all));
        assert_eq!(Wanted::from_bits(all.bits()), all);
        assert_eq!(Wanted::from_stored(""), Some(Wanted::default()));
        assert_eq!(Wanted::of_words(["webhook.test"]), Err("webhook.test"));
        for occasion in Occasion::EVENTS {
            assert!(all.has(occasion) && !Wanted::default().has(occasion));
            assert_eq!(Occasion::from_word(occasion.word()), Some(occasion));
        }
    }
}

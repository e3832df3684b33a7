//! Who may do what: roles, what each of them may, and what a workspace decides about it.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::event::ActorKind;
use crate::limits::KEEP_DAYS;

/// What a token's bearer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Creates runs, and is their master.
    User,
    /// Looks after all runs and queues.
    Operator,
    /// Writes what is run, too.
    Editor,
    /// Decides who may what in the workspace, too.
    Admin,
    /// Takes tasks and settles them, and does nothing else.
    Worker,
    /// Reads runs and writes events into them.
    Bot,
    /// A program that creates runs for people whom it knows.
    Service,
}

/// What a request does, as far as roles are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// To look at runs, queues and workers.
    Read,
    /// To create runs, and to check what they would be made of.
    Submit,
    /// To cancel, pause, resume or repeat a run.
    Control,
    /// To pause queues, and to act on many runs at once.
    Operate,
    /// To write workflows and what else runs are made of.
    Edit,
    /// To make and revoke tokens, and to change the workspace.
    Administer,
    /// To take tasks and settle them.
    Work,
    /// To write events into runs.
    Tell,
    /// To create runs that belong to somebody else.
    Represent,
}

impl Permission {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Read,
        Self::Submit,
        Self::Control,
        Self::Operate,
        Self::Edit,
        Self::Administer,
        Self::Work,
        Self::Tell,
        Self::Represent,
    ];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Submit => "submit",
            Self::Control => "control",
            Self::Operate => "operate",
            Self::Edit => "edit",
            Self::Administer => "administer",
            Self::Work => "work",
            Self::Tell => "tell",
            Self::Represent => "represent",
        }
    }

    /// What it lets one do, for the end of a sentence that begins with who may.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Read => "look at runs",
            Self::Submit => "create runs",
            Self::Control => "change runs",
            Self::Operate => "look after queues and many runs",
            Self::Edit => "write workflows",
            Self::Administer => "administer the workspace",
            Self::Work => "take tasks",
            Self::Tell => "write events into runs",
            Self::Represent => "create runs for others",
        }
    }
}

impl Role {
    /// All of them.
    pub const ALL: &[Self] =
        &[Self::Viewer, Self::User, Self::Operator, Self::Editor, Self::Admin, Self::Worker, Self::Bot, Self::Service];

    /// The word that is stored and shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::User => "user",
            Self::Operator => "operator",
            Self::Editor => "editor",
            Self::Admin => "admin",
            Self::Worker => "worker",
            Self::Bot => "bot",
            Self::Service => "service",
        }
    }

    /// The role of a stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.word() == word)
    }

    /// Everything that a role may do: the one table of it.
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission::{Administer, Control, Edit, Operate, Read, Represent, Submit, Tell, Work};
        match self {
            Self::Viewer => &[Read],
            Self::User => &[Read, Submit, Control],
            Self::Operator => &[Read, Submit, Control, Operate],
            Self::Editor => &[Read, Submit, Control, Operate, Edit],
            Self::Admin => &[Read, Submit, Control, Operate, Edit, Administer, Tell],
            Self::Worker => &[Work],
            Self::Bot => &[Read, Tell],
            Self::Service => &[Read, Submit, Control, Tell, Represent],
        }
    }

    /// Whether a role may do something.
    #[must_use]
    pub fn may(self, permission: Permission) -> bool {
        self.permissions().contains(&permission)
    }

    /// Whether it sees only its own runs where a workspace isolates owners. The others need all of them for what they do.
    #[must_use]
    pub const fn is_isolated(self) -> bool {
        matches!(self, Self::Viewer | Self::User)
    }

    /// What its bearers are in events.
    #[must_use]
    pub const fn kind(self) -> ActorKind {
        match self {
            Self::Viewer | Self::User | Self::Operator | Self::Editor | Self::Admin => ActorKind::User,
            Self::Worker => ActorKind::Worker,
            Self::Bot => ActorKind::Bot,
            Self::Service => ActorKind::Service,
        }
    }
}

/// What a workspace decides for itself. A setting that is not stored has its default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Viewers and users see only runs that belong to them.
    pub isolate_owners: bool,
    /// Runs that are not over, a new one counted. 0 accepts none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_runs_max: Option<u32>,
    /// Tasks that are not over, of all live runs, those of a new one counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_tasks_max: Option<u32>,
    /// Days that a run is kept after its end; 30 without it, and 0 is for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<u32>,
    /// Requests of a minute, to each server: as many as that can come at once after a quiet minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// The same for each token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_requests_per_minute: Option<u32>,
}

impl Settings {
    /// Runs that ended before this moment are not kept; `None` when all are.
    #[must_use]
    pub fn kept_since(&self, now: Timestamp) -> Option<Timestamp> {
        const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
        let days = self.keep_days.unwrap_or(KEEP_DAYS);
        (days > 0).then(|| Timestamp::from_micros(now.micros().saturating_sub(i64::from(days) * DAY_MICROS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_kept_for_thirty_days_or_as_said() {
        let now = Timestamp::from_micros(0).plus_ms(40 * 24 * 3_600_000);
        let kept = |keep_days| Settings { keep_days, ..Settings::default() }.kept_since(now).map(|at| now.since_ms(at));
        assert_eq!(kept(None), Some(30 * 24 * 3_600_000));
        assert_eq!(kept(Some(1)), Some(24 * 3_600_000));
        assert_eq!(kept(Some(0)), None, "for ever");
    }

    #[test]
    fn roles_grow_along_the_ladder_and_stay_apart_beside_it() {
        let ladder = [Role::Viewer, Role::User, Role::Operator, Role::Editor, Role::Admin];
        for pair in ladder.windows(2) {
            let (low, high) = (pair[0].permissions(), pair[1].permissions());
            assert!(low.iter().all(|permission| high.contains(permission)) && low.len() < high.len(), "{pair:?}");
        }
        let who = |permission| Role::ALL.iter().copied().filter(|role| role.may(permission)).collect::<Vec<_>>();
        assert_eq!(who(Permission::Represent), [Role::Service]);
        assert_eq!(who(Permission::Administer), [Role::Admin]);
        assert_eq!(who(Permission::Work), [Role::Worker]);
        assert_eq!(who(Permission::Tell), [Role::Admin, Role::Bot, Role::Service]);
        assert!(Permission::ALL.iter().all(|permission| !who(*permission).is_empty()));
        assert!(Role::ALL.iter().all(|role| Role::from_word(role.word()) == Some(*role)));
    }

    #[test]
    fn settings_that_are_not_stored_have_their_default() {
        assert_eq!(serde_json::from_str::<Settings>("{}").ok(), Some(Settings::default()));
    }
}

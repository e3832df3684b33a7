//! Gates: how they are found, shown and decided, by a request, a link or a command line.

use ork_api::{Actor, Decide, Gate};
use ork_core::access::Role;
use ork_core::id::GateId;
use ork_core::limits::COMMENT_BYTES_MAX;
use ork_core::store::{Decided, Decision, GateFilter, GateKind, GateRow, GateStatus};

use crate::budgets::allowance;
use crate::look::Look;
use crate::refused::{Answer, Code, Refused};
use crate::view::moment;

/// Who decides.
#[derive(Debug, Clone, Copy)]
pub struct Decider<'a> {
    /// As what.
    pub role: Role,
    /// Who is written down as the one who did.
    pub actor: &'a ork_core::event::Actor,
}

/// A gate that must be there for this reader.
///
/// # Errors
/// When it is not, or the store cannot be read.
pub async fn find(look: Look<'_>, id: GateId) -> Answer<GateRow> {
    let row = look.store.gate(look.scope, id).await?;
    let is_there = |row: &GateRow| look.only_owner.is_none() || look.only_owner == row.owner.as_deref();
    row.filter(is_there).ok_or_else(|| Refused::missing(format_args!("gate `{id}`")))
}

/// Gates that are there for this reader, newest first.
///
/// # Errors
/// When the store cannot be read.
pub async fn list(look: Look<'_>, filter: GateFilter) -> Answer<Vec<GateRow>> {
    let filter = GateFilter { owner: look.only_owner.map(str::to_owned), ..filter };
    Ok(look.store.gates(look.scope, &filter).await?)
}

/// Whether somebody may decide about a gate.
///
/// # Errors
/// When not, in words.
pub fn check_may(row: &GateRow, by: Decider<'_>) -> Answer<()> {
    // What programs are is no step of this ladder.
    if !(row.role..=Role::Admin).contains(&by.role) {
        let detail = format!(
            "this gate is for the role `{}` or a higher one, and the role `{}` is none",
            row.role.word(),
            by.role.word()
        );
        return Err(Refused::new(Code::Forbidden, detail));
    }
    check_not_self(row, &by.actor.id)
}

/// Where whoever started a run may not decide about it, its owner may not either.
///
/// # Errors
/// When it is one of them.
pub fn check_not_self(row: &GateRow, name: &str) -> Answer<()> {
    if row.allow_self || (row.started_by != name && row.owner.as_deref() != Some(name)) {
        return Ok(());
    }
    let detail = format!("this gate is not for whoever started the run or owns it, and `{name}` did or does");
    Err(Refused::new(Code::Forbidden, detail))
}

/// Decides about a gate. The same decision by the same one again changes nothing and is no error.
///
/// # Errors
/// When the gate is not there, not theirs to decide about, or decided already; or the wish is wrong.
pub async fn decide(look: Look<'_>, by: Decider<'_>, id: GateId, approve: bool, wish: &Decide) -> Answer<GateRow> {
    check_comment(wish.comment.as_deref())?;
    let row = find(look, id).await?;
    check_may(&row, by)?;
    if wish.grant.is_some() && (row.kind != GateKind::Budget || !approve) {
        let detail = "`grant` is for the approval of a gate of the kind `budget`";
        return Err(Refused::new(Code::InvalidBody, detail));
    }
    let grant = wish.grant.as_ref().map(allowance).transpose()?;
    settle(look, by.actor, (id, approve), (wish.comment.clone(), grant)).await
}

/// Writes a decision that was checked.
pub(crate) async fn settle(
    look: Look<'_>,
    actor: &ork_core::event::Actor,
    (gate, approve): (GateId, bool),
    (comment, grant): (Option<String>, Option<ork_core::step::Allowance>),
) -> Answer<GateRow> {
    let decision = Decision { gate, approve, comment, grant, actor: actor.clone(), now: look.now };
    let status = if approve { GateStatus::Approved } else { GateStatus::Rejected };
    match look.store.decide(look.scope, &decision).await? {
        Decided::Done(row) => Ok(row),
        Decided::Before(row) if row.status == status && row.decided_by.as_ref() == Some(actor) => Ok(row),
        Decided::Before(row) => Err(decided(&row)),
    }
}

/// A gate that is not open any more.
pub(crate) fn decided(row: &GateRow) -> Refused {
    let by = row.decided_by.as_ref().map(|by| format!(" by `{}`", by.id)).unwrap_or_default();
    let at = row.decided_at.map(|at| format!(" at {}", moment(at))).unwrap_or_default();
    let detail = format!("`{}` was {}{by}{at}, and nothing changes that", row.id, row.status.word());
    Refused::new(Code::GateDecided, detail).gate(shape(row))
}

/// A comment that cannot be kept.
///
/// # Errors
/// When it is too long, or holds what no database keeps.
pub fn check_comment(comment: Option<&str>) -> Answer<()> {
    match comment {
        Some(text) if text.len() > COMMENT_BYTES_MAX => {
            Err(Refused::new(Code::OverLimit, format!("a comment has {COMMENT_BYTES_MAX} bytes at most")))
        }
        Some(text) if text.contains('\0') => Err(Refused::new(Code::InvalidBody, "a comment holds no NUL character")),
        _ => Ok(()),
    }
}

/// A gate as the wire has it.
#[must_use]
pub fn shape(row: &GateRow) -> Gate {
    Gate {
        id: row.id.to_string(),
        run_id: row.task.run.to_string(),
        run_name: row.run_name.clone(),
        owner_id: row.owner.clone(),
        started_by: row.started_by.clone(),
        task_id: row.task.id().to_string(),
        key: row.task_key.clone(),
        task_index: row.task_index,
        attempt: row.step.attempt,
        round: row.step.round,
        step: row.step_name.clone(),
        kind: row.kind.word().to_owned(),
        status: row.status.word().to_owned(),
        required_role: row.role.word().to_owned(),
        allow_self: row.allow_self,
        message: row.message.clone(),
        opened_at: moment(row.opened_at),
        expires_at: row.expires_at.map(moment),
        on_expiry: row.on_expiry.word().to_owned(),
        decided_by: row.decided_by.as_ref().map(|by| Actor { kind: by.kind.word().to_owned(), id: by.id.clone() }),
        comment: row.comment.clone(),
        decided_at: row.decided_at.map(moment),
    }
}

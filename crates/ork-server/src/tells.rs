//! Events that others write into runs: read, checked, and shown.

use ork_api::{AppendEvents, AppendedEvents, Fault};
use ork_core::clock::Timestamp;
use ork_core::event::{Actor, BotType};
use ork_core::id::{RunId, TaskId, TaskRef};
use ork_core::json::Json;
use ork_core::limits::{EVENT_BYTES_MAX, EVENTS_MAX};
use ork_core::store::{Appended, NewEvent, NewEvents};

use crate::look::Look;
use crate::refused::{Answer, Code, Refused};
use crate::resolve::{self, Target};

/// Events that can be written, but for who writes them.
#[derive(Debug, Clone)]
pub struct Checked {
    run: RunId,
    events: Vec<NewEvent>,
}

impl Checked {
    /// By somebody, under a name if there is one.
    #[must_use]
    pub fn of(self, key: Option<String>, actor: Actor, now: Timestamp) -> NewEvents {
        NewEvents { run: self.run, key, events: self.events, actor, now }
    }
}

/// Reads what is to be written into a run.
///
/// # Errors
/// When it cannot be, or names a task that is not there.
pub async fn read(look: Look<'_>, run: RunId, asked: &AppendEvents) -> Answer<Checked> {
    if !(1..=EVENTS_MAX).contains(&asked.events.len()) {
        let message = format!("a request writes 1 to {EVENTS_MAX} events, and this one has {}", asked.events.len());
        let code = if asked.events.is_empty() { Code::InvalidBody } else { Code::OverLimit };
        return Err(Refused::new(code, message).errors(vec![fault("/events".into(), "1 to 100 events")]));
    }
    let mut events = Vec::with_capacity(asked.events.len());
    for (at, event) in asked.events.iter().enumerate() {
        let wrong = |code, field: &str, message: String| {
            let fault = fault(format!("/events/{at}/{field}"), &message);
            Refused::new(code, format!("event {at}: {message}")).errors(vec![fault])
        };
        let event_type = BotType::parse(&event.event_type).ok_or_else(|| {
            let message = format!("`{}` is no type for an event of yours", event.event_type.escape_debug());
            wrong(Code::InvalidBody, "type", message).hint("bot. and 1 to 120 of a-z, 0-9, `.`, `_`, `-`")
        })?;
        let payload = event.payload.as_ref().map(Json::from_value).transpose();
        let payload = payload.map_err(|error| wrong(Code::InvalidBody, "payload", error.to_string()))?;
        if let Some(bytes) = payload.as_ref().map(|json| json.as_str().len()).filter(|bytes| *bytes > EVENT_BYTES_MAX) {
            let message = format!("{bytes} bytes of payload, and at most {EVENT_BYTES_MAX} are kept");
            return Err(wrong(Code::OverLimit, "payload", message));
        }
        let task = match &event.task {
            None => None,
            Some(text) => Some(task(look, run, text).await?),
        };
        events.push(NewEvent { event_type, task: task.map(|task| task.n), payload });
    }
    Ok(Checked { run, events })
}

/// The task of a run that a text means: its id, its key, or `key/index`.
async fn task(look: Look<'_>, run: RunId, text: &str) -> Answer<TaskRef> {
    let whole = if text.starts_with(TaskId::PREFIX) { text.to_owned() } else { format!("{run}/{text}") };
    match resolve::target(look, &whole).await? {
        Target::Task(task) if task.run == run => Ok(task),
        _ => Err(Refused::missing(format_args!("task `{text}` in run `{run}`"))),
    }
}

fn fault(pointer: String, message: &str) -> Fault {
    Fault { pointer, message: message.into(), ..Fault::default() }
}

/// Where they were written, as it is shown.
#[must_use]
pub fn shape(run: RunId, appended: Appended) -> AppendedEvents {
    let Appended { seq, seq_last, repeated } = appended;
    AppendedEvents { run_id: run.to_string(), seq, seq_last, repeated }
}

//! Steps of tasks: how they are shown, and what they have used.

use std::fmt;
use std::str::FromStr;

use ork_api::{Spent, Step};
use ork_core::id::TaskRef;
use ork_core::json::Json;
use ork_core::limits::PAGE_MAX;
use ork_core::step::{StepKey, StepRow};

use crate::look::Look;
use crate::refused::Answer;
use crate::view::{failure, moment};

/// A step's place in the list of its task, as a cursor: attempt, round, position and try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(pub StepKey);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StepKey { attempt, round, position, tried } = self.0;
        write!(f, "{attempt}.{round}.{position}.{tried}")
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let numbers: Vec<u32> = text.split('.').map(str::parse).collect::<Result<_, _>>().map_err(drop)?;
        let [attempt, round, position, tried] = numbers[..] else { return Err(()) };
        Ok(Self(StepKey { attempt, round, position, tried }))
    }
}

/// What the models of a task have used; `None` when it has no steps.
///
/// # Errors
/// When the store cannot be read.
pub async fn spent(look: Look<'_>, task: TaskRef) -> Answer<Option<Spent>> {
    let (mut spent, mut after) = (None, None);
    loop {
        let page = look.store.steps(look.scope, task, after, PAGE_MAX).await?;
        for step in &page {
            let Spent { tokens, cost_micros } = spent.get_or_insert_default();
            *tokens += step.tokens.total();
            *cost_micros += step.cost_micros;
        }
        match page.last() {
            Some(last) if page.len() == PAGE_MAX as usize => after = Some(last.key),
            _ => return Ok(spent),
        }
    }
}

/// A step as the wire has it.
#[must_use]
pub fn shape(row: &StepRow) -> Step {
    Step {
        attempt: row.key.attempt,
        round: row.key.round,
        position: row.key.position,
        tried: row.key.tried,
        name: row.name.clone(),
        phase: row.phase.word().to_owned(),
        step_type: row.step_type.word().to_owned(),
        status: row.status.word().to_owned(),
        output: row.output.as_ref().map(Json::value),
        error: row.error.as_ref().map(failure),
        exit_code: row.exit_code,
        model: row.model.clone(),
        prompt: row.prompt.clone(),
        input_tokens: row.tokens.input,
        output_tokens: row.tokens.output,
        cached_tokens: row.tokens.cached,
        cost_tokens: row.cost_tokens,
        cost_micros: row.cost_micros,
        reserved_tokens: row.reserved.tokens,
        reserved_micros: row.reserved.micros,
        started_at: moment(row.started_at),
        finished_at: row.finished_at.map(moment),
        duration_ms: row.duration_ms(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_written() {
        let place = Place(StepKey { attempt: 1, round: 20, position: 0, tried: 3 });
        assert_eq!((place.to_string().as_str(), "1.20.0.3".parse()), ("1.20.0.3", Ok(place)));
        for wrong in ["", "1", "1.2.3", "1.2.3.4.5", "1.2.3.x", "1.2.3.-4", "1.2.3.99999999999"] {
            assert_eq!(wrong.parse::<Place>(), Err(()), "{wrong}");
        }
    }
}

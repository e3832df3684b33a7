//! What the steps of a task see of each other.

use crate::expression::{Flaw, Reference, Step};
use crate::sight::{Inside, Sight, World, cut_off, flaw, in_brackets};
use crate::tree::{Kind, Located};
use crate::{codes, suggest};

/// What an expression may read of a step.
const PARTS: [&str; 3] = ["output", "status", "error"];

/// A step as the others of its task see it.
#[derive(Debug)]
pub struct Peer<'t> {
    /// Its name as written; empty where it has none.
    pub name: &'t str,
    /// The phase of a gate that decides by itself: those of a phase that stand together run at once.
    beside: Option<&'t str>,
}

impl<'t> Peer<'t> {
    /// The steps of a task, whatever else is wrong with them.
    pub fn all(task: &'t Located) -> Vec<Self> {
        match value(task, "steps").map(|steps| &steps.kind) {
            Some(Kind::List(items)) => items.iter().map(Self::of).collect(),
            _ => Vec::new(),
        }
    }

    fn of(step: &'t Located) -> Self {
        let text = |key| match value(step, key).map(|value| &value.kind) {
            Some(Kind::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        let decides = value(step, "gate").is_some_and(|gate| value(gate, "approval").is_none());
        Self { name: text("name").unwrap_or_default(), beside: text("phase").filter(|_| decides) }
    }
}

fn value<'t>(node: &'t Located, name: &str) -> Option<&'t Located> {
    let Kind::Map(entries) = &node.kind else { return None };
    entries.iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
}

/// Whether an expression may read a step: one that is over when its own begins.
pub fn look(reference: &Reference, sight: Sight, world: &World<'_>) -> Result<(), Flaw> {
    let Sight::Task(Inside { node, step: Some(own), .. }) = sight else {
        let message = "`steps` are known in the steps of the same task only";
        return Err(flaw(reference, 0, codes::NAME_NOT_HERE, message)
            .hint("what another task gave is read as tasks.NAME.output"));
    };
    let peers = world.steps.get(node as usize).map(Vec::as_slice).unwrap_or_default();
    let Some(name) = reference.second() else {
        let message = "`steps` is read by a step's name";
        return Err(
            flaw(reference, 0, codes::STEP_UNKNOWN, message).hint("write steps.NAME.output, or steps[\"NAME\"].output")
        );
    };
    let Some(at) = peers.iter().position(|peer| peer.name == name) else {
        return Err(unknown(reference, name, peers, own));
    };
    let wrong = |message: String| flaw(reference, 1, codes::STEP_NOT_BEFORE, message);
    if at == own {
        return Err(wrong(format!("step `{name}` reads itself")).hint("a step sees the steps before it"));
    }
    if at > own {
        return Err(wrong(format!("step `{name}` comes after this one"))
            .hint("steps run in the order in which they stand: move one of them"));
    }
    if peers[at].beside.is_some() && peers[at..=own].iter().all(|peer| peer.beside == peers[at].beside) {
        return Err(wrong(format!("gate `{name}` runs at the same time as this one")).hint(
            "gates of a phase that stand together run at once: make one of them a step with `command` or `run`",
        ));
    }
    look_part(reference, name)
}

fn unknown(reference: &Reference, name: &str, peers: &[Peer<'_>], own: usize) -> Flaw {
    let unknown = flaw(reference, 1, codes::STEP_UNKNOWN, format!("there is no step `{name}` in this task"));
    if let Some(longer) = cut_off(name, peers.iter().map(|peer| peer.name)) {
        return unknown.hint(in_brackets("steps", longer, ".output"));
    }
    let before = peers.iter().take(own).map(|peer| peer.name).filter(|name| !name.is_empty());
    unknown.hint(suggest::hint(name, before).unwrap_or_else(|| "no step stands before this one".to_owned()))
}

/// `steps.NAME` must be followed by what a step has.
fn look_part(reference: &Reference, name: &str) -> Result<(), Flaw> {
    match reference.steps.get(1) {
        Some(Step::Name(part)) if PARTS.contains(&part.as_str()) => Ok(()),
        Some(Step::Name(part)) => {
            let wrong = flaw(reference, 2, codes::NAME_NOT_HERE, format!("step `{name}` has no `{part}`"));
            Err(match suggest::nearest(part, PARTS) {
                Some(near) => wrong.hint(format!("did you mean `{near}`?")),
                None => wrong.hint(format!(
                    "its output is read as steps.{name}.output.{part}, its status as steps.{name}.status"
                )),
            })
        }
        _ => {
            let bare = flaw(reference, 1, codes::NAME_NOT_HERE, format!("`steps.{name}` is not a value"));
            Err(bare.hint(format!("write steps.{name}.output")))
        }
    }
}

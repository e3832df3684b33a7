//! Hooks: how they are made, and how a message becomes the inputs of a run.

use ork_api::Hook;
use ork_core::clock::{Entropy, Timestamp};
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::id::WorkspaceId;
use ork_core::json::Json;
use ork_core::limits::{HOOK_NAME_BYTES_MAX, is_name};
use ork_core::store::{HookRow, Store};
use ork_core::webhook::Format;
use ork_vault::{Place, Secret, Vault};
use ork_workflow::{Scope, TemplateError, reads_only, render};
use serde_json::{Map, Value};

use crate::view::moment;
use crate::webhooks::desk::unsealed;
use crate::webhooks::{Wrong, check_secret, make_secret};

/// Where messages go.
const PATH: &str = "/api/v1/hooks/";
/// 32 signs, none of which looks like another one: five bits each.
const SIGNS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Signs of a key: 160 random bits.
const KEY_SIGNS: usize = 32;

/// A hook to be made.
#[derive(Debug, Clone)]
pub struct Wish {
    /// What people call it.
    pub name: String,
    /// What it starts.
    pub workflow: String,
    /// What messages are signed with; `None` makes one.
    pub secret: Option<String>,
    /// What the inputs are made of.
    pub input: Option<Map<String, Value>>,
}

impl Wish {
    /// Looks for anything that is wrong with it.
    ///
    /// # Errors
    /// The first thing.
    pub fn check(&self) -> Result<(), Wrong> {
        let wrong = |field, message: String| Err(Wrong { field, message, hint: None });
        if !is_name(&self.name) || self.name.len() > HOOK_NAME_BYTES_MAX {
            return wrong("name", format!("1 to {HOOK_NAME_BYTES_MAX} letters, digits, `.`, `_`, `-`"));
        }
        if !is_name(&self.workflow) {
            return wrong("workflow", "it is the name of a stored workflow".to_owned());
        }
        if let Some(secret) = &self.secret {
            check_secret(secret, Format::Standard)?;
        }
        match self.input.as_ref().map(|input| texts_read_only_the_body(&Value::Object(input.clone()))) {
            Some(Err(text)) => {
                let hint = Some("read what came as `{{ body.NAME }}`".to_owned());
                let message = format!("`{}` is no text with expressions over `body`", text.escape_debug());
                Err(Wrong { field: "input", message, hint })
            }
            _ => Ok(()),
        }
    }

    /// Makes it; its secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// When the name is taken, there are too many, or the store cannot be written.
    pub async fn create(
        self,
        (store, vault): (&dyn Store, &Vault),
        (workspace, actor): (WorkspaceId, &Actor),
        now: Timestamp,
        entropy: &mut (dyn Entropy + Send),
    ) -> StoreResult<(HookRow, String)> {
        let secret = self.secret.unwrap_or_else(|| make_secret(entropy));
        let key = make_key(entropy);
        let row = HookRow {
            workspace,
            workflow: self.workflow,
            secret: vault.seal(place(workspace, &key), &Secret::new(secret.clone()), entropy).map_err(unsealed)?,
            input: self.input.map(|input| Json::from_stored(Value::Object(input).to_string())),
            created_by: actor.id.clone(),
            created_at: now,
            name: self.name,
            key,
        };
        store.create_hook(&row).await?;
        Ok((row, secret))
    }
}

/// Where the secret of a hook is sealed for.
#[must_use]
pub const fn place(workspace: WorkspaceId, key: &str) -> Place<'_> {
    Place { workspace, kind: "hook", name: key }
}

/// What nobody guesses: an address names no workspace, so whoever knows one must have been told.
fn make_key(entropy: &mut dyn Entropy) -> String {
    let mut signs = String::with_capacity(KEY_SIGNS);
    while signs.len() < KEY_SIGNS {
        let bits = entropy.next_u64();
        // Twelve times five bits; the rest is left.
        signs.extend((0..12).map(|at| char::from(SIGNS[usize::from((bits >> (5 * at)) as u8 & 31)])));
    }
    signs.truncate(KEY_SIGNS);
    signs
}

fn texts_read_only_the_body(value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) if text.contains('{') && !reads_only(text, |root| root == "body") => Err(text.clone()),
        Value::Array(items) => items.iter().try_for_each(texts_read_only_the_body),
        Value::Object(fields) => fields.values().try_for_each(texts_read_only_the_body),
        _ => Ok(()),
    }
}

/// The inputs that a message means.
///
/// # Errors
/// When an expression reads what the body does not have.
pub fn inputs(hook: &HookRow, body: Map<String, Value>) -> Result<Map<String, Value>, TemplateError> {
    let Some(input) = &hook.input else { return Ok(body) };
    let scope = Scope { body: Some(Value::Object(body)), ..Scope::default() };
    match render(&input.value(), &scope)? {
        Value::Object(inputs) => Ok(inputs),
        _ => Ok(Map::new()),
    }
}

/// A hook as the wire has it.
#[must_use]
pub fn shape(row: &HookRow) -> Hook {
    Hook {
        name: row.name.clone(),
        path: format!("{PATH}{}", row.key),
        workflow: row.workflow.clone(),
        input: row.input.as_ref().map(Json::value),
        created_by: row.created_by.clone(),
        created_at: moment(row.created_at),
    }
}

#[cfg(test)]
mod tests {
    use ork_core::clock::SeededEntropy;
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(fields) => fields,
            other => panic!("{other}"),
        }
    }

    fn hook(input: Option<Value>) -> HookRow {
        HookRow {
            workspace: WorkspaceId::DEFAULT,
            name: "a".into(),
            key: "k".into(),
            workflow: "w".into(),
            secret: Vec::new(),
            input: input.map(|input| Json::from_stored(input.to_string())),
            created_by: "ada".into(),
            created_at: Timestamp::from_micros(0),
        }
    }

    #[test]
    fn inputs_are_made_of_the_body() {
        let body = object(json!({"video": {"url": "https://a", "size": 3}, "tags": ["x"], "path": "{{ inputs.x }}"}));
        assert_eq!(inputs(&hook(None), body.clone()).unwrap(), body);
        let mapping = json!({"source": "{{ body.video.url }}", "n": "{{ body.video.size + 1 }}", "all": "{{ body.tags }}",
                             "text": "from {{ body.tags[0] }}", "fixed": 7, "raw": "{{ body.path }}"});
        let made = inputs(&hook(Some(mapping)), body.clone()).unwrap();
        let expected =
            json!({"source": "https://a", "n": 4, "all": ["x"], "text": "from x", "fixed": 7, "raw": "{{ inputs.x }}"});
        assert_eq!(Value::Object(made), expected, "what came is data, and no template");
        let missing = inputs(&hook(Some(json!({"a": "{{ body.nothing }}"}))), body).unwrap_err();
        assert!(missing.message.contains("nothing"), "{missing}");
    }

    #[test]
    fn a_mapping_reads_the_body_alone() {
        let wish = |input| Wish { name: "a".into(), workflow: "w".into(), secret: None, input: Some(object(input)) };
        assert_eq!(wish(json!({"a": "{{ body.x }}", "b": [{"c": "{{ body.y }}"}]})).check(), Ok(()));
        for wrong in [json!({"a": "{{ inputs.x }}"}), json!({"a": [{"b": "{{ run.id }}"}]}), json!({"a": "{{ body."})] {
            assert_eq!(wish(wrong).check().map_err(|wrong| wrong.field), Err("input"));
        }
    }

    #[test]
    fn keys_are_random() {
        let mut entropy = SeededEntropy::new(1);
        let (one, two) = (make_key(&mut entropy), make_key(&mut entropy));
        assert!(one != two && one.len() == KEY_SIGNS && one.bytes().all(|sign| SIGNS.contains(&sign)), "{one}");
    }
}

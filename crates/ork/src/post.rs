//! Brings messages to those whom they are for: over HTTP, signed, and nowhere where they must not go.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ork_core::id::WorkspaceId;
use ork_core::limits::DELIVERY_RESPONSE_BYTES_MAX;
use ork_core::store::{DeliveryRow, Store};
use ork_core::webhook::{Format, SigningSecret};
use ork_engine::{Letter, Post, Sent};
use ork_http::{Answer, Call, Limits, Reach, Transport};
use ork_server::webhooks;
use ork_server::webhooks::desk::{of_endpoint, of_url};
use ork_server::webhooks::signature::{SigningKey, of_body, seconds};
use ork_vault::{Place, Secret, Unopened, Vault};

use crate::VERSION;
use crate::world::World;

/// How long whoever is told may take.
const LIMITS: Limits = Limits { time: Duration::from_secs(15), bytes: DELIVERY_RESPONSE_BYTES_MAX };

/// The post of this process.
pub struct Courier {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    http: Transport,
}

impl Courier {
    /// One that reaches what everybody reaches, and what `egress` names.
    pub fn new(world: &World) -> Self {
        let (store, vault) = (Arc::clone(&world.store), Arc::clone(&world.vault));
        Self { store, vault, http: Transport::new(Reach::Public(world.egress.clone())) }
    }

    /// The secrets that a message is signed with, opened; or what becomes of it because one is not.
    async fn secrets(&self, letter: &Letter) -> Result<Vec<Secret>, Sent> {
        let mut opened = Vec::new();
        for secret in &letter.addressee.secrets {
            opened.push(match secret {
                SigningSecret::Sealed(sealed) => self.open(&letter.delivery, sealed)?,
                SigningSecret::Named(name) => self.named(letter.delivery.workspace, name).await?,
            });
        }
        Ok(opened)
    }

    /// A secret of the workspace, as it is now.
    async fn named(&self, workspace: WorkspaceId, name: &str) -> Result<Secret, Sent> {
        let found = self.store.sealed_secrets(workspace, &[name.to_owned()]).await;
        let found = found.map_err(|error| for_another(error.to_string()))?;
        let missing = || Sent::failed(format!("there is no secret `{name}` in the workspace"));
        let sealed = found.first().ok_or_else(missing)?;
        self.vault.open(Place::secret(workspace, name), &sealed.sealed).map_err(|why| self.unopened(why))
    }

    /// Without any key this process can sign nothing, and another one may; with some, the one that it was sealed with may be lost.
    fn unopened(&self, why: Unopened) -> Sent {
        let error = format!("failed to open the secret of a message: {why}");
        if self.vault.key_id().is_none() { for_another(error) } else { Sent::failed(error) }
    }

    fn open(&self, delivery: &DeliveryRow, sealed: &[u8]) -> Result<Secret, Sent> {
        let endpoint = delivery.endpoint.map(|id| id.to_string());
        let place = match &endpoint {
            Some(id) => of_endpoint(delivery.workspace, id),
            None => of_url(delivery.workspace, &delivery.url),
        };
        self.vault.open(place, sealed).map_err(|why| self.unopened(why))
    }
}

#[async_trait]
impl Post for Courier {
    async fn send(&self, letter: &Letter) -> Sent {
        let Letter { delivery, addressee, run, task, .. } = letter;
        let body = webhooks::body(delivery, run.as_ref(), task.as_ref(), addressee.format);
        let signed = match self.secrets(letter).await {
            Ok(secrets) => headers(letter, &secrets, &body).map_err(Sent::failed),
            Err(sent) => Err(sent),
        };
        let headers = match signed {
            Ok(headers) => headers,
            Err(sent) => return sent,
        };
        let call = Call { method: "POST".into(), url: addressee.url.clone(), headers, body: body.clone().into_bytes() };
        match self.http.call(call, LIMITS).await {
            Ok(answer) => heard(answer, body),
            Err(error) => Sent { body: Some(body), ..Sent::failed(error.to_string()) },
        }
    }
}

fn for_another(error: String) -> Sent {
    Sent { is_for_another: true, ..Sent::failed(error) }
}

fn heard(answer: Answer, body: String) -> Sent {
    let error = match answer.status {
        200..=299 => None,
        300..=399 => Some(format!("it answered {}: redirects are not followed", answer.status)),
        status => Some(format!("it answered {status}")),
    };
    // NUL is what no database stores.
    let text = String::from_utf8_lossy(&answer.body).replace('\0', "\u{fffd}");
    let response = (!text.is_empty()).then_some(text);
    Sent { body: Some(body), status_code: Some(answer.status), error, response, is_for_another: false }
}

/// What is said beside the body. The time is that of the attempt, so that an old message that is sent again is no replay.
fn headers(letter: &Letter, secrets: &[Secret], body: &str) -> Result<Vec<(String, String)>, String> {
    let (id, at_s) = (letter.delivery.id.to_string(), seconds(letter.now));
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("user-agent".to_owned(), format!("ork/{VERSION}")),
        ("webhook-id".to_owned(), id.clone()),
        ("webhook-timestamp".to_owned(), at_s.to_string()),
    ];
    match letter.addressee.format {
        Format::Standard => {
            let sign = |secret: &Secret| {
                let key = SigningKey::read(secret.expose()).map_err(|why| format!("the secret does not fit: {why}"))?;
                Ok::<_, String>(key.sign(&id, at_s, body.as_bytes()))
            };
            let signatures = secrets.iter().map(sign).collect::<Result<Vec<_>, _>>()?;
            if !signatures.is_empty() {
                headers.push(("webhook-signature".to_owned(), signatures.join(" ")));
            }
        }
        Format::Execution => {
            // Its readers know one signature, so it is that of the newest secret.
            let signature = secrets.first().map(|secret| of_body(secret.expose(), body.as_bytes()));
            headers.extend(signature.map(|signature| ("x-webhook-signature".to_owned(), signature)));
        }
    }
    Ok(headers)
}

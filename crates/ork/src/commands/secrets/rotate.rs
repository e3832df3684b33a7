//! `ork secrets rotate`.

use anyhow::Result;
use ork_core::id::WorkspaceId;
use ork_core::limits::PAGE_MAX;
use ork_core::store::{Reseal, Scope, SealedAt, SealedSecret};
use ork_server::hooks;
use ork_server::webhooks::desk;
use ork_vault::{Place, Vault, key_of};
use serde_json::json;

use crate::config::Config;
use crate::entropy::OsEntropy;
use crate::exit_code::{Exit, Refusal};
use crate::log_text::clean;
use crate::output::{Output, warn};
use crate::secret_key::{self, Source};
use crate::world::World;

/// Options of `ork secrets rotate`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The new key stands before the old ones, which still open what they sealed and recognise the tokens that were made with them. \
Processes of this machine read the file again when they need to; copy it to the others. Keys that come from a variable, or from \
a file of yours, you put there yourself, the newest first: then this seals all secrets with it, those of webhook endpoints and hooks among them. Safe to interrupt, and to run \
again.

Examples:
  ork secrets rotate
  ork secrets rotate --keep-key")]
pub struct Args {
    /// Make no new key: seal what older keys have sealed with the newest one that there is.
    #[arg(long)]
    pub keep_key: bool,
    #[command(flatten)]
    pub key: secret_key::Options,
}

/// Carries out `ork secrets rotate`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    let source = args.key.source(config, &world.database)?;
    source.read_or_make()?;
    if let (Source::Own(database), false) = (&source, args.keep_key) {
        secret_key::add(&database.secret_key()?)?;
    }
    let vault = source.vault();
    let (mut resealed, mut failed) = (0_u64, 0_u64);
    for text in texts(&world).await? {
        match reseal(&world, &vault, &text).await {
            Ok(changed) => resealed += u64::from(changed),
            Err(error) => {
                failed += 1;
                warn(format!("{}: {error:#}", text.name));
            }
        }
    }
    failed += keep_seal_keys(&world, &vault).await?;
    if out.json {
        out.value(&json!({"key_id": vault.key_id(), "resealed": resealed, "failed": failed}))?;
    } else {
        let key = vault.key_id().unwrap_or_default();
        out.data(format!("{resealed} sealed with the key {key}"))?;
    }
    if failed > 0 {
        return Err(Refusal::new(Exit::Failed, format!("{failed} of them could not be opened, and are as they were"))
            .hint("put the key that sealed them behind the newest one, or set them again")
            .into());
    }
    Ok(Exit::Success)
}

/// What older keys have sealed of events is verified with keys of their own, which stay in the database, sealed with the newest.
/// How many of them could not be opened.
async fn keep_seal_keys(world: &World, vault: &Vault) -> Result<u64> {
    let (now, mut failed) = (world.now(), 0);
    let keys = vault.kept_keys(now, &mut OsEntropy)?;
    // Those that are known first: nothing that is wrong with another one costs them.
    for key in &keys {
        world.store.keep_seal_key(key).await?;
    }
    for row in world.store.seal_keys().await? {
        if keys.iter().any(|key| key.key_id == row.key_id) {
            continue;
        }
        match vault.keep_on(&row, now, &mut OsEntropy) {
            Ok(Some(key)) => world.store.keep_seal_key(&key).await?,
            Ok(None) => {}
            Err(error) => {
                failed += 1;
                warn(format!("the key `{}` of seals: {error}", clean(&row.key_id)));
            }
        }
    }
    Ok(failed)
}

/// A sealed text.
struct Text {
    /// What people call it.
    name: String,
    workspace: WorkspaceId,
    at: SealedAt,
    sealed: Vec<u8>,
}

/// All texts that are sealed and stay for long. Those of runs go with them.
async fn texts(world: &World) -> Result<Vec<Text>> {
    let mut found = Vec::new();
    for workspace in workspaces(world).await? {
        let scope = Scope::One(workspace);
        let names: Vec<String> = super::all(world, scope).await?.into_iter().map(|row| row.name).collect();
        let secrets = world.store.sealed_secrets(workspace, &names).await?;
        found.extend(secrets.into_iter().map(|SealedSecret { name, sealed }| Text {
            name: format!("the secret `{name}`"),
            workspace,
            at: SealedAt::Secret(name),
            sealed,
        }));
        for row in world.store.endpoints(scope).await? {
            let previous = row.previous.map(|(sealed, _)| sealed);
            found.extend(std::iter::once(row.secret).chain(previous).map(|sealed| Text {
                name: format!("the secret of the endpoint `{}`", row.name),
                workspace,
                at: SealedAt::Endpoint(row.id),
                sealed,
            }));
        }
        found.extend(world.store.hooks(scope).await?.into_iter().map(|row| Text {
            name: format!("the secret of the hook `{}`", row.name),
            workspace,
            at: SealedAt::Hook(row.key),
            sealed: row.secret,
        }));
    }
    Ok(found)
}

async fn workspaces(world: &World) -> Result<Vec<WorkspaceId>> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = world.store.workspaces(Scope::All, after.as_deref(), PAGE_MAX).await?;
        found.extend(page.iter().map(|row| row.id));
        after = page.last().map(|row| row.name.clone());
        if page.len() < PAGE_MAX as usize {
            return Ok(found);
        }
    }
}

/// False when the newest key has sealed it already, or somebody sets it at this moment.
async fn reseal(world: &World, vault: &Vault, text: &Text) -> Result<bool> {
    if vault.key_id() == key_of(&text.sealed) {
        return Ok(false);
    }
    let id;
    let place = match &text.at {
        SealedAt::Secret(name) => Place::secret(text.workspace, name),
        SealedAt::Endpoint(endpoint) => {
            id = endpoint.to_string();
            desk::of_endpoint(text.workspace, &id)
        }
        SealedAt::Hook(key) => hooks::place(text.workspace, key),
    };
    let new = vault.seal(place, &vault.open(place, &text.sealed)?, &mut OsEntropy)?;
    let key_id = key_of(&new).unwrap_or_default();
    let (workspace, at, old) = (text.workspace, text.at.clone(), text.sealed.clone());
    Ok(world.store.reseal(&Reseal { workspace, at, old, new, key_id }).await?)
}

//! `ork secrets rotate`.

use anyhow::Result;
use ork_core::limits::PAGE_MAX;
use ork_core::store::{Reseal, Scope, SecretRow};
use ork_vault::{Place, Vault, key_of};
use serde_json::json;

use crate::config::Config;
use crate::entropy::OsEntropy;
use crate::exit_code::{Exit, Refusal};
use crate::output::{Output, warn};
use crate::secret_key::{self, Source};
use crate::world::World;

/// Options of `ork secrets rotate`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The new key stands before the old ones, which still open what they sealed and recognise the tokens that were made with them. \
Processes of this machine read the file again when they need to; copy it to the others. Keys that come from a variable, or from \
a file of yours, you put there yourself, the newest first: then this seals all secrets with it. Safe to interrupt, and to run \
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
    for workspace in workspaces(&world).await? {
        for row in super::all(&world, Scope::One(workspace)).await? {
            match reseal(&world, &vault, &row).await {
                Ok(changed) => resealed += u64::from(changed),
                Err(error) => {
                    failed += 1;
                    warn(format!("the secret `{}`: {error:#}", row.name));
                }
            }
        }
    }
    if out.json {
        out.value(&json!({"key_id": vault.key_id(), "resealed": resealed, "failed": failed}))?;
    } else {
        let key = vault.key_id().unwrap_or_default();
        out.data(format!("{resealed} sealed with the key {key}"))?;
    }
    if failed > 0 {
        return Err(Refusal::new(Exit::Failed, format!("{failed} secrets could not be opened, and are as they were"))
            .hint("put the key that sealed them behind the newest one, or set them again")
            .into());
    }
    Ok(Exit::Success)
}

async fn workspaces(world: &World) -> Result<Vec<ork_core::id::WorkspaceId>> {
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
async fn reseal(world: &World, vault: &Vault, row: &SecretRow) -> Result<bool> {
    if vault.key_id().is_some_and(|newest| newest == row.key_id) {
        return Ok(false);
    }
    let names = [row.name.clone()];
    let Some(sealed) = world.store.sealed_secrets(row.workspace, &names).await?.pop() else { return Ok(false) };
    let place = Place::secret(row.workspace, &row.name);
    let secret = vault.open(place, &sealed.sealed)?;
    let new = vault.seal(place, &secret, &mut OsEntropy)?;
    let key_id = key_of(&new).unwrap_or_default();
    let name = row.name.clone();
    Ok(world.store.reseal_secret(&Reseal { workspace: row.workspace, name, old: sealed.sealed, new, key_id }).await?)
}

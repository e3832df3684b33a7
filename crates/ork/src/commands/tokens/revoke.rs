//! `ork tokens revoke`.

use anyhow::Result;
use ork_core::store::TokenRow;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::output::Output;
use crate::view;
use crate::world::World;

/// Options of `ork tokens revoke`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A server that knows the token already accepts it for up to 5 s more. Tokens that were made with it stay.

Examples:
  ork tokens revoke ci
  ork tokens revoke ork_k3v9x2ma")]
pub struct Args {
    /// Its name, its id, or the beginning of its secret as lists show it.
    #[arg(value_name = "TOKEN")]
    pub token: String,
}

/// Carries out `ork tokens revoke`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    let rows = super::all(&world).await?;
    let wanted = args.token.trim_end_matches('…');
    let is_it = |row: &&TokenRow| row.name == wanted || row.prefix == wanted || row.id.to_string() == wanted;
    // A name may have been that of others before.
    let live = rows.iter().filter(|row| row.revoked_at.is_none()).find(is_it);
    let Some(row) = live.or_else(|| rows.iter().find(is_it)) else {
        let message = format!("there is no token `{wanted}`");
        return Err(Refusal::no_match(message).hint(format!("ork tokens list{}", world.flags())).into());
    };
    let asked = world.store.revoke_token(world.scope(), row.id, world.now()).await?;
    if out.json {
        out.value(&view::value(ork_server::view::revoked(row.id, asked)))?;
    } else if asked {
        out.talk(format!("`{}` ({}…) is revoked", row.name, row.prefix));
    } else {
        out.talk(format!("`{}` ({}…) was revoked before", row.name, row.prefix));
    }
    Ok(Exit::Success)
}

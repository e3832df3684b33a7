//! `ork tokens create`.

use anyhow::Result;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use ork_core::access::Role;
use ork_server::tokens::{Wanted, mint};

use crate::config::Config;
use crate::entropy::OsEntropy;
use crate::exit_code::{Exit, Refusal};
use crate::host;
use crate::output::Output;
use crate::secret_key;
use crate::view;
use crate::when::parse_ms;
use crate::world::World;

/// Options of `ork tokens create`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
stdout has the secret and nothing else. It is kept by nobody: who loses it makes another token.

Roles: a `viewer` looks, a `user` also creates and controls runs, an `operator` also looks after queues and many runs at \
once, an `editor` also writes workflows, an `admin` also makes tokens. Beside them: a `worker` takes tasks, a `bot` looks and \
writes events into runs, a `service` creates and controls runs, on behalf of others too.

Examples:
  ork tokens create ada --role admin
  ork tokens create ci --role user --expires 30d >ci.token
  ork tokens create render-1 --role worker --queues render --workspace media")]
pub struct Args {
    /// What people call it.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What its bearer may do.
    #[arg(long, value_parser = roles())]
    pub role: Role,
    /// Who its bearer is, in events and as the owner of runs [default: the name]
    #[arg(long, value_name = "WHO")]
    pub principal: Option<String>,
    /// The queues that a worker may serve, with commas between them [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub queues: Vec<String>,
    /// After how long it ends by itself: 30d, 12h [default: never]
    #[arg(long, value_name = "TIME", value_parser = days_or_less)]
    pub expires: Option<u64>,
    #[command(flatten)]
    pub key: secret_key::Options,
}

fn roles() -> impl TypedValueParser<Value = Role> {
    let words = PossibleValuesParser::new(Role::ALL.iter().map(|role| role.word()));
    words.try_map(|word| Role::from_word(&word).ok_or("no role"))
}

/// Milliseconds.
fn days_or_less(text: &str) -> Result<u64, String> {
    match text.strip_suffix('d').map(str::parse::<u32>) {
        Some(Ok(days)) => Ok(u64::from(days) * 86_400_000),
        _ => parse_ms(text).map_err(|_| "a duration looks like 30d, 12h or 10m".to_owned()),
    }
}

/// Carries out `ork tokens create`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let world = World::open(out, config).await?;
    let now = world.now();
    let wanted = Wanted {
        workspace: world.workspace,
        name: args.name,
        role: args.role,
        principal: args.principal,
        queues: args.queues,
        expires_at: args.expires.map(|ms| now.plus_ms(ms)),
        created_by: host::user(),
    };
    wanted.check().map_err(|wrong| Refusal::usage(format!("the {}: {}", wrong.field, wrong.message)))?;
    let key = args.key.token_key(config, &world.database, world.store.as_ref()).await?;
    let made = mint(&key, now, &mut OsEntropy);
    let (row, secret) = wanted.create(world.store.as_ref(), &key, made, now).await?;
    if out.json {
        out.value(&view::value(ork_server::view::created_token(&row, secret)))?;
        return Ok(Exit::Success);
    }
    out.data(secret)?;
    let workspace = config.workspace()?.text;
    out.talk(format!("the token `{}` is {} of `{workspace}`; it is shown only now", row.name, article(row.role)));
    Ok(Exit::Success)
}

fn article(role: Role) -> String {
    let word = role.word();
    format!("{} `{word}`", if word.starts_with(['a', 'e', 'o']) { "an" } else { "a" })
}

//! What a command works on: the database, or a server with a token. The one place where that is decided.

use std::path::{Path, PathBuf};

use anyhow::Result;
use ork_client::{Address, Token};

use super::context::{Context, HERE, TOKEN_VARIABLE, TokenFrom};
use super::{CONTEXT, Config, DATABASE, Key, Origin, SERVER, Setting, TOKEN_FILE};
use crate::exit_code::Refusal;

/// A server, and what says who asks it.
#[derive(Debug, Clone)]
pub struct Server {
    pub address: Address,
    pub token: Option<Token>,
}

/// A server as it was chosen.
struct Chosen {
    address: Address,
    /// Where the token is that belongs to it.
    own: Option<TokenFrom>,
    /// The context that says so.
    context: Option<String>,
    origin: Origin,
}

impl Config {
    /// The server that a command asks which can do with one; `None` when it works on the database. Whoever is nearer
    /// decides: an option, a variable, `ork.toml`, the user's file; in one of them a server goes before a context, and both
    /// before a database.
    ///
    /// # Errors
    /// When a setting is wrong, or the token cannot be read.
    pub fn server(&self) -> Result<Option<Server>> {
        let Some(chosen) = self.chosen()? else { return Ok(None) };
        if self.flags.workspace.is_some() {
            let message = format!("`--workspace` is for a database: on `{}` the token says which", chosen.address);
            return Err(Refusal::usage(message).hint("a context for each workspace, with its token").into());
        }
        let token = self.token(&chosen)?.map(|from| from.read()).transpose()?;
        Ok(Some(Server { address: chosen.address, token }))
    }

    /// Whether that is a server.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn is_remote(&self) -> Result<bool> {
        Ok(self.chosen()?.is_some())
    }

    /// The server that applies; `None` for the database.
    fn chosen(&self) -> Result<Option<Chosen>> {
        let flags = &self.flags;
        let asked = [(&SERVER, &flags.server), (&CONTEXT, &flags.context), (&DATABASE, &flags.database)];
        let mut best: Option<(usize, &Key, Setting)> = None;
        for (key, flag) in asked {
            let setting = self.setting(key, flag.clone().filter(|text| !text.is_empty()))?;
            let rank = self.rank(&setting.origin);
            if rank < usize::MAX && best.as_ref().is_none_or(|(other, ..)| rank < *other) {
                best = Some((rank, key, setting));
            }
        }
        let Some((_, key, setting)) = best else { return Ok(None) };
        if key.name == DATABASE.name || (key.name == CONTEXT.name && setting.text == HERE) {
            return Ok(None);
        }
        if key.name == CONTEXT.name {
            let Context { server, token, name } = self.context(&setting)?.clone();
            return Ok(Some(Chosen { address: server, own: token, context: Some(name), origin: setting.origin }));
        }
        let address: Address = setting.text.parse()?;
        // Who names a server that one context has as well has its token. Of several nobody knows which is meant.
        let mut of_contexts = self.contexts().filter(|(context, _)| context.server == address);
        let first = of_contexts.next().filter(|_| of_contexts.next().is_none());
        let own = first.and_then(|(context, _)| context.token.clone());
        Ok(Some(Chosen { address, own, context: None, origin: setting.origin }))
    }

    /// The nearest first.
    fn rank(&self, origin: &Origin) -> usize {
        match origin {
            Origin::Flag(_) => 0,
            Origin::Variable(_) => 1,
            Origin::File(path, _) => {
                self.layers.iter().position(|layer| layer.path == *path).map_or(usize::MAX, |at| at + 2)
            }
            Origin::Default => usize::MAX,
        }
    }

    fn is_foreign(&self, origin: &Origin) -> bool {
        matches!(origin, Origin::File(path, _) if self.layers.iter().any(|layer| layer.path == *path && !layer.is_own))
    }

    /// Where the token for a server is. One that was given without a server goes to those alone that the user chose.
    fn token(&self, chosen: &Chosen) -> Result<Option<TokenFrom>> {
        if let Some(path) = self.flags.token_file.as_ref().filter(|path| !path.is_empty()) {
            return Ok(Some(TokenFrom::File(PathBuf::from(path))));
        }
        // A file that came with a project gets no token that was meant for another server.
        if chosen.context.is_none() && self.is_foreign(&chosen.origin) {
            return Ok(chosen.own.clone());
        }
        if std::env::var_os(TOKEN_VARIABLE).is_some_and(|text| !text.is_empty()) {
            return Ok(Some(TokenFrom::Variable(TOKEN_VARIABLE.to_owned())));
        }
        let setting = self.setting(&TOKEN_FILE, None)?;
        let file = || Some(TokenFrom::File(PathBuf::from(&setting.text)));
        Ok(match setting.origin {
            Origin::Variable(_) => file(),
            // That of the file belongs to the server of the file.
            Origin::File(path, _) if chosen.own.is_none() && self.names_server(&path, &chosen.address) => file(),
            _ => chosen.own.clone(),
        })
    }

    fn names_server(&self, path: &Path, address: &Address) -> bool {
        let layer = self.layers.iter().find(|layer| layer.path == path);
        let mut values = layer.into_iter().flat_map(|layer| &layer.values);
        values.any(|(key, text, _)| key.name == SERVER.name && text.parse().is_ok_and(|own: Address| own == *address))
    }

    /// The contexts there are.
    pub fn contexts(&self) -> impl Iterator<Item = (&Context, Origin)> {
        self.layers.iter().flat_map(|layer| {
            layer.contexts.iter().map(|(context, line)| (context, Origin::File(layer.path.clone(), *line)))
        })
    }

    fn context(&self, setting: &Setting) -> Result<&Context> {
        let name = &setting.text;
        let found = self.contexts().find(|(context, _)| context.name == *name).map(|(context, _)| context);
        Ok(found.ok_or_else(|| {
            let known: Vec<&str> = self.contexts().map(|(context, _)| context.name.as_str()).collect();
            let refusal = Refusal::usage(format!("there is no context `{name}`, which {} names", setting.origin));
            match ork_workflow::nearest(name, known.iter().copied()) {
                Some(near) => refusal.hint(format!("did you mean `{near}`?")),
                None => refusal.hint(format!("ork context list; `{HERE}` is the database")),
            }
        })?)
    }

    /// What another command line must be told to find the same server.
    pub fn server_flags(&self) -> String {
        let flags = &self.flags;
        let given = [(&SERVER, &flags.server), (&CONTEXT, &flags.context), (&TOKEN_FILE, &flags.token_file)];
        let given = given.into_iter().filter_map(|(key, value)| Some((key.flag, value.as_ref()?)));
        given.map(|(flag, value)| format!(" {flag} {value}")).collect()
    }

    /// What applies, for people.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn applies(&self) -> Result<Applies> {
        let Some(chosen) = self.chosen()? else {
            let (_, origin) = self.database_setting()?;
            return Ok(Applies { context: None, server: None, token: None, origin });
        };
        let token = self.token(&chosen)?;
        Ok(Applies { context: chosen.context, server: Some(chosen.address), token, origin: chosen.origin })
    }
}

/// What commands ask that can do with both, and who said so.
#[derive(Debug)]
pub struct Applies {
    /// The context that says so.
    pub context: Option<String>,
    /// The server; `None` for the database.
    pub server: Option<Address>,
    pub token: Option<TokenFrom>,
    pub origin: Origin,
}

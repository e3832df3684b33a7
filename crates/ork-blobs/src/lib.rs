//! Places for bytes: a folder of this machine, or a store of objects.
//!
//! Both keep the promises of [`Blobs`]: bytes are there as a whole or not at all, and their SHA-256 is computed as they pass. What
//! a place is comes as one URL, which holds no credentials: they come by the variables that the provider's own tools read. All
//! requests go through the one client of the house, [`ork_http`].
#![deny(missing_docs)]

mod folder;
mod intake;
mod objects;
mod place;
mod probe;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

use ork_core::blobs::Blobs;

pub use crate::folder::Folder;
use crate::objects::Objects;
pub use crate::place::Place;

/// Variables of the environment, by their names.
pub type Variables = BTreeMap<String, String>;

/// Opens the place that a URL names, with the credentials that the environment holds. Nothing is asked of it, and nothing made,
/// before it is used.
///
/// # Errors
/// When it names none, holds credentials, or the variables of its provider do not go together; in plain words.
pub fn open(url: &str) -> Result<Arc<dyn Blobs>, String> {
    let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    open_with(url, &std::env::vars_os().filter_map(text).collect())
}

/// As [`open`], with these variables.
///
/// # Errors
/// As [`open`].
pub fn open_with(url: &str, variables: &Variables) -> Result<Arc<dyn Blobs>, String> {
    Ok(match url.parse::<Place>()? {
        Place::Folder(path) => Arc::new(Folder::new(path)),
        Place::Objects(bucket) => Arc::new(Objects::open(&bucket, variables)?),
    })
}

//! Webhooks: what they say, how they are signed, and what may be wished for.
//!
//! Messages are those of [Standard Webhooks](https://www.standardwebhooks.com), or, with the format `execution`, those of a service
//! that Ork takes over from.

pub mod desk;
mod payload;
pub mod show;
pub mod signature;

use ork_api::Fault;
use ork_core::clock::Entropy;
use ork_core::limits::WEBHOOK_SECRET_BYTES_MAX;
use ork_core::suggest::list;
use ork_core::webhook::{Format, Occasion, Wanted};

pub use desk::Desk;
pub use payload::body;
use signature::SigningKey;

/// What somebody wishes to be told, checked. Whether the URL may be called is not looked at here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Where to.
    pub url: String,
    /// Of what.
    pub events: Wanted,
    /// How.
    pub format: Format,
    /// What is signed with.
    pub secret: Option<String>,
}

/// What is wrong with a wish: the field, the message, a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Wrong {
    fn new(field: &'static str, message: impl Into<String>, hint: Option<String>) -> Self {
        Self { field, message: message.into(), hint }
    }

    /// As a problem shows it; the pointer is that of the object that the field is of.
    #[must_use]
    pub fn fault(self, at: &str) -> Fault {
        Fault { pointer: format!("{at}/{}", self.field), message: self.message, hint: self.hint, ..Fault::default() }
    }
}

/// A wish as it was sent.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Where to.
    pub url: &'a str,
    /// What is signed with.
    pub secret: Option<&'a str>,
    /// Of what.
    pub events: Option<&'a [String]>,
    /// How.
    pub format: Option<&'a str>,
}

impl Asked<'_> {
    /// Checks it.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn check(self) -> Result<Wish, Wrong> {
        let format = self.format.map_or(Ok(Format::default()), format)?;
        let events = self.events.map_or(Ok(Occasion::RunFinished.into()), events)?;
        let url = url(self.url)?;
        if let Some(secret) = self.secret {
            check_secret(secret, format)?;
        }
        Ok(Wish { url, events, format, secret: self.secret.map(str::to_owned) })
    }
}

/// How messages look.
///
/// # Errors
/// When there is no such format.
pub fn format(word: &str) -> Result<Format, Wrong> {
    let known: Vec<&str> = Format::ALL.iter().map(|format| format.word()).collect();
    let wrong = || Wrong::new("format", "there is no such format", Some(format!("one of {}", list(&known))));
    Format::from_word(word).ok_or_else(wrong)
}

/// What is told.
///
/// # Errors
/// When one of them is no event, or there is none.
pub fn events(words: &[String]) -> Result<Wanted, Wrong> {
    let known: Vec<&str> = Occasion::EVENTS.iter().map(|occasion| occasion.word()).collect();
    let hint = || Some(format!("of {}", list(&known)));
    match Wanted::of_words(words.iter().map(String::as_str)) {
        Ok(events) if events.is_empty() => Err(Wrong::new("events", "it names no event", hint())),
        Ok(events) => Ok(events),
        Err(word) => Err(Wrong::new("events", format!("`{}` is no event", word.escape_debug()), hint())),
    }
}

/// Where messages go, as far as the text says. Whether its addresses may be reached is seen when a message is sent, and not before:
/// by then they may be others.
///
/// # Errors
/// When it is no URL of a web server.
pub fn url(text: &str) -> Result<String, Wrong> {
    ork_http::Target::parse(text).map_err(|refused| Wrong::new("url", refused.to_string(), None))?;
    Ok(text.to_owned())
}

/// Whether something can be signed with in this format.
///
/// # Errors
/// When it cannot; the secret is not repeated.
pub fn check_secret(secret: &str, format: Format) -> Result<(), Wrong> {
    let wrong = |message: String, hint| Err(Wrong::new("secret", message, hint));
    if secret.is_empty() || secret.len() > WEBHOOK_SECRET_BYTES_MAX || secret.chars().any(char::is_control) {
        let message = format!("it has 1 to {WEBHOOK_SECRET_BYTES_MAX} bytes, and no control characters");
        return wrong(message, None);
    }
    match format {
        Format::Execution => Ok(()),
        Format::Standard => match SigningKey::read(secret) {
            Ok(_) => Ok(()),
            Err(why) => wrong(why.to_owned(), Some("echo whsec_$(openssl rand -base64 32)".to_owned())),
        },
    }
}

/// Makes a secret.
pub fn make_secret(entropy: &mut dyn Entropy) -> String {
    signature::make(entropy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(asked: Asked<'_>, field: &str) {
        assert_eq!(asked.check().map_err(|wrong| wrong.field), Err(field), "{asked:?}");
    }

    #[test]
    fn a_wish_is_checked_field_by_field() {
        let plain = Asked { url: "https://a.example/x", secret: None, events: None, format: None };
        let wish = plain.check().unwrap();
        assert_eq!((wish.events, wish.format, wish.secret), (Occasion::RunFinished.into(), Format::Standard, None));
        for url in ["", "a", "ftp://a", "http://u:p@a/", "http://a\r\nb/", "http://a/\0", "http://2130706433/"] {
            check(Asked { url, ..plain }, "url");
        }
        let events = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        for wrong in [events(&[]), events(&["run.failed"]), events(&["run.finished", "webhook.test"])] {
            check(Asked { events: Some(&wrong), ..plain }, "events");
        }
        for format in ["", "Standard", "cloudevents"] {
            check(Asked { format: Some(format), ..plain }, "format");
        }
        let long = "x".repeat(257);
        for secret in ["", "plain", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%", "a\r\nb", "a\0", &long] {
            check(Asked { secret: Some(secret), ..plain }, "secret");
        }
        for secret in ["", "a\nb", &long] {
            check(Asked { secret: Some(secret), format: Some("execution"), ..plain }, "secret");
        }
        assert!(Asked { secret: Some("plain"), format: Some("execution"), ..plain }.check().is_ok());
        assert!(Asked { secret: Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), ..plain }.check().is_ok());
    }
}

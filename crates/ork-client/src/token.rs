//! What says who asks.

use std::fmt;

use hyper::header::HeaderValue;

/// Bytes of a token.
const BYTES_MAX: usize = 4096;

/// A token of a server. It is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes a token as a file or a variable holds it; blanks around it do not count.
    ///
    /// # Errors
    /// When it cannot be one, for the end of a sentence. The text is not repeated.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Err("it is empty");
        }
        if text.len() > BYTES_MAX || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("it is not one word of letters, digits and signs");
        }
        Ok(Self(text.to_owned()))
    }

    /// As the header `Authorization` has it.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_word_and_is_not_shown() {
        let token = Token::new(" secret\n").unwrap();
        assert_eq!(format!("{token:?}"), "Token(…)");
        assert_eq!(format!("{:?}", token.header()), "Some(Sensitive)");
        for wrong in ["", " ", "a b", "a\nb", "ä", &"x".repeat(5_000)] {
            assert!(Token::new(wrong).is_err(), "{wrong}");
        }
    }
}

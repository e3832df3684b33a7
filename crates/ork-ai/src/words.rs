//! What messages say, and what they must not.

use ork_core::ai::AiError;
use ork_http::Target;

/// Bytes of a message: what a provider or a model says in it may be of any length.
const BYTES_MAX: usize = 1 << 10;

/// Where a request goes, without what may be secret in it.
pub fn place(url: &str) -> String {
    Target::parse(url).map_or_else(|_| "the provider".to_owned(), |target| target.place())
}

/// The same error, whose message has no key, no control characters, and an end.
pub fn without(error: AiError, key: Option<&str>) -> AiError {
    let clean = |message: String| {
        // Before it is cut: the first half of a key is too much.
        let hidden = match key {
            Some(key) if !key.is_empty() => message.replace(key, "***"),
            _ => message,
        };
        let message = plain(&hidden);
        message[..message.floor_char_boundary(BYTES_MAX)].to_owned()
    };
    match error {
        AiError::Refused { message, is_retryable, retry_after_ms } => {
            AiError::Refused { message: clean(message), is_retryable, retry_after_ms }
        }
        AiError::Lost { message } => AiError::Lost { message: clean(message) },
        AiError::Unusable { message, tokens } => AiError::Unusable { message: clean(message), tokens },
        AiError::Stopped => AiError::Stopped,
    }
}

/// A text on one line.
pub fn plain(text: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(printable).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, key: &str, expected: &str) {
        let lost = |message: &str| AiError::Lost { message: message.to_owned() };
        assert_eq!(without(lost(message), Some(key)), lost(expected));
    }

    #[test]
    fn a_message_has_no_key_and_an_end() {
        check("your key sk-1234 is wrong: sk-1234", "sk-1234", "your key *** is wrong: ***");
        check("a\nb\u{1b}[31mc\0", "", "a b [31mc");
        let long = "x".repeat(BYTES_MAX - 3);
        check(&format!("{long}sk-1234"), "sk-1234", &format!("{long}***"));
        check(&"ä".repeat(BYTES_MAX), "k", &"ä".repeat(BYTES_MAX / 2));
    }

    #[test]
    fn a_place_has_no_path() {
        assert_eq!(place("https://api.example.com/secret?x=y"), "api.example.com:443");
        assert_eq!(place("https://ada:secret@example.com/"), "the provider");
    }
}

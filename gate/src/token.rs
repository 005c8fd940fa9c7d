//! A token on its way from where it was found to where it is checked, in a wrapper that no log line shows.

use std::fmt;

/// What a client presents to say who it is. Its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes what a client presented.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The token in an `Authorization` header, if its scheme is `Bearer`.
    #[must_use]
    pub fn from_authorization(header: &str) -> Option<Self> {
        let (scheme, token) = header.trim().split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| Self::new(token.trim()))
    }

    /// The token itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bearer_scheme_has_a_token() {
        let token = |header| Token::from_authorization(header);
        assert_eq!(token("Bearer a.b.c"), Some(Token::new("a.b.c")));
        assert_eq!(token("bearer  a.b.c "), Some(Token::new("a.b.c")));
        for other in ["Basic a", "Bearer", "a.b.c", ""] {
            assert_eq!(token(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_token_does_not_show_itself() {
        let shown = format!("{:?}", Some(Token::new("secret")));
        assert!(!shown.contains("secret"), "{shown}");
    }
}

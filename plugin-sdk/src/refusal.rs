//! A handler's way to say no.

use std::{borrow::Cow, fmt};

use crate::bindings::parlor::room::types as wit;

/// What a handler returns.
pub type Result<T, E = Refusal> = std::result::Result<T, E>;

/// A refusal of one input: the sender is told, and nothing else happens. It is not a fault.
///
/// A text becomes a refusal with the code `REFUSED`, so `return Err("not your turn".into())` is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    code: Cow<'static, str>,
    message: String,
}

impl Refusal {
    /// The code of a refusal that was given no other.
    pub const REFUSED: &'static str = "REFUSED";
    /// The code for a message that the room's input type cannot read.
    pub const INVALID_PAYLOAD: &'static str = "INVALID_PAYLOAD";

    /// A refusal with a code that programs can tell apart, and a message that tells a person what to do next.
    ///
    /// # Panics
    /// When the code is not 1 to 48 of `A-Z 0-9 _`, beginning with a letter.
    #[track_caller]
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        let code = code.into();
        assert!(
            is_code(&code),
            "`{code}` is not a refusal code: use 1 to 48 of A-Z, 0-9 and _, beginning with a letter"
        );
        Self {
            code,
            message: message.into(),
        }
    }

    /// The code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }
}

fn is_code(code: &str) -> bool {
    code.len() <= 48
        && code.starts_with(|first: char| first.is_ascii_uppercase())
        && code
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Refusal {}

impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self {
            code: Cow::Borrowed(Self::REFUSED),
            message,
        }
    }
}

impl From<&str> for Refusal {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

impl From<Refusal> for wit::Refusal {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code.into_owned(),
            message: refusal.message,
        }
    }
}

#[cfg(not(target_family = "wasm"))]
impl From<wit::Refusal> for Refusal {
    fn from(refusal: wit::Refusal) -> Self {
        Self {
            code: refusal.code.into(),
            message: refusal.message,
        }
    }
}

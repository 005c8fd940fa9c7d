//! The token with which a client takes up its session again: a MAC over the session and its generation.
//!
//! The server keeps no table of tokens. What a token says is in the token, and only who holds the key can have written
//! it; which generation is still good is the session's to know.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

/// Keeps these MACs apart from whatever else may once be made with the same key.
const LABEL: &[u8] = b"parlor resume token 1";
const SESSION_BYTES: usize = 16;
const GENERATION_BYTES: usize = 8;
const SAID_BYTES: usize = SESSION_BYTES + GENERATION_BYTES;
const MAC_BYTES: usize = 32;
/// The length of every token, in characters.
const TOKEN_CHARS: usize = (SAID_BYTES + MAC_BYTES) * 4 / 3 + 1;

/// Writes and opens resume tokens. Two servers with the same key take each other's tokens.
#[derive(Clone)]
pub struct ResumeKey {
    mac: hmac::Key,
}

impl fmt::Debug for ResumeKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ResumeKey(secret)")
    }
}

impl ResumeKey {
    /// A key of 32 random bytes.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self {
            mac: hmac::Key::new(hmac::HMAC_SHA256, secret),
        }
    }

    /// The token for this generation of this session.
    #[must_use]
    pub fn issue(&self, session: u128, generation: u64) -> String {
        let mut token = [0; SAID_BYTES + MAC_BYTES];
        let (said, mac) = token.split_at_mut(SAID_BYTES);
        said[..SESSION_BYTES].copy_from_slice(&session.to_be_bytes());
        said[SESSION_BYTES..].copy_from_slice(&generation.to_be_bytes());
        mac.copy_from_slice(hmac::sign(&self.mac, &labelled(said)).as_ref());
        URL_SAFE_NO_PAD.encode(token)
    }

    /// What a token says, as session and generation, or `None` if this key did not write it. Takes the same time for
    /// every wrong MAC.
    #[must_use]
    pub fn open(&self, token: &str) -> Option<(u128, u64)> {
        if token.len() != TOKEN_CHARS {
            return None;
        }
        let token = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (said, mac) = token.split_at_checked(SAID_BYTES)?;
        hmac::verify(&self.mac, &labelled(said), mac).ok()?;
        let (session, generation) = said.split_at(SESSION_BYTES);
        Some((
            u128::from_be_bytes(session.try_into().ok()?),
            u64::from_be_bytes(generation.try_into().ok()?),
        ))
    }
}

fn labelled(said: &[u8]) -> Vec<u8> {
    [LABEL, said].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> ResumeKey {
        ResumeKey::new(&[byte; 32])
    }

    #[test]
    fn a_token_says_its_session_and_generation() {
        for (session, generation) in [(0, 0), (7, 1), (u128::MAX, u64::MAX)] {
            let token = key(1).issue(session, generation);
            assert_eq!(token.len(), TOKEN_CHARS);
            assert_eq!(key(1).open(&token), Some((session, generation)));
        }
    }

    #[test]
    fn a_token_of_another_key_is_not_opened() {
        assert_eq!(key(2).open(&key(1).issue(7, 1)), None);
    }

    #[test]
    fn a_token_with_any_character_changed_is_not_opened() {
        let token = key(1).issue(7, 1);
        for at in 0..token.len() {
            for other in ["A", "B", "_", "=", " "] {
                let mut changed = token.clone();
                changed.replace_range(at..=at, other);
                if changed != token {
                    assert_eq!(key(1).open(&changed), None, "{changed}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_token_is_not_opened() {
        let token = key(1).issue(7, 1);
        for text in [
            "",
            "x",
            &token[1..],
            &format!("{token}A"),
            &format!("{token}="),
            &"ä".repeat(TOKEN_CHARS),
        ] {
            assert_eq!(key(1).open(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_key_does_not_show_itself() {
        assert_eq!(format!("{:?}", key(65)), "ResumeKey(secret)");
    }
}

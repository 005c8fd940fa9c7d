//! Who made a component: signatures in the format of minisign, over its very bytes.

use std::path::Path;

use minisign_verify::{PublicKey, Signature};

/// Whose components are taken.
#[derive(Debug, Clone, Default)]
pub struct Signatures {
    keys: Vec<PublicKey>,
    is_required: bool,
}

/// A key that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// Neither a key nor the file of one.
    #[error(
        "read the trusted key {0:?}: give the path of a minisign public key, or the key itself, which begins with RW"
    )]
    NoKey(String),
    /// Signatures are asked for, and nothing is there to check them with.
    #[error("require signatures: no key is trusted; name one with --trusted-key KEY_OR_FILE")]
    NoKeys,
}

/// Why a component was refused for its signature.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SignatureError {
    /// It has none.
    #[error(
        "find a signature: this server takes signed components only; sign it with `parlor plugin sign` and a key that it trusts"
    )]
    Missing,
    /// What came as a signature is none.
    #[error("read the signature: it must be what minisign writes into a .minisig file")]
    Unreadable,
    /// It was made by somebody else.
    #[error("trust the signature: it was made with a key that this server does not trust")]
    UnknownKey,
    /// It is not about these bytes.
    #[error("verify the signature: it is not of this component; sign these very bytes")]
    Wrong,
}

impl Signatures {
    /// Reads the keys: each is the key itself, or the path of its file.
    ///
    /// # Errors
    ///
    /// See [`KeyError`].
    pub fn new(keys: &[String], is_required: bool) -> Result<Self, KeyError> {
        if is_required && keys.is_empty() {
            return Err(KeyError::NoKeys);
        }
        let keys = keys
            .iter()
            .map(|key| read_key(key))
            .collect::<Result<_, _>>()?;
        Ok(Self { keys, is_required })
    }

    /// Checks the signature of a component, if it has one or must have one.
    pub(super) fn check(
        &self,
        component: &[u8],
        signature: Option<&str>,
    ) -> Result<(), SignatureError> {
        let Some(text) = signature else {
            return match self.is_required {
                true => Err(SignatureError::Missing),
                false => Ok(()),
            };
        };
        if self.keys.is_empty() {
            // Nobody said whose signatures count.
            return Ok(());
        }
        let signature = Signature::decode(text).map_err(|_| SignatureError::Unreadable)?;
        let mut error = SignatureError::UnknownKey;
        for key in &self.keys {
            match key.verify(component, &signature, true) {
                Ok(()) => return Ok(()),
                Err(minisign_verify::Error::UnexpectedKeyId) => {}
                Err(_) => error = SignatureError::Wrong,
            }
        }
        Err(error)
    }
}

fn read_key(key: &str) -> Result<PublicKey, KeyError> {
    if let Ok(key) = PublicKey::from_base64(key.trim()) {
        return Ok(key);
    }
    let text = std::fs::read_to_string(Path::new(key));
    text.ok()
        .and_then(|text| {
            PublicKey::decode(&text)
                .ok()
                .or_else(|| PublicKey::from_base64(text.trim()).ok())
        })
        .ok_or_else(|| KeyError::NoKey(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The examples of minisign's own documentation.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const OTHER_KEY: &str = "RWRB6ZGC7hfYT3C3QX+mTDKsIZsaIzUcL+CBhwKSnAd+UrtlLAVyCRAU";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key
RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=
trusted comment: timestamp:1633700835\tfile:test\tprehashed
wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==";

    fn signatures(keys: &[&str], is_required: bool) -> Signatures {
        let keys: Vec<_> = keys.iter().map(|&key| key.to_owned()).collect();
        Signatures::new(&keys, is_required).unwrap()
    }

    #[test]
    fn what_a_trusted_key_signed_is_taken() {
        let required = signatures(&[OTHER_KEY, KEY], true);
        assert_eq!(required.check(b"test", Some(SIGNATURE)), Ok(()));
    }

    #[test]
    fn a_changed_byte_another_key_and_no_signature_are_told_apart() {
        let required = signatures(&[KEY], true);
        assert_eq!(
            required.check(b"Test", Some(SIGNATURE)),
            Err(SignatureError::Wrong)
        );
        assert_eq!(required.check(b"test", None), Err(SignatureError::Missing));
        assert_eq!(
            required.check(b"test", Some("RW")),
            Err(SignatureError::Unreadable)
        );
        let other = signatures(&[OTHER_KEY], true);
        assert_eq!(
            other.check(b"test", Some(SIGNATURE)),
            Err(SignatureError::UnknownKey)
        );
    }

    #[test]
    fn where_none_is_required_a_wrong_one_is_refused_all_the_same() {
        let optional = signatures(&[KEY], false);
        assert_eq!(optional.check(b"test", None), Ok(()));
        assert_eq!(
            optional.check(b"Test", Some(SIGNATURE)),
            Err(SignatureError::Wrong)
        );
        assert_eq!(
            signatures(&[], false).check(b"Test", Some(SIGNATURE)),
            Ok(())
        );
    }

    #[test]
    fn keys_come_as_text_or_in_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("parlor.pub");
        std::fs::write(&path, format!("untrusted comment: a key\n{KEY}\n")).unwrap();
        let keys = [path.display().to_string()];
        let from_file = Signatures::new(&keys, true).unwrap();
        assert_eq!(from_file.check(b"test", Some(SIGNATURE)), Ok(()));
        let nothing = Signatures::new(&["no/such.pub".to_owned()], false).unwrap_err();
        assert!(nothing.to_string().contains("no/such.pub"), "{nothing}");
        assert_eq!(Signatures::new(&[], true).unwrap_err(), KeyError::NoKeys);
    }
}

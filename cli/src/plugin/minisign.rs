//! Keys and signatures in the files of minisign: Ed25519 over the BLAKE2b hash of a file, and over a comment that cannot
//! be changed either. Written on the libraries below rather than taken whole, because the crate that has all of it would
//! turn on features below wasmtime.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

/// An Ed25519 key; in a signature, `SIGNATURE_HASHED` says that the file was hashed first.
const ED25519: &[u8; 2] = b"Ed";
const SIGNATURE_HASHED: &[u8; 2] = b"ED";
const SCRYPT: &[u8; 2] = b"Sc";
const NO_PASSWORD: &[u8; 2] = &[0, 0];
const BLAKE2B: &[u8; 2] = b"B2";

/// What the password's key is made with, as libsodium counts: 32 MiB, for about a tenth of a second.
const OPERATIONS: u64 = 1 << 20;
const MEMORY_BYTES: u64 = 1 << 25;
/// More than minisign itself ever asks for is an attempt to use up this machine's memory.
const MEMORY_BYTES_MAX: u64 = 1 << 30;

const SECRET_FILE_BYTES: usize = 158;
const SEALED_BYTES: usize = 104;

/// Why there is no key or no signature. The texts say why; what was tried stands before them.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum KeyError {
    #[error("it is not a secret key of minisign")]
    Format,
    #[error("its password asks for more memory than minisign takes")]
    Costs,
    #[error("it has a password")]
    PasswordNeeded,
    #[error("the password is wrong, or the file is damaged")]
    Password,
}

/// A secret key, open.
pub(super) struct SecretKey {
    number: [u8; 8],
    pair: Ed25519KeyPair,
    seed: [u8; 32],
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SecretKey({})", self.id())
    }
}

impl SecretKey {
    pub(super) fn generate() -> Self {
        let seed: [u8; 32] = rand::random();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("any 32 bytes are a seed");
        Self {
            number: rand::random(),
            pair,
            seed,
        }
    }

    /// What people call it.
    fn id(&self) -> String {
        format!("{:016X}", u64::from_le_bytes(self.number))
    }

    /// The file that those who check signatures get.
    pub(super) fn public_file(&self) -> String {
        let mut bytes = ED25519.to_vec();
        bytes.extend(self.number);
        bytes.extend(self.pair.public_key().as_ref());
        let line = STANDARD.encode(bytes);
        format!(
            "untrusted comment: minisign public key {}\n{line}\n",
            self.id()
        )
    }

    /// The file to keep, closed by a password or open to whoever has it.
    pub(super) fn secret_file(&self, password: Option<&str>) -> Result<String, KeyError> {
        let (kdf, costs) = match password {
            Some(_) => (SCRYPT, [OPERATIONS, MEMORY_BYTES]),
            None => (NO_PASSWORD, [0, 0]),
        };
        let salt: [u8; 32] = if password.is_some() {
            rand::random()
        } else {
            [0; 32]
        };
        let mut key = self.seed.to_vec();
        key.extend(self.pair.public_key().as_ref());
        let mut sealed = self.number.to_vec();
        sealed.extend(&key);
        sealed.extend(checksum(&self.number, &key));
        if let Some(password) = password {
            mask(&mut sealed, password, &salt, costs)?;
        }
        let mut bytes = [&ED25519[..], kdf, BLAKE2B, &salt].concat();
        bytes.extend(costs.iter().flat_map(|cost| cost.to_le_bytes()));
        bytes.extend(sealed);
        let line = STANDARD.encode(bytes);
        let what = if password.is_some() {
            "encrypted secret key"
        } else {
            "secret key without a password"
        };
        Ok(format!("untrusted comment: minisign {what}\n{line}\n"))
    }

    /// Opens a file of `secret_file`, of minisign or of rsign.
    pub(super) fn open(file: &str, password: Option<&str>) -> Result<Self, KeyError> {
        let line = file.lines().nth(1).ok_or(KeyError::Format)?;
        let bytes = STANDARD.decode(line.trim()).map_err(|_| KeyError::Format)?;
        if bytes.len() != SECRET_FILE_BYTES || bytes[..2] != *ED25519 || bytes[4..6] != *BLAKE2B {
            return Err(KeyError::Format);
        }
        let cost = |at: usize| {
            let bytes = bytes[at..at + 8].try_into().expect("it is eight bytes");
            u64::from_le_bytes(bytes)
        };
        let (salt, costs) = (&bytes[6..38], [cost(38), cost(46)]);
        let mut sealed = bytes[SECRET_FILE_BYTES - SEALED_BYTES..].to_vec();
        match (bytes[2..4].try_into().expect("it is two bytes"), password) {
            (NO_PASSWORD, _) => {}
            (SCRYPT, Some(password)) => mask(&mut sealed, password, salt, costs)?,
            (SCRYPT, None) => return Err(KeyError::PasswordNeeded),
            _ => return Err(KeyError::Format),
        }
        let (number, rest) = sealed.split_at(8);
        let (key, sum) = rest.split_at(64);
        if checksum(number, key) != sum {
            return Err(KeyError::Password);
        }
        let (seed, public) = key.split_at(32);
        let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public);
        Ok(Self {
            number: number.try_into().expect("it was split there"),
            pair: pair.map_err(|_| KeyError::Format)?,
            seed: seed.try_into().expect("it was split there"),
        })
    }

    /// The signature of a file, as minisign writes it. The comment is part of what is signed.
    pub(super) fn sign(&self, data: &[u8], comment: &str) -> String {
        let hash = blake2b_simd::blake2b(data);
        let signature = self.pair.sign(hash.as_bytes());
        let signed = [signature.as_ref(), comment.as_bytes()].concat();
        let whole = self.pair.sign(&signed);
        let first = [&SIGNATURE_HASHED[..], &self.number, signature.as_ref()].concat();
        format!(
            "untrusted comment: signature from minisign secret key {}\n{}\ntrusted comment: {comment}\n{}\n",
            self.id(),
            STANDARD.encode(first),
            STANDARD.encode(whole.as_ref())
        )
    }
}

fn checksum(number: &[u8], key: &[u8]) -> [u8; 32] {
    let mut state = blake2b_simd::Params::new().hash_length(32).to_state();
    state.update(ED25519).update(number).update(key);
    let hash = state.finalize();
    hash.as_bytes()
        .try_into()
        .expect("that length was asked for")
}

/// Seals or unseals, by what scrypt makes of the password.
fn mask(sealed: &mut [u8], password: &str, salt: &[u8], costs: [u64; 2]) -> Result<(), KeyError> {
    let mut stream = [0; SEALED_BYTES];
    let params = scrypt_params(costs)?;
    scrypt::scrypt(password.as_bytes(), salt, &params, &mut stream)
        .map_err(|_| KeyError::Format)?;
    for (byte, mask) in sealed.iter_mut().zip(stream) {
        *byte ^= mask;
    }
    Ok(())
}

/// What libsodium makes of its two limits.
fn scrypt_params([operations, memory_bytes]: [u64; 2]) -> Result<scrypt::Params, KeyError> {
    const BLOCK: u32 = 8;
    if memory_bytes > MEMORY_BYTES_MAX {
        return Err(KeyError::Costs);
    }
    let operations = operations.max(32_768);
    let block = u64::from(BLOCK);
    let log2 = |most: u64| (1..63_u8).find(|n| 1_u64 << n > most / 2).unwrap_or(63);
    let (log_n, p) = if operations < memory_bytes / 32 {
        (log2(operations / (block * 4)), 1)
    } else {
        let log_n = log2(memory_bytes / (block * 128));
        let most = ((operations / 4) >> log_n).min(0x3fff_ffff);
        (log_n, most / block)
    };
    let p = u32::try_from(p).map_err(|_| KeyError::Costs)?;
    scrypt::Params::new(log_n, BLOCK, p).map_err(|_| KeyError::Format)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_verified(key: &SecretKey, data: &[u8]) {
        let public = minisign_verify::PublicKey::decode(&key.public_file()).unwrap();
        let text = key.sign(data, "file:x.wasm");
        let signature = minisign_verify::Signature::decode(&text).unwrap();
        assert_eq!(signature.trusted_comment(), "file:x.wasm");
        public.verify(data, &signature, false).unwrap();
        public.verify(b"other", &signature, false).unwrap_err();
    }

    #[test]
    fn a_signature_is_what_minisign_checks() {
        let key = SecretKey::generate();
        check_verified(&key, b"");
        check_verified(&key, b"\0asm");
        let reopened = SecretKey::open(&key.secret_file(None).unwrap(), None).unwrap();
        assert_eq!(reopened.public_file(), key.public_file());
        check_verified(&reopened, b"\0asm");
    }

    #[test]
    fn a_password_closes_a_key() {
        let key = SecretKey::generate();
        let file = key.secret_file(Some("right")).unwrap();
        assert_eq!(
            SecretKey::open(&file, None).unwrap_err(),
            KeyError::PasswordNeeded
        );
        assert_eq!(
            SecretKey::open(&file, Some("wrong")).unwrap_err(),
            KeyError::Password
        );
        let reopened = SecretKey::open(&file, Some("right")).unwrap();
        assert_eq!(reopened.public_file(), key.public_file());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let file = SecretKey::generate().secret_file(None).unwrap();
        for wrong in ["", "one line", "a\nnot base64!\n", "a\nRWQ=\n"] {
            assert_eq!(
                SecretKey::open(wrong, None).unwrap_err(),
                KeyError::Format,
                "{wrong:?}"
            );
        }
        let damaged = file.replacen("AAAAAAAAAAAAAAAA", "AAAABAAAAAAAAAAA", 1);
        assert!(SecretKey::open(&damaged, None).is_ok(), "the salt of none");
        let line = file.lines().nth(1).unwrap();
        let mut bytes = STANDARD.decode(line).unwrap();
        bytes[100] ^= 1;
        let damaged = format!("x\n{}\n", STANDARD.encode(&bytes));
        assert_eq!(
            SecretKey::open(&damaged, None).unwrap_err(),
            KeyError::Password
        );
    }
}

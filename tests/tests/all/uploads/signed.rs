//! Signatures, in the format of minisign.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blake2b_simd::blake2b;
use parlor_server::FileConfig;
use parlor_tests::TestServer;
use parlor_tests::craft::tiny;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::{listing, options, upload, upload_signed};

/// A key as minisign has it: with a number of its own.
pub(super) struct Signer {
    number: [u8; 8],
    pair: Ed25519KeyPair,
}

impl Signer {
    pub(super) fn new(number: u8) -> Self {
        let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("there is chance");
        Self {
            number: [number; 8],
            pair: Ed25519KeyPair::from_pkcs8(pair.as_ref()).expect("it is a key"),
        }
    }

    /// What `--trusted-key` takes.
    pub(super) fn public(&self) -> String {
        let key = self.pair.public_key();
        STANDARD.encode([b"Ed", &self.number[..], key.as_ref()].concat())
    }

    /// What minisign writes into a `.minisig` file.
    pub(super) fn sign(&self, bytes: &[u8]) -> String {
        let signature = self.pair.sign(blake2b(bytes).as_bytes());
        let comment = "a test";
        let global = self
            .pair
            .sign(&[signature.as_ref(), comment.as_bytes()].concat());
        format!(
            "untrusted comment: signed\n{}\ntrusted comment: {comment}\n{}\n",
            STANDARD.encode([b"ED", &self.number[..], signature.as_ref()].concat()),
            STANDARD.encode(global)
        )
    }
}

/// A server that takes what this key signed.
async fn server(signer: &Signer, is_required: bool) -> TestServer {
    TestServer::with(options(FileConfig {
        trusted_key: vec![signer.public()],
        require_signatures: Some(is_required),
        ..FileConfig::default()
    }))
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_requires_signatures_takes_the_right_one_only() {
    let signer = Signer::new(1);
    let server = server(&signer, true).await;
    let before = listing(&server).await;
    let component = tiny("0.2.0");
    let good = STANDARD.encode(signer.sign(&component));

    let missing = upload(&server, "", &component).await;
    missing.refuses(403, "SIGNATURE_REQUIRED", &["parlor plugin sign"]);
    let mut changed = component.clone();
    changed[100] ^= 1;
    let wrong = upload_signed(&server, "", &changed, Some(&good)).await;
    wrong.refuses(403, "SIGNATURE_INVALID", &["these very bytes"]);
    let stranger = STANDARD.encode(Signer::new(2).sign(&component));
    let strange = upload_signed(&server, "", &component, Some(&stranger)).await;
    strange.refuses(403, "SIGNATURE_INVALID", &["does not trust"]);
    // Somebody else who uses the number of the trusted key.
    let forged = STANDARD.encode(Signer::new(1).sign(&component));
    let forged = upload_signed(&server, "", &component, Some(&forged)).await;
    forged.refuses(403, "SIGNATURE_INVALID", &["not of this component"]);
    for unreadable in ["no base64", "bm90aGluZw=="] {
        let answer = upload_signed(&server, "", &component, Some(unreadable)).await;
        answer.refuses(403, "SIGNATURE_INVALID", &[".minisig"]);
    }
    assert_eq!(listing(&server).await, before);

    let answer = upload_signed(&server, "", &component, Some(&good)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_uploaded_unsigned_is_not_brought_back_by_a_server_that_requires_signatures() {
    let signer = Signer::new(1);
    let before = server(&signer, false).await;
    let unsigned = upload(&before, "", &tiny("0.2.1")).await;
    let signed = tiny("0.2.2");
    let signature = STANDARD.encode(signer.sign(&signed));
    let signed = upload_signed(&before, "", &signed, Some(&signature)).await;
    assert_eq!((unsigned.status, signed.status), (201, 201));

    let settings = |is_required| {
        options(FileConfig {
            trusted_key: vec![signer.public()],
            require_signatures: Some(is_required),
            ..FileConfig::default()
        })
    };
    let has = async |server: &TestServer, digest: &str| {
        let versions = super::versions_of(server, "tiny").await;
        versions.iter().any(|it| it["digest"] == digest)
    };
    let strict = before.restarted(settings(true)).await;
    assert!(has(&strict, &signed.digest()).await);
    assert!(!has(&strict, &unsigned.digest()).await);
    // It is not forgotten for that.
    let again = strict.restarted(settings(false)).await;
    assert!(has(&again, &unsigned.digest()).await);
}

//! TLS on the public listener, by rustls. The certificate is read again while the server runs, so that a renewed one
//! needs no restart.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

use crate::telemetry::Metrics;

/// A certificate and key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("read {0}: {1}")]
    Read(PathBuf, io::Error),
    /// A file is not what it should be.
    #[error("find {wanted} in {path}, in PEM: {error}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// What is wrong.
        error: pem::Error,
    },
    /// The two do not go together, or are of a kind that is not supported.
    #[error("use {0} with {1}: {2}")]
    Pair(PathBuf, PathBuf, rustls::Error),
    /// Nothing that a file could be to blame for.
    #[error("set up TLS: {0}")]
    Setup(#[from] rustls::Error),
}

/// TLS with the certificate of the moment.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    files: Files,
    /// What the files held when they were read first.
    opened: Contents,
    current: Arc<Current>,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug, Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What is in the two files. Small, so that comparing it is simpler and surer than trusting their times.
#[derive(Clone, PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads a certificate, with the chain behind it, and its key, both in PEM.
    ///
    /// # Errors
    ///
    /// When they cannot be used.
    pub fn open(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let files = Files {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        };
        let provider = Arc::new(ring::default_provider());
        let opened = files.read()?;
        let current = Arc::new(Current(RwLock::new(files.parse(&opened, &provider)?)));
        // TLS 1.2 and 1.3: rustls has nothing older.
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Clients that come back, perhaps all at once, need no new key exchange, and the server keeps nothing for them.
        config.ticketer = ring::Ticketer::new()?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            files,
            opened,
            current,
            provider,
        })
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Looks at the files for as long as it is polled, and takes up what is new in them. What cannot be used is logged,
    /// and the certificate stays what it was: the two files may be half way through being replaced.
    pub(crate) async fn watch(self, every: Duration, metrics: Arc<Metrics>) {
        let mut seen = Some(self.opened.clone());
        let mut pace = tokio::time::interval(every);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            let files = self.files.clone();
            let Ok(read) = tokio::task::spawn_blocking(move || files.read()).await else {
                // The runtime is about to end.
                return;
            };
            let (now, outcome) = match read {
                Ok(contents) if seen.as_ref() == Some(&contents) => continue,
                Ok(contents) => {
                    let parsed = self.files.parse(&contents, &self.provider);
                    (Some(contents), parsed)
                }
                Err(_) if seen.is_none() => continue,
                Err(error) => (None, Err(error)),
            };
            seen = now;
            metrics.certificate_read(outcome.is_ok());
            match outcome {
                Ok(key) => {
                    self.current.set(key);
                    tracing::info!(certificate = %self.files.certificate.display(), "a new certificate is in use");
                }
                Err(error) => {
                    tracing::error!("failed to {error}; the certificate from before stays in use");
                }
            }
        }
    }
}

impl Files {
    fn read(&self) -> Result<Contents, TlsError> {
        let read = |path: &Path| fs::read(path).map_err(|it| TlsError::Read(path.to_owned(), it));
        Ok(Contents {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
        })
    }

    fn parse(
        &self,
        contents: &Contents,
        provider: &CryptoProvider,
    ) -> Result<Arc<CertifiedKey>, TlsError> {
        let broken = |path: &Path, wanted| {
            let path = path.to_owned();
            move |error| TlsError::Pem {
                path,
                wanted,
                error,
            }
        };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&contents.certificate)
            .collect::<Result<_, _>>()
            .map_err(broken(&self.certificate, "certificates"))?;
        if chain.is_empty() {
            return Err(broken(&self.certificate, "a certificate")(
                pem::Error::NoItemsFound,
            ));
        }
        let key = PrivateKeyDer::from_pem_slice(&contents.key)
            .map_err(broken(&self.key, "a private key"))?;
        CertifiedKey::from_der(chain, key, provider)
            .map(Arc::new)
            .map_err(|it| TlsError::Pair(self.certificate.clone(), self.key.clone(), it))
    }
}

/// The certificate that new connections are shown.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl Current {
    fn set(&self, key: Arc<CertifiedKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = key;
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate and its key, in PEM.
    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[track_caller]
    fn open(certificate: &str, key: &str) -> Result<Tls, String> {
        let dir = tempfile::tempdir().unwrap();
        let (certificate_file, key_file) =
            (dir.path().join("cert.pem"), dir.path().join("key.pem"));
        fs::write(&certificate_file, certificate).unwrap();
        fs::write(&key_file, key).unwrap();
        Tls::open(&certificate_file, &key_file).map_err(|error| error.to_string())
    }

    #[test]
    fn a_certificate_and_its_key_are_used() {
        let (certificate, key) = pair();
        assert!(open(&certificate, &key).is_ok());
    }

    #[test]
    fn a_pair_that_could_not_work_is_refused_with_the_name_of_the_file() {
        let ((certificate, key), (_, other_key)) = (pair(), pair());
        for (certificate, key, named) in [
            ("", &key, "cert.pem"),
            (&*key, &key, "cert.pem"),
            (&*certificate, &String::new(), "key.pem"),
            (&*certificate, &certificate, "key.pem"),
            (&*certificate, &other_key, "cert.pem"),
        ] {
            let error = open(certificate, key).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
        let missing = Path::new("/no/such/cert.pem");
        let error = Tls::open(missing, missing).unwrap_err().to_string();
        assert!(error.contains("/no/such/cert.pem"), "{error}");
    }
}

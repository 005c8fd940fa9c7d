//! The file in the data directory that says where a running server listens, so that other commands find it.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::AdminError;

const FILE: &str = "admin-address";

/// Where a server listens, as URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// For its operator.
    pub(crate) admin: String,
    /// For clients.
    pub(crate) public: Option<String>,
}

/// The file of a running server. It goes when this is dropped; a server that is killed leaves it, and whoever reads it
/// then finds that nobody answers.
#[derive(Debug)]
pub(crate) struct AddressFile {
    path: PathBuf,
    text: String,
}

impl AddressFile {
    /// Says where a server of this data directory listens, to its owner alone.
    pub(crate) fn write(
        data_dir: &Path,
        scheme: &str,
        public: SocketAddr,
        admin: SocketAddr,
    ) -> io::Result<Self> {
        let path = data_dir.join(FILE);
        let text = format!(
            "http://{}\n{scheme}://{}\n",
            from_here(admin),
            from_here(public)
        );
        // Made aside, with mode 0600: nobody reads half of it.
        let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
        file.write_all(text.as_bytes())?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(Self { path, text })
    }
}

impl Drop for AddressFile {
    fn drop(&mut self) {
        // Another server may have written its own by now.
        if std::fs::read_to_string(&self.path).is_ok_and(|text| text == self.text) {
            // What is left behind is found to be stale by whoever uses it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Reads where the server of a data directory listens.
pub(crate) fn read(data_dir: &Path) -> Result<Addresses, AdminError> {
    let path = data_dir.join(FILE);
    let text = std::fs::read_to_string(&path).map_err(|source| AdminError::NoServer {
        data_dir: data_dir.to_owned(),
        source,
    })?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match lines.next() {
        Some(admin) => Ok(Addresses {
            admin: admin.to_owned(),
            public: lines.next().map(str::to_owned),
        }),
        None => Err(AdminError::NoServer {
            data_dir: data_dir.to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidData, format!("{FILE} is empty")),
        }),
    }
}

/// An address as it is reached from this machine: one that listens everywhere does so on loopback, too.
fn from_here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_server_is_found_while_it_runs() {
        let dir = tempfile::tempdir().unwrap();
        let (public, admin) = ("0.0.0.0:8080", "127.0.0.1:8081");
        let file = AddressFile::write(
            dir.path(),
            "https",
            public.parse().unwrap(),
            admin.parse().unwrap(),
        )
        .unwrap();
        let mode = std::fs::metadata(dir.path().join(FILE)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
        let expected = Addresses {
            admin: "http://127.0.0.1:8081".to_owned(),
            public: Some("https://127.0.0.1:8080".to_owned()),
        };
        assert_eq!(read(dir.path()).unwrap(), expected);
        drop(file);
        assert!(matches!(read(dir.path()), Err(AdminError::NoServer { .. })));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_server_takes_only_its_own_address_away() {
        let dir = tempfile::tempdir().unwrap();
        let write = |port| {
            let any = SocketAddr::from(([127, 0, 0, 1], port));
            AddressFile::write(dir.path(), "http", any, any).unwrap()
        };
        let (older, newer) = (write(1), write(2));
        drop(older);
        assert_eq!(read(dir.path()).unwrap().admin, "http://127.0.0.1:2");
        drop(newer);
    }
}

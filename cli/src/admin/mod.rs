//! The operator's side of a server, from the command line: where its admin listener is, what it is asked, what it says.

pub(crate) mod address;
pub(crate) mod api;
mod client;
#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub(crate) use self::client::{Admin, AdminError, segment};

/// Which server is meant. A flag wins over its environment variable, and both over what the data directory says.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct AdminArgs {
    /// The server's data directory, where its admin address and token are
    #[arg(
        long,
        env = "PARLOR_DATA_DIR",
        value_name = "DIR",
        default_value = "./.parlor"
    )]
    data_dir: PathBuf,
    /// The server's admin address, such as http://127.0.0.1:8081 [default: what the server wrote into the data directory]
    #[arg(long, env = "PARLOR_ADMIN", value_name = "URL")]
    admin: Option<String>,
    /// The admin token [default: the one in the data directory]
    #[arg(
        long,
        env = "PARLOR_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
}

impl AdminArgs {
    /// The server that is said so.
    pub(crate) fn with(data_dir: &Path, admin: Option<&str>, token: Option<&str>) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            admin: admin.map(str::to_owned),
            token: token.map(str::to_owned),
        }
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// A way to ask it. Nothing is sent yet.
    pub(crate) fn find(&self) -> Result<Admin, AdminError> {
        let url = match &self.admin {
            Some(url) => url.clone(),
            None => address::read(&self.data_dir)?.admin,
        };
        let token = match &self.token {
            Some(token) => token.clone(),
            None => self.token_in_data_dir()?,
        };
        Admin::new(&url, token.trim())
    }

    fn token_in_data_dir(&self) -> Result<String, AdminError> {
        let path = self.data_dir.join("admin-token");
        std::fs::read_to_string(&path).map_err(|source| AdminError::NoToken { path, source })
    }
}

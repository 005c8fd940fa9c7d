//! The operator's side of a server, from the command line: where its admin listener is, what it is asked, what it says.

pub(crate) mod address;
pub(crate) mod api;
mod client;
#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

pub(crate) use self::client::{Admin, AdminError, segment};

/// Which server is meant. A flag wins over its environment variable, and both over what the data directory says.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct AdminArgs {
    /// The server's data directory, where its admin address and token are [default: .parlor in this folder, or, for
    /// `parlor dev`, in that of the project]
    #[arg(long, env = "PARLOR_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
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

/// How a server is asked, and its answer shown.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct How {
    /// Print the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    admin: AdminArgs,
}

impl AdminArgs {
    /// The server of this data directory, if none was named otherwise.
    pub(crate) fn or_of(&self, data_dir: &Path) -> Self {
        let mut args = self.clone();
        args.data_dir.get_or_insert_with(|| data_dir.to_owned());
        args
    }

    pub(crate) fn data_dir(&self) -> &Path {
        let here = Path::new("./.parlor");
        self.data_dir.as_deref().unwrap_or(here)
    }

    /// Whether it was said where the server is, which is then the one that is meant.
    pub(crate) fn names_address(&self) -> bool {
        self.admin.is_some()
    }

    /// Whether its token was said.
    pub(crate) fn names_token(&self) -> bool {
        self.token.is_some()
    }

    /// A way to ask it. Nothing is sent yet.
    pub(crate) fn find(&self) -> Result<Admin, AdminError> {
        let url = match &self.admin {
            Some(url) => url.clone(),
            None => address::read(self.data_dir())?.admin,
        };
        let token = match &self.token {
            Some(token) => token.clone(),
            None => self.token_in_data_dir()?,
        };
        Admin::new(&url, token.trim())
    }

    fn token_in_data_dir(&self) -> Result<String, AdminError> {
        let path = self.data_dir().join("admin-token");
        std::fs::read_to_string(&path).map_err(|source| AdminError::NoToken { path, source })
    }
}

impl How {
    pub(crate) fn find(&self) -> anyhow::Result<Admin> {
        self.admin.find().context("find the server")
    }
}

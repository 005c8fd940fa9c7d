//! `parlor plugin push`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

use crate::admin::api::{Pushed, short};
use crate::admin::{Admin, AdminArgs};
use crate::project::Project;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A component, with its signature in FILE.minisig beside it if it has one; or the folder of a project, which is built
    #[arg(value_name = "FILE|DIR")]
    what: PathBuf,
    /// Take the place of another component with the same name and version, which is otherwise refused
    #[arg(long)]
    replace: bool,
    /// Print the server's answer as JSON: name, version, digest, is_new
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    admin: AdminArgs,
}

pub(super) async fn push(args: &Args) -> anyhow::Result<()> {
    let path = if args.what.is_dir() {
        Project::find(&args.what)?.build()?.path
    } else {
        args.what.clone()
    };
    let admin = args.admin.find().context("find the server")?;
    let answer = push_component(&admin, &path, args.replace).await?;
    if args.json {
        crate::print(&answer.to_string());
        return Ok(());
    }
    let pushed: Pushed = admin.read(answer).context("read what became of it")?;
    let digest = short(&pushed.digest);
    let what = format!("{}@{} ({digest})", pushed.name, pushed.version);
    crate::print(&if pushed.is_new {
        format!("{what} is taken; new rooms are made of it")
    } else {
        format!("{what} was there already; new rooms are made of it")
    });
    Ok(())
}

/// Hands a component over, with the signature that lies beside it.
pub(crate) async fn push_component(
    admin: &Admin,
    path: &Path,
    replace: bool,
) -> anyhow::Result<Value> {
    let shown = path.display();
    let component = std::fs::read(path).with_context(|| format!("read {shown}"))?;
    let signature = signature_beside(path)?;
    let query = if replace { "?replace=true" } else { "" };
    let answer = admin
        .upload(
            &format!("/plugins{query}"),
            Bytes::from(component),
            signature.as_deref(),
        )
        .await;
    answer.with_context(|| format!("push {shown}"))
}

/// The signature of a component, as the header has it.
fn signature_beside(path: &Path) -> anyhow::Result<Option<String>> {
    let path = super::sign::signature_path(path);
    match std::fs::read(&path) {
        Ok(text) => Ok(Some(STANDARD.encode(text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

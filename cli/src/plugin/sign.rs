//! `parlor plugin sign` and `parlor plugin keygen`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, bail};

use super::minisign::{KeyError, SecretKey};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    key: KeyArgs,
    /// The component; its signature is written to FILE.wasm.minisig
    #[arg(value_name = "FILE.wasm")]
    component: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeygenArgs {
    #[command(flatten)]
    key: KeyArgs,
    /// Leave the secret key open to whoever has the file, as for a machine that signs by itself
    #[arg(long, conflicts_with = "password")]
    no_password: bool,
}

/// A key, as `keygen` writes it and `sign` reads it.
#[derive(Debug, clap::Args)]
struct KeyArgs {
    /// The secret key, of `parlor plugin keygen` or of minisign; the public one lies beside it, as FILE.pub
    #[arg(long = "key", value_name = "FILE", default_value = "parlor.key")]
    path: PathBuf,
    /// The password of the secret key [default: asked for, where it takes one]
    #[arg(
        long,
        env = "PARLOR_KEY_PASSWORD",
        value_name = "TEXT",
        hide_env_values = true
    )]
    password: Option<String>,
}

pub(super) fn sign(args: &Args) -> anyhow::Result<()> {
    let KeyArgs { path, password } = &args.key;
    let key = open_key(path, password.as_deref())
        .with_context(|| format!("open the key {}", path.display()))?;
    let shown = args.component.display();
    let data = std::fs::read(&args.component).with_context(|| format!("read {shown}"))?;
    let is_component = data.starts_with(b"\0asm");
    if !is_component {
        bail!(
            "sign {shown}: it is no WebAssembly; `parlor plugin build` says where the component is"
        );
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = now.map(|since| since.as_secs()).unwrap_or_default();
    let name = args.component.file_name().unwrap_or_default();
    let name = name.to_string_lossy().replace(char::is_control, "?");
    let text = key.sign(&data, &format!("timestamp:{seconds}\tfile:{name}\thashed"));
    let path = signature_path(&args.component);
    std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    crate::print(&path.display().to_string());
    Ok(())
}

fn open_key(path: &Path, password: Option<&str>) -> anyhow::Result<SecretKey> {
    let file = std::fs::read_to_string(path)?;
    match SecretKey::open(&file, password) {
        Err(KeyError::PasswordNeeded) => {
            let password = rpassword::prompt_password("Password: ")
                .context("it has a password, and there is no terminal to ask for it; set PARLOR_KEY_PASSWORD")?;
            Ok(SecretKey::open(&file, Some(&password))?)
        }
        outcome => Ok(outcome?),
    }
}

pub(super) fn keygen(args: &KeygenArgs) -> anyhow::Result<()> {
    let KeyArgs { path, password } = &args.key;
    let public_path = beside(path, "pub");
    for path in [path, &public_path] {
        if path.exists() {
            let shown = path.display();
            bail!(
                "make a key: {shown} is there already; choose another file with --key, or move it away"
            );
        }
    }
    let password = match password {
        _ if args.no_password => None,
        Some(password) => Some(password.clone()),
        None => Some(new_password().context("make a key")?),
    };
    let key = SecretKey::generate();
    let secret = key.secret_file(password.as_deref()).context("make a key")?;
    write_new(path, 0o600, &secret)?;
    write_new(&public_path, 0o644, &key.public_file())?;
    let (key, public) = (path.display(), public_path.display());
    crate::print(&format!(
        "secret key: {key} (keep it)\npublic key: {public} (for the server that is to check signatures)"
    ));
    Ok(())
}

fn new_password() -> anyhow::Result<String> {
    let ask = "it gets a password, and there is no terminal to ask for it; set PARLOR_KEY_PASSWORD, or give --no-password";
    let password = rpassword::prompt_password("Password for the new key: ").context(ask)?;
    if password.is_empty() {
        bail!("the password is empty; type one, or give --no-password");
    }
    if rpassword::prompt_password("The same again: ").context(ask)? != password {
        bail!("these are two different passwords");
    }
    Ok(password)
}

fn write_new(path: &Path, mode: u32, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(mode).open(path);
    opened
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("write {}", path.display()))
}

/// Where the signature of a component is.
pub(super) fn signature_path(component: &Path) -> PathBuf {
    beside(component, "minisig")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

//! A plugin in Rust.

use super::{File, filled, sdk};

/// The files of the project.
pub(super) fn files(name: &str) -> anyhow::Result<Vec<File>> {
    let (edition, rust_version) = (sdk::inherited("edition")?, sdk::inherited("rust-version")?);
    let crate_name = name.replace('-', "_");
    let values = [
        ("name", name),
        ("crate", &crate_name),
        ("edition", &edition),
        ("rust-version", &rust_version),
    ];
    let templates = [
        (
            "Cargo.toml",
            include_str!("../../template/rust/manifest.toml"),
        ),
        (
            "clippy.toml",
            include_str!("../../template/rust/clippy.toml"),
        ),
        (".gitignore", include_str!("../../template/rust/gitignore")),
        ("README.md", include_str!("../../template/rust/README.md")),
        ("src/lib.rs", include_str!("../../template/rust/src/lib.rs")),
        (
            "tests/room.rs",
            include_str!("../../template/rust/tests/room.rs"),
        ),
        // More than is needed, of which cargo keeps what is.
        ("Cargo.lock", sdk::LOCK),
    ];
    let mut files = sdk::rust()?;
    for (path, template) in templates {
        files.push((path.into(), filled(template, &values)));
    }
    Ok(files)
}

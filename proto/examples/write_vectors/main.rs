//! Writes the golden vectors anew: `cargo run -p parlor-proto --example write_vectors`.
//!
//! A test compares the files with the same cases, so a change of the wire shows as a change of these files.

use std::{fs, io, path::Path};

mod cases;

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for (name, content) in cases::files() {
        fs::write(folder.join(name), content)?;
    }
    Ok(())
}

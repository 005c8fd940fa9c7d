//! Writes inputs to begin with, a folder for each target: `cargo run -p parlor-fuzz --example write_seeds -- FOLDER`.
//!
//! They say by example what the targets read, so that the fuzzer need not find out what a frame is. What it finds from
//! there, and is worth keeping, is in `corpus/`.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::Value as Json;

fn main() -> io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1) else {
        return Err(io::Error::other("say which folder to write to"));
    };
    let folder = PathBuf::from(folder);
    for (target, encoding) in [
        ("decode_json", "json"),
        ("decode_msgpack", "msgpack"),
        ("decode_proto", "proto"),
    ] {
        write(&folder.join(target), &vectors(encoding)?)?;
    }
    Ok(())
}

fn write(folder: &Path, seeds: &[Vec<u8>]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:03}")), seed)?;
    }
    Ok(())
}

/// Everything that the golden vectors have in one encoding, what must be refused included.
fn vectors(encoding: &str) -> io::Result<Vec<Vec<u8>>> {
    let mut seeds = Vec::new();
    for file in [
        "frames.json",
        "values.json",
        "refused-frames.json",
        "refused-values.json",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../proto/vectors")
            .join(file);
        let vectors: Vec<Json> = serde_json::from_slice(&fs::read(path)?)?;
        for vector in &vectors {
            let also = vector["also"][encoding].as_array().into_iter().flatten();
            let refused = (vector["encoding"] == encoding).then_some(&vector["input"]);
            let texts = also.chain(refused).chain(vector.get(encoding));
            seeds.extend(
                texts
                    .filter_map(Json::as_str)
                    .map(|text| bytes(encoding, text)),
            );
        }
    }
    Ok(seeds)
}

/// JSON is text in the vectors, the others are hex.
fn bytes(encoding: &str, text: &str) -> Vec<u8> {
    if encoding == "json" {
        return text.into();
    }
    let digits = text.as_bytes().chunks(2);
    digits
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

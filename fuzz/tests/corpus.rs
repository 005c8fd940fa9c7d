//! The kept inputs of every target, replayed without a fuzzer.

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

use parlor_fuzz::TARGETS;

/// The kept inputs are read by people and cloned by everybody: few and small.
const INPUTS_MAX: usize = 200;
const BYTES_MAX: u64 = 300 << 10;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn inputs(name: &str) -> Vec<PathBuf> {
    let folder = corpus().join(name);
    let entries = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("the folder can be read").path());
    let mut inputs: Vec<_> = entries.collect();
    inputs.sort();
    assert!(inputs.len() > 10, "{name} has hardly any inputs");
    inputs
}

#[test]
fn every_kept_input_keeps_the_promises() {
    let mut failures = Vec::new();
    for (name, target) in TARGETS {
        for path in inputs(name) {
            let input = fs::read(&path).unwrap();
            if panic::catch_unwind(|| target(&input)).is_err() {
                failures.push(path.strip_prefix(corpus()).unwrap().display().to_string());
            }
        }
    }
    assert!(
        failures.is_empty(),
        "these inputs of fuzz/corpus break a promise, see above: {failures:#?}"
    );
}

#[test]
fn kept_inputs_are_few_and_small() {
    for (name, _) in TARGETS {
        let inputs = inputs(name);
        let bytes: u64 = inputs
            .iter()
            .map(|path| path.metadata().unwrap().len())
            .sum();
        assert!(
            inputs.len() <= INPUTS_MAX && bytes <= BYTES_MAX,
            "{name}: {} inputs of {bytes} bytes in all; `cargo xtask fuzz {name} --keep` keeps what is needed",
            inputs.len()
        );
    }
}

#[test]
fn every_folder_of_inputs_and_every_program_belongs_to_a_target() {
    let names: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let stems = |folder: PathBuf| {
        let entries = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut stems: Vec<_> = entries
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        stems.sort();
        stems
    };
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(stems(corpus()), sorted);
    assert_eq!(stems(corpus().join("../targets/fuzz_targets")), sorted);
    let manifest = fs::read_to_string(corpus().join("../targets/Cargo.toml")).unwrap();
    for name in names {
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "fuzz/targets/Cargo.toml has no program {name}"
        );
    }
}

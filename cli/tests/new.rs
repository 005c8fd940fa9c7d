//! `parlor new`, as its user finds it: in a folder that has nothing to do with the checkout, what it made builds, passes its
//! tests, and becomes a component that a server takes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use parlor_server::Catalog;

/// Ends the test with what the program said, if it failed.
fn run(command: &mut Command) -> Output {
    let output = command.output().expect("the program is there");
    assert!(
        output.status.success(),
        "{command:?} ended with {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// A program in a folder, with what it compiles kept from one run to the next, and without what this test was told.
fn program(name: &str, folder: &Path) -> Command {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-project");
    let mut command = Command::new(name);
    command
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", kept)
        // All that it takes is what the checkout was built with.
        .env("CARGO_NET_OFFLINE", "true");
    command
}

fn parlor(folder: &Path) -> Command {
    program(env!("CARGO_BIN_EXE_parlor"), folder)
}

#[test]
fn a_new_project_builds_and_tests_and_is_taken_by_a_server() {
    let folder = tempfile::tempdir().unwrap();
    run(parlor(folder.path()).args(["new", "tap-tap"]));
    let project = folder.path().join("tap-tap");

    let tested = run(program("cargo", &project).args(["test", "--quiet"]));
    let told = String::from_utf8_lossy(&tested.stdout);
    assert!(told.contains("2 passed"), "{told}");

    let built = run(parlor(&project).args(["plugin", "build", "--json", "--out", "out.wasm"]));
    let answer: serde_json::Value = serde_json::from_slice(&built.stdout).unwrap();
    let path = PathBuf::from(answer["path"].as_str().unwrap());
    let component = std::fs::read(&path).unwrap();
    assert_eq!(answer["bytes"], component.len());
    assert_eq!(std::fs::read(project.join("out.wasm")).unwrap(), component);

    let catalog = Catalog::new(std::collections::HashMap::new()).unwrap();
    catalog.load(&component).unwrap();
    assert_eq!(&*catalog.labels()[0], "tap-tap@0.1.0");
}

#[test]
fn a_name_that_is_none_is_a_usage_error_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = parlor(folder.path())
        .args(["new", "../x"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.starts_with("parlor: failed to call the plugin"),
        "{told}"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_key_signs_what_its_public_half_checks() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.wasm"), b"\0asm and more").unwrap();
    run(parlor(folder.path()).args(["plugin", "keygen", "--no-password"]));
    run(parlor(folder.path()).args(["plugin", "sign", "--key", "parlor.key", "x.wasm"]));
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let public = minisign_verify::PublicKey::decode(&read("parlor.key.pub")).unwrap();
    let signature = minisign_verify::Signature::decode(&read("x.wasm.minisig")).unwrap();
    public.verify(b"\0asm and more", &signature, false).unwrap();
    let again = parlor(folder.path())
        .args(["plugin", "keygen", "--no-password"])
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("there already"));
}

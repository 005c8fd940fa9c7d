//! Components that are no plugins: each has its own clear error, and leaves the catalog as it was.

use parlor_server::{Catalog, InspectError, LoadError};
use parlor_tests::craft::{replaced, with_section};
use parlor_tests::{catalog, guest};

fn error_of(component: &[u8]) -> LoadError {
    let catalog = catalog();
    let before = catalog.labels();
    let error = match catalog.load(component) {
        Ok(version) => panic!("it was loaded: {version:?}"),
        Err(error) => error,
    };
    assert_eq!(catalog.labels(), before);
    error
}

#[test]
fn bytes_that_are_no_webassembly_are_refused() {
    let error = error_of(b"#!/bin/sh\nexit 1\n");
    assert!(
        matches!(error, LoadError::Inspect(InspectError::NotWasm(_))),
        "{error}"
    );
    assert!(error.to_string().contains("wasm32-wasip2"), "{error}");
}

#[test]
fn a_component_that_was_cut_off_is_refused() {
    let whole = guest("tiny");
    let error = error_of(&whole[..whole.len() / 2]);
    assert!(
        matches!(error, LoadError::Inspect(InspectError::NotWasm(_))),
        "{error}"
    );
}

#[test]
fn a_core_module_is_refused() {
    let error = error_of(b"\0asm\x01\0\0\0");
    assert!(
        matches!(error, LoadError::Inspect(InspectError::CoreModule)),
        "{error}"
    );
}

#[test]
fn a_component_that_exports_no_plugin_is_refused() {
    let error = error_of(b"\0asm\x0d\0\x01\0");
    assert!(
        matches!(error, LoadError::Inspect(InspectError::NoGuest)),
        "{error}"
    );
    assert!(error.to_string().contains("export!"), "{error}");
}

#[test]
fn an_import_of_the_network_is_refused_by_name() {
    let error = error_of(&guest("imports-sockets"));
    let LoadError::Inspect(InspectError::ForbiddenImport { name }) = &error else {
        panic!("{error}");
    };
    assert!(name.starts_with("wasi:sockets/"), "{name}");
    assert!(error.to_string().contains(name), "{error}");
}

#[test]
fn a_plugin_of_another_contract_is_refused_with_both_versions() {
    let other = replaced(
        guest("tiny"),
        b"parlor:room/guest@0.1.0",
        b"parlor:room/guest@0.7.0",
    );
    let error = error_of(&other);
    let LoadError::Inspect(InspectError::OtherAbi { found }) = &error else {
        panic!("{error}");
    };
    assert_eq!(found, "0.7.0");
    assert!(error.to_string().contains("0.1.0"), "{error}");
}

#[test]
fn a_description_that_lies_is_refused_with_what_is_wrong() {
    let error = error_of(&guest("describe-lies"));
    assert!(matches!(error, LoadError::DescribeLies(_)), "{error}");
    let message = error.to_string();
    assert!(
        message.contains("tick_hz is 500") && message.contains("128"),
        "{message}"
    );
}

#[test]
fn a_description_that_changes_is_refused() {
    let error = error_of(&guest("describe-changes"));
    assert!(matches!(error, LoadError::DescribeChanges), "{error}");
}

#[test]
fn a_description_that_traps_is_refused_with_the_panic_and_its_line() {
    let error = error_of(&guest("describe-traps"));
    assert!(matches!(error, LoadError::Describe(_)), "{error}");
    let message = error.to_string();
    assert!(message.contains("no name comes to mind"), "{message}");
    assert!(message.contains("describe-traps/src/lib.rs:"), "{message}");
}

#[test]
fn another_component_of_the_same_name_and_version_is_refused() {
    let error = error_of(&with_section(guest("tiny"), b""));
    assert!(
        matches!(&error, LoadError::Duplicate { label } if &**label == "tiny@0.0.0"),
        "{error}"
    );
    // The very same one may come twice.
    catalog()
        .load(&guest("tiny"))
        .expect("it is the same component");
}

#[test]
fn a_folder_with_a_bad_component_names_the_file() {
    let folder = tempfile_dir();
    let path = folder.path().join("broken.wasm");
    std::fs::write(&path, "no component").expect("it can be written");
    std::fs::write(folder.path().join("README.md"), "not looked at").expect("it can be written");
    let (named, error) = Catalog::load_dir(&catalog(), folder.path()).expect_err("it is broken");
    assert_eq!(named, path);
    assert!(matches!(error, LoadError::Inspect(_)), "{error}");
}

fn tempfile_dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room")
}

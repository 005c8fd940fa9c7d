//! The components that `cargo xtask build` made, and one catalog of them for all tests of a process: compiling them takes
//! longer than most tests.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use parlor_server::Catalog;

/// The guests that rooms are made of. The others are for the catalog to refuse.
const ROOM_GUESTS: &[&str] = &[
    "away",
    "changeling",
    "hostile",
    "load-traps",
    "metronome",
    "on-tick",
    "probe",
    "reserved",
    "save-traps",
    "shows",
    "ticker",
    "tiny",
    "unsteady",
];

/// The catalog of the bundled plugins and of the guests that rooms are made of.
///
/// # Panics
///
/// When they are not built, or cannot be loaded.
pub fn catalog() -> Arc<Catalog> {
    static CATALOG: OnceLock<Arc<Catalog>> = OnceLock::new();
    Arc::clone(CATALOG.get_or_init(|| {
        let catalog = Catalog::new(HashMap::new()).expect("the pool can be reserved");
        let plugins = folder("plugins");
        assert!(plugins.is_dir(), "{}", missing());
        if let Err((path, error)) = catalog.load_dir(&plugins) {
            panic!("failed to load {}: {error}", path.display());
        }
        for name in ROOM_GUESTS {
            if let Err(error) = catalog.load(&guest(name)) {
                panic!("failed to load the guest {name}: {error}");
            }
        }
        Arc::new(catalog)
    }))
}

/// The catalog of the rooms made of TypeScript, and of what their tests need beside them. One of its own, for they take
/// longer to compile than all the others together.
///
/// # Panics
///
/// When they are not built, or cannot be loaded.
pub(crate) fn typescript_catalog() -> Arc<Catalog> {
    static CATALOG: OnceLock<Arc<Catalog>> = OnceLock::new();
    Arc::clone(CATALOG.get_or_init(|| {
        let catalog = Catalog::new(HashMap::new()).expect("the pool can be reserved");
        let components = [
            ("guests", "ticker"),
            ("typescript", "duel"),
            ("typescript-guests", "echo"),
            ("typescript-guests", "hostile"),
        ];
        for (kind, name) in components {
            if let Err(error) = catalog.load(&component(kind, name)) {
                panic!("failed to load {kind}/{name}: {error}");
            }
        }
        Arc::new(catalog)
    }))
}

/// The versions of the guest `changeling` that is made of TypeScript, and what is wrong with each. New rooms are made of the last one.
const TYPESCRIPT_CHANGELINGS: &[(&str, &str)] = &[
    ("2.0.0", "good"),
    ("3.0.0", "traps-tenth"),
    ("4.0.0", "next-shape"),
    ("1.0.0", "good"),
];

/// The catalog of these versions: compiling one takes longer than an upload may.
///
/// # Panics
///
/// When they are not built, or cannot be loaded.
pub(crate) fn typescript_changelings() -> Arc<Catalog> {
    static CATALOG: OnceLock<Arc<Catalog>> = OnceLock::new();
    Arc::clone(CATALOG.get_or_init(|| {
        let catalog = Catalog::new(HashMap::new()).expect("the pool can be reserved");
        for (version, trick) in TYPESCRIPT_CHANGELINGS {
            let component =
                with_traits(component("typescript-guests", "changeling"), version, trick);
            if let Err(error) = catalog.load(&component) {
                panic!("failed to load changeling-ts@{version}: {error}");
            }
        }
        Arc::new(catalog)
    }))
}

/// The component of a guest, by its folder in `tests/guests`.
pub fn guest(name: &str) -> Vec<u8> {
    component("guests", name)
}

/// A version of the guest `changeling`, with what is wrong with it.
///
/// # Panics
///
/// When one of the two is too long.
#[must_use]
pub fn changeling(version: &str, trick: &str) -> Vec<u8> {
    with_traits(guest("changeling"), version, trick)
}

fn with_traits(mut component: Vec<u8>, version: &str, trick: &str) -> Vec<u8> {
    let present = format!("@@changeling@@; {:<8};{:<15}", "1.0.0", "good");
    let wanted = format!("@@changeling@@; {version:<8};{trick:<15}");
    assert_eq!(wanted.len(), present.len(), "{wanted:?}");
    let places = component.windows(present.len()).enumerate();
    let places = places.filter(|(_, it)| *it == present.as_bytes());
    let places: Vec<usize> = places.map(|(at, _)| at).collect();
    assert!(
        !places.is_empty(),
        "its traits are not as they are in its source"
    );
    // Where the script lies in the component beside what was made of it, they are in both.
    for at in places {
        component[at..at + wanted.len()].copy_from_slice(wanted.as_bytes());
    }
    component
}

/// A component by its folder in the bundle and its name.
///
/// # Panics
///
/// When it is not built.
pub fn component(kind: &str, name: &str) -> Vec<u8> {
    let path = folder(kind).join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|_| panic!("{}", missing()))
}

fn folder(kind: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../target/bundle")
        .join(kind)
}

fn missing() -> &'static str {
    "the components are not built; run: cargo xtask build plugins guests typescript"
}

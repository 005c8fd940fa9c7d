//! What can be known of a component before it is compiled, and what its description may say.

use wasmparser::{Encoding, Parser, Payload as Section};

use super::bindings::parlor::room::types as wit;
use super::imports;

/// The version of the contract this host speaks.
pub(super) const ABI: &str = "0.1.0";
/// The export that carries the contract's version.
const GUEST: &str = "parlor:room/guest";
/// What a plugin may be called.
const NAME_CHARS_MAX: usize = 64;
/// The most ticks a second.
const TICK_HZ_MAX: u32 = 128;
/// The most seats of a kind.
const SEATS_MAX: u32 = 100_000;

/// The most functions of all its modules: large interpreters have some ten thousand.
const FUNCTIONS_MAX: usize = 200_000;
/// The most code of one function, in bytes: what compiling costs grows faster than that.
const FUNCTION_BYTES_MAX: usize = 1 << 20;

/// Why bytes are not a plugin.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InspectError {
    /// Not WebAssembly at all, or damaged.
    #[error("read it as a component: {0}; build it with `cargo build --target wasm32-wasip2`")]
    NotWasm(String),
    /// A core module.
    #[error(
        "use a core WebAssembly module: it is not a component; build it with `cargo build --target wasm32-wasip2`"
    )]
    CoreModule,
    /// It does not export the contract.
    #[error("find the export parlor:room/guest@{ABI}; does the plugin call `export!`?")]
    NoGuest,
    /// It was built for another version of the contract.
    #[error(
        "speak parlor:room@{found}: this server speaks {ABI}; build the plugin with its own SDK"
    )]
    OtherAbi {
        /// The version the component exports.
        found: String,
    },
    /// It was made to keep its compiler busy.
    #[error(
        "compile a component with {what}: the most is {most}; this is more than any program needs"
    )]
    TooMuch {
        /// What there is too much of.
        what: String,
        /// How much there may be.
        most: usize,
    },
    /// It wants what no plugin gets.
    #[error("allow the import {name}: a plugin gets no network, no files and no other host")]
    ForbiddenImport {
        /// The interface.
        name: String,
    },
}

/// Reads the contract's version from the export's name, and refuses imports that are not allowed.
pub(super) fn inspect(bytes: &[u8]) -> Result<String, InspectError> {
    let not_wasm = |error: wasmparser::BinaryReaderError| InspectError::NotWasm(error.to_string());
    let mut abi = None;
    // Components nest: only the outermost one's imports and exports are the plugin's.
    let mut depth = 0_u32;
    let mut functions = 0;
    for section in Parser::new(0).parse_all(bytes) {
        match section.map_err(not_wasm)? {
            Section::Version {
                encoding: Encoding::Module,
                ..
            } if depth == 0 => return Err(InspectError::CoreModule),
            Section::Version { .. } => depth += 1,
            Section::End(_) => depth = depth.saturating_sub(1),
            Section::CodeSectionEntry(body) => {
                functions += 1;
                check_size(functions, body.range().len())?;
            }
            Section::ComponentImportSection(imports) if depth == 1 => {
                for import in imports {
                    check_import(import.map_err(not_wasm)?.name.name)?;
                }
            }
            Section::ComponentExportSection(exports) if depth == 1 => {
                for export in exports {
                    let name = export.map_err(not_wasm)?.name.name;
                    if let Some(("parlor:room/guest", version)) = name.split_once('@') {
                        abi = Some(version.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    match abi {
        None => Err(InspectError::NoGuest),
        Some(found) if found != ABI => Err(InspectError::OtherAbi { found }),
        Some(abi) => Ok(abi),
    }
}

fn check_size(functions: usize, bytes: usize) -> Result<(), InspectError> {
    let too_much = |what, most| Err(InspectError::TooMuch { what, most });
    if functions > FUNCTIONS_MAX {
        return too_much("so many functions".to_owned(), FUNCTIONS_MAX);
    }
    if bytes > FUNCTION_BYTES_MAX {
        return too_much(format!("a function of {bytes} bytes"), FUNCTION_BYTES_MAX);
    }
    Ok(())
}

fn check_import(name: &str) -> Result<(), InspectError> {
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    if interface.starts_with("parlor:room/") && version != ABI {
        return Err(InspectError::OtherAbi {
            found: version.to_owned(),
        });
    }
    if imports::ALLOWED.contains(&interface) {
        return Ok(());
    }
    Err(InspectError::ForbiddenImport {
        name: name.to_owned(),
    })
}

/// Refuses a description that cannot be true; the text fits "failed to accept describe(): …".
pub(super) fn check_description(it: &wit::Description, abi: &str) -> Result<(), String> {
    let is_name =
        |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || "-_".contains(char);
    if it.name.is_empty() || it.name.len() > NAME_CHARS_MAX || !it.name.chars().all(is_name) {
        return Err(format!(
            "the name {:?} must be 1 to {NAME_CHARS_MAX} of a-z 0-9 - _",
            it.name
        ));
    }
    if it.abi != abi {
        return Err(format!(
            "it says abi {:?}, but exports {GUEST}@{abi}",
            it.abi
        ));
    }
    if it.version.is_empty() || it.version.len() > NAME_CHARS_MAX {
        return Err("the version must be 1 to 64 characters".to_owned());
    }
    if it.tick_hz > TICK_HZ_MAX {
        return Err(format!(
            "tick_hz is {}; it must be 0 to {TICK_HZ_MAX}",
            it.tick_hz
        ));
    }
    if it.delivery == wit::Delivery::OnTick && it.tick_hz == 0 {
        return Err("delivery on-tick needs a tick_hz".to_owned());
    }
    if it.players_max == 0 || it.players_max > SEATS_MAX || it.spectators_max > SEATS_MAX {
        return Err(format!(
            "players_max must be 1 to {SEATS_MAX}, spectators_max 0 to {SEATS_MAX}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_wasm_say_so() {
        assert!(matches!(inspect(b"hello"), Err(InspectError::NotWasm(_))));
        assert!(matches!(
            inspect(b""),
            Err(InspectError::NotWasm(_) | InspectError::NoGuest)
        ));
    }

    #[test]
    fn a_core_module_is_told_from_a_component() {
        assert_eq!(inspect(b"\0asm\x01\0\0\0"), Err(InspectError::CoreModule));
    }

    #[test]
    fn an_empty_component_has_no_guest() {
        assert_eq!(inspect(b"\0asm\x0d\0\x01\0"), Err(InspectError::NoGuest));
    }

    #[test]
    fn code_beyond_all_measure_is_refused_before_it_is_compiled() {
        assert_eq!(check_size(FUNCTIONS_MAX, FUNCTION_BYTES_MAX), Ok(()));
        let large = check_size(1, FUNCTION_BYTES_MAX + 1).unwrap_err();
        assert!(
            large.to_string().contains("a function of 1048577 bytes"),
            "{large}"
        );
        let many = check_size(FUNCTIONS_MAX + 1, 1).unwrap_err();
        assert!(many.to_string().contains("200000"), "{many}");
    }

    #[test]
    fn an_import_of_the_network_is_refused_by_name() {
        assert_eq!(
            check_import("wasi:sockets/tcp@0.2.0"),
            Err(InspectError::ForbiddenImport {
                name: "wasi:sockets/tcp@0.2.0".to_owned()
            })
        );
        assert_eq!(check_import("wasi:io/poll@0.2.6"), Ok(()));
    }

    #[test]
    fn a_contract_of_another_version_names_both() {
        let error = check_import("parlor:room/host@0.2.0").unwrap_err();
        assert!(error.to_string().contains("0.2.0") && error.to_string().contains("0.1.0"));
    }
}

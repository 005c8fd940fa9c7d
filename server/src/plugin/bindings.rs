//! What wasmtime generates from `plugin-sdk/wit`, the one source of truth of the plugin contract.

#![expect(
    clippy::str_to_string,
    reason = "generated code is not held to the workspace's lints"
)]

wasmtime::component::bindgen!({
    path: "../plugin-sdk/wit",
    world: "plugin",
});

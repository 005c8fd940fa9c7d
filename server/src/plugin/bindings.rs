//! What wasmtime generates from `plugin-sdk/wit`, the one source of truth of the plugin contract.

#![expect(
    missing_debug_implementations,
    unreachable_pub,
    clippy::str_to_string,
    clippy::too_many_lines,
    reason = "generated code is not held to the workspace's lints"
)]

wasmtime::component::bindgen!({
    path: "../plugin-sdk/wit",
    world: "plugin",
});

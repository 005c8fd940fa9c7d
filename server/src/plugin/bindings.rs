//! What wasmtime generates from `plugin-sdk/wit`, the one source of truth of the plugin contract.

wasmtime::component::bindgen!({
    path: "../plugin-sdk/wit",
    world: "plugin",
});

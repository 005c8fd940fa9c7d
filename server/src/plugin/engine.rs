//! The wasmtime engine, and the thread that lets deadlines pass.

use std::hash::Hash as _;

use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};
use xxhash_rust::xxh3::Xxh3;

use super::guest::Guest;
use super::imports;
use super::limits::{EPOCH_PERIOD, MEMORY_BYTES_MAX, STACK_BYTES, TABLE_ELEMENTS_MAX};

/// Each room holds up to four memory mappings (its slot, and its copy-on-write image) and each slot of the pool two
/// more, against the kernel's default of 65,530 for a process.
pub const ROOMS_MAX: u32 = 10_000;
/// Instances beside the rooms': scratch instances that describe, restore and check.
const SPARE_INSTANCES: u32 = 64;
/// A component built for wasip2 is a program and the shims around it; one made of TypeScript has nine of them. A higher
/// bound costs nothing: it is a count.
const CORE_INSTANCES_PER_COMPONENT: u32 = 12;
/// The program's own memory. A component made of TypeScript has another one, which nothing uses and which stays empty: it
/// takes two of the pool's, so that there can be half as many such rooms. Each memory reserves 4 GiB of address space,
/// of which a process has 128 TiB, so that the pool cannot simply be doubled.
const MEMORIES_PER_COMPONENT: u32 = 2;
/// The program's own table, and the one its imports are bound through.
const TABLES_PER_COMPONENT: u32 = 2;

/// Compiles components, and makes instances of them.
pub(super) struct PluginEngine {
    pub(super) engine: Engine,
    pub(super) linker: Linker<Guest>,
}

impl PluginEngine {
    pub(super) fn new() -> wasmtime::Result<Self> {
        let mut config = config();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
        let engine = Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        imports::add_to_linker(&mut linker)?;
        start_epochs(&engine)?;
        Ok(Self { engine, linker })
    }
}

/// An engine that compiles for [`PluginEngine`], in a process that has not its memory, and no second thread unless it is
/// parallel.
pub(super) fn compiling(is_parallel: bool) -> wasmtime::Result<Engine> {
    let mut config = config();
    config.parallel_compilation(is_parallel);
    Engine::new(&config)
}

/// What compiled code fits: the same version of the same engine, with the same settings.
pub(super) fn compatibility(engine: &Engine) -> u64 {
    let mut hash = Xxh3::new();
    engine.precompile_compatibility_hash().hash(&mut hash);
    hash.digest()
}

/// Brings back code that was compiled before.
pub(super) fn revive(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    #[expect(
        unsafe_code,
        reason = "compiled code is run as it is; without this, every start compiles every component anew"
    )]
    // SAFETY: all callers have the code from our own compiler, run by ourselves: straight from the process that we
    // started for it, or from a file that carries a tag which only this server can make. Which settings it was
    // compiled with is part of that file's name; what would not run at all here is refused here.
    unsafe {
        Component::deserialize(engine, code)
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // Calls are synchronous: without this a call costs a third.
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES)
        // Determinism: one bit pattern for NaN, no instruction whose result depends on the machine. Threads are not even
        // compiled in.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false);
    config
}

fn pool() -> PoolingAllocationConfig {
    let instances = ROOMS_MAX + SPARE_INSTANCES;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances * CORE_INSTANCES_PER_COMPONENT)
        .total_memories(instances)
        .total_tables(instances * TABLES_PER_COMPONENT)
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
        .max_memories_per_component(MEMORIES_PER_COMPONENT)
        .max_tables_per_component(TABLES_PER_COMPONENT)
        .max_memory_size(MEMORY_BYTES_MAX)
        .table_elements(TABLE_ELEMENTS_MAX);
    pool
}

/// Moves the engine's epoch on for as long as the engine lives.
fn start_epochs(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("parlor-epochs".to_owned())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                #[expect(
                    clippy::disallowed_methods,
                    reason = "this thread is the clock that bounds guests; it serves no task"
                )]
                std::thread::sleep(EPOCH_PERIOD);
            }
        })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_that_compiles_compiles_for_the_one_that_runs() {
        let running = PluginEngine::new().unwrap();
        for is_parallel in [false, true] {
            let compiling = compiling(is_parallel).unwrap();
            assert_eq!(compatibility(&running.engine), compatibility(&compiling));
            // An empty component: what one compiles, the other takes.
            let code = compiling
                .precompile_component(b"\0asm\x0d\0\x01\0")
                .unwrap();
            assert!(revive(&running.engine, &code).is_ok());
        }
    }

    #[test]
    fn other_settings_do_not_fit() {
        let mut other = config();
        other.cranelift_nan_canonicalization(false);
        let other = Engine::new(&other).unwrap();
        let ours = compiling(false).unwrap();
        assert_ne!(compatibility(&ours), compatibility(&other));
        // What would end no guest is not even taken.
        let mut endless = config();
        endless.epoch_interruption(false);
        let endless = Engine::new(&endless).unwrap();
        assert_ne!(compatibility(&ours), compatibility(&endless));
        let code = endless.precompile_component(b"\0asm\x0d\0\x01\0").unwrap();
        assert!(revive(&ours, &code).is_err());
    }
}

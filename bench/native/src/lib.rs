//! The plugins that come with Parlor, compiled into the server: what they cost less than as components is what the sandbox
//! costs.
//!
//! A room is driven as its component drives it, by `Slot` of the SDK. What goes in and out is copied as often as on its way
//! into a component and out of it.

mod convert;

use parlor_plugin::{Level, Plugin, guest::Slot};
use parlor_plugin_arena::Arena;
use parlor_plugin_broadcast::Broadcast;
use parlor_plugin_chat::Chat;
use parlor_plugin_echo::Echo;
use parlor_plugin_grid::Grid;
use parlor_server::Catalog;
use parlor_server::native::{NativeCode, NativeGuest, types};

/// Has the rooms of these plugins be native, if they are loaded into this catalog afterwards.
pub fn run_natively(catalog: &mut Catalog) {
    catalog.run_natively("arena", code::<Arena>());
    catalog.run_natively("broadcast", code::<Broadcast>());
    catalog.run_natively("chat", code::<Chat>());
    catalog.run_natively("echo", code::<Echo>());
    catalog.run_natively("grid", code::<Grid>());
}

fn code<R: Plugin + Send>() -> NativeCode {
    NativeCode::new(|| Native::<R>(Slot::new()))
}

/// One room.
#[derive(Debug)]
struct Native<R>(Slot<R>);

impl<R: Plugin + Send> NativeGuest for Native<R> {
    fn open(&mut self, config: &types::Config) -> Result<Vec<types::Effect>, types::Failure> {
        let opened = self.0.open(convert::config(config.clone()));
        self.log();
        opened.map(convert::effects).map_err(convert::failure)
    }

    fn step(&mut self, batch: &types::Batch) -> Result<Vec<types::Effect>, types::Failure> {
        // The server keeps the batch.
        let stepped = self.0.step(convert::batch(batch.clone()));
        self.log();
        stepped.map(convert::effects).map_err(convert::failure)
    }

    fn save(&mut self) -> Vec<u8> {
        self.0.save()
    }

    fn load(&mut self, schema: u32, saved: &[u8]) -> Result<(), types::Failure> {
        self.0.load(schema, saved).map_err(convert::failure)
    }
}

impl<R> Native<R> {
    fn log(&self) {
        for (level, line) in self.0.take_logs() {
            match level {
                Level::Debug => tracing::debug!("{line}"),
                Level::Info => tracing::info!("{line}"),
                Level::Warn => tracing::warn!("{line}"),
                Level::Error => tracing::error!("{line}"),
            }
        }
    }
}

//! What comes with the binary: the bundled plugins and the pages, as `cargo xtask build` put them into `target/bundle`.
//! Without them the crate compiles all the same, and `parlor serve` says what to run.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../target/bundle/plugins"]
#[include = "*.wasm"]
#[allow_missing = true]
struct Plugins;

#[derive(RustEmbed)]
#[folder = "../target/bundle/web"]
#[allow_missing = true]
struct Web;

/// The bundled pages.
pub(crate) struct Pages;

impl parlor_server::Assets for Pages {
    fn get(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        Web::get(path).map(|file| file.data)
    }
}

/// The bundled components, by file name.
pub(crate) fn components() -> impl Iterator<Item = (Cow<'static, str>, Cow<'static, [u8]>)> {
    Plugins::iter().filter_map(|name| Plugins::get(&name).map(|file| (name, file.data)))
}

/// Whether both were there when this binary was built.
pub(crate) fn is_complete() -> bool {
    Plugins::iter().next().is_some() && Web::get("index.html").is_some()
}

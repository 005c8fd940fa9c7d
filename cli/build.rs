//! Has the crate compiled again when a file is added to or taken from the bundle, which `include_bytes` does not see.

fn main() {
    println!("cargo::rerun-if-changed=../target/bundle/plugins");
    println!("cargo::rerun-if-changed=../target/bundle/web");
}

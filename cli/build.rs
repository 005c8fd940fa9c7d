//! Has the crate compiled again when a file is added to or taken from the bundle or the SDKs, which `include_bytes` does
//! not see.

fn main() {
    println!("cargo::rerun-if-changed=../target/bundle/plugins");
    println!("cargo::rerun-if-changed=../target/bundle/web");
    let sdk = ["src", "wit"].into_iter();
    let typescript = ["bin", "src", "template", "tools"].map(|it| format!("typescript/{it}"));
    for folder in sdk.map(str::to_owned).chain(typescript) {
        println!("cargo::rerun-if-changed=../plugin-sdk/{folder}");
    }
}

//! Compiles the runtime with the locks and atomics of the model checker.

fn main() {
    println!("cargo::rustc-cfg=shuttle");
    println!("cargo::rerun-if-changed=build.rs");
}

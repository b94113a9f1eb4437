//! A short slice of the campaign that moves actors from engine to engine.

#![expect(clippy::print_stdout, reason = "what a campaign printed is shown where its test fails")]

use std::path::Path;
use std::process::Command;

#[test]
fn actors_of_every_mode_go_from_engine_to_engine() {
    let campaign = Path::new(env!("CARGO_BIN_EXE_tenure-campaigns"));
    let target = campaign.ancestors().nth(2).expect("it lies in the target folder");
    // A run of these tests alone builds no command.
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "tenure-cli", "--bin", "tenure"])
        .args(["--profile", profile])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", target)
        .status();
    assert!(built.is_ok_and(|status| status.success()), "the command cannot be built");
    let output = Command::new(campaign)
        .args(["ship", "--actors", "700", "--events", "3000", "--calls", "64", "--tenure"])
        .arg(campaign.with_file_name("tenure"))
        .output()
        .expect("the campaign starts");
    let text =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let text = text.concat();
    println!("{text}");
    assert!(output.status.success());
    assert!(text.contains("ship: 701 actors, ") && text.contains(" 0 findings"), "{text}");
}

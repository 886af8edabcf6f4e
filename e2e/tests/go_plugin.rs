//! A real host of go-plugin drives the example plugin of our crate `go-plugin`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use e2e::real_program;
use serde_json::Value;

#[test]
#[ignore = "needs Go; run by .ci/run"]
fn a_real_host_uses_its_plugin_and_ends_it_over_a_unix_socket_and_over_tcp() {
    for (network, argument) in [("unix", "--unix"), ("tcp", "--tcp")] {
        let saw = host("1,2,3", argument);

        assert_eq!(saw["error"], Value::Null, "{saw:#}");
        assert_eq!(saw["network"], network, "{saw:#}");
        assert_eq!(saw["version"], 2, "{saw:#}");
        assert_eq!(saw["ping"], "OK", "{saw:#}");
        assert_eq!(saw["greeting"], "Good day, Ann", "{saw:#}");
        assert_eq!(saw["stdout"], "greeted Ann\n", "{saw:#}");
        assert_eq!(saw["exit"], 0, "it ended by itself when asked: {saw:#}");
        let greeting = logged(&saw, "greeting");
        assert_eq!(greeting["@level"], "info", "{saw:#}");
        assert_eq!(greeting["letters"], 3, "{saw:#}");
        assert_ne!(saw["panic"], "OK", "{saw:#}");
        assert_eq!(logged(&saw, "panic: nobody to greet")["@level"], "error", "{saw:#}");
        assert_eq!(logged(&saw, "ending")["reason"], "the host asked for it", "{saw:#}");
    }
}

#[test]
#[ignore = "needs Go; run by .ci/run"]
fn a_real_host_of_other_versions_tells_which_the_plugin_speaks() {
    let saw = host("3", "--unix");

    let error = saw["error"].as_str().unwrap();
    assert!(error.contains("incompatible API version with plugin"), "{error}");
    assert!(error.contains("Plugin version: 1, Client versions: [3]"), "{error}");
}

/// What a host of these versions sees of the plugin.
fn host(versions: &str, argument: &str) -> Value {
    let output = Command::new(real_program("go-plugin-host").unwrap())
        .arg(versions)
        .arg(plugin())
        .arg(argument)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The plugin, which `cargo test --workspace` builds beside this test.
fn plugin() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().with_file_name("examples").join("greeter");
    assert!(program.is_file(), "not built: cargo build -p go-plugin --example greeter");
    program
}

/// The entry of the host's log with this message.
fn logged<'a>(saw: &'a Value, message: &str) -> &'a Value {
    let mut entries = saw["log"].as_array().unwrap().iter();
    entries.find(|entry| entry["@message"] == message).unwrap_or_else(|| panic!("{saw:#}"))
}

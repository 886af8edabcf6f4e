use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};

use spoor::config::{Config, Flags};

use super::identity::sha256;
use super::support::{Load, TestServer, refused, spoor};

#[tokio::test]
async fn a_bad_configuration_is_one_line_that_names_the_key_and_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let unknown = file("unknown.toml", "purge = true\nlissten = \"127.0.0.1:1\"\n");
    let table = file("table.toml", "[storage]\nkind = \"memory\"\n");
    let bad_type = file("type.toml", "purge = \"yes\"\n");
    let bad_toml = file("syntax.toml", "purge = true\nlisten = = 1\n");
    let hidden = file("hidden.toml", "max_request_bytes = \"lots\"\n");
    let no_tenants = file("tenants.toml", "tenant_header = \"x-tenant\"\ntenants = []\n");
    let empty_token = format!("read_tokens={},{}", sha256("token"), sha256(""));
    let absent = folder.path().join("absent.toml").to_str().unwrap().to_owned();
    type Case<'a> = (Vec<&'a str>, Vec<(&'a str, &'a str)>, Vec<&'a str>);
    let cases: Vec<Case<'_>> = vec![
        (vec!["--config", &unknown], vec![], vec!["lissten", "unknown.toml"]),
        (vec!["--config", &table], vec![], vec!["storage", "table.toml"]),
        (vec!["--config", &bad_type], vec![], vec!["purge", "type.toml"]),
        (vec!["--config", &bad_toml], vec![], vec!["syntax.toml", "line 2"]),
        (vec!["--config", &absent], vec![], vec!["absent.toml"]),
        // What a later layer hides is an error all the same.
        (
            vec!["--config", &hidden, "--set", "max_request_bytes=1MiB"],
            vec![],
            vec!["max_request_bytes", "hidden.toml"],
        ),
        (vec![], vec![("SPOOR_LISSTEN", "127.0.0.1:1")], vec!["lissten", "SPOOR_LISSTEN"]),
        (vec![], vec![("SPOOR_LISTEN", "here")], vec!["listen", "SPOOR_LISTEN"]),
        (
            vec![],
            vec![("SPOOR_DRAIN_TIMEOUT", "soon")],
            vec!["drain_timeout", "SPOOR_DRAIN_TIMEOUT"],
        ),
        (vec![], vec![("RUST_LOG", "spoor=loud")], vec!["log", "RUST_LOG"]),
        (vec![], vec![("OTEL_LOGS_EXPORTER", "syslog")], vec!["OTEL_LOGS_EXPORTER", "syslog"]),
        (vec!["--listen", "127.0.0.1"], vec![], vec!["listen", "--listen"]),
        (vec!["--admin-listen", "17272"], vec![], vec!["admin_listen", "--admin-listen"]),
        (vec!["--set", "nothing=1"], vec![], vec!["nothing", "--set"]),
        (vec!["--set", "purge"], vec![], vec!["purge", "--set"]),
        (vec!["--set", "purge=1"], vec![], vec!["purge", "--set"]),
        (vec!["--set", "max_request_bytes=16MB iB"], vec![], vec!["max_request_bytes", "--set"]),
        (vec!["--set", "max_request_bytes=3GiB"], vec![], vec!["max_request_bytes", "at most"]),
        (vec!["--set", "max_search_depth=0"], vec![], vec!["max_search_depth", "above zero"]),
        (vec!["--set", "max_search_depth=-1"], vec![], vec!["max_search_depth", "--set"]),
        (vec!["--set", "client_timeout=0s"], vec![], vec!["client_timeout", "above zero"]),
        (vec!["--set", "client_timeout=30"], vec![], vec!["client_timeout", "such as \"30s\""]),
        (
            vec!["--set", "client_timeout=1000000000years"],
            vec![],
            vec!["client_timeout", "one day"],
        ),
        (vec!["--set", "drain_timeout=25h"], vec![], vec!["drain_timeout", "one day"]),
        (
            vec!["--listen", "127.0.0.1:17272"],
            vec![],
            vec!["admin_listen", "its default", "127.0.0.1:17272"],
        ),
        (
            vec!["--set", "archive_listen=127.0.0.1:17273"],
            vec![],
            vec!["archive_listen", "--set", "needs archive"],
        ),
        (
            vec!["--set", "archive=true", "--set", "archive_listen=127.0.0.1:17271"],
            vec![],
            vec!["archive_listen", "--set", "127.0.0.1:17271"],
        ),
        (vec!["--set", "log_format=xml"], vec![], vec!["log_format", "xml"]),
        (vec!["--set", "engine=badger"], vec![], vec!["engine", "--set", "embedded", "badger"]),
        (vec!["--set", "data_dir="], vec![], vec!["data_dir", "--set", "directory"]),
        (vec!["--set", "durability=maybe"], vec![], vec!["durability", "--set", "async", "maybe"]),
        (vec!["--set", "async_interval=0s"], vec![], vec!["async_interval", "above zero"]),
        (vec!["--set", "ephemeral=1"], vec![], vec!["ephemeral", "--set"]),
        (vec!["--set", "retention=0s"], vec![], vec!["retention", "above zero"]),
        (vec!["--set", "head_max_age=2days"], vec![], vec!["head_max_age", "one day"]),
        (vec!["--set", "head_max_bytes=0"], vec![], vec!["head_max_bytes", "above zero"]),
        (vec!["--set", "head_max_bytes=8EiB"], vec![], vec!["head_max_bytes", "at most"]),
        (vec!["--set", "write_wait=forever"], vec![], vec!["write_wait", "--set"]),
        (
            vec!["--set", "log_max_bytes=1", "--set", "disk_max_bytes=8"],
            vec![],
            vec!["log_max_bytes", "--set", "1 bytes", "65536"],
        ),
        (
            vec!["--set", "disk_max_bytes=100MiB"],
            vec![],
            vec!["disk_max_bytes", "--set", "log_max_bytes"],
        ),
        (
            vec!["--set", "log_max_bytes=1GiB"],
            vec![],
            vec!["disk_max_bytes", "its default", "log_max_bytes"],
        ),
        (
            vec!["--set", "max_request_bytes=1GiB", "--set", "max_inflight_bytes=2GiB"],
            vec![],
            vec!["max_inflight_bytes", "at most"],
        ),
        (
            vec!["--set", "max_request_bytes=300MiB", "--set", "max_inflight_bytes=1GiB"],
            vec![],
            vec!["max_request_bytes", "embedded"],
        ),
        (vec!["--set", "tenants=acme"], vec![], vec!["tenants", "--set", "tenant_header"]),
        (
            vec!["--set", "tenant_header=x-tenant", "--set", "tenants="],
            vec![],
            vec!["tenants", "--set", "expected a tenant's name"],
        ),
        (vec!["--config", &no_tenants], vec![], vec!["tenants", "tenants.toml", "a tenant's name"]),
        (vec!["--set", "tenants=a/b"], vec![], vec!["tenants", "--set", "a/b", "64"]),
        (
            vec![],
            vec![
                ("SPOOR_TENANT_HEADER", "x-tenant"),
                ("SPOOR_TENANTS", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"),
            ],
            vec!["tenants", "SPOOR_TENANTS", "17", "16"],
        ),
        (vec!["--set", "tenant_header=a b"], vec![], vec!["tenant_header", "--set", "a b"]),
        (vec![], vec![("SPOOR_TENANT_HEADER", "Authorization")], vec!["tenant_header"]),
        (vec!["--set", "tenant_header=x-bin"], vec![], vec!["tenant_header", "x-bin"]),
        (vec!["--set", "read_tokens=abc"], vec![], vec!["read_tokens", "--set", "SHA-256"]),
        (vec!["--set", "read_tokens="], vec![], vec!["read_tokens", "--set", "anyone"]),
        (vec!["--set", &empty_token], vec![], vec!["read_tokens", "--set", "empty text"]),
        (vec!["--set", "write_tokens=1"], vec![], vec!["write_tokens", "--set", "SHA-256"]),
        (vec!["--set", "tls_certificate=x"], vec![], vec!["tls_certificate", "--set", "tls_key"]),
        (vec!["--set", "tls_key=x"], vec![], vec!["tls_key", "--set", "tls_certificate"]),
        (vec!["--set", "tls_client_ca=x"], vec![], vec!["tls_client_ca", "tls_certificate"]),
        (
            vec!["--set", "max_inflight_bytes=31MiB"],
            vec![],
            vec!["max_inflight_bytes", "--set", "max_request_bytes"],
        ),
    ];
    for (arguments, environment, words) in cases {
        let (code, line) = refused(&arguments, &environment).await;
        assert_eq!(code, 64, "{line}");
        for word in words {
            assert!(line.contains(word), "{word} in {line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_smallest_directory_goes_on_taking_exports() {
    let server = TestServer::start(|config| {
        config.log_max_bytes = 64 << 10;
        config.disk_max_bytes = 512 << 10;
    })
    .await;
    let load = Load::start(server.grpc, 1);
    // More than there is space for.
    load.reaches(2000).await;
    load.end().await;
}

#[tokio::test]
async fn a_later_layer_wins_and_an_empty_variable_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spoor.toml");
    let port = |port: u16| format!("127.0.0.1:{port}");
    let taken: Vec<_> =
        (0..3).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
    let [file, environment, flag] =
        [0, 1, 2].map(|index: usize| port(taken[index].local_addr().unwrap().port()));
    std::fs::write(&path, format!("listen = \"{file}\"\n")).unwrap();
    let config = ["--config", path.to_str().unwrap()];
    let unset = ("SPOOR_LOG", "");

    // A taken port is named with its key: so the error tells which layer won.
    let cases = [
        (refused(&config, &[unset]).await, file),
        (refused(&config, &[("SPOOR_LISTEN", &environment)]).await, environment.clone()),
        (
            refused(&[config[0], config[1], "--listen", &flag], &[("SPOOR_LISTEN", &environment)])
                .await,
            flag,
        ),
    ];
    for ((code, line), address) in cases {
        assert_eq!(code, 1, "{line}");
        assert!(line.contains(&address) && line.contains("key listen"), "{address} in {line}");
    }
}

#[tokio::test]
async fn bad_usage_exits_64_and_help_exits_0() {
    let codes = [("--help", 0), ("--version", 0), ("--nothing", 64), ("bogus", 64)];
    for (argument, code) in codes {
        let output = spoor().arg(argument).output().await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{argument}");
    }
}

#[test]
fn rust_log_is_below_our_own_variable_in_whichever_order_they_come() {
    let variables = [("SPOOR_LOG", "debug"), ("RUST_LOG", "error")];
    let load = |variables: &[(&str, &str)]| {
        let environment = variables.iter().map(|(name, value)| (name.into(), value.into()));
        Config::load(&Flags::default(), environment).unwrap().log
    };
    let [own, usual] = variables;
    for order in [[own, usual], [usual, own]] {
        assert_eq!(load(&order), load(&[own]));
    }
    assert_ne!(load(&[own]), load(&[usual]));
}

#[test]
fn a_list_in_a_variable_is_texts_even_if_they_look_like_numbers() {
    for (text, expected) in
        [("007", vec!["007"]), ("12", vec!["12"]), ("true", vec!["true"]), ("a, 1", vec!["1", "a"])]
    {
        let variables = [("SPOOR_TENANTS", text), ("SPOOR_TENANT_HEADER", "x-tenant")];
        let environment = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        let config = Config::load(&Flags::default(), environment).unwrap();
        assert_eq!(config.tenants.into_iter().collect::<Vec<_>>(), expected);
    }
}

/// The keys of the page's tables, with their defaults.
fn documented() -> Vec<(&'static str, &'static str)> {
    let page = include_str!("../../../../docs/spoor.md");
    let (_, section) = page.split_once("\n## Configuration\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.flat_map(|row| {
        let mut cells = row.split(" | ");
        let (keys, default) = (cells.next().unwrap(), cells.next().unwrap());
        keys.split(", ").map(move |key| (key.trim_matches('`'), default))
    })
    .collect()
}

#[test]
fn the_page_has_every_key_with_its_default() {
    let load = |setting: String| {
        let flags = Flags { settings: vec![setting], ..Flags::default() };
        Config::load(&flags, std::iter::empty())
    };
    // What is told of an unknown key names those that there are.
    let unknown = load("nothing=1".to_owned()).unwrap_err().to_string();
    let (_, known) = unknown.split_once("expected one of ").unwrap();
    let known: BTreeSet<_> = known.split(", ").map(|key| key.trim_matches('`')).collect();
    let documented = documented();
    assert_eq!(documented.iter().map(|(key, _)| *key).collect::<BTreeSet<_>>(), known);
    for (key, default) in documented {
        // The others have none that could be set.
        if let Some(value) = default.strip_prefix('`').and_then(|it| it.strip_suffix('`')) {
            let config = load(format!("{key}={value}"));
            assert_eq!(config, Ok(Config::default()), "{key} is {value}");
        }
    }
}

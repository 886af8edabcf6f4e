use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use super::certificates::Authority;
use super::put;
use crate::support::{DEADLINE, Program, refused, spoor};

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("one");
    let (issued, other) = (authority.server(), authority.server());
    put(folder.path(), &issued);
    for (name, text) in [
        ("other.key", other.key.as_str()),
        ("empty", ""),
        ("damaged", "-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n"),
        ("no-certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let cases = [
        ("missing", "server.key", "empty", "tls_certificate", "No such file"),
        ("empty", "server.key", "empty", "tls_certificate", "has no certificate"),
        ("server.key", "server.key", "empty", "tls_certificate", "has no certificate"),
        ("damaged", "server.key", "empty", "tls_certificate", "damaged"),
        ("server.pem", "missing", "empty", "tls_key", "No such file"),
        ("server.pem", "server.pem", "empty", "tls_key", "has no private key"),
        ("server.pem", "other.key", "server.pem", "tls_key", "beside tls_certificate"),
        ("server.pem", "server.key", "missing", "tls_client_ca", "No such file"),
        ("server.pem", "server.key", "empty", "tls_client_ca", "has no certificate"),
        ("server.pem", "server.key", "no-certificate", "tls_client_ca", "reading"),
    ];
    for (certificate, key, ca, named, reason) in cases {
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (certificate, key, ca) = (path(certificate), path(key), path(ca));
        let settings = [
            ("SPOOR_TLS_CERTIFICATE", certificate.as_str()),
            ("SPOOR_TLS_KEY", &key),
            ("SPOOR_TLS_CLIENT_CA", &ca),
            ("SPOOR_ENGINE", "memory"),
        ];
        let any = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        let (code, line) = refused(&any, &settings).await;
        assert_eq!(code, 1, "{line}");
        let file = match named {
            "tls_certificate" => certificate,
            "tls_key" => key,
            _ => ca,
        };
        assert!(line.contains(&format!("reading {file} (key {named}): ")), "{line}");
        assert!(line.contains(reason), "{reason} in {line}");
        assert!(!line.contains("BEGIN"), "{line}");
    }
}

#[tokio::test]
async fn a_certificate_whose_time_it_is_not_is_warned_of_with_its_date() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("one");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (certificate, key) = (path("server.pem"), path("server.key"));
    let first_line = async || {
        let mut child = spoor()
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .envs([("SPOOR_TLS_CERTIFICATE", &certificate), ("SPOOR_TLS_KEY", &key)])
            .env("SPOOR_ENGINE", "memory")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stdout.take().unwrap()).lines();
        timeout(DEADLINE, log.next_line()).await.unwrap().unwrap().unwrap()
    };
    put(folder.path(), &authority.server_of(2020, 2021));
    let first = first_line().await;
    assert!(first.contains("WARN") && first.contains(&certificate), "{first}");
    assert!(first.contains("expired") && first.contains("2021-01-01T00:00:00Z"), "{first}");

    // Of one that is valid nothing is said.
    put(folder.path(), &authority.server());
    let first = first_line().await;
    assert!(!first.contains(&certificate), "{first}");

    // Once more when it is another.
    let settings = [format!("tls_certificate={certificate}"), format!("tls_key={key}")];
    let mut program = Program::start(&settings.each_ref().map(String::as_str)).await;
    put(folder.path(), &authority.server_of(2100, 2101));
    let line = program.logs("WARN").await;
    assert!(line.contains("not valid before 2100-01-01T00:00:00Z"), "{line}");
}

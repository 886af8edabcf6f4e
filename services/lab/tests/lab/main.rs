//! The `lab` program as a person meets it.

mod console;
mod doctor;
mod find;
mod headers;
mod lessons;
mod load;
mod pages;
#[path = "../../../../e2e/src/ports.rs"]
mod ports;
mod process;
mod programs;
mod scenario;

use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use process::{Lab, entries, gone, left_nothing};
use rustix::process::Signal;

const SERVICES: [&str; 4] = ["app-a", "app-b", "app-c", "app-d"];

#[test]
fn once_shows_the_whole_trace_of_one_request_with_its_log_lines() {
    let ended = Lab::start(&["up", "--once"]).end();
    assert!(ended.status.success(), "{ended:?}");
    let (tree, lines) = ended.output.split_once("its log lines").unwrap();
    for (operation, kind, protocol) in [
        ("app-a  GET /chain ", "SERVER", "http"),
        ("app-a  GET / ", "SERVER", "http"),
        ("app-a  GET ", "CLIENT", "http"),
        ("app-b  GET /io_task ", "SERVER", "http"),
        ("app-a  demo.v1.Tasks/CpuTask ", "CLIENT", "grpc"),
        ("app-c  demo.v1.Tasks/CpuTask ", "SERVER", "grpc"),
        ("app-c  GET ", "CLIENT", "http"),
        ("app-d  GET /io_task ", "SERVER", "http"),
    ] {
        let drawn = |line: &str| {
            line.contains(operation)
                && line.contains(&format!("{kind:8}  {protocol}"))
                && line.ends_with(" ms")
        };
        assert!(tree.lines().any(drawn), "{operation}{kind} {protocol}:\n{tree}");
    }
    let trace_id = tree.split_whitespace().nth(1).unwrap();
    assert_eq!(trace_id.len(), 32, "{tree}");
    for service in SERVICES {
        let prefix = format!("{service:7} | ");
        assert!(
            lines.lines().any(|line| line.starts_with(&prefix) && line.contains(trace_id)),
            "{service}:\n{lines}"
        );
    }
}

#[test]
fn once_finds_the_log_lines_whatever_the_shell_hides() {
    let ended = Lab::start_with(&["up", "--once"], |c| {
        c.env("RUST_LOG", "off");
    })
    .end();
    assert!(ended.status.success(), "{ended:?}");
}

#[test]
fn once_names_the_edges_that_the_trace_lacks() {
    let lab = Lab::start_with(&["up", "--once"], |c| {
        c.env("OTEL_TRACES_SAMPLER", "always_off");
    });
    let ended = lab.end();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let edge = "missing edge: app-c CLIENT GET (http) -> app-d SERVER GET /io_task (http)";
    assert!(ended.errors.contains(edge), "{ended:?}");
    assert!(ended.errors.contains("0 traces instead of 1"), "{ended:?}");
}

#[test]
fn what_lab_up_tells_to_try_works_and_lines_carry_names() {
    let lab = Lab::up();
    // The load is started last and nobody waits for its first line.
    for part in SERVICES.iter().chain(&["spoor", "load"]) {
        lab.wait_for(&format!("{part:7} | "));
    }
    let output = lab.output();
    let command = output.lines().find_map(|line| line.strip_prefix("Try    curl ")).unwrap();
    let answer = process::get(command);
    let trace_id = answer["trace_id"].as_str().unwrap();
    lab.wait_for(trace_id);
    let faults = "Faults curl -H 'Authorization: Bearer ";
    let faults = output.lines().find_map(|line| line.strip_prefix(faults)).unwrap();
    let (token, url) = faults.split_once("' ").unwrap();
    assert_eq!([token, "another"].map(|token| process::status(url, token)), [200, 401]);
    let check = output.lines().find_map(|line| line.strip_prefix("Check  ")).unwrap();
    let mut words = check.split(' ');
    let mut command = Command::new(words.next().unwrap());
    let ended = command.args(words).envs(lab.ports().iter().cloned()).output().unwrap();
    assert!(ended.status.success(), "{check}: {ended:?}");
}

#[test]
fn traffic_does_not_drive_what_to_try_off_the_screen() {
    let lab = Lab::start(&["up"]);
    lab.wait_for("Ctrl-C");
    let output = lab.output();
    for part in SERVICES.iter().chain(&["spoor", "console"]) {
        assert!(output.contains(&format!("{part:7} | ready after ")), "{output}");
    }
    let command = output.lines().find_map(|line| line.strip_prefix("Try    curl ")).unwrap();
    for _ in 0..20 {
        process::get(command);
    }
    let said = lab.output();
    assert_eq!(said.trim_end(), output.trim_end(), "said after the summary");
}

#[test]
fn a_lab_whose_output_nobody_reads_works_on_and_can_be_ended() {
    let (reader, writer) = std::io::pipe().unwrap();
    let lab = Lab::start_with(&["up", "--logs"], |c| {
        c.stdout(writer);
    });
    let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
    let command = lines.find_map(|line| Some(line.strip_prefix("Try    curl ")?.to_owned()));
    let home = command.unwrap().replace("/chain", "/");
    // Each makes a line: more of them than two pipes hold, the lab's and the service's.
    for _ in 0..2_000 {
        process::get(&home);
    }
    let children = lab.descendants();
    assert_eq!(children.len(), 7, "{children:?}");
    lab.signal(Signal::TERM);
    let ended = lab.end();
    assert!(ended.status.success(), "{ended:?}");
    gone(&children);
}

#[test]
fn an_interrupted_lab_leaves_nothing_behind() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let folder = tempfile::tempdir().unwrap();
        let lab = Lab::up_in(folder.path());
        let children = lab.descendants();
        assert_eq!(children.len(), 7, "{children:?}");
        // Spoor's.
        assert_eq!(entries(folder.path()), 1);
        lab.signal(signal);
        let ended = lab.end();
        assert!(ended.status.success(), "{ended:?}");
        left_nothing(&children, folder.path());
    }
}

#[test]
fn a_lab_that_is_killed_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::up_in(folder.path());
    let children = lab.descendants();
    assert_eq!(children.len(), 7, "{children:?}");
    assert_eq!(entries(folder.path()), 1);
    lab.signal(Signal::KILL);
    left_nothing(&children, folder.path());
}

#[test]
fn a_part_that_dies_ends_the_lab_and_is_named() {
    for part in ["app-c", "spoor", "load", "console"] {
        let folder = tempfile::tempdir().unwrap();
        let lab = Lab::up_in(folder.path());
        let children = lab.descendants();
        let victim = children.iter().find(|child| child.has_argument(part)).unwrap();
        victim.kill();
        let ended = lab.end();
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.errors.contains(&format!("lab: {part} ended: signal: 9")), "{ended:?}");
        left_nothing(&children, folder.path());
    }
}

#[test]
fn a_part_that_cannot_start_is_named_with_what_it_wrote() {
    let ended = Lab::start_with(&["up", "--once"], |c| {
        c.env("OTEL_TRACES_SAMPLER", "nonsense");
    })
    .end();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    // Whichever of the services ended first: all start at once.
    assert!(ended.errors.starts_with("lab: app-"), "{ended:?}");
    assert!(ended.errors.contains(" ended: exit status: 64\n"), "{ended:?}");
    assert!(ended.errors.contains("OTEL_TRACES_SAMPLER"), "{ended:?}");
}

#[test]
fn a_taken_port_is_named_with_its_part_before_anything_starts() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = Lab::start_with(&[], |c| {
        c.env("APP_C_PORT", &port);
    })
    .end();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let expected = format!("port {port} of app-c is taken: set APP_C_PORT to a free one");
    assert!(ended.errors.contains(&expected), "{ended:?}");
    assert_eq!(ended.output, "");
}

#[test]
fn missing_programs_are_named_with_the_command_that_builds_them() {
    let ended = Lab::start_with(&["up", "--with", "jaeger,collector"], |c| {
        c.env("PATH", "").env("LAB_PROGRAMS", "/nonexistent");
    })
    .end();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.errors.contains("`e2e/programs jaeger collector`"), "{ended:?}");
}

#[test]
fn a_part_that_has_no_use_without_another_is_refused() {
    for (with, problem) in [
        ("loki,jaeger", "--with loki needs collector: add collector"),
        ("grafana", "Grafana runs in containers only: `docker compose up` has it"),
    ] {
        let ended = Lab::start(&["up", "--with", with]).end();
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert_eq!(ended.errors, format!("lab: {problem}\n"));
    }
}

#[test]
fn a_variable_of_one_part_has_the_last_word_and_is_of_that_part_alone() {
    let lab = Lab::start_with(&["up", "--logs", "--env", "app-b:OTEL_SERVICE_NAME=renamed"], |c| {
        c.env("OTEL_SERVICE_NAME", "the-shell");
    });
    lab.wait_for("renamed is ready");
    lab.wait_for("app-c is ready");
}

#[test]
fn no_program_gets_the_shells_destination_of_telemetry() {
    let programs = tempfile::tempdir().unwrap();
    let jaeger = programs.path().join("jaeger-9.9.9");
    std::fs::write(&jaeger, "#!/bin/sh\necho endpoint: $OTEL_EXPORTER_OTLP_ENDPOINT.\n").unwrap();
    std::fs::set_permissions(&jaeger, Permissions::from_mode(0o755)).unwrap();
    let ended = Lab::start_with(&["up", "--with", "jaeger"], |c| {
        c.env("LAB_PROGRAMS", programs.path()).env("PATH", "");
        c.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://the-shell:4317");
    })
    .end_by_itself();
    assert!(ended.errors.contains("jaeger | endpoint: .\n"), "{ended:?}");
}

#[test]
fn a_variable_of_an_unknown_part_is_refused_and_the_known_ones_are_named() {
    let ended = Lab::start(&["up", "--env", "app-e:LISTEN=x"]).end();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let problem = "setting LISTEN: the lab has no part app-e, \
                   but spoor, app-a, app-b, app-c, app-d, load, console";
    assert!(ended.errors.contains(problem), "{ended:?}");
    let ended = Lab::start(&["up", "--env", "app-a"]).end();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.errors.contains("expected PART:NAME=VALUE"), "{ended:?}");
}

#[test]
fn a_guarded_program_ends_with_its_input_even_when_it_will_not() {
    for script in ["exec /bin/sleep 1000", "trap '' TERM; while :; do /bin/sleep 1; done"] {
        let guard = Lab::start(&["part", "foreign", "/bin/sh", "-c", script]);
        let program = guard.descendants_when(|found| !found.is_empty());
        let ended = guard.end();
        assert!(ended.status.success(), "{ended:?}");
        gone(&program);
    }
}

#[test]
fn a_guarded_program_that_ends_fails_its_guard() {
    let ended = Lab::start(&["part", "foreign", "/bin/sh", "-c", "echo so long"]).end_by_itself();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.output.contains("so long"), "{ended:?}");
}

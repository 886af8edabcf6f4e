//! Each command of this program that a page shows is one that it takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn each_command_of_a_page_is_one_that_lab_takes() {
    let mut pages =
        vec![Path::new(ROOT).join("README.md"), Path::new(ROOT).join("CONTRIBUTING.md")];
    pages_in(&Path::new(ROOT).join("docs"), &mut pages);
    let mut taken = 0;
    for page in pages {
        for arguments in commands(&fs::read_to_string(&page).unwrap()) {
            let output = help(&arguments);
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{page:?}: lab {arguments}: {errors}");
            taken += 1;
        }
    }
    assert!(taken > 20, "{taken}");
}

#[test]
fn a_command_that_lab_does_not_take_is_found() {
    let page = "`cargo run --release -- up --wth loki`\n```sh\nlab find 'service = app-a' # c\nlabour\n```\n";
    let commands = commands(page);
    assert_eq!(commands, ["up --wth loki", "find 'service = app-a'"]);
    let taken = commands.iter().map(|arguments| help(arguments).status.success());
    assert_eq!(taken.collect::<Vec<_>>(), [false, true]);
}

/// What follows `lab`, however that is called.
fn commands(page: &str) -> Vec<String> {
    let page = page.replace("\\\n", " ");
    let inline = page.split("cargo run --release -- ").skip(1);
    let blocks = page.split("```").skip(1).step_by(2).flat_map(str::lines);
    let named = blocks.filter_map(|line| line.strip_prefix("lab "));
    let ends = |text: &str| {
        let line = text.split(['\n', '`']).next().unwrap_or_default();
        line.split(" #").next().unwrap_or_default().trim().to_owned()
    };
    inline.chain(named).map(ends).collect()
}

/// Has a shell read the arguments, and the program only tell its help, unless it refuses one.
fn help(arguments: &str) -> std::process::Output {
    let command = format!("exec \"$LAB\" {arguments} --help");
    let mut shell = Command::new("sh");
    shell.args(["-c", &command]).env("LAB", env!("CARGO_BIN_EXE_lab")).output().unwrap()
}

fn pages_in(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages_in(&path, pages);
        } else if path.extension().is_some_and(|it| it == "md") {
            pages.push(path);
        }
    }
}

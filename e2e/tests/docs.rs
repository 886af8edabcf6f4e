//! The documentation says what the files say, and leads to what is there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use e2e::files::repository;

/// Where configuration is quoted.
const PAGES: [&str; 2] = ["docs/tiers", "docs/overlays"];
/// Where the pictures are, and how many bytes one may have.
const PICTURES: (&str, u64) = ("docs/pictures", 200_000);

#[test]
fn each_quoted_configuration_is_in_the_file_that_it_is_from() {
    let mut quoted = 0;
    for page in PAGES.iter().flat_map(markdown) {
        let text = read(&page);
        for (from, block) in quotes(&text).unwrap_or_else(|error| panic!("{page:?}: {error:#}")) {
            let file = read(Path::new(from));
            assert!(occurs(&block, &file), "{page:?} quotes what {from} does not say: {block:#?}");
            quoted += 1;
        }
    }
    assert!(quoted > 0);
}

#[test]
fn each_entry_file_is_where_the_start_is_or_on_a_page() {
    let pages = PAGES.iter().flat_map(markdown).chain(["docs/start.md".into()]);
    let pages: String = pages.map(|page| read(&page)).collect();
    let names = fs::read_dir(repository()).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    let entries: Vec<_> =
        names.filter(|name| name.starts_with("compose") && name.ends_with(".yaml")).collect();
    assert!(!entries.is_empty());
    for entry in entries {
        // By its command, but for the one that needs no name.
        let named = if entry == "compose.yaml" { &entry } else { &format!("-f {entry} up") };
        assert!(pages.contains(named), "{entry}");
    }
}

#[test]
fn each_relative_link_leads_to_a_file() {
    let mut followed = 0;
    for page in markdown(".") {
        let text = read(&page);
        for target in links(&text) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            let file = repository().join(page.parent().unwrap()).join(path);
            assert!(file.exists(), "{page:?} leads to {target}");
            followed += 1;
        }
    }
    assert!(followed > 0);
}

#[test]
fn each_link_to_a_part_of_a_page_leads_to_a_heading() {
    let mut followed = 0;
    for page in markdown(".") {
        let text = read(&page);
        for target in links(&text) {
            let Some((path, part)) = target.split_once('#').filter(|_| !target.contains("://"))
            else {
                continue;
            };
            let there = match path {
                "" => text.clone(),
                path => read(&page.parent().unwrap().join(path)),
            };
            assert!(parts(&there).contains(&part.to_owned()), "{page:?} leads to {target}");
            followed += 1;
        }
    }
    assert!(followed > 0);
}

/// Marked elsewhere they would look as if somebody ran and checked them.
#[test]
fn blocks_that_are_run_and_checked_are_in_lessons_and_every_lesson_has_both() {
    for page in markdown(".") {
        let text = read(&page);
        let marks: Vec<_> = text.lines().filter(|line| line.starts_with("```")).collect();
        let name = page.file_name().unwrap().to_str().unwrap();
        let is_lesson = page.starts_with("./docs/lessons") && name != "README.md";
        for mark in ["```sh run", "```text check"] {
            assert_eq!(marks.contains(&mark), is_lesson, "{page:?}: {mark}");
        }
    }
}

#[test]
fn each_page_is_led_to_from_the_index() {
    let root = repository().canonicalize().unwrap();
    let mut led = vec![root.join("docs/README.md")];
    // From page to page, as a reader goes.
    for next in 0.. {
        let Some(page) = led.get(next).cloned() else { break };
        for target in links(&fs::read_to_string(&page).unwrap()) {
            let path = page.parent().unwrap().join(target.split('#').next().unwrap());
            let Ok(path) = path.canonicalize() else { continue };
            if path.extension().is_some_and(|it| it == "md") && !led.contains(&path) {
                led.push(path);
            }
        }
    }
    for page in markdown("docs") {
        assert!(led.contains(&root.join(&page)), "nothing leads to {page:?}");
    }
}

#[test]
fn each_picture_is_small_is_shown_and_is_told_in_words() {
    let (folder, most) = PICTURES;
    let mut shown = Vec::new();
    for page in markdown(".") {
        let text = read(&page);
        for (alt, target) in pictures(&text) {
            assert!(alt.len() > 40, "{page:?} does not tell in words what {target} shows: {alt:?}");
            let file = repository().join(page.parent().unwrap()).join(target);
            shown.push(file.canonicalize().unwrap_or_else(|error| panic!("{file:?}: {error}")));
        }
    }
    for entry in fs::read_dir(repository().join(folder)).unwrap() {
        let entry = entry.unwrap();
        assert!(
            shown.contains(&entry.path().canonicalize().unwrap()),
            "{:?} is shown nowhere",
            entry.path()
        );
        assert!(entry.metadata().unwrap().len() < most, "{:?} is too large", entry.path());
    }
    assert!(!shown.is_empty());
}

#[test]
fn a_picture_has_words_and_a_heading_a_name_to_lead_to() {
    assert_eq!(pictures("![one](a.png) [two](b.md) ![](c.png)"), [("one", "a.png"), ("", "c.png")]);
    let page = "# One, *two* & `three_4`\n```sh\n# no heading\n```\n## One, two\n## One two\n";
    assert_eq!(parts(page), ["one-two--three_4", "one-two", "one-two-1"]);
}

#[test]
fn a_quote_that_differs_or_names_no_file_is_found() {
    let page = "<!-- from: a.yaml -->\n```yaml\nkey: 1\n  more: 2\n```\n";
    let [(from, block)] = &quotes(page).unwrap()[..] else { panic!() };
    assert_eq!(*from, "a.yaml");
    assert!(occurs(block, "top:\n    key: 1\n      more: 2\n"));
    assert!(!occurs(block, "key: 1\nother: 3\nmore: 2\n"));
    quotes("```yaml\nkey: 1\n```\n").unwrap_err();
}

#[test]
fn code_is_no_link() {
    let page = "[one](a.md) `[two](b.md)`\n```text\n[three](c.md)\n```\n[four](d.md#part)\n";
    assert_eq!(links(page), ["a.md", "d.md#part"]);
}

/// The blocks fenced as YAML, without indentation, each with the file that it names.
fn quotes(page: &str) -> anyhow::Result<Vec<(&str, Vec<&str>)>> {
    let mut quotes = Vec::new();
    let mut before = "";
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line == "```yaml" {
            let from =
                before.strip_prefix("<!-- from: ").and_then(|rest| rest.strip_suffix(" -->"));
            let block = lines.by_ref().take_while(|line| *line != "```").map(str::trim).collect();
            quotes.push((from.context("finding the file that a block is from")?, block));
        }
        before = line;
    }
    Ok(quotes)
}

/// Whether these lines follow each other there, whatever their indentation.
fn occurs(block: &[&str], file: &str) -> bool {
    let lines: Vec<_> = file.lines().map(str::trim).collect();
    !block.is_empty() && lines.windows(block.len()).any(|window| window == block)
}

/// The pictures of a page: what stands for each in words, and the file.
fn pictures(page: &str) -> Vec<(&str, &str)> {
    let pictures = page.split("![").skip(1);
    pictures.filter_map(|rest| rest.split(')').next()?.split_once("](")).collect()
}

/// What leads to the page's headings, as GitHub has it.
fn parts(page: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for text in page.split("```").step_by(2) {
        for heading in text.lines().filter(|line| line.starts_with('#')) {
            let name = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            let is_kept = |it: &char| it.is_alphanumeric() || ['-', '_'].contains(it);
            let name: String = name.chars().filter(is_kept).collect();
            // A second one of the same name has a number.
            let same = parts.iter().filter(|other| **other == name).count();
            parts.push(if same == 0 { name } else { format!("{name}-{same}") });
        }
    }
    parts
}

/// What the page's links lead to.
fn links(page: &str) -> Vec<&str> {
    // The three marks of a fence change sides as one does.
    let outside_code = page.split('`').step_by(2);
    let targets = outside_code.flat_map(|text| text.split("](").skip(1));
    targets.filter_map(|rest| rest.split(')').next()).collect()
}

/// The pages under a folder, relative to the root; not those of what is built or installed.
fn markdown(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(repository().join(&folder)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = folder.as_ref().join(&name);
        if repository().join(&path).is_dir() {
            if !name.starts_with('.') && !["target", "node_modules"].contains(&name.as_str()) {
                pages.extend(markdown(path));
            }
        } else if name.ends_with(".md") {
            pages.push(path);
        }
    }
    pages
}

fn read(path: &Path) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

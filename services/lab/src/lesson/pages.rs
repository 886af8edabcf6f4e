//! The pages that this program carries.

use super::page::{Malformed, Page};

macro_rules! pages {
    ($($file:literal),* $(,)?) => {
        [$(($file, include_str!(concat!("../../../../docs/lessons/", $file)))),*]
    };
}

const PAGES: [(&str, &str); 8] = pages![
    "01-what-a-trace-is.md",
    "02-context.md",
    "03-waterfall.md",
    "04-logs.md",
    "05-red.md",
    "06-baggage-and-sampling.md",
    "07-storage-and-search.md",
    "08-your-own-service.md",
];

/// All lessons, in order.
///
/// # Errors
/// The first that makes no sense, and where.
pub fn all() -> Result<Vec<Page>, Malformed> {
    PAGES.iter().map(|(file, text)| Page::read(file, text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::cause::Change;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lessons");

    #[test]
    fn every_page_is_carried_in_order_and_listed_with_its_title() {
        let names = std::fs::read_dir(FOLDER).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name != "README.md").collect();
        names.sort_unstable();
        assert_eq!(PAGES.map(|(file, _)| file), *names);
        let list = std::fs::read_to_string(format!("{FOLDER}/README.md")).unwrap();
        for (index, page) in all().unwrap().into_iter().enumerate() {
            assert_eq!(page.number as usize, index + 1, "{}", page.file);
            assert!(page.file.starts_with(&format!("{:02}-", page.number)), "{}", page.file);
            let line = format!("| [{}. {}]({}) |", page.number, page.title, page.file);
            assert!(list.contains(&line), "{line}");
        }
    }

    #[test]
    fn every_lesson_checks_at_least_three_values_and_tells_how_to_do_so_by_hand() {
        for (page, (_, text)) in all().unwrap().iter().zip(PAGES) {
            let file = page.file;
            assert!(page.claims().count() >= 3, "{file}");
            let values = page.variables().into_iter().map(|name| format!(" {name}=${name}"));
            let command =
                format!("\nlab lesson check {}{}\n", page.number, values.collect::<String>());
            assert!(text.contains(&command), "{file} lacks {command}");
            for part in ["| goal | ", "\n## Check\n", "\n## Question\n", "<details>", "Why"] {
                assert!(text.contains(part), "{file} lacks {part:?}");
            }
        }
    }

    #[test]
    fn what_takes_a_cause_away_is_there_to_be_taken() {
        for page in all().unwrap() {
            let commands = page.commands();
            for stated in page.claims() {
                let place = format!("{}:{}", page.file, stated.line);
                match &stated.without {
                    Change::Commands { this, .. } => assert!(commands.contains(this), "{place}"),
                    Change::Fault { service, .. } => {
                        assert!(service.starts_with("app-"), "{place}");
                    }
                    Change::Variable(_) => {}
                }
            }
        }
    }

    #[test]
    fn what_a_page_uses_it_says_that_it_needs() {
        for page in all().unwrap() {
            let commands = page.commands();
            let names: Vec<_> = page.needs.iter().map(|need| need.name()).collect();
            for (variable, need) in [
                ("$LOKI", "loki"),
                ("$PROMETHEUS", "prometheus"),
                ("$JAEGER", "jaeger"),
                ("$ADMIN_TOKEN", "ADMIN_TOKEN"),
                ("$REPOSITORY", "cargo"),
            ] {
                let is_used = commands.contains(variable);
                assert!(!is_used || names.contains(&need), "{}: {need}", page.file);
            }
        }
    }
}

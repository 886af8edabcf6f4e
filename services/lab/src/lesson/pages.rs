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
    use crate::lesson::page::{Need, Step, Work};

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lessons");

    fn commands(step: &Step) -> &str {
        match &step.work {
            Work::Run(commands) => commands,
            Work::Check(_) => "",
        }
    }

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
            let Page { number, title, file, time, .. } = &page;
            let row = format!("| [{number}. {title}]({file}) | {time} | ");
            let row = list.lines().find_map(|line| line.strip_prefix(&row));
            let row = row.unwrap_or_else(|| panic!("{file} is not in the list"));
            let names = |needs: &[Need]| needs.iter().map(|need| need.name()).collect::<Vec<_>>();
            let named: Vec<_> = row.split('`').skip(1).step_by(2).collect();
            let mut needed = names(&page.needs);
            needed.extend(page.steps.iter().flat_map(|step| names(&step.needs)));
            assert!(names(&page.needs).iter().all(|need| named.contains(need)), "{row}");
            assert!(named.iter().all(|name| needed.contains(name)), "{row}");
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
    fn every_lesson_leads_to_the_next() {
        for (index, (file, text)) in PAGES.iter().enumerate() {
            let next = PAGES.get(index + 1).map_or("README.md", |(next, _)| next);
            let (_, last) = text.trim_end().rsplit_once('\n').unwrap();
            assert!(last.starts_with("Next: ") && last.contains(&format!("]({next})")), "{file}");
        }
    }

    #[test]
    fn a_page_that_lacks_a_line_of_what_is_checked_is_malformed() {
        for (file, text) in PAGES {
            let lines: Vec<_> = text.lines().collect();
            let mut is_checked = false;
            for left_out in 0..lines.len() {
                let mut rest = lines.clone();
                let line = rest.remove(left_out);
                is_checked |= line == "```text check";
                let read = Page::read(file, &rest.join("\n"));
                assert!(!is_checked || read.is_err(), "{file}:{}: {line}", left_out + 1);
                is_checked &= line != "-->";
            }
        }
    }

    #[test]
    fn what_takes_a_cause_away_is_there_to_be_taken() {
        for page in all().unwrap() {
            let commands: String = page.steps.iter().map(commands).collect();
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
            for step in &page.steps {
                let claims = step.claims().iter().map(|stated| stated.text.as_str());
                let used = claims.collect::<Vec<_>>().join("\n") + commands(step);
                let needs = page.needs.iter().chain(&step.needs);
                let names: Vec<_> = needs.map(|need| need.name()).collect();
                for (used_for, need) in [
                    ("$LOKI", "loki"),
                    ("$PROMETHEUS", "prometheus"),
                    ("prometheus ", "prometheus"),
                    ("exemplars of", "prometheus"),
                    ("monitor calls", "jaeger"),
                    ("monitor calls", "prometheus"),
                    ("$JAEGER", "jaeger"),
                    ("logs of", "logs"),
                    ("logs without", "logs"),
                    ("$ADMIN_TOKEN", "ADMIN_TOKEN"),
                    ("$REPOSITORY", "cargo"),
                ] {
                    let is_used = used.contains(used_for);
                    let place = format!("{}: {}: {need}", page.file, step.heading);
                    assert!(!is_used || names.contains(&need), "{place}");
                }
            }
        }
    }
}

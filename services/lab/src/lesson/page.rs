//! A lesson's page: what of it is run, and what is checked.
//!
//! ````text
//! # 2. Context
//!
//! | needs | `ADMIN_TOKEN` |
//!
//! ### 1. Send a request
//!
//! ```sh run
//! curl -s $APP_A/chain
//! ```
//!
//! ```text check
//! spans of $TRACE: 10
//! ```
//! <!-- without
//! commands: /chain => /
//! -->
//! ````
//!
//! Any other block is text. The comment tells for each claim, in order, how its cause is taken away.
//! A line below a heading that begins with ``Needs `loki` `` is of all that is below the heading.

use std::fmt;
use std::iter::Enumerate;
use std::str::Lines;

use clap::ValueEnum;

use super::cause::Change;
#[cfg(test)]
use super::claim;
use super::claim::Claim;
use crate::with::With;

/// What is run and checked, in this order.
#[derive(Debug)]
pub struct Page {
    pub file: &'static str,
    pub number: u32,
    pub title: String,
    /// As the page tells it.
    pub time: String,
    /// What none of it can be done without.
    pub needs: Vec<Need>,
    pub steps: Vec<Step>,
}

/// What a lesson cannot be done without, besides services and storage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Need {
    Part(With),
    /// What keeps log lines: Loki, or the native lab.
    Logs,
    /// That of the services' faults.
    AdminToken,
    /// Rust, and this repository.
    Cargo,
}

/// A block of the page.
#[derive(Debug, PartialEq)]
pub struct Step {
    /// Below which it stands.
    pub heading: String,
    /// What it cannot be done without, besides what the page needs.
    pub needs: Vec<Need>,
    pub work: Work,
}

#[derive(Debug, PartialEq)]
pub enum Work {
    /// Commands for a shell.
    Run(String),
    /// Claims on what these have led to.
    Check(Vec<Stated>),
}

/// A claim as the page has it.
#[derive(Debug, PartialEq)]
pub struct Stated {
    pub text: String,
    pub line: usize,
    pub without: Change,
}

/// Why a page is none, and where.
#[derive(Debug, PartialEq)]
pub struct Malformed {
    file: &'static str,
    line: usize,
    problem: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reading docs/lessons/{}:{}: {}", self.file, self.line, self.problem)
    }
}

impl std::error::Error for Malformed {}

impl Need {
    /// As a page tells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Part(part) => part.name(),
            Self::Logs => "logs",
            Self::AdminToken => "ADMIN_TOKEN",
            Self::Cargo => "cargo",
        }
    }

    fn read(name: &str) -> Result<Self, String> {
        let parts = With::value_variants().iter().copied().map(Self::Part);
        let all: Vec<_> = parts.chain([Self::Logs, Self::AdminToken, Self::Cargo]).collect();
        all.iter().copied().find(|need| need.name() == name).ok_or_else(|| {
            let names = all.iter().map(|need| need.name()).collect::<Vec<_>>().join(", ");
            format!("a lesson can need {names}, not {name:?}")
        })
    }
}

impl Page {
    /// # Errors
    /// The first line that makes no sense.
    pub fn read(file: &'static str, text: &str) -> Result<Self, Malformed> {
        let mut reader = Reader { file, lines: text.lines().enumerate(), last: 0 };
        reader.page()
    }

    /// Every claim, in order.
    pub fn claims(&self) -> impl Iterator<Item = &Stated> {
        self.steps.iter().flat_map(Step::claims)
    }

    /// What some of its steps cannot be done without, besides what the whole page needs, each once.
    pub fn needs_of_steps(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        for need in self.steps.iter().flat_map(|step| &step.needs) {
            if !self.needs.contains(need) && !needs.contains(need) {
                needs.push(*need);
            }
        }
        needs
    }

    /// Every part that some of it needs, once or more.
    pub fn parts(&self) -> impl Iterator<Item = With> {
        let needs = self.needs.iter().chain(self.steps.iter().flat_map(|step| &step.needs));
        needs.filter_map(|need| match need {
            Need::Part(part) => Some(*part),
            _ => None,
        })
    }

    /// The variables of the claims, each once.
    #[cfg(test)]
    pub fn variables(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for name in self.claims().flat_map(|stated| claim::variables(&stated.text)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

impl Step {
    /// In order; none of commands.
    pub fn claims(&self) -> &[Stated] {
        match &self.work {
            Work::Run(_) => &[],
            Work::Check(claims) => claims,
        }
    }
}

struct Reader<'a> {
    file: &'static str,
    lines: Enumerate<Lines<'a>>,
    /// The number of the line that was read last.
    last: usize,
}

impl<'a> Reader<'a> {
    fn page(&mut self) -> Result<Page, Malformed> {
        let title = self.next().and_then(|line| line.strip_prefix("# ")?.split_once(". "));
        let (number, title) = title.ok_or_else(|| self.malformed("expected # NUMBER. TITLE"))?;
        let number = number.parse().map_err(|_| self.malformed("expected # NUMBER. TITLE"))?;
        let (mut time, mut needs) = (None, None);
        let (mut heading, mut needed) = (String::new(), Vec::new());
        let mut steps = Vec::new();
        while let Some(line) = self.next() {
            if let Some(text) = line.trim_start_matches('#').strip_prefix(' ')
                && line.starts_with('#')
            {
                text.clone_into(&mut heading);
                needed.clear();
            } else if line.starts_with("Needs `") {
                needed = self.needs(line)?;
            } else if line.starts_with("<!-- without") {
                return Err(self.malformed("there are no claims above this"));
            } else if let Some(text) = row(line, "time") {
                time = Some(text.to_owned());
            } else if let Some(text) = row(line, "needs") {
                needs = Some(self.needs(text)?);
            } else if let Some(info) = line.trim_start().strip_prefix("```") {
                let work = match info {
                    "sh run" => Work::Run(self.block()?.join("\n")),
                    "text check" => {
                        let first = self.last + 1;
                        let claims = self.block()?;
                        Work::Check(self.claims(first, &claims)?)
                    }
                    info if info.contains(' ') => {
                        return Err(self.malformed(format!(
                            "a block is marked sh run or text check, or not at all, not {info:?}"
                        )));
                    }
                    _ => {
                        self.block()?;
                        continue;
                    }
                };
                steps.push(Step { heading: heading.clone(), needs: needed.clone(), work });
            }
        }
        let missing = |row| self.malformed(format!("the table above lacks the row {row}"));
        Ok(Page {
            file: self.file,
            number,
            title: title.to_owned(),
            time: time.ok_or_else(|| missing("time"))?,
            needs: needs.ok_or_else(|| missing("needs"))?,
            steps,
        })
    }

    /// What stands between `` ` ``.
    fn needs(&self, text: &str) -> Result<Vec<Need>, Malformed> {
        let names = text.split('`').skip(1).step_by(2);
        names.map(|name| Need::read(name).map_err(|problem| self.malformed(problem))).collect()
    }

    /// The lines until the fence.
    fn block(&mut self) -> Result<Vec<&'a str>, Malformed> {
        let begin = self.last;
        let mut block = Vec::new();
        while let Some(line) = self.next() {
            if line.trim_start() == "```" {
                return match block.iter().all(|line: &&str| line.trim().is_empty()) {
                    true => Err(self.at(begin, "this block is empty")),
                    false => Ok(block),
                };
            }
            if line.trim_start().starts_with("```") {
                return Err(self.malformed("a block begins within another"));
            }
            block.push(line);
        }
        Err(self.at(begin, "this block has no end"))
    }

    /// These claims, of which the comment below tells how their causes are taken away.
    fn claims(&mut self, first: usize, claims: &[&str]) -> Result<Vec<Stated>, Malformed> {
        if self.next() != Some("<!-- without") {
            return Err(self.malformed("expected <!-- without, and a line for each claim above"));
        }
        let mut stated = Vec::new();
        for (index, claim) in claims.iter().enumerate() {
            let line = first + index;
            Claim::read(claim).map_err(|problem| self.at(line, problem))?;
            let change = self.next().filter(|change| *change != "-->");
            let change = change.ok_or_else(|| {
                self.malformed(format!("how is the cause of {claim:?} taken away?"))
            })?;
            let without = change.parse().map_err(|problem: String| self.malformed(problem))?;
            stated.push(Stated { text: (*claim).to_owned(), line, without });
        }
        match self.next() {
            Some("-->") => Ok(stated),
            _ => Err(self.malformed("expected --> after a line for each claim above")),
        }
    }

    fn next(&mut self) -> Option<&'a str> {
        let (index, line) = self.lines.next()?;
        self.last = index + 1;
        Some(line)
    }

    fn malformed(&self, problem: impl Into<String>) -> Malformed {
        self.at(self.last, problem)
    }

    fn at(&self, line: usize, problem: impl Into<String>) -> Malformed {
        Malformed { file: self.file, line, problem: problem.into() }
    }
}

/// The second cell of the row whose first is `name`.
fn row<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (first, second) = line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")?;
    (first == name).then_some(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# 2. Context\n\n| time | 5 minutes |\n| needs | `loki`, `ADMIN_TOKEN` |\n";

    fn page(rest: &str) -> Result<Page, Malformed> {
        Page::read("x.md", &format!("{HEAD}{rest}"))
    }

    #[test]
    fn commands_and_claims_are_read_in_order_and_other_blocks_are_text() {
        let page = page(
            "### 1. Send\n```sh\nnot this\n```\n```sh run\none\ntwo\n```\n```text check\n\
             spans of $TRACE: 1\nservices of $TRACE: app-a\n```\n<!-- without\n\
             commands: one => 1\nvariable app-a: X=1\n-->\n",
        )
        .unwrap();
        assert_eq!(
            (page.number, page.title.as_str(), page.time.as_str()),
            (2, "Context", "5 minutes")
        );
        assert_eq!(page.needs, [Need::Part(With::Loki), Need::AdminToken]);
        let [Step { heading, work: Work::Run(commands), .. }, checked] = &page.steps[..] else {
            panic!("{page:?}")
        };
        assert_eq!((heading.as_str(), commands.as_str()), ("1. Send", "one\ntwo"));
        let claims = checked.claims();
        let lines: Vec<_> = claims.iter().map(|stated| (stated.line, &*stated.text)).collect();
        assert_eq!(lines, [(14, "spans of $TRACE: 1"), (15, "services of $TRACE: app-a")]);
        assert_eq!(page.variables(), ["TRACE"]);
    }

    #[test]
    fn what_a_step_needs_is_of_all_below_its_heading_and_of_nothing_else() {
        let page = page(
            "### 1. One\n```sh run\na\n```\n### 2. Two\n\nNeeds `prometheus`, with `collector`.\n\n\
             ```sh run\nb\n```\n```sh run\nc\n```\n## Then\n```sh run\nd\n```\n",
        )
        .unwrap();
        let needs: Vec<_> = page.steps.iter().map(|step| step.needs.len()).collect();
        assert_eq!(needs, [0, 2, 2, 0]);
        assert_eq!(page.steps[1].needs, [With::Prometheus, With::Collector].map(Need::Part));
        assert_eq!(page.parts().collect::<Vec<_>>()[..2], [With::Loki, With::Prometheus]);
    }

    #[test]
    fn what_makes_no_sense_is_named_with_file_and_line() {
        for (rest, line, problem) in [
            ("```sh run\none\n", 5, "this block has no end"),
            ("```sh run\n\n```\n", 5, "this block is empty"),
            ("```\nText\n```sh run\none\n```\n", 7, "within another"),
            ("Text\n<!-- without\n", 6, "no claims above"),
            ("\n```sh runs\none\n```\n", 6, "marked sh run or text check"),
            ("```text check\nspans of $T: x\n```\n<!-- without\n", 6, "at least 3"),
            ("```text check\nspans of $T: 1\n```\nText.\n", 8, "expected <!-- without"),
            ("```text check\nspans of $T: 1\n```\n<!-- without\n-->\n", 9, "taken away?"),
            ("```text check\nspans of $T: 1\n```\n<!-- without\nmagic\n-->\n", 9, "THIS => THAT"),
            (
                "```text check\nspans of $T: 1\n```\n<!-- without\ncommands: a => b\ncommands: a => b\n-->\n",
                10,
                "expected -->",
            ),
        ] {
            let Malformed { line: seen, problem: text, .. } = page(rest).unwrap_err();
            assert!(text.contains(problem) && seen == line, "{rest}: line {seen}: {text}");
        }
        let malformed = Page::read("x.md", "Context\n").unwrap_err();
        assert_eq!(malformed.to_string(), "reading docs/lessons/x.md:1: expected # NUMBER. TITLE");
        let text = "# 1. One\n| time | 1 |\n| needs | `mysql` |\n";
        let malformed = Page::read("x.md", text).unwrap_err();
        assert!(malformed.to_string().contains("md:3: a lesson can need jaeger"), "{malformed}");
        let malformed = Page::read("x.md", "# 1. One\n| time | 1 |\n").unwrap_err();
        assert!(malformed.to_string().ends_with("lacks the row needs"), "{malformed}");
    }
}

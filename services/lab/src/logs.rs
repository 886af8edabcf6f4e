//! The log lines of all parts: shown as they come if asked for, and the last ones kept.

use std::collections::{HashMap, VecDeque};
use std::io::{IsTerminal, stdout};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::output::Output;

/// How many lines of a part are kept: those of an hour of the load that comes by itself, which leads
/// to at most 1.2 of them a second.
const KEPT: usize = 5_000;
/// How many bytes of them.
const BYTES: usize = 5 << 20;
/// How many lines are told at once.
const TOLD: usize = 1_000;
/// How many bytes of a line are kept.
const LENGTH: usize = 8 << 10;
/// ANSI foreground colours that can be read on a dark and on a light ground.
const COLOURS: [u8; 6] = [36, 33, 32, 35, 34, 31];

/// The lines of all parts. Clones share them.
#[derive(Clone)]
pub struct Logs {
    output: Option<Output>,
    /// Whether the parts' own lines go there too.
    shown: bool,
    /// As wide as the longest name of a part.
    width: usize,
    coloured: bool,
    kept: Arc<Mutex<Parts>>,
}

#[derive(Default)]
struct Parts {
    by_name: HashMap<&'static str, Kept>,
    /// How many lines there were of all parts.
    count: u64,
}

struct Kept {
    colour: u8,
    /// Each with its number among those of all parts.
    lines: VecDeque<(u64, String)>,
    /// Of all of them.
    bytes: usize,
}

/// A line that a part wrote.
#[derive(Debug, PartialEq, Serialize)]
pub struct Line {
    pub part: &'static str,
    pub line: String,
}

impl Logs {
    /// No lines yet. What is said of a part goes to `output`, after `width` columns for its name;
    /// what it writes itself goes there only when `shown`.
    pub fn new(output: Option<Output>, shown: bool, width: usize) -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let coloured = stdout().is_terminal() && !no_colour;
        Self { output, shown, width, coloured, kept: Arc::default() }
    }

    /// Says something of `part` that it did not write itself.
    pub fn say(&self, part: &'static str, text: &str) {
        if let Some(output) = &self.output {
            output.offer(format!("{}{text}\n", prefix(part, self.width, None)));
        }
    }

    /// Takes a line that `part` wrote.
    pub fn push(&self, part: &'static str, mut line: String) {
        let Parts { by_name, count } = &mut *self.lock();
        let colour = COLOURS[by_name.len() % COLOURS.len()];
        let kept = by_name.entry(part).or_insert(Kept { colour, lines: VecDeque::new(), bytes: 0 });
        if let Some(output) = self.output.as_ref().filter(|_| self.shown) {
            let name = prefix(part, self.width, self.coloured.then_some(kept.colour));
            output.offer(format!("{name}{line}\n"));
        }
        line.truncate(line.floor_char_boundary(LENGTH));
        kept.bytes += line.len();
        kept.lines.push_back((*count, line));
        *count += 1;
        while kept.lines.len() > KEPT || kept.bytes > BYTES {
            let first = kept.lines.pop_front();
            kept.bytes -= first.map_or(0, |(_, line)| line.len());
        }
    }

    /// The last lines of a part, at most `count`.
    pub fn last(&self, part: &str, count: usize) -> Vec<String> {
        let parts = self.lock();
        let Some(Kept { lines, .. }) = parts.by_name.get(part) else { return Vec::new() };
        let lines = lines.iter().skip(lines.len().saturating_sub(count));
        lines.map(|(_, line)| line.clone()).collect()
    }

    /// The kept lines of a part that name `trace_id`, whether they are text or JSON.
    pub fn of_trace(&self, part: &str, trace_id: &str) -> Vec<String> {
        let lines = self.lines(|name, line| name == part && line.contains(trace_id));
        lines.into_iter().map(|Line { line, .. }| line).collect()
    }

    /// The kept lines that are `wanted` by part and text, as they came: the last, if they are too
    /// many.
    pub fn lines(&self, wanted: impl Fn(&str, &str) -> bool) -> Vec<Line> {
        let parts = self.lock();
        let mut found = Vec::new();
        for (&part, Kept { lines, .. }) in &parts.by_name {
            let lines = lines.iter().filter(|(_, line)| wanted(part, line));
            found.extend(lines.map(|(number, line)| (*number, part, line)));
        }
        found.sort_unstable_by_key(|(number, ..)| *number);
        let last = found.split_off(found.len().saturating_sub(TOLD));
        last.into_iter().map(|(_, part, line)| Line { part, line: line.clone() }).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Parts> {
        // Each change leaves the lines whole, whatever its thread did next.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What stands before a line of `part`, whose name takes `width` columns.
pub fn prefix(part: &str, width: usize, colour: Option<u8>) -> String {
    match colour {
        Some(colour) => format!("\x1b[{colour}m{part:width$} |\x1b[0m "),
        None => format!("{part:width$} | "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept() {
        let logs = Logs::new(None, false, 6);
        for number in 0..KEPT + 5 {
            logs.push("app-a", format!("line {number}"));
        }
        assert_eq!(logs.last("app-a", 1), [format!("line {}", KEPT + 4)]);
        assert_eq!(logs.last("app-a", usize::MAX).len(), KEPT);
        assert_eq!(logs.last("app-a", usize::MAX)[0], "line 5");
    }

    #[test]
    fn of_long_lines_fewer_are_kept() {
        let logs = Logs::new(None, false, 6);
        for _ in 0..KEPT {
            logs.push("app-a", "x".repeat(LENGTH));
        }
        assert_eq!(logs.last("app-a", usize::MAX).len(), BYTES / LENGTH);
        logs.push("app-a", "last".to_owned());
        assert_eq!(logs.last("app-a", 1), ["last"]);
    }

    #[test]
    fn a_line_is_kept_for_an_hour_in_which_the_load_alone_leads_to_others() {
        let logs = Logs::new(None, false, 6);
        logs.push("app-a", "called trace_id=4bf92f".to_owned());
        for _ in 0..4_320 {
            logs.push("app-a", "of the load".to_owned());
        }
        assert_eq!(logs.of_trace("app-a", "4bf92f").len(), 1);
    }

    #[test]
    fn no_more_is_told_than_the_last_lines_of_all_and_of_a_long_one_its_beginning() {
        let logs = Logs::new(None, false, 6);
        for number in 0..TOLD {
            logs.push("app-a", format!("line {number}"));
            logs.push("app-b", "ä".repeat(LENGTH));
        }
        let told = logs.lines(|_, _| true);
        assert_eq!(told.len(), TOLD);
        let first = Line { part: "app-a", line: format!("line {}", TOLD / 2) };
        assert_eq!(told[0], first);
        assert_eq!(told[1], Line { part: "app-b", line: "ä".repeat(LENGTH / 2) });
    }

    #[test]
    fn lines_of_a_trace_are_found_by_part_in_text_and_json() {
        let logs = Logs::new(None, false, 6);
        logs.push("app-a", "started".to_owned());
        logs.push("app-a", "called trace_id=4bf92f span_id=1".to_owned());
        logs.push("app-a", r#"{"trace_id":"4bf92f"}"#.to_owned());
        logs.push("app-b", "called trace_id=4bf92f span_id=2".to_owned());
        assert_eq!(logs.of_trace("app-a", "4bf92f").len(), 2);
        assert_eq!(logs.of_trace("app-b", "4bf92f").len(), 1);
        assert!(logs.of_trace("app-c", "4bf92f").is_empty());
    }

    #[test]
    fn prefixes_are_aligned_and_coloured_only_when_asked() {
        assert_eq!(prefix("spoor", 6, None), "spoor  | ");
        assert_eq!(prefix("jaeger", 6, None), "jaeger | ");
        assert_eq!(prefix("app-a", 6, Some(36)), "\x1b[36mapp-a  |\x1b[0m ");
    }
}

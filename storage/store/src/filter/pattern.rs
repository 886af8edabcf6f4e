//! Patterns of the operator `regex`: RE2's syntax, matched anywhere and with case, without the
//! constructs that stores do not share (section 5.3 and the operator's definition).
//!
//! The `regex` crate matches in linear time, but its syntax is another one: classes have
//! operators and Unicode, `\<` is a word boundary, a literal brace is an error. So a pattern is
//! read here as RE2 reads it, and written anew for that crate.

mod automaton;
mod class;

use std::iter::Peekable;
use std::str::Chars;

pub(in crate::filter) use automaton::Pattern;

/// The greatest number in a repetition, RE2's.
const MAX_REPEAT: u32 = 1_000;

/// What a repetition would repeat.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Nothing,
    Atom,
    Repetition,
}

struct Translator<'p> {
    rest: Peekable<Chars<'p>>,
    out: String,
    before: Before,
    open_groups: usize,
}

impl<'p> Translator<'p> {
    fn new(pattern: &'p str) -> Self {
        let rest = pattern.chars().peekable();
        Self { rest, out: String::new(), before: Before::Nothing, open_groups: 0 }
    }

    fn translate(mut self) -> Result<String, String> {
        while let Some(character) = self.rest.next() {
            match character {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                ')' => {
                    self.open_groups =
                        self.open_groups.checked_sub(1).ok_or("the pattern has a ) too many")?;
                    self.atom(")");
                }
                '|' => {
                    self.out.push('|');
                    self.before = Before::Nothing;
                }
                '.' => self.atom("."),
                '^' | '$' => return Err(anchored()),
                '*' | '+' | '?' => self.repetition(character.encode_utf8(&mut [0; 4]))?,
                '{' => match self.counts() {
                    Some(counts) => self.counted(counts)?,
                    None => self.literal('{'),
                },
                other => self.literal(other),
            }
        }
        if self.open_groups > 0 {
            return Err("the pattern has a ( too many".to_owned());
        }
        Ok(self.out)
    }

    fn atom(&mut self, text: &str) {
        self.out.push_str(text);
        self.before = Before::Atom;
    }

    fn literal(&mut self, character: char) {
        self.atom(&regex::escape(character.encode_utf8(&mut [0; 4])));
    }

    fn repetition(&mut self, text: &str) -> Result<(), String> {
        match self.before {
            Before::Atom => {
                self.out.push_str(text);
                self.before = Before::Repetition;
                Ok(())
            }
            Before::Nothing => Err(format!("the pattern's {text} repeats nothing")),
            Before::Repetition if text == "?" => {
                Err("the pattern has a lazy repetition, which means nothing to a match".to_owned())
            }
            Before::Repetition => Err(format!("the pattern's {text} repeats a repetition")),
        }
    }

    /// The counts after an opening brace, with which it is a repetition; none if it is a literal.
    /// Only then are they passed over.
    fn counts(&mut self) -> Option<(u32, Option<Option<u32>>)> {
        let mut rest = self.rest.clone();
        let least = number(&mut rest)?;
        let most = match rest.next()? {
            '}' => None,
            ',' if rest.next_if_eq(&'}').is_some() => Some(None),
            ',' => {
                let most = number(&mut rest)?;
                rest.next_if_eq(&'}')?;
                Some(Some(most))
            }
            _ => return None,
        };
        self.rest = rest;
        Some((least, most))
    }

    fn counted(&mut self, (least, most): (u32, Option<Option<u32>>)) -> Result<(), String> {
        let upper = most.flatten().unwrap_or(least);
        if upper < least || least.max(upper) > MAX_REPEAT {
            return Err(format!("the pattern has a count out of order or above {MAX_REPEAT}"));
        }
        self.repetition(&match most {
            None => format!("{{{least}}}"),
            Some(None) => format!("{{{least},}}"),
            Some(Some(most)) => format!("{{{least},{most}}}"),
        })
    }

    /// What follows an opening parenthesis. No group captures: whether it matches is all that is
    /// asked.
    fn group(&mut self) -> Result<(), String> {
        if self.rest.next_if_eq(&'?').is_none() {
            self.open("(?:");
            return Ok(());
        }
        if matches!(self.rest.peek(), Some('P' | '<')) {
            self.rest.next_if_eq(&'P');
            return self.named();
        }
        self.flags()
    }

    fn open(&mut self, group: &str) {
        self.out.push_str(group);
        self.open_groups += 1;
        self.before = Before::Nothing;
    }

    /// A named group. The name stays, so that one used twice is refused.
    fn named(&mut self) -> Result<(), String> {
        let mut name = String::new();
        let starts = self.rest.next_if_eq(&'<').is_some();
        while let Some(part) =
            self.rest.next_if(|part| part.is_ascii_alphanumeric() || *part == '_')
        {
            name.push(part);
        }
        if !starts || name.is_empty() || self.rest.next() != Some('>') {
            return Err("the pattern has a group that RE2 does not know".to_owned());
        }
        self.open(&format!("(?P<_{name}>"));
        Ok(())
    }

    /// Flags, for the rest of the group or for a group of their own. Of those that are not
    /// refused only `s` changes what the rest matches.
    fn flags(&mut self) -> Result<(), String> {
        let unknown =
            || "the pattern has a flag or a look-around that RE2 does not know".to_owned();
        let (mut is_set, mut any_unset, mut dot) = (true, false, "");
        loop {
            match self.rest.next().ok_or_else(unknown)? {
                'i' if is_set => {
                    return Err(
                        "the pattern folds case, and the operator matches with case".to_owned()
                    );
                }
                'U' if is_set => {
                    return Err(
                        "the pattern makes repetitions lazy, which means nothing to a match"
                            .to_owned(),
                    );
                }
                's' => dot = if is_set { "s" } else { "-s" },
                'i' | 'U' | 'm' => {}
                '-' if is_set => {
                    is_set = false;
                    continue;
                }
                end @ (':' | ')') if is_set || any_unset => {
                    match end {
                        ':' => self.open(&format!("(?{dot}:")),
                        _ if dot.is_empty() => self.before = Before::Nothing,
                        _ => {
                            self.out.push_str(&format!("(?{dot})"));
                            self.before = Before::Nothing;
                        }
                    }
                    return Ok(());
                }
                _ => return Err(unknown()),
            }
            any_unset |= !is_set;
        }
    }

    /// What follows a backslash outside of a class.
    fn escape(&mut self) -> Result<(), String> {
        match self.rest.peek() {
            Some('A' | 'z') => Err(anchored()),
            Some('b' | 'B') => Err("the pattern has a word boundary".to_owned()),
            Some('Q') => {
                self.rest.next();
                self.quoted();
                Ok(())
            }
            _ => match self.escaped_class()? {
                Some(class) => {
                    self.atom(&format!("[{class}]"));
                    Ok(())
                }
                None => {
                    let character = self.escaped()?;
                    self.literal(character);
                    Ok(())
                }
            },
        }
    }

    /// Literals up to `\E`.
    fn quoted(&mut self) {
        while let Some(character) = self.rest.next() {
            if character == '\\' && self.rest.next_if_eq(&'E').is_some() {
                return;
            }
            self.literal(character);
        }
    }

    /// The character that follows a backslash.
    fn escaped(&mut self) -> Result<char, String> {
        let wrong = || "the pattern has an escape that RE2 does not know".to_owned();
        let digit = |rest: &mut Peekable<Chars<'_>>, radix| {
            rest.next_if(|digit| digit.is_digit(radix)).and_then(|digit| digit.to_digit(radix))
        };
        let character = self.rest.next().ok_or_else(wrong)?;
        let number = match character {
            'a' => 0x07,
            'f' => 0x0c,
            'n' => 0x0a,
            'r' => 0x0d,
            't' => 0x09,
            'v' => 0x0b,
            // One digit would be a reference to a group, unless it is zero.
            '0'..='7' => {
                let mut number = character as u32 - '0' as u32;
                let is_single = !self.rest.peek().is_some_and(|next| next.is_digit(8));
                if number > 0 && is_single {
                    return Err("the pattern refers to a group".to_owned());
                }
                for _ in 0..2 {
                    number = digit(&mut self.rest, 8).map_or(number, |digit| number * 8 + digit);
                }
                number
            }
            'x' if self.rest.next_if_eq(&'{').is_some() => {
                let mut number = digit(&mut self.rest, 16).ok_or_else(wrong)?;
                while let Some(digit) = digit(&mut self.rest, 16) {
                    number = number.saturating_mul(16).saturating_add(digit);
                }
                self.rest.next_if_eq(&'}').ok_or_else(wrong)?;
                number
            }
            'x' => {
                let digits = digit(&mut self.rest, 16).zip(digit(&mut self.rest, 16));
                let (high, low) = digits.ok_or_else(wrong)?;
                high * 16 + low
            }
            other if other.is_ascii() && !other.is_ascii_alphanumeric() => other as u32,
            _ => return Err(wrong()),
        };
        char::from_u32(number).ok_or_else(wrong)
    }
}

fn anchored() -> String {
    "the pattern has an anchor, and the operator matches anywhere in the value".to_owned()
}

/// A number as RE2 reads a count: no leading zeros.
fn number(rest: &mut Peekable<Chars<'_>>) -> Option<u32> {
    let first = rest.next_if(char::is_ascii_digit)?.to_digit(10)?;
    let mut number = first;
    while let Some(digit) = rest.next_if(char::is_ascii_digit) {
        if first == 0 {
            return None;
        }
        number = number.saturating_mul(10).saturating_add(digit.to_digit(10)?);
    }
    Some(number)
}

#[cfg(test)]
mod tests;

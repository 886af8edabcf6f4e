//! Classes of characters.

use super::{Before, Translator};

/// RE2's classes that POSIX names, which the `regex` crate knows by the same names.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

impl Translator<'_> {
    /// What follows an opening bracket.
    pub(super) fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut is_first = true;
        loop {
            let end = || "the pattern has a [ without its ]".to_owned();
            match *self.rest.peek().ok_or_else(end)? {
                ']' if !is_first => break,
                '[' => {
                    if !self.posix_class()? {
                        self.range()?;
                    }
                }
                '\\' => {
                    // `range` reads the backslash itself.
                    let before = self.rest.clone();
                    self.rest.next();
                    match self.escaped_class()? {
                        Some(class) => self.out.push_str(&format!("[{class}]")),
                        None => {
                            self.rest = before;
                            self.range()?;
                        }
                    }
                }
                _ => self.range()?,
            }
            is_first = false;
        }
        self.rest.next();
        self.out.push(']');
        self.before = Before::Atom;
        Ok(())
    }

    /// A class such as `[:alpha:]`, if one stands here.
    fn posix_class(&mut self) -> Result<bool, String> {
        let mut rest = self.rest.clone();
        rest.next();
        if rest.next() != Some(':') {
            return Ok(false);
        }
        let mut name = String::new();
        // Without its end it is not one, but a bracket and a colon.
        loop {
            match rest.next() {
                Some(':') if rest.peek() == Some(&']') => break,
                Some(character) => name.push(character),
                None => return Ok(false),
            }
        }
        rest.next();
        let (not, plain) = name.strip_prefix('^').map_or(("", &*name), |plain| ("^", plain));
        if !POSIX.contains(&plain) {
            return Err(format!("the pattern has the unknown class [:{name}:]"));
        }
        self.out.push_str(&format!("[:{not}{plain}:]"));
        self.rest = rest;
        Ok(true)
    }

    /// A character, or a range of them.
    fn range(&mut self) -> Result<(), String> {
        let first = self.class_character()?;
        let mut last = first;
        let mut ahead = self.rest.clone();
        if ahead.next() == Some('-') && ahead.next().is_some_and(|next| next != ']') {
            self.rest.next();
            last = self.class_character()?;
        }
        if last < first {
            return Err(format!("the pattern has the range {first}-{last}, which is out of order"));
        }
        let (first, last) = (first as u32, last as u32);
        self.out.push_str(&format!("\\x{{{first:x}}}-\\x{{{last:x}}}"));
        Ok(())
    }

    fn class_character(&mut self) -> Result<char, String> {
        match self.rest.next() {
            Some('\\') => self.escaped(),
            Some(character) => Ok(character),
            None => Err("the pattern has a [ without its ]".to_owned()),
        }
    }

    /// The content of a class that a backslash, already read, begins; none if it begins none.
    pub(super) fn escaped_class(&mut self) -> Result<Option<String>, String> {
        let Some(letter @ ('d' | 'D' | 's' | 'S' | 'w' | 'W' | 'p' | 'P')) =
            self.rest.peek().copied()
        else {
            return Ok(None);
        };
        self.rest.next();
        let not = if letter.is_ascii_uppercase() { "^" } else { "" };
        // To RE2 these are of ASCII, and a vertical tab is no white space.
        let content = match letter.to_ascii_lowercase() {
            'd' => r"0-9".to_owned(),
            's' => r"\t\n\x0C\r ".to_owned(),
            'w' => r"0-9A-Za-z_".to_owned(),
            _ => self.unicode_class()?,
        };
        Ok(Some(format!("{not}{content}")))
    }

    /// What follows `\p`.
    fn unicode_class(&mut self) -> Result<String, String> {
        let unknown = || "the pattern has a Unicode class that RE2 does not know".to_owned();
        let (mut class, mut name) = ('p', String::new());
        match self.rest.next().ok_or_else(unknown)? {
            '{' => {
                if self.rest.next_if_eq(&'^').is_some() {
                    class = 'P';
                }
                loop {
                    match self.rest.next().ok_or_else(unknown)? {
                        '}' => break,
                        part if part.is_ascii_alphabetic() || part == '_' => name.push(part),
                        _ => return Err(unknown()),
                    }
                }
            }
            letter if letter.is_ascii_alphabetic() => name.push(letter),
            _ => return Err(unknown()),
        }
        Ok(format!("\\{class}{{{name}}}"))
    }
}

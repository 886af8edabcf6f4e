//! Text search: `phrase` and `fulltext` (section 5.3, "Text search").
//!
//! What the contract leaves to a store is this here: a stored text is split into its longest runs
//! of letters, digits and marks, so that punctuation splits too; case is ignored beyond ASCII,
//! character by character; there is no stemming, and no word is dropped.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

/// The greatest length of a listed word in UTF-16 code units.
pub(super) const MAX_UNITS: usize = 255;

static WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[\p{L}\p{Nd}\p{M}]+").expect("the pattern is fixed and sound"));

/// Whether a list may have this word.
pub(super) fn is_word(word: &str) -> bool {
    let found = WORD.find(word);
    found.is_some_and(|found| found.len() == word.len()) && word.encode_utf16().count() <= MAX_UNITS
}

/// Listed words, made ready to be looked for.
#[derive(Clone, Debug)]
pub(super) struct Words {
    /// The number of each different word, its case folded.
    numbers: HashMap<String, usize>,
    /// The numbers of the words in their order.
    listed: Vec<usize>,
    /// How many of the first words the last of as many words also end with, and still go on: how
    /// far a search has come that failed there (Knuth, Morris and Pratt).
    overlaps: Vec<usize>,
}

impl Words {
    pub(super) fn of(words: &[String]) -> Self {
        let mut numbers = HashMap::new();
        let mut listed = Vec::with_capacity(words.len());
        for word in words {
            let mut folded = String::new();
            fold(word, &mut folded);
            let next = numbers.len();
            listed.push(*numbers.entry(folded).or_insert(next));
        }
        let overlaps = overlaps(&listed);
        Self { numbers, listed, overlaps }
    }

    /// Whether `text` has every word.
    pub(super) fn are_all_in(&self, text: &str) -> bool {
        let mut missing = self.numbers.len();
        let mut is_found = vec![false; missing];
        self.any(text, |number| {
            if let Some(number) = number
                && !std::mem::replace(&mut is_found[number], true)
            {
                missing -= 1;
            }
            missing == 0
        })
    }

    /// Whether `text` has the words side by side and in their order.
    pub(super) fn are_a_phrase_in(&self, text: &str) -> bool {
        let mut matched = 0;
        self.any(text, |number| {
            while matched > 0 && Some(self.listed[matched]) != number {
                matched = self.overlaps[matched - 1];
            }
            matched += usize::from(Some(self.listed[matched]) == number);
            matched == self.listed.len()
        })
    }

    /// Whether this holds for some word of `text`, given the number of each that is listed.
    fn any(&self, text: &str, mut is: impl FnMut(Option<usize>) -> bool) -> bool {
        let mut folded = String::new();
        WORD.find_iter(text).any(|word| {
            fold(word.as_str(), &mut folded);
            is(self.numbers.get(&folded).copied())
        })
    }
}

/// Writes a word with its case folded.
fn fold(word: &str, folded: &mut String) {
    folded.clear();
    folded.extend(word.chars().flat_map(char::to_lowercase));
}

fn overlaps(listed: &[usize]) -> Vec<usize> {
    let mut overlaps = vec![0; listed.len()];
    let mut matched = 0;
    for last in 1..listed.len() {
        while matched > 0 && listed[matched] != listed[last] {
            matched = overlaps[matched - 1];
        }
        matched += usize::from(listed[matched] == listed[last]);
        overlaps[last] = matched;
    }
    overlaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &str) -> Words {
        Words::of(&words.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_word_is_letters_digits_and_marks_of_at_most_255_units() {
        let longest = "a".repeat(MAX_UNITS);
        for word in ["a", "b2", "na\u{ef}ve", "e\u{301}", "\u{65e5}\u{672c}", "\u{663}", &longest] {
            assert!(is_word(word), "{word}");
        }
        // A character beyond 16 bits has two units.
        let too_long = "a".repeat(MAX_UNITS - 1) + "\u{1d538}";
        for word in ["", " ", "a b", "don't", "foo_bar", "a-", "\u{b2}", "\u{1f9ed}", &too_long] {
            assert!(!is_word(word), "{word}");
        }
    }

    #[test]
    fn every_word_of_a_text_counts_in_whatever_order_and_case() {
        let text = "The REFUND\tpolicy,\nof \u{c9}mile's shop: 30 days";
        for found in ["refund", "policy refund", "\u{e9}MILE", "s", "days 30 the", "the THE"] {
            assert!(words(found).are_all_in(text), "{found}");
        }
        for missing in ["refunds", "fund", "refund policies", "emile", "3"] {
            assert!(!words(missing).are_all_in(text), "{missing}");
        }
        assert!(!words("a").are_all_in(""));
    }

    #[test]
    fn a_phrase_is_adjacent_and_in_order() {
        let text = "no Refund-policy, no refund no policy";
        for found in ["no", "refund policy", "policy no refund", "no refund no policy"] {
            assert!(words(found).are_a_phrase_in(text), "{found}");
        }
        for missing in ["policy refund", "refund no no", "no no", "policy no policy", "no refun"] {
            assert!(!words(missing).are_a_phrase_in(text), "{missing}");
        }
    }

    #[test]
    fn a_phrase_that_begins_in_a_failed_one_is_found() {
        assert!(words("a a b").are_a_phrase_in("a a a b"));
        assert!(words("a b a b c").are_a_phrase_in("a b a b a b c"));
        assert!(!words("a b a b c").are_a_phrase_in("a b a b a c"));
    }
}

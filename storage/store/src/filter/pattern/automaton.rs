//! What matches patterns.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::{Input, MatchKind};

use super::Translator;

/// What a pattern may take when compiled, in bytes.
const MAX_COMPILED: usize = 256 << 10;

/// What it may take while it matches, in bytes: of states of its automaton that were met before.
const CACHE: usize = 128 << 10;

/// After so many bytes of a text it is asked whether somebody still waits. Each may take as many
/// steps as the pattern has states: some tenths of a millisecond.
const BYTES_AT_A_TIME: usize = 256;

/// A pattern ready to match.
///
/// It goes through a text byte by byte, so that it can stop: a pattern and a text at their limits
/// together take minutes.
#[derive(Clone)]
pub(in crate::filter) struct Pattern(Arc<Automaton>);

struct Automaton {
    dfa: DFA,
    cache: Mutex<Cache>,
}

impl Pattern {
    /// # Errors
    /// Why it can't be used.
    pub(in crate::filter) fn compile(pattern: &str) -> Result<Self, String> {
        let translated = Translator::new(pattern).translate()?;
        let config = thompson::Config::new()
            .nfa_size_limit(Some(MAX_COMPILED))
            .which_captures(WhichCaptures::None);
        let nfa = thompson::Compiler::new().configure(config).build(&translated);
        let nfa = nfa.map_err(|error| match error.size_limit() {
            Some(limit) => format!("the pattern takes more than {limit} bytes compiled"),
            // What RE2 would take is written so that only the name of a class can be wrong.
            None => "the pattern has a class or a group that RE2 does not know".to_owned(),
        })?;
        let config = DFA::config()
            .match_kind(MatchKind::All)
            .cache_capacity(CACHE)
            // Else there would have to be room for the largest states.
            .skip_cache_capacity_check(true);
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa);
        let dfa = dfa.map_err(|error| format!("the pattern can't be compiled: {error}"))?;
        let cache = Mutex::new(dfa.create_cache());
        Ok(Self(Arc::new(Automaton { dfa, cache })))
    }

    /// What it takes of memory at most.
    pub(in crate::filter) fn bytes(&self) -> usize {
        // The states that must be there at one time may take twice what the automaton takes.
        3 * self.0.dfa.get_nfa().memory_usage() + CACHE
    }

    /// Whether the pattern matches somewhere in the text. What it tells one who is gone means
    /// nothing.
    pub(in crate::filter) fn is_in(&self, text: &str, is_gone: &dyn Fn() -> bool) -> bool {
        let Automaton { dfa, cache } = &*self.0;
        // What another search left there when it panicked is a cache all the same.
        let cache = &mut *cache.lock().unwrap_or_else(PoisonError::into_inner);
        // Without a limit on how often it is cleared, and without bytes to quit at, the cache fails
        // no search.
        search(dfa, cache, text, is_gone).unwrap_or(false)
    }
}

/// None if nobody waits any more, or the cache fails.
fn search(dfa: &DFA, cache: &mut Cache, text: &str, is_gone: &dyn Fn() -> bool) -> Option<bool> {
    let mut state = dfa.start_state_forward(cache, &Input::new(text)).ok()?;
    for some in text.as_bytes().chunks(BYTES_AT_A_TIME) {
        if is_gone() {
            return None;
        }
        for byte in some {
            state = dfa.next_state(cache, state, *byte).ok()?;
            if state.is_tagged() && (state.is_match() || state.is_dead()) {
                return Some(state.is_match());
            }
        }
    }
    Some(dfa.next_eoi_state(cache, state).ok()?.is_match())
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pattern").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

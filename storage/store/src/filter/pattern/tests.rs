use std::cell::Cell;

use super::*;

fn matches(pattern: &str, text: &str) -> bool {
    let compiled = Pattern::compile(pattern);
    compiled.unwrap_or_else(|error| panic!("{pattern}: {error}")).is_in(text, &|| false)
}

#[test]
fn a_pattern_matches_anywhere_and_with_case() {
    for (pattern, text, is_match) in [
        ("cart", "GET /cart/7", true),
        ("Cart", "GET /cart/7", false),
        ("5..", "a503", true),
        ("5..", "50", false),
        ("", "", true),
        ("a|", "b", true),
        ("(GET|POST) /[a-z]+", "POST /cart", true),
        ("a.c", "a\nc", false),
        ("(?s)a.c", "a\nc", true),
        ("(?s:a.)b", "a\nb", true),
        ("(?s)(?-s)a.c", "a\nc", false),
        ("(?m:a)", "a", true),
        ("(?P<name>a)(?<other>b)", "ab", true),
        ("[^a]", "\n", true),
        ("a{2}", "aa", true),
        ("ba{2,}", "ba", false),
        ("ba{1,2}c", "baac", true),
    ] {
        assert_eq!(matches(pattern, text), is_match, "{pattern} {text:?}");
    }
}

#[test]
fn what_stores_do_not_share_is_refused() {
    let refused = [
        ("^a", "anchor"),
        ("a$", "anchor"),
        (r"\Aa", "anchor"),
        (r"a\z", "anchor"),
        (r"\ba", "word boundary"),
        (r"a\B", "word boundary"),
        ("a*?", "lazy"),
        ("a+?", "lazy"),
        ("a??", "lazy"),
        ("a{1,2}?", "lazy"),
        ("(?U)a", "lazy"),
        ("(?i)a", "case"),
        ("(?i:a)", "case"),
        ("(?si)a", "case"),
    ];
    for (pattern, reason) in refused {
        let error = Pattern::compile(pattern).unwrap_err();
        assert!(error.contains(reason), "{pattern}: {error}");
    }
    for allowed in ["(?-i)a", "(?s-i:a)", r"\^a\$", "[$^]", "a[?]?"] {
        assert!(Pattern::compile(allowed).is_ok(), "{allowed}");
    }
}

#[test]
fn what_is_no_pattern_to_re2_is_refused() {
    for pattern in [
        "(",
        ")",
        "a)",
        "(a",
        "[",
        "[a",
        "[]",
        "[^]",
        "*",
        "a|*",
        "(*)",
        "(?s)*",
        "a**",
        "a+*",
        "a{2}{3}",
        "a{1001}",
        "a{3,2}",
        "(?",
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?z)",
        "(?s-)a",
        "(?P=n)",
        "(?P<>a)",
        "(?P<a b>a)",
        "(?P<n>a)(?P<n>b)",
        r"\",
        r"\1",
        r"(a)\1",
        r"\8",
        r"\Z",
        r"\C",
        r"\G",
        r"\E",
        r"\u{61}",
        r"\xg0",
        r"\x{}",
        r"\x{110000}",
        r"\x{61",
        r"\p{Klingon}",
        r"\p{sc=Greek}",
        r"\p",
        r"\p{",
        "[b-a]",
        "[a--b]",
        "[a--]",
        "{2}",
        r"[a-\d]",
        "[[:foo:]]",
        r"[\b]",
    ] {
        assert!(Pattern::compile(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn a_pattern_means_what_re2_reads() {
    for (pattern, text, is_match) in [
        // A class has no operators, and a bracket inside it is a character.
        ("[a&&b]", "&", true),
        ("[a&&b]", "a", true),
        ("[a~~b]", "~", true),
        ("[[]", "[", true),
        ("[[:]", ":", true),
        ("[]a]", "]", true),
        ("[^]a]", "]", false),
        ("[a-]", "-", true),
        ("[-a]", "-", true),
        (r"[\d-z]", "-", true),
        (r"[\]\\]", "\\", true),
        (r"[^\D]", "a", false),
        (r"[^\D]", "7", true),
        ("[[:alpha:][:^alnum:]]", "7", false),
        ("[[:word:]]", "_", true),
        // The Perl classes are of ASCII.
        (r"\d", "\u{663}", false),
        (r"\w", "\u{e9}", false),
        (r"\W", "\u{e9}", true),
        (r"\s", "\u{b}", false),
        (r"\s", "\u{c}", true),
        (r"\S", "\u{a0}", true),
        (r"\pL", "\u{e9}", true),
        (r"\p{Greek}", "\u{3b1}", true),
        (r"\p{^Greek}", "\u{3b1}", false),
        (r"\P{Greek}", "a", true),
        (r"[\P{Greek}\d]", "\u{3b1}", false),
        (r"\PN", "7", false),
        // A brace that counts nothing is a character, and so is what Lucene reads as operators.
        ("a{", "a{", true),
        ("a{,5}", "a{,5}", true),
        ("a{,5}", "aa", false),
        ("a{x}", "a{x}", true),
        ("a{01}", "a{01}", true),
        ("a&b@c~d#e", "a&b@c~d#e", true),
        ("<1-9>", "<1-9>", true),
        ("<1-9>", "5", false),
        // Escapes.
        (r"\<a\>", "<a>", true),
        (r"\<a", " a", false),
        (r"\_\-\.", "_-.", true),
        (r"\x41\x{1F9ED}\101\0", "A\u{1f9ed}A\0", true),
        (r"\a\f\n\r\t\v", "\u{7}\u{c}\n\r\t\u{b}", true),
        (r"\Qa.c*\E+", "a.c**", true),
        (r"\Qa.c\E", "abc", false),
        (r"\Qa\", "a\\", true),
        ("a b#c", "a b#c", true),
    ] {
        assert_eq!(matches(pattern, text), is_match, "{pattern} {text:?}");
    }
}

#[test]
fn a_pattern_that_grows_beyond_its_bounds_is_refused() {
    let error = Pattern::compile(r"((\pL{1000}){1000}){1000}").unwrap_err();
    assert!(error.contains("bytes compiled"), "{error}");
}

#[test]
fn a_pattern_made_to_backtrack_takes_linear_time() {
    let pattern = Pattern::compile("(a*)*(a|aa)+b").unwrap();
    let text = "a".repeat(1 << 20);
    assert!(!pattern.is_in(&text, &|| false));
}

#[test]
fn who_is_gone_waits_for_no_pattern() {
    // As many states as there may be, all of which are met at each byte of the text.
    let pattern = Pattern::compile("[ab]*a(?:[ab]{100}|[ab]{1000}){2}c").unwrap();
    let text = "ab".repeat(4 << 20);
    let asked = Cell::new(0);
    let is_gone = || asked.replace(asked.get() + 1) > 3;
    pattern.is_in(&text, &is_gone);
    assert_eq!(asked.get(), 5);
}

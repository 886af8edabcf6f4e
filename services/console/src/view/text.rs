//! Text of which nobody knows what it is.
//!
//! It comes from telemetry, or from whoever asks. `maud` has markup be text; here it is isolated, so
//! that right-to-left text does not reorder what is beside it, characters that cannot be seen are
//! spelled out, and what is longer than anyone reads is cut.

use maud::{Markup, html};

/// Characters of a name.
const SHORT: usize = 120;
/// Characters of anything else.
const LONG: usize = 4_000;

/// A name, in one line.
pub(crate) fn short(text: &str) -> Markup {
    isolated(text, SHORT, spell)
}

/// A value or a message. It has its line breaks.
pub(crate) fn long(text: &str) -> Markup {
    isolated(text, LONG, spell_out_of_lines)
}

/// The same as [`short`] where there is no markup, such as in an attribute, cut after so many
/// characters.
pub(crate) fn visible(text: &str, most: usize) -> String {
    let (mut shown, more) = cut(text, most, spell);
    if more > 0 {
        shown.push('…');
    }
    shown
}

/// What a control of a form has, which is neither cut nor in one line. A form sends lines that end as
/// those of HTTP do.
pub(crate) fn input(text: &str) -> String {
    cut(&text.replace("\r\n", "\n"), usize::MAX, spell_out_of_lines).0
}

fn isolated(text: &str, most: usize, spell: Spell) -> Markup {
    let (shown, more) = cut(text, most, spell);
    html! {
        bdi { (shown) }
        @if more > 0 { span.cut { "… " (more) " more characters" } }
    }
}

type Spell = fn(char, &mut String);

/// The first of its characters, spelled, and how many there are more.
fn cut(text: &str, most: usize, spell: Spell) -> (String, usize) {
    let mut shown = String::with_capacity(text.len().min(most));
    let mut rest = text.chars();
    rest.by_ref().take(most).for_each(|it| spell(it, &mut shown));
    (shown, rest.count())
}

fn spell_out_of_lines(it: char, to: &mut String) {
    match it {
        '\n' | '\t' => to.push(it),
        it => spell(it, to),
    }
}

fn spell(it: char, to: &mut String) {
    match it {
        // Unicode has pictures of these.
        '\0'..='\u{1f}' => to.extend(char::from_u32(0x2400 + u32::from(it))),
        '\u{7f}' => to.push('␡'),
        it if is_hidden(it) => to.extend(it.escape_unicode()),
        it => to.push(it),
    }
}

/// Whether nothing is seen of it but what it does to others, or HTML has no place for it. Joiners
/// are none of these: words need them.
fn is_hidden(it: char) -> bool {
    it.is_control()
        || matches!(it,
            // The soft hyphen, and others of no width.
            '\u{ad}' | '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}'
            // Marks of direction, their embeddings, overrides and isolates.
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            // Separators of lines, of paragraphs, and of what is between the lines.
            | '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}'
            // Tags, and what is no character.
            | '\u{e0000}'..='\u{e007f}' | '\u{fdd0}'..='\u{fdef}')
        || u32::from(it) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text_and_isolated() {
        let shown = short("<script>alert(\"1\")</script>&amp;").into_string();
        let expected = "<bdi>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;</bdi>";
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_cannot_be_seen_is_spelled_out() {
        let hidden = "a\0\u{1b}\u{7f}\u{85}\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{ffff}b";
        let shown = visible(hidden, 100);
        let expected = "a␀␛␡\\u{85}\\u{202e}\\u{2066}\\u{200b}\\u{feff}\\u{2028}\\u{ffff}b";
        assert_eq!(shown, expected);
        assert_eq!(short("a\nb\tc").into_string(), "<bdi>a␊b␉c</bdi>");
        assert_eq!(long("a\nb\tc\r").into_string(), "<bdi>a\nb\tc␍</bdi>");
    }

    #[test]
    fn lines_that_a_form_has_sent_are_in_it_again_as_they_were_entered() {
        assert_eq!(input("901 2\r\n902\r"), "901 2\n902␍");
    }

    #[test]
    fn words_of_other_scripts_stay_as_they_are() {
        let words = "Größe, עברית, می‌خواهم, 👩‍👩‍👧, 東京";
        assert_eq!(visible(words, 100), words);
    }

    #[test]
    fn what_is_too_long_is_cut_and_it_is_said_by_how_much() {
        let shown = short(&"é".repeat(SHORT + 7)).into_string();
        let expected = format!(
            "<bdi>{}</bdi><span class=\"cut\">… 7 more characters</span>",
            "é".repeat(SHORT)
        );
        assert_eq!(shown, expected);
        assert_eq!(short(&"é".repeat(SHORT)).into_string().matches("cut").count(), 0);
        assert_eq!([visible("abc", 2), visible("ab", 2)], ["ab…", "ab"]);
    }
}

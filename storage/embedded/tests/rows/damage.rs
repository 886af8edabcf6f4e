use rand::{RngExt, SeedableRng, rngs::StdRng};
use spoor_embedded::rows::{
    EventTemplate, LinkTemplate, Origin, RebuildError, Rows, Source, SpanParts, Tables, Template,
    put_span, traces_data,
};

use crate::rows_of_request;
use crate::wire::Wire;

/// Rows of which some words and codes are wrong, as in a block that was damaged or badly written.
struct Damaged<'r> {
    rows: &'r Rows,
    row: u32,
    parts: SpanParts,
    words: Vec<u32>,
}

impl Tables for Damaged<'_> {
    fn template(&self, code: u32) -> Option<&Template> {
        Tables::template(self.rows, code)
    }
    fn event_template(&self, code: u32) -> Option<&EventTemplate> {
        Tables::event_template(self.rows, code)
    }
    fn link_template(&self, code: u32) -> Option<&LinkTemplate> {
        Tables::link_template(self.rows, code)
    }
    fn origin(&self, code: u32) -> Option<&Origin> {
        Tables::origin(self.rows, code)
    }
    fn text(&self, code: u32) -> Option<&[u8]> {
        Tables::text(self.rows, code)
    }
}

impl Source for Damaged<'_> {
    fn span(&self, row: u32) -> Option<SpanParts> {
        (row == self.row).then_some(self.parts)
    }
    fn words<'s>(&'s self, row: u32, buffer: &'s mut Vec<u32>) -> &'s [u32] {
        assert_eq!(row, self.row);
        buffer.extend(&self.words);
        buffer
    }
}

#[test]
fn damaged_rows_are_errors_or_other_spans_but_never_a_panic() {
    let (mut errors, mut spans) = (0, 0);
    for seed in 0..1_000 {
        let rows = rows_of_request(&Wire::new(seed % 50, seed % 2 == 0, 0).request(3));
        let mut random = StdRng::seed_from_u64(seed);
        let row = random.random_range(0..rows.len());
        let parts = Source::span(&rows, row).unwrap();
        let mut damaged = Damaged { rows: &rows, row, parts, words: rows.words(row).to_vec() };
        let code = |random: &mut StdRng| {
            if random.random() { random.random_range(0..40) } else { random.random() }
        };
        let parts = &mut damaged.parts;
        match random.random_range(0..6) {
            0 => parts.template = code(&mut random),
            1 => parts.origin = code(&mut random),
            2 => parts.name = code(&mut random),
            3 => damaged.words.truncate(damaged.words.len() / 2),
            _ if damaged.words.is_empty() => continue,
            _ => {
                let at = random.random_range(0..damaged.words.len());
                damaged.words[at] = code(&mut random);
            }
        }
        let mut out = Vec::new();
        match put_span(&damaged, row, &mut out).and_then(|()| traces_data(&damaged, [row])) {
            Ok(_) => spans += 1,
            Err(_) => errors += 1,
        }
    }
    assert!(errors > 100 && spans > 50, "{errors}, {spans}");
}

#[test]
fn an_error_tells_what_is_missing() {
    let rows = Rows::new();
    let error = put_span(&rows, 7, &mut Vec::new()).unwrap_err();
    assert_eq!(error, RebuildError::Row(7));
    assert_eq!(error.to_string(), "cannot put a span together: there is no row 7");
    assert_eq!(traces_data(&rows, [8]), Err(RebuildError::Row(8)));
}

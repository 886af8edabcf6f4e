use std::collections::{BTreeSet, HashSet};

use prost::Message;
use spoor_embedded::block::Sought;
use spoor_embedded::block::entries::{
    attribute_entry, duration_entry, duration_step, field_entry, key_entry, trace_entries,
};
use spoor_embedded::rows::{Rows, traces_data};
use spoor_store::filter::{
    Attribute, Comparison, Constant, Field, Filter, Level, Operand, Predicate,
};
use spoor_store::otlp::{KeyValue, SpanInTrace, spans_of, text_of};

use crate::random::Generator;
use crate::wire::Wire;
use crate::{by_trace, encode, open, rows_of, shop};

const LEVELS: [Level; 5] = [Level::Span, Level::Resource, Level::Scope, Level::Event, Level::Link];
const FIELDS: [Field; 6] = [
    Field::SpanName,
    Field::SpanKind,
    Field::SpanStatus,
    Field::ResourceService,
    Field::ScopeName,
    Field::ScopeVersion,
];

/// What can be asked for: attributes by key and text, fields by their text.
#[derive(Default)]
struct Questions {
    attributes: BTreeSet<(String, String)>,
    texts: BTreeSet<String>,
}

impl Questions {
    fn add(&mut self, span: &SpanInTrace<'_>) {
        let mut add = |own: KeyValue<'_>| {
            self.attributes.insert((own.key().to_owned(), text_of(own.value()).into_owned()));
        };
        span.resource.attributes().for_each(&mut add);
        span.scope.attributes().for_each(&mut add);
        span.span.attributes().for_each(&mut add);
        span.span.events().flat_map(|event| event.attributes()).for_each(&mut add);
        span.span.links().flat_map(|link| link.attributes()).for_each(&mut add);
        self.texts.extend(
            [
                span.span.name,
                span.span.kind.field_name(),
                span.span.status.field_name(),
                span.resource.service_name(),
                span.scope.name(),
                span.scope.version(),
                "nothing",
            ]
            .map(str::to_owned),
        );
    }

    /// The same, and near misses.
    fn with_misses(mut self) -> Self {
        let misses: Vec<_> = self
            .attributes
            .iter()
            .flat_map(|(key, text)| {
                [format!("{text} "), format!("+{text}"), format!("0{text}"), String::new()]
                    .map(|text| (key.clone(), text))
            })
            .collect();
        self.attributes.extend(misses);
        let texts = ["", "inf", "NaN", "-0", "true", "false", "[", "{}", "[]"];
        let keys = ["service.name", "no such key", ""];
        self.attributes.extend(
            keys.iter().flat_map(|key| texts.map(|text| ((*key).to_owned(), text.to_owned()))),
        );
        self
    }
}

fn equals(operand: Operand, text: &str) -> Predicate {
    let constant = Operand::Constant(Constant::TextForm(text.to_owned()));
    Predicate::compile(&Filter::Compare(operand, Comparison::Eq, constant)).unwrap()
}

/// Compares a block's answers with those of the predicate on each span.
fn assert_answers(rows: &Rows, what: &str) {
    let order = by_trace(rows);
    let block = encode(rows, &order);
    let entries: HashSet<u64> = block.entries.iter().copied().collect();
    let reader = open(&block);
    let raw = reader.raw().unwrap();
    let spans: Vec<_> =
        order.iter().map(|row| traces_data(rows, [*row]).unwrap().concat()).collect();
    let spans: Vec<SpanInTrace<'_>> =
        spans.iter().map(|span| spans_of(span).next().unwrap()).collect();
    let mut questions = Questions::default();
    spans.iter().for_each(|span| questions.add(span));
    let questions = questions.with_misses();

    for (key, text) in &questions.attributes {
        for level in LEVELS {
            let attribute = Attribute { key: key.clone(), level: Some(level) };
            let predicate = equals(Operand::Attribute(attribute), text);
            let found = reader.attribute(level, key, Sought::TextForm(text)).unwrap();
            let is_told = matches!(level, Level::Resource | Level::Scope);
            for (row, span) in spans.iter().enumerate() {
                let matches = predicate.matches(span);
                if is_told || !raw.contains(row) {
                    let what = || format!("{what}: {level:?} {key:?} {text:?} in row {row}");
                    assert_eq!(found.contains(row), matches, "{}", what());
                }
                assert!(!matches || entries.contains(&attribute_entry(level, key, text)));
                assert!(!matches || entries.contains(&key_entry(level, key)));
            }
        }
    }
    for text in &questions.texts {
        for field in FIELDS {
            let predicate = equals(Operand::Field(field), text);
            let found = reader.field(field, Sought::TextForm(text)).unwrap().unwrap();
            for (row, span) in spans.iter().enumerate() {
                let matches = predicate.matches(span);
                assert_eq!(found.contains(row), matches, "{what}: {field:?} {text:?} in {row}");
                let entry = field_entry(field, text).unwrap();
                assert!(!matches || entries.contains(&entry));
            }
        }
    }
    assert!(reader.field(Field::EventName, Sought::TextForm("")).unwrap().is_none());
    let durations: Vec<i128> = spans.iter().map(|span| span.span.duration()).collect();
    for bound in durations.iter().copied().chain([0, i128::from(i64::MAX), i128::from(u64::MAX)]) {
        let at_least = reader.range(Field::SpanDuration, bound, i128::MAX).unwrap();
        let at_most = reader.range(Field::SpanDuration, i128::MIN, bound).unwrap();
        for (row, duration) in durations.iter().enumerate() {
            assert_eq!(at_least.contains(row), *duration >= bound);
            assert_eq!(at_most.contains(row), *duration <= bound);
        }
    }
    for (span, duration) in spans.iter().zip(&durations) {
        let least = u64::try_from(*duration).ok().and_then(duration_step);
        let entry = least.map(|step| duration_entry(step, span.resource.service_name()));
        assert!(entry.is_none_or(|entry| entries.contains(&entry)), "{what}: {duration}");
    }
    for trace in 0..rows.traces() {
        let own = trace_entries(&rows.trace_id(trace));
        assert!(own.iter().all(|entry| entries.contains(entry)));
    }
    let index = block.index;
    assert_eq!(index.min_start, spans.iter().map(|span| span.span.start).min().unwrap_or(0));
    assert_eq!(index.max_start, spans.iter().map(|span| span.span.start).max().unwrap_or(0));
    assert!(durations.iter().all(|duration| index.may_last(*duration, *duration)));
    assert_eq!((index.rows, index.traces), (rows.len(), rows.traces()));
}

#[test]
fn a_block_answers_as_its_spans_do() {
    for seed in 0..10 {
        let mut random = Generator::new(seed);
        let rows = rows_of((0..4).map(|_| random.request(4).encode_to_vec()));
        assert_answers(&rows, &format!("seed {seed}"));
    }
}

#[test]
fn a_block_answers_as_spans_with_few_values_do() {
    for oddness in [0, 20] {
        for seed in 0..4 {
            let mut wire = Wire::new(seed, seed % 2 == 0, oddness);
            let rows = rows_of((0..12).map(|_| wire.request(4)));
            assert_answers(&rows, &format!("seed {seed}, oddness {oddness}"));
        }
    }
}

#[test]
fn a_block_of_thousands_of_spans_answers_as_they_do() {
    let rows = rows_of([shop::request(1, 400)]);
    let order = by_trace(&rows);
    let reader = open(&encode(&rows, &order));
    let spans: Vec<_> =
        order.iter().map(|row| traces_data(&rows, [*row]).unwrap().concat()).collect();
    let spans: Vec<SpanInTrace<'_>> =
        spans.iter().map(|span| spans_of(span).next().unwrap()).collect();
    // Attributes of every fiftieth span.
    let mut questions = Questions::default();
    spans.iter().step_by(50).for_each(|span| questions.add(span));
    for (key, text) in &questions.attributes {
        for level in LEVELS {
            let attribute = Attribute { key: key.clone(), level: Some(level) };
            let predicate = equals(Operand::Attribute(attribute), text);
            let expected = (0..).zip(&spans).filter(|(_, span)| predicate.matches(span));
            let found = reader.attribute(level, key, Sought::TextForm(text)).unwrap();
            assert!(found.iter().eq(expected.map(|(row, _)| row)), "{level:?} {key:?} {text:?}");
        }
    }
}

//! Makes a generation: `NEW_GENERATION=1 cargo test -p spoor-embedded --test golden generate`.

use std::{env, fs};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use spoor_embedded::check::check;
use tempfile::TempDir;

use crate::columns::assert_has_every_column;
use crate::generation::{
    Generation, Request, copy_all, encode_requests, files, open, root, tenants, write,
};
use crate::random::Generator;
use crate::shop;
use crate::support::requests::{Requests, key_value, text};
use crate::wire::Wire;

/// Blocks so small that a segment has several, and so large that a column has every codec.
const SMALL_BLOCKS: u32 = 24;
const LARGE_BLOCKS: u32 = 1_024;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_generation_would_have_every_column() {
    let made = make().await;
    assert_has_every_column(made.store.path());
    assert_eq!(check(made.store.path(), false, &mut |_| {}).unwrap().findings, []);
    if env::var_os("NEW_GENERATION").is_some() {
        let number = Generation::all().last().map_or(1, |latest| latest.number + 1);
        let directory = root().join(number.to_string());
        copy_all(made.store.path(), &directory.join("store"));
        for reserve in files(&directory.join("store"), "reserve") {
            fs::remove_file(reserve).unwrap();
        }
        fs::remove_file(directory.join("store/LOCK")).unwrap();
        fs::write(directory.join("requests"), encode_requests(&made.requests)).unwrap();
        println!("made {}", directory.display());
    }
}

/// A store, and what was written to it.
struct Made {
    store: TempDir,
    requests: Vec<Request>,
}

/// The same requests make the same store, but for the salts of its logs.
async fn make() -> Made {
    let directory = TempDir::new().unwrap();
    let mut requests = Vec::new();
    let [first, second] = tenants();
    let mut random = Requests::new(11);
    let mut next = |count: usize| -> Vec<Request> {
        (0..count).map(|_| (first.clone(), random.next())).collect()
    };

    // Eight segments, which are merged, then two more: traces lie in several of them, and some
    // of their spans came late.
    let store = open(directory.path(), SMALL_BLOCKS).unwrap();
    for _ in 0..10 {
        let some = next(2);
        write(&store, &some).await;
        requests.extend(some);
        store.settle().await.unwrap();
    }
    drop(store);

    // Every field there is, in both orders, and odd spans, which are kept whole.
    let store = open(directory.path(), LARGE_BLOCKS).unwrap();
    let mut large = vec![shop::request(5, 16), codes()];
    for is_descending in [false, true] {
        let mut wire = Wire::new(7, is_descending, 0);
        large.extend((0..3).map(|_| wire.request(4)));
    }
    large.push(Wire::new(8, false, 9).request(4));
    large.push(Generator::new(9).request(4).encode_to_vec());
    let large: Vec<Request> =
        large.into_iter().map(|request| (first.clone(), request.into())).collect();
    write(&store, &large).await;
    requests.extend(large);
    store.settle().await.unwrap();

    // Another tenant, and logs that are in no segment yet.
    for seed in [21, 22] {
        let request = (second.clone(), Requests::new(seed).next());
        write(&store, std::slice::from_ref(&request)).await;
        requests.push(request);
        if seed == 21 {
            store.settle().await.unwrap();
        }
    }
    let last = next(2);
    write(&store, &last).await;
    requests.extend(last);
    Made { store: directory, requests }
}

/// Spans of one operation, whose values make columns choose the codecs that few spans need: texts
/// that come again in the order in which they came, or in none; a few large numbers.
fn codes() -> Vec<u8> {
    const TEXTS: u64 = 150;
    const LARGE: [i64; 3] = [i64::MIN + 5, 1 << 61, i64::MAX - 9];
    let span = |number: u64| Span {
        trace_id: (1_000 + number / 100).to_be_bytes().repeat(2),
        span_id: (1 + number).to_be_bytes().to_vec(),
        name: "codes".to_owned(),
        start_time_unix_nano: 1_790_000_000_000_000_000 + number * 1_000,
        end_time_unix_nano: 1_790_000_000_000_000_500 + number * 3_000,
        attributes: vec![
            key_value("again", text(&format!("text {}", number % TEXTS))),
            key_value("once", text(&format!("{:x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))),
            key_value("large", Value::IntValue(LARGE[number as usize * 7 % 3])),
            key_value("noise", Value::DoubleValue((number as f64).sqrt())),
        ],
        ..Span::default()
    };
    let spans = (0..2 * TEXTS).map(span).collect();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

//! Spans as pdata 1.46.0 writes them, which Jaeger 2.13 and the Collector 0.140 are built on.

use spoor_embedded::rows::{FieldOrder, Presence, Slot, ValueKind};

use crate::{fields, rebuilt, rows_of_request};
use spoor_store::ingest::split;

/// A request by Go's `ptraceotlp`: a span that has every field, with an event and a link that have
/// every field and ones that have none; then a span of nothing but ids.
const REQUEST: &str = "\
    0ae30312c603129a037a0a180212066661696c656470026a31350100000028012207120218010a01691a\
    03633d64120809000000000000000a10090000000000000000000000000000006a0412000a0060c8015a\
    4720011a1512030a01450a0e657863657074696f6e2e747970651a1812030a016d0a1165786365707469\
    6f6e2e6d6573736167651209657863657074696f6e09f4012a36fe9c97175a0050034a1012060a047465\
    78740a06737472696e674a0d12020a000a076e6f7468696e674a09120210010a037965734a0812021000\
    0a026e6f4a12120b18fbffffffffffffffff010a03696e744a0a120218000a047a65726f4a1312092100\
    000000000000000a06646f75626c654a0912000a05656d7074794a0d12043a0201020a0562797465734a\
    14120b2a090a030a01780a0218000a0561727261794a1a121332110a0812030a01760a016b0a0512000a\
    01650a036d617041e8032a36fe9c97173900002a36fe9c971730022a05474554202f8501010100002208\
    08070605040302011a03613d62120801020304050607080a100102030405060708090a0b0c0d0e0f1012\
    207a002200120801000000000000000a10010000000000000000000000000000000a050a036c69620a18\
    0a1612060a0473686f700a0c736572766963652e6e616d65";

#[test]
fn spans_of_pdata_are_taken_apart_and_come_back() {
    let hex = |at: usize| u8::from_str_radix(&REQUEST[at..at + 2], 16).unwrap();
    let request: Vec<_> = (0..REQUEST.len()).step_by(2).map(hex).collect();
    let batch = split(&request, 0).unwrap();
    let rows = rows_of_request(&request);
    for field in fields(&batch) {
        assert!((0..rows.len()).any(|row| rebuilt(&rows, row) == field));
    }
    let [full, bare] = [0, 1].map(|row| rows.template(rows.span(row).template));
    assert!(!full.is_raw && !bare.is_raw);
    assert_eq!([full.order, bare.order], [FieldOrder::Descending; 2]);
    assert_eq!([full.parent, bare.parent], [Presence::Full, Presence::Empty]);
    let kinds: Vec<_> = full.attributes.iter().map(|slot: &Slot| slot.kind).collect();
    use ValueKind::{Array, Bool, Bytes, Double, Empty, Int, Map, String};
    assert_eq!(kinds, [String, String, Bool, Bool, Int, Int, Double, Empty, Bytes, Array, Map]);
    assert_eq!(rows.text(full.attributes[4].key), b"int");
    assert_eq!((full.kind, full.flags, full.dropped), (2, 257, [true; 3]));
    assert_eq!((rows.event_templates(), rows.link_templates()), (2, 2));
}

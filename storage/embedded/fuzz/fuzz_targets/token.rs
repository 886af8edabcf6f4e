//! Whatever a page's token is, it is refused or it is the one that is given for its query and the
//! place that it tells.
#![no_main]

// A part of the server, which all together would take minutes to build.
#[path = "../../../server/src/read/pages/token.rs"]
mod token;

use libfuzzer_sys::fuzz_target;
use spoor_fuzz::bytes::take;
use spoor_store::{SpanKey, TraceRank};
use token::{Cursor, decode, encode};

/// What is decoded, encoded again; none if it is refused.
fn again<C: Cursor>(query: &[u8], token: &str) -> Option<String> {
    decode::<C>(query, token).ok().map(|place| encode(query, &place))
}

/// Alters the token of the input's place for a query, as the input says.
fn check<C: Cursor + PartialEq>(mut input: &[u8]) -> Option<()> {
    let (query, other) = (take(&mut input, 16)?, take(&mut input, 16)?);
    let place = C::get(take(&mut input, C::LEN)?)?;
    let token = encode(query, &place);
    assert!(decode::<C>(query, &token).is_ok_and(|told| told == place));
    assert_eq!(decode::<C>(other, &token).is_ok(), other == query);

    let mut altered = token.clone().into_bytes();
    while let Some([what, at, byte]) = take(&mut input, 3) {
        let at = usize::from(*at) % (altered.len() + 1);
        match what % 3 {
            0 => altered.insert(at, *byte),
            1 if at < altered.len() => altered[at] = *byte,
            _ => altered.truncate(at),
        }
    }
    let altered = String::from_utf8_lossy(&altered);
    assert_eq!(decode::<C>(query, &altered).is_ok(), altered == token, "{altered} for {token}");
    Some(())
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for told in [again::<TraceRank>(b"", &text), again::<SpanKey>(b"", &text)].into_iter().flatten()
    {
        assert_eq!(told, text);
    }
    check::<TraceRank>(bytes);
    check::<SpanKey>(bytes);
});

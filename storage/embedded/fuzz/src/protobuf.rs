//! Protobuf messages, mutated field by field, with the lengths around right.

use spoor_store::otlp::wire::Fields;

use crate::bytes::{Random, mutate, put_varint, take, varint};

/// How deep messages are looked into.
const DEPTH: usize = 10;
/// How often values are nested at once: readers take 100 levels of messages, two or three each time.
const NESTED: std::ops::Range<usize> = 25..45;

/// The bytes of a message like this one.
pub fn mutated(message: &[u8], random: &mut Random) -> Vec<u8> {
    mutated_at(message, random, DEPTH)
}

fn mutated_at(message: &[u8], random: &mut Random, depth: usize) -> Vec<u8> {
    let fields: Result<Vec<&[u8]>, _> =
        Fields::of(message).map(|field| field.map(|field| field.raw)).collect();
    let mut fields: Vec<Vec<u8>> = match fields {
        Ok(fields) if !fields.is_empty() && depth > 0 => {
            fields.into_iter().map(<[u8]>::to_vec).collect()
        }
        _ => {
            let mut bytes = message.to_vec();
            mutate(&mut bytes);
            return bytes;
        }
    };
    let at = random.below(fields.len());
    match random.below(24) {
        0 => drop(fields.remove(at)),
        1 => {
            let again = fields[at].clone();
            fields.insert(random.below(fields.len()), again);
        }
        2 => {
            let other = random.below(fields.len());
            fields.swap(at, other);
        }
        3 => fields.reverse(),
        4 => mutate(&mut fields[at]),
        _ => fields[at] = inner(&fields[at], random, depth),
    }
    fields.concat()
}

fn len_delimited(number: u64, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(number << 3 | 2, &mut out);
    put_varint(value.len() as u64, &mut out);
    out.extend(value);
    out
}

/// The field with another value.
fn inner(field: &[u8], random: &mut Random, depth: usize) -> Vec<u8> {
    let mut rest = field;
    let Some(key) = varint(&mut rest) else { return field.to_vec() };
    let mut out = Vec::new();
    put_varint(key, &mut out);
    let is_len = key & 7 == 2;
    if let Some(len) = is_len.then(|| varint(&mut rest)).flatten()
        && let Some(value) = take(&mut rest, len as usize)
    {
        let mut value = mutated_at(value, random, depth - 1);
        if random.below(10) == 0 {
            // A value in an array or a map, again and again, if this is one.
            for _ in 0..NESTED.start + random.below(NESTED.len()) {
                value = match random.below(2) {
                    0 => len_delimited(5, &len_delimited(1, &value)),
                    _ => len_delimited(6, &len_delimited(1, &len_delimited(2, &value))),
                };
            }
        }
        put_varint(value.len() as u64, &mut out);
        out.extend(value);
        return out;
    }
    let mut value = rest.to_vec();
    for byte in &mut value {
        if random.below(4) == 0 {
            *byte ^= 1 << random.below(8);
        }
    }
    out.extend(value);
    out
}

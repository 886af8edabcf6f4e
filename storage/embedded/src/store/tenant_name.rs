//! The names of tenants' directories.

/// What the name of a tenant's directory begins with.
pub(crate) const TENANT: &str = "tenant-";

/// Makes a tenant's name one of a file: what is not plain becomes `%` and two hexadecimal digits.
pub(super) fn encode_name(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    name.bytes().fold(String::new(), |mut encoded, byte| {
        if plain(byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02x}"));
        }
        encoded
    })
}

pub(crate) fn decode_name(encoded: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = encoded.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    let name = String::from_utf8(bytes).ok()?;
    // A name is written in one way only.
    (encode_name(&name) == encoded).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tenants_come_back_from_those_of_their_directories() {
        for name in ["", "acme", "a/b", "..", "100 %", "größe", "A_b-9"] {
            let encoded = encode_name(name);
            assert!(
                encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"%-_".contains(&byte))
            );
            assert_eq!(decode_name(&encoded).as_deref(), Some(name));
        }
        for other in ["%", "%4", "%zz", "%41", "a b"] {
            assert_eq!(decode_name(other), None, "{other}");
        }
    }
}

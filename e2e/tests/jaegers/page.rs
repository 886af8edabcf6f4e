//! What the pages say.

pub const SIDECAR: &str = include_str!("../../../docs/jaeger/sidecar.md");
pub const REMOTE_V1: &str = include_str!("../../../docs/jaeger/remote-v1.md");
pub const REMOTE_V2: &str = include_str!("../../../docs/jaeger/remote-v2.md");
pub const SECURED: &str = include_str!("../../../docs/jaeger/secured.md");

/// All of the page's blocks in a language, which must be this many.
pub fn blocks<const COUNT: usize>(page: &str, language: &str) -> [String; COUNT] {
    let begin = format!("```{language}\n");
    let blocks: Vec<String> = page
        .split(&begin)
        .skip(1)
        .map(|rest| rest.split_once("```").expect("a block has an end").0.to_owned())
        .collect();
    blocks
        .try_into()
        .unwrap_or_else(|blocks| panic!("not {COUNT} blocks of {language}: {blocks:?}"))
}

/// The text with each of these texts, which it must have, replaced: paths, addresses and secrets
/// are a test's own.
pub fn replaced<T: AsRef<str>>(text: &str, changes: &[(&str, T)]) -> String {
    let mut text = text.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "the page does not say {from}: {text}");
        text = text.replace(from, to.as_ref());
    }
    text
}

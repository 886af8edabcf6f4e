//! Random questions of the kinds that Jaeger has always asked, to the real spoor on its embedded
//! engine and to the memory stores of two real servers of Jaeger. Each answer must be what was
//! sent makes it: spoor's by spoor's rules, Jaeger's by the same but for the known differences.
//! Each of these must have been needed to explain some answer.
//!
//! `SPOOR_SEED` repeats a run, `SPOOR_QUERIES` says how many questions there are.
//!
//! `docs/differences.md` lists the differences, and what is not asked for.

mod answer;
mod content;
mod differences;
mod expected;
mod jaegers;
mod matching;
mod questions;
mod sent;
mod traces;

use std::collections::BTreeSet;
use std::time::SystemTime;

use answer::{Answer, Server};
use differences::{Difference, OF_JAEGER, OF_REMOTE_STORAGE, Rules};
use e2e::files::repository;
use e2e::{Spoor, eventually, http};
use expected::Expected;
use jaegers::Jaeger;
use questions::Question;
use rand::{SeedableRng, rngs::StdRng};
use tonic::Code;

const QUERIES: usize = 500;
/// So small that the spans are written to several segments.
const SETTINGS: [&str; 2] = ["engine=embedded", "head_max_bytes=64KiB"];

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn jaegers_memory_store_answers_as_spoor_but_for_the_known_differences() {
    compare(Jaeger::server().await.unwrap(), OF_JAEGER).await;
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn remote_storage_answers_as_spoor_but_for_the_known_differences() {
    compare(Jaeger::remote_storage().await.unwrap(), OF_REMOTE_STORAGE).await;
}

#[test]
fn each_known_difference_is_in_the_documentation_and_nothing_else_is() {
    let page = std::fs::read_to_string(repository().join("docs/differences.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")).skip(2);
    let documented: BTreeSet<_> = rows
        .map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            (cells[0].to_owned(), cells[1] == "yes", cells[2] == "yes")
        })
        .collect();

    let all: BTreeSet<_> = OF_JAEGER.iter().chain(OF_REMOTE_STORAGE).collect();
    let known = all.into_iter().map(|difference| {
        let of = |differences: &[Difference]| differences.contains(difference);
        (difference.to_string(), of(OF_JAEGER), of(OF_REMOTE_STORAGE))
    });

    assert_eq!(documented, known.collect());
}

async fn compare(jaeger: Jaeger, differences: &[Difference]) {
    let seed = from_env("SPOOR_SEED").unwrap_or_else(now);
    let queries = from_env("SPOOR_QUERIES").map_or(QUERIES, |queries| queries as usize);
    println!("{queries} questions of SPOOR_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let requests = traces::requests(&mut random);
    let traces = sent::traces(&requests);

    let rules = Rules::of(differences);
    let spoor = Spoor::start_with(&SETTINGS).await.unwrap();
    let mut ours = Server::connect(spoor.grpc, Rules::SPOOR).await.unwrap();
    let mut theirs = Server::connect(jaeger.storage, rules.clone()).await.unwrap();
    let mut refused = 0;
    for request in &requests {
        refused += ours.write(request).await.unwrap();
        assert_eq!(theirs.write(request).await.unwrap(), 0);
    }
    let bad = traces.iter().flat_map(|trace| &trace.spans).filter(|kept| !kept.is_good());
    assert_eq!(refused, bad.count() as i64);
    let segments = several_segments(&spoor).await;

    let expected = |rules| Expected { traces: &traces, rules };
    let (of_ours, of_theirs) = (expected(Rules::SPOOR), expected(rules.clone()));
    let mut unneeded: BTreeSet<_> = differences.iter().copied().collect();
    let (mut asked, mut same, mut answered, mut both) = (0, 0, 0, 0);
    // Chance may keep a rare difference from showing for a while.
    while asked < queries || asked < 4 * queries && !unneeded.is_empty() {
        asked += 1;
        let question = Question::random(&mut random, &traces);
        let (our, their) = (ours.ask(&question).await, theirs.ask(&question).await);
        let told = || {
            let (our, their) = (our.told(), their.told());
            format!(
                "question {asked} of SPOOR_SEED={seed}: {question:?}\nspoor: {our}\nJaeger: {their}"
            )
        };
        if let Answer::Refused(code) = our {
            assert_eq!(code, Code::InvalidArgument, "{}", told());
        }
        assert!(of_ours.allows(&question, &our), "spoor is wrong: {}", told());
        assert!(of_theirs.allows(&question, &their), "no known difference: {}", told());
        unneeded
            .retain(|difference| expected(rules.without(*difference)).allows(&question, &their));
        same += usize::from(our.is_like(&their));
        answered += usize::from(!our.is_empty());
        both += usize::from(!our.is_empty() && !their.is_empty());
    }
    println!(
        "{} traces, {segments} segments; of {asked} answers {answered} of spoor's held something, \
         {both} of both; {same} told of the same",
        traces.len()
    );
    assert!(answered * 10 > asked * 7, "{answered} of spoor's {asked} answers held something");
    assert!(both * 10 > asked * 3, "{both} of {asked} answers of both held something");
    let unneeded: Vec<_> = unneeded.iter().map(ToString::to_string).collect();
    assert!(unneeded.is_empty(), "SPOOR_SEED={seed} shows nothing of: {unneeded:#?}");
}

/// Waits until the spans are in several segments and gives their number.
async fn several_segments(spoor: &Spoor) -> u64 {
    let url = format!("http://{}/metrics", spoor.admin);
    eventually("spans are in several segments", async || {
        let metrics = http().get(&url).send().await?.text().await?;
        let value = metrics.lines().find_map(|line| line.strip_prefix("spoor_store_segments "));
        let segments = value.and_then(|value| value.parse::<u64>().ok());
        Ok(segments.filter(|segments| *segments > 1))
    })
    .await
    .unwrap()
}

fn from_env(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is a number, not {value}")))
}

fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().expect("it is after 1970").as_nanos() as u64
}

//! Shares and quantiles, against counting.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use traces::{Red, Span};

#[test]
fn quantiles_and_places_are_those_that_are_counted() {
    for seed in 0..200 {
        let random = &mut StdRng::seed_from_u64(seed);
        let count = random.random_range(1..200);
        let longest = random.random_range(1..300);
        let took: Vec<u64> = (0..count).map(|_| random.random_range(0..longest)).collect();
        let spans: Vec<_> =
            took.iter().map(|took| Span { start: 7, end: 7 + took, ..Span::default() }).collect();
        let red = Red::of(&spans);

        let within = |most: u64| took.iter().filter(|took| **took <= most).count();
        for percent in 0..=100 {
            let reaches = |took: &&u64| within(**took) * 100 >= percent * spans.len();
            let expected = took.iter().filter(reaches).min().copied();
            let share = percent as f64 / 100.0;
            assert_eq!(red.quantile(share), expected, "seed {seed}: {percent} %");
        }
        for most in 0..=longest {
            let share = within(most) as f64 / took.len() as f64;
            assert_eq!(red.place(most), share, "seed {seed}: within {most}");
        }
    }
}

//! What can go wrong, and what of it does with a seed.

mod kinds;
mod shop;

use std::time::Duration;

use crate::answer::{Affected, Cause};
use crate::control::Spec;
use crate::dice::Dice;
use crate::pace::Pace;
pub(crate) use shop::{QUOTE, Shop};

/// One kind of incident.
pub struct Scenario {
    /// How it is called when it is not blind.
    pub name: &'static str,
    /// What somebody notices of it; `SHOP` stands for the service whose orders it is about.
    pub story: &'static str,
    trouble: fn(&mut Dice, Shop, &Pace) -> Trouble,
}

/// What is told of a blind one, whichever it is.
const BLIND: &str = "Somebody says that something about the orders of SHOP is not right, since some \
                     minutes ago. Others say that it is as ever. Find out.";

/// All of them.
pub static SCENARIOS: [Scenario; 8] = [
    Scenario {
        name: "failing-payments",
        story: "Customers of SHOP complain that their orders are refused.",
        trouble: kinds::failing_payments,
    },
    Scenario {
        name: "failing-prices",
        story: "Customers of SHOP complain that some of their orders are refused.",
        trouble: kinds::failing_prices,
    },
    Scenario {
        name: "slow-prices",
        story: "Customers of SHOP complain that their orders take long.",
        trouble: kinds::slow_prices,
    },
    Scenario {
        name: "slow-database",
        story: "Orders at SHOP are said to take longer than they used to.",
        trouble: kinds::slow_database,
    },
    Scenario {
        name: "cache-lost",
        story: "Nobody complains, but one of the services that SHOP's orders pass has more to do \
                than usual.",
        trouble: kinds::cache_lost,
    },
    Scenario {
        name: "n-plus-one",
        story: "Nobody complains, but since the last release the bill of a database behind SHOP is \
                said to rise.",
        trouble: kinds::n_plus_one,
    },
    Scenario {
        name: "retry-storm",
        story: "The bank has had trouble since before you came, which everybody knows. But now those \
                who run the payments of SHOP's orders say that they are asked far too often.",
        trouble: kinds::retry_storm,
    },
    Scenario {
        name: "lost-context",
        story: "Somebody who looks at traces of SHOP's orders says that they are not what they were.",
        trouble: kinds::lost_context,
    },
];

/// A fault of a service.
#[derive(Clone, Debug)]
pub(crate) struct Begin {
    pub service: &'static str,
    pub spec: Spec,
}

/// What goes wrong, and what is said of it.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    /// What is there from the begin on, and no part of the answer.
    pub before: Vec<Begin>,
    /// What begins at the onset.
    pub begin: Vec<Begin>,
    pub service: &'static str,
    pub operation: &'static str,
    pub cause: Cause,
    pub affected: Affected,
    /// Each leads nearer than the one before.
    pub hints: [String; 2],
    /// How telemetry shows it.
    pub explanation: String,
}

/// A scenario with a seed.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub shop: Shop,
    /// After the begin.
    pub onset: Duration,
    pub before: Vec<Begin>,
    /// None where nothing goes wrong.
    pub trouble: Option<Trouble>,
}

impl Scenario {
    /// The one of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }

    pub(crate) fn plan(&self, seed: u64, pace: &Pace) -> Plan {
        let mut dice = Dice::new(self.name, seed);
        let shop = Shop::drawn(&mut dice);
        let (first, last) = pace.onset;
        let onset = first + (last - first).mul_f64(dice.chance());
        let mut trouble = (self.trouble)(&mut dice, shop, pace);
        let before = std::mem::take(&mut trouble.before);
        let trouble = (!self.is_false_alarm(seed)).then_some(trouble);
        Plan { shop, onset, before, trouble }
    }

    /// Of the seeds 1 to 5 exactly one, which differs by name; of others one in five.
    fn is_false_alarm(&self, seed: u64) -> bool {
        match seed {
            1..=5 => Dice::new(self.name, 0).between(1, 5) == seed,
            _ => Dice::new(self.name, !seed).chance() < 0.2,
        }
    }

    pub(crate) fn story(&self, blind: bool, shop: Shop) -> String {
        if blind { BLIND } else { self.story }.replace("SHOP", shop.name())
    }
}

impl Plan {
    /// From the general to what is all but the answer.
    pub fn hints(&self) -> [String; 3] {
        let first = "Compare the time before with the time since, operation by operation: how often, \
                     how many fail, how long, how many spans below. What was there from the start is \
                     no part of it: a bank that is busy for a tenth of all tries, /random_status.";
        let [second, third] = match &self.trouble {
            Some(trouble) => trouble.hints.clone(),
            None => [
                format!(
                    "Follow some orders from {} through each service that they pass: early ones and \
                     late ones, and those of each tier.",
                    self.shop.name()
                ),
                "Is there any figure of any operation that was another one at the start? A rare \
                 error is no change if it was as rare before."
                    .to_owned(),
            ],
        };
        [first.to_owned(), second, third]
    }

    pub fn explanation(&self) -> String {
        match &self.trouble {
            Some(trouble) => trouble.explanation.clone(),
            None => {
                "It was a false alarm: no operation failed more often, took longer or asked for \
                     more than at the start. What failed now and then had done so before."
                    .to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    #[test]
    fn of_the_first_five_seeds_of_each_one_is_a_false_alarm_and_not_the_same_of_all() {
        let mut at = HashMap::new();
        for scenario in &SCENARIOS {
            let false_alarms: Vec<u64> =
                (1..=5).filter(|it| scenario.is_false_alarm(*it)).collect();
            assert_eq!(false_alarms.len(), 1, "{}", scenario.name);
            *at.entry(false_alarms[0]).or_insert(0) += 1;
            let further = (6..1_006).filter(|it| scenario.is_false_alarm(*it)).count();
            assert!((100..300).contains(&further), "{further} of {}", scenario.name);
        }
        assert!(at.len() > 2 && at.values().all(|count| *count < 5), "{at:?}");
    }

    #[test]
    fn a_seed_varies_where_when_and_for_whom() {
        let pace = Pace::new(false);
        for scenario in &SCENARIOS {
            let plans: Vec<_> = (0..60).map(|seed| scenario.plan(seed, &pace)).collect();
            let shops: HashSet<_> = plans.iter().map(|plan| plan.shop.name()).collect();
            let onsets: HashSet<_> = plans.iter().map(|plan| plan.onset.as_secs()).collect();
            assert_eq!(shops.len(), 4, "{}", scenario.name);
            assert!(onsets.len() > 20, "{}", scenario.name);
            let troubles: Vec<_> = plans.iter().filter_map(|plan| plan.trouble.as_ref()).collect();
            let services: HashSet<_> = troubles.iter().map(|it| it.service).collect();
            assert_eq!(services.len(), 4, "{}", scenario.name);
            let affected: HashSet<_> = troubles.iter().map(|it| it.affected.name()).collect();
            // A database that is slow for one is slow for all: it has one connection.
            assert_eq!(affected.len() > 1, scenario.name != "slow-database", "{}", scenario.name);
        }
    }

    #[test]
    fn the_same_seed_is_the_same_incident() {
        let pace = Pace::new(true);
        for scenario in &SCENARIOS {
            let told = || format!("{:?}", scenario.plan(7, &pace));
            assert_eq!(told(), told());
        }
    }

    #[test]
    fn a_blind_story_is_the_same_for_all() {
        let pace = Pace::new(true);
        let shop = SCENARIOS[0].plan(1, &pace).shop;
        let told: HashSet<_> = SCENARIOS.iter().map(|it| it.story(true, shop)).collect();
        assert_eq!(told.len(), 1);
        for scenario in &SCENARIOS {
            let story = scenario.story(false, shop);
            assert!(story.contains(shop.name()) && !story.contains("SHOP"), "{story}");
        }
    }
}

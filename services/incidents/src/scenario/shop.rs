//! Who does what in an order, by the service that it is placed at (`docs/demo.md`).

use crate::dice::Dice;

/// Each calls the two after it, round and round.
const SERVICES: [&str; 4] = ["app-a", "app-b", "app-c", "app-d"];

/// What an order costs.
pub(crate) const QUOTE: &str = "demo.v1.Pricing/Quote";

/// The service that is asked for orders.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shop(usize);

impl Shop {
    pub fn drawn(dice: &mut Dice) -> Self {
        Self(dice.between(0, SERVICES.len() as u64 - 1) as usize)
    }

    pub fn name(self) -> &'static str {
        self.after(0)
    }

    /// Who has the stock, and ships.
    pub fn stock(self) -> &'static str {
        self.after(1)
    }

    /// Who tells prices from a cache.
    pub fn prices(self) -> &'static str {
        self.after(2)
    }

    /// Who takes payments.
    pub fn payments(self) -> &'static str {
        self.after(2)
    }

    /// Who has the list of prices.
    pub fn price_list(self) -> &'static str {
        self.after(3)
    }

    /// What an order passes, in words.
    pub fn order(self) -> String {
        format!(
            "An order at {} asks {} what it costs, which asks {} for prices that it does not have at \
             hand; then {} for the stock, and {} for the payment. Later it is shipped, and {} told so.",
            self.name(),
            self.prices(),
            self.price_list(),
            self.stock(),
            self.payments(),
            self.stock(),
        )
    }

    fn after(self, places: usize) -> &'static str {
        SERVICES[(self.0 + places) % SERVICES.len()]
    }
}

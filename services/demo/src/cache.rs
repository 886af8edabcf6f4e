//! The prices that were asked for last.

use std::sync::{Mutex, PoisonError};

use crate::pricing::Price;

/// Fewer than there are items, so that some are not at hand.
const CAPACITY: usize = 64;

/// Keeps [`CAPACITY`] prices; a further one takes the place of the one longest unused.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Vec<(u32, Price)>>);

impl Cache {
    pub fn get(&self, sku: u32) -> Option<Price> {
        let mut prices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = prices.iter().position(|(it, _)| *it == sku)?;
        let entry = prices.remove(at);
        prices.push(entry.clone());
        Some(entry.1)
    }

    pub fn insert(&self, sku: u32, price: Price) {
        let mut prices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        prices.retain(|(it, _)| *it != sku);
        if prices.len() == CAPACITY {
            prices.remove(0);
        }
        prices.push((sku, price));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_longest_unused_gives_way() {
        let cache = Cache::default();
        let price = |amount| Price { amount, currency: "EUR".to_owned() };
        for sku in 0..64 {
            cache.insert(sku, price(sku.into()));
        }
        assert_eq!(cache.get(0), Some(price(0)));
        cache.insert(64, price(64));
        cache.insert(64, price(65));
        assert_eq!(cache.get(1), None);
        assert_eq!(cache.get(0), Some(price(0)));
        assert_eq!(cache.get(64), Some(price(65)));
        assert_eq!(cache.0.lock().unwrap().len(), CAPACITY);
    }
}

//! Codes of rows, numbered anew for each block in the order of first use.

/// Numbers for codes. Starting anew costs nothing, however many codes there are.
#[derive(Debug, Default)]
pub(crate) struct Numbering {
    /// By code: the use in which it was last numbered, and its number.
    seen: Vec<(u32, u32)>,
    current: u32,
}

impl Numbering {
    /// Forgets all numbers. Codes are below this limit from now on.
    pub(crate) fn start(&mut self, codes: u32) {
        if self.seen.len() < codes as usize {
            self.seen.resize(codes as usize, (0, 0));
        }
        self.current = self.current.checked_add(1).unwrap_or_else(|| {
            self.seen.fill((0, 0));
            1
        });
    }

    /// The number of a code; `number` gives it when the code is new.
    pub(crate) fn of(&mut self, code: u32, number: impl FnOnce() -> u32) -> u32 {
        let seen = &mut self.seen[code as usize];
        if seen.0 != self.current {
            *seen = (self.current, number());
        }
        seen.1
    }

    /// Numbers codes from zero on: their numbers, and the code of each number.
    pub(crate) fn number(&mut self, codes: &[u32], limit: u32) -> (Vec<u32>, Vec<u32>) {
        self.start(limit);
        let mut distinct = Vec::new();
        let number = |code: &u32| {
            self.of(*code, || {
                distinct.push(*code);
                distinct.len() as u32 - 1
            })
        };
        (codes.iter().map(number).collect(), distinct)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_given_in_the_order_of_first_use_and_forgotten() {
        let mut numbering = Numbering::default();
        assert_eq!(numbering.number(&[5, 3, 5, 0], 6), (vec![0, 1, 0, 2], vec![5, 3, 0]));
        assert_eq!(numbering.number(&[3, 9], 10), (vec![0, 1], vec![3, 9]));
        numbering.current = u32::MAX;
        assert_eq!(numbering.number(&[5], 6), (vec![0], vec![5]));
        assert_eq!(numbering.number(&[9, 5], 10), (vec![0, 1], vec![9, 5]));
    }
}

//! Bits turned from columns to rows and back, 64 by 64 at a time.

/// Exchanges rows and columns: bit `c` of word `r` becomes bit `r` of word `c`.
///
/// It swaps the quarters of the square that lie off the diagonal, then does the same within each
/// quarter, down to single bits (Hacker's Delight, 7-3).
pub(super) fn transpose(tile: &mut [u64; 64]) {
    let mut width = 32;
    let mut low_half = u64::MAX >> 32;
    while width > 0 {
        for row in (0..64).filter(|row| row & width == 0) {
            let differing = ((tile[row] >> width) ^ tile[row + width]) & low_half;
            tile[row] ^= differing << width;
            tile[row + width] ^= differing;
        }
        width /= 2;
        low_half ^= low_half << width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_changes_places() {
        for row in 0..64 {
            for column in 0..64 {
                let mut tile = [0; 64];
                tile[row] = 1 << column;
                transpose(&mut tile);
                let mut expected = [0; 64];
                expected[column] = 1 << row;
                assert_eq!(tile, expected);
            }
        }
    }
}

//! Texts, and values that are kept as bytes.
//!
//! Each different text is stored once, in a dictionary in the order of first use; for each place
//! there is a code that says which it is.
//!
//! ```text
//! dictionary:
//! varint  how many different texts there are
//! ints    their lengths
//! packed  the texts one after the other, in pages: a page ends with the text that makes it at
//!         least 64 KiB long
//!
//! codes:
//! u8      how: 0 numbers; 1 marks; 2 steps
//! ints    0: the text's number
//!         1: 0 for a text that was not there before, or its number plus 1
//!         2: 0 for a text that was not there before, or 1 plus the zigzag of how far its number
//!            lies beyond the number after the one before
//! ```
//! Numbers suit a few texts that come again and again; marks, texts that mostly come once; steps,
//! texts that come again in the order in which they came.

use std::ops::Range;
use std::sync::OnceLock;

use super::bytes::{Input, Invalid, put_len, unzigzag, zigzag};
use super::ints;
use super::numbers::Numbers;
use super::packed::{Packed, Packer};

/// A page ends at this many bytes: a text is read without those far from it.
const PAGE_BYTES: usize = 64 << 10;

const NUMBERS: u8 = 0;
const MARKS: u8 = 1;
const STEPS: u8 = 2;

/// Up to this many texts their numbers are symbols themselves, so there is nothing to gain.
const FEW: usize = 128;

/// Appends a dictionary. Its bytes are below 4 GiB.
pub(crate) fn put_dictionary<'t>(
    texts: impl ExactSizeIterator<Item = &'t [u8]> + Clone,
    packer: &mut Packer,
    out: &mut Vec<u8>,
) {
    put_len(texts.len(), out);
    let lens: Vec<u32> = texts.clone().map(|text| text.len() as u32).collect();
    ints::put(&lens, packer, out);
    let mut page = Vec::new();
    for text in texts {
        page.extend_from_slice(text);
        if page.len() >= PAGE_BYTES {
            packer.put(&page, out);
            page.clear();
        }
    }
    if !page.is_empty() {
        packer.put(&page, out);
    }
}

/// Appends codes, numbers in a dictionary of this many texts in the order of first use.
pub(crate) fn put_codes(numbers: &[u32], texts: usize, packer: &mut Packer, out: &mut Vec<u8>) {
    if texts <= FEW {
        out.push(NUMBERS);
        return ints::put(numbers, packer, out);
    }
    let mut marks = Vec::with_capacity(numbers.len());
    let mut steps = Vec::with_capacity(numbers.len());
    let (mut new, mut expected) = (0, 0);
    let (mut mark_bits, mut step_bits) = (0, 0);
    for &number in numbers {
        if number == new {
            new += 1;
            marks.push(0);
            steps.push(0);
        } else {
            let step = zigzag(i64::from(number) - i64::from(expected)) + 1;
            mark_bits += (number + 2).ilog2();
            step_bits += (step + 1).ilog2();
            marks.push(u64::from(number) + 1);
            steps.push(step);
        }
        expected = number + 1;
    }
    if mark_bits <= step_bits {
        out.push(MARKS);
        ints::put(&marks, packer, out);
    } else {
        out.push(STEPS);
        ints::put(&steps, packer, out);
    }
}

/// For each place the number of its text.
#[derive(Debug)]
pub(crate) struct Codes {
    stored: Stored,
    /// How many texts there are.
    texts: usize,
}

#[derive(Debug)]
enum Stored {
    Numbers(Numbers),
    Marks(Numbers),
    /// Numbers that were made of steps, each of which needs those before it.
    Known(Vec<u32>),
}

impl Codes {
    /// Reads the codes of `count` places, of a dictionary of this many texts.
    pub(crate) fn get(input: &mut Input<'_>, count: usize, texts: usize) -> Result<Self, Invalid> {
        let stored = match input.u8()? {
            NUMBERS => Stored::Numbers(Numbers::get(input, count)?),
            MARKS => Stored::Marks(Numbers::get(input, count)?),
            STEPS => Stored::Known(of_steps(&ints::get(input, count)?)?),
            _ => return Err(Invalid("its codes are written in no known way")),
        };
        Ok(Self { stored, texts })
    }

    /// The numbers of all texts, which are there.
    pub(crate) fn into_vec(self) -> Result<Vec<u32>, Invalid> {
        let numbers: Vec<u32> = match self.stored {
            Stored::Numbers(numbers) => numbers.into_vec()?,
            Stored::Marks(marks) => {
                let mut new = 0..;
                let mut numbers: Vec<u32> = marks.into_vec()?;
                for number in &mut numbers {
                    *number = number.checked_sub(1).or_else(|| new.next()).ok_or(NO_TEXT)?;
                }
                numbers
            }
            Stored::Known(numbers) => numbers,
        };
        if numbers.iter().any(|number| *number as usize >= self.texts) {
            return Err(NO_TEXT);
        }
        Ok(numbers)
    }

    /// The number of the text at a place, if both are there. Cheap for places that ascend.
    pub(crate) fn at(&mut self, place: usize) -> Option<u32> {
        let number = match &mut self.stored {
            Stored::Numbers(numbers) => numbers.at(place)?,
            Stored::Marks(marks) => match marks.at(place)? {
                0 => marks.zeros_before(place) as u64,
                mark => mark - 1,
            },
            Stored::Known(numbers) => u64::from(*numbers.get(place)?),
        };
        u32::try_from(number).ok().filter(|number| (*number as usize) < self.texts)
    }
}

fn of_steps(steps: &[u64]) -> Result<Vec<u32>, Invalid> {
    let (mut new, mut expected) = (0_u32, 0_u32);
    let mut numbers = Vec::with_capacity(steps.len());
    for step in steps {
        let number = match step {
            0 => new,
            // A step is one bit longer than the number it leads to.
            _ => i64::from(expected)
                .checked_add(unzigzag(step - 1))
                .and_then(|number| u32::try_from(number).ok())
                .ok_or(NO_TEXT)?,
        };
        new += u32::from(*step == 0);
        expected = number.checked_add(1).ok_or(NO_TEXT)?;
        numbers.push(number);
    }
    Ok(numbers)
}

const NO_TEXT: Invalid = Invalid("a code has no text");

/// A dictionary whose pages are decompressed when a text of theirs is asked for.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    /// Where each text ends, counted from the first one's start.
    ends: Vec<u32>,
    pages: Vec<Page>,
}

#[derive(Debug)]
struct Page {
    /// The place of its first byte, counted as `ends`.
    start: u32,
    len: u32,
    /// Where it lies in the bytes that the dictionary was read from.
    stored: Range<usize>,
    bytes: OnceLock<Vec<u8>>,
}

impl Dictionary {
    /// Reads a dictionary of at most so many texts. `input` is what is left of `column`, which
    /// later calls get again.
    pub(crate) fn get(column: &[u8], input: &mut Input<'_>, most: usize) -> Result<Self, Invalid> {
        let count = input.count(most)?;
        let lens = ints::get::<u32>(input, count)?;
        let mut dictionary = Self { ends: Vec::with_capacity(count), pages: Vec::new() };
        let (mut start, mut end) = (0, 0_u32);
        for (index, len) in lens.into_iter().enumerate() {
            end = end.checked_add(len).ok_or(Invalid("its texts are longer than 4 GiB"))?;
            dictionary.ends.push(end);
            let page_len = end - start;
            let is_last = index + 1 == count;
            if page_len as usize >= PAGE_BYTES || is_last && page_len > 0 {
                let from = column.len() - input.remaining();
                Packed::get(input)?;
                let stored = from..column.len() - input.remaining();
                let bytes = OnceLock::new();
                dictionary.pages.push(Page { start, len: page_len, stored, bytes });
                start = end;
            }
        }
        Ok(dictionary)
    }

    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// What all texts take together.
    pub(crate) fn bytes(&self) -> usize {
        self.ends.last().map_or(0, |end| *end as usize)
    }

    /// The length of a text; none if there is no such text.
    pub(crate) fn text_len(&self, number: u32) -> Option<usize> {
        self.range(number).map(|range| range.len())
    }

    /// A text. `column` is what the dictionary was read from.
    pub(crate) fn text(&self, column: &[u8], number: u32) -> Result<&[u8], Invalid> {
        let range = self.range(number).ok_or(NO_TEXT)?;
        if range.is_empty() {
            return Ok(&[]);
        }
        // The last page that starts at or before the text; an empty dictionary has none.
        let page = self.pages.partition_point(|page| page.start <= range.start);
        let page = page.checked_sub(1).and_then(|page| self.pages.get(page)).ok_or(NO_TEXT)?;
        let bytes = match page.bytes.get() {
            Some(bytes) => bytes,
            None => {
                let stored = column.get(page.stored.clone()).ok_or(NO_TEXT)?;
                let bytes = Packed::get(&mut Input::new(stored))?.unpack(page.len as usize)?;
                page.bytes.get_or_init(|| bytes)
            }
        };
        let range = (range.start - page.start) as usize..(range.end - page.start) as usize;
        bytes.get(range).ok_or(NO_TEXT)
    }

    fn range(&self, number: u32) -> Option<Range<u32>> {
        let number = number as usize;
        let end = *self.ends.get(number)?;
        Some(number.checked_sub(1).map_or(0, |before| self.ends[before])..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(texts: &[Vec<u8>], numbers: &[u32]) -> usize {
        let mut packer = Packer::new().unwrap();
        let mut out = Vec::new();
        put_dictionary(texts.iter().map(Vec::as_slice), &mut packer, &mut out);
        put_codes(numbers, texts.len(), &mut packer, &mut out);
        let mut input = Input::new(&out);
        let dictionary = Dictionary::get(&out, &mut input, texts.len()).unwrap();
        let mut again = input;
        let codes = Codes::get(&mut input, numbers.len(), texts.len()).unwrap();
        assert_eq!(codes.into_vec().unwrap(), numbers);
        let mut codes = Codes::get(&mut again, numbers.len(), texts.len()).unwrap();
        for place in (0..numbers.len()).step_by(7).chain(0..numbers.len()) {
            assert_eq!(codes.at(place), Some(numbers[place]));
        }
        assert_eq!(codes.at(numbers.len()), None);
        input.end().unwrap();
        assert_eq!(dictionary.len(), texts.len());
        for (number, text) in (0..).zip(texts) {
            assert_eq!(dictionary.text(&out, number).unwrap(), text);
            assert_eq!(dictionary.text_len(number), Some(text.len()));
        }
        assert!(dictionary.text(&out, texts.len() as u32).is_err());
        out.len()
    }

    fn texts(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|number| format!("text {number}").into_bytes()).collect()
    }

    #[test]
    fn texts_and_codes_come_back() {
        round_trip(&[], &[]);
        round_trip(&[vec![]], &[0, 0, 0]);
        round_trip(&texts(3), &[0, 1, 0, 2, 1]);
        // Each new one after 77 old ones; each one twice, the second time in the same order.
        round_trip(&texts(500), &(0..500).flat_map(|i| [i, i * 31 % (i + 1)]).collect::<Vec<_>>());
        let twice: Vec<_> = (0..9_000).chain(0..9_000).collect();
        let steps = round_trip(&texts(9_000), &twice);
        let once = round_trip(&texts(9_000), &twice[..9_000]);
        assert!(steps < once + 100, "{steps} {once}");
    }

    #[test]
    fn long_and_empty_texts_come_back_from_their_pages() {
        let mut long = texts(20_000);
        long.push(vec![7; 3 * PAGE_BYTES]);
        long.push(vec![]);
        long.push(vec![8; PAGE_BYTES - 1]);
        long.extend([vec![], vec![9], vec![], vec![]]);
        round_trip(&long, &[]);
    }

    #[test]
    fn codes_beyond_the_dictionary_are_refused() {
        let mut packer = Packer::new().unwrap();
        for numbers in [(0..200).collect::<Vec<_>>(), (0..200).chain(50..200).collect(), vec![4; 9]]
        {
            let mut out = Vec::new();
            let texts = numbers.iter().max().unwrap() + 1;
            put_codes(&numbers, texts as usize, &mut packer, &mut out);
            let get = |texts: u32| Codes::get(&mut Input::new(&out), numbers.len(), texts as usize);
            assert!(get(texts).unwrap().into_vec().is_ok());
            assert!(get(texts - 1).unwrap().into_vec().is_err());
            let last = numbers.iter().position(|number| *number == texts - 1).unwrap();
            assert_eq!(get(texts - 1).unwrap().at(last), None);
        }
        assert!(Codes::get(&mut Input::new(&[9, 0, 0]), 1, 1).is_err());
    }
}

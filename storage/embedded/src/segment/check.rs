use super::catalogue::{ListCursor, Mirrored, SortedKeys};
use super::directory::Directory;
use super::error::{Part, SegmentError};
use super::{HEADER_LEN, Segment, header_of};

impl Segment {
    /// Reads everything but the blocks, and tells all that is damaged or can't be read. What is
    /// there twice is checked in both places.
    pub fn check(&self, mut report: impl FnMut(SegmentError)) {
        self.check_header(&mut report);
        for class in self.classes() {
            class.check(self.source(), &mut report);
        }
        for (part, distance) in
            [(Part::FirstCopy, 0), (Part::SecondCopy, self.directory().copy_len())]
        {
            match self.copy_is_sound(part, distance) {
                Ok(true) => {}
                Ok(false) => report(self.source().damaged(part)),
                Err(error) => report(error),
            }
        }
    }

    fn check_header(&self, report: &mut dyn FnMut(SegmentError)) {
        match self.source().read(0, HEADER_LEN as usize, Part::Header) {
            Ok(bytes) if bytes == header_of(self.directory().version) => {}
            Ok(_) => report(self.source().damaged(Part::Header)),
            Err(error) => report(error),
        }
    }

    fn copy_is_sound(&self, part: Part, distance: u64) -> Result<bool, SegmentError> {
        let directory = self.directory();
        for mut place in [directory.operations, directory.attributes] {
            place.offset += distance;
            // No other copy stands in here.
            let file = Mirrored { source: self.source().clone(), distance: 0, part };
            let mut keys = ListCursor::open(file, place)?;
            let mut last = None;
            while keys.advance()? {
                if last.as_deref().is_some_and(|last| last >= keys.key()) {
                    return Ok(false);
                }
                last = Some(keys.key().to_vec());
            }
        }
        let len = Directory::encoded_len(directory.blocks.len());
        let end = directory.catalogue() + directory.copy_len() + distance;
        let bytes = self.source().read(end - len as u64, len, part)?;
        Ok(Directory::decode(&bytes).as_ref() == Ok(directory))
    }
}

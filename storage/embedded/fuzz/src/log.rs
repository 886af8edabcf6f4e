//! A log, whose records can be mutated.

use crate::bytes::{Random, mutate, u32_at, u64_at};

const HEADER: usize = 24;
const RECORD: usize = 32;

#[derive(Clone, Debug)]
pub struct Log {
    header: Vec<u8>,
    salt: u64,
    records: Vec<Record>,
    /// What is no record.
    tail: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Record {
    salt: u64,
    arrival: u64,
    payload: Vec<u8>,
    /// Put over the payload's length and its checksum; zero leaves them right.
    wrong: [u32; 2],
    /// Bytes behind the record that belong to none.
    behind: Vec<u8>,
}

impl Log {
    pub fn decode(log: &[u8]) -> Option<Self> {
        let mut header = log.get(..HEADER)?.to_vec();
        let salt = u64_at(log, 12)?;
        header.truncate(20);
        let mut records = Vec::new();
        let mut at = HEADER;
        while let Some(len) = u32_at(log, at + 4)
            && log[at..].starts_with(b"\xf5\xeeRC")
            && let Some(payload) = log.get(at + RECORD..at + RECORD + len as usize)
        {
            let (salt, arrival) = (u64_at(log, at + 8)?, u64_at(log, at + 16)?);
            let (payload, wrong, behind) = (payload.to_vec(), [0; 2], Vec::new());
            records.push(Record { salt, arrival, payload, wrong, behind });
            at += RECORD + len as usize;
        }
        Some(Self { header, salt, records, tail: log[at..].to_vec() })
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.header.clone();
        out.extend(crc32fast::hash(&out).to_le_bytes());
        for Record { salt, arrival, payload, wrong, behind } in &self.records {
            let start = out.len();
            out.extend(b"\xf5\xeeRC");
            out.extend((payload.len() as u32 ^ wrong[0]).to_le_bytes());
            out.extend(salt.to_le_bytes());
            out.extend(arrival.to_le_bytes());
            out.extend((crc32fast::hash(payload) ^ wrong[1]).to_le_bytes());
            let mut checksum = crc32fast::Hasher::new();
            checksum.update(&out[start..]);
            checksum.update(&(start as u64).to_le_bytes());
            out.extend(checksum.finalize().to_le_bytes());
            out.extend(payload);
            out.extend(behind);
        }
        out.extend(&self.tail);
        out
    }

    pub fn mutate(&mut self, random: &mut Random) {
        let choice = random.below(10);
        let at = random.below(self.records.len());
        match self.records.get_mut(at) {
            _ if choice == 0 => mutate(&mut self.header),
            _ if choice == 1 => mutate(&mut self.tail),
            Some(record) if choice == 2 => mutate(&mut record.behind),
            Some(record) if choice == 3 => {
                record.wrong[random.below(2)] = 1 << random.below(32);
            }
            Some(record) if choice == 4 => record.salt ^= 1 << random.below(64),
            Some(record) if choice == 5 => {
                let again = record.clone();
                self.records.insert(at, again);
            }
            Some(_) if choice == 6 => drop(self.records.remove(at)),
            Some(record) => mutate(&mut record.payload),
            None => self.records.push(Record {
                salt: self.salt,
                arrival: 1,
                payload: vec![7; random.below(100)],
                wrong: [0; 2],
                behind: Vec::new(),
            }),
        }
    }
}

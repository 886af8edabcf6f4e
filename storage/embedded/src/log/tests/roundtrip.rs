use super::*;
use crate::disk::RealDisk;

#[test]
fn records_come_back_in_order_from_a_real_disk() {
    let dir = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(dir.path()).unwrap();
    let mut log = LogWriter::create(&disk, LOG, SALT).unwrap();
    assert!(log.is_empty());
    // Lengths around those at which a replay changes how it reads.
    let lengths = [0, 1, 300_000, 65_503, 65_504, 65_505, 65_535, 65_536, 65_537, 40, 1 << 20];
    let records: Vec<_> =
        lengths.iter().zip(0..).map(|(len, number)| record(number, *len)).collect();
    for batch in borrowed(&records).chunks(3) {
        log.append(batch).unwrap();
    }
    assert_eq!(log.unsynced(), 0);

    let (replayed, report) = read(&disk).unwrap();
    assert!(replayed == records);
    let end = log.len();
    assert_eq!(report, Report { records: 11, end, ..Report::default() });
}

#[test]
fn an_empty_log_has_no_records() {
    let disk = SimulatedDisk::new(0);
    LogWriter::create(&disk, LOG, SALT).unwrap().append(&[]).unwrap();
    let (records, report) = read(&disk).unwrap();
    assert_eq!(records, []);
    assert_eq!(report, Report { end: 24, ..Report::default() });
}

#[test]
fn the_bytes_of_version_1_are_these() {
    let bytes = bytes_of(&[Replayed { arrival: 0x0102_0304, payload: b"spans".to_vec() }]);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let header = "73706f6f726c6f6701000000175a175a175a175adf66b161";
    let record = "f5ee524305000000175a175a175a175a0403020100000000260a086892202c117370616e73";
    assert_eq!(hex, [header, record].concat());
}

#[test]
fn a_log_of_a_later_version_is_refused() {
    let mut bytes = bytes_of(&[record(1, 10)]);
    let header = LogHeader { version: 2, salt: SALT }.encode();
    bytes[..LogHeader::LEN].copy_from_slice(&header);
    let error = read(&disk_with(&bytes)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "reading the log log-1: its format has version 2, this program knows 1: use a newer one"
    );
}

#[test]
fn a_log_never_replaces_a_file() {
    let disk = SimulatedDisk::new(0);
    write_log(&disk, &[record(1, 10)]);
    let error = LogWriter::create(&disk, LOG, SALT).unwrap_err();
    assert!(matches!(error, LogError::Exists { .. }), "{error}");
    assert_eq!(read(&disk).unwrap().0, [record(1, 10)]);
}

#[test]
fn a_record_too_long_is_refused_with_its_batch_and_the_log_goes_on() {
    let disk = SimulatedDisk::new(0);
    let mut log = LogWriter::create(&disk, LOG, SALT).unwrap();
    let long = vec![0; crate::log::MAX_PAYLOAD + 1];
    let batch = [Record { arrival: 1, payload: b"short" }, Record { arrival: 2, payload: &long }];
    let error = log.append(&batch).unwrap_err();
    assert!(matches!(error, LogError::TooLong { .. }), "{error}");
    assert!(!log.is_given_up());
    log.append(&borrowed(&[record(3, 30)])).unwrap();
    assert_eq!(read(&disk).unwrap().0, [record(3, 30)]);
}

#[test]
fn a_sync_with_nothing_new_asks_nothing_of_the_disk() {
    let disk = SimulatedDisk::new(0);
    let mut log = LogWriter::create(&disk, LOG, SALT).unwrap();
    log.write(&borrowed(&[record(1, 10)])).unwrap();
    assert_eq!(log.unsynced(), 42);
    log.sync().unwrap();
    assert_eq!(log.unsynced(), 0);
    let calls = disk.calls();
    log.sync().unwrap();
    log.append(&[]).unwrap();
    assert_eq!(disk.calls(), calls);
}

//! The history of a training as an event file that TensorBoard reads.
//!
//! A file of TFRecords (length, data, and a masked CRC-32C of each), each an `Event` of
//! tensorflow's `event.proto`; field numbers are the standard's, fields that are not needed are left out.

use prost::Message;

use super::{EpochRecord, History};

/// TensorBoard looks for files with `tfevents` in their name.
pub const FILE: &str = "events.out.tfevents.kiln";

#[derive(Clone, PartialEq, Message)]
struct Event {
    /// When it was measured, in seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Scalar>,
}

#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, tag = "2")]
    simple_value: f32,
}

/// The content of an event file: for each epoch, counted from 1, the numbers of `metrics.csv` by the
/// names that they have there.
///
/// `ended`: when the last epoch ended, in seconds since 1970; the others lie before it by their times.
pub fn events(history: &History, ended: f64) -> Vec<u8> {
    let total = history.0.last().map_or(0.0, |epoch| epoch.seconds);
    let begun = ended - total;
    let mut bytes = Vec::new();
    let version = Some("brain.Event:2".to_owned());
    record(&mut bytes, &Event { wall_time: begun, step: 0, file_version: version, summary: None });
    for (step, epoch) in (1..).zip(&history.0) {
        let scalars = scalars(history, epoch);
        let value = scalars.map(|(tag, value)| Scalar { tag, simple_value: value as f32 }).collect();
        let summary = Some(Summary { value });
        record(&mut bytes, &Event { wall_time: begun + epoch.seconds, step, file_version: None, summary });
    }
    bytes
}

/// What was measured, by name.
fn scalars(history: &History, epoch: &EpochRecord) -> impl Iterator<Item = (String, f64)> {
    let measured = history.measurements().filter_map(|(tag, value)| Some((tag.to_owned(), value(epoch)?)));
    let rates = epoch.rates.iter().enumerate().map(|(group, rate)| (format!("lr/pg{group}"), *rate));
    measured.chain(rates)
}

fn record(bytes: &mut Vec<u8>, event: &Event) {
    let data = event.encode_to_vec();
    let length = (data.len() as u64).to_le_bytes();
    bytes.extend(length);
    bytes.extend(masked(crc32c(&length)).to_le_bytes());
    bytes.extend(&data);
    bytes.extend(masked(crc32c(&data)).to_le_bytes());
}

/// As TFRecord keeps checksums, so that one of data with checksums in it is still a good one.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), bit by bit: event files are small.
fn crc32c(bytes: &[u8]) -> u32 {
    let bit = |crc: u32| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(!0, |crc: u32, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| bit(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Scores;

    #[test]
    fn checksums_are_the_standards() {
        // RFC 3720, appendix B.4.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(masked(0), 0xa282_ead8);
    }

    /// The events of a file, with their checksums looked at.
    fn read(mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some((length, rest)) = bytes.split_first_chunk::<8>() {
            let size = u64::from_le_bytes(*length) as usize;
            let (data, end) = (&rest[4..4 + size], &rest[4 + size..]);
            assert_eq!(rest[..4], masked(crc32c(length)).to_le_bytes());
            assert_eq!(end[..4], masked(crc32c(data)).to_le_bytes());
            events.push(Event::decode(data).unwrap());
            bytes = &end[4..];
        }
        events
    }

    #[test]
    fn every_epoch_has_its_scalars_and_its_time() {
        let epoch = |seconds, top1| EpochRecord {
            seconds,
            waited: 0.0,
            train_loss: 2.0,
            scores: Some(Scores { top1, top5: Some(0.9), loss: 2.2 }),
            rates: vec![0.01, 0.01, 0.1],
        };
        let events = read(&events(&History(vec![epoch(2.0, 0.25), epoch(5.0, 0.5)]), 1000.0));
        assert_eq!(events[0].file_version.as_deref(), Some("brain.Event:2"));
        let times: Vec<(i64, f64)> = events.iter().map(|event| (event.step, event.wall_time)).collect();
        assert_eq!(times, [(0, 995.0), (1, 997.0), (2, 1000.0)]);
        let scalars = &events[2].summary.as_ref().unwrap().value;
        assert_eq!(scalars.len(), 7);
        let top1 = scalars.iter().find(|scalar| scalar.tag == "metrics/accuracy_top1").unwrap();
        assert_eq!(top1.simple_value, 0.5);
    }

    #[test]
    fn no_epochs_are_a_file_too() {
        assert_eq!(read(&events(&History::default(), 1.0)).len(), 1);
    }
}

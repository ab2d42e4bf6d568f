//! Reading logs: stamps, refusals, cut ends; and what the real logs hold.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use companion::autopilot::mavlink::Refusal;
use companion::autopilot::tlog::{Entry, TlogError, TlogReader};
use proptest::prelude::*;
use support::{LOG_START_US, Tlog, damaged, flights, straight_flight};

struct Read {
    times_us: Vec<u64>,
    refusals: Vec<(Refusal, Option<u32>)>,
    error: Option<TlogError>,
}

fn read<'a>(bytes: &'a [u8]) -> (Read, TlogReader<'a>) {
    let mut reader = TlogReader::new(bytes);
    let mut read = Read {
        times_us: Vec::new(),
        refusals: Vec::new(),
        error: None,
    };
    loop {
        match reader.next_entry() {
            Ok(Some(Entry::Frame { time_us, .. })) => read.times_us.push(time_us),
            Ok(Some(Entry::Refused {
                refusal,
                message_id,
                ..
            })) => read.refusals.push((refusal, message_id)),
            Ok(None) => break,
            Err(error) => {
                read.error = Some(error);
                break;
            }
        }
    }
    assert!(
        read.times_us.is_sorted(),
        "the clock given out never runs back"
    );
    (read, reader)
}

fn shifted(mut log: Tlog, from: usize, back_us: u64) -> Tlog {
    for entry in from..log.entries.len() {
        log.set_stamp(entry, log.stamp(entry) - back_us);
    }
    log
}

#[test]
fn an_undamaged_log_is_read_whole_on_its_own_stamps() {
    let log = straight_flight(4);
    let (read, reader) = read(&log.bytes);
    let stamps: Vec<_> = (0..log.entries.len())
        .map(|entry| log.stamp(entry))
        .collect();
    assert_eq!(read.times_us, stamps);
    assert_eq!(read.times_us[0], LOG_START_US);
    assert_eq!(reader.statistics().refusals.total(), 0);
    assert_eq!(reader.clock_counts().reversals, 0);
    assert_eq!(reader.cut_at(), None);
}

#[test]
fn stamps_that_run_back_by_up_to_a_second_are_counted_and_survived() {
    let log = shifted(straight_flight(4), 100, 900_000);
    let (read, reader) = read(&log.bytes);
    assert_eq!(read.error, None);
    assert_eq!(read.times_us.len(), log.entries.len());
    assert_eq!(reader.clock_counts().reversals, 1);
    assert_eq!(reader.clock_counts().damaged, 0);
}

#[test]
fn a_clock_that_runs_back_by_more_than_a_second_ends_the_log_with_its_place_and_size() {
    let log = shifted(straight_flight(8), 300, 1_500_000);
    let (read, _) = read(&log.bytes);
    let Some(TlogError::RunsBack {
        offset,
        from_us,
        to_us,
    }) = read.error
    else {
        panic!("not an error");
    };
    assert_eq!(offset, log.entries[300] as u64 + 8);
    assert_eq!(from_us, log.stamp(299));
    assert_eq!(to_us, log.stamp(300));
    assert_eq!(read.times_us.len(), 300, "everything before it was read");
}

#[test]
fn one_stamp_far_back_in_a_log_without_damage_is_an_error_too() {
    let mut log = straight_flight(8);
    log.set_stamp(300, log.stamp(300) - 2_000_000);
    assert!(read(&log.bytes).0.error.is_some());
}

#[test]
fn a_flipped_bit_in_a_stamp_costs_nothing_but_that_stamp() {
    for bit in 0..64 {
        let mut log = straight_flight(8);
        let entry = 300 + usize::from(bit % 7 == 0);
        log.set_stamp(entry, log.stamp(entry) ^ (1 << bit));
        let (read, reader) = read(&log.bytes);
        assert_eq!(read.error, None, "bit {bit}");
        assert_eq!(read.times_us.len(), log.entries.len());
        let worst = (0..log.entries.len())
            .map(|entry| log.stamp(entry).abs_diff(read.times_us[entry]))
            .enumerate()
            .filter(|(other, _)| *other != entry)
            .map(|(_, error)| error)
            .max();
        assert!(worst <= Some(100_000), "bit {bit}: {worst:?} us off");
        let counts = reader.clock_counts();
        assert!(counts.reversals + counts.damaged <= 1);
    }
}

#[test]
fn a_damaged_first_stamp_does_not_set_the_clock() {
    for bit in [21, 40, 52, 63] {
        let mut log = straight_flight(4);
        log.set_stamp(0, log.stamp(0) ^ (1 << bit));
        let (read, _) = read(&log.bytes);
        assert_eq!(read.error, None, "bit {bit}");
        assert!(
            read.times_us[0].abs_diff(LOG_START_US) < 100_000,
            "bit {bit}"
        );
    }
}

#[test]
fn a_pause_in_the_log_is_followed() {
    let mut log = straight_flight(4);
    for entry in 200..log.entries.len() {
        log.set_stamp(entry, log.stamp(entry) + 600_000_000);
    }
    let (read, reader) = read(&log.bytes);
    assert_eq!(read.times_us[200], log.stamp(200));
    assert_eq!(reader.clock_counts().damaged, 0);
}

#[test]
fn a_log_that_ends_inside_a_frame_is_read_to_there_and_says_so() {
    let log = straight_flight(2);
    let last = *log.entries.last().unwrap();
    for keep in last + 1..log.bytes.len() {
        let (read, reader) = read(&log.bytes[..keep]);
        assert_eq!(reader.cut_at(), Some(last as u64), "{keep} bytes");
        assert_eq!(read.refusals, []);
        assert_eq!(reader.statistics().skipped_bytes, (keep - last) as u64);
        assert_eq!(read.times_us.len(), log.entries.len() - 1);
    }
}

#[test]
fn the_radio_log_is_read_to_its_end_with_each_kind_of_refusal_counted() {
    let Some(bytes) = flights::bytes("copter_radio_link.tlog") else {
        return;
    };
    let (read, reader) = read(&bytes);
    assert_eq!(read.error, None);
    let outdated = read
        .refusals
        .iter()
        .filter(|refusal| **refusal == (Refusal::BadCrc, Some(142)))
        .count();
    assert_eq!(outdated, 1314);
    let refusals = reader.statistics().refusals;
    assert_eq!(refusals.bad_crc, 1314);
    assert_eq!(refusals.total(), 1314);
    assert_eq!(
        reader.cut_at(),
        Some(2_723_821),
        "the file ends inside a frame"
    );
    assert_eq!(reader.statistics().skipped_bytes, 19);
    let lost: Vec<_> = reader
        .statistics()
        .sequences
        .senders()
        .map(|sender| (sender.sender.system, sender.sender.component, sender.lost))
        .collect();
    assert!(lost.contains(&(1, 1, 450)), "{lost:?}");
    assert!(lost.contains(&(255, 0, 0)), "{lost:?}");
    assert_eq!(lost.len(), 3, "copter, radio and ground station");
    assert_eq!(reader.clock_counts().damaged, 0);
}

#[test]
fn the_fixed_wing_logs_hold_no_damage() {
    for (name, frames) in [
        ("thor75.tlog", 87_488),
        ("proto09.tlog", 42_970),
        ("swiss1.tlog", 17_618),
    ] {
        let Some(bytes) = flights::bytes(name) else {
            continue;
        };
        let (read, reader) = read(&bytes);
        assert_eq!(read.times_us.len(), frames, "{name}");
        assert_eq!(reader.statistics().refusals.total(), 0, "{name}");
        assert_eq!(reader.statistics().sequences.lost(), 0, "{name}");
        let counts = reader.clock_counts();
        assert_eq!((counts.reversals, counts.damaged), (0, 0), "{name}");
    }
}

mod properties {
    use super::*;

    /// How far the times of a damaged log may be off at either end and still count as right.
    const CLOCK_TOLERANCE_US: u64 = 1_500_000;

    /// One bit of a stamp, flipped where its neighbours are damaged too, cannot always be told from a
    /// pause of the same length; how rarely it succeeds is held here.
    #[test]
    fn damage_moves_the_clock_in_fewer_than_one_log_of_a_thousand() {
        const LOGS: u64 = 4000;
        let log = straight_flight(20);
        let end = log.stamp(log.entries.len() - 1);
        let moved = (0..LOGS)
            .filter(|seed| {
                let injuries = 1 + (seed % 39) as usize;
                let (read, _) = read(&damaged(&log.bytes, *seed, injuries));
                let (first, last) = (read.times_us[0], read.times_us[read.times_us.len() - 1]);
                first.abs_diff(LOG_START_US) > CLOCK_TOLERANCE_US
                    || last.abs_diff(end) > CLOCK_TOLERANCE_US
            })
            .count();
        println!("damage moved the clock of {moved} logs of {LOGS}");
        assert!(moved as u64 * 1000 < LOGS, "{moved} of {LOGS}");
    }

    proptest! {
        #[test]
        fn damage_never_stops_the_reader_nor_turns_its_clock_back(
            seed in any::<u64>(), injuries in 1_usize..40,
        ) {
            let log = straight_flight(20);
            let bytes = damaged(&log.bytes, seed, injuries);
            let (read, _) = read(&bytes);
            prop_assert_eq!(read.error, None);
            prop_assert!(read.times_us.len() + 3 * injuries >= log.entries.len());
            prop_assert!(read.times_us.is_sorted());
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
            read(&bytes);
        }
    }
}

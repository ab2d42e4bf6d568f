//! Whatever happens in whatever order: what was promised is there, what is missing is explained.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use fdr_format::RecordType;
use proptest::prelude::*;

use super::rig::{MS, Rig, event, imu};

#[derive(Debug, Clone)]
enum Step {
    Append { records: u16, critical: bool },
    Pass { ms: u8 },
    Collect,
    Flush,
    Write { blocks: u8 },
    FailSync,
    FailWrite,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..3000u16, any::<bool>()).prop_map(|(records, critical)| Step::Append { records, critical }),
        3 => (0..200u8).prop_map(|ms| Step::Pass { ms }),
        6 => Just(Step::Collect),
        2 => Just(Step::Flush),
        6 => (1..6u8).prop_map(|blocks| Step::Write { blocks }),
        1 => Just(Step::FailSync),
        1 => Just(Step::FailWrite),
    ]
}

/// Appends with the index as time, and counts what the ring refused.
fn append(rig: &mut Rig, records: u16, critical: bool, next: &mut u64, refused: &mut u64) {
    for _ in 0..records {
        let record = if critical { event(*next) } else { imu(*next) };
        *refused += u64::from(rig.sender.append(&record, *next).is_err());
        *next += 1;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn every_record_is_there_or_its_loss_is_recorded(steps in prop::collection::vec(step(), 1..80)) {
        let mut rig = Rig::new(1 << 20, 8, 400 << 10);
        let (mut next, mut refused, mut promised) = (0, 0, 0);
        let doubtful = steps.iter().any(|step| matches!(step, Step::FailSync | Step::FailWrite));
        for step in steps {
            match step {
                Step::Append { records, critical } =>
                    append(&mut rig, records, critical, &mut next, &mut refused),
                Step::Pass { ms } => rig.now += u64::from(ms) * MS,
                Step::Collect => rig.collect(),
                Step::Flush => rig.flush(),
                Step::Write { blocks } => for _ in 0..blocks { rig.write_one(); },
                Step::FailSync => rig.faults.sync(ErrorKind::Other),
                Step::FailWrite => rig.faults.write(ErrorKind::Other),
            }
            prop_assert!(rig.promised() >= promised, "a promise is never taken back");
            promised = rig.promised();
        }
        rig.write_all();
        rig.collect();
        rig.write_all();
        rig.faults.clear();
        let flight = rig.finish();
        prop_assert_eq!(flight.verdict.exit_code, 0, "{:?}", flight.verdict.findings);
        let appended = [RecordType::IMU_TRACE, RecordType::NAVIGATOR_EVENT];
        let kept: Vec<u64> = flight.records.iter()
            .filter(|record| appended.contains(&record.1))
            .map(|record| record.2)
            .collect();
        prop_assert!(kept.is_sorted());
        let counted = |cause: &str| appended.iter().map(|kind| flight.lost(cause, *kind)).sum::<u64>();
        // What is in doubt after a failure counts as lost and may still be there; a count that is in
        // doubt is told again.
        prop_assert!(counted("ring_full") >= refused);
        prop_assert!(doubtful || counted("ring_full") == refused);
        let kept: BTreeSet<u64> = kept.into_iter().collect();
        let explained = kept.len() as u64 + refused + counted("io_stall") + counted("io_error");
        prop_assert!(explained >= next, "{} kept, {} explained of {}", kept.len(), explained, next);
        prop_assert!(doubtful || explained == next);
    }
}

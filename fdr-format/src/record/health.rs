//! The machine and the recorder watching themselves.

use super::emission::Severity;
use crate::identity::Digest;
use crate::layout::{LongBytes, enumeration, layout};

layout! {
    /// State of the machine, once a second.
    struct SystemHealth {
        /// When it was sampled.
        time_ns: u64,
        /// Processor load over all cores, 0 to 100.
        cpu_percent: f64,
        /// Graphics processor load, 0 to 100, where there is one.
        gpu_percent: Option<f64>,
        /// Hottest sensor, where there is one.
        temperature_c: Option<f64>,
        /// Whether the machine slows itself down, for heat or power.
        throttled: bool,
        /// Main memory in use.
        ram_used_bytes: u64,
        /// Main memory.
        ram_total_bytes: u64,
        /// Graphics memory in use, where it is separate.
        vram_used_bytes: Option<u64>,
        /// Graphics memory, where it is separate.
        vram_total_bytes: Option<u64>,
        /// Free space of the recording's file system.
        nvm_free_bytes: u64,
        /// Size of the recording's file system.
        nvm_total_bytes: u64,
    }

    /// The vision load was changed to follow the heat.
    struct ThermalThrottleHybridSwitch {
        /// When.
        time_ns: u64,
        /// Frames per keyframe (K) before.
        from_k: u8,
        /// Frames per keyframe (K) from now on.
        to_k: u8,
        /// Why.
        reason: ThermalReason,
        /// Hottest sensor, where there is one.
        temperature_c: Option<f64>,
    }

    /// The recorder's own figures, once a second.
    struct RecorderTelemetry {
        /// When.
        time_ns: u64,
        /// Last sequence number known to be on the device.
        durable_sequence: u64,
        /// Age of the oldest record that is not.
        durable_lag_ns: u64,
        /// Least free space of any producer's ring since the last record of this type.
        ring_free_min_bytes: u64,
        /// Least free staging space since the last record of this type.
        staging_free_min_bytes: u64,
        /// Segments and blocks dropped in this flight.
        dropped: u64,
        /// Records refused in this flight.
        refused: u64,
        /// 99th percentile of the sync time since the last record of this type.
        sync_p99_ns: u64,
        /// Longest sync since the last record of this type.
        sync_worst_ns: u64,
        /// Free bytes of the file system.
        disk_free_bytes: u64,
        /// Free inodes of the file system.
        disk_free_inodes: u64,
        /// Wear of the device, percent of its rated life, where it says so.
        nvme_wear_percent: Option<u8>,
    }

    /// A part of the program started, stopped, failed, or lost something.
    struct ComponentLifecycleEvent<'a> {
        /// When.
        time_ns: u64,
        /// How much it matters.
        severity: Severity,
        /// What happened.
        event: LifecycleEvent,
        /// Segment concerned, as in its header; the sequence numbers are those of its stream.
        segment: Option<u32>,
        /// First sequence number lost.
        first_sequence: Option<u64>,
        /// Last sequence number lost; the last valid one for `fdr_segment_recovered`.
        last_sequence: Option<u64>,
        /// Time of the first record lost.
        first_time_ns: Option<u64>,
        /// Time of the last record lost.
        last_time_ns: Option<u64>,
        /// Bytes lost; valid bytes for `fdr_segment_recovered`.
        bytes: u64,
        /// `chain` of the segment that was dropped; BLAKE3 of the valid bytes for
        /// `fdr_segment_recovered`.
        digest: Option<Digest>,
        /// Part of the program.
        component: &'a str,
        /// Cause: for a loss the name of a `LossCause`, otherwise in the words of the component.
        cause: &'a str,
        /// For people.
        text: &'a str,
        /// Records lost, by type.
        counts: super::List<'a, super::TypeCount>,
    }

    /// One message of the program's log, WARN and above.
    struct Log<'a> {
        /// When.
        time_ns: u64,
        /// How much it matters.
        severity: Severity,
        /// Where in the program.
        target: &'a str,
        /// For people.
        text: &'a str,
    }

    /// The complete state of the navigator, from which a re-run can start.
    struct Checkpoint<'a> {
        /// When it was taken.
        time_ns: u64,
        /// Version of the core that can read it.
        core_version: u32,
        /// The state, in the core's own encoding.
        bytes: LongBytes<'a>,
    }
}

enumeration! {
    /// What happened to a part of the program, or to the recording.
    enum LifecycleEvent: u8 {
        /// It started.
        Started = 0,
        /// It ended as asked.
        Stopped = 1,
        /// It failed.
        Failed = 2,
        /// It was started again after a failure.
        Restarted = 3,
        /// Records already numbered were lost: `first_sequence` to `last_sequence`.
        FdrSegmentDropped = 4,
        /// Records were lost before they were numbered: `counts`.
        FdrRecordsRefused = 5,
        /// A segment that was not closed was read again after a restart: it is valid up to byte
        /// `bytes` and record `last_sequence`.
        FdrSegmentRecovered = 6,
        /// Recording goes on with limits, or not at all for now: `cause`.
        FdrDegraded = 7,
        /// Recording is as it should be again.
        FdrResumed = 8,
        /// The oldest segments are no longer dropped.
        FdrFrozen = 9,
        /// The oldest segments are dropped again.
        FdrThawed = 10,
        /// The segment is kept whatever happens.
        FdrSegmentPinned = 11,
    }

    /// Why the vision load was changed.
    enum ThermalReason: u8 {
        /// Hotter than the limit.
        Hot = 0,
        /// The machine slows itself down.
        Throttled = 1,
        /// Cool again for long enough.
        Recovered = 2,
    }
}

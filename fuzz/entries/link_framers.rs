//! What must hold for any bytes on a link. The fuzz targets call these functions on nightly; the
//! property tests of `companion/tests/any_bytes.rs` call the same ones on stable, from the same seeds.

use companion::autopilot::mavlink::{Frame, Framer, LinkStatistics, Received};
use companion::autopilot::msp::{FRAME_MAX, MspFramer};
use companion::autopilot::tlog::{Entry, TlogReader};

/// The first byte says in which pieces the rest arrives.
fn pieces(bytes: &[u8]) -> (usize, &[u8]) {
    match bytes {
        [] => (1, bytes),
        [first, rest @ ..] => (usize::from(*first) + 1, rest),
    }
}

fn mavlink_frames(stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, LinkStatistics) {
    let mut framer = Framer::default();
    let mut frames = Vec::new();
    for mut piece in stream.chunks(piece) {
        while !piece.is_empty() {
            let taken = framer.push(piece);
            assert!(taken > 0, "the framer is stuck");
            piece = &piece[taken..];
            while let Some(received) = framer.receive() {
                if let Received::Frame(frame) = received {
                    // Reading the message may fail, but must not panic.
                    let _ = frame.message();
                    frames.push(frame.bytes().to_vec());
                }
            }
        }
    }
    (frames, framer.statistics().clone())
}

/// Any bytes on a MAVLink link, and as a log.
///
/// # Panics
/// When something that must hold does not.
pub fn mavlink_framer(bytes: &[u8]) {
    let (piece, stream) = pieces(bytes);
    let (frames, statistics) = mavlink_frames(stream, piece);
    let used: usize = frames.iter().map(Vec::len).sum();
    assert!(used as u64 + statistics.skipped_bytes <= stream.len() as u64);
    assert_eq!(statistics.frames, frames.len() as u64);
    for frame in &frames {
        assert!(
            Frame::parse(frame).is_ok(),
            "a frame was handed out that is none"
        );
    }
    let (whole, _) = mavlink_frames(stream, stream.len().max(1));
    assert_eq!(
        frames, whole,
        "the frames depend on the pieces they came in"
    );

    let mut reader = TlogReader::new(stream);
    let mut latest_us = 0;
    while let Ok(Some(entry)) = reader.next_entry() {
        if let Entry::Frame { time_us, frame, .. } = entry {
            assert!(time_us >= latest_us, "the log's clock ran back");
            latest_us = time_us;
            let _ = frame.message();
        }
        assert!(reader.position() <= stream.len() as u64);
    }
}

fn msp_frames(stream: &[u8], piece: usize) -> (Vec<(u16, Vec<u8>)>, MspFramer) {
    let mut framer = MspFramer::default();
    let mut frames = Vec::new();
    for mut piece in stream.chunks(piece) {
        while !piece.is_empty() {
            let taken = framer.push(piece);
            assert!(taken > 0, "the framer is stuck");
            piece = &piece[taken..];
            while let Some(frame) = framer.receive() {
                let mut again = [0; FRAME_MAX];
                let length = frame.encode(&mut again);
                assert!(length.is_ok(), "a frame was handed out that cannot be sent");
                frames.push((frame.command, frame.payload.to_vec()));
            }
        }
    }
    (frames, framer)
}

/// Any bytes on an MSP link.
///
/// # Panics
/// When something that must hold does not.
pub fn msp_framer(bytes: &[u8]) {
    let (piece, stream) = pieces(bytes);
    let (frames, framer) = msp_frames(stream, piece);
    let statistics = framer.statistics();
    assert_eq!(statistics.frames, frames.len() as u64);
    assert!(statistics.skipped_bytes <= stream.len() as u64);
    let (whole, _) = msp_frames(stream, stream.len().max(1));
    assert_eq!(
        frames, whole,
        "the frames depend on the pieces they came in"
    );
}

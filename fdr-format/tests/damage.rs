//! One bit or one page of a large recording is lost: the rest of it is read, and nothing wrong is.
//!
//! `just bench-damage` makes the whole table, beside `mcap`.

#[path = "support/bodies.rs"]
mod bodies;
#[path = "support/damage.rs"]
mod damage;

use damage::{Cell, Harm, Reader, Recording};

#[test]
fn behind_a_flipped_bit_or_a_lost_page_the_rest_is_read_and_nothing_wrong_is_delivered() {
    let mut recording = Recording::new(Reader::Ours);
    let mut random = bodies::seeded(0x64_616D_6167_6531);
    for (harm, least) in [(Harm::BitFlipped, 0.999_99), (Harm::PageLost, 0.999)] {
        let cell: Cell = recording.trials(harm, 50, &mut random);
        assert_eq!(
            (cell.wrong, cell.silent_losses),
            (0, 0),
            "{harm:?}: {cell:?}"
        );
        assert!(cell.share() >= least, "{harm:?}: {}", cell.share());
    }
}

//! Cuts the power at every moment of a flight, in every way, and checks what is left.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::check::{self, Read};
use super::content::{PAGE, SECTOR, mix};
use super::disk::{Cut, Disk, Image};
use super::flight::{Dice, Ending, Script, fly, fly_on, segment_room};
use super::mount::Mount;
use super::volume::{Boundary, Faults, SimVolume, Trace};

/// Of so many boundaries, one is where the flight goes on after a restart.
const RESTARTS: u64 = 24;
/// When it goes on, in the same boot.
const RESTARTED_NS: u64 = 60_000_000_000;

/// What the disk is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// What was published as durable is.
    Kept,
    /// Nothing is certain, because syncs did nothing.
    Void,
}

/// What was seen so far.
pub struct Tester {
    mount: Mount,
    promise: Promise,
    /// Hashes of the durable images that were checked, by all testers that share them.
    states: Arc<Mutex<HashSet<u64>>>,
    /// Images together with what was promised of them.
    checked: HashSet<u64>,
}

impl Tester {
    pub fn new(promise: Promise) -> Self {
        Self {
            mount: Mount::new(),
            states: Arc::default(),
            checked: HashSet::new(),
            promise,
        }
    }

    /// One that counts its states together with this one.
    pub fn beside(&self) -> Self {
        Self {
            states: Arc::clone(&self.states),
            ..Self::new(self.promise)
        }
    }

    /// Distinct durable images checked.
    pub fn states(&self) -> usize {
        self.states
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Flies on an empty disk and cuts everywhere; `chances` random cuts at each boundary beside the
    /// regular ones. From some of what is left the flight goes on, and is cut again.
    pub fn fly_and_cut(&mut self, script: &Script, faults: Faults, chances: u64) -> Trace {
        let volume = SimVolume::new(Disk::default(), HashMap::new(), faults);
        let ending = fly(&volume, script);
        let trace = volume.into_trace();
        let what = format!("{script:?}, {faults:?}");
        self.cut(&trace, script.seed, chances, &what);
        assert_ne!(ending, Ending::Stuck, "{what}");
        self.judge_end(ending, &trace, &what);
        if self.promise == Promise::Kept {
            let mut dice = Dice(script.seed ^ 0xD1CE);
            let places = trace.boundaries.len() as u64;
            for _ in 0..places / RESTARTS {
                let boundary = &trace.boundaries[dice.below(places) as usize];
                self.restart(script, boundary, &trace, &what, &mut dice);
            }
        }
        trace
    }

    /// The flight goes on after a cut, and the power is cut again.
    fn restart(
        &mut self,
        script: &Script,
        boundary: &Boundary,
        trace: &Trace,
        what: &str,
        dice: &mut Dice,
    ) {
        let cuts = cuts(boundary, dice.below(u64::MAX), 2);
        let cut = cuts[dice.below(cuts.len() as u64) as usize];
        let image = boundary.disk.image(cut);
        let before = self.read(&image, trace);
        // The numbers of what is gone for good may be given again.
        let mut written = trace.written.clone();
        written
            .retain(|key, _| before.sequences[usize::from(key.essential)].contains(&key.sequence));
        let disk = Disk::holding(&image);
        let faults = match dice.below(4) {
            0 => Faults {
                eio: Some((1 + dice.below(90), 1 + dice.below(4))),
                ..Faults::default()
            },
            1 => Faults {
                capacity: Some(disk.allocated() + dice.below(6) * segment_room()),
                ..Faults::default()
            },
            _ => Faults::default(),
        };
        let volume = SimVolume::new(disk, written, faults);
        let further = Script {
            seed: dice.below(u64::MAX),
            steps: 12,
            stalls: false,
            freezes_at: None,
            ..*script
        };
        let ending = fly_on(&volume, &further, boundary.promised, RESTARTED_NS);
        let trace = volume.into_trace();
        let what = format!(
            "{what}, call {}, {cut:?}, went on with {faults:?}",
            boundary.calls
        );
        self.cut(&trace, further.seed, 2, &what);
        self.judge_end(ending, &trace, &what);
        // What was promised can be gone on with, unless the flight had ended.
        match ending {
            Ending::NothingToGoOnWith => {
                assert!(before.footer || boundary.promised == [0; 2], "{what}");
            }
            Ending::Killed | Ending::Closed => {}
            Ending::NotBegun if faults != Faults::default() => {}
            Ending::NotBegun | Ending::Stuck => panic!("{what}: {ending:?}"),
        }
    }

    fn judge_end(&mut self, ending: Ending, trace: &Trace, what: &str) {
        if ending != Ending::Closed || self.promise == Promise::Void {
            return;
        }
        if let Some(last) = trace.boundaries.last() {
            let read = self.read(&last.disk.image(Cut::Lost), trace);
            if let Err(error) = check::ended(&read) {
                panic!("{what}: {error}\n{read}");
            }
        }
    }

    fn cut(&mut self, trace: &Trace, seed: u64, chances: u64, what: &str) {
        for boundary in &trace.boundaries {
            for cut in cuts(boundary, mix(seed ^ boundary.calls), chances) {
                let image = boundary.disk.image(cut);
                let what = || format!("{what}, call {}, {cut:?}", boundary.calls);
                self.check(&image, boundary, trace, &what);
            }
        }
    }

    /// What the reader makes of an image.
    pub fn read(&mut self, image: &Image, trace: &Trace) -> Read {
        check::read(self.mount.show(image), image, &trace.written).unwrap()
    }

    /// Flies, cuts the power and changes one bit of what is left, `flips` times. Says how many bits
    /// were changed.
    pub fn fly_and_flip(&mut self, script: &Script, flips: u64) -> u64 {
        let volume = SimVolume::new(Disk::default(), HashMap::new(), Faults::default());
        fly(&volume, script);
        let trace = volume.into_trace();
        let mut dice = Dice(script.seed);
        let mut flipped = 0;
        for _ in 0..flips {
            let boundary = &trace.boundaries[dice.below(trace.boundaries.len() as u64) as usize];
            let mut image = boundary.disk.image(Cut::Lost);
            let before = self.read(&image, &trace);
            let segments = image.files.iter_mut().filter(|(path, content)| {
                path.parent()
                    .is_some_and(|folder| folder.ends_with("segments"))
                    && content.length > 0
            });
            let mut segments: Vec<_> = segments.collect();
            if segments.is_empty() {
                continue;
            }
            let chosen = dice.below(segments.len() as u64) as usize;
            let bit = dice.below(segments[chosen].1.length * 8);
            segments[chosen].1.flip(bit);
            let path = segments[chosen].0.clone();
            let after = self.read(&image, &trace);
            if let Err(error) = check::one_flip(&before, &after) {
                panic!(
                    "{script:?}, call {}, bit {bit} of {}: {error}",
                    boundary.calls,
                    path.display()
                );
            }
            flipped += 1;
        }
        flipped
    }

    fn check(
        &mut self,
        image: &Image,
        boundary: &Boundary,
        trace: &Trace,
        what: &dyn Fn() -> String,
    ) {
        let hash = image.hash();
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.insert(hash);
        drop(states);
        if !self
            .checked
            .insert(mix(mix(hash ^ boundary.promised[0]) ^ boundary.promised[1]))
        {
            return;
        }
        let path = self.mount.show(image);
        let read = check::read(path, image, &trace.written)
            .unwrap_or_else(|error| panic!("{}: {error}", what()));
        let judged = match (self.promise, &read.verdict) {
            (Promise::Kept, _) => check::judge(&read, image, boundary.promised),
            (Promise::Void, Some(verdict)) => check::honest(&read, verdict),
            (Promise::Void, None) => Ok(()),
        };
        if let Err(error) = judged {
            panic!("{}: {error}\n{read}", what());
        }
    }
}

/// The ways in which the power is cut at a boundary: nothing arrives, everything, everything up to each
/// change, the first parts of each change, and parts by chance.
fn cuts(boundary: &Boundary, seed: u64, chances: u64) -> Vec<Cut> {
    let pending = boundary.disk.pending();
    let mut cuts = vec![Cut::Lost];
    if pending.is_empty() {
        return cuts;
    }
    cuts.push(Cut::KEPT);
    let mut dice = Dice(seed);
    for &(moment, sectors) in pending.iter().rev().take(8) {
        cuts.push(Cut::Before(moment));
        if sectors > 0 {
            let parts = 1 + dice.below(sectors as u64 - 1) as usize;
            cuts.push(Cut::Torn {
                at: moment,
                unit: SECTOR,
                parts,
            });
            let parts = 1 + dice.below((sectors * SECTOR / PAGE) as u64) as usize;
            cuts.push(Cut::Torn {
                at: moment,
                unit: PAGE,
                parts,
            });
        }
    }
    for chance in 0..chances {
        let unit = if chance.is_multiple_of(2) {
            PAGE
        } else {
            SECTOR
        };
        cuts.push(Cut::Reordered {
            unit,
            seed: dice.below(u64::MAX),
        });
    }
    cuts
}

//! The camera of a replay: photographs beside the log, seen in step with it.
//!
//! Vision runs on its own thread in flight, and when its results arrive differs from flight to flight. Here it
//! runs in step, and its results arrive with delays that are always the same, so that two replays of the same
//! log and photographs are equal to the last byte.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use fdr_format::PublicKey;
use fdr_format::records::Severity;
use serde::Serialize;

use super::error::ReplayError;
use super::feed::Observer;
use crate::navigator::{
    AnchorVerdict, FrameExposed, FrameOutcome, Input, MonotonicNs, Output, TakeoffOrigin,
    VisualOdometry,
};
use crate::pipeline::{Pipeline, Product};
use crate::recorder::RecorderConfig;
use crate::vision::eye::{Eye, Seen};
use crate::vision::frame_source::FolderSource;
use crate::vision::image::Pyramid;
use crate::vision::map::manifest::Origin;
use crate::vision::map::{GateRefusal, open_on_the_ground};
use crate::vision::map_search::MapSearched;
use crate::vision::midflight::{KeptTile, TileMaker, TileProduct, TileShelf};
use crate::vision::notices::Notice;
use crate::vision::photos::PhotoFolder;
use crate::vision::situation::Situation;

/// From the middle of an exposure to the frame in memory.
const READOUT_NS: u64 = 20_000_000;
/// From the middle of an exposure to the odometry's result.
const ODOMETRY_NS: u64 = 60_000_000;
/// From the middle of an exposure to the map's result.
const SEARCH_NS: u64 = 120_000_000;

/// What a replay sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SightOptions {
    /// Folder of photographs with `frames.csv` and `camera.toml`, on the log's clock.
    pub frames: PathBuf,
    /// The map: a package, or a bare file of tiles.
    pub map: Option<PathBuf>,
    /// Whose signature a package must bear; nobody's when empty.
    pub map_keys: Vec<PublicKey>,
}

/// What vision did in a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SightCounts {
    /// Frames.
    pub frames: u64,
    /// Those whose motion since the keyframe was found.
    pub registered: u64,
    /// Those that were searched for on the map.
    pub searched: u64,
    /// Those that were found there.
    pub matched: u64,
    /// Those whose anchor the navigator fused.
    pub anchored: u64,
    /// Tiles that were made of them.
    pub tiles: u64,
    /// Frames that gave no tile.
    pub tiles_failed: u64,
}

/// A result on its way.
enum Due {
    Odometry(VisualOdometry),
    Searched(Box<(MapSearched, Pyramid)>),
}

/// The camera, the eye behind it, and what it makes.
pub struct Sight {
    source: FolderSource,
    eye: Eye,
    situation: Situation,
    waiting: VecDeque<(MonotonicNs, Due)>,
    maker: TileMaker,
    shelf: Option<TileShelf>,
    origin: Option<TakeoffOrigin>,
    counts: SightCounts,
    notices: Vec<Notice>,
    refusal: Option<GateRefusal>,
}

impl Sight {
    /// Opens photographs and map for a log that began at `start_us`, unix time. A map that is refused is told
    /// of, and the replay goes on without.
    ///
    /// # Errors
    /// When the folder or its calibration cannot be used, or none of its photographs is of that time.
    pub fn open(options: &SightOptions, start_us: u64) -> Result<Self, ReplayError> {
        let folder = PhotoFolder::open(&options.frames).map_err(ReplayError::Frames)?;
        let camera = folder.camera().clone();
        let source = FolderSource::new(folder, start_us);
        if source.next_exposure().is_none() {
            let path = options.frames.clone();
            return Err(ReplayError::NoFrames { path, start_us });
        }
        let mut sight = Self {
            source,
            eye: Eye::new(camera.clone(), None),
            situation: Situation::default(),
            waiting: VecDeque::new(),
            maker: TileMaker::new(camera.clone()),
            shelf: None,
            origin: None,
            counts: SightCounts::default(),
            notices: Vec::new(),
            refusal: None,
        };
        match options
            .map
            .as_deref()
            .map(|path| open_on_the_ground(path, &options.map_keys))
        {
            None => {}
            Some(Ok(map)) => {
                let warning =
                    |text: &String| Notice::new(Severity::Warning, format!("map: {text}"));
                sight.notices.extend(map.warnings.iter().map(warning));
                // Only a signature makes a place one to begin at.
                let origin = map.package.origin().filter(|_| map.signer.is_some());
                sight.origin = origin.map(Origin::as_input);
                sight.eye = Eye::new(camera, Some(map.package));
            }
            Some(Err(refusal)) => {
                sight
                    .notices
                    .push(Notice::new(Severity::Error, refusal.to_string()));
                sight.refusal = Some(refusal);
            }
        }
        Ok(sight)
    }

    /// What is to be told of the map before the first frame.
    #[must_use]
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// What it did so far.
    #[must_use]
    pub fn counts(&self) -> SightCounts {
        self.counts
    }

    /// Median time between two photographs, s.
    #[must_use]
    pub fn frame_period_s(&self) -> Option<f64> {
        let photos = self.source.folder().photos();
        let mut periods: Vec<u64> = photos
            .windows(2)
            .map(|pair| pair[1].time_us - pair[0].time_us)
            .collect();
        periods.sort_unstable();
        let median = periods.get(periods.len() / 2)?;
        Some(*median as f64 * 1e-6)
    }

    /// Tiles and thumbnails are kept in the folder of a flight, as far as its recorder's settings allow.
    pub(super) fn keep_in(
        &mut self,
        flight: &Path,
        recorder: &RecorderConfig,
    ) -> std::io::Result<()> {
        let shelf = TileShelf::open(flight, recorder.tiles_bytes, recorder.thumbnails_bytes)?;
        self.shelf = Some(shelf);
        Ok(())
    }

    /// Tells what is known before the first message.
    pub(super) fn begin<O: Observer>(
        &mut self,
        pipeline: &mut Pipeline,
        observer: &mut O,
    ) -> Result<(), O::Error> {
        for notice in &self.notices {
            observer.record(&notice.record(MonotonicNs(0)))?;
        }
        if let Some(refusal) = &self.refusal {
            observer.record(&refusal.record(0))?;
        }
        match self.origin.take() {
            Some(origin) => self
                .tell(pipeline, observer, &Input::TakeoffOrigin(origin))
                .map(|_| ()),
            None => Ok(()),
        }
    }

    /// When something is due next.
    #[must_use]
    pub fn next_due(&self) -> Option<MonotonicNs> {
        let exposure = self.source.next_exposure();
        let frame = exposure.map(|exposure| exposure.plus_ns(READOUT_NS));
        let result = self.waiting.front().map(|(due, _)| *due);
        [frame, result].into_iter().flatten().min()
    }

    /// Does what is due at `now`.
    pub(super) fn step<O: Observer>(
        &mut self,
        now: MonotonicNs,
        pipeline: &mut Pipeline,
        observer: &mut O,
    ) -> Result<(), O::Error> {
        if self.waiting.front().is_some_and(|(due, _)| *due <= now) {
            return match self.waiting.pop_front() {
                Some((_, Due::Odometry(result))) => {
                    let input = Input::VisualOdometry(result);
                    self.tell(pipeline, observer, &input).map(|_| ())
                }
                Some((_, Due::Searched(found))) => self.searched(now, *found, pipeline, observer),
                None => Ok(()),
            };
        }
        let Some(exposure) = self.source.next_exposure() else {
            return Ok(());
        };
        let Some(frame) = self.source.take() else {
            return Ok(());
        };
        let exposed = Input::FrameExposed(FrameExposed {
            time: now,
            frame: frame.stamp.number,
            exposure,
        });
        self.tell(pipeline, observer, &exposed)?;
        let sighting = self.situation.at(exposure);
        let seen = self.eye.look(frame, sighting.as_ref());
        self.seen(now, seen, observer)
    }

    fn seen<O: Observer>(
        &mut self,
        now: MonotonicNs,
        seen: Seen,
        observer: &mut O,
    ) -> Result<(), O::Error> {
        self.counts.frames += 1;
        let registered = matches!(seen.odometry, FrameOutcome::Registered(_));
        self.counts.registered += u64::from(registered);
        for notice in &seen.notices {
            observer.record(&notice.record(now))?;
        }
        for problem in &seen.problems {
            if let Some(record) = problem.record(now.0) {
                observer.record(&record)?;
            }
        }
        let exposure = seen.stamp.exposure;
        let due = exposure.plus_ns(ODOMETRY_NS);
        self.wait(due, Due::Odometry(seen.visual_odometry(due)));
        if let (Some(searched), Some(image)) = (seen.searched, seen.image) {
            self.counts.searched += 1;
            self.counts.matched += u64::from(searched.outcome.is_ok());
            let due = exposure.plus_ns(SEARCH_NS);
            self.wait(due, Due::Searched(Box::new((searched, image))));
        }
        Ok(())
    }

    fn searched<O: Observer>(
        &mut self,
        now: MonotonicNs,
        (searched, image): (MapSearched, Pyramid),
        pipeline: &mut Pipeline,
        observer: &mut O,
    ) -> Result<(), O::Error> {
        observer.record(&searched.record(now))?;
        let anchor = searched.anchor(now);
        let mut products: Vec<_> = self.maker.searched(searched, image).into_iter().collect();
        if let Some(anchor) = anchor {
            let verdict = self.tell(pipeline, observer, &Input::SatelliteAnchor(anchor))?;
            if let Some(verdict) = verdict {
                self.counts.anchored += u64::from(verdict.refusal.is_none());
                products.extend(self.maker.judged(&verdict));
            }
        }
        self.keep(now, &products, observer)
    }

    fn keep<O: Observer>(
        &mut self,
        now: MonotonicNs,
        products: &[TileProduct],
        observer: &mut O,
    ) -> Result<(), O::Error> {
        let Some(shelf) = &mut self.shelf else {
            return Ok(());
        };
        for product in products {
            let kept = shelf.keep(product, now);
            match kept {
                KeptTile::Emitted(_) => self.counts.tiles += 1,
                KeptTile::Failed { .. } => self.counts.tiles_failed += 1,
            }
            observer.record(&kept.record())?;
        }
        Ok(())
    }

    /// In order of time; of the same time, in the order in which they were found.
    fn wait(&mut self, due: MonotonicNs, result: Due) {
        let at = self.waiting.partition_point(|(other, _)| *other <= due);
        self.waiting.insert(at, (due, result));
    }

    /// Hands an input to the pipeline; what becomes of an anchor comes back.
    fn tell<O: Observer>(
        &mut self,
        pipeline: &mut Pipeline,
        observer: &mut O,
        input: &Input,
    ) -> Result<Option<AnchorVerdict>, O::Error> {
        let mut verdict = None;
        let situation = &mut self.situation;
        pipeline.handle(input, &mut |product| {
            if let Product::Output(Output::Anchor(judged)) = product {
                verdict = Some(*judged);
            }
            situation.hear_product(&product);
            observer.product(product)
        })?;
        Ok(verdict)
    }

    /// Hears everything that the pipeline is told and says.
    pub(super) fn situation(&mut self) -> &mut Situation {
        &mut self.situation
    }
}

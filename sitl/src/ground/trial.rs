//! One frame with the errors of a flight, and what the real matcher makes of it.

use std::time::Instant;

use companion::vision::Pose;
use companion::vision::anchor::{AnchorDecision, AnchorMatcher};
use companion::vision::calibration::Calibration;
use companion::vision::image::Pyramid;
use companion::vision::odometry::{Odometry, Registration, View};

use super::day::Day;
use super::map_sheet::Map;
use super::photograph::{Air, Photographer, Station};
use super::scene::Scene;
use super::tile::World;
use crate::randomness::Randomness;

/// Errors with which frames are taken and matched; all that is normal is 1 sigma.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// Height above ground, m.
    pub agl_m: f64,
    /// Largest error of the estimate, north and east, m.
    pub prior_m: f64,
    /// Half the side of the search window, m.
    pub window_m: f64,
    /// Error of roll, pitch and yaw, rad.
    pub attitude_sigma_rad: f64,
    /// Added to the yaw's error, to either side, rad.
    pub yaw_error_rad: f64,
    /// Error of the height above ground, as a share of it.
    pub height_sigma: f64,
    /// Misalignment of the camera, per axis, rad.
    pub boresight_sigma_rad: f64,
    /// Share of the ground that is hidden by cloud.
    pub cloud: f32,
}

impl Conditions {
    /// Those of the requirement's first row.
    pub const NOMINAL: Self = Self {
        agl_m: 100.0,
        prior_m: 36.0,
        window_m: 60.0,
        attitude_sigma_rad: 0.5 * core::f64::consts::PI / 180.0,
        yaw_error_rad: 0.0,
        height_sigma: 0.02,
        boresight_sigma_rad: 0.2 * core::f64::consts::PI / 180.0,
        cloud: 0.0,
    };
}

/// A piece of country, its map, and everything that looks at them.
pub struct Sector {
    /// As it is today.
    pub scene: Scene,
    /// As the map has it.
    pub map: Map,
    /// The camera.
    pub photographer: Photographer,
    /// What the companion knows of the camera.
    pub calibration: Calibration,
    randomness: Randomness,
    side_m: f64,
    centre: [f64; 2],
}

/// One frame as it was taken and as it is believed.
#[derive(Debug, Clone)]
pub struct Shot {
    /// What the camera took.
    pub frame: Pyramid,
    /// Where it really was.
    pub station: Station,
    /// What is believed of it.
    pub told: Pose,
}

/// Attitude, height and boresight errors that last for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bias {
    attitude_rad: [f64; 3],
    boresight_rad: [f64; 3],
    height_share: f64,
}

impl Sector {
    /// The square of `side_m` around `centre` in a world.
    ///
    /// # Errors
    /// When the companion refuses the lens.
    pub fn new(
        world: World,
        centre: [f64; 2],
        side_m: f64,
        photographer: Photographer,
        randomness: Randomness,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            scene: Scene::new(world, Day::FLIGHT),
            map: Map::new(world),
            calibration: photographer.lens.calibration()?,
            photographer,
            randomness,
            side_m,
            centre,
        })
    }

    /// A place in the square whose surroundings of 120 m show at least this share of what lasts; after
    /// 60 tries the one that shows most.
    pub fn place(&mut self, least_lasting: f64) -> [f64; 2] {
        let mut best = (-1.0, self.centre);
        for _ in 0..60 {
            let half = self.side_m / 2.0;
            let at = self
                .centre
                .map(|middle| middle + self.randomness.between(-half, half));
            let share = self.scene.lasting_share(at, 120.0);
            if share > best.0 {
                best = (share, at);
            }
            if share >= least_lasting {
                return at;
            }
        }
        best.1
    }

    /// A number of this sector's own.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        self.randomness.between(low, high)
    }

    /// Errors that last.
    pub fn bias(&mut self, conditions: &Conditions) -> Bias {
        let random = &mut self.randomness;
        let mut three = |sigma| core::array::from_fn(|_| random.normal(sigma));
        let attitude_rad: [f64; 3] = three(conditions.attitude_sigma_rad);
        let boresight_rad = three(conditions.boresight_sigma_rad);
        Bias {
            attitude_rad,
            boresight_rad,
            height_share: self.randomness.normal(conditions.height_sigma),
        }
    }

    /// How the camera may hang at a place: banked and pitched a little, any heading.
    pub fn station(&mut self, at: [f64; 2], agl_m: f64) -> Station {
        let random = &mut self.randomness;
        Station {
            at,
            agl_m: agl_m * random.between(0.96, 1.04),
            attitude: [
                random.normal(0.05),
                random.normal(0.04),
                random.between(-core::f64::consts::PI, core::f64::consts::PI),
            ],
        }
    }

    /// The air of one flight.
    pub fn air(&mut self, cloud: f32) -> Air {
        let random = &mut self.randomness;
        Air {
            haze: random.between(0.0, 0.3) as f32,
            cloud,
            noise: random.between(1.5, 5.0) as f32,
            motion_px: [random.normal(0.4) as f32, random.between(-2.5, 0.0) as f32],
            exposure: random.between(0.8, 1.2) as f32,
            seed: (random.uniform() * 4e9) as u32,
        }
    }

    /// Takes a frame at a station, with errors that last and 0.05 degrees that do not.
    ///
    /// # Errors
    /// When the frame has a size that the companion refuses.
    pub fn shoot(&mut self, station: Station, bias: &Bias, air: &Air) -> anyhow::Result<Shot> {
        let hung = Station {
            attitude: core::array::from_fn(|i| station.attitude[i] + bias.boresight_rad[i]),
            ..station
        };
        let picture = self.photographer.take(&mut self.scene, &hung, air);
        let mut told = [0.0; 3];
        for (i, told) in told.iter_mut().enumerate() {
            let jitter = self.randomness.normal(0.05_f64.to_radians());
            *told = station.attitude[i] + bias.attitude_rad[i] + jitter;
        }
        Ok(Shot {
            frame: Pyramid::new(picture.gray()?),
            station,
            told: Pose {
                roll_rad: told[0],
                pitch_rad: told[1],
                yaw_rad: told[2],
                agl_m: station.agl_m * (1.0 + bias.height_share),
            },
        })
    }
}

/// A match, and how far it is from what the map shows and from what is.
#[derive(Debug, Clone, PartialEq)]
pub struct Matched {
    /// What the matcher said.
    pub decision: AnchorDecision,
    /// Position found against that at which the map shows the aircraft, north and east, m.
    pub map_error_m: [f64; 2],
    /// Position found against the true one, m.
    pub error_m: [f64; 2],
    /// Time of the matcher.
    pub ms: f64,
}

/// Finds a shot on a map around a wrong estimate of where `station` is.
pub fn find(
    matcher: &mut AnchorMatcher,
    calibration: &Calibration,
    shot: &Shot,
    map: &mut Map,
    prior: [f64; 2],
    window_m: f64,
) -> Matched {
    matcher.adapt(shot.told.agl_m);
    let side = matcher.map_px(window_m);
    let window = map.window(prior, side, matcher.settings().gsd_m);
    let begun = Instant::now();
    let decision = matcher.locate(&shot.frame, calibration, &shot.told, &window);
    let ms = begun.elapsed().as_secs_f64() * 1e3;
    let offset = decision.scores.offset_ne_m;
    let found = [prior[0] + offset[0], prior[1] + offset[1]];
    let shown = map.shows_at(shot.station.at);
    let against = |wanted: [f64; 2]| [found[0] - wanted[0], found[1] - wanted[1]];
    Matched {
        decision,
        map_error_m: against(shown),
        error_m: against(shot.station.at),
        ms,
    }
}

/// Registers two shots; what the images and the told heights say of the way between them.
pub fn register(
    odometry: &mut Odometry,
    calibration: &Calibration,
    earlier: &Shot,
    later: &Shot,
) -> Option<Registration> {
    let gsd_m = View::gsd_m(calibration, &earlier.told);
    let keyframe = View::new(&earlier.frame, calibration, &earlier.told, gsd_m).ok()?;
    let frame = View::new(&later.frame, calibration, &later.told, gsd_m).ok()?;
    odometry.register(&keyframe, &frame, None).ok()
}

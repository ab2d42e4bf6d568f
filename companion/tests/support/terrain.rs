//! A seeded piece of ground: fields with crop rows, hedges, roads, woods, houses; as it is today, and as
//! a map shows it from another season.

/// Which picture of the ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Season {
    /// As the camera sees it.
    Today,
    /// As the map shows it: other crops, other sun.
    Map,
}

pub struct Terrain {
    seed: u64,
}

const FIELD_M: f64 = 70.0;

impl Terrain {
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Uniform in [0, 1) for two integers and a purpose.
    fn random(&self, x: i64, y: i64, purpose: u64) -> f64 {
        let mut z = self.seed
            ^ (x as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ (y as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
            ^ purpose.wrapping_mul(0x1656_67b1_9e37_79f9);
        for _ in 0..2 {
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        }
        (z >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Smooth noise in [0, 1) with details of `size_m`.
    fn noise(&self, north: f64, east: f64, size_m: f64, purpose: u64) -> f64 {
        let (x, y) = (north / size_m, east / size_m);
        let (column, row) = (x.floor(), y.floor());
        let smooth = |t: f64| t * t * (3.0 - 2.0 * t);
        let (right, up) = (smooth(x - column), smooth(y - row));
        let at = |dx: i64, dy: i64| self.random(column as i64 + dx, row as i64 + dy, purpose);
        let low = at(0, 0) + right * (at(1, 0) - at(0, 0));
        let high = at(0, 1) + right * (at(1, 1) - at(0, 1));
        low + up * (high - low)
    }

    /// The field that a place lies in, and how far its edge is, m.
    fn field(&self, north: f64, east: f64) -> ((i64, i64), f64) {
        let cell = (
            (north / FIELD_M).floor() as i64,
            (east / FIELD_M).floor() as i64,
        );
        let mut nearest = [(f64::INFINITY, cell); 2];
        for x in cell.0 - 1..=cell.0 + 1 {
            for y in cell.1 - 1..=cell.1 + 1 {
                let seed_north = (x as f64 + self.random(x, y, 1)) * FIELD_M;
                let seed_east = (y as f64 + self.random(x, y, 2)) * FIELD_M;
                let distance = (north - seed_north).hypot(east - seed_east);
                if distance < nearest[0].0 {
                    nearest = [(distance, (x, y)), nearest[0]];
                } else if distance < nearest[1].0 {
                    nearest[1] = (distance, (x, y));
                }
            }
        }
        (nearest[0].1, (nearest[1].0 - nearest[0].0) / 2.0)
    }

    /// Brightness at metres north and east of the origin.
    pub fn brightness(&self, north: f64, east: f64, season: Season) -> f64 {
        let purpose = 10 * (1 + u64::from(season == Season::Map));
        let (field, edge) = self.field(north, east);
        if edge < 2.0 {
            // Hedge or track, the same in every season.
            return if self.random(field.0, field.1, 3) < 0.5 {
                60.0
            } else {
                170.0
            };
        }
        if self.noise(north, east, 45.0, 4) > 0.68 {
            return 50.0 + 45.0 * self.noise(north, east, 4.0, 5);
        }
        let (x, y) = ((north / 24.0).floor() as i64, (east / 24.0).floor() as i64);
        if self.random(field.0, field.1, 6) < 0.25 && self.random(x, y, 7) < 0.6 {
            let (dx, dy) = (north / 24.0 - x as f64 - 0.5, east / 24.0 - y as f64 - 0.5);
            if dx.abs() < 0.2 && dy.abs() < 0.28 {
                return if dx > 0.0 { 200.0 } else { 150.0 };
            }
        }
        let tone = 90.0 + 80.0 * self.random(field.0, field.1, purpose);
        let direction = std::f64::consts::PI * self.random(field.0, field.1, 8);
        let across = north * direction.cos() + east * direction.sin();
        let rows = 6.0 * (across * std::f64::consts::TAU / 3.0).sin();
        tone + rows + 14.0 * self.noise(north, east, 6.0, purpose + 1)
    }
}

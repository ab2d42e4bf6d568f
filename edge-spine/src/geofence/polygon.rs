//! Points and polygons on the map, in degrees.
//!
//! Edges are straight in latitude and longitude, as RFC 7946 has it. A polygon may not cross the
//! antimeridian; GeoJSON cuts it there. A point on an edge is inside: a border counts as the zone.

/// A place on Earth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Latitude, degrees, north.
    pub lat_deg: f64,
    /// Longitude, degrees, east.
    pub lon_deg: f64,
}

impl Place {
    /// Whether both are finite and in range.
    #[must_use]
    pub fn is_on_earth(&self) -> bool {
        self.lat_deg.abs() <= 90.0 && self.lon_deg.abs() <= 180.0
    }
}

/// An outer ring and its holes.
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    rings: Vec<Vec<Place>>,
}

enum Side {
    Inside,
    OnEdge,
    Outside,
}

impl Polygon {
    /// A polygon of closed rings, the outer one first.
    ///
    /// # Errors
    /// What is wrong with a ring.
    pub fn new(rings: Vec<Vec<Place>>) -> Result<Self, String> {
        if rings.is_empty() {
            return Err("a polygon needs a ring".into());
        }
        for ring in &rings {
            if ring.len() < 4 || ring.first() != ring.last() {
                return Err("a ring needs 4 points or more, and ends where it begins".into());
            }
            if !ring.iter().all(Place::is_on_earth) {
                return Err("a point lies outside -180 to 180, -90 to 90 degrees".into());
            }
            if ring
                .windows(2)
                .any(|edge| (edge[1].lon_deg - edge[0].lon_deg).abs() > 180.0)
            {
                return Err("an edge crosses the antimeridian; cut the polygon there".into());
            }
        }
        Ok(Self { rings })
    }

    /// Whether the place lies in it, its edges included.
    #[must_use]
    pub fn contains(&self, place: Place) -> bool {
        let mut rings = self.rings.iter();
        let inside_outer = rings
            .next()
            .is_some_and(|ring| !matches!(side(ring, place), Side::Outside));
        inside_outer && rings.all(|hole| !matches!(side(hole, place), Side::Inside))
    }
}

fn side(ring: &[Place], at: Place) -> Side {
    let mut inside = false;
    for edge in ring.windows(2) {
        let (a, b) = (edge[0], edge[1]);
        let cross = (b.lon_deg - a.lon_deg) * (at.lat_deg - a.lat_deg)
            - (b.lat_deg - a.lat_deg) * (at.lon_deg - a.lon_deg);
        let between =
            |low: f64, value: f64, high: f64| low.min(high) <= value && value <= low.max(high);
        if cross == 0.0
            && between(a.lat_deg, at.lat_deg, b.lat_deg)
            && between(a.lon_deg, at.lon_deg, b.lon_deg)
        {
            return Side::OnEdge;
        }
        if (a.lat_deg > at.lat_deg) != (b.lat_deg > at.lat_deg) {
            let rises = b.lat_deg > a.lat_deg;
            if (cross > 0.0) == rises {
                inside = !inside;
            }
        }
    }
    if inside { Side::Inside } else { Side::Outside }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring(points: &[(f64, f64)]) -> Vec<Place> {
        points
            .iter()
            .map(|(lon, lat)| Place {
                lat_deg: *lat,
                lon_deg: *lon,
            })
            .collect()
    }

    fn square() -> Polygon {
        let outer = ring(&[
            (0.0, 0.0),
            (10.0, 0.0),
            (10.0, 10.0),
            (0.0, 10.0),
            (0.0, 0.0),
        ]);
        let hole = ring(&[(4.0, 4.0), (6.0, 4.0), (6.0, 6.0), (4.0, 6.0), (4.0, 4.0)]);
        Polygon::new(vec![outer, hole]).unwrap()
    }

    #[test]
    fn a_border_belongs_to_the_zone_and_a_hole_does_not() {
        let at = |lon_deg, lat_deg| square().contains(Place { lat_deg, lon_deg });
        assert!(at(1.0, 1.0) && at(0.0, 5.0) && at(10.0, 10.0) && at(4.0, 5.0));
        assert!(!at(5.0, 5.0) && !at(-0.001, 5.0) && !at(10.001, 10.0));
    }

    #[test]
    fn rings_that_are_none_are_refused() {
        assert!(Polygon::new(vec![]).is_err());
        assert!(Polygon::new(vec![ring(&[(0.0, 0.0), (1.0, 0.0), (0.0, 0.0)])]).is_err());
        assert!(
            Polygon::new(vec![ring(&[
                (0.0, 0.0),
                (1.0, 0.0),
                (1.0, 1.0),
                (0.0, 1.0)
            ])])
            .is_err()
        );
        let across = ring(&[
            (179.0, 0.0),
            (-179.0, 0.0),
            (-179.0, 1.0),
            (179.0, 1.0),
            (179.0, 0.0),
        ]);
        assert!(
            Polygon::new(vec![across])
                .unwrap_err()
                .contains("antimeridian")
        );
    }

    proptest! {
        /// The peer is the sum of the angles under which the corners are seen.
        #[test]
        fn it_agrees_with_the_winding_number(
            corners in prop::collection::vec((1.0..10.0_f64, 0.0..0.2_f64), 5),
            lon_deg in -12.0..12.0_f64, lat_deg in -12.0..12.0_f64,
        ) {
            let mut points: Vec<_> = corners.iter().enumerate().map(|(n, (radius, turn))| {
                let angle = (n as f64 + turn) * std::f64::consts::TAU / 5.0;
                (radius * angle.cos(), radius * angle.sin())
            }).collect();
            points.push(points[0]);
            let polygon = Polygon::new(vec![ring(&points)]).unwrap();
            let turned: f64 = points.windows(2).map(|edge| {
                let angle = |p: (f64, f64)| (p.1 - lat_deg).atan2(p.0 - lon_deg);
                let step = angle(edge[1]) - angle(edge[0]);
                step - std::f64::consts::TAU * (step / std::f64::consts::TAU).round()
            }).sum();
            prop_assert_eq!(polygon.contains(Place { lat_deg, lon_deg }), turned.abs() > 1.0);
        }
    }
}

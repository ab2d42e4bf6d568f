//! Hashes and smooth noise over the plane: the same on every machine.

/// Well mixed bits for two integers and a salt.
#[must_use]
pub fn hash(salt: u32, x: i32, y: i32) -> u32 {
    let mut h = salt ^ (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    h ^ (h >> 15)
}

/// The same bits for another purpose.
#[must_use]
pub fn rehash(h: u32, salt: u32) -> u32 {
    hash(h, salt as i32, 0x51)
}

/// A hash as a number in [0, 1).
#[must_use]
pub fn unit(h: u32) -> f32 {
    (h >> 8) as f32 / 16_777_216.0
}

/// A hash and a purpose as a number in [low, high).
#[must_use]
pub fn between(h: u32, salt: u32, low: f32, high: f32) -> f32 {
    low + (high - low) * unit(rehash(h, salt))
}

/// Smooth noise in [0, 1) whose details are `size_m` large, at a place in metres.
#[must_use]
pub fn noise(salt: u32, size_m: f64, north_m: f64, east_m: f64) -> f32 {
    let (x, y) = (east_m / size_m, north_m / size_m);
    let (column, row) = (x.floor(), y.floor());
    let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
    let (right, up) = (smooth((x - column) as f32), smooth((y - row) as f32));
    let (column, row) = (column as i32, row as i32);
    let corner = |dx: i32, dy: i32| unit(hash(salt, column.wrapping_add(dx), row.wrapping_add(dy)));
    let low = corner(0, 0) + right * (corner(1, 0) - corner(0, 0));
    let high = corner(0, 1) + right * (corner(1, 1) - corner(0, 1));
    low + up * (high - low)
}

/// A saw that rises and falls between -1 and 1 once in every unit.
#[must_use]
pub fn ripple(t: f32) -> f32 {
    4.0 * (t - t.floor() - 0.5).abs() - 1.0
}

/// 0 below `low`, 1 above `high`, smooth between them.
#[must_use]
pub fn ramp(value: f32, low: f32, high: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_fills_its_range_and_has_no_steps() {
        let values: Vec<_> = (0..20_000)
            .map(|i| noise(3, 7.0, 0.1 * f64::from(i), 0.03 * f64::from(i)))
            .collect();
        let steps = values.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        assert!(steps.fold(0.0, f32::max) < 0.06);
        let low = values.iter().copied().fold(1.0, f32::min);
        let high = values.iter().copied().fold(0.0, f32::max);
        assert!(
            (0.0..0.1).contains(&low) && (0.9..1.0).contains(&high),
            "{low} {high}"
        );
    }

    #[test]
    fn a_hash_has_no_favourites() {
        let mean = (0..10_000)
            .map(|i| unit(hash(1, i % 100, i / 100)))
            .sum::<f32>()
            / 1e4;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }
}

//! From the core's f64 and radians to the integers and f32 of the wire. Out of range stops at the
//! end of the range; nothing wraps.

/// Radians to 1e-7 degrees, rounded.
pub(super) fn degrees_e7(radians: f64) -> i32 {
    libm::round(radians.to_degrees() * 1e7) as i32
}

/// Metres per second to centimetres per second, or metres to centimetres, rounded.
pub(super) fn centi(value: f64) -> i32 {
    libm::round(value * 1e2) as i32
}

/// A non-negative quantity times `scale`, rounded, at most 65 535.
pub(super) fn scaled_u16(value: f64, scale: f64) -> u16 {
    libm::round(value * scale) as u16
}

/// The nearest f32, finite.
pub(super) fn f32_saturating(value: f64) -> f32 {
    (value as f32).clamp(f32::MIN, f32::MAX)
}

//! The ground of the test world: kilometres of seeded country at half a metre, as a camera sees it
//! today and as a map shows it from another day.
//!
//! | module | what |
//! |---|---|
//! | [`layout`] | where what lies: blocks, strips, roads, rivers, hills |
//! | [`paint`], [`objects`], [`settle`] | soil, crops, water, roads; trees and houses, and where they stand |
//! | [`day`] | season, sun, what is missing |
//! | [`tile`], [`scene`] | rasters with shadows and heights, made when they are looked at |
//! | [`photograph`], [`lens`] | frames: perspective, relief, distortion, blur, noise, haze, cloud |
//! | [`map_sheet`] | the map: another day, another sun, lean, blur, JPEG, georeferencing error |

//!
//! Everything is a function of seed and place; nothing has to be generated before it is asked for.

pub mod day;
pub mod eyes;
pub mod fly;
pub mod folder;
pub mod judge;
pub mod layout;
pub mod lens;
pub mod map_sheet;
pub mod noise;
pub mod objects;
pub mod paint;
pub mod photograph;
pub mod picture;
pub mod scene;
pub mod settle;
pub mod tile;
pub mod trial;

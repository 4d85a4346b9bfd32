//! What stands where on the stage at one instant?
//!
//! Pure functions of a view, a time and a size: no component, no browser, no
//! protocol. `geometry` has the curves, `layout` places nodes and clients,
//! `ring` turns a view into shapes that rest, `motion` into shapes that move,
//! `ruler` maps time to the timeline's pixels, `table` lays the log out. The
//! components under `parts` draw what these return.

pub mod board;
pub mod geometry;
pub mod lanes;
pub mod layout;
pub mod motion;
pub mod ring;
pub mod ruler;
pub mod table;

//! Stories of clusters, told with user-data written by hand.

mod boots;
mod days;
mod stage;

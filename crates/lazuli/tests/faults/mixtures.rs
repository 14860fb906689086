//! Random mixtures of faults, each from a seed.

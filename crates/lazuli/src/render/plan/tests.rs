//! Tests of plans as text.

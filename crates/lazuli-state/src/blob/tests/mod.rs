//! The blob store against a scripted service.

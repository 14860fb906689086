//! "Did you mean": the closest of a set of names.

/// The candidate closest to `name`, when it is close enough to be a slip of the keyboard.
///
/// Ties go to the candidate that comes first.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != name)
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn a_slip_is_recognised_and_a_different_word_is_not() {
        let names = ["instance_type", "count", "zones"];
        assert_eq!(closest("instance_typ", names), Some("instance_type"));
        assert_eq!(closest("cuont", names), Some("count"));
        assert_eq!(closest("colour", names), None);
    }
}

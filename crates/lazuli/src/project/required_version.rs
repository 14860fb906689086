//! `required_version`: a configuration says which versions of Lazuli may work on it.

use lazuli_core::{Diagnostic, Span};
use semver::{Comparator, Version, VersionReq};

/// Refuses when this version is not one of those a configuration asks for.
///
/// Constraints are Terraform's: comparisons joined by commas, and `~>` for "the same up to the last part".
pub(super) fn check(required: &str, span: Span, running: &str) -> Option<Diagnostic> {
    let Some(requirement) = requirement(required) else {
        let problem = Diagnostic::error("LZ0245", format!("`{required}` is not a version constraint"));
        return Some(problem.at(span, "expected something like \">= 0.1, < 2.0\" or \"~> 0.1\""));
    };
    let running = Version::parse(running).ok()?;
    if requirement.matches(&running) {
        return None;
    }
    let problem = Diagnostic::error(
        "LZ0245",
        format!("this configuration asks for Lazuli {required}, and this is {running}"),
    );
    Some(problem.at(span, "not this version").help("use a version that fits, or change the constraint"))
}

fn requirement(text: &str) -> Option<VersionReq> {
    let mut comparators: Vec<Comparator> = Vec::new();
    for part in text.split(',').map(str::trim) {
        let spelled = match part.strip_prefix("~>") {
            // The last part given may rise: `~> 1.2` allows 1.9, `~> 1.2.3` allows 1.2.9.
            Some(version) if version.matches('.').count() >= 2 => format!("~{}", version.trim()),
            Some(version) => format!("^{}", version.trim()),
            None if part.starts_with(|c: char| c.is_ascii_digit()) => format!("={part}"),
            None => part.to_owned(),
        };
        if part.starts_with("~>")
            && part.trim_start_matches("~>").trim().starts_with("0.")
            && !spelled.starts_with('~')
        {
            // `^0.1` would mean 0.1.x; Terraform's `~> 0.1` allows everything below 1.0.
            let version = part.trim_start_matches("~>").trim();
            comparators.extend(VersionReq::parse(&format!(">={version}, <1")).ok()?.comparators);
            continue;
        }
        comparators.extend(VersionReq::parse(&spelled).ok()?.comparators);
    }
    Some(VersionReq { comparators })
}

#[cfg(test)]
mod tests {
    use super::requirement;

    #[test]
    fn constraints_mean_what_they_mean_in_terraform() {
        let allows =
            |text: &str, version: &str| requirement(text).map(|r| r.matches(&version.parse().unwrap()));
        assert_eq!(allows(">= 0.1", "0.1.0"), Some(true));
        assert_eq!(allows(">= 0.2, < 1.0", "0.1.0"), Some(false));
        assert_eq!(allows("~> 0.1", "0.9.0"), Some(true));
        assert_eq!(allows("~> 0.1", "1.0.0"), Some(false));
        assert_eq!(allows("~> 1.2.3", "1.2.9"), Some(true));
        assert_eq!(allows("~> 1.2.3", "1.3.0"), Some(false));
        assert_eq!(allows("1.0.0", "1.0.1"), Some(false));
        assert_eq!(allows("soon", "1.0.1"), None);
    }
}

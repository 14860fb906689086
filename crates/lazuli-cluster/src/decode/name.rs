//! Names: what Azure and Kubernetes allow.

use lazuli_core::block::Block;
use lazuli_core::{Diagnostic, Span};

use super::reader::{Reader, shown};

/// What a name may look like.
pub(super) struct NameRule {
    /// Whose name it is, with its article: `a cluster`.
    pub(super) of: &'static str,
    /// The rule for people.
    pub(super) says: &'static str,
    allows: fn(&str) -> bool,
}

/// At most 44 characters, a letter first: it begins the DNS label of the API's address.
pub(super) const CLUSTER: NameRule = NameRule {
    of: "a cluster",
    says: "2 to 44 lower-case letters, digits and hyphens, a letter first",
    allows: |name| (2..=44).contains(&name.len()) && is_label(name),
};
pub(super) const POOL: NameRule = NameRule {
    of: "a worker pool",
    says: "1 to 24 lower-case letters, digits and hyphens, a letter first",
    allows: |name| (1..=24).contains(&name.len()) && is_label(name),
};
pub(super) const OBJECT: NameRule = NameRule {
    of: "an object of Kubernetes",
    says: "1 to 63 lower-case letters, digits and hyphens, a letter first",
    allows: |name| (1..=63).contains(&name.len()) && is_label(name),
};
pub(super) const NAMESPACE: NameRule = NameRule {
    of: "a namespace",
    says: "1 to 63 lower-case letters, digits and hyphens, a letter first",
    allows: |name| (1..=63).contains(&name.len()) && is_label(name),
};
pub(super) const REGION: NameRule = NameRule {
    of: "a region",
    says: "letters and digits, such as eastus2",
    allows: |name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()),
};
pub(super) const RESOURCE_GROUP: NameRule = NameRule {
    of: "a resource group",
    says: "1 to 90 letters, digits and - _ . ( ), not ending with a full stop",
    allows: |name| {
        (1..=90).contains(&name.chars().count())
            && !name.ends_with('.')
            && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '(' | ')'))
    },
};
pub(super) const VIRTUAL_NETWORK: NameRule = NameRule {
    of: "a virtual network",
    says: "2 to 64 letters, digits and - _ ., a letter or digit first, no - or . last",
    allows: |name| (2..=64).contains(&name.len()) && is_network_name(name),
};
pub(super) const SUBNET: NameRule =
    NameRule { of: "a subnet", says: NETWORK_NAME, allows: |name| name.len() <= 80 && is_network_name(name) };
pub(super) const RULE: NameRule =
    NameRule { of: "a rule", says: NETWORK_NAME, allows: |name| name.len() <= 80 && is_network_name(name) };

pub(super) const PEERING: NameRule = NameRule {
    of: "a peering",
    says: NETWORK_NAME,
    allows: |name| name.len() <= 80 && is_network_name(name),
};
pub(super) const DNS_ZONE: NameRule = NameRule {
    of: "a private DNS zone",
    says: "2 to 34 labels of letters, digits and hyphens with full stops between, such as prod.internal",
    allows: |name| {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        };
        name.len() <= 253 && (2..=34).contains(&name.split('.').count()) && name.split('.').all(label)
    },
};

const NETWORK_NAME: &str = "1 to 80 letters, digits and - _ ., a letter or digit first, no - or . last";

fn is_label(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn is_network_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(word)
        && name.chars().all(|c| word(c) || matches!(c, '-' | '.'))
}

impl NameRule {
    /// True when the name, the label of a block, is good; says what is wrong otherwise.
    pub(super) fn check(&self, read: &mut Reader, name: &str, span: Span) -> bool {
        let good = (self.allows)(name);
        if !good {
            self.refuse(read, name, span);
        }
        good
    }

    /// True when the name, made from the value of an attribute, is good; says what is wrong otherwise.
    pub(super) fn check_value(&self, read: &mut Reader, block: &Block, attribute: &str, name: &str) -> bool {
        let good = (self.allows)(name);
        if !good {
            self.refuse(read, &shown(block, attribute, name), block.span_of(attribute));
        }
        good
    }

    fn refuse(&self, read: &mut Reader, shown: &str, span: Span) {
        let problem = Diagnostic::error("LZ0225", format!("`{shown}` cannot be the name of {}", self.of))
            .at(span, self.says);
        read.problem(match shown.rsplit_once('/') {
            Some((_, last)) if !last.is_empty() => {
                problem.help(format!("give the name, not the id: perhaps \"{last}\""))
            }
            _ => problem,
        });
    }

    /// The name an attribute holds, when it is good.
    pub(super) fn read(&self, read: &mut Reader, block: &Block, attribute: &str) -> Option<String> {
        let name = read.text(block, attribute)?;
        self.check_value(read, block, attribute, &name).then_some(name)
    }
}

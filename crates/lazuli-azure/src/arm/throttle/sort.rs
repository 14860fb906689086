//! Which class a request belongs to, and which buckets an answer tells of.

use std::time::Duration;

use super::budget::Wait;

/// What Azure counts apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Verb {
    Read,
    Write,
    Delete,
}

impl Verb {
    pub(super) fn name(self) -> &'static str {
        match self {
            Verb::Read => "reads",
            Verb::Write => "writes",
            Verb::Delete => "deletes",
        }
    }
}

/// The class of a request: reads, writes or deletes, of a resource type. Resource providers count more finely still, by
/// policies of their own; which ones a class is subject to, their answers tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Sort {
    pub(super) verb: Verb,
    /// `reads of microsoft.compute/virtualmachines`; a list of them ends in `/`.
    own: String,
}

impl Sort {
    pub(super) fn of(method: &str, path: &str) -> Self {
        let verb = match method {
            "GET" | "HEAD" => Verb::Read,
            "DELETE" => Verb::Delete,
            _ => Verb::Write,
        };
        let path = path.to_ascii_lowercase();
        let mut ty = String::new();
        if let Some((_, rest)) = path.rsplit_once("/providers/") {
            let mut parts = rest.split('/').filter(|part| !part.is_empty());
            ty.push_str(parts.next().unwrap_or_default());
            while let Some(part) = parts.next() {
                ty.push('/');
                ty.push_str(part);
                if parts.next().is_none() {
                    ty.push('/');
                }
            }
        }
        Sort { verb, own: format!("{} of {ty}", verb.name()) }
    }

    /// The name of the class.
    pub(super) fn own(&self) -> &str {
        &self.own
    }

    /// What people are told while it waits.
    pub(super) fn text(&self, wait: Wait, rest: Duration) -> String {
        let (what, seconds) = (self.verb.name(), rest.as_secs_f64().ceil());
        match wait {
            Wait::Low(_) => format!("Azure allows few more {what} now; this one waits for {seconds} s"),
            Wait::Closed(_) | Wait::Answer => self.refused(rest),
        }
    }

    /// What people are told of a class that Azure refuses.
    pub(crate) fn refused(&self, rest: Duration) -> String {
        format!("Azure allows no more {} for {} s", self.verb.name(), rest.as_secs_f64().ceil())
    }

    /// What people are told when others are waiting before it.
    pub(super) fn in_line(&self) -> String {
        format!("Azure allows few more {} now; this one waits for its turn", self.verb.name())
    }
}

/// The buckets that headers tell of, with what is left in them.
pub(super) fn left<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, u64)> {
    let mut left = Vec::new();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        match name.strip_prefix("x-ms-ratelimit-remaining-") {
            Some("resource") => left.extend(value.split(',').filter_map(|policy| {
                let (name, number) = policy.split_once(';')?;
                Some((name.trim().to_owned(), number.trim().parse().ok()?))
            })),
            Some(bucket) => left.extend(value.trim().parse().ok().map(|number| (bucket.to_owned(), number))),
            None => {}
        }
    }
    left
}

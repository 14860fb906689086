//! Attribute by attribute: what differs between what is desired and what exists, and who changed it.
//!
//! Three sides are compared, because Azure echoes values in its own spelling and leaves some out:
//! * what is desired now (`D`), * what was sent last time (`R`) and what came back then (`E`), * what exists now (`O`).
//!
//! `D` equal to `O` is no difference. `D` equal to `R` while `O` equals `E` is none either: that is how Azure answers to
//! this configuration. Anything else differs; the configuration changed it when `D` differs from `R`, somebody else did
//! when it does not. Only what is in `D` or `R` is looked at: the rest of the object belongs to others. An array of named
//! elements that is Lazuli's alone is looked at in full: an element that appeared in it since the last apply goes again.
//!
//! Whether two values mean the same is `same`'s business.

use std::collections::HashMap;
use std::sync::Arc;

use lazuli_core::encoding::from_json;
use lazuli_core::kind::{Keyed, Kind};
use lazuli_core::path::PathStep;
use lazuli_core::plan::{Cause, PathChange};
use lazuli_core::recorded::Recorded;
use lazuli_core::value::Content;
use lazuli_core::{Json, Path, Value};

use crate::marks::mark;
use crate::same::{Elements, Extra, Sameness, key_of_json, key_of_value};

/// The sides of a comparison, from a whole object down to one attribute.
#[derive(Clone, Copy)]
struct Sides<'a> {
    desired: Option<&'a Value>,
    sent: Option<&'a Json>,
    echoed: Option<&'a Json>,
    observed: Option<&'a Json>,
}

struct Comparison<'a> {
    kind: &'a Kind,
    ignore: &'a [Path],
    sensitive: &'a [Path],
    /// False when nothing came back from the last request: then nobody can be blamed for a difference.
    has_echo: bool,
    /// How many of the values that were entered on the way here are secret as a whole.
    hidden: usize,
    changes: Vec<PathChange>,
    same: Sameness<'a>,
}

/// What differs, in order of path.
///
/// `observed` is the object as it exists; `None` when the world was not looked at: the record stands in for it then.
pub fn compare(
    kind: &Kind,
    ignore: &[Path],
    desired: &Value,
    recorded: Option<&Recorded>,
    observed: Option<&Json>,
) -> Vec<PathChange> {
    let echoed = recorded.map(|r| &r.observed).filter(|echoed| !echoed.is_null());
    let mut comparison = Comparison {
        kind,
        ignore,
        sensitive: recorded.map_or(&[], |r| &r.sensitive),
        has_echo: echoed.is_some(),
        hidden: 0,
        changes: Vec::new(),
        same: Sameness::new(kind),
    };
    let sides = Sides {
        desired: Some(desired),
        sent: recorded.map(|r| &r.inputs),
        echoed,
        observed: observed.or(echoed),
    };
    comparison.walk(&Path::root(), sides);
    comparison.changes.sort_by(|a, b| a.path.cmp(&b.path));
    comparison.changes
}

/// The part of an object that Lazuli owns: what is desired of it and what was sent before, secrets marked.
pub fn owned(kind: &Kind, desired: &Value, recorded: Option<&Recorded>, observed: &Json) -> Value {
    let sent = recorded.map(|r| &r.inputs);
    let value = project(kind, &mut String::new(), Some(desired), sent, observed);
    mark(value, recorded.map_or(&[], |r| &r.sensitive))
}

fn project(
    kind: &Kind,
    pattern: &mut String,
    desired: Option<&Value>,
    sent: Option<&Json>,
    observed: &Json,
) -> Value {
    let wanted = desired.and_then(Value::as_entries);
    let before = sent.and_then(Json::as_object);
    let projected = match observed {
        Json::Object(found) if wanted.is_some() || before.is_some() => {
            let ours = found.iter().filter_map(|(name, found)| {
                let desired = wanted.and_then(|wanted| wanted.get(name.as_str()));
                let sent = before.and_then(|before| before.get(name));
                if desired.is_none() && sent.is_none() {
                    return None;
                }
                let length = enter(pattern, name);
                let value = project(kind, pattern, desired, sent, found);
                pattern.truncate(length);
                Some((name.as_str(), value))
            });
            Value::object(ours.collect::<Vec<_>>())
        }
        Json::Array(found) => match kind.keyed_at(pattern) {
            Some(keyed) => {
                let wanted = desired.map(|d| Elements::of_value(d, keyed.key)).unwrap_or_default();
                let before = Elements::of_side(sent, keyed.key);
                Value::tuple(found.iter().filter_map(|element| {
                    let key = key_of_json(element, keyed.key).unwrap_or_default();
                    let (desired, sent) = (wanted.get(&key), before.get(&key));
                    (!keyed.shared || desired.is_some() || sent.is_some())
                        .then(|| project(kind, pattern, desired, sent, element))
                }))
            }
            None => {
                let wanted =
                    desired.and_then(Value::as_sequence).filter(|wanted| wanted.len() == found.len());
                let element =
                    |(i, found)| project(kind, pattern, wanted.and_then(|w: &[Value]| w.get(i)), None, found);
                Value::tuple(found.iter().enumerate().map(element).collect::<Vec<_>>())
            }
        },
        _ => from_json(observed),
    };
    match desired {
        Some(desired) => projected.marked_as(desired),
        None => projected,
    }
}

/// Adds a name to a pattern and returns the length to truncate it to afterwards.
pub(crate) fn enter(pattern: &mut String, name: &str) -> usize {
    let length = pattern.len();
    if length > 0 {
        pattern.push('.');
    }
    pattern.push_str(name);
    length
}

impl Comparison<'_> {
    fn walk(&mut self, path: &Path, sides: Sides<'_>) {
        let hides = usize::from(sides.desired.is_some_and(Value::is_sensitive));
        self.hidden += hides;
        self.walk_into(path, sides);
        self.hidden -= hides;
    }

    fn walk_into(&mut self, path: &Path, sides: Sides<'_>) {
        if self.ignore.iter().any(|ignored| path.starts_with(ignored)) || self.same.is_write_only() {
            return;
        }
        let desired = sides.desired.filter(|d| !d.is_null());
        let sent = sides.sent.filter(|s| !s.is_null());
        let observed = sides.observed.filter(|o| !o.is_null());
        let echoed = sides.echoed.filter(|e| !e.is_null());
        let sides = Sides { desired, sent, echoed, observed };
        match desired {
            None => self.taken_away(path, sides),
            Some(value) if self.is_echo(value, sides) => {}
            Some(value) => match (value.content(), observed) {
                (Content::Object(members) | Content::Map(_, members), Some(Json::Object(_))) => {
                    for (name, member) in members.iter() {
                        self.member(path, name, Some(member), sides);
                    }
                    if let Some(Json::Object(before)) = sent {
                        for name in before.keys().filter(|name| !members.contains_key(name.as_str())) {
                            self.member(path, &Arc::from(name.as_str()), None, sides);
                        }
                    }
                }
                (
                    Content::Tuple(elements) | Content::List(_, elements) | Content::Set(_, elements),
                    Some(Json::Array(found)),
                ) => match self.kind.keyed_at(self.same.pattern()) {
                    Some(keyed) => self.keyed(path, keyed, value, elements, sides),
                    None if elements.len() == found.len() && !self.same.is_unordered() => {
                        for (index, element) in elements.iter().enumerate() {
                            let sides = Sides {
                                desired: Some(element),
                                sent: sent.and_then(|json| json.get(index)),
                                echoed: echoed.and_then(|json| json.get(index)),
                                observed: found.get(index),
                            };
                            self.walk(&path.then(PathStep::Index(index)), sides);
                        }
                    }
                    None => self.leaf(path, value, sides),
                },
                _ => self.leaf(path, value, sides),
            },
        }
    }

    /// True when nothing at or below here changed on either side since the last apply.
    fn is_echo(&mut self, desired: &Value, sides: Sides<'_>) -> bool {
        self.has_echo
            && sides.echoed == sides.observed
            && sides.sent.is_some_and(|sent| self.same.same(desired, sent, Extra::Refused))
    }

    fn member(&mut self, path: &Path, name: &Arc<str>, desired: Option<&Value>, sides: Sides<'_>) {
        let length = self.same.enter(name);
        self.walk(
            &path.name(name.clone()),
            Sides {
                desired,
                sent: sides.sent.and_then(|json| json.get(&**name)),
                echoed: sides.echoed.and_then(|json| json.get(&**name)),
                observed: sides.observed.and_then(|json| json.get(&**name)),
            },
        );
        self.same.leave(length);
    }

    fn keyed(&mut self, path: &Path, keyed: &Keyed, array: &Value, elements: &[Value], sides: Sides<'_>) {
        let keys: Option<Vec<String>> = elements.iter().map(|e| key_of_value(e, keyed.key)).collect();
        let Some(keys) = keys else {
            // An element whose key is not known yet cannot be told apart: the array as a whole may change.
            return self.push(path, sides.observed, Some(array), Cause::Configuration);
        };
        let sent = Elements::of_side(sides.sent, keyed.key);
        let echoed = Elements::of_side(sides.echoed, keyed.key);
        let observed = Elements::of_side(sides.observed, keyed.key);
        for (value, key) in elements.iter().zip(&keys) {
            let found = Sides {
                desired: Some(value),
                sent: sent.get(key),
                echoed: echoed.get(key),
                observed: observed.get(key),
            };
            self.walk(&path.then(PathStep::Key(key.as_str().into())), found);
        }
        let wanted: HashMap<String, ()> = keys.iter().map(|key| (key.to_ascii_lowercase(), ())).collect();
        for element in sides.observed.and_then(Json::as_array).into_iter().flatten() {
            let Some(key) = key_of_json(element, keyed.key) else { continue };
            if wanted.contains_key(&key.to_ascii_lowercase()) {
                continue;
            }
            let appeared = self.has_echo && echoed.get(&key).is_none();
            let cause = if sent.get(&key).is_some() {
                Cause::Configuration
            } else if !keyed.shared && appeared {
                Cause::Drift
            } else {
                continue;
            };
            let path = path.then(PathStep::Key(key.into()));
            if !self.ignore.iter().any(|ignored| path.starts_with(ignored)) {
                self.push(&path, Some(element), None, cause);
            }
        }
    }

    /// What was sent before and is no longer desired.
    fn taken_away(&mut self, path: &Path, sides: Sides<'_>) {
        let (Some(sent), Some(observed)) = (sides.sent, sides.observed) else { return };
        match (sent, self.kind.keyed_at(self.same.pattern()).copied()) {
            (Json::Object(before), _) if observed.is_object() => {
                for name in before.keys() {
                    self.member(path, &Arc::from(name.as_str()), None, sides);
                }
            }
            (Json::Array(_), Some(keyed)) => self.keyed(path, &keyed, &Value::tuple([]), &[], sides),
            _ => {
                self.push(path, Some(observed), None, Cause::Configuration);
                self.also_outside(sides);
            }
        }
    }

    fn leaf(&mut self, path: &Path, desired: &Value, sides: Sides<'_>) {
        if sides.observed.is_some_and(|observed| self.same.same(desired, observed, Extra::Ignored)) {
            return;
        }
        let unchanged =
            self.has_echo && sides.sent.is_some_and(|sent| self.same.same(desired, sent, Extra::Refused));
        let cause = if unchanged { Cause::Drift } else { Cause::Configuration };
        self.push(path, sides.observed, Some(desired), cause);
        self.also_outside(sides);
    }

    fn push(&mut self, path: &Path, before: Option<&Json>, after: Option<&Value>, cause: Cause) {
        // A part of a secret is one, whether it is marked itself or not.
        let hidden = self.hidden > 0 || self.sensitive.iter().any(|s| path.starts_with(s));
        let sensitive = hidden
            || after.is_some_and(Value::contains_sensitive)
            || self.sensitive.iter().any(|s| s.starts_with(path));
        let forces_replacement = self.forces_replacement(path, before, after);
        self.changes.push(PathChange {
            path: path.clone(),
            before: before.map(|json| from_json(json).with_sensitivity(sensitive)),
            after: after.map(|value| if hidden { value.clone().sensitive() } else { value.clone() }),
            recorded: None,
            forces_replacement,
            cause,
        });
    }

    /// Remembers with the change just told what was recorded, when somebody else changed that as well.
    fn also_outside(&mut self, sides: Sides<'_>) {
        let Some(recorded) = sides.echoed.filter(|_| sides.sent.is_some()).map(from_json) else { return };
        let same = sides.observed.is_some_and(|observed| self.same.same(&recorded, observed, Extra::Ignored));
        if let Some(change) =
            self.changes.last_mut().filter(|change| !same && change.cause == Cause::Configuration)
        {
            let sides = [&change.before, &change.after];
            let sensitive = sides.into_iter().flatten().any(Value::contains_sensitive);
            change.recorded = Some(recorded.with_sensitivity(sensitive));
        }
    }

    /// Whether the change touches something that cannot be changed in place. An element of a keyed array that comes or
    /// goes changes no attribute of an element that stays.
    fn forces_replacement(&mut self, path: &Path, before: Option<&Json>, after: Option<&Value>) -> bool {
        let element = matches!(path.steps().last(), Some(PathStep::Key(_)));
        let kind = self.kind;
        kind.forces_replacement.iter().any(|pattern| {
            path.is_under(pattern) || (!element && self.same.differs_at(pattern, before, after))
        })
    }
}

#[cfg(test)]
mod tests {
    use lazuli_core::Value;
    use lazuli_core::encoding::from_json;
    use lazuli_core::kind::Kind;
    use serde_json::json;

    use super::compare;

    #[test]
    fn a_part_of_what_is_secret_as_a_whole_is_secret_on_both_sides() {
        let secret = from_json(&json!({"data": "new", "stringData": {"password": "hunter2"}})).sensitive();
        let desired =
            Value::object([("objects", Value::object([("db", secret)])), ("wait", Value::from(true))]);
        let observed = json!({"objects": {"db": {"data": "old"}}, "wait": false});
        let changes = compare(&Kind::GENERAL, &[], &desired, None, Some(&observed));
        let told: Vec<(String, bool)> = changes
            .iter()
            .map(|change| {
                let sides = [&change.before, &change.after];
                (change.path.to_string(), sides.into_iter().flatten().all(Value::is_sensitive))
            })
            .collect();
        let expected = [("objects.db.data", true), ("objects.db.stringData", true), ("wait", false)];
        assert_eq!(told, expected.map(|(path, secret)| (path.to_owned(), secret)));
    }
}

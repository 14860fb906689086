//! Attribute by attribute: what differs between what is desired and what exists, and who changed it.
//!
//! Three sides are compared, because Azure echoes values in its own spelling and leaves some out:
//! * what is desired now (`D`), * what was sent last time (`R`) and what came back then (`E`), * what exists now (`O`).
//!
//! `D` equal to `O` is no difference. `D` equal to `R` while `O` equals `E` is none either: that is how Azure answers to
//! this configuration. Anything else differs; the configuration changed it when `D` differs from `R`, somebody else did
//! when it does not. Only what is in `D` or `R` is looked at: the rest of the object belongs to others.

use std::sync::Arc;

use lazuli_core::encoding::from_json;
use lazuli_core::kind::{Keyed, Kind};
use lazuli_core::path::PathStep;
use lazuli_core::plan::{Cause, PathChange};
use lazuli_core::recorded::Recorded;
use lazuli_core::value::Content;
use lazuli_core::{Json, Path, Value};

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
    changes: Vec<PathChange>,
    /// The names on the way, joined by dots: what the patterns of a kind are matched with.
    pattern: String,
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
    let mut comparison = Comparison {
        kind,
        ignore,
        sensitive: recorded.map_or(&[], |r| &r.sensitive),
        changes: Vec::new(),
        pattern: String::new(),
    };
    let echoed = recorded.map(|r| &r.observed);
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

/// The part of an object that a desired value speaks about, with the desired value's marks.
pub fn project(desired: &Value, observed: &Json) -> Value {
    let projected = match (desired.content(), observed) {
        (Content::Object(wanted) | Content::Map(_, wanted), Json::Object(found)) => {
            let members = wanted
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), project(value, found.get(&**name)?))));
            Value::object(members)
        }
        (Content::Tuple(wanted) | Content::List(_, wanted), Json::Array(found))
            if wanted.len() == found.len() =>
        {
            Value::tuple(wanted.iter().zip(found).map(|(w, f)| project(w, f)))
        }
        _ => from_json(observed),
    };
    projected.marked_as(desired)
}

impl Comparison<'_> {
    fn walk(&mut self, path: &Path, sides: Sides<'_>) {
        if self.ignore.iter().any(|ignored| path.starts_with(ignored))
            || self.kind.write_only.contains(&self.pattern.as_str())
        {
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
                ) => match self.kind.keyed_at(&self.pattern) {
                    Some(keyed) => self.keyed(path, keyed, elements, sides),
                    None if elements.len() == found.len() && !self.is_unordered() => {
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
        sides
            .sent
            .is_some_and(|sent| sides.echoed == sides.observed && self.same(desired, sent, Extra::Refused))
    }

    fn member(&mut self, path: &Path, name: &Arc<str>, desired: Option<&Value>, sides: Sides<'_>) {
        let length = self.pattern.len();
        if length > 0 {
            self.pattern.push('.');
        }
        self.pattern.push_str(name);
        self.walk(
            &path.name(name.clone()),
            Sides {
                desired,
                sent: sides.sent.and_then(|json| json.get(&**name)),
                echoed: sides.echoed.and_then(|json| json.get(&**name)),
                observed: sides.observed.and_then(|json| json.get(&**name)),
            },
        );
        self.pattern.truncate(length);
    }

    fn keyed(&mut self, path: &Path, keyed: &Keyed, elements: &[Value], sides: Sides<'_>) {
        for value in elements {
            let Some(key) = value.get(keyed.key).and_then(key_of_value) else {
                continue; // an element without a known key cannot be told apart: it is compared once it has one
            };
            let found = Sides {
                desired: Some(value),
                sent: sides.sent.and_then(|array| element(array, keyed.key, &key)),
                echoed: sides.echoed.and_then(|array| element(array, keyed.key, &key)),
                observed: sides.observed.and_then(|array| element(array, keyed.key, &key)),
            };
            self.walk(&path.then(PathStep::Key(key.into())), found);
        }
        for before in sides.sent.and_then(Json::as_array).into_iter().flatten() {
            let Some(key) = before.get(keyed.key).and_then(key_of_json) else { continue };
            if elements.iter().any(|e| {
                e.get(keyed.key).and_then(key_of_value).is_some_and(|k| k.eq_ignore_ascii_case(&key))
            }) {
                continue;
            }
            if let Some(observed) = sides.observed.and_then(|array| element(array, keyed.key, &key)) {
                self.push(&path.then(PathStep::Key(key.into())), Some(observed), None, Cause::Configuration);
            }
        }
    }

    /// What was sent before and is no longer desired.
    fn taken_away(&mut self, path: &Path, sides: Sides<'_>) {
        let (Some(sent), Some(observed)) = (sides.sent, sides.observed) else { return };
        match (sent, self.kind.keyed_at(&self.pattern).copied()) {
            (Json::Object(before), _) if observed.is_object() => {
                for name in before.keys() {
                    self.member(path, &Arc::from(name.as_str()), None, sides);
                }
            }
            (Json::Array(_), Some(keyed)) => self.keyed(path, &keyed, &[], sides),
            _ => self.push(path, Some(observed), None, Cause::Configuration),
        }
    }

    fn leaf(&mut self, path: &Path, desired: &Value, sides: Sides<'_>) {
        if sides.observed.is_some_and(|observed| self.same(desired, observed, Extra::Ignored)) {
            return;
        }
        let unchanged = sides.sent.is_some_and(|sent| self.same(desired, sent, Extra::Refused));
        let cause = if unchanged { Cause::Drift } else { Cause::Configuration };
        self.push(path, sides.observed, Some(desired), cause);
    }

    fn push(&mut self, path: &Path, before: Option<&Json>, after: Option<&Value>, cause: Cause) {
        let sensitive = after.is_some_and(Value::contains_sensitive)
            || self.sensitive.iter().any(|s| path.starts_with(s) || s.starts_with(path));
        self.changes.push(PathChange {
            path: path.clone(),
            before: before.map(|json| from_json(json).with_sensitivity(sensitive)),
            after: after.cloned(),
            forces_replacement: self.kind.forces_replacement.iter().any(|pattern| {
                path.is_under(pattern)
                    || (pattern.starts_with(self.pattern.as_str())
                        && touches(pattern, &self.pattern, before, after))
            }),
            cause,
        });
    }

    fn is_unordered(&self) -> bool {
        self.kind.unordered.contains(&self.pattern.as_str())
    }

    /// Whether a value means what the JSON says, in the semantics of the kind at the current pattern.
    fn same(&mut self, value: &Value, json: &Json, extra: Extra) -> bool {
        match (value.content(), json) {
            (Content::Unknown(_), _) => false,
            (Content::Null(_), json) => json.is_null(),
            (Content::Bool(a), Json::Bool(b)) => a == b,
            (Content::Number(a), Json::Number(b)) => b.to_string().parse().is_ok_and(|b| *a == b),
            (Content::String(a), Json::String(b)) => self.same_text(a, b),
            (Content::Object(members) | Content::Map(_, members), Json::Object(found)) => {
                if extra == Extra::Refused
                    && found.iter().any(|(name, v)| {
                        !v.is_null() && members.get(name.as_str()).is_none_or(Value::is_null)
                    })
                {
                    return false;
                }
                members.iter().all(|(name, member)| {
                    let length = self.pattern.len();
                    if length > 0 {
                        self.pattern.push('.');
                    }
                    self.pattern.push_str(name);
                    let same = self.kind.write_only.contains(&self.pattern.as_str())
                        || match found.get(&**name) {
                            Some(found) => self.same(member, found, extra),
                            None => member.is_null(),
                        };
                    self.pattern.truncate(length);
                    same
                })
            }
            (
                Content::Tuple(items) | Content::List(_, items) | Content::Set(_, items),
                Json::Array(found),
            ) => {
                if let Some(keyed) = self.kind.keyed_at(&self.pattern).copied() {
                    return (extra == Extra::Ignored || items.len() == found.len())
                        && items.iter().all(|item| {
                            let key = item.get(keyed.key).and_then(key_of_value);
                            key.and_then(|key| element(json, keyed.key, &key))
                                .is_some_and(|found| self.same(item, found, extra))
                        });
                }
                if items.len() != found.len() {
                    return false;
                }
                if self.is_unordered() {
                    let mut left: Vec<&Json> = found.iter().collect();
                    return items.iter().all(|item| {
                        match left.iter().position(|found| self.same(item, found, extra)) {
                            Some(index) => {
                                left.swap_remove(index);
                                true
                            }
                            None => false,
                        }
                    });
                }
                items.iter().zip(found).all(|(item, found)| self.same(item, found, extra))
            }
            _ => false,
        }
    }

    fn same_text(&self, a: &str, b: &str) -> bool {
        if a == b {
            return true;
        }
        if self.pattern == "location" {
            let plain = |text: &str| {
                text.chars().filter(|c| *c != ' ').flat_map(char::to_lowercase).collect::<String>()
            };
            return plain(a) == plain(b);
        }
        let is_id = |text: &str| text.len() > 1 && text.starts_with('/');
        (is_id(a) && is_id(b) || self.kind.ignore_case.contains(&self.pattern.as_str()))
            && a.eq_ignore_ascii_case(b)
    }
}

/// What to make of members that only the JSON has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extra {
    /// Somebody else's.
    Ignored,
    /// A difference.
    Refused,
}

/// Whether a change of a whole structure changes what lies below it at `pattern`.
fn touches(pattern: &str, here: &str, before: Option<&Json>, after: Option<&Value>) -> bool {
    let below = pattern[here.len()..].trim_start_matches('.');
    if below.is_empty() {
        return true;
    }
    let names = below.split('.');
    let old = names.clone().try_fold(before, |json, name| json.map(|j| j.get(name))).flatten();
    let new = names.clone().try_fold(after, |value, name| value.map(|v| v.get(name))).flatten();
    match (old, new) {
        (None, None) => false,
        (Some(old), Some(new)) => from_json(old) != *new,
        _ => true,
    }
}

fn key_of_value(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned).or_else(|| value.as_number().map(ToString::to_string))
}

fn key_of_json(json: &Json) -> Option<String> {
    json.as_str().map(str::to_owned).or_else(|| json.as_number().map(ToString::to_string))
}

/// The element of an array whose key property has that value; names compare without regard to case, as Azure's do.
fn element<'a>(array: &'a Json, property: &str, key: &str) -> Option<&'a Json> {
    array
        .as_array()?
        .iter()
        .find(|e| e.get(property).and_then(key_of_json).is_some_and(|k| k.eq_ignore_ascii_case(key)))
}

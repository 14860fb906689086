//! Whether a desired value and a JSON value mean the same, in the semantics of a kind.
//!
//! Ids and locations compare without regard to case, some arrays without regard to order, write-only parts not at all.

use std::collections::HashMap;

use lazuli_core::kind::Kind;
use lazuli_core::value::Content;
use lazuli_core::{Json, Value};

use crate::compare::enter;

/// A comparison with its place in the object: a pattern of names, array elements left out, as kinds write them.
pub(crate) struct Sameness<'a> {
    kind: &'a Kind,
    pattern: String,
}

/// What to make of members that only the JSON has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extra {
    /// Somebody else's.
    Ignored,
    /// A difference.
    Refused,
}

/// The elements of a keyed array by key; keys compare without regard to case, as Azure's names do.
pub(crate) struct Elements<'a, T>(HashMap<String, &'a T>);

impl<T> Default for Elements<'_, T> {
    fn default() -> Self {
        Elements(HashMap::new())
    }
}

impl<'a, T> Elements<'a, T> {
    /// The element of that key.
    pub(crate) fn get(&self, key: &str) -> Option<&'a T> {
        self.0.get(&key.to_ascii_lowercase()).copied()
    }

    fn index(keyed: impl Iterator<Item = (Option<String>, &'a T)>) -> Self {
        let mut elements = HashMap::new();
        for (key, element) in keyed {
            if let Some(key) = key {
                elements.entry(key.to_ascii_lowercase()).or_insert(element);
            }
        }
        Elements(elements)
    }
}

impl<'a> Elements<'a, Json> {
    /// None of a side that is not there.
    pub(crate) fn of_side(array: Option<&'a Json>, key: &str) -> Self {
        array.map(|array| Elements::of_json(array, key)).unwrap_or_default()
    }

    pub(crate) fn of_json(array: &'a Json, key: &str) -> Self {
        Elements::index(array.as_array().into_iter().flatten().map(|e| (key_of_json(e, key), e)))
    }
}

impl<'a> Elements<'a, Value> {
    pub(crate) fn of_value(array: &'a Value, key: &str) -> Self {
        Elements::index(array.as_sequence().unwrap_or_default().iter().map(|e| (key_of_value(e, key), e)))
    }
}

/// The key of an element, when it is known.
pub(crate) fn key_of_value(element: &Value, property: &str) -> Option<String> {
    let key = element.get(property)?;
    key.as_str().map(str::to_owned).or_else(|| key.as_number().map(ToString::to_string))
}

/// The key of an element.
pub(crate) fn key_of_json(element: &Json, property: &str) -> Option<String> {
    let key = element.get(property)?;
    key.as_str().map(str::to_owned).or_else(|| key.as_number().map(ToString::to_string))
}

impl<'a> Sameness<'a> {
    pub(crate) fn new(kind: &'a Kind) -> Self {
        Sameness { kind, pattern: String::new() }
    }

    /// Where the comparison is.
    pub(crate) fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Goes into a member; the result is for [`Sameness::leave`].
    pub(crate) fn enter(&mut self, name: &str) -> usize {
        enter(&mut self.pattern, name)
    }

    /// Comes back.
    pub(crate) fn leave(&mut self, length: usize) {
        self.pattern.truncate(length);
    }

    /// True when the provider never returns what is here.
    pub(crate) fn is_write_only(&self) -> bool {
        self.kind.write_only.contains(&self.pattern.as_str())
    }

    /// True for an array of plain values without order.
    pub(crate) fn is_unordered(&self) -> bool {
        self.kind.unordered.contains(&self.pattern.as_str())
    }

    /// Whether a value means what the JSON says.
    pub(crate) fn same(&mut self, value: &Value, json: &Json, extra: Extra) -> bool {
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
                    let length = self.enter(name);
                    let same = self.is_write_only()
                        || match found.get(&**name) {
                            Some(found) => self.same(member, found, extra),
                            None => member.is_null(),
                        };
                    self.leave(length);
                    same
                })
            }
            (
                Content::Tuple(items) | Content::List(_, items) | Content::Set(_, items),
                Json::Array(found),
            ) => self.same_items(items, json, found, extra),
            _ => false,
        }
    }

    fn same_items(&mut self, items: &[Value], array: &Json, found: &[Json], extra: Extra) -> bool {
        if let Some(keyed) = self.kind.keyed_at(&self.pattern) {
            if items.len() != found.len() && (extra == Extra::Refused || !keyed.shared) {
                return false;
            }
            let elements = Elements::of_json(array, keyed.key);
            return items.iter().all(|item| {
                key_of_value(item, keyed.key)
                    .and_then(|key| elements.get(&key))
                    .is_some_and(|found| self.same(item, found, extra))
            });
        }
        if items.len() != found.len() {
            return false;
        }
        if !self.is_unordered() {
            return items.iter().zip(found).all(|(item, found)| self.same(item, found, extra));
        }
        let mut left: Vec<&Json> = found.iter().collect();
        items.iter().all(|item| match left.iter().position(|found| self.same(item, found, extra)) {
            Some(index) => {
                left.swap_remove(index);
                true
            }
            None => false,
        })
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
        let any_case =
            is_id(a) && is_id(b) || self.kind.ignore_case.contains(&self.pattern.as_str()) || self.is_key();
        any_case && a.eq_ignore_ascii_case(b)
    }

    /// True at the property that tells the elements of an array apart.
    fn is_key(&self) -> bool {
        let Some((array, name)) = self.pattern.rsplit_once('.') else { return false };
        self.kind.keyed_at(array).is_some_and(|keyed| keyed.key == name)
    }

    /// Whether a change of a whole structure from `before` to `after`, here, changes what lies below it at `pattern`.
    pub(crate) fn differs_at(&mut self, pattern: &str, before: Option<&Json>, after: Option<&Value>) -> bool {
        let below = match (self.pattern.as_str(), pattern.strip_prefix(self.pattern.as_str())) {
            (_, None) => return false,
            ("", Some(below)) => below,
            (_, Some(below)) => match below.strip_prefix('.') {
                Some(below) => below,
                None => return false, // `properties.sub` is not above `properties.subnets`
            },
        };
        let names: Vec<&str> = below.split('.').collect();
        let length = self.pattern.len();
        self.pattern.replace_range(.., pattern);
        let differs = self.differs_below(&names, before, after);
        self.pattern.truncate(length);
        differs
    }

    fn differs_below(&mut self, names: &[&str], before: Option<&Json>, after: Option<&Value>) -> bool {
        let before = before.filter(|before| !before.is_null());
        let after = after.filter(|after| !after.is_null());
        if let (Some(Json::Array(old)), Some(new), false) =
            (before, after.and_then(Value::as_sequence), names.is_empty())
        {
            return old.iter().zip(new).any(|(old, new)| self.differs_below(names, Some(old), Some(new)));
        }
        match (names.split_first(), before, after) {
            (_, None, None) => false,
            (None, Some(old), Some(new)) => !self.same(new, old, Extra::Ignored),
            (None, _, _) => true,
            (Some((name, names)), _, _) => {
                self.differs_below(names, before.and_then(|b| b.get(name)), after.and_then(|a| a.get(name)))
            }
        }
    }
}

/// True for the text of an Azure resource id: other paths, of files for instance, mind case.
fn is_id(text: &str) -> bool {
    ["/subscriptions/", "/providers/"]
        .iter()
        .any(|start| text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)))
}

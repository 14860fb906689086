//! The members of a map or an object: a sorted list, because there are very many and most have a handful of members.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::ser::SerializeMap as _;

use crate::value::Value;

/// Values by name, in order of name.
///
/// Finding is quick; [`Entries::insert`] moves what comes after. To build many at once, collect them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries(Vec<(Arc<str>, Value)>);

impl Entries {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(here, _)| (**here).cmp(name))
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.place(name).ok().map(|place| &self.0[place].1)
    }

    /// True when the name has a value.
    pub fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Gives a name a value.
    pub fn insert(&mut self, name: Arc<str>, value: Value) {
        match self.place(&name) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => {
                self.0.reserve_exact(1); // there are very many lists, and most never get another member
                self.0.insert(place, (name, value));
            }
        }
    }

    /// Takes a name away.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.place(name).ok().map(|place| self.0.remove(place).1)
    }

    /// Names and values.
    pub fn iter(&self) -> Iter<'_> {
        self.into_iter()
    }

    /// The names.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Arc<str>> + DoubleEndedIterator {
        self.0.iter().map(|(name, _)| name)
    }

    /// The values.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> + DoubleEndedIterator {
        self.0.iter().map(|(_, value)| value)
    }

    /// The pairs.
    pub(crate) fn pairs(&self) -> &[(Arc<str>, Value)] {
        &self.0
    }
}

/// The names and values of [`Entries`].
pub type Iter<'a> = std::iter::Map<
    std::slice::Iter<'a, (Arc<str>, Value)>,
    fn(&'a (Arc<str>, Value)) -> (&'a Arc<str>, &'a Value),
>;

impl<'a> IntoIterator for &'a Entries {
    type Item = (&'a Arc<str>, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

impl IntoIterator for Entries {
    type Item = (Arc<str>, Value);
    type IntoIter = std::vec::IntoIter<(Arc<str>, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(Arc<str>, Value)> for Entries {
    /// A later pair of the same name wins.
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(pairs: I) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        pairs.shrink_to_fit();
        Entries(pairs)
    }
}

impl From<BTreeMap<Arc<str>, Value>> for Entries {
    fn from(map: BTreeMap<Arc<str>, Value>) -> Self {
        Entries(map.into_iter().collect())
    }
}

impl serde::Serialize for Entries {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> serde::Deserialize<'de> for Entries {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Entries::from)
    }
}

#[cfg(test)]
mod tests {
    use super::Entries;
    use crate::value::Value;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    proptest! {
        #[test]
        fn entries_are_what_a_map_would_be(
            pairs in prop::collection::vec(("[a-d]{1,2}", any::<i64>()), 0..12),
            more in prop::collection::vec(("[a-d]{1,2}", any::<i64>()), 0..6),
            gone in "[a-d]{1,2}",
        ) {
            let named = |list: Vec<(String, i64)>| -> Vec<(Arc<str>, Value)> {
                list.into_iter().map(|(name, int)| (name.as_str().into(), Value::int(int))).collect()
            };
            let (pairs, more) = (named(pairs), named(more));
            let mut entries: Entries = pairs.iter().cloned().collect();
            let mut map: BTreeMap<Arc<str>, Value> = pairs.into_iter().collect();
            for (name, value) in more {
                entries.insert(name.clone(), value.clone());
                map.insert(name, value);
            }
            prop_assert_eq!(entries.remove(&gone), map.remove(&*gone));
            prop_assert!(entries.iter().eq(map.iter()));
            prop_assert!(entries.keys().eq(map.keys()) && entries.values().eq(map.values()));
            prop_assert!(map.iter().all(|(name, value)| entries.get(name) == Some(value)));
            prop_assert_eq!(entries.contains_key(&gone), false);
            let text = serde_json::to_string(&entries).unwrap();
            prop_assert_eq!(serde_json::from_str::<Entries>(&text).unwrap(), entries);
        }
    }
}

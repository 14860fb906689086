//! Addresses: how people and the state name a resource, `cluster.prod.worker_pool["general"].node["3"].vm`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::path::{Token, is_word, leading_token};

/// The name of one resource, in its canonical spelling. Cheap to clone, ordered as people count (`node["2"]` before `node["10"]`).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address(Arc<str>);

/// One part of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The name between the dots.
    pub name: String,
    /// The key in brackets, if any.
    pub key: Option<Key>,
}

/// The key of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// From `count`.
    Index(u64),
    /// From `for_each`, or a pool, or a slot.
    Name(String),
}

/// Why text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address such as cluster.prod.worker_pool[\"general\"].node[\"3\"].vm")]
pub struct AddressError(String);

impl Address {
    /// `first.second`, both plain names.
    pub fn root(first: &str, second: &str) -> Self {
        Address([first, ".", second].concat().into())
    }

    /// This address and a name more.
    #[must_use]
    pub fn child(&self, name: &str) -> Address {
        Address([&*self.0, ".", name].concat().into())
    }

    /// This address and a name with a key more.
    #[must_use]
    pub fn keyed(&self, name: &str, key: &str) -> Address {
        Address(format!("{}.{name}[{}]", self.0, serde_json::Value::from(key)).into())
    }

    /// This address as an instance of `for_each`.
    #[must_use]
    pub fn instance(&self, key: &Key) -> Address {
        Address(format!("{}{key}", self.0).into())
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts, parsed again from the text.
    pub fn segments(&self) -> Vec<Segment> {
        parse(&self.0).unwrap_or_default() // impossible: constructed canonical
    }

    /// True when `self` is `ancestor` or lies below it.
    pub fn is_within(&self, ancestor: &Address) -> bool {
        self.0.strip_prefix(&*ancestor.0).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }

    /// The address without its last part; `None` when that would leave less than two parts.
    pub fn parent(&self) -> Option<Address> {
        let segments = self.segments();
        let (_, init) = segments.split_last()?;
        if init.len() < 2 { None } else { Some(Address(spell(init).into())) }
    }
}

fn spell(segments: &[Segment]) -> String {
    let mut text = String::new();
    for segment in segments {
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(&segment.name);
        if let Some(key) = &segment.key {
            text.push_str(&key.to_string());
        }
    }
    text
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Index(index) => write!(f, "[{index}]"),
            Key::Name(name) => write!(f, "[{}]", serde_json::Value::from(&**name)),
        }
    }
}

fn parse(text: &str) -> Option<Vec<Segment>> {
    let mut segments = Vec::new();
    let mut rest = text;
    loop {
        let (token, after) = leading_token(rest)?;
        let Token::Bare(name) = token else { return None };
        if !is_word(name) {
            return None;
        }
        let mut segment = Segment { name: name.to_owned(), key: None };
        rest = after;
        if let Some(inner) = rest.strip_prefix('[') {
            let (token, after) = leading_token(inner)?;
            segment.key = Some(match token {
                Token::Quoted(name) => Key::Name(name),
                Token::Bare(index) => Key::Index(index.parse().ok()?),
            });
            rest = after.strip_prefix(']')?;
        }
        segments.push(segment);
        if rest.is_empty() {
            return Some(segments);
        }
        rest = rest.strip_prefix('.')?;
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let segments = parse(text).filter(|s| s.len() >= 2).ok_or_else(|| AddressError(text.to_owned()))?;
        Ok(Address(spell(&segments).into()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Ord for Address {
    /// Runs of digits compare as numbers; otherwise by bytes.
    fn cmp(&self, other: &Self) -> Ordering {
        natural(self.0.as_bytes(), other.0.as_bytes()).then_with(|| self.0.cmp(&other.0))
    }
}

fn natural(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        let same = a.iter().zip(b).take_while(|(x, y)| x == y && !x.is_ascii_digit()).count();
        (a, b) = (&a[same..], &b[same..]);
        match (a.first(), b.first()) {
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (number_a, rest_a) = digits(a);
                let (number_b, rest_b) = digits(b);
                match number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b)) {
                    Ordering::Equal => (a, b) = (rest_a, rest_b),
                    unequal => return unequal,
                }
            }
            (x, y) => return x.cmp(&y),
        }
    }
}

/// Splits leading digits off, leading zeros dropped.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let zeros = text[..end].iter().position(|b| *b != b'0').unwrap_or(end);
    (&text[zeros..end], &text[end..])
}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl serde::Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Key};
    use proptest::prelude::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn slots_are_ordered_as_people_count() {
        let mut nodes = ["10", "9", "1"].map(|slot| Address::root("cluster", "prod").keyed("node", slot));
        nodes.sort();
        assert_eq!(
            nodes.map(|n| n.to_string()),
            ["cluster.prod.node[\"1\"]", "cluster.prod.node[\"9\"]", "cluster.prod.node[\"10\"]"]
        );
    }

    #[test]
    fn a_part_lies_within_its_cluster_and_not_within_one_whose_name_begins_alike() {
        let part = address("cluster.prod.network.route_table");
        assert!(part.is_within(&address("cluster.prod")));
        assert!(!part.is_within(&address("cluster.pro")));
        assert_eq!(part.parent(), Some(address("cluster.prod.network")));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "x", "a.", "a.b[", "a.b[x]", "a b.c", "a..b", "a.b]"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_address_is_printed_as_it_is_read(name in "[a-z][a-z0-9_-]{0,8}", key in "\\PC{0,12}", index in 0u64..20) {
            let built = Address::root("cluster", &name).keyed("worker_pool", &key).child("node").instance(&Key::Index(index));
            prop_assert_eq!(built.to_string().parse::<Address>().unwrap(), built);
        }
    }
}

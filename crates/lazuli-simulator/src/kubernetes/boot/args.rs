//! Extra flags in kubeadm's configuration.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Extra flags: a map until v1beta3, a list since v1beta4.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum ExtraArgs {
    List(Vec<Arg>),
    Map(BTreeMap<String, String>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arg {
    name: String,
    #[serde(default)]
    value: String,
}

impl Default for ExtraArgs {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl ExtraArgs {
    /// The value of a flag; the last one counts.
    pub(super) fn get(&self, flag: &str) -> Option<&str> {
        match self {
            Self::Map(map) => map.get(flag).map(String::as_str),
            Self::List(list) => list.iter().rev().find(|arg| arg.name == flag).map(|arg| arg.value.as_str()),
        }
    }

    /// Whether it has the shape of an API version.
    pub(super) fn fits(&self, is_v1beta4: bool) -> bool {
        match self {
            Self::Map(map) => map.is_empty() || !is_v1beta4,
            Self::List(list) => list.is_empty() || is_v1beta4,
        }
    }
}

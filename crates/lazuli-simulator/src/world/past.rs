//! What was there before the last writes, for reads that lag behind. Kept in memory only: a restart catches up.

use std::collections::BTreeMap;

use super::{Resource, World};

/// By key, when it was last written and what was there before.
pub(super) type Past = BTreeMap<String, (u64, Option<Resource>)>;

impl World {
    /// Remembers what is there before a write.
    pub(crate) fn remember(&mut self, key: String, now: u64) {
        let before = self.resources.get(&key).cloned();
        self.past.insert(key, (now, before));
    }

    /// Carries out a read as if what was written after `since` at or below `key` had not been written yet.
    pub(crate) fn as_before<T>(&mut self, key: &str, since: u64, read: impl FnOnce(&mut World) -> T) -> T {
        let below = format!("{key}/");
        let lagging =
            self.past.iter().filter(|(k, (at, _))| *at > since && (*k == key || k.starts_with(&below)));
        let lagging: Vec<(String, Option<Resource>)> =
            lagging.map(|(key, (_, before))| (key.clone(), before.clone())).collect();
        let now: Vec<_> =
            lagging.into_iter().map(|(key, before)| (self.exchange(&key, before), key)).collect();
        let answer = read(self);
        for (resource, key) in now.into_iter().rev() {
            self.exchange(&key, resource);
        }
        answer
    }

    fn exchange(&mut self, key: &str, resource: Option<Resource>) -> Option<Resource> {
        let old = self.remove(key);
        resource.into_iter().for_each(|resource| self.put(resource));
        old
    }
}

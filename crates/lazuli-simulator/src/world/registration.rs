//! Which resource providers the subscription is registered for.

use super::World;

impl World {
    /// `Registered`, `NotRegistered`, `Registering` or `Unregistering`.
    pub(crate) fn registration(&self, namespace: &str) -> &'static str {
        let namespace = namespace.to_ascii_lowercase();
        let is_over = self.registering.get(&namespace).is_none_or(|done_ms| *done_ms <= self.advanced_ms);
        match (self.unregistered.contains(&namespace), is_over) {
            (false, true) => "Registered",
            (true, true) => "NotRegistered",
            (false, false) => "Registering",
            (true, false) => "Unregistering",
        }
    }

    /// Whether resources of a namespace can be made.
    pub(crate) fn is_registered(&self, namespace: &str) -> bool {
        self.registration(namespace) == "Registered"
    }

    /// Registers a namespace, or ends that; it holds from `done_ms` (milliseconds since 1970) on.
    pub(crate) fn set_registered(&mut self, namespace: &str, registered: bool, done_ms: u64) {
        let namespace = namespace.to_ascii_lowercase();
        let changed = match registered {
            true => self.unregistered.remove(&namespace),
            false => self.unregistered.insert(namespace.clone()),
        };
        if changed {
            self.registering.insert(namespace, done_ms);
            self.dirty.settings = true;
        }
    }
}

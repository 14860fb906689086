//! Private addresses of one subnet, handed out in constant time.

use std::collections::BTreeSet;

/// Which addresses of a subnet are taken.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    taken: BTreeSet<u32>,
    /// Nothing below this is free, as far as `next` has looked.
    free_from: u32,
}

impl Addresses {
    pub(crate) fn take(&mut self, address: u32) {
        self.taken.insert(address);
    }

    pub(crate) fn release(&mut self, address: u32) {
        self.taken.remove(&address);
        self.free_from = self.free_from.min(address);
    }

    pub(crate) fn is_taken(&self, address: u32) -> bool {
        self.taken.contains(&address)
    }

    /// The first free address from `first` to `last`, both included.
    pub(crate) fn next(&mut self, first: u32, last: u32) -> Option<u32> {
        let mut address = self.free_from.max(first);
        while self.taken.contains(&address) {
            address = address.checked_add(1)?;
        }
        self.free_from = address;
        (address <= last).then_some(address)
    }
}

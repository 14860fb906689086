//! The activity log: who changed what, and when.
//!
//! Belongs here: what is kept. Not here: how a client asks for it (`arm::activity`).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::World;

/// So many deeds are kept.
const KEPT: usize = 20_000;
/// And for so long: ninety days.
const KEEP_MS: u64 = 90 * 24 * 3600 * 1000;

/// One request that was to change something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Deed {
    /// When it came.
    pub(crate) at_ms: u64,
    /// `Microsoft.Network/virtualNetworks/write`.
    pub(crate) action: String,
    /// The id of what it was about.
    pub(crate) target: String,
    /// The verb on the wire.
    pub(crate) method: String,
    /// HTTP status of the answer.
    pub(crate) status: u16,
    /// Code and message, when it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refusal: Option<(String, String)>,
    /// The operation it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<String>,
    /// The client's name for a bundle of requests.
    pub(crate) correlation: String,
}

/// What happened, oldest first.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Activity {
    done: VecDeque<Deed>,
    /// What was refused. A refusal changes nothing in the world, so it is not recorded either, and a restart forgets it.
    #[serde(skip)]
    refused: VecDeque<Deed>,
}

impl World {
    /// Adds to the activity log.
    pub(crate) fn note(&mut self, deed: Deed) {
        if deed.refusal.is_some() {
            push(&mut self.activity.refused, deed);
            return;
        }
        self.dirty.deeds.push(deed.clone());
        push(&mut self.activity.done, deed);
    }

    /// Adds what was recorded.
    pub(super) fn recall(&mut self, deed: Deed) {
        push(&mut self.activity.done, deed);
    }

    /// What happened since a moment, in no order.
    pub(crate) fn deeds(&self, since: u64) -> impl Iterator<Item = &Deed> {
        self.activity.done.iter().chain(&self.activity.refused).filter(move |deed| deed.at_ms >= since)
    }
}

fn push(deeds: &mut VecDeque<Deed>, deed: Deed) {
    let oldest = deed.at_ms.saturating_sub(KEEP_MS);
    deeds.push_back(deed);
    while deeds.len() > KEPT || deeds.front().is_some_and(|deed| deed.at_ms < oldest) {
        deeds.pop_front();
    }
}

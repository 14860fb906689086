//! Namespaces: what every one of them gets, and how they end with all that is in them.

use super::Round;
use super::look::{is_going, name};
use crate::kubernetes::namespaces;

pub(super) fn act(round: &mut Round<'_>, ca_pem: &str) {
    let (mut staying, mut is_leaving) = (Vec::new(), false);
    for found in round.store.list("v1/namespaces", None) {
        match is_going(found) {
            true => is_leaving = true,
            false => staying.push(name(found).to_owned()),
        }
    }
    let now = round.now;
    for namespace in staying {
        namespaces::furnish(round.store, &namespace, ca_pem, now);
    }
    if is_leaving {
        namespaces::settle(round.store, now);
    }
}

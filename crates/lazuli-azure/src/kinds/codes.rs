//! The status codes of success, per family: recorded from Azure and from the lists its own clients accept.

use lazuli_core::kind::Accepts;

/// Most types of the network, and machines.
pub(super) const NETWORK_CODES: Accepts = Accepts { put: &[200, 201], delete: &[200, 202, 204] };
/// What is made at once.
pub(super) const PROMPT_CODES: Accepts = Accepts { put: &[200, 201], delete: &[200, 204] };
/// Disks and snapshots never say 201.
pub(super) const DISK_CODES: Accepts = Accepts { put: &[200, 202], delete: &[200, 202, 204] };
/// 200 even for a new one.
pub(super) const AVAILABILITY_SET_CODES: Accepts = Accepts { put: &[200], delete: &[200, 204] };
/// 201 even for one that was there.
pub(super) const ROLE_CODES: Accepts = Accepts { put: &[201], delete: &[200, 204] };

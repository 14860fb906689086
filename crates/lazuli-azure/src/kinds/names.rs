//! What Azure allows as names, from its published rules. Where those are vague, the lenient reading.

use lazuli_core::kind::{Characters, Edge, NameRule};

/// Most types of the network, disks and their like.
pub(super) const NETWORK_NAME: NameRule = NameRule {
    min: 1,
    max: 80,
    characters: Characters::Word("-_."),
    first: Edge::Word,
    last: Edge::WordOrUnderscore,
    also: &[],
};
/// The shorter ones of private endpoints.
pub(super) const ENDPOINT_NAME: NameRule = NameRule { min: 2, max: 64, ..NETWORK_NAME };
/// The name becomes the host name.
pub(super) const MACHINE_NAME: NameRule = NameRule { max: 64, ..NETWORK_NAME };
/// Labels with full stops between.
pub(super) const ZONE_NAME: NameRule = NameRule { max: 253, last: Edge::Word, ..NETWORK_NAME };
/// `@` for the zone itself, `*` for any.
pub(super) const RECORD_NAME: NameRule = NameRule {
    max: 253,
    characters: Characters::Word("-_.@*"),
    first: Edge::Any,
    last: Edge::Any,
    ..NETWORK_NAME
};
pub(super) const IDENTITY_NAME: NameRule =
    NameRule { min: 3, max: 128, characters: Characters::Word("-_"), last: Edge::Any, ..NETWORK_NAME };
pub(super) const CREDENTIAL_NAME: NameRule = NameRule { max: 120, ..IDENTITY_NAME };
/// Role assignments and definitions.
pub(super) const GUID_NAME: NameRule =
    NameRule { min: 36, max: 36, characters: Characters::Guid, ..NameRule::ANY };
pub(super) const LOCK_NAME: NameRule =
    NameRule { max: 90, characters: Characters::Word("-_.()"), ..NameRule::ANY };
/// Part of a host name of the whole world.
pub(super) const ACCOUNT_NAME: NameRule =
    NameRule { min: 3, max: 24, characters: Characters::Small(""), ..NameRule::ANY };
pub(super) const CONTAINER_NAME: NameRule = NameRule {
    min: 3,
    max: 63,
    characters: Characters::Small("-"),
    first: Edge::Word,
    last: Edge::Word,
    also: &["$root", "$web", "$logs"],
};
/// Galleries, alone of all, take no hyphen.
pub(super) const GALLERY_NAME: NameRule =
    NameRule { characters: Characters::Word("_."), last: Edge::Word, ..NETWORK_NAME };
pub(super) const VERSION_NAME: NameRule = NameRule { characters: Characters::Version, ..NameRule::ANY };
pub(super) const KUBERNETES_NAME: NameRule =
    NameRule { max: 63, characters: Characters::Word("-_"), last: Edge::Word, ..NETWORK_NAME };
pub(super) const AGENT_POOL_NAME: NameRule =
    NameRule { max: 12, characters: Characters::Small(""), first: Edge::Letter, ..NameRule::ANY };

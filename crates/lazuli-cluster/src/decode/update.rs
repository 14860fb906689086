//! `update`: how nodes of a pool are replaced.

use lazuli_core::Diagnostic;
use lazuli_core::block::Block;

use super::reader::Reader;
use crate::spec::Update;

/// The longest rolling step anybody may ask for.
const MOST: i64 = 1000;

#[derive(Clone, Copy, PartialEq)]
enum Strategy {
    ExpandFirst,
    ContractFirst,
    Custom,
}

/// One at a time, the new node first, unless the block says otherwise.
pub(super) fn update(read: &mut Reader, pool: &Block) -> Option<Update> {
    let Some(block) = pool.block("update") else { return Some(Update { create_first: true, window: 1 }) };
    for later in ["min_ready_seconds", "drain_timeout"] {
        if let Some(attribute) = block.attribute(later) {
            read.no_effect(attribute.name_span, &format!("`{later}`"));
        }
    }
    let strategies = [
        ("expand_first", Strategy::ExpandFirst),
        ("contract_first", Strategy::ContractFirst),
        ("custom", Strategy::Custom),
    ];
    let strategy = match block.attribute("strategy") {
        Some(_) => read.choice(block, "strategy", &strategies),
        None => Some(Strategy::Custom),
    };
    let [surge, unavailable] = ["max_surge", "max_unavailable"].map(|name| nodes(read, block, name));
    let (strategy, surge, unavailable) = (strategy?, surge?, unavailable?);
    if surge == Some(0) && unavailable == Some(0) {
        read.problem(
            Diagnostic::error(
                "LZ0218",
                "with max_surge and max_unavailable both 0 no node could ever be replaced",
            )
            .at(block.span, "raise one of them"),
        );
        return None;
    }
    let create_first = match strategy {
        Strategy::ExpandFirst => true,
        Strategy::ContractFirst => false,
        Strategy::Custom => surge != Some(0),
    };
    let (own, own_name, other, other_name) = match create_first {
        true => (surge, "max_surge", unavailable, "max_unavailable"),
        false => (unavailable, "max_unavailable", surge, "max_surge"),
    };
    let contradiction = match (own, other) {
        (Some(0), _) => Some((own_name, "must be at least 1")),
        (_, Some(1..)) if strategy != Strategy::Custom => Some((other_name, "must be 0")),
        _ => None,
    };
    if let Some((name, label)) = contradiction {
        let word = if create_first { "expand_first" } else { "contract_first" };
        read.problem(
            Diagnostic::error("LZ0218", format!("`{name}` contradicts the strategy {word}"))
                .at(block.span_of(name), label)
                .help("strategy = \"custom\" goes by max_surge and max_unavailable alone"),
        );
        return None;
    }
    Some(Update { create_first, window: usize::try_from(own.unwrap_or(1)).ok()? })
}

/// A number of nodes, if written; the outer `None` says that it was written wrongly.
fn nodes(read: &mut Reader, block: &Block, name: &str) -> Option<Option<i64>> {
    let Some(attribute) = block.attribute(name) else { return Some(None) };
    if attribute.value.as_str().is_some_and(|text| text.ends_with('%')) {
        read.not_supported(attribute.span, &format!("a percentage in `{name}`"));
        return None;
    }
    read.int(block, name, 0..=MOST).map(Some)
}

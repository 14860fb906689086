//! `update`: how nodes of a pool are replaced.

use lazuli_core::Diagnostic;
use lazuli_core::block::Block;

use super::reader::Reader;
use crate::spec::{Amount, Update};

/// The longest rolling step anybody may ask for.
const MOST: i64 = 1000;

#[derive(Clone, Copy, PartialEq)]
enum Strategy {
    ExpandFirst,
    ContractFirst,
    Custom,
}

/// One at a time, the new node first, unless the block says otherwise.
pub(super) fn update(read: &mut Reader, pool: &Block, count: Option<i64>) -> Option<Update> {
    let Some(block) = pool.block("update") else { return Some(Update::DEFAULT) };
    let min_ready_seconds = match block.attribute("min_ready_seconds") {
        Some(_) => {
            read.int(block, "min_ready_seconds", 0..=86_400).and_then(|seconds| u64::try_from(seconds).ok())
        }
        None => Some(0),
    };
    let drain_timeout = match block.attribute("drain_timeout") {
        Some(_) => read.seconds(block, "drain_timeout", 1..=86_400),
        None => Some(Update::DRAIN_TIMEOUT),
    };
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
    let (min_ready_seconds, drain_timeout) = (min_ready_seconds?, drain_timeout?);
    let is_none = |amount: Option<Amount>| matches!(amount, Some(Amount::Nodes(0) | Amount::Percent(0)));
    if is_none(surge) && is_none(unavailable) {
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
        Strategy::Custom => !is_none(surge),
    };
    let (own, own_name, other, other_name) = match create_first {
        true => (surge, "max_surge", unavailable, "max_unavailable"),
        false => (unavailable, "max_unavailable", surge, "max_surge"),
    };
    let contradiction = match (own, other) {
        (own, _) if is_none(own) => Some((own_name, "must be at least 1")),
        (_, Some(other)) if strategy != Strategy::Custom && !is_none(Some(other)) => {
            Some((other_name, "must be 0"))
        }
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
    let own = own.unwrap_or(Amount::Nodes(1));
    let window = window(own, u32::try_from(count.unwrap_or(1)).unwrap_or(1), create_first);
    Some(Update { create_first, window, min_ready_seconds, drain_timeout })
}

/// How many nodes that is of a pool, at least one: a part of those that are made in advance rounds up, one of those that
/// may be missing rounds down.
fn window(amount: Amount, count: u32, create_first: bool) -> usize {
    let nodes = match amount {
        Amount::Nodes(nodes) => u64::from(nodes),
        Amount::Percent(percent) if create_first => (u64::from(percent) * u64::from(count)).div_ceil(100),
        Amount::Percent(percent) => u64::from(percent) * u64::from(count) / 100,
    };
    usize::try_from(nodes.max(1)).unwrap_or(usize::MAX)
}

/// A number of nodes, if written; the outer `None` says that it was written wrongly.
fn nodes(read: &mut Reader, block: &Block, name: &str) -> Option<Option<Amount>> {
    match block.attribute(name) {
        None => Some(None),
        Some(_) => read.amount(block, name, MOST).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::window;
    use crate::spec::Amount;

    #[test]
    fn parts_of_a_pool_round_up_for_extra_nodes_and_down_for_missing_ones() {
        let rows =
            [(25, 6, 2, 1), (25, 3, 1, 1), (50, 5, 3, 2), (100, 7, 7, 7), (10, 0, 1, 1), (33, 9, 3, 2)];
        for (percent, count, surge, unavailable) in rows {
            let windows = [true, false].map(|first| window(Amount::Percent(percent), count, first));
            assert_eq!(windows, [surge, unavailable], "{percent}% of {count}");
        }
        assert_eq!(window(Amount::Nodes(4), 2, true), 4);
    }
}

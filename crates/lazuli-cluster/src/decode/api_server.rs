//! `api_server`.

use lazuli_core::Diagnostic;
use lazuli_core::block::Block;

use super::reader::{Reader, shown};
use crate::spec::ApiServer;

pub(super) fn api_server(read: &mut Reader, cluster: &Block) -> Option<ApiServer> {
    let Some(block) = cluster.block("api_server") else {
        return Some(ApiServer { port: 6443, authorized_ranges: Vec::new(), span: cluster.span });
    };
    if block.attribute("access").is_some()
        && read.choice(block, "access", &[("public", true), ("private", false)]) == Some(false)
    {
        read.not_supported(block.span_of("access"), "a private API server");
    }
    if let Some(private) = block.block("private") {
        read.not_supported(private.span, "`private`");
    }
    if block.attribute("transport").is_some()
        && read.choice(block, "transport", &[("direct", true), ("run_command", false)]) == Some(false)
    {
        read.not_supported(block.span_of("transport"), "`transport = \"run_command\"`");
    }
    let port = match block.attribute("port") {
        Some(_) => read.int(block, "port", 1..=65535),
        None => Some(6443),
    };
    let mut authorized_ranges = Vec::new();
    for range in read.texts(block, "authorized_ranges") {
        let is_network =
            range.parse::<ipnet::Ipv4Net>().is_ok() || range.parse::<std::net::Ipv4Addr>().is_ok();
        if !is_network {
            let shown = shown(block, "authorized_ranges", &range);
            read.problem(
                Diagnostic::error("LZ0223", format!("`{shown}` is not an IPv4 address or network"))
                    .at(block.span_of("authorized_ranges"), "for example 203.0.113.0/24"),
            );
        }
        if !authorized_ranges.contains(&range) {
            authorized_ranges.push(range);
        }
    }
    Some(ApiServer { port: u16::try_from(port?).ok()?, authorized_ranges, span: block.span })
}

//! IP networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use lazuli_core::value::Content;
use lazuli_core::{Type, Value};

use super::{Answer, Function, Kind, Problem, p, text, whole};

const CIDR: super::Parameter = p("prefix", Kind::String);

pub(super) static FUNCTIONS: &[Function] =
    &[
        Function::new(
            "cidrhost",
            &[CIDR, p("number", Kind::Number)],
            Kind::String,
            "The address of that number in the network; negative numbers count from its end.",
            |a| {
                let network = network(a, 0)?;
                let number = i128::from(whole(a, 1)?);
                let bits = u32::from(network.max_prefix_len() - network.prefix_len());
                let size = if bits >= 127 { i128::MAX } else { 1i128 << bits };
                if number >= size || number < -size {
                    return Err(Problem::at(1, format!("the network {network} has no host of that number")));
                }
                let offset = if number < 0 { size + number } else { number };
                let address = value_of(network.network()).wrapping_add(u128::try_from(offset).unwrap_or(0));
                Ok(Value::from(address_of(address, &network).to_string()))
            },
        ),
        Function::new("cidrnetmask", &[CIDR], Kind::String, "The netmask of an IPv4 network.", |a| {
            match network(a, 0)? {
                IpNet::V4(network) => Ok(Value::from(network.netmask().to_string())),
                IpNet::V6(_) => Err(Problem::at(0, "only IPv4 networks have netmasks")),
            }
        }),
        Function::new(
            "cidrsubnet",
            &[CIDR, p("newbits", Kind::Number), p("number", Kind::Number)],
            Kind::String,
            "The subnet of that number among those with so many more bits.",
            |a| {
                let network = network(a, 0)?;
                let bits = new_bits(&network, whole(a, 1)?).map_err(|message| Problem::at(1, message))?;
                let number = whole(a, 2)?;
                let room = if bits >= 63 { i64::MAX } else { (1i64 << bits) - 1 };
                if number < 0 || number > room {
                    return Err(Problem::at(2, format!("{bits} more bits make subnets 0 to {room}")));
                }
                let subnet = subnet(&network, bits, u128::try_from(number).unwrap_or(0));
                Ok(Value::from(subnet.to_string()))
            },
        ),
        Function::new(
            "cidrsubnets",
            &[CIDR],
            Kind::Strings,
            "Subnets one after the other, each with so many more bits.",
            subnets,
        )
        .rest(p("newbits", Kind::Number)),
    ];

fn network(arguments: &[Value], i: usize) -> Result<IpNet, Problem> {
    text(arguments, i)
        .parse::<IpNet>()
        .map(|network| network.trunc())
        .map_err(|_| Problem::at(i, "expected a network such as 10.0.0.0/16"))
}

fn value_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

fn address_of(value: u128, like: &IpNet) -> IpAddr {
    match like {
        // The value stays below 2^32: hosts and subnets of a network lie in it.
        IpNet::V4(_) => IpAddr::V4(Ipv4Addr::from(u32::try_from(value & 0xffff_ffff).unwrap_or(0))),
        IpNet::V6(_) => IpAddr::V6(Ipv6Addr::from(value)),
    }
}

fn new_bits(network: &IpNet, bits: i64) -> Result<u8, String> {
    let room = network.max_prefix_len() - network.prefix_len();
    u8::try_from(bits)
        .ok()
        .filter(|bits| *bits <= room)
        .ok_or_else(|| format!("{network} has room for 0 to {room} more bits"))
}

fn subnet(network: &IpNet, bits: u8, number: u128) -> IpNet {
    let length = network.prefix_len() + bits;
    let shift = u32::from(network.max_prefix_len() - length);
    let start = value_of(network.network()) + number.checked_shl(shift).unwrap_or(0);
    IpNet::new(address_of(start, network), length).unwrap_or(*network) // impossible: the length was checked
}

fn subnets(arguments: &[Value]) -> Answer {
    let network = network(arguments, 0)?;
    let mut next = value_of(network.network());
    let end = value_of(network.broadcast());
    let mut full = false;
    let mut found = Vec::new();
    for i in 1..arguments.len() {
        let bits = new_bits(&network, whole(arguments, i)?).map_err(|message| Problem::at(i, message))?;
        if bits == 0 {
            return Err(Problem::at(i, "expected at least one more bit"));
        }
        let length = network.prefix_len() + bits;
        let size = 1u128.checked_shl(u32::from(network.max_prefix_len() - length)).unwrap_or(0);
        // Aligned to its own size.
        let start = next.checked_add(size - 1).map(|n| n / size * size);
        let Some(start) = start.filter(|start| !full && *start + (size - 1) <= end) else {
            return Err(Problem::at(i, format!("{network} has no room left for it")));
        };
        let subnet =
            IpNet::new(address_of(start, &network), length).map_err(|e| Problem::at(i, e.to_string()))?;
        found.push(Value::from(subnet.to_string()));
        match start.checked_add(size) {
            Some(after) => next = after,
            None => full = true,
        }
    }
    Ok(Value::new(Content::List(Type::String, Arc::new(found))))
}

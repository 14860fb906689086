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
            "cidrcontains",
            &[CIDR, p("address", Kind::String)],
            Kind::Bool,
            "Whether the address, or every address of the other network, lies in the network.",
            |a| {
                let (outer, inner) = (network(a, 0)?, network(a, 1).or_else(|_| address(a, 1))?);
                match (outer, inner) {
                    (IpNet::V4(_), IpNet::V4(_)) | (IpNet::V6(_), IpNet::V6(_)) => {
                        Ok(Value::from(outer.contains(&inner)))
                    }
                    _ => Err(Problem::at(1, "one is IPv4, the other IPv6")),
                }
            },
        ),
        Function::new(
            "cidrhost",
            &[CIDR, p("number", Kind::Number)],
            Kind::String,
            "The address of that number in the network; negative numbers count from its end.",
            |a| {
                let network = network(a, 0)?;
                let last = room(u32::from(network.max_prefix_len() - network.prefix_len()));
                let (negative, size) = number(a, 1)?;
                // -1 is the last one.
                let offset = if negative { last.checked_sub(size - 1) } else { Some(size) };
                match offset.filter(|offset| *offset <= last) {
                    Some(offset) => Ok(Value::from(
                        address_of(value_of(network.network()) + offset, &network).to_string(),
                    )),
                    None => Err(Problem::at(1, format!("the network {network} has no host of that number"))),
                }
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
                let last = room(u32::from(bits));
                match number(a, 2)? {
                    (false, number) if number <= last => {
                        Ok(Value::from(subnet(&network, bits, number).to_string()))
                    }
                    _ => Err(Problem::at(2, format!("{bits} more bits make subnets 0 to {last}"))),
                }
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

/// The largest number of so many bits.
fn room(bits: u32) -> u128 {
    1u128.checked_shl(bits).map_or(u128::MAX, |size| size - 1)
}

/// A whole number without its sign, and whether it is below zero.
fn number(arguments: &[Value], i: usize) -> Result<(bool, u128), Problem> {
    let text = arguments.get(i).and_then(Value::as_number).map(ToString::to_string).unwrap_or_default();
    let digits = text.strip_prefix('-').unwrap_or(&text);
    match digits.parse() {
        Ok(size) => Ok((size > 0 && text.starts_with('-'), size)),
        Err(_) if digits.contains('.') => Err(Problem::at(i, "expected a whole number")),
        Err(_) => Err(Problem::at(i, "it is beyond every network")),
    }
}

fn network(arguments: &[Value], i: usize) -> Result<IpNet, Problem> {
    let wrong = || Problem::at(i, "expected a network such as 10.0.0.0/16");
    let (address, length) = text(arguments, i).split_once('/').ok_or_else(wrong)?;
    let digits = length.bytes().all(|b| b.is_ascii_digit()) && !length.is_empty();
    let length = if digits { length.parse::<u8>().map_err(|_| wrong())? } else { return Err(wrong()) };
    let network = IpNet::new(parse_address(address).ok_or_else(wrong)?, length).map_err(|_| wrong())?;
    Ok(network.trunc())
}

/// A single address, as the network of it alone.
fn address(arguments: &[Value], i: usize) -> Result<IpNet, Problem> {
    let address = parse_address(text(arguments, i));
    address.map(IpNet::from).ok_or_else(|| Problem::at(i, "expected an address or a network"))
}

/// Zeros may stand before every number of an address.
fn parse_address(text: &str) -> Option<IpAddr> {
    let short = |group: &str| match group.trim_start_matches('0') {
        "" if !group.is_empty() => "0".to_owned(),
        short => short.to_owned(),
    };
    let dotted = |group: &str| group.split('.').map(short).collect::<Vec<_>>().join(".");
    text.split(':').map(dotted).collect::<Vec<_>>().join(":").parse().ok()
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
        if !(1..=32).contains(&bits) {
            return Err(Problem::at(i, "expected 1 to 32 more bits"));
        }
        if network.prefix_len() == 0 {
            return Err(Problem::at(0, "the network of all addresses cannot be cut"));
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

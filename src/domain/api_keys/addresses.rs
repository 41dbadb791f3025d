//! Where a key works from: addresses and networks, one a line.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// How many a key has at most.
pub const MOST_ADDRESSES: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressesError {
    #[error("{}", wrong(.0))]
    Wrong(Vec<(usize, String)>),
    #[error("There are at most {MOST_ADDRESSES} addresses.")]
    TooMany,
}

fn wrong(lines: &[(usize, String)]) -> String {
    let named: Vec<String> = lines.iter().map(|(line, text)| format!("line {line}: {text}")).collect();
    format!("Not an address or a network ({}). Write 203.0.113.7 or 203.0.113.0/24.", named.join("; "))
}

/// Reads a list, of which each wrong line is named. An empty one is no limit.
pub fn parse_addresses(text: &str) -> Result<Vec<IpNet>, AddressesError> {
    let (mut nets, mut faults) = (Vec::new(), Vec::new());
    for (line, text) in text.lines().enumerate().map(|(at, text)| (at + 1, text.trim())) {
        if text.is_empty() {
            continue;
        }
        match net(text) {
            Some(net) if !nets.contains(&net) => nets.push(net),
            Some(_) => {}
            None => faults.push((line, text.chars().take(60).collect())),
        }
    }
    match (faults.is_empty(), nets.len() <= MOST_ADDRESSES) {
        (false, _) => Err(AddressesError::Wrong(faults)),
        (true, false) => Err(AddressesError::TooMany),
        (true, true) => Ok(nets),
    }
}

/// An address is a network of one. What is IPv4 in the dress of IPv6 is undressed, as requests are.
fn net(text: &str) -> Option<IpNet> {
    let net = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse::<IpNet>().ok()?,
    };
    let mapped = match net {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => {
            v6.addr().to_ipv4_mapped().map(|v4| (v4, v6.prefix_len() - 96))
        }
        _ => None,
    };
    let net = match mapped {
        Some((address, prefix)) => IpNet::V4(Ipv4Net::new(address, prefix).ok()?),
        None => net,
    };
    Some(net.trunc())
}

/// As a table keeps it, a JSON array.
pub fn stored(nets: &[IpNet]) -> String {
    serde_json::to_string(nets).unwrap_or_else(|_| "[]".to_owned())
}

/// What a table kept. What can't be read is no address at all, so that the key works from nowhere.
pub fn read(text: &str) -> Vec<IpNet> {
    serde_json::from_str(text).unwrap_or_default()
}

/// As people read it: an address without its /32.
pub fn in_words(nets: &[IpNet]) -> Vec<String> {
    let word = |net: &IpNet| match net.prefix_len() == net.max_prefix_len() {
        true => net.addr().to_string(),
        false => net.to_string(),
    };
    nets.iter().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// K4: each wrong line is named, and an address is kept as requests come from it.
    #[test]
    fn lists_are_read_line_by_line() {
        let read =
            parse_addresses(" 203.0.113.7\n\n203.0.113.9/24\r\n2001:db8::/32\n::ffff:192.0.2.1\n203.0.113.7");
        let nets = read.expect("it is right");
        assert_eq!(in_words(&nets), ["203.0.113.7", "203.0.113.0/24", "2001:db8::/32", "192.0.2.1"]);
        assert_eq!(super::read(&stored(&nets)), nets);
        assert_eq!(parse_addresses(""), Ok(Vec::new()));
        let error = parse_addresses("203.0.113.7\n203.0.113.0/33\nhome").expect_err("two are wrong");
        assert!(error.to_string().contains("line 2: 203.0.113.0/33; line 3: home"), "{error}");
        assert_eq!(in_words(&parse_addresses("::ffff:10.0.0.0/104").expect("a network")), ["10.0.0.0/8"]);
        let many: String = (0..=50).map(|last| format!("192.0.2.{last}\n")).collect();
        assert_eq!(parse_addresses(&many), Err(AddressesError::TooMany));
    }
}

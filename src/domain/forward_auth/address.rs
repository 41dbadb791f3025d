//! The address that a proxy asks about, and which tool it belongs to. Whatever two servers could read in two ways is
//! refused where that could make a difference.

/// Where a browser wants to go, at a tool's host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `http` or `https`.
    pub scheme: String,
    /// In lower case, with the port unless it is the scheme's usual one: as a resource's `host` is kept.
    pub host: String,
    /// The path and the query, as they were sent.
    pub rest: String,
    /// The path as it is compared, in parts.
    segments: Vec<Vec<u8>>,
    /// Whether servers differ on what path this is.
    is_odd: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This is no address of a tool.")]
pub struct NotAnAddress;

/// The longest that is taken.
const LONGEST: usize = 8_000;

impl Address {
    pub fn new(scheme: &str, host: &str, rest: &str) -> Result<Address, NotAnAddress> {
        // Of a websocket some proxies say its own: it belongs to the page that opens it.
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => "http",
            "https" | "wss" => "https",
            _ => return Err(NotAnAddress),
        };
        let host = host_of(scheme, host).ok_or(NotAnAddress)?;
        let sound = rest.starts_with('/')
            && rest.len() <= LONGEST
            && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if !sound {
            return Err(NotAnAddress);
        }
        let (path, _) = rest.split_once('?').unwrap_or((rest, ""));
        let (segments, is_odd) = segments(path).ok_or(NotAnAddress)?;
        Ok(Address { scheme: scheme.to_owned(), host, rest: rest.to_owned(), segments, is_odd })
    }

    /// Takes a whole URL apart without mending it, as libraries would: `https://host/path?query`.
    pub fn parse(url: &str) -> Result<Address, NotAnAddress> {
        let (scheme, rest) = url.split_once("://").ok_or(NotAnAddress)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, rest) = rest.split_at(end);
        Address::new(scheme, host, if rest.is_empty() { "/" } else { rest })
    }

    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.host, self.rest)
    }

    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }

    /// How many whole parts of its path a tool's path is; nothing, if the address is not under it. Letters of either
    /// case are alike: some servers take them so, and a stricter path would be gone round by writing it in capitals.
    pub(super) fn under(&self, path: &str) -> Option<usize> {
        let (prefix, _) = segments(path)?;
        if self.is_odd && !prefix.is_empty() {
            return None;
        }
        let alike = |(one, other): (&Vec<u8>, &Vec<u8>)| one.eq_ignore_ascii_case(other);
        let under = prefix.len() <= self.segments.len() && prefix.iter().zip(&self.segments).all(alike);
        under.then_some(prefix.len())
    }

    /// Whether only a tool that has the whole host may be meant.
    pub(super) fn is_odd(&self) -> bool {
        self.is_odd
    }
}

/// A name or an IP address, perhaps with a port.
fn host_of(scheme: &str, host: &str) -> Option<String> {
    let host = host.to_ascii_lowercase();
    let usual = if scheme == "https" { ":443" } else { ":80" };
    let host = host.strip_suffix(usual).unwrap_or(&host);
    let name_and_port =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    (!host.is_empty() && host.len() <= 260 && host.bytes().all(name_and_port)).then(|| host.to_owned())
}

/// The parts of a path, decoded once, and whether servers differ on them. Nothing, if it can't be decoded.
fn segments(path: &str) -> Option<(Vec<Vec<u8>>, bool)> {
    let mut is_odd = path.contains('\\') || path.contains(';');
    let mut parts = Vec::new();
    let trimmed = path.strip_prefix('/').unwrap_or(path);
    let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
    for part in trimmed.split('/') {
        let decoded = decoded(part)?;
        // What is encoded twice, slashes and dots that only some decode first, and parts that are nothing.
        is_odd |=
            decoded.iter().any(|byte| matches!(byte, b'/' | b'\\' | b'%' | b';') || byte.is_ascii_control());
        is_odd |= decoded == b"." || decoded == b".." || (decoded.is_empty() && !trimmed.is_empty());
        parts.push(decoded);
    }
    if trimmed.is_empty() {
        parts.clear();
        is_odd |= path.len() > 1;
    }
    Some((parts, is_odd))
}

fn decoded(part: &str) -> Option<Vec<u8>> {
    let mut bytes = part.bytes();
    let mut decoded = Vec::with_capacity(part.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
        decoded.push(u8::try_from(high * 16 + low).ok()?);
    }
    (!decoded.contains(&0)).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under(rest: &str, path: &str) -> Option<usize> {
        Address::new("https", "tool.example", rest).ok()?.under(path)
    }

    /// On whole parts, the query aside, and capitals are alike.
    #[test]
    fn paths_are_compared_in_parts() {
        assert_eq!(under("/admin", "/admin"), Some(1));
        assert_eq!(under("/admin/", "/admin"), Some(1));
        assert_eq!(under("/admin/users?x=/../..", "/admin/"), Some(1));
        assert_eq!(under("/%61dmin/users", "/admin"), Some(1));
        assert_eq!(under("/ADMIN", "/admin"), Some(1));
        assert_eq!(under("/administrator", "/admin"), None);
        assert_eq!(under("/", "/admin"), None);
        assert_eq!(under("/?/admin", "/admin"), None);
        assert_eq!(under("/anything/at/all", "/"), Some(0));
        assert_eq!(under("/z%C3%BCrich/x", "/z%c3%bcrich"), Some(1));
    }

    /// What servers read in two ways belongs to no path, but the host's root.
    #[test]
    fn what_can_be_read_in_two_ways() {
        for odd in [
            "/admin/../x",
            "/admin/%2e%2e/x",
            "/admin/.%2E/x",
            "/./admin",
            "//admin",
            "/admin//x",
            "/admin%2Fx",
            "/admin%5Cx",
            "/admin\\x",
            "/%2561dmin",
            "/admin;a=1/x",
            "/admin%3Bx",
            "/admin%0Ax",
            "//",
        ] {
            assert_eq!(under(odd, "/admin"), None, "{odd}");
            assert_eq!(under(odd, "/"), Some(0), "{odd}");
            assert!(
                Address::new("https", "tool.example", odd).is_ok_and(|address| address.is_odd()),
                "{odd}"
            );
        }
        for bad in ["", "admin", "/a b", "/a\u{e9}", "/%zz", "/%4", "/%00", "/a#b", "/a\n"] {
            assert!(Address::new("https", "tool.example", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn hosts_and_whole_urls() {
        let of = |url: &str| Address::parse(url).ok().map(|address| (address.host.clone(), address.url()));
        let same = |host: &str, url: &str| Some((host.to_owned(), url.to_owned()));
        assert_eq!(of("https://Tool.Example:443"), same("tool.example", "https://tool.example/"));
        assert_eq!(
            of("http://tool.localhost:8080/a?b"),
            same("tool.localhost:8080", "http://tool.localhost:8080/a?b")
        );
        assert_eq!(of("https://[::1]:8443/"), same("[::1]:8443", "https://[::1]:8443/"));
        for bad in [
            "tool.example",
            "//tool.example/",
            "ftp://tool.example/",
            "https://",
            "https://a@tool.example/",
            "https://tool.example\\@evil.example/",
            "https://tool example/",
            "javascript://tool.example/%0aalert(1)",
            "https://tool.example#@evil.example/",
            "https:///tool.example/",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}

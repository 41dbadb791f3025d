use std::fmt;
use std::str::FromStr;

/// Where a tool is: http or https, a host in lower-case ASCII, a path without dots, and nothing that says who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolUrl {
    text: String,
    host: String,
    /// How much of the host is its name.
    name: usize,
    path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToolUrlError {
    #[error("Enter the tool’s address, such as https://tool.example.com.")]
    Empty,
    #[error("This is too long. An address here has at most 500 characters.")]
    TooLong,
    #[error("Enter a whole address, such as https://tool.example.com/orders.")]
    Malformed,
    #[error("Begin with https:// or http://.")]
    Scheme,
    #[error("Leave out the user name and password before the host.")]
    Userinfo,
    #[error("Leave out what follows a ? or #: access is decided by host and path.")]
    Query,
    #[error(
        "Servers read this path in more than one way, so nothing could be held to it: leave out ;, empty parts as in // and codes such as %2F."
    )]
    Path,
}

impl ToolUrl {
    /// What a form shows as one.
    pub const EXAMPLE: &str = "https://tool.example.com/orders";

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// With the port unless it is the scheme's usual one: what a reverse proxy asks by.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host without its port. Browsers keep one set of cookies for all ports of a host: they are one
    /// organization's.
    pub fn name(&self) -> &str {
        &self.host[..self.name]
    }

    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for ToolUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ToolUrl {
    type Err = ToolUrlError;

    fn from_str(text: &str) -> Result<ToolUrl, ToolUrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ToolUrlError::Empty);
        }
        if text.len() > 500 {
            return Err(ToolUrlError::TooLong);
        }
        // What a browser would take away in silence is no address that anybody meant.
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(ToolUrlError::Malformed);
        }
        let url = url::Url::parse(text).map_err(|_| ToolUrlError::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ToolUrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ToolUrlError::Userinfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(ToolUrlError::Query);
        }
        if !is_plain(url.path()) {
            return Err(ToolUrlError::Path);
        }
        let name = url.host_str().ok_or(ToolUrlError::Malformed)?;
        if name.is_empty() || name.len() > 253 || name.ends_with('.') {
            return Err(ToolUrlError::Malformed);
        }
        let host = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        Ok(ToolUrl { path: url.path().to_owned(), text: url.to_string(), name: name.len(), host })
    }
}

/// Whether all servers read a path alike: forward-auth holds nobody to one that it could not tell from another.
fn is_plain(path: &str) -> bool {
    let parts = path.strip_prefix('/').unwrap_or(path);
    let parts = parts.strip_suffix('/').unwrap_or(parts);
    path == "/" || parts.split('/').all(|part| !part.is_empty() && is_plain_part(part))
}

fn is_plain_part(part: &str) -> bool {
    let mut codes = part.split('%');
    let is_plain = |byte: u8| !matches!(byte, b'/' | b'\\' | b'%' | b';') && !byte.is_ascii_control();
    let before = codes.next().unwrap_or_default().bytes().all(is_plain);
    let decoded = |rest: &str| {
        let code = rest.get(..2).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u8::from_str_radix(code, 16).ok()
    };
    before && codes.all(|rest| decoded(rest).is_some_and(is_plain) && rest.bytes().all(is_plain))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_of_tools() {
        assert!(ToolUrl::EXAMPLE.parse::<ToolUrl>().is_ok());
        for (typed, kept, host, path) in [
            ("https://Wiki.Example.com", "https://wiki.example.com/", "wiki.example.com", "/"),
            (
                " http://wiki.example.com:8080/a/../b ",
                "http://wiki.example.com:8080/b",
                "wiki.example.com:8080",
                "/b",
            ),
            ("https://wiki.example.com:443/", "https://wiki.example.com/", "wiki.example.com", "/"),
            ("http://wiki.example.com:443/", "http://wiki.example.com:443/", "wiki.example.com:443", "/"),
            ("https://[::1]:8443/", "https://[::1]:8443/", "[::1]:8443", "/"),
            (
                "https://wiki.example.com/zürich%20a/",
                "https://wiki.example.com/z%C3%BCrich%20a/",
                "wiki.example.com",
                "/z%C3%BCrich%20a/",
            ),
            ("https://bücher.example/x", "https://xn--bcher-kva.example/x", "xn--bcher-kva.example", "/x"),
        ] {
            let url: ToolUrl = typed.parse().expect("it is an address");
            assert_eq!((url.as_str(), url.host(), url.path()), (kept, host, path));
            assert_eq!(Some(url.name()), url::Url::parse(kept).expect("a URL").host_str());
        }
        for (typed, why) in [
            ("", ToolUrlError::Empty),
            ("wiki.example.com", ToolUrlError::Malformed),
            ("javascript:alert(1)", ToolUrlError::Scheme),
            ("ftp://wiki.example.com", ToolUrlError::Scheme),
            ("https://ann:x@wiki.example.com", ToolUrlError::Userinfo),
            ("https://wiki.example.com/?a=b", ToolUrlError::Query),
            ("https://wiki.example.com\\@evil.example", ToolUrlError::Malformed),
            ("https://wiki.example.com./", ToolUrlError::Malformed),
            ("https://wi ki.example.com", ToolUrlError::Malformed),
            ("https://wiki.example.com/a;b", ToolUrlError::Path),
            ("https://wiki.example.com/a//b", ToolUrlError::Path),
            ("https://wiki.example.com//", ToolUrlError::Path),
            ("https://wiki.example.com/a%2Fb", ToolUrlError::Path),
            ("https://wiki.example.com/a%5cb", ToolUrlError::Path),
            ("https://wiki.example.com/a%3Bb", ToolUrlError::Path),
            ("https://wiki.example.com/a%2500", ToolUrlError::Path),
            ("https://wiki.example.com/a%00", ToolUrlError::Path),
            ("https://wiki.example.com/%zz", ToolUrlError::Path),
            ("https://wiki.example.com/100%", ToolUrlError::Path),
        ] {
            assert_eq!(typed.parse::<ToolUrl>(), Err(why), "{typed:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_taken_again(text in any::<String>(), rest in "[!-~]{0,40}") {
            for text in [text, format!("https://a.example/{rest}"), format!("http://{rest}")] {
                if let Ok(url) = text.parse::<ToolUrl>() {
                    prop_assert_eq!(url.as_str().parse::<ToolUrl>(), Ok(url.clone()));
                }
            }
        }
    }
}

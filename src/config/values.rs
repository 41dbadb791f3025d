//! The settings that are more than a word or a number.

use std::fmt;
use std::path::PathBuf;

use url::{Host, Position, Url, form_urlencoded};

use super::HIDDEN;

/// Decodes a name or password of a URL. The form decoder is the one at hand; what would have a
/// meaning in a form is escaped before.
pub(crate) fn percent_decoded(text: &str) -> String {
    let escaped = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(escaped.as_bytes()).map(|(text, _)| text.into_owned()).collect()
}

/// Whether what is sent to this host (as it stands in a URL) stays on this machine.
fn is_loopback(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Ok(Host::Ipv4(ip)) => ip.is_loopback(),
        Ok(Host::Ipv6(ip)) => ip.is_loopback(),
        Err(_) => false,
    }
}

/// A value that is never printed by accident: it has no `Display`, and `Debug` hides it.
#[derive(Clone)]
pub struct Secret<T>(pub(super) T);

impl<T> Secret<T> {
    pub fn new(value: T) -> Secret<T> {
        Secret(value)
    }

    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Where browsers reach Interlock: https, or http on a loopback host. Written as browsers write an `Origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    origin: String,
    host: String,
}

impl BaseUrl {
    pub(super) fn on_this_machine(port: u16) -> BaseUrl {
        // Browsers leave the usual port out.
        let port = if port == 80 { String::new() } else { format!(":{port}") };
        BaseUrl { origin: format!("http://localhost{port}"), host: "localhost".to_owned() }
    }

    pub(super) fn parse(value: &str) -> Result<BaseUrl, String> {
        const EXAMPLE: &str = "Use an origin such as https://access.example.org";
        // Not quoted until it is known to hold no password.
        let url = Url::parse(value).map_err(|_| format!("This is not a URL. {EXAMPLE}."))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("This holds a name or a password. {EXAMPLE}, without them."));
        }
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https"));
        let host = host.ok_or_else(|| format!("This is neither http nor https. {EXAMPLE}."))?;
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("{value:?} is more than an origin. {EXAMPLE}, with nothing after it."));
        }
        if url.scheme() == "http" && !is_loopback(host) {
            return Err(format!(
                "{value:?} is not https, and session cookies need https. {EXAMPLE}; \
                 only a loopback host such as localhost may do without."
            ));
        }
        Ok(BaseUrl { origin: url.origin().ascii_serialization(), host: host.to_owned() })
    }

    /// Without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.origin
    }

    /// As browsers send it in `Origin`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Without the port; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn is_https(&self) -> bool {
        self.origin.starts_with("https://")
    }

    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// The address of one of our own paths. Whatever the path, it stays on this origin.
    pub fn join(&self, path: &str) -> String {
        format!("{}/{}", self.origin, path.trim_start_matches('/'))
    }
}

/// A scheme, a host and a port, written as browsers write an `Origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    pub(super) fn parse(value: &str) -> Result<Origin, String> {
        const EXAMPLE: &str = "Use one such as https://id.intranet.example or http://10.0.0.7:8080";
        let url = Url::parse(value).map_err(|_| format!("This is not an origin. {EXAMPLE}."))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("This holds a name or a password. {EXAMPLE}."));
        }
        if !matches!(url.scheme(), "http" | "https")
            || url.path() != "/"
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err(format!("{value:?} is not an origin. {EXAMPLE}, with nothing after it."));
        }
        Ok(Origin::of(&url))
    }

    pub fn of(url: &Url) -> Origin {
        Origin(url.origin().ascii_serialization())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether this can be an OpenID issuer: what is added to it must end up in the path.
pub(super) fn check_issuer(value: &str) -> Result<(), String> {
    const EXAMPLE: &str = "Use one such as https://id.example.org";
    let url = Url::parse(value).map_err(|_| format!("This is not a URL. {EXAMPLE}."))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("This holds a name or a password. {EXAMPLE}."));
    }
    if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{value:?} is not an issuer. {EXAMPLE}, without ? or #."));
    }
    Ok(())
}

#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    Postgres(Secret<String>),
}

impl DatabaseUrl {
    pub(super) fn parse(value: &str) -> Result<DatabaseUrl, String> {
        if let Some(path) = value.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path == ":memory:" || path.contains('?') {
                return Err("SQLite needs the path of a file, without options. \
                    Use one such as sqlite:data/interlock.db."
                    .into());
            }
            return Ok(DatabaseUrl::Sqlite(path.into()));
        }
        let scheme = value.split("://").next().unwrap_or_default();
        // A `/`, `?` or `#` in a password ends the host early, and what follows would be printed.
        let cut_short = |url: &Url| url.fragment().is_some() || url[Position::BeforePath..].contains('@');
        match Url::parse(value) {
            Ok(url) if matches!(scheme, "postgres" | "postgresql") && !cut_short(&url) => {
                Ok(DatabaseUrl::Postgres(Secret(value.to_owned())))
            }
            _ => Err("This is not a database. Use sqlite:PATH or \
                postgres://name:password@host/database, with special characters percent-encoded."
                .into()),
        }
    }
}

/// Without the password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseUrl::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            DatabaseUrl::Postgres(url) => f.write_str(&without_password(url.expose())),
        }
    }
}

fn without_password(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return HIDDEN.to_owned() };
    if url.password().is_some() && url.set_password(Some(HIDDEN)).is_err() {
        return HIDDEN.to_owned();
    }
    if url.query_pairs().any(|(key, _)| key.contains("password")) {
        url.set_query(Some(HIDDEN));
    }
    url.to_string()
}

/// A mail server and how to speak with it. A name and a password come together or not at all.
#[derive(Clone)]
pub struct Smtp {
    /// As it is resolved: an IPv6 address is without brackets.
    pub host: String,
    pub port: u16,
    pub username: Option<String>,
    pub password: Option<Secret<String>>,
    pub tls: SmtpTls,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// STARTTLS, without which nothing is sent.
    StartTls,
    /// TLS from the start.
    Wrapped,
    /// In the clear, on this machine alone.
    None,
}

impl Smtp {
    pub(super) fn parse(value: &str) -> Result<Option<Smtp>, String> {
        const EXAMPLE: &str = "Use one such as smtp://name:password@mail.example.org:587";
        let not_a_server =
            || format!("This is not a mail server. {EXAMPLE}, with special characters percent-encoded.");

        let url = Url::parse(value).map_err(|_| not_a_server())?;
        let (tls, usual_port) = match (url.scheme(), url.query()) {
            ("smtp", None) => (SmtpTls::StartTls, 587),
            ("smtps", None) => (SmtpTls::Wrapped, 465),
            ("smtp", Some("tls=none")) => (SmtpTls::None, 25),
            ("smtp" | "smtps", Some(_)) => {
                return Err(format!("The only option is ?tls=none after smtp://. {EXAMPLE}."));
            }
            _ => return Err(not_a_server()),
        };
        // An unknown scheme's host is kept as written; read on its own it is a name or an address.
        let host = url.host_str().and_then(|host| Host::parse(host).ok()).ok_or_else(not_a_server)?;
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(not_a_server());
        }
        if tls == SmtpTls::None && !is_loopback(&host.to_string()) {
            return Err(format!(
                "With tls=none mail would travel in the clear, which only a loopback host may do. {EXAMPLE}."
            ));
        }
        if url.username().is_empty() != url.password().is_none() {
            return Err(format!("A name needs a password, and a password a name. {EXAMPLE}."));
        }
        let password = url.password().map(percent_decoded).map(Secret);
        Ok(Some(Smtp {
            host: host.to_string().trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(usual_port),
            username: password.as_ref().map(|_| percent_decoded(url.username())),
            password,
            tls,
        }))
    }
}

/// Without the name too: at some mail services it is the same token as the password.
impl fmt::Display for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, end) = match self.tls {
            SmtpTls::StartTls => ("smtp", ""),
            SmtpTls::Wrapped => ("smtps", ""),
            SmtpTls::None => ("smtp", "?tls=none"),
        };
        let credentials = if self.password.is_some() { "(hidden)@" } else { "" };
        let host = if self.host.contains(':') { &format!("[{}]", self.host) } else { &self.host };
        write!(f, "{scheme}://{credentials}{host}:{}{end}", self.port)
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

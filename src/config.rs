//! Every setting, read once when Interlock starts: from the environment (`INTERLOCK_LISTEN`), else
//! from the file `interlock.toml` (`listen`), else its default. Names that are not settings and
//! values that make no sense refuse to start, all told at once.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ipnet::IpNet;
use url::{Host, Position, Url, form_urlencoded};

const PREFIX: &str = "INTERLOCK_";
/// Names the file, so it can't be a setting in it.
const FILE_VARIABLE: &str = "INTERLOCK_CONFIG";
const DEFAULT_FILE: &str = "interlock.toml";
const HIDDEN: &str = "(hidden)";
const SENDER_EXAMPLE: &str = "Use one such as Interlock <interlock@example.org>.";

/// Turns the table below into `Config`, `SETTINGS` (names and help), the reading and the printing.
/// A line is `name: Type = default, how it is read, how it is shown;` and a default may use the
/// settings above it.
macro_rules! settings {
    ($($(#[doc = $help:literal])+ $name:ident: $type:ty = $default:expr, $read:expr, $show:expr;)+) => {
        #[derive(Clone, Debug)]
        pub struct Config {
            $($(#[doc = $help])+ pub $name: $type,)+
            sources: BTreeMap<&'static str, Source>,
        }

        pub const SETTINGS: &[Setting] =
            &[$(Setting { name: stringify!($name), help: concat!($($help),+).trim_ascii() }),+];

        impl Config {
            fn settle(mut given: Given) -> Result<Config, ConfigErrors> {
                $(let $name = given.take(stringify!($name), $read).unwrap_or_else(|| $default);)+
                let sources = given.finish()?;
                Ok(Config { $($name,)+ sources })
            }

            fn shown(&self) -> Vec<(&'static str, String)> {
                vec![$((stringify!($name), show(&self.$name, $show))),+]
            }
        }
    };
}

settings! {
    /// The address and port to answer on.
    listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 3000)), address, SocketAddr::to_string;

    /// Where browsers reach Interlock: an https origin, or http on this machine alone.
    base_url: BaseUrl = BaseUrl::on_this_machine(listen.port()),
        BaseUrl::parse, |url| url.as_str().to_owned();

    /// The directory for what Interlock keeps outside the database.
    data_dir: PathBuf = PathBuf::from("data"), directory, |path| path.display().to_string();

    /// The database: sqlite:PATH, or postgres://name:password@host/database.
    database_url: DatabaseUrl = DatabaseUrl::Sqlite(data_dir.join("interlock.db")),
        DatabaseUrl::parse, DatabaseUrl::to_string;

    /// The key that seals secrets in the database: 32 bytes as base64 or 64 hex digits;
    /// without it one is made and kept in data_dir.
    secret_key: Option<Secret<[u8; 32]>> = None,
        secret_key, |key| or_not_set(key.as_ref().map(|_| HIDDEN));

    /// The mail server: smtp:// with STARTTLS, or smtps:// with TLS from the start.
    smtp_url: Option<Smtp> = None, Smtp::parse, |smtp| or_not_set(smtp.as_ref());

    /// The sender of every mail, as Name <address>; must be given when smtp_url is.
    mail_from: String = "Interlock <interlock@localhost>".to_owned(), mailbox, String::clone;

    /// Whether anyone may sign up (open) or only people with an invitation (closed).
    sign_up: SignUp = SignUp::Open, |text| choice(text, SIGN_UP), |value| chosen(value, SIGN_UP);

    /// The proxies whose word on a visitor's address is taken: IP addresses or networks,
    /// separated by commas.
    trusted_proxies: Vec<IpNet> = Vec::new(), networks,
        |list| or_not_set((!list.is_empty()).then(|| joined(list)));

    /// How the log is written: text, json, or auto, which chooses.
    log: LogFormat = LogFormat::Auto, |text| choice(text, LOG), |value| chosen(value, LOG);

    /// What the log tells: a level such as info, or tracing directives.
    log_level: String = "info".to_owned(), directives, String::clone;

    /// Whether browsers are told to use https for every subdomain too: true or false.
    hsts_subdomains: bool = false, |text| choice(text, BOOLEAN), |value| chosen(value, BOOLEAN);

    /// How many seconds requests may take to finish when Interlock stops: 1 to 600.
    shutdown_seconds: u64 = 30, seconds, u64::to_string;
}

const SIGN_UP: &[(&str, SignUp)] = &[("open", SignUp::Open), ("closed", SignUp::Closed)];
const LOG: &[(&str, LogFormat)] =
    &[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
const BOOLEAN: &[(&str, bool)] = &[("true", true), ("false", false)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUp {
    Open,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}

/// One line of the table: what a person needs to know to give it.
#[derive(Debug)]
pub struct Setting {
    /// The name in the file.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
}

impl Setting {
    /// The name in the environment.
    pub fn variable(&self) -> String {
        variable(self.name)
    }
}

impl Config {
    /// Reads the file, if there is one, and the process environment.
    pub fn from_environment() -> Result<Config, ConfigErrors> {
        Config::gather(load(env::var_os(FILE_VARIABLE), DEFAULT_FILE), env::vars_os())
    }

    /// The same from data: `file` is a name and its contents.
    pub fn read(
        file: Option<(&str, &str)>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Config, ConfigErrors> {
        let file = file.map(|(name, contents)| (name.to_owned(), contents.to_owned()));
        Config::gather(Ok(file), environment.into_iter().map(|(name, value)| (name.into(), value.into())))
    }

    /// A line for each setting: its name, the value in force without secrets, and where that came from.
    pub fn describe(&self) -> String {
        let rows = self.shown();
        let names = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let values = rows.iter().map(|(_, value)| value.chars().count()).max().unwrap_or(0);
        let line = |(name, value): &(&str, String)| {
            let source = self.sources.get(name).map_or("default", Source::name);
            format!("{name:names$}  {value:values$}  {source}\n")
        };
        rows.iter().map(line).collect()
    }

    fn gather(
        file: Result<Option<(String, String)>, String>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Config, ConfigErrors> {
        let mut given = Given::default();
        match file {
            Ok(Some((name, contents))) => given.add_file(&name, &contents),
            Ok(None) => {}
            Err(problem) => given.problems.push(problem),
        }
        for (name, value) in environment {
            given.add_variable(&name.to_string_lossy(), value);
        }
        // So far only a file that can't be read is a problem, and it may hold the sender.
        if given.problems.is_empty() && given.has("smtp_url") && !given.has("mail_from") {
            given.problems.push(format!(
                "{}: smtp_url is set, so the sender must be too. {SENDER_EXAMPLE}",
                variable("mail_from")
            ));
        }
        Config::settle(given)
    }
}

/// Everything wrong with the settings, one sentence or two a line.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigErrors(Vec<String>);

impl ConfigErrors {
    pub fn problems(&self) -> &[String] {
        &self.0
    }
}

#[derive(Clone, Debug)]
enum Source {
    File(String),
    Environment,
}

impl Source {
    fn name(&self) -> &str {
        match self {
            Source::File(file) => file,
            Source::Environment => "environment",
        }
    }

    fn place(&self, setting: &str) -> String {
        match self {
            Source::File(file) => format!("{} in {file}", setting.escape_debug()),
            Source::Environment => variable(setting),
        }
    }
}

/// What was given, before it is understood: a value as text, or what is wrong with it already.
#[derive(Default)]
struct Given {
    values: BTreeMap<&'static str, (Source, Result<String, String>)>,
    sources: BTreeMap<&'static str, Source>,
    unknown: Vec<String>,
    problems: Vec<String>,
}

impl Given {
    fn add_file(&mut self, file: &str, contents: &str) {
        let table = match contents.parse::<toml::Table>() {
            Ok(table) => table,
            Err(error) => {
                // The parser's own report quotes the line, which may hold a secret.
                let start = error.span().unwrap_or_default().start;
                let line = contents.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
                let message = error.message();
                return self.problems.push(format!(
                    "{file}, line {line}: this is not TOML ({message}). Write lines such as log = \"json\"."
                ));
            }
        };
        for (name, value) in table {
            let source = Source::File(file.to_owned());
            match SETTINGS.iter().find(|setting| setting.name == name) {
                Some(setting) => {
                    self.values.insert(setting.name, (source, text_of(setting.name, value)));
                }
                None => self.unknown.push(source.place(&name)),
            }
        }
    }

    fn add_variable(&mut self, name: &str, value: OsString) {
        if !name.starts_with(PREFIX) {
            return;
        }
        let value = value.into_string().map_err(|_| "This is not UTF-8. Write it as UTF-8 text.".to_owned());
        match SETTINGS.iter().find(|setting| setting.variable() == name) {
            Some(setting) => {
                self.values.insert(setting.name, (Source::Environment, value));
            }
            None if name == FILE_VARIABLE => {
                self.problems.extend(value.err().map(|problem| format!("{name}: {problem}")))
            }
            None => self.unknown.push(name.escape_debug().to_string()),
        }
    }

    fn has(&self, setting: &str) -> bool {
        self.values.contains_key(setting)
    }

    fn take<T>(&mut self, setting: &'static str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let (source, value) = self.values.remove(setting)?;
        match value.and_then(without_control_characters).and_then(|value| read(&value)) {
            Ok(value) => {
                self.sources.insert(setting, source);
                Some(value)
            }
            Err(problem) => {
                self.problems.push(format!("{}: {problem}", source.place(setting)));
                None
            }
        }
    }

    fn finish(mut self) -> Result<BTreeMap<&'static str, Source>, ConfigErrors> {
        for place in &self.unknown {
            self.problems.push(format!("{place}: there is no such setting. Correct or remove it."));
        }
        if !self.unknown.is_empty() {
            let names = joined(SETTINGS.iter().map(|setting| setting.name));
            self.problems
                .push(format!("The settings are {names}; in the environment in capitals, after {PREFIX}."));
        }
        if self.problems.is_empty() { Ok(self.sources) } else { Err(ConfigErrors(self.problems)) }
    }
}

/// The name and contents of the file. One that was named must be there; the usual one may be missing.
fn load(named: Option<OsString>, usual: &str) -> Result<Option<(String, String)>, String> {
    let path = named.as_deref().map_or(Path::new(usual), Path::new);
    match fs::read_to_string(path) {
        Ok(contents) => Ok(Some((path.display().to_string(), contents))),
        Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => Ok(None),
        Err(error) => {
            let place = if named.is_some() { FILE_VARIABLE } else { usual };
            Err(format!("{place}: cannot read the file {path:?} ({error}). Give Interlock one to read."))
        }
    }
}

/// The file's way to write a value, brought to the environment's way.
fn text_of(setting: &str, value: toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Boolean(truth) => Ok(truth.to_string()),
        // The one setting that is a list.
        toml::Value::Array(items) if setting == "trusted_proxies" => {
            let texts: Option<Vec<_>> = items.iter().map(toml::Value::as_str).collect();
            let texts = texts.ok_or("An entry is not text. Write each in quotes.")?;
            Ok(texts.join(","))
        }
        other => Err(format!("A TOML {} is not expected here. Write text in quotes.", other.type_str())),
    }
}

/// No setting needs one, and in a mail header or on a terminal it does harm.
fn without_control_characters(value: String) -> Result<String, String> {
    if value.contains(char::is_control) {
        return Err("This holds a line break or another control character. Leave it out.".into());
    }
    Ok(value)
}

fn variable(setting: &str) -> String {
    format!("{PREFIX}{}", setting.to_ascii_uppercase())
}

fn show<T>(value: &T, show: impl FnOnce(&T) -> String) -> String {
    show(value)
}

fn or_not_set(value: Option<impl ToString>) -> String {
    value.map_or("(not set)".into(), |value| value.to_string())
}

fn joined(list: impl IntoIterator<Item = impl ToString>) -> String {
    list.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice);
    let names = || joined(choices.iter().map(|(name, _)| name));
    found.ok_or_else(|| format!("{text:?} is not a choice. Use one of {}.", names()))
}

fn chosen<T: PartialEq>(value: &T, choices: &[(&str, T)]) -> String {
    joined(choices.iter().filter(|(_, choice)| choice == value).map(|(name, _)| name))
}

fn address(value: &str) -> Result<SocketAddr, String> {
    value.parse().map_err(|_| format!("{value:?} is not an address. Use one such as 127.0.0.1:3000."))
}

fn directory(value: &str) -> Result<PathBuf, String> {
    if value.is_empty() {
        return Err("The path is empty. Use one such as /var/lib/interlock.".into());
    }
    Ok(PathBuf::from(value))
}

fn directives(value: &str) -> Result<String, String> {
    if value.trim().is_empty() {
        return Err("This is empty. Use info, or directives such as interlock=debug,info.".into());
    }
    Ok(value.to_owned())
}

fn seconds(value: &str) -> Result<u64, String> {
    let seconds = value.parse().ok().filter(|seconds| (1..=600).contains(seconds));
    seconds.ok_or_else(|| format!("{value:?} is not a number of seconds. Use one from 1 to 600."))
}

fn networks(value: &str) -> Result<Vec<IpNet>, String> {
    let network = |entry: &str| {
        let network = entry.parse::<IpAddr>().map(IpNet::from).or_else(|_| entry.parse());
        network.map(|network: IpNet| network.trunc()).map_err(|_| {
            format!("{entry:?} is not an IP address or network. Use such as 10.0.0.7, 10.1.0.0/16.")
        })
    };
    value.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(network).collect()
}

/// Only a glance: whether it is a mailbox in full is for the mail module, which parses it.
fn mailbox(value: &str) -> Result<String, String> {
    let address = match value.strip_suffix('>') {
        Some(value) => value.rsplit_once('<').map_or("", |(_, address)| address),
        None => value,
    };
    let (local, domain) = address.split_once('@').unwrap_or_default();
    if local.is_empty() || domain.is_empty() || domain.contains('@') || address.contains([' ', '<', '>', ','])
    {
        return Err(format!("{value:?} is not a sender. {SENDER_EXAMPLE}"));
    }
    Ok(value.to_owned())
}

fn secret_key(value: &str) -> Result<Option<Secret<[u8; 32]>>, String> {
    let bytes: Option<Vec<u8>> = if value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()) {
        (0..32).map(|i| u8::from_str_radix(&value[2 * i..2 * i + 2], 16).ok()).collect()
    } else {
        let standard = value.replace('-', "+").replace('_', "/");
        STANDARD_NO_PAD.decode(standard.strip_suffix('=').unwrap_or(&standard)).ok()
    };
    match bytes.and_then(|bytes| bytes.try_into().ok()) {
        Some(key) => Ok(Some(Secret(key))),
        None => Err("This is not a key. Use 32 random bytes as base64 or 64 hex digits, \
            such as `openssl rand -base64 32` prints."
            .into()),
    }
}

/// Decodes a name or password of a URL. The form decoder is the one at hand; what would have a
/// meaning in a form is escaped before.
fn percent_decoded(text: &str) -> String {
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
pub struct Secret<T>(T);

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
    fn on_this_machine(port: u16) -> BaseUrl {
        // Browsers leave the usual port out.
        let port = if port == 80 { String::new() } else { format!(":{port}") };
        BaseUrl { origin: format!("http://localhost{port}"), host: "localhost".to_owned() }
    }

    fn parse(value: &str) -> Result<BaseUrl, String> {
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

#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    Postgres(Secret<String>),
}

impl DatabaseUrl {
    fn parse(value: &str) -> Result<DatabaseUrl, String> {
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
    fn parse(value: &str) -> Result<Option<Smtp>, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn from(environment: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
        read(None, environment)
    }

    fn read(file: Option<&str>, environment: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
        let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Config::read(file.map(|contents| ("interlock.toml", contents)), environment)
    }

    fn accepted(name: &str, value: &str) -> Config {
        let sender = ("INTERLOCK_MAIL_FROM", "a@example.org");
        from(&[sender, (name, value)]).unwrap_or_else(|error| panic!("{value:?}: {error}"))
    }

    /// The one problem that the value causes, which must be told under its name.
    fn refused(name: &str, value: &str) -> String {
        let errors = match from(&[("INTERLOCK_MAIL_FROM", "a@example.org"), (name, value)]) {
            Ok(_) => panic!("{name}={value:?} was accepted"),
            Err(errors) => errors,
        };
        let [problem] = errors.problems() else { panic!("not one problem: {errors}") };
        assert!(problem.starts_with(&format!("{name}: ")), "{problem}");
        assert!(problem.ends_with('.'), "{problem}");
        problem.clone()
    }

    fn problems(result: Result<Config, ConfigErrors>) -> Vec<String> {
        result.expect_err("this must be refused").problems().to_vec()
    }

    #[test]
    fn nothing_is_needed() {
        let config = from(&[]).expect("the defaults");
        let expected = "\
listen            127.0.0.1:3000                   default
base_url          http://localhost:3000            default
data_dir          data                             default
database_url      sqlite:data/interlock.db         default
secret_key        (not set)                        default
smtp_url          (not set)                        default
mail_from         Interlock <interlock@localhost>  default
sign_up           open                             default
trusted_proxies   (not set)                        default
log               auto                             default
log_level         info                             default
hsts_subdomains   false                            default
shutdown_seconds  30                               default
";
        assert_eq!(config.describe(), expected);
    }

    #[test]
    fn the_environment_wins_over_the_file_and_both_over_the_defaults() {
        let file = "listen = \"0.0.0.0:80\"\nshutdown_seconds = 5\nhsts_subdomains = true\nlog = \"json\"\n\
            trusted_proxies = [\"10.1.2.3\", \"fd00::/8\"]";
        let config = read(Some(file), &[("INTERLOCK_LOG", "text"), ("PATH", "/bin")]).expect("settings");
        assert_eq!(config.listen, SocketAddr::from(([0, 0, 0, 0], 80)));
        assert_eq!(config.base_url.as_str(), "http://localhost");
        assert_eq!((config.shutdown_seconds, config.hsts_subdomains), (5, true));
        assert_eq!(config.log, LogFormat::Text);
        assert_eq!(joined(&config.trusted_proxies), "10.1.2.3/32, fd00::/8");
        let source = |name: &str| {
            let description = config.describe();
            let line = description.lines().find(|line| line.starts_with(&format!("{name} ")));
            line.and_then(|line| line.split_whitespace().last()).map(str::to_owned)
        };
        assert_eq!(source("shutdown_seconds").as_deref(), Some("interlock.toml"));
        assert_eq!(source("log").as_deref(), Some("environment"));
        assert_eq!(source("base_url").as_deref(), Some("default"));
    }

    #[test]
    fn defaults_follow_the_settings_they_are_made_of() {
        let config = from(&[("INTERLOCK_LISTEN", "[::1]:8080"), ("INTERLOCK_DATA_DIR", "/srv/x")]);
        let config = config.expect("settings");
        assert_eq!(config.base_url.as_str(), "http://localhost:8080");
        assert_eq!(config.database_url.to_string(), "sqlite:/srv/x/interlock.db");
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let file =
            "colour = \"red\"\nsign_up = \"maybe\"\ndata_dir = [\"a\"]\n[smtp]\npassword = \"hunter2\"";
        let environment = [
            ("INTERLOCK_LISTEN", "abc"),
            ("INTERLOCK_SHUTDOWN_SECONDS", "0"),
            ("INTERLOCK_LISTN", "x"),
            ("INTERLOCK_log", "json"),
            ("INTERLOCK_CONFIG", "interlock.toml"),
            ("INTERLOCKED", "yes"),
        ];
        let expected = [
            "INTERLOCK_LISTEN: \"abc\" is not an address. Use one such as 127.0.0.1:3000.",
            "data_dir in interlock.toml: A TOML array is not expected here. Write text in quotes.",
            "sign_up in interlock.toml: \"maybe\" is not a choice. Use one of open, closed.",
            "INTERLOCK_SHUTDOWN_SECONDS: \"0\" is not a number of seconds. Use one from 1 to 600.",
            "colour in interlock.toml: there is no such setting. Correct or remove it.",
            "smtp in interlock.toml: there is no such setting. Correct or remove it.",
            "INTERLOCK_LISTN: there is no such setting. Correct or remove it.",
            "INTERLOCK_log: there is no such setting. Correct or remove it.",
            "The settings are listen, base_url, data_dir, database_url, secret_key, smtp_url, mail_from, \
             sign_up, trusted_proxies, log, log_level, hsts_subdomains, shutdown_seconds; \
             in the environment in capitals, after INTERLOCK_.",
        ];
        let errors = read(Some(file), &environment).expect_err("all of them");
        assert_eq!(errors.problems(), expected);
        assert_eq!(errors.to_string(), expected.join("\n"));
    }

    #[test]
    fn a_broken_file_is_told_by_line_without_its_text() {
        for line in ["secret_key = \"hunter2", "secret_key = hunter2", "hunter2", "log = 'a' hunter2"] {
            let file = format!("log = \"json\"\nmail_from = \"a@b.c\"\n{line}\n");
            let environment =
                [("INTERLOCK_SIGN_UP", "no"), ("INTERLOCK_SMTP_URL", "smtp://mail.example.org")];
            let problems = problems(read(Some(&file), &environment));
            // The sender is in the file: its absence is not complained of.
            assert_eq!(problems.len(), 2, "{problems:?}");
            assert!(problems[0].starts_with("interlock.toml, line 3: this is not TOML ("), "{problems:?}");
            assert!(!problems[0].contains("hunter2"), "{problems:?}");
        }
    }

    #[test]
    fn a_file_that_was_named_must_be_there() {
        let problem = load(Some("/nowhere/interlock.toml".into()), "Cargo.toml").expect_err("no such file");
        assert!(problem.starts_with("INTERLOCK_CONFIG: cannot read the file \"/nowhere/"), "{problem}");
        assert_eq!(load(None, "/nowhere/interlock.toml"), Ok(None));
        assert!(load(None, "src").is_err_and(|problem| problem.starts_with("src: cannot read")));
        let (name, contents) = load(None, "Cargo.toml").expect("a file").expect("its contents");
        assert_eq!(name, "Cargo.toml");
        assert!(contents.contains("[package]"));
        let errors = problems(Config::gather(Err(problem), [("INTERLOCK_LOG".into(), "x".into())]));
        assert_eq!(errors.len(), 2, "{errors:?}");
    }

    #[cfg(unix)]
    #[test]
    fn our_variables_must_be_utf8() {
        use std::os::unix::ffi::OsStringExt;
        let broken = || OsString::from_vec(vec![b'x', 0xff]);
        let environment = [
            ("INTERLOCK_MAIL_FROM".into(), broken()),
            ("INTERLOCK_SMTP_URL".into(), "smtp://mail.example.org".into()),
            ("INTERLOCK_CONFIG".into(), broken()),
            ("OTHER".into(), broken()),
            (broken(), "x".into()),
        ];
        let expected = ["INTERLOCK_CONFIG", "INTERLOCK_MAIL_FROM"]
            .map(|name| format!("{name}: This is not UTF-8. Write it as UTF-8 text."));
        assert_eq!(problems(Config::gather(Ok(None), environment)), expected);
    }

    #[test]
    fn base_urls_are_origins() {
        for (value, origin, host) in [
            ("https://access.example.org/", "https://access.example.org", "access.example.org"),
            ("HTTPS://Access.Example.ORG:443", "https://access.example.org", "access.example.org"),
            ("https://access.example.org:8443", "https://access.example.org:8443", "access.example.org"),
            ("http://localhost:3000", "http://localhost:3000", "localhost"),
            ("http://a.localhost", "http://a.localhost", "a.localhost"),
            ("http://127.8.9.1:1", "http://127.8.9.1:1", "127.8.9.1"),
            ("http://[::1]:80/", "http://[::1]", "[::1]"),
        ] {
            let url = accepted("INTERLOCK_BASE_URL", value).base_url;
            assert_eq!((url.as_str(), url.origin(), url.host()), (origin, origin, host));
            assert_eq!(url.is_https(), origin.starts_with("https:"));
            assert_eq!(url.is_loopback(), !url.is_https());
        }
        let url = accepted("INTERLOCK_BASE_URL", "https://example.org").base_url;
        assert_eq!(url.join("/o/acme?page=2"), "https://example.org/o/acme?page=2");
        assert_eq!(url.join("/"), "https://example.org/");
        assert_eq!(url.join("//evil.example"), "https://example.org/evil.example");
        assert_eq!(url.join(".evil.example"), "https://example.org/.evil.example");
        assert_eq!(BaseUrl::on_this_machine(3000), accepted("INTERLOCK_LISTEN", "0.0.0.0:3000").base_url);
    }

    #[test]
    fn other_base_urls_are_refused() {
        for value in [
            "",
            "access.example.org",
            "//example.org",
            "ftp://example.org",
            "mailto:a@example.org",
            "https://",
            "https://example.org/app",
            "https://example.org/?",
            "https://example.org/#",
            "https://a@example.org",
            "https://example.org:99999",
        ] {
            refused("INTERLOCK_BASE_URL", value);
        }
        for host in [
            "example.org",
            "10.0.0.1",
            "0.0.0.0",
            "localhost.example.org",
            "notlocalhost",
            "[::2]",
            "[::ffff:127.0.0.1]",
        ] {
            let problem = refused("INTERLOCK_BASE_URL", &format!("http://{host}"));
            assert!(problem.contains("session cookies need https"), "{problem}");
        }
        assert!(!refused("INTERLOCK_BASE_URL", "https://ann:hunter2@example.org").contains("hunter2"));
    }

    #[test]
    fn databases_are_sqlite_files_or_postgresql() {
        for (value, path) in [
            ("sqlite:x/y.db", "x/y.db"),
            ("sqlite:/x.db", "/x.db"),
            ("sqlite://x.db", "x.db"),
            ("sqlite:///x.db", "/x.db"),
        ] {
            match accepted("INTERLOCK_DATABASE_URL", value).database_url {
                DatabaseUrl::Sqlite(found) => assert_eq!(found, Path::new(path)),
                DatabaseUrl::Postgres(_) => panic!("{value} is SQLite"),
            }
        }
        for (value, shown) in [
            ("postgres://ann:hunter2@db/x", "postgres://ann:(hidden)@db/x"),
            (
                "postgresql://ann:hunter2@db:5433/x?sslmode=require",
                "postgresql://ann:(hidden)@db:5433/x?sslmode=require",
            ),
            ("postgres:///x?host=/run&p%61ssword=hunter2", "postgres:///x?(hidden)"),
            ("postgres://db", "postgres://db"),
        ] {
            let config = accepted("INTERLOCK_DATABASE_URL", value);
            assert_eq!(config.database_url.to_string(), shown);
            assert!(config.describe().contains(shown));
            assert!(!format!("{config:?}").contains("hunter2"));
            match config.database_url {
                DatabaseUrl::Postgres(url) => assert_eq!(url.expose(), value),
                DatabaseUrl::Sqlite(_) => panic!("{value} is PostgreSQL"),
            }
        }
        for value in [
            "",
            "hunter2",
            "mysql://ann:hunter2@db/x",
            "postgres:hunter2",
            "postgres://ann:1#hunter2@db/x",
            "postgres://ann:1?hunter2@db/x",
            "postgres://ann:1/hunter2@db/x",
            "postgres://ann:hunter2@db:port/x",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "sqlite:x.db?key=hunter2",
        ] {
            assert!(!refused("INTERLOCK_DATABASE_URL", value).contains("hunter2"));
        }
    }

    #[test]
    fn keys_are_32_bytes_in_base64_or_hex() {
        let high = "-_".repeat(21) + "8";
        let keys = [
            ("00".repeat(31) + "fF", [vec![0; 31], vec![255]].concat()),
            ("A".repeat(43), vec![0; 32]),
            ("A".repeat(43) + "=", vec![0; 32]),
            (
                high.replace('-', "+").replace('_', "/") + "=",
                [[0xfb, 0xff, 0xbf].repeat(10), vec![0xfb, 0xff]].concat(),
            ),
            (high, [[0xfb, 0xff, 0xbf].repeat(10), vec![0xfb, 0xff]].concat()),
        ];
        for (value, bytes) in keys {
            let config = accepted("INTERLOCK_SECRET_KEY", &value);
            assert!(!config.describe().contains(&value) && config.describe().contains(HIDDEN));
            assert!(format!("{config:?}").contains("secret_key: Some((hidden))"));
            assert_eq!(config.secret_key.expect("a key").expose().to_vec(), bytes);
        }
        for value in [
            "",
            "hunter2",
            &"A".repeat(42),
            &"A".repeat(44),
            &"+f".repeat(32),
            &"0".repeat(63),
            &"é".repeat(32),
        ] {
            let problem = refused("INTERLOCK_SECRET_KEY", value);
            assert!(value.is_empty() || !problem.contains(value), "{problem}");
        }
    }

    #[test]
    fn mail_servers_are_spoken_to_with_tls() {
        for (value, host, port, tls, shown) in [
            (
                "smtp://mail.example.org",
                "mail.example.org",
                587,
                SmtpTls::StartTls,
                "smtp://mail.example.org:587",
            ),
            (
                "smtps://Mail.Example.org/",
                "mail.example.org",
                465,
                SmtpTls::Wrapped,
                "smtps://mail.example.org:465",
            ),
            ("smtp://[2001:db8::1]:26", "2001:db8::1", 26, SmtpTls::StartTls, "smtp://[2001:db8::1]:26"),
            ("smtp://localhost?tls=none", "localhost", 25, SmtpTls::None, "smtp://localhost:25?tls=none"),
            (
                "smtp://127.0.0.1:1025/?tls=none",
                "127.0.0.1",
                1025,
                SmtpTls::None,
                "smtp://127.0.0.1:1025?tls=none",
            ),
            ("smtp://[::1]?tls=none", "::1", 25, SmtpTls::None, "smtp://[::1]:25?tls=none"),
        ] {
            let config = accepted("INTERLOCK_SMTP_URL", value);
            assert!(config.describe().contains(&format!("{shown} ")), "{}", config.describe());
            let smtp = config.smtp_url.expect("a server");
            assert_eq!((smtp.host.as_str(), smtp.port, smtp.tls), (host, port, tls));
            assert!(smtp.username.is_none() && smtp.password.is_none());
        }
        let config =
            accepted("INTERLOCK_SMTP_URL", "smtp://ann%40x:h+u&n=%74%25@er%C3%A92@mail.example.org:25");
        assert!(config.describe().contains("smtp://(hidden)@mail.example.org:25"));
        assert!(!format!("{config:?}").contains("ann"));
        let smtp = config.smtp_url.expect("a server");
        assert_eq!(smtp.username.as_deref(), Some("ann@x"));
        assert_eq!(smtp.password.expect("a password").expose(), "h+u&n=t%@eré2");
    }

    #[test]
    fn other_mail_servers_are_refused() {
        for value in [
            "",
            "mail.example.org",
            "http://mail.example.org",
            "smtp:",
            "smtp://",
            "smtp://:25",
            "smtp:mail.example.org",
            "smtp://mail.example.org/x",
            "smtp://mail.example.org#x",
            "smtp://ann@mail.example.org",
            "smtp://ann:@mail.example.org",
            "smtp://:hunter2@mail.example.org",
            "smtp://ann:1#hunter2@mail.example.org",
            "smtp://ann:1/hunter2@mail.example.org",
            "smtp://ann:1?hunter2@mail.example.org",
            "smtp://ann:hunter2@a b",
            "smtp://mail.example.org?tls=opportunistic",
            "smtps://localhost?tls=none",
            "smtp://localhost?tls=none&x",
        ] {
            assert!(!refused("INTERLOCK_SMTP_URL", value).contains("hunter2"));
        }
        for host in ["mail.example.org", "10.0.0.1", "localhost.example.org", "[::2]"] {
            let problem = refused("INTERLOCK_SMTP_URL", &format!("smtp://{host}?tls=none"));
            assert!(problem.contains("mail would travel in the clear"), "{problem}");
        }
    }

    #[test]
    fn mail_has_a_sender() {
        for server in ["smtp://mail.example.org", "nonsense"] {
            let problems = problems(from(&[("INTERLOCK_SMTP_URL", server)]));
            let expected = "INTERLOCK_MAIL_FROM: smtp_url is set, so the sender must be too. \
                Use one such as Interlock <interlock@example.org>.";
            assert_eq!(problems[0], expected);
        }
        for sender in ["a@b", "Ann <a@b.c>", "Zoë \"Z\" Zett <z@example.org>"] {
            assert_eq!(accepted("INTERLOCK_MAIL_FROM", sender).mail_from, sender);
        }
        for sender in
            ["", "a", "@b", "a@", "a@b@c", "Ann a@b", "Ann <a@b", "a@b>", "<>", "a@b, c@d", "a@b\r\nBcc: c@d"]
        {
            refused("INTERLOCK_MAIL_FROM", sender);
        }
    }

    #[test]
    fn the_small_settings_know_their_values() {
        assert_eq!(accepted("INTERLOCK_SIGN_UP", "closed").sign_up, SignUp::Closed);
        assert_eq!(accepted("INTERLOCK_LOG", "json").log, LogFormat::Json);
        assert_eq!(accepted("INTERLOCK_LOG_LEVEL", "interlock=debug,info").log_level, "interlock=debug,info");
        assert_eq!(accepted("INTERLOCK_SHUTDOWN_SECONDS", "600").shutdown_seconds, 600);
        let proxies = accepted("INTERLOCK_TRUSTED_PROXIES", "10.0.0.7, 10.1.2.3/16 ,::1,").trusted_proxies;
        assert_eq!(joined(&proxies), "10.0.0.7/32, 10.1.0.0/16, ::1/128");
        assert!(accepted("INTERLOCK_TRUSTED_PROXIES", "").trusted_proxies.is_empty());
        for (name, value) in [
            ("INTERLOCK_LISTEN", "localhost:3000"),
            ("INTERLOCK_DATA_DIR", ""),
            ("INTERLOCK_DATA_DIR", "data\n"),
            ("INTERLOCK_SIGN_UP", "Open"),
            ("INTERLOCK_LOG", ""),
            ("INTERLOCK_LOG_LEVEL", " "),
            ("INTERLOCK_LOG_LEVEL", "info\u{1b}[2J"),
            ("INTERLOCK_HSTS_SUBDOMAINS", "yes"),
            ("INTERLOCK_SHUTDOWN_SECONDS", "601"),
            ("INTERLOCK_SHUTDOWN_SECONDS", "-1"),
            ("INTERLOCK_TRUSTED_PROXIES", "10.0.0.0/33"),
            ("INTERLOCK_TRUSTED_PROXIES", "proxy.example.org"),
        ] {
            refused(name, value);
        }
        for file in ["trusted_proxies = [1]", "listen = 1.5", "log = 1979-05-27", "sign_up = true"] {
            assert_eq!(problems(read(Some(file), &[])).len(), 1);
        }
    }

    #[test]
    fn every_setting_explains_itself_in_a_sentence() {
        for setting in SETTINGS {
            assert!(setting.help.ends_with('.') && !setting.help.contains("  "), "{setting:?}");
            assert_eq!(setting.help.matches(". ").count(), 0, "{setting:?}");
        }
        assert_eq!(SETTINGS[1].variable(), "INTERLOCK_BASE_URL");
    }
}

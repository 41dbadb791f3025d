//! Every setting, read once when Interlock starts: from the environment (`INTERLOCK_LISTEN`), else
//! from the file `interlock.toml` (`listen`), else its default. Names that are not settings and
//! values that make no sense refuse to start, all told at once.

#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ipnet::IpNet;

pub(crate) use self::values::percent_decoded;
pub use self::values::{BaseUrl, DatabaseUrl, Origin, Secret, Smtp, SmtpTls};

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

    /// The key that `interlock rotate-key` seals everything with anew, where secret_key is a setting; read by nothing else.
    new_secret_key: Option<Secret<[u8; 32]>> = None,
        secret_key, |key| or_not_set(key.as_ref().map(|_| HIDDEN));

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

    /// The OAuth client ID of "Sign in with Google"; must be given with google_client_secret.
    google_client_id: Option<String> = None, |text| word(text).map(Some), |id| or_not_set(id.as_ref());

    /// The secret of that client.
    google_client_secret: Option<Secret<String>> = None,
        |text| word(text).map(Secret).map(Some), |secret| or_not_set(secret.as_ref().map(|_| HIDDEN));

    /// Google's issuer, as its discovery document names it.
    google_issuer: String = "https://accounts.google.com".to_owned(), issuer, String::clone;

    /// Where Microsoft Entra's tenants are; a sovereign cloud has another.
    entra_authority: String = "https://login.microsoftonline.com".to_owned(),
        |text| issuer(text).map(|url| url.trim_end_matches('/').to_owned()), String::clone;

    /// The origins that requests may go to though they are http or lead to a private address, such as
    /// an identity provider in the intranet: separated by commas.
    outbound_allow: Vec<Origin> = Vec::new(), origins,
        |list| or_not_set((!list.is_empty()).then(|| joined(list)));

    /// The address and port of the DNS server to ask; without it, the system's are asked.
    dns_server: Option<SocketAddr> = None, |text| address(text).map(Some), |address| or_not_set(address.as_ref());

    /// The address and port where /metrics is served, apart from everything else; without it, nowhere.
    metrics_listen: Option<SocketAddr> = None, |text| address(text).map(Some),
        |address| or_not_set(address.as_ref());

    /// How the log is written: text, json, or auto, which chooses.
    log: LogFormat = LogFormat::Auto, |text| choice(text, LOG), |value| chosen(value, LOG);

    /// What the log tells: a level such as info, or tracing directives.
    log_level: String = "info".to_owned(), directives, String::clone;

    /// Whether browsers are told to use https for every subdomain too: true or false.
    hsts_subdomains: bool = false, |text| choice(text, BOOLEAN), |value| chosen(value, BOOLEAN);

    /// How many requests a minute one API key may make to /v1, checks apart: 1 to 1000000.
    api_rate: u32 = 600, rate, u32::to_string;

    /// How many seconds requests may take to finish when Interlock stops: 1 to 600.
    shutdown_seconds: u64 = 30, seconds, u64::to_string;
}

/// What may be written as a list in the file.
const LISTS: &[&str] = &["trusted_proxies", "outbound_allow"];
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
        given.needs_both("google_client_id", "google_client_secret");
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

    fn needs_both(&mut self, one: &'static str, other: &'static str) {
        for (there, missing) in [(one, other), (other, one)] {
            if self.has(there) && !self.has(missing) {
                self.problems.push(format!(
                    "{}: {there} is set, so this must be too. Set both, or neither.",
                    variable(missing)
                ));
            }
        }
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
        toml::Value::Array(items) if LISTS.contains(&setting) => {
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

/// A value without blanks: what was pasted with a space or a quote around it is found at the start.
fn word(value: &str) -> Result<String, String> {
    if value.is_empty() || value.contains(|c: char| c.is_whitespace() || c == '"') {
        return Err(
            "This is empty, or holds a blank or a quotation mark. Paste it as it was given to you.".into()
        );
    }
    Ok(value.to_owned())
}

fn issuer(value: &str) -> Result<String, String> {
    values::check_issuer(value).map(|()| value.to_owned())
}

fn origins(value: &str) -> Result<Vec<Origin>, String> {
    value.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(Origin::parse).collect()
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

fn rate(value: &str) -> Result<u32, String> {
    let rate = value.parse().ok().filter(|rate| (1..=1_000_000).contains(rate));
    rate.ok_or_else(|| format!("{value:?} is not a number of requests. Use one from 1 to 1000000."))
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

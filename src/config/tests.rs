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
listen                127.0.0.1:3000                     default
base_url              http://localhost:3000              default
data_dir              data                               default
database_url          sqlite:data/interlock.db           default
new_secret_key        (not set)                          default
secret_key            (not set)                          default
smtp_url              (not set)                          default
mail_from             Interlock <interlock@localhost>    default
sign_up               open                               default
trusted_proxies       (not set)                          default
google_client_id      (not set)                          default
google_client_secret  (not set)                          default
google_issuer         https://accounts.google.com        default
entra_authority       https://login.microsoftonline.com  default
outbound_allow        (not set)                          default
dns_server            (not set)                          default
metrics_listen        (not set)                          default
log                   auto                               default
log_level             info                               default
hsts_subdomains       false                              default
api_rate              600                                default
shutdown_seconds      30                                 default
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
    let file = "colour = \"red\"\nsign_up = \"maybe\"\ndata_dir = [\"a\"]\n[smtp]\npassword = \"hunter2\"";
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
        "The settings are listen, base_url, data_dir, database_url, new_secret_key, secret_key, smtp_url, mail_from, \
         sign_up, trusted_proxies, google_client_id, google_client_secret, google_issuer, entra_authority, \
         outbound_allow, dns_server, metrics_listen, log, log_level, hsts_subdomains, api_rate, \
         shutdown_seconds; in the environment in capitals, after INTERLOCK_.",
    ];
    let errors = read(Some(file), &environment).expect_err("all of them");
    assert_eq!(errors.problems(), expected);
    assert_eq!(errors.to_string(), expected.join("\n"));
}

#[test]
fn a_broken_file_is_told_by_line_without_its_text() {
    for line in ["secret_key = \"hunter2", "secret_key = hunter2", "hunter2", "log = 'a' hunter2"] {
        let file = format!("log = \"json\"\nmail_from = \"a@b.c\"\n{line}\n");
        let environment = [("INTERLOCK_SIGN_UP", "no"), ("INTERLOCK_SMTP_URL", "smtp://mail.example.org")];
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
    for value in
        ["", "hunter2", &"A".repeat(42), &"A".repeat(44), &"+f".repeat(32), &"0".repeat(63), &"é".repeat(32)]
    {
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
    let config = accepted("INTERLOCK_SMTP_URL", "smtp://ann%40x:h+u&n=%74%25@er%C3%A92@mail.example.org:25");
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
    assert_eq!(accepted("INTERLOCK_API_RATE", "1000000").api_rate, 1_000_000);
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

/// A half of Google's client can't sign anybody in.
#[test]
fn googles_client_is_given_whole() {
    let (id, secret) = (("INTERLOCK_GOOGLE_CLIENT_ID", "abc"), ("INTERLOCK_GOOGLE_CLIENT_SECRET", "hunter2"));
    let config = from(&[id, secret]).expect("both");
    assert_eq!(config.google_client_id.as_deref(), Some("abc"));
    assert_eq!(config.google_client_secret.as_ref().map(|secret| secret.expose().as_str()), Some("hunter2"));
    assert!(!config.describe().contains("hunter2") && !format!("{config:?}").contains("hunter2"));
    assert_eq!(
        problems(from(&[id])),
        [
            "INTERLOCK_GOOGLE_CLIENT_SECRET: google_client_id is set, so this must be too. Set both, or neither."
        ]
    );
    assert_eq!(
        problems(from(&[secret])),
        [
            "INTERLOCK_GOOGLE_CLIENT_ID: google_client_secret is set, so this must be too. Set both, or neither."
        ]
    );
    let blank = problems(from(&[id, ("INTERLOCK_GOOGLE_CLIENT_SECRET", "hunter2 ")]));
    assert_eq!(blank.len(), 1);
    assert!(blank[0].contains("blank") && !blank[0].contains("hunter2"), "{blank:?}");
}

#[test]
fn issuers_are_urls_without_more() {
    let config = accepted("INTERLOCK_ENTRA_AUTHORITY", "https://login.microsoftonline.us/");
    assert_eq!(config.entra_authority, "https://login.microsoftonline.us");
    let config = accepted("INTERLOCK_GOOGLE_ISSUER", "http://127.0.0.1:9/google");
    assert_eq!(config.google_issuer, "http://127.0.0.1:9/google");
    for value in
        ["", "accounts.google.com", "ftp://a.example", "https://a.example/?x", "https://a.example/#x"]
    {
        refused("INTERLOCK_GOOGLE_ISSUER", value);
        refused("INTERLOCK_ENTRA_AUTHORITY", value);
    }
    assert!(!refused("INTERLOCK_GOOGLE_ISSUER", "https://a:hunter2@b.example").contains("hunter2"));
}

#[test]
fn origins_may_be_asked_by_exception() {
    let config = accepted("INTERLOCK_OUTBOUND_ALLOW", "HTTPS://Id.Example:443/, http://10.0.0.7:8080,");
    assert_eq!(joined(&config.outbound_allow), "https://id.example, http://10.0.0.7:8080");
    let file = "outbound_allow = [\"http://[::1]:80\"]";
    let config = read(Some(file), &[]).expect("a list in the file");
    assert_eq!(joined(&config.outbound_allow), "http://[::1]");
    for value in
        ["10.0.0.7", "https://", "https://a.example/path", "https://a.example?", "ftp://a.example", "*"]
    {
        refused("INTERLOCK_OUTBOUND_ALLOW", value);
    }
    assert!(!refused("INTERLOCK_OUTBOUND_ALLOW", "https://a:hunter2@b.example").contains("hunter2"));
    let config = accepted("INTERLOCK_DNS_SERVER", "[::1]:5353");
    assert_eq!(config.dns_server, "[::1]:5353".parse().ok());
    for value in ["", "127.0.0.1", "dns.example:53"] {
        refused("INTERLOCK_DNS_SERVER", value);
    }
}

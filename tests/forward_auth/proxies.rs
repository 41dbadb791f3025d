//! The configurations of the documentation, each by its own proxy in front of a small tool, across two host names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, Uri};
use interlock::domain::access::Role;
use interlock::domain::resources::Audience;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::{AMARA, ANA};
use crate::support::access::{Thing, grant_team, resource, team};
use crate::support::browser::Browser;
use crate::support::database::execute;
use crate::support::program::{PATIENCE, Place, free_port};
use crate::support::{PASSWORD, TestApp};

/// A tool that shows what it is told of its visitor, and remembers all cookies that it ever saw. It reads headers as
/// CGI does: a dash and an underscore are alike.
async fn upstream() -> (u16, Arc<Mutex<String>>) {
    let seen = Arc::new(Mutex::new(String::new()));
    let all = seen.clone();
    let show = move |uri: Uri, headers: HeaderMap| {
        let mut read: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in &headers {
            let value = value.to_str().unwrap_or("?").to_owned();
            read.entry(name.as_str().replace('_', "-")).or_default().push(value);
        }
        let text = |name: &str| match read.get(name).map(|values| values.join("+")) {
            Some(value) if !value.is_empty() => value,
            _ => "-".to_owned(),
        };
        all.lock().expect("it is not poisoned").push_str(&text("cookie"));
        let shown = format!(
            "The tool at {uri} of {} sees {} {} {} {}.",
            text("host"),
            text("x-interlock-email"),
            text("x-interlock-role"),
            text("x-interlock-teams"),
            text("x-interlock-permissions")
        );
        async move { shown }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(show)).await });
    (port, seen)
}

#[derive(Clone, Copy)]
enum Proxy {
    Nginx,
    Traefik,
    Caddy,
}

impl Proxy {
    /// Its configuration as the documentation has it, where only names and ports are others.
    fn documented(self, interlock: &str, port: u16, upstream: u16) -> String {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/forward-auth.md");
        let docs = fs::read_to_string(docs).expect("the documentation can be read");
        let language = match self {
            Proxy::Nginx => "```nginx\n",
            Proxy::Traefik => "```yaml\n",
            Proxy::Caddy => "```caddyfile\n",
        };
        let text = docs.split(language).nth(1).and_then(|rest| rest.split("```").next());
        let text = text.expect("it has a configuration").to_owned();
        let text = match self {
            Proxy::Nginx => text
                .replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port};"))
                .replace("server_name wiki.example.org", "server_name tool.localhost")
                .replace("https://wiki.example.org", &format!("http://tool.localhost:{port}"))
                .replace("wiki.example.org", &format!("tool.localhost:{port}")),
            Proxy::Traefik => text
                .replace("Host: wiki.example.org", &format!("Host: tool.localhost:{port}"))
                .replace("wiki.example.org", "tool.localhost")
                .replace("      tls: {}\n", ""),
            Proxy::Caddy => text
                .replace("wiki.example.org {", &format!("http://tool.localhost:{port} {{"))
                .replace("wiki.example.org", &format!("tool.localhost:{port}")),
        };
        let host = interlock.trim_start_matches("http://");
        text.replace("10.0.0.2:3000", &host.replace("localhost", "127.0.0.1"))
            .replace("access.example.org", host)
            .replace("10.0.0.3:8080", &format!("127.0.0.1:{upstream}"))
    }

    /// The program, and its whole configuration in a file.
    fn command(self, place: &Place, text: &str, port: u16) -> Command {
        let folder = place.0.display();
        let (name, text) = match self {
            Proxy::Nginx => {
                let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .iter()
                    .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
                    .collect();
                let user = if is_root() { "user root;\n" } else { "" };
                let text = format!(
                    "{user}daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n\
                     http {{\naccess_log off;\n{temporary}{text}}}\n"
                );
                ("nginx.conf", text)
            }
            Proxy::Traefik => ("dynamic.yaml", text.to_owned()),
            Proxy::Caddy => ("Caddyfile", format!("{{\n\tadmin off\n\tdefault_bind 127.0.0.1\n}}\n{text}")),
        };
        let file = place.0.join(name);
        fs::write(&file, text).expect("the configuration can be written");
        let mut command = match self {
            Proxy::Nginx => {
                let mut command = Command::new("nginx");
                command.arg("-p").arg(&place.0).arg("-c").arg(&file);
                command
            }
            Proxy::Traefik => {
                let mut command = Command::new(traefik());
                command.arg(format!("--entryPoints.web.address=127.0.0.1:{port}"));
                command.arg(format!("--providers.file.filename={}", file.display()));
                command.args(["--global.checkNewVersion=false", "--log.level=ERROR"]);
                command
            }
            Proxy::Caddy => {
                let mut command = Command::new("caddy");
                command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file);
                command
            }
        };
        // Caddy keeps things in its user's folders.
        for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            command.env(variable, &place.0);
        }
        command.current_dir(&place.0);
        command
    }

    async fn start(self, place: &Place, interlock: &str, port: u16, upstream: u16) -> Child {
        let text = self.documented(interlock, port, upstream);
        let mut command = self.command(place, &text, port);
        let log = fs::File::create(place.0.join("log")).expect("a log can be written");
        command.stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        let child = command.spawn().expect("it is installed: tests/run does it");
        // Traefik answers before it knows where to.
        let answers = async {
            while !raw(port, &format!("GET / HTTP/1.1\r\nHost: tool.localhost:{port}\r\n\r\n"))
                .await
                .is_some_and(|answer| answer.contains(".interlock/sign-in"))
            {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, answers).await.is_err() {
            let log = fs::read_to_string(place.0.join("log")).unwrap_or_default();
            panic!("the proxy asks Interlock: {log}");
        }
        child
    }
}

/// From `tests/tools/proxies/requirements.txt`.
fn traefik() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/python/bin/traefik")
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").expect("there is a process")) == 0
}

/// What a client gets that writes just this, and ends.
async fn raw(port: u16, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let request = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.ok()?.ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// Opened by the tool's own address: sign in, land on the very page, lose access, sign out, be asked again. The tool
/// never sees Interlock's cookie.
async fn comes_and_goes(app: &TestApp, url: &str, seen: &Mutex<String>) {
    let browser = Browser::start().await;
    browser.goto(&format!("{url}/customers?page=2")).await;
    browser.fill("Email", ANA).await;
    browser.press("Continue").await;
    browser.see("Change email").await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Sign in").await;
    let host = url.trim_start_matches("http://");
    browser
        .see(&format!("The tool at /customers?page=2 of {host} sees ana@halden.example member support Read."))
        .await;

    execute(app, "update memberships set state = 'suspended' where email = 'ana@halden.example'").await;
    browser.goto(&format!("{url}/customers")).await;
    browser.see("You can’t open this").await;
    browser.see("You are signed in as ana@halden.example").await;
    execute(app, "update memberships set state = 'active' where email = 'ana@halden.example'").await;
    browser.goto(&format!("{url}/customers")).await;
    browser.see("sees ana@halden.example").await;

    // Signed out here, and in again without a word, for the session at home goes on.
    browser.goto(&format!("{url}/.interlock/sign-out")).await;
    browser.press("Sign out").await;
    browser.see("You are signed out of tool.localhost").await;
    browser.goto(&format!("{url}/again")).await;
    browser.see("sees ana@halden.example").await;
    execute(app, "update sessions set ended_at = 1").await;
    browser.goto(&format!("{url}/again")).await;
    browser.see("Sign in").await;

    let seen = seen.lock().expect("it is not poisoned").clone();
    assert!(seen.contains("interlock-tool="), "{seen}");
    assert!(!seen.contains("interlock=") && !seen.contains("interlock-flash"), "{seen}");
}

/// Whoever writes requests by hand is asked about the tool that they would get, whatever they claim it is; and what
/// they claim of themselves never arrives.
async fn is_not_fooled(port: u16) {
    let (tool, other) = (format!("tool.localhost:{port}"), format!("other.localhost:{port}"));
    let claims = format!(
        "X-Original-URL: http://{other}/\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: {other}\r\n\
         X-Forwarded-Uri: /\r\n"
    );
    for request in [
        format!("GET / HTTP/1.1\r\nHost: {tool}\r\n{claims}\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {tool}\r\nX-Forwarded-Uri: /open\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {tool}\r\nX-Forwarded-Host: {other}\r\n\r\n"),
        // Another name than that of the server that answers, or another port.
        "GET / HTTP/1.1\r\nHost: tool.localhost:9999\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\nHost: {other}\r\n\r\n"),
        format!("GET http://{tool}/ HTTP/1.1\r\nHost: {other}\r\n\r\n"),
        format!("GET http://{other}/ HTTP/1.1\r\nHost: {tool}\r\n\r\n"),
        format!("GET /open/../ HTTP/1.1\r\nHost: {tool}\r\n\r\n"),
        format!("GET /open/%2e%2e/secret HTTP/1.1\r\nHost: {tool}\r\n\r\n"),
        format!("GET /open/..%2fsecret HTTP/1.1\r\nHost: {tool}\r\n\r\n"),
        format!("GET //open/..//secret HTTP/1.1\r\nHost: {tool}\r\n\r\n"),
    ] {
        let answer = raw(port, &request).await.expect("it answers");
        assert!(!answer.contains("The tool at"), "{request}\n{answer}");
    }
    // However long an address is, it is asked about.
    let request = format!("GET /?{} HTTP/1.1\r\nHost: {tool}\r\n\r\n", "(a:'b',c:!t)".repeat(500));
    let answer = raw(port, &request).await.expect("it answers");
    assert!(
        answer.contains("/.interlock/sign-in?to=%2F%3F"),
        "{}",
        answer.chars().take(300).collect::<String>()
    );
    // Where nobody has to sign in, nobody is who they say.
    let names = [
        "X-Interlock-Email",
        "X_Interlock_Email",
        "X-Interlock_Email",
        "X_Interlock-Role",
        "x_interlock_role",
    ];
    let claimed: String = names.iter().map(|name| format!("{name}: owner\r\n")).collect();
    let request = format!("GET /open HTTP/1.1\r\nHost: {tool}\r\n{claimed}X-Interlock-Teams: all\r\n\r\n");
    let answer = raw(port, &request).await.expect("it answers");
    assert!(answer.contains(&format!("The tool at /open of {tool} sees - - - Read.")), "{answer}");
}

async fn a_tool_behind(proxy: Proxy) {
    let app = TestApp::served(None, &[]).await;
    let mut owner = app.owner().await;
    app.member(&mut owner, "Ana Sousa", ANA, Role::Member).await;
    let (upstream, seen) = upstream().await;
    let port = free_port().await;
    let url = format!("http://tool.localhost:{port}");
    let crm =
        resource(&app, &owner.org, AMARA, &Thing::tool("crm", &format!("{url}/"), Audience::Teams)).await;
    let support = team(&app, &owner.org, "support", &[ANA]).await;
    grant_team(&app, crm, support, None).await;
    let place = Place::new();
    let mut proxy = proxy.start(&place, &app.url, port, upstream).await;
    comes_and_goes(&app, &url, &seen).await;
    let wide = "http://tool.localhost:9999/".to_owned();
    for (key, url) in [
        ("open", format!("{url}/open")),
        ("other", format!("http://other.localhost:{port}/")),
        ("wide", wide),
    ] {
        resource(&app, &owner.org, AMARA, &Thing::tool(key, &url, Audience::Public)).await;
    }
    is_not_fooled(port).await;
    proxy.kill().await.expect("the proxy ends");
}

/// Issue 6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_behind_nginx() {
    a_tool_behind(Proxy::Nginx).await;
}

/// Issue 6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_behind_traefik() {
    a_tool_behind(Proxy::Traefik).await;
}

/// Issue 6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_behind_caddy() {
    a_tool_behind(Proxy::Caddy).await;
}

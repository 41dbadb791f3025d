//! The configuration for nginx, as the documentation has it, in front of a small tool, across two host names.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, Uri};
use interlock::domain::access::Role;
use interlock::domain::resources::Audience;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::{AMARA, ANA};
use crate::support::access::{Thing, grant_team, resource, team};
use crate::support::browser::Browser;
use crate::support::database::execute;
use crate::support::program::{PATIENCE, Place, free_port};
use crate::support::{PASSWORD, TestApp};

/// A tool that shows what it is told of its visitor, and remembers all cookies that it ever saw.
async fn upstream() -> (u16, Arc<Mutex<String>>) {
    let seen = Arc::new(Mutex::new(String::new()));
    let all = seen.clone();
    let show = move |uri: Uri, headers: HeaderMap| {
        let text =
            |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
        all.lock().expect("it is not poisoned").push_str(&text("cookie"));
        let shown = format!(
            "The tool at {uri} sees {} {} {} {}.",
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

/// nginx with the documentation's configuration, where only names and ports are others.
async fn nginx(place: &Place, interlock: &str, port: u16, upstream: u16) -> Child {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/forward-auth.md");
    let docs = fs::read_to_string(docs).expect("the documentation can be read");
    let server = docs
        .split("```nginx\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("it has a configuration");
    let host = interlock.trim_start_matches("http://");
    let server = server
        .replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port};"))
        .replace("wiki.example.org", "tool.localhost")
        .replace("https://access.example.org", &interlock.replace("localhost", "127.0.0.1"))
        .replace("access.example.org", host)
        .replace("http://127.0.0.1:8080", &format!("http://127.0.0.1:{upstream}"));
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", place.0.display()))
        .collect();
    let user = if is_root() { "user root;\n" } else { "" };
    let text = format!(
        "{user}daemon off;\nmaster_process off;\npid {}/pid;\nerror_log stderr;\nevents {{}}\n\
         http {{\naccess_log off;\n{temporary}{server}}}\n",
        place.0.display()
    );
    let file = place.0.join("nginx.conf");
    fs::write(&file, text).expect("the configuration can be written");
    let mut command = Command::new("nginx");
    command.arg("-p").arg(&place.0).arg("-c").arg(&file).stderr(Stdio::inherit()).kill_on_drop(true);
    let child = command.spawn().expect("nginx is installed: tests/run does it");
    let answers = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, answers).await.expect("nginx answers");
    child
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").expect("there is a process")) == 0
}

/// Issue 6: opened by the tool's own address: sign in, land on the very page, lose access, sign out, be asked again. The
/// tool never sees Interlock's cookie.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_behind_nginx() {
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
    let mut nginx = nginx(&place, &app.url, port, upstream).await;

    let browser = Browser::start().await;
    browser.goto(&format!("{url}/customers?page=2")).await;
    browser.fill("Email", ANA).await;
    browser.press("Continue").await;
    browser.see("Change email").await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.see("The tool at /customers?page=2 sees ana@halden.example member support Read.").await;

    execute(&app, "update memberships set state = 'suspended' where email = 'ana@halden.example'").await;
    browser.goto(&format!("{url}/customers")).await;
    // nginx has no page of its own for it: it shows ours.
    browser.see("You can’t open this").await;
    browser.see("You are signed in as ana@halden.example").await;
    execute(&app, "update memberships set state = 'active' where email = 'ana@halden.example'").await;
    browser.goto(&format!("{url}/customers")).await;
    browser.see("The tool at /customers sees ana@halden.example").await;

    // Signed out here, and in again without a word, for the session at home goes on.
    browser.goto(&format!("{url}/.interlock/sign-out")).await;
    browser.press("Sign out").await;
    browser.see("You are signed out of tool.localhost").await;
    browser.goto(&format!("{url}/again")).await;
    browser.see("The tool at /again sees ana@halden.example").await;
    execute(&app, "update sessions set ended_at = 1").await;
    browser.goto(&format!("{url}/again")).await;
    browser.see("Sign in").await;

    let seen = seen.lock().expect("it is not poisoned").clone();
    assert!(seen.contains("interlock-tool="), "{seen}");
    assert!(!seen.contains("interlock=") && !seen.contains("interlock-flash"), "{seen}");
    nginx.kill().await.expect("nginx ends");
}

//! `interlock demo`

use serde_json::{Value, json};

use super::Said;
use crate::support::fresh_schema;
use crate::support::program::{Place, Server};

const PASSWORD: &str = "seven+quiet+cranes+at+dawn";

fn json_of(place: &Place, arguments: &[&str], settings: &[(&str, &str)]) -> Value {
    Said::from(place.run(arguments, settings)).json()
}

/// The demonstration's database is whole: its chains verify, its counters fit, its people sign in, and no
/// mail waits to go out to them.
async fn is_whole(settings: &[(&str, &str)]) {
    let place = Place::new();
    let farewell = Said::from(place.run(&["demo"], settings)).ok();
    assert!(farewell.contains("cargo run") && farewell.contains("seven quiet cranes at dawn"), "{farewell}");
    let chains = json_of(&place, &["audit", "verify", "--json"], settings);
    assert_eq!(chains.as_array().map(Vec::len), Some(3));
    assert!(chains[1]["rows"].as_i64().is_some_and(|rows| rows > 200), "{chains}");

    let halden = json_of(&place, &["org", "show", "halden-freight", "--json"], settings);
    let by_role = halden["people_by_role"].as_object().expect("roles");
    assert!(by_role.values().all(|people| people.as_i64().is_some_and(|people| people >= 2)), "{by_role:?}");
    let people: i64 = by_role.values().filter_map(Value::as_i64).sum();
    assert_eq!(halden["people"], people, "the counter fits");
    assert!((55..=65).contains(&people), "{people}");
    assert!(halden["suspended"].as_i64().is_some_and(|suspended| suspended >= 3));
    assert!(halden["pending_invitations"].as_i64().is_some_and(|pending| pending >= 8));
    assert_eq!(json_of(&place, &["mail", "list", "--state", "queued", "--json"], settings), json!([]));
    let failed = json_of(&place, &["mail", "list", "--state", "failed", "--json"], settings);
    assert_eq!(failed.as_array().map(Vec::len), Some(1));
    assert!(!place.0.join("data/mail").exists(), "nothing was mailed");
    let amara = json_of(&place, &["user", "show", "amara.okafor@halden.example", "--json"], settings);
    let roles: Vec<_> = amara["memberships"]
        .as_array()
        .expect("two")
        .iter()
        .map(|one| (&one["organization"], &one["role"]))
        .collect();
    assert_eq!(
        roles,
        [(&json!("halden-freight"), &json!("owner")), (&json!("nordlicht-reederei"), &json!("member"))]
    );
    assert_eq!(amara["live_sessions"], 2);
    for (email, role) in
        [("nandi.dlamini@halden.example", "auditor"), ("dj.whitfield@halden.example", "member")]
    {
        let guest = json_of(&place, &["user", "show", email, "--json"], settings);
        let membership = &guest["memberships"][0];
        assert_eq!((&membership["role"], &membership["state"]), (&json!(role), &json!("active")));
        assert!(membership["ends_at"].is_string(), "{membership}");
    }

    let server = Server::start(&place, settings).await;
    let guests: Vec<&str> =
        farewell.split_whitespace().filter(|word| word.ends_with("@halden.example")).collect();
    assert_eq!(guests.len(), 6);
    for email in guests {
        let body = format!("email={email}&password={PASSWORD}");
        let answer = server.post("/sign-in", &body).await;
        assert!(answer.starts_with("HTTP/1.1 303"), "{email}: {answer}");
    }
    // An organization has moved: its old address leads a member on.
    let body = format!("email=amara.okafor@halden.example&password={PASSWORD}");
    let answer = server.post("/sign-in", &body).await;
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
    let head = server.head("/o/nordlicht-linie/roles", 0).replacen("POST", "GET", 1);
    let cookie = format!("\r\nCookie: {}\r\n\r\n", cookie.expect("a cookie"));
    let answer = server.ask(&head.replacen("\r\n\r\n", &cookie, 1)).await;
    assert!(answer.contains("location: /o/nordlicht-reederei/roles"), "{answer}");
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));

    // Once there is somebody, there is no demonstration any more.
    Said::from(place.run(&["demo"], settings)).fails(1, "There are accounts");
    assert_eq!(json_of(&place, &["org", "show", "halden-freight", "--json"], settings)["people"], people);
}

#[tokio::test]
async fn the_demonstration_is_whole_sqlite() {
    is_whole(&[]).await;
}

#[tokio::test]
async fn the_demonstration_is_whole_postgres() {
    let url = fresh_schema().await;
    is_whole(&[("INTERLOCK_DATABASE_URL", &url)]).await;
}

/// People with a known password are not for a server that others reach.
#[test]
fn the_demonstration_refuses_where_others_are() {
    let place = Place::new();
    let mail = [("INTERLOCK_SMTP_URL", "smtp://mail.example.com"), ("INTERLOCK_MAIL_FROM", "a@example.com")];
    for settings in [&mail[..], &[("INTERLOCK_BASE_URL", "https://access.example.com")]] {
        Said::from(place.run(&["demo"], settings)).fails(1, "--force");
    }
    assert!(!place.0.join("data").exists(), "nothing was begun");
}

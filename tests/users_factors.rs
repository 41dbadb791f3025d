//! The factors of members on the Users page, on their own pages and in the file.

use interlock::clock::DAY;
use interlock::domain::access::Role;

use crate::support::database::execute;
use crate::support::page::between;
use crate::support::{TestApp, Visitor, on_both};

const USERS: &str = "/o/halden-freight/users";

/// Names on a page of the list, in its order.
fn names(body: &str) -> Vec<String> {
    between(body, "<a class=\"title\"", "</a>")
        .into_iter()
        .filter_map(|cell| {
            between(cell, "<b>", "</b>")
                .first()
                .map(|name| (*name).replace(" <span class=\"muted\">(you)</span>", ""))
        })
        .collect()
}

/// Amara without a factor, Bo with an app, Cai with a passkey, Dee with both and a remembered browser.
async fn four(app: &TestApp) -> Visitor {
    let mut owner = app.owner().await;
    for (name, role) in [
        ("Bo Bright", Role::Member),
        ("Cai Lind", Role::Developer),
        ("Dee Holm", Role::Member),
        ("Eve Frost", Role::Member),
    ] {
        let email = format!("{}@halden.example", &name[..3].trim().to_lowercase());
        app.member(&mut owner, name, &email, role).await;
    }
    let until = app.clock.now().0 + DAY;
    for (name, set) in [
        ("Bo Bright", "has_authenticator = true".to_owned()),
        ("Cai Lind", "has_passkey = true".to_owned()),
        ("Dee Holm", format!("has_authenticator = true, has_passkey = true, remembered_until = {until}")),
    ] {
        execute(app, &format!("update memberships set {set} where name = '{name}'; update users set {set} where name = '{name}'")).await;
    }
    owner
}

on_both! {
    /// Each member's factors in words, and a device that is remembered while it is.
    async fn factors_are_shown(app: TestApp) {
        let mut owner = four(&app).await;
        let page = owner.get(USERS).await.ok().says("Without MFA").says("Authenticator, passkey Remembers a device");
        assert_eq!(page.body.matches("data-label=\"Factors\"><span class=\"status\" data-tone=\"warn\">None").count(), 2);
        for (name, said) in [("Amara Okafor", "Factors None"), ("Bo Bright", "Factors Authenticator"), ("Cai Lind", "Factors Passkey")] {
            let id = app.id_of(&mut owner, name).await;
            owner.get(&format!("{USERS}/{id}")).await.ok().says(said).says_not("Remembers a device");
        }
        // A row that changes keeps its factors.
        let id = app.id_of(&mut owner, "Dee Holm").await;
        owner.get(&format!("{USERS}/{id}")).await.ok().says("Authenticator, passkey Remembers a device");
        owner.post_fragment(&format!("{USERS}/{id}/role"), &[("role", "reviewer")]).await.ok().says("Authenticator, passkey");
        let csv = owner.get(&format!("{USERS}.csv")).await.ok();
        let cells: Vec<String> = csv.body.lines().map(|line| line.split(',').rev().skip(1).take(2).map(str::trim).collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(cells[0], "remembered_until factors");
        assert_eq!(cells[1..4], [" none", " authenticator", " passkey"], "{}", csv.body);
        assert_eq!(cells[4], "2026-11-23T09:00:00Z authenticator passkey".replace("09:00:00", &cells[4][11..19]));
        app.clock.advance(2 * DAY);
        owner.sign_in("amara@halden.example", crate::support::PASSWORD).await.is(303);
        owner.get(USERS).await.ok().says_not("Remembers a device");
    }

    /// "Without MFA" with every sort, by pages, with search, role and status, and in the file.
    async fn filtering_by_factors(app: TestApp) {
        let mut owner = four(&app).await;
        for (query, expected) in [
            ("factors=none", &["Amara Okafor", "Eve Frost"][..]),
            ("factors=none&sort=-name", &["Eve Frost", "Amara Okafor"]),
            ("factors=none&sort=joined", &["Amara Okafor", "Eve Frost"]),
            ("factors=none&sort=-joined", &["Eve Frost", "Amara Okafor"]),
            ("factors=none&sort=active&role=member", &["Eve Frost"]),
            ("factors=none&role=owner", &["Amara Okafor"]),
            ("factors=none&q=frost", &["Eve Frost"]),
            ("factors=none&q=bright", &[]),
            ("factors=none&status=suspended", &[]),
            ("factors=none&status=active&q=e", &["Eve Frost", "Amara Okafor"]),
            ("factors=no-passkey", &["Amara Okafor", "Bo Bright", "Eve Frost"]),
            ("factors=no-passkey&role=member&sort=-name", &["Eve Frost", "Bo Bright"]),
        ] {
            let page = owner.get(&format!("{USERS}?{query}")).await.ok();
            let mut found = names(&page.body);
            let mut expected: Vec<&str> = expected.to_vec();
            if query.ends_with("q=e") {
                found.sort();
                expected.sort_unstable();
            }
            assert_eq!(found, expected, "{query}");
        }
        owner.get(&format!("{USERS}?factors=sms")).await.is(400);
        let page = owner.get(&format!("{USERS}?factors=none&q=frost")).await.ok();
        assert!(page.body.contains("users.csv?q=frost&#38;factors=none"), "the file has the same filter");
        let csv = owner.get(&format!("{USERS}.csv?factors=none")).await.ok();
        assert_eq!(csv.body.lines().count(), 3, "{}", csv.body);
    }

    /// The keyset holds over pages of the filtered list, there and back.
    async fn pages_of_those_without(app: TestApp) {
        let mut owner = four(&app).await;
        let rows: Vec<String> = (0..120).map(|number| {
            let has = if number % 2 == 0 { "false" } else { "true" };
            format!("('01a20000-0000-7000-8000-000000000{number:03}', 'p{number:03}@halden.example', 'p{number:03}@halden.example', 'Person {number:03}', 0, 0, {has})")
        }).collect();
        execute(&app, &format!(
            "insert into users (id, email, email_canonical, name, password_changed_at, created_at, has_authenticator) values {}; \
             insert into memberships (organization, user_id, role, state, proofs_after, joined_at, last_active_at, name, name_key, email, search, role_since, state_since, has_authenticator) \
             select o.id, u.id, 'member', 'active', 0, 5, 5, u.name, lower(u.name), u.email, lower(u.name), 0, 0, u.has_authenticator \
             from users u, organizations o where u.id like '01a20000-0000-7000-8000-%'", rows.join(", "))).await;
        for sort in ["name", "-name", "joined", "active"] {
            let first = owner.get(&format!("{USERS}?factors=none&sort={sort}")).await.ok();
            let next = crate::support::page::link(&first, "Next").expect("there is more");
            assert!(next.contains("factors=none"), "{next}");
            let second = owner.get(&next).await.ok();
            let (one, two) = (names(&first.body), names(&second.body));
            assert_eq!((one.len(), two.len()), (50, 12), "{sort}");
            assert!(one.iter().all(|name| !two.contains(name)));
            let back = crate::support::page::link(&second, "Previous").expect("there is a way back");
            assert_eq!(names(&owner.get(&back).await.ok().body), one);
        }
    }
}

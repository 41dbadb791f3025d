//! Definitions in either written form (A10), as the sources have them.

use interlock::domain::resources::definition::{self, Definition};
use interlock::domain::resources::{Audience, Permission, Permissions};
use proptest::prelude::*;

use super::*;
use crate::support::{everything, on_both};

/// The source's own example, its `...` filled in and the commas between users added.
const SPECIFICATION: &str = r#"{
  key: "orders",
  fields: [{ name: "id", type: "integer" }],
  requests: { list: { uri: "/orders" } },
  access: {
    privacy: "Private",
    default_permissions: ["Read"],
    users: [
        { email: "userAccountEmail1@example.com" },
        { email: "userAccountEmail2@example.com", permissions: ["Read", "Create", "Update"] },
        { email: "userAccountEmail3@example.com", permissions: ["Delete"] },
        { email: "userAccountEmail4@example.com", permissions: ["All"] },
    ]
  },
}"#;

/// The three examples under it, with `...schema` filled in.
const DOMAIN: &str = r#"// Give everyone in my company's domain access to the interface
{
  key: "a",
  "access": {
    "privacy": "DomainRestricted",
    "default_permissions": ["Read", "Create"],
  }
}"#;
const INVITED: &str = r#"{
  key: "b", /* only who I invite */
  "access": {
    "privacy": "InviteRestricted",
    "users": [
      { "email": "friend1@example.com", "permissions": ["Create"] },
      { "email": "friend2@example.com", "permissions": ["Read"] },
      { "email": "friend3@example.com", "permissions": ["All"] }
    ],
  }
}"#;
const PRIVATE: &str = r#"{ key: "c", "access": { "privacy": "Private" } }"#;

fn parsed(text: &str) -> Definition {
    definition::parse(text).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// A10, A4: the sources' examples say what their documents say.
#[test]
fn the_sources_examples_are_taken() {
    let specification = parsed(SPECIFICATION);
    let access = specification.access.clone().expect("it says access");
    assert_eq!(access.audience, Some(Audience::Private));
    assert_eq!(access.default, Some(Permissions::READ));
    let may: Vec<_> = access.people.iter().map(|(_, may)| *may).collect();
    let three = Permissions::of([Permission::Read, Permission::Create, Permission::Update]);
    assert_eq!(may, [None, Some(three), Some(Permission::Delete.into()), Some(Permissions::ALL)]);
    assert!(specification.kept().is_some_and(|kept| kept.contains("/orders") && kept.contains("integer")));
    assert_eq!(parsed(DOMAIN).access.map(|access| access.audience), Some(Some(Audience::DomainRestricted)));
    assert_eq!(parsed(INVITED).access.map(|access| access.people.len()), Some(3));
    assert_eq!(parsed(PRIVATE).access.map(|access| access.people.len()), Some(0));
    let everyone = parsed(r#"{ key: "d", kind: "action", access: "entire-organization" }"#).access;
    assert_eq!(everyone.and_then(|access| access.audience), Some(Audience::EntireOrganization));
    let teams =
        parsed(r#"{ key: "e", kind: "action", access: { teams: ["support"] } }"#).access.expect("it says so");
    assert_eq!((teams.audience, teams.teams), (Some(Audience::Teams), vec![("support".to_owned(), None)]));
    let nobody = parsed(r#"{ key: "f", access: { teams: [] } }"#).access.expect("it says so");
    assert_eq!((nobody.audience, nobody.teams.len()), (Some(Audience::Teams), 0));
    let entries = parsed(
        r#"{ key: "g", access: { teams: [{ slug: "a", permissions: ["Read"] }, { slug: "b", permissions: [] }, { slug: "c", permissions: null }] } }"#,
    );
    let entries: Vec<_> = entries.access.expect("it says so").teams.into_iter().map(|(_, may)| may).collect();
    assert_eq!(entries, [Some(Permissions::READ), None, None]);
    for (default, means) in [
        ("", None),
        ("default_permissions: null", None),
        ("default_permissions: []", Some(Permissions::NONE)),
    ] {
        let access = parsed(&format!("{{ key: 'h', access: {{ {default} }} }}")).access.expect("it says so");
        assert_eq!((access.audience, access.default), (Some(Audience::Private), means));
    }
    assert_eq!(parsed("{ key: 'i' }").access, None);
}

/// What is wrong is said with its place and the words that there are.
#[test]
fn what_is_wrong_is_named() {
    for (text, place, words) in [
        ("{ key: 'a', acess: {} }", "acess", "fields, requests, access"),
        (
            "{ key: 'a', access: { privcy: 'Private' } }",
            "access.privcy",
            "privacy, default_permissions, users, teams",
        ),
        ("{ key: 'a', access: { privacy: 'private' } }", "access.privacy", "Private, Unlisted, Public"),
        (
            "{ key: 'a', access: { default_permissions: ['Read', 'Write'] } }",
            "access.default_permissions[1]",
            "Create, Read, Update, Delete or All",
        ),
        (
            "{ key: 'a', access: { users: [{ email: 'a@b.example', role: 'x' }] } }",
            "access.users[0].role",
            "email, permissions",
        ),
        ("{ key: 'a', access: { users: [{ email: 'nobody' }] } }", "access.users[0].email", "whole address"),
        ("{ key: 'a', access: { users: [{}] } }", "access.users[0].email", "missing"),
        (
            "{ key: 'a', access: { users: [{ email: 'a@b.example', permissions: ['read'] }] } }",
            "access.users[0].permissions[0]",
            "Create, Read",
        ),
        ("{ key: 'a', access: { teams: [7] } }", "access.teams[0]", "slug"),
        ("{ key: 'a', access: { teams: 'support' } }", "access.teams", "list"),
        ("{ key: 'a', access: 'everyone' }", "access", "entire-organization"),
        ("{ key: 'a', access: ['Private'] }", "access", "privacy"),
        ("{ key: 'a b' }", "key", "Use letters"),
        ("{ key: 7 }", "key", "text in quotes"),
        ("{ key: 'a', kind: 'robot' }", "kind", "action, page, interface and tool"),
        ("{ key: 'a', url: 'ftp://x.example' }", "url", "https"),
    ] {
        let problems = definition::parse(text).expect_err(text);
        assert!(
            problems.len() == 1
                && problems[0].starts_with(&format!("{place}: "))
                && problems[0].contains(words),
            "{text}: {problems:?}"
        );
    }
    for text in [
        "",
        "null",
        "[]",
        "{",
        "{ key: 'a' } x",
        "{ key: 'a', key: 'b' }",
        "{ key: 'a', access: {}, access: 'entire-organization' }",
    ] {
        assert!(definition::parse(text).is_err(), "{text:?}");
    }
    for (open, close) in [("[", "]"), ("{a:", "}")] {
        for many in [40, 20_000] {
            let text = format!("{{ key: 'a', fields: {}1{} }}", open.repeat(many), close.repeat(many));
            let problems = definition::parse(&text).expect_err("it is too deep");
            assert!(problems[0].contains("nested") || problems[0].contains("64 KiB"), "{problems:?}");
        }
    }
    assert!(definition::parse(&"[".repeat(60_000)).is_err());
    assert!(definition::parse(&format!("{{ key: 'a', fields: '{}' }}", "x".repeat(70_000))).is_err());
}

proptest! {
    /// Whatever is pasted is taken or refused, and never panics.
    #[test]
    fn any_text_is_survived(text in any::<String>(), like in r#"[\[\]{}:,'"/*\\ aeprivcysu0-9\n]{0,200}"#) {
        let _ = definition::parse(&text);
        let _ = definition::parse(&like);
        let _ = definition::parse(&format!("{{ key: 'a', access: {like} }}"));
        let _ = definition::parse(&format!("{{ key: 'a', {like} }}"));
    }
}

on_both! {
    /// A10: a pasted definition makes a resource with its access; it is shown back, and what is shown says the same.
    async fn a_definition_is_pasted(app: TestApp) {
        let mut owner = app.owner().await;
        let paste = format!("{RESOURCES}/new/definition");
        owner.get(&paste).await.ok().says("Paste a definition");
        let warned = owner.post(&paste, &[("definition", SPECIFICATION)]).await.is(422).says("Not made yet");
        warned.says("It is Private: the people and teams listed are kept");
        assert!(texts(&app, "select key from resources").await.is_empty());
        let path = format!("{RESOURCES}/orders");
        owner.post(&paste, &[("definition", SPECIFICATION), ("understood", "on")]).await.leads_to(&format!("{path}/access"));
        assert_eq!(texts(&app, "select kind || ' ' || audience from resources").await, ["interface Private"]);
        assert_eq!(texts(&app, "select email from resource_people").await.len(), 4);
        let shown = owner.get(&format!("{path}/definition")).await.ok();
        let shown = shown.says("\"privacy\": \"Private\"").says("userAccountEmail4@example.com").says("\"/orders\"");
        let start = shown.body.find("name=\"definition\"").expect("there is a form");
        let written = shown.body[start..].split('>').nth(1).expect("it has text").split('<').next().expect("it ends");
        let written = written.replace("&#34;", "\"").replace("&quot;", "\"");
        assert_eq!(parsed(&written).access, parsed(SPECIFICATION).access);
        owner.post(&format!("{path}/definition"), &[("definition", &written)]).await.leads_to(&format!("{path}/definition"));

        owner.post(&format!("{path}/definition"), &[("definition", "{ key: 'orders', name: 'All orders', fields: [1] }")]).await.is(303);
        // What is left out stays, as by the API.
        let shown = owner.get(&format!("{path}/definition")).await.ok().says("All orders").says("\"/orders\"");
        shown.says("userAccountEmail4@example.com").says_not("integer");
        owner.post(&format!("{path}/definition"), &[("definition", "{ requests: {}, description: 'Theirs' }")]).await.is(303);
        owner.get(&format!("{path}/definition")).await.ok().says("All orders").says("Theirs").says_not("\"/orders\"");
        let before = everything(&app).await;
        let other = owner.post(&format!("{path}/definition"), &[("definition", "{ key: 'other', name: 'X' }")]).await;
        other.is(422).says("key: It is orders and stays so");
        let access = owner.post(&format!("{path}/definition"), &[("definition", "{ key: 'orders', access: 'entire-organization' }")]).await;
        access.is(422).says("Change it under Access");
        assert_eq!(everything(&app).await, before);
    }

    /// A2: an unknown team is a warning that names it, and grants nothing: also not to a team that is made later.
    async fn an_unknown_team_grants_nothing(app: TestApp) {
        let mut owner = app.owner().await;
        let paste = format!("{RESOURCES}/new/definition");
        let text = "{ key: 'a', kind: 'action', access: { teams: ['support', 'nobody-yet'] } }";
        team(&app, "support", &[]).await;
        owner.post(&paste, &[("definition", text)]).await.is(422).says("There is no team “nobody-yet”");
        owner.post(&paste, &[("definition", text), ("understood", "on")]).await.is(303);
        team(&app, "nobody-yet", &["amara@halden.example"]).await;
        assert_eq!(texts(&app, "select t.slug from resource_teams e join teams t on t.id = e.team").await, ["support"]);
        owner.get(&format!("{RESOURCES}/a/definition")).await.ok().says_not("nobody-yet");
    }

    /// Nothing is half-saved: a definition that is wrong in its access makes nothing at all.
    async fn nothing_is_half_saved(app: TestApp) {
        let mut owner = app.owner().await;
        let before = everything(&app).await;
        let paste = format!("{RESOURCES}/new/definition");
        for (text, why) in [
            ("{ key: 'a', kind: 'action', access: { users: [{ email: 'a@b.example' }], teams: [] } }", "members alone"),
            ("{ key: 'a', kind: 'action', access: { privacy: 'Public' } }", "for teams"),
            ("{ key: 'a', kind: 'tool' }", "url: A tool has an address"),
            ("{ key: 'a', url: 'https://x.example' }", "url: Only tools"),
            ("{ key: 'a', access: { users: [{ email: 'a@b.example' }, { email: 'A@b.example' }] } }", "is here twice"),
            ("{ name: 'x' }", "key: A definition has a key"),
            ("{ key: 'a', acces: 1 }", "acces: There is no such field"),
        ] {
            for understood in ["", "on"] {
                let answer = owner.post(&paste, &[("definition", text), ("understood", understood)]).await.is(422);
                assert!(answer.says(why).body.contains("id=\"definition-error\""), "{text}");
            }
        }
        assert_eq!(everything(&app).await, before);
    }

    /// R, A2: a page over others' actions that would say who opens them is an Owner's or Admin's to make; what a Developer
    /// pasted is kept.
    async fn a_page_over_others_actions_is_pasted(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", interlock::domain::access::Role::Developer).await;
        make(&mut owner, "action", "Pay", "hr/pay").await;
        let before = everything(&app).await;
        let paste = format!("{RESOURCES}/new/definition");
        let text = "{ key: 'hr', kind: 'page', name: 'People', access: { teams: [] } }";
        for understood in ["", "on"] {
            let answer = dev.post(&paste, &[("definition", text), ("understood", understood)]).await.is(422);
            assert!(answer.body.contains("name: &#39;People&#39;") || answer.body.contains("name: 'People'"), "{}", answer.body);
            if understood == "on" {
                assert!(answer.says("access: Other people’s actions take their access").body.contains("id=\"definition-error\""));
            }
        }
        assert_eq!(everything(&app).await, before);
        owner.post(&paste, &[("definition", text), ("understood", "on")]).await.is(303);
    }
}

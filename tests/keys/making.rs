//! Making keys by forms.

use interlock::clock::DAY;
use interlock::domain::access::Role;

use super::{
    AMARA, admin, asks, audited, current, development, form_of, live, path_of, people, secret_of, send_live,
    works,
};
use crate::api::problem;
use crate::support::database::{count, dump, execute, only, texts};
use crate::support::{everything, keys, on_both, refuses_bad_forms};

on_both! {
    /// K4, KEY-01: a live key is shown once, works, and is nowhere else; loading its page again makes no second one.
    async fn a_live_key_is_shown_once(app: TestApp) {
        let (mut owner, _, _) = people(&app).await;
        let keys_path = format!("{}/keys", owner.org);
        owner.get(&keys_path).await.ok().says("Make the first live key").says("You have none");
        let scopes = r#"{"source_type:icloud.*":[]}"#;
        let permission = keys::permission(&app, &owner.org, "Backups", scopes).await.to_string();
        let form = form_of(&owner.get(&format!("{keys_path}/new")).await.ok().says("it opens no scope").says("Backups"));
        let fields = [
            ("form", form.as_str()), ("name", "Nightly"), ("agent_name", "Export"), ("environment", "production"),
            ("permission", &permission), ("days", "90"), ("addresses", "203.0.113.0/24\n127.0.0.1"),
        ];
        let made = owner.post(&keys_path, &fields).await;
        let secret = secret_of(&made);
        made.says("Nightly is ready").says("shown this once").says("/v1/check").says("source_type:icloud.example");
        let told = works(&app, &secret).await;
        assert_eq!((&told["kind"], &told["name"], &told["agent"]), (&"live".into(), &"Nightly".into(), &"Export".into()));
        assert_eq!(told["permission"], permission.as_str());
        assert_eq!(told["organization"]["slug"], "halden-freight");
        assert_eq!(told["scopes"][1]["from"], "permission");
        // A reload sends the form again: it leads to the key's page, which does not show it.
        let path = owner.post(&keys_path, &fields).await.is(303).location();
        let page = owner.get(&path).await.ok().says("This form was sent before").says("203.0.113.0/24, 127.0.0.1");
        assert!(!page.body.contains(&secret));
        assert_eq!(count(&app, "api_keys").await, 1);
        for shown in [owner.get(&keys_path).await, owner.get(&format!("{keys_path}.csv")).await, owner.get(&format!("{}/audit", owner.org)).await] {
            let shown = shown.ok();
            assert!(!shown.body.contains(&secret[9..40]) && shown.body.contains(&secret[secret.len() - 4..]));
        }
        assert!(!dump(&app).await.contains(&secret));
        assert_eq!(audited(&app).await, ["agent.added Export by Amara Okafor", "key.created Nightly by Amara Okafor"]);
        let changes = only(texts(&app, "select changes from audit_events where kind = 'key.created'").await);
        for said in ["\"permission\"", "Backups", "203.0.113.0/24, 127.0.0.1", "\"expires\"", "\"environment\""] {
            assert!(changes.contains(said), "{said}: {changes}");
        }
        // The same agent by its name and by its id.
        live(&mut owner, &[("agent_name", "export")]).await;
        let agent = only(texts(&app, "select id from agents").await);
        live(&mut owner, &[("agent", &agent), ("agent_name", "")]).await;
        assert_eq!(count(&app, "agents").await, 1);
    }

    /// What a form refuses is said by its field, with all that was typed; nothing is made.
    async fn a_wrong_form_makes_nothing(app: TestApp) {
        let (mut owner, _, _) = people(&app).await;
        let stranger = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let theirs = keys::permission(&app, &stranger.org, "Theirs", "{}").await.to_string();
        let before = everything(&app).await;
        for (field, value, said) in [
            ("name", "", "name-error"),
            ("agent_name", "", "agent_name-error"),
            ("agent", "01a20000-0000-7000-8000-000000000000", "There is no such shared agent"),
            ("agent", "x", "There is no such shared agent"),
            ("environment", "development", "not to development"),
            ("environment", "nowhere", "There is no environment nowhere"),
            ("environment", "now\u{0}here", "There is no environment"),
            ("permission", &theirs, "There is no such permission"),
            ("permission", "x", "There is no such permission"),
            ("days", "0", "Choose for how long"),
            ("days", "99999", "Choose for how long"),
            ("addresses", "203.0.113.7\nhome\n10.0.0.0/40", "line 2: home; line 3: 10.0.0.0/40"),
        ] {
            let answer = send_live(&mut owner, &[(field, value)]).await.is(422);
            assert!(answer.body.contains(said), "{field}: {}", answer.text());
            assert!(answer.body.contains("Error: "));
        }
        let kept = send_live(&mut owner, &[("name", "Kept"), ("addresses", "home")]).await.is(422);
        assert!(kept.body.contains("value=\"Kept\"") && kept.body.contains(">home</textarea>"));
        let keys_path = format!("{}/keys", owner.org);
        owner.post(&keys_path, &[("name", "No form")]).await.is(400);
        assert_eq!(everything(&app).await, before);
        let form = form_of(&owner.get(&format!("{keys_path}/new")).await.ok());
        let good = [("form", form.as_str()), ("name", "A"), ("agent_name", "B"), ("environment", "production"), ("days", "30")];
        refuses_bad_forms(&app, &mut owner, &keys_path, &good).await;
    }

    /// TEN-01: a form's id that another organization's key has says nothing of that one.
    async fn an_id_of_elsewhere_is_none(app: TestApp) {
        let (mut owner, _, _) = people(&app).await;
        let mut stranger = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let (theirs, _) = live(&mut stranger, &[]).await;
        let id = theirs.rsplit('/').next().expect("an id").to_owned();
        let made = owner.post(&format!("{}/keys", owner.org), &[("form", &id), ("name", "A"), ("agent_name", "B"), ("environment", "production"), ("days", "never")]).await;
        let path = path_of(&made);
        assert!(!path.ends_with(&id) && secret_of(&made).starts_with("il_live_"));
        for there in ["", "/revocation"] {
            owner.get(&format!("{}/keys/{id}{there}", owner.org)).await.is(404);
        }
        for there in ["/revocation", "/rotation"] {
            let form = form_of(&owner.get(&path).await.ok());
            let fields: &[(&str, &str)] = if there == "/rotation" { &[("form", &form), ("overlap", "0")] } else { &[] };
            owner.post(&format!("{}/keys/{id}{there}", owner.org), fields).await.is(404);
        }
    }

    /// K3, K5, K6: a developer makes one key of their own, and no live or admin one.
    async fn a_developer_has_one_key(app: TestApp) {
        let (mut owner, mut ad, mut dev) = people(&app).await;
        let keys_path = format!("{}/keys", dev.org);
        for path in ["new", "admin", "lifetime"] {
            dev.get(&format!("{keys_path}/{path}")).await.is(403);
        }
        dev.post(&keys_path, &[]).await.is(403);
        dev.post(&format!("{keys_path}/admin"), &[]).await.is(403);
        let (path, secret) = development(&mut dev).await;
        assert!(secret.starts_with("il_dev_"));
        let told = works(&app, &secret).await;
        assert_eq!((&told["environment"], &told["kind"]), (&"development".into(), &"development".into()));
        assert_eq!(told["agent"], "De Vel");
        dev.get(&format!("{keys_path}/development")).await.is(303).leads_to(&path);
        let other = interlock::ids::ApiKeyId::generate().to_string();
        dev.post(&format!("{keys_path}/development"), &[("form", &other)]).await.leads_to(&path);
        assert_eq!(count(&app, "api_keys").await, 1);
        // They see theirs alone; whoever manages keys sees all, and does not rotate theirs.
        let (lives, _) = live(&mut owner, &[]).await;
        dev.get(&lives).await.is(404);
        dev.get(&keys_path).await.ok().says("Development key").says_not("Gateway");
        dev.get(&format!("{keys_path}.csv")).await.ok().says("Development key").says_not("Gateway");
        let page = ad.get(&path).await.ok().says("De Vel").says_not("The old key");
        assert!(page.body.contains("/revocation"));
        ad.post(&format!("{path}/rotation"), &[("form", &other), ("overlap", "0")]).await.is(403).says("whoever a key acts for");
        ad.post(&format!("{path}/revocation"), &[]).await.is(303);
        problem(&current(&app, &secret).await, 401, "revoked-key");
        let (_, again) = development(&mut dev).await;
        current(&app, &again).await.ok();
        assert_eq!(count(&app, "agents where is_default").await, 1);
    }

    /// Auditors, Members and Reviewers have no keys' page (the route's line), and agents only who reads them.
    async fn whose_role_has_no_keys(app: TestApp) {
        let mut owner = app.owner().await;
        for (role, agents) in [(Role::Member, 403), (Role::Reviewer, 200), (Role::Auditor, 200)] {
            let mut person = app.member(&mut owner, &format!("The {role}"), &format!("{}@halden.example", role.code()), role).await;
            person.get(&format!("{}/keys", person.org)).await.is(403);
            person.get(&format!("{}/agents", person.org)).await.is(agents);
        }
    }

    /// K6, S12: the admin key takes a fresh proof, ends after 90 days unless said otherwise, and does what K3 says.
    async fn an_admin_key_takes_a_proof(app: TestApp) {
        let (mut owner, mut ad, _) = people(&app).await;
        ad.get(&format!("{}/users", ad.org)).await.ok().says("Admin API key");
        app.clock.advance(11 * interlock::clock::MINUTE);
        let path = format!("{}/keys/admin", ad.org);
        let page = ad.get(&path).await.ok().says("It acts for you, Ad Min");
        assert!(page.body.contains("value=\"90\" selected"));
        let form = form_of(&page);
        let asked = ad.post(&path, &[("form", &form), ("name", "Provisioning"), ("days", "90")]).await.is(303);
        asked.leads_to("/step-up");
        assert_eq!(count(&app, "api_keys").await, 0);
        let (_, secret) = admin(&mut ad, "90").await;
        assert!(secret.starts_with("il_admin_"));
        problem(&asks(&app, &secret).await, 403, "wrong-key");
        let told = works(&app, &secret).await;
        assert!(told["scopes"].as_array().is_some_and(Vec::is_empty) && told["agent"].is_null());
        let bearer = format!("Bearer {secret}");
        let listed = crate::api::send(&app, axum::http::Method::GET, "/v1/keys", &[("authorization", &bearer)], "").await.ok();
        assert!(listed.body.contains("Provisioning") && !listed.body.contains(&secret[10..40]));
        // A filter that is not there is no filter that lets all through.
        for path in ["/v1/keys?kind=live", "/v1/permissions?name=x"] {
            let refused = crate::api::send(&app, axum::http::Method::GET, path, &[("authorization", &bearer)], "").await;
            problem(&refused, 422, "invalid");
        }
        for other in [live(&mut owner, &[]).await.1, development(&mut owner).await.1] {
            let bearer = format!("Bearer {other}");
            problem(&crate::api::send(&app, axum::http::Method::GET, "/v1/keys", &[("authorization", &bearer)], "").await, 403, "wrong-key");
        }
    }

    /// K4: a key works from its networks alone, in whichever dress the address comes.
    async fn a_key_works_from_its_networks(app: TestApp) {
        let (mut owner, _, _) = people(&app).await;
        let (_, secret) = live(&mut owner, &[("addresses", "203.0.113.0/24\n2001:db8::/32")]).await;
        for (address, opens) in [
            ("203.0.113.9", true), ("::ffff:203.0.113.9", true), ("2001:db8::7", true),
            ("203.0.114.9", false), ("::ffff:203.0.114.9", false), ("2001:db9::7", false), ("127.0.0.1", false),
        ] {
            let mut program = app.visitor();
            program.origin = None;
            program.address = address.parse().expect("an address");
            let bearer = format!("Bearer {secret}");
            let answer = program.send_raw(axum::http::Method::GET, "/v1/keys/current", &[("authorization", &bearer)], String::new()).await;
            if opens { answer.ok(); } else { problem(&answer, 403, "address"); }
        }
        // What is made from it works from there too, and nowhere else.
        let mut program = app.visitor();
        (program.origin, program.address) = (None, "203.0.113.9".parse().expect("an address"));
        let bearer = format!("Bearer {secret}");
        let minted = program.send_raw(axum::http::Method::POST, "/v1/keys/ephemeral", &[("authorization", &bearer)], "{\"ttl\": 60}".to_owned()).await.is(201);
        let child = serde_json::from_str::<serde_json::Value>(&minted.body).expect("it is JSON")["key"].as_str().expect("a key").to_owned();
        problem(&current(&app, &child).await, 403, "address");
        execute(&app, "update api_keys set addresses = '[\"not a net\"]'").await;
        problem(&current(&app, &secret).await, 403, "address");
    }

    /// K4: within the organization's rule, a key has an end.
    async fn lives_are_within_the_rule(app: TestApp) {
        let (mut owner, mut ad, mut dev) = people(&app).await;
        let lifetime = format!("{}/keys/lifetime", owner.org);
        let (_, old) = live(&mut owner, &[]).await;
        let (dev_path, dev_key) = development(&mut dev).await;
        app.clock.advance(40 * DAY);
        owner.sign_in(AMARA, crate::support::PASSWORD).await;
        dev.sign_in(crate::keys::DEV, crate::support::PASSWORD).await;
        ad.sign_in(crate::keys::ADMIN, crate::support::PASSWORD).await;
        let (_, young) = live(&mut owner, &[]).await;
        ad.get(&lifetime).await.ok().says("30 days Blocks 2 keys that work now, at once.").says("60 days Blocks none");
        ad.post(&lifetime, &[("days", "31")]).await.is(422);
        ad.post(&lifetime, &[("days", "30")]).await.leads_to(&format!("{}/keys", ad.org));
        for key in [&old, &dev_key] {
            problem(&current(&app, key).await, 401, "key-too-old");
        }
        current(&app, &young).await.ok();
        let changed = only(texts(&app, "select changes from audit_events where kind = 'organization.security_changed'").await);
        assert!(changed.contains("no limit") && changed.contains("30 days"), "{changed}");
        // Listed with the reason, and rotated into one that works.
        owner.get(&format!("{}/keys?state=too_old", owner.org)).await.ok().says("Blocked: too old").says("2 keys");
        dev.get(&format!("{}/keys", dev.org)).await.ok().says("Blocked: too old");
        dev.get(&dev_path).await.ok().says("older than the organization lets keys become");
        let (_, new) = crate::keys::rotated(&mut dev, &dev_path, "0").await;
        current(&app, &new).await.ok();
        send_live(&mut owner, &[("days", "never")]).await.is(422).says("30 days at most");
        send_live(&mut owner, &[("days", "60")]).await.is(422).says("30 days at most");
        let form = owner.get(&format!("{}/keys/new", owner.org)).await.ok();
        assert!(form.body.contains("value=\"30\"") && !form.body.contains("value=\"60\"") && !form.body.contains("value=\"never\""));
        ad.post(&lifetime, &[("days", "0")]).await.is(303);
        current(&app, &old).await.ok();
    }
}

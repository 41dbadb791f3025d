//! Connecting providers: what is asked, refused, kept and told.

use interlock::clock::{DAY, MINUTE};
use interlock::domain::access::Role;
use serde_json::json;

use super::*;
use crate::support::database::{count, dump};
use crate::support::forger::{DISCOVERY, Reply};
use crate::support::{PASSWORD, everything, refuses_bad_forms};

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

in_both_worlds! {
    /// O1, SSO-16: a connection is made after discovery and a step-up, audited without its secret, which stands
    /// sealed in its row and on no page.
    async fn a_provider_is_connected(world: World) {
        let mut owner = world.app.owner().await;
        let page = owner.get(SSO).await.ok().says("Google Workspace").says("Microsoft Entra ID");
        page.says("Any OpenID Connect provider").says("Not set up").says("Connect a provider first");
        let form = owner.get(&format!("{NEW}?kind=oidc")).await.ok().says("Redirect URI to enter at your provider");
        let redirect = between(&form.body, "<code>http://localhost:3000/sso/", "/callback</code>").concat();
        let draft = draft(&mut owner, "oidc").await;
        forget_proofs(&world.app).await;
        let before = everything(&world.app).await;
        let step_up = owner.post(NEW, &oidc(&draft, &world.forger.url)).await.is(303).location();
        assert_eq!(everything(&world.app).await, before, "asking changes nothing");
        assert!(world.forger.asked(DISCOVERY).is_empty(), "nobody is asked before the step-up");

        let form = step_up.strip_prefix("/step-up?form=").expect("it asks for a proof").to_owned();
        let done = owner.post("/step-up", &[("password", PASSWORD), ("form", &form)]).await.ok();
        let done = done.says(&format!("Connect OpenID Connect ({}) in Halden Freight", world.forger.url));
        assert!(!done.body.contains(SECRET), "the last page before the act holds no secret");
        let fields: Vec<(String, String)> = between(&done.body, "<input type=\"hidden\" name=\"", "\">")
            .into_iter()
            .map(|field| field.split_once("\" value=\"").expect("a field has a value"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        let page = owner.post(NEW, &fields).await.is(303).location();
        assert_ne!(id_of(&page), redirect, "another form has another id");
        let shown = owner.get(&page).await.ok().says("Saved").says("Found when it was saved").says("ES256, RS256");
        let shown = shown.says(&world.forger.url).says("It is never shown").says_not(SECRET);
        assert!(shown.body.contains(&format!("http://localhost:3000/sso/{}/callback", id_of(&page))));
        assert_eq!(
            audited(&world.app, "sso.connection_added").await,
            [format!(
                "{{\"client id\":{{\"new\":\"interlock\",\"old\":null}},\"enabled\":{{\"new\":\"yes\",\"old\":null}},\
                 \"issuer\":{{\"new\":\"{}\",\"old\":null}},\"name\":{{\"new\":\"Okta\",\"old\":null}},\
                 \"newcomers\":{{\"new\":\"only who is invited\",\"old\":null}},\
                 \"provider\":{{\"new\":\"OpenID Connect\",\"old\":null}},\
                 \"provider enforces mfa\":{{\"new\":\"no\",\"old\":null}},\"scopes\":{{\"new\":\"groups\",\"old\":null}}}}",
                world.forger.url
            )]
        );
        assert!(!dump(&world.app).await.contains(SECRET), "it is sealed");
        owner.get(SSO).await.ok().says("Okta").says("Connected").says("No domain yet, nobody linked, not used yet").says_not(SECRET);
        // The same form again is the same connection.
        owner.post(NEW, &fields).await.leads_to(&page);
        assert_eq!(count(&world.app, "connections").await, 1);
    }

    /// SSO-08: what a connection has proven ends when it is switched off or asks another client, half-finished sign-ins
    /// included, and does not come back with it; a new secret or scope proves nothing else.
    async fn old_proofs_do_not_come_back(world: World) {
        let app = &world.app;
        let mut owner = app.owner().await;
        owner.step_up().await;
        let page = world.connect(&mut owner).await;
        let kept = with(&without(&oidc("", &world.forger.url), "draft"), "client_secret", "");
        let (id, now) = (id_of(&page), app.clock.now().0);
        let proofs = || async {
            let of = |table: &str| format!("{table} where connection = '{id}'");
            (count(app, &of("session_proofs")).await, count(app, &of("half_sign_ins")).await)
        };
        let signed_in = || async {
            let proof = format!("insert into session_proofs (session, kind, connection, at) select id, 'sso', '{id}', {now} from sessions");
            execute(app, &proof).await;
            let half = format!(
                "insert into half_sign_ins (token_hash, user_id, proof, connection, proven_at) \
                 select 'h', id, 'sso', '{id}', {now} from users"
            );
            execute(app, &half).await;
        };
        signed_in().await;
        let before = proofs().await;
        assert!(before.0 > 0 && before.1 == 1, "{before:?}");
        owner.post(&page, &with(&with(&kept, "scopes", "roles"), "client_secret", "hush-hush-4712")).await.leads_to(&page);
        assert_eq!(proofs().await, before);
        owner.post(&page, &with(&without(&kept, "enabled"), "scopes", "roles")).await.leads_to(&page);
        assert_eq!(proofs().await, (0, 0));
        owner.post(&page, &with(&kept, "scopes", "roles")).await.leads_to(&page);
        assert_eq!(proofs().await, (0, 0));
        signed_in().await;
        owner.post(&page, &with(&kept, "client_id", "another")).await.leads_to(&page);
        assert_eq!(proofs().await, (0, 0));
    }

    /// O1: Google Workspace and Entra, each with what it asks for.
    async fn google_and_entra(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let google = draft(&mut owner, "google").await;
        let fields = [
            ("draft", &*google), ("kind", "google"), ("domain", "Halden.Example"), ("client_id", "g1"),
            ("client_secret", SECRET), ("newcomers", "yes"), ("newcomer_role", "reviewer"), ("enforces_mfa", "yes"),
            ("enabled", "yes"),
        ];
        let page = owner.post(NEW, &fields).await.is(303).location();
        owner.get(&page).await.ok().says("Google Workspace of halden.example");
        let row = "select hosted_domain || ' ' || issuer || ' ' || newcomer_role from connections";
        assert_eq!(only(texts(&world.app, row).await), format!("halden.example {} reviewer", world.forger.url));
        owner.post(NEW, &with(&fields, "domain", "gmail.com")).await.is(422).says("Anybody can have an address at this domain");

        let entra = draft(&mut owner, "entra").await;
        let fields = [
            ("draft", &*entra), ("kind", "entra"), ("tenant", "common"), ("client_id", "e1"),
            ("client_secret", SECRET), ("newcomer_role", "member"), ("enabled", "yes"),
        ];
        let before = everything(&world.app).await;
        owner.post(NEW, &fields).await.is(422).says("This tenant is shared by everyone at Microsoft");
        owner.post(NEW, &with(&fields, "tenant", "halden.onmicrosoft.com")).await.is(422).says("directory ID");
        owner.post(NEW, &with(&fields, "tenant", TENANT)).await.is(422).says("There is no OpenID provider at");
        assert_eq!(everything(&world.app).await, before);
        let issuer = format!("{}/{TENANT}/v2.0", world.forger.url);
        let mut document = world.forger.document();
        document["issuer"] = json!(issuer);
        world.forger.reply(&format!("/{TENANT}/v2.0{DISCOVERY}"), Reply::ok(document));
        let page = owner.post(NEW, &with(&fields, "tenant", &TENANT.to_uppercase())).await.is(303).location();
        owner.get(&page).await.ok().says("Microsoft Entra ID").says(&issuer);
        owner.get(SSO).await.ok().says("Connect another:");
    }

    /// "Bad input gets": which part failed and why, by its field; the form stays, the secret does not, and what works
    /// today goes on.
    async fn a_wrong_provider_changes_nothing(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let page = world.connect(&mut owner).await;
        let url = world.forger.url.clone();
        let kept = without(&oidc("", &url), "draft");
        let before = everything(&world.app).await;
        let issuer = |wrong: &str| format!("{url}{wrong}");
        let (nowhere, other, script) = (issuer("/nowhere"), issuer("/"), "https://a.example/<script>");
        for (wrong, why) in [
            (&*nowhere, "There is no OpenID provider at"),
            (&other, "letter by letter"),
            ("http://id.halden.example", "must begin with https://"),
            ("https://10.0.0.1", "leads into a private network"),
            ("https://id.halden.example?x=1", "This is not an issuer"),
            (script, "This is not an issuer"),
            ("javascript:alert(1)", "This is not an issuer"),
            ("Okta", "This is not an issuer"),
            ("", "Enter the issuer URL"),
        ] {
            let answer = owner.post(&page, &with(&kept, "issuer", wrong)).await.is(422).says(why).says("Type it again");
            assert!(answer.body.contains("id=\"issuer-error\"") && !answer.body.contains(SECRET), "{wrong}");
            assert!(answer.body.contains("value=\"groups\"") && !answer.body.contains("<script>"), "{wrong}");
        }
        for (name, wrong, why) in [
            ("name", "", "Enter a name"),
            ("name", "https://evil.example", "web address"),
            ("client_id", "", "Enter the client ID"),
            ("client_id", "a b", "holds a blank"),
            ("client_secret", "a b", "holds a blank"),
            ("scopes", "a\"b", "Separate scopes by spaces"),
        ] {
            let answer = owner.post(&page, &with(&kept, name, wrong)).await.is(422).says(why);
            assert!(answer.body.contains(&format!("id=\"{name}-error\"")), "{name}");
        }
        for (name, wrong) in [("newcomer_role", "owner"), ("newcomer_role", "admin"), ("newcomer_role", ""), ("enabled", "on"), ("newcomers", "1")] {
            owner.post(&page, &with(&kept, name, wrong)).await.is(422);
        }
        owner.post(&page, &with(&kept, "kind", "google")).await.is(422);
        world.forger.reply(DISCOVERY, Reply::Text("<html>".to_owned()));
        owner.post(&page, &kept).await.is(422).says("not a discovery document");
        assert_eq!(everything(&world.app).await, before);
        // Turning it off needs no provider, nor does who may join.
        owner.post(&page, &with(&without(&kept, "enabled"), "client_secret", "")).await.leads_to(&page);
        owner.get(SSO).await.ok().says("Disabled");
    }

    /// An empty secret keeps the one that is there; another is replaced, and the log says no more than that.
    async fn a_connection_is_changed(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let page = world.connect(&mut owner).await;
        let url = world.forger.url.clone();
        let fields = without(&oidc("", &url), "draft");
        let secret = || async { only(texts(&world.app, "select client_secret from connections").await) };
        let (first, asked) = (secret().await, world.forger.asked(DISCOVERY).len());
        let renamed = with(&with(&fields, "client_secret", ""), "name", "Keycloak");
        owner.post(&page, &renamed).await.leads_to(&page);
        assert_eq!(secret().await, first);
        assert_eq!(world.forger.asked(DISCOVERY).len(), asked, "nothing of the provider changed");
        let before = everything(&world.app).await;
        owner.post(&page, &renamed).await.leads_to(&page);
        assert_eq!(everything(&world.app).await, before, "nothing changed");
        owner.post(&page, &with(&renamed, "client_secret", "another-one")).await.leads_to(&page);
        assert_ne!(secret().await, first);
        assert_eq!(
            audited(&world.app, "sso.connection_changed").await,
            [r#"{"name":{"new":"Keycloak","old":"Okta"}}"#, r#"{"client secret":{"new":"replaced","old":null}}"#]
        );
        refuses_bad_forms(&world.app, &mut owner, &page, &with(&fields, "client_secret", "x")).await;
        forget_proofs(&world.app).await;
        owner.post(&page, &fields).await.leads_to("/step-up");
    }

    /// O3: who is linked is known by issuer and subject, so the issuer stays while anybody is.
    async fn the_issuer_stays_for_who_is_linked(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let page = world.connect(&mut owner).await;
        let other = forger::Forger::start().await;
        let url = world.forger.url.clone();
        let fields = with(&without(&oidc("", &url), "draft"), "client_secret", "");
        execute(&world.app, &format!(
            "insert into identities (id, user_id, connection, issuer, subject, email, linked_at) \
             select 'i1', id, '{}', '{url}', 's', 'e', 0 from users", id_of(&page)
        )).await;
        let before = everything(&world.app).await;
        let answer = owner.post(&page, &with(&fields, "issuer", &other.url)).await.is(422);
        assert!(answer.says("People are linked at the provider as it is").body.contains("id=\"issuer-error\""));
        assert_eq!(everything(&world.app).await, before);
        assert!(other.asked(DISCOVERY).is_empty());
        execute(&world.app, "delete from identities").await;
        // Here nobody listens but the one that the sysadmin allowed.
        let typed = with(&fields, "client_secret", "another-one");
        owner.post(&page, &with(&typed, "issuer", &other.url)).await.is(422).says("must begin with https://");
        owner.post(&page, &with(&fields, "client_id", "another")).await.leads_to(&page);
    }

    /// SSO-16: the secret of one provider is not sent to another, which whoever changes the settings could run.
    async fn a_secret_stays_with_its_provider(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let page = world.connect(&mut owner).await;
        let issuer = format!("{}/another", world.forger.url);
        let mut document = world.forger.document();
        document["issuer"] = json!(issuer);
        world.forger.reply(&format!("/another{DISCOVERY}"), Reply::ok(document));
        let fields = with(&without(&oidc("", &issuer), "draft"), "client_secret", "");
        let before = everything(&world.app).await;
        let answer = owner.post(&page, &fields).await.is(422).says("Type the client secret of the new provider");
        assert!(answer.body.contains("id=\"client_secret-error\""), "{}", answer.body);
        assert!(world.forger.asked(&format!("/another{DISCOVERY}")).is_empty());
        assert_eq!(everything(&world.app).await, before);
        owner.post(&page, &with(&fields, "client_secret", "the-new-ones")).await.leads_to(&page);
        assert_eq!(only(texts(&world.app, "select issuer from connections").await), issuer);

        // Entra: another tenant is another provider.
        execute(&world.app, "delete from connections").await;
        let tenants = [TENANT, "11111111-2222-4333-8444-555555555555"];
        for tenant in tenants {
            let mut document = world.forger.document();
            document["issuer"] = json!(format!("{}/{tenant}/v2.0", world.forger.url));
            world.forger.reply(&format!("/{tenant}/v2.0{DISCOVERY}"), Reply::ok(document));
        }
        let draft = draft(&mut owner, "entra").await;
        let fields = [
            ("draft", &*draft), ("kind", "entra"), ("tenant", TENANT), ("client_id", "e1"),
            ("client_secret", SECRET), ("newcomer_role", "member"), ("enabled", "yes"),
        ];
        let page = owner.post(NEW, &fields).await.is(303).location();
        let other = with(&with(&without(&fields, "draft"), "client_secret", ""), "tenant", tenants[1]);
        owner.post(&page, &other).await.is(422).says("Type the client secret of the new provider");
        owner.post(&page, &with(&other, "client_secret", SECRET)).await.leads_to(&page);
    }

    /// Only a text of ours stands for a new id: none of another organization, none that is old, none that is made up.
    async fn a_new_id_is_ours(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let page = world.connect(&mut owner).await;
        let mut other = world.app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        other.step_up().await;
        let theirs = other.get(&format!("{}/settings/sso/new", other.org)).await.ok();
        let theirs = between(&theirs.body, "name=\"draft\" value=\"", "\"").concat();
        let mine = draft(&mut owner, "oidc").await;
        let before = everything(&world.app).await;
        for draft in ["", "x1.nonsense", id_of(&page), &theirs] {
            owner.post(NEW, &oidc(draft, &world.forger.url)).await.is(422).says("not one of ours");
        }
        world.app.clock.advance(DAY + MINUTE);
        owner.sign_in(AMARA, PASSWORD).await.is(303);
        owner.post(NEW, &oidc(&mine, &world.forger.url)).await.is(422).says("older than a day");
        assert_eq!(everything(&world.app).await.iter().filter(|row| row.contains("Okta")).count(), before.iter().filter(|row| row.contains("Okta")).count());
        // Another organization's connection is as one that nobody has.
        other.sign_in("bo@brightwater.example", PASSWORD).await.is(303);
        let unknown = "01a20000-0000-7000-8000-000000000000";
        for id in [id_of(&page), unknown, "nonsense"] {
            let theirs = format!("{}/settings/sso/{id}", other.org);
            for path in [theirs.clone(), format!("{theirs}/test"), format!("{theirs}/removal")] {
                other.get(&path).await.is(404).says_not("Okta");
            }
            other.post(&theirs, &without(&oidc("", &world.forger.url), "draft")).await.is(404);
            other.post(&format!("{theirs}/removal"), &[]).await.is(404);
        }
        assert_eq!(count(&world.app, "connections").await, 1);
    }

    /// V4: removing says whom it touches, asks for a step-up, and takes domains, links and proofs with it.
    async fn a_provider_is_disconnected(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let (page, _) = world.connect_with_domain(&mut owner).await;
        world.test(&mut owner, &page, json!({})).await.ok();
        let id = id_of(&page);
        execute(&world.app, &format!(
            "insert into identities (id, user_id, connection, issuer, subject, email, linked_at) \
             select 'i1', id, '{id}', 'x', 's', 'e', 0 from users"
        )).await;
        let asked = owner.get(&format!("{page}/removal")).await.ok().says("Disconnect Okta?");
        asked.says("1 person is linked by it").says("1 domain goes with it (1 verified)");
        forget_proofs(&world.app).await;
        owner.post(&format!("{page}/removal"), &[]).await.leads_to("/step-up");
        owner.step_up().await;
        owner.post(&format!("{page}/removal"), &[]).await.leads_to(SSO);
        for table in ["connections", "domains", "identities", "sso_attempts", "session_proofs where connection <> ''"] {
            assert_eq!(count(&world.app, table).await, 0, "{table}");
        }
        assert_eq!(
            audited(&world.app, "sso.connection_removed").await,
            [format!(
                "{{\"domains\":{{\"new\":null,\"old\":\"halden.example\"}},\"issuer\":{{\"new\":null,\"old\":\"{}\"}},\
                 \"linked people\":{{\"new\":null,\"old\":\"1\"}}}}",
                world.forger.url
            )]
        );
        owner.get(&page).await.is(404);
    }

    /// An organization has ten connections at most.
    async fn ten_and_no_more(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let spare = draft(&mut owner, "oidc").await;
        for _ in 0..10 {
            world.connect(&mut owner).await;
        }
        owner.post(NEW, &oidc(&spare, &world.forger.url)).await.is(422).says("at most 10 connections");
        owner.get(NEW).await.is(409).says("at most 10 connections");
        assert_eq!(count(&world.app, "connections").await, 10);
    }

    /// R2: Owner and Admin manage it, and nobody else knows of it.
    async fn who_may(world: World) {
        let mut owner = world.app.owner().await;
        let mut admin = world.app.member(&mut owner, "Jonas Lindqvist", "jonas@halden.example", Role::Admin).await;
        let mut developer = world.app.member(&mut owner, "Dana Kovač", "dana@halden.example", Role::Developer).await;
        admin.step_up().await;
        let page = world.connect(&mut admin).await;
        owner.get(&page).await.ok();
        for path in [SSO, NEW, &page, REQUIREMENT] {
            developer.get(path).await.is(403);
        }
        developer.post(&page, &[]).await.is(403);
    }

    /// R12: an erased organization leaves none of it.
    async fn erasing_takes_all_of_it(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let (page, _) = world.connect_with_domain(&mut owner).await;
        begin(&mut owner, &page).await;
        owner.post(&format!("{ORG}/settings/deletion"), &[("confirmation", "halden-freight")]).await.is(303);
        world.app.clock.advance(31 * DAY);
        interlock::domain::housekeeping::sweep(&world.app.app).await.expect("it sweeps");
        for table in ["connections", "domains", "sso_attempts where connection is not null", "memberships"] {
            assert_eq!(count(&world.app, table).await, 0, "{table}");
        }
    }
}

//! Whom the provider's word lets in, and as what.

use interlock::clock::DAY;
use interlock::domain::access::{Origin, Role};
use interlock::domain::invitations::{AcceptError, NewAccount, accept_new};
use interlock::domain::sessions::Device;
use interlock::domain::sign_in::Cookies;
use interlock::domain::values::{PersonName, TimeZone};
use interlock::secrets::TokenHash;
use serde_json::json;

use super::{DANA, HALDEN, World, dana, in_a_world};
use crate::support::PASSWORD;
use crate::support::database::{count, execute, only, texts};
use crate::support::resources::{New, entry, resource};

in_a_world! {
    /// O2, O3, SSO-17: where newcomers are admitted, someone of a proven domain gets an account without a password
    /// and the role that the connection says; a second time they are the same person.
    async fn a_newcomer_joins(world: World) {
        let app = &world.app;
        world.refuses(403, dana()).await.says("Only people who were invited get in.").says("You need an invite");
        world.connection.set(app, "admits_newcomers = true, newcomer_role = 'developer'").await;
        let (mut visitor, answer) = world.stranger(dana()).await;
        answer.leads_to(HALDEN);
        visitor.get(HALDEN).await.ok().says("Dana Kovač").says("Welcome to Halden Freight");
        assert_eq!(world.membership(DANA).await, ["active developer"]);
        let made = "select name from users where password_hash is null";
        assert_eq!(texts(app, made).await, ["Dana Kovač"]);
        assert_eq!((world.audited("sso.newcomer_admitted").await, world.audited("account.identity_linked").await), (1, 1));
        let (_, answer) = world.stranger(dana()).await;
        answer.leads_to(HALDEN);
        assert_eq!((count(app, "users").await, count(app, "identities").await), (2, 1));
        assert_eq!(count(app, "connections where last_used_at is not null").await, 1);
    }

    /// A12: what waits for a newcomer's address is theirs as the provider vouches for it.
    async fn a_newcomer_has_what_waits_for_them(world: World) {
        let app = &world.app;
        resource(app, New { audience: "InviteRestricted", ..New::default() }).await;
        entry(app, "refunds", DANA, None).await;
        world.refuses(403, dana()).await;
        assert_eq!(count(app, "resource_people where user_id is not null").await, 0);
        world.connection.set(app, "admits_newcomers = true").await;
        let (mut visitor, answer) = world.stranger(dana()).await;
        answer.leads_to(HALDEN);
        assert_eq!(texts(app, "select u.email from resource_people p join users u on u.id = p.user_id").await, [DANA]);
        visitor.get(&format!("{HALDEN}/resources/refunds")).await.ok().says("Open Refunds");
    }

    /// R8, SSO-17: whoever was removed is not brought back as a newcomer, but by an invitation; whoever is
    /// suspended is told so.
    async fn removal_and_suspension_hold(world: World) {
        let (app, mut owner) = (&world.app, world.owner.clone());
        world.newcomer().await;
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        owner.post(&format!("{HALDEN}/users/{id}/suspension"), &[]).await.is(303);
        world.refuses(403, dana()).await.says("Your membership is suspended.");
        owner.post(&format!("{HALDEN}/users/{id}/removal"), &[]).await.is(303);
        world.refuses(403, dana()).await.says("You are not a member any more.");
        assert_eq!(world.membership(DANA).await, ["removed member"]);
        app.invited(&mut owner, DANA, Role::Reviewer).await;
        world.stranger(dana()).await.1.leads_to(HALDEN);
        assert_eq!(world.membership(DANA).await, ["active reviewer"]);
        execute(app, "update memberships set ends_at = 1 where role = 'reviewer'").await;
        world.refuses(403, dana()).await.says("Your membership has ended.");
    }

    /// I2, I6, S3: an invite leads to the provider and back; the address there must be the invited one, and the
    /// stored row says as what they join.
    async fn an_invite_is_accepted_at_the_provider(world: World) {
        let (app, mut owner) = (&world.app, world.owner.clone());
        let link = app.invited(&mut owner, DANA, Role::Auditor).await;
        let outside = app.invited(&mut owner, "zoe@elsewhere.example", Role::Member).await;
        app.visitor().get(&outside).await.ok().says_not("Halden ID");
        app.visitor().get(&format!("{outside}/sso")).await.leads_to(&outside);
        app.visitor().get(&link).await.ok().says("Continue with Halden ID").says("Password");

        let way = format!("{link}/sso");
        let mut eve = app.visitor();
        let eves = json!({ "sub": "eve", "email": "eve@halden.example" });
        let answer = world.connection.come_from(app, &world.forger, &mut eve, &way, &eves).await;
        answer.is(403).says("This invite is for another address");
        assert_eq!(eve.session_cookie(), None);
        let unverified = json!({ "sub": "eve", "email": DANA, "email_verified": false });
        world.connection.come_from(app, &world.forger, &mut eve, &way, &unverified).await.is(403);
        assert_eq!(count(app, "users").await, 1);

        // Where single sign-on is required nothing else is offered to whoever has no account, or taken.
        world.require().await;
        app.visitor().get(&link).await.ok().says("Continue with Halden ID").says_not("Password");
        let fields = [("name", "Dana"), ("password", PASSWORD)];
        app.visitor().post(&link, &fields).await.is(403).says("Continue with Halden ID");
        let mut visitor = app.visitor();
        let answer = world.connection.come_from(app, &world.forger, &mut visitor, &way, &dana()).await;
        answer.leads_to(HALDEN);
        assert_eq!(world.membership(DANA).await, ["active auditor"]);
        visitor.get(HALDEN).await.ok().says("You are an Auditor here");
        app.visitor().get(&link).await.is(410);
        app.visitor().get(&way).await.leads_to(&link);
        assert_eq!(world.audited("invitation.accepted").await, 1);
    }

    /// I2: where single sign-on is required, an invite to an address that no provider covers makes no account that
    /// could not come in: by no form, and not where it came to be required while the form was open.
    async fn an_invite_that_no_provider_covers(world: World) {
        let (app, mut owner) = (&world.app, world.owner.clone());
        let link = app.invited(&mut owner, "zoe@elsewhere.example", Role::Member).await;
        app.visitor().get(&link).await.ok().says("Password").says_not("You can’t join yet");
        world.require().await;
        let before = world.rows().await;
        let why = "requires single sign-on, and no provider of its own covers zoe@elsewhere.example. Ask an Owner or Admin";
        app.visitor().get(&link).await.ok().says(why).says_not("Password").says_not("Your name");
        let fields = [("name", "Zoe"), ("password", "nine green bottles hang")];
        app.visitor().post(&link, &fields).await.is(403).says(why);
        let name: PersonName = "Zoe".parse().expect("a name");
        let new = NewAccount { name: &name, password: "nine green bottles hang", time_zone: TimeZone::utc() };
        let (token, cookie) = (link.trim_start_matches("/invite/"), TokenHash::of("x"));
        let cookies = Cookies { new: &cookie, old: None, device: None };
        let accepted = accept_new(&app.app, token, new, &Device::default(), &Origin::default(), cookies).await;
        assert!(matches!(accepted, Err(AcceptError::SsoRequired)), "{accepted:?}");
        assert_eq!(world.rows().await, before);
        // Once it is not, the same link works.
        execute(app, "update organizations set sso_required = false").await;
        app.visitor().post(&link, &fields).await.leads_to(HALDEN);
    }

    /// O2, SSO-09: an account that has the address is linked where the organization has proven the domain, and its
    /// person is told. Its factor is still asked for (S11).
    async fn a_members_account_is_linked(world: World) {
        let app = &world.app;
        let mut owner = world.owner.clone();
        let mut dana_before = app.member(&mut owner, "Dana K", DANA, Role::Member).await;
        let phone = dana_before.enable_mfa(&app.clock).await;
        let (mut visitor, answer) = world.stranger(dana()).await;
        answer.leads_to("/sign-in/challenge");
        visitor.get(HALDEN).await.leads_to("/sign-in");
        let code = phone.next_code();
        visitor.post("/sign-in/challenge", &[("code", &code), ("with", "code"), ("next", HALDEN)]).await.leads_to(HALDEN);
        visitor.get(HALDEN).await.ok().says("Dana K");
        assert_eq!(count(app, "users").await, 2);
        let mails = app.mails().await;
        assert!(mails.iter().any(|mail| mail.to == DANA && mail.subject.starts_with("Halden ID signs you in")));
        assert_eq!(world.audited("account.identity_linked").await, 1);
    }

    /// SSO-09, S4: before the domain is proven, or once its proof has failed for two weeks, nobody is linked or
    /// admitted, with an account or without, and the answers are the same. Whoever is linked comes in.
    async fn an_unproven_domain_links_nobody(world: World) {
        let (app, mut owner) = (&world.app, world.owner.clone());
        world.newcomer().await;
        app.member(&mut owner, "Ben Okoro", "ben@halden.example", Role::Member).await;
        let now = app.clock.now().0;
        for unproven in [
            "update domains set verified_at = null".to_owned(),
            format!("update domains set verified_at = 1, failing_since = {}", now - 14 * DAY),
        ] {
            execute(app, &unproven).await;
            let known = world.refuses(403, json!({ "sub": "b", "email": "ben@halden.example" })).await;
            let unknown = world.refuses(403, json!({ "sub": "n", "email": "new@halden.example" })).await;
            assert_eq!(known.text(), unknown.text());
            assert!(known.body.contains("/sign-in?next=/account/sign-in-methods"), "{}", known.body);
            known.says("has not proven that the domain halden.example is its own");
            world.stranger(dana()).await.1.leads_to(HALDEN);
        }
        execute(app, &format!("update domains set failing_since = {}", now - 13 * DAY)).await;
        world.stranger(json!({ "sub": "b", "email": "ben@halden.example" })).await.1.leads_to(HALDEN);
    }

    /// O3, SSO-10: the subject says who it is, and not the email, though that is by now another member's.
    async fn the_same_subject_is_the_same_person(world: World) {
        let (app, mut owner) = (&world.app, world.owner.clone());
        world.newcomer().await;
        app.member(&mut owner, "Ben Okoro", "ben@halden.example", Role::Admin).await;
        let (mut visitor, answer) = world.stranger(json!({ "sub": "dana", "email": "ben@halden.example" })).await;
        answer.leads_to(HALDEN);
        visitor.get("/account").await.ok().says(DANA).says_not("Ben Okoro");
        assert_eq!(texts(app, "select email from identities").await, ["ben@halden.example"]);
        assert_eq!(count(app, "users").await, 3);
        // Nor does an invitation to the other's address bring a removed one back.
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        owner.post(&format!("{HALDEN}/users/{id}/removal"), &[]).await.is(303);
        app.invited(&mut owner, "new@halden.example", Role::Admin).await;
        world.refuses(403, json!({ "sub": "dana", "email": "new@halden.example" })).await.says("not a member any more");
    }

    /// O3: the same email with another subject is refused and told to the admins, once a day.
    async fn the_same_email_with_another_subject_is_refused(world: World) {
        let app = &world.app;
        world.newcomer().await;
        let other = json!({ "sub": "somebody else", "email": DANA });
        for _ in 0..3 {
            let (visitor, answer) = world.stranger(other.clone()).await;
            answer.is(403).says("Another account at the provider is linked to your email address.");
            assert_eq!(visitor.session_cookie(), None);
        }
        let told = || async {
            let mails = app.mails().await;
            mails.iter().filter(|mail| mail.subject.starts_with("A sign-in as Dana Kovač was refused")).count()
        };
        assert_eq!((told().await, world.audited("sso.identity_refused").await), (1, 1));
        app.clock.advance(DAY + 1);
        world.stranger(other).await.1.is(403);
        assert_eq!((told().await, world.audited("sso.identity_refused").await), (2, 2));
        assert_eq!(count(app, "identities").await, 1);
    }

    /// SSO-05, SSO-12: an address that is verified, by JSON's true, and on exactly the connection's domain. For
    /// members too (O2).
    async fn the_address_must_be_verified_and_theirs(world: World) {
        world.newcomer().await;
        for sub in ["dana", "new"] {
            for verified in [json!(false), json!("true"), json!(null)] {
                let claims = json!({ "sub": sub, "email": DANA, "email_verified": verified });
                world.refuses(403, claims).await.says("did not say that your email address is verified");
            }
            // A number there makes the whole token one that can't be read.
            world.refuses(400, json!({ "sub": sub, "email": DANA, "email_verified": 1 })).await;
            for email in [json!(null), json!(""), json!("dana"), json!("a b@halden.example")] {
                let claims = json!({ "sub": sub, "email": email });
                world.refuses(403, claims).await.says("did not say what your email address is");
            }
            for domain in ["sub.halden.example", "evil-halden.example", "halden.example.evil.example", "gmail.com"] {
                let claims = json!({ "sub": sub, "email": format!("dana@{domain}") });
                world.refuses(403, claims).await.says("none of the organization's domains");
            }
        }
        world.stranger(json!({ "sub": "dana", "email": "Dana@HALDEN.example" })).await.1.leads_to(HALDEN);
        world.stranger(json!({ "sub": "up", "email": "up@HALDEN.EXAMPLE" })).await.1.leads_to(HALDEN);
        let made = only(texts(&world.app, "select email_canonical from users where email like 'up@%'").await);
        assert_eq!(made, "up@halden.example");
    }

    /// S6, V4: what a provider calls someone is taken if it can be shown, else what stands before the @.
    async fn names_are_taken_with_care(world: World) {
        world.connection.set(&world.app, "admits_newcomers = true").await;
        for (number, name) in [json!("Win http://evil.example"), json!("a\u{202E}b"), json!("x".repeat(5_000)), json!(null)].into_iter().enumerate() {
            let claims = json!({ "sub": number.to_string(), "email": format!("n{number}@halden.example"), "name": name });
            world.stranger(claims).await.1.leads_to(HALDEN);
            let query = format!("select name from users where email = 'n{number}@halden.example'");
            assert_eq!(texts(&world.app, &query).await, [format!("n{number}")]);
        }
    }

    /// R12: a deleted organization lets nobody in, but its Owners to the page that undoes that.
    async fn a_deleted_organization_refuses(world: World) {
        let app = &world.app;
        world.newcomer().await;
        world.stranger(json!({ "sub": "amara", "email": "amara@halden.example" })).await.1.leads_to(HALDEN);
        execute(app, &format!("update organizations set closed_at = {}", app.clock.now().0)).await;
        world.refuses(403, dana()).await.says("This organization was deleted.");
        world.refuses(403, json!({ "sub": "n", "email": "new@halden.example" })).await.says("was deleted");
        let (mut owner, answer) = world.stranger(json!({ "sub": "amara", "email": "amara@halden.example" })).await;
        answer.leads_to(HALDEN);
        owner.get(HALDEN).await.leads_to(&format!("{HALDEN}/closed"));
        owner.get(&format!("{HALDEN}/closed")).await.ok();
    }
}

//! One organization's provider opens nothing of another's (S8, O3), whatever it says.

use interlock::clock::HOUR;
use interlock::domain::access::Role;
use serde_json::json;

use super::{DANA, HALDEN, World, in_a_world};
use crate::support::PASSWORD;
use crate::support::database::{count, execute};
use crate::support::sso::Connection;

in_a_world! {
    /// SSO-11, TEN-01: Brightwater's provider says that somebody is Halden's Owner. Without a proof of the domain
    /// that is refused; and even where it counts, as Brightwater's own member, it opens Brightwater alone: no other
    /// organization, no account, and no word of either.
    async fn it_opens_its_own_organization_alone(world: World) {
        let app = &world.app;
        let mut bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        execute(app, "delete from domains").await;
        let theirs = Connection::new(app, &bo.org, "oidc", &world.forger.url).await;
        theirs.set(app, "admits_newcomers = true, enforces_mfa = true").await;
        theirs.domain(app, "halden.example", false).await;
        let amara = json!({ "sub": "a", "email": "amara@halden.example", "amr": ["mfa"] });
        let mut visitor = app.visitor();
        theirs.come(app, &world.forger, &mut visitor, &amara).await.is(403);
        assert_eq!((visitor.session_cookie(), count(app, "identities").await), (None, 0));

        // The worst case: she is a member there, and the domain counts as theirs.
        app.invited(&mut bo, "amara@halden.example", Role::Member).await;
        execute(app, "update domains set verified_at = 1").await;
        theirs.come(app, &world.forger, &mut visitor, &amara).await.leads_to(&bo.org);
        visitor.get("/").await.leads_to(&bo.org);
        visitor.get(&bo.org).await.ok().says_not("Halden").says("Amara Okafor");
        // Halden is neither there nor not there.
        for path in ["users", "settings", "audit.json", "sign-in"] {
            for (org, slug) in [(HALDEN, "halden-freight"), ("/o/nowhere", "nowhere")] {
                let answer = visitor.get(&format!("{org}/{path}")).await;
                if path == "sign-in" {
                    answer.ok().says_not("Halden Freight").says("Continue");
                } else {
                    let next = format!("%2Fo%2F{slug}%2F{path}");
                    assert_eq!(answer.is(303).location(), format!("/o/{slug}/sign-in?next={next}"));
                }
            }
        }
        visitor.get("/account").await.ok().says_not("Halden");
        visitor.get("/account/sessions").await.ok().says_not("Halden");
        for own in ["/account/password", "/account/mfa", "/account/organizations", "/account/mail", "/account/sign-in-methods"] {
            visitor.get(own).await.leads_to("/step-up");
        }
        visitor.post("/account/email", &[("email", "b@evil.example")]).await.leads_to("/step-up");
        visitor.post("/organizations", &[("name", "Evil")]).await.leads_to("/step-up");
        // Nor is it a way into a third organization.
        let mut third = app.sign_up("Quill Works", "Noor Haddad", "noor@quill.example").await;
        let link = app.invited(&mut third, "amara@halden.example", Role::Admin).await;
        visitor.post(&link, &[]).await.leads_to("/step-up");
        assert_eq!(count(app, "memberships where role = 'admin'").await, 0);
        // What is her own opens it.
        visitor.post("/step-up", &[("password", PASSWORD)]).await.is(303);
        visitor.get(&format!("{HALDEN}/users")).await.ok().says("Halden");
        visitor.post(&link, &[]).await.leads_to(&third.org);
    }

    /// S8, S11: what Brightwater's provider says of factors opens Brightwater, and stands in for no factor of hers: a
    /// password that is typed into such a session opens neither Halden nor her account, and what she is shown next
    /// asks for the factor.
    async fn its_factors_are_not_the_persons_own(world: World) {
        let (app, mut owner) = (&world.app, world.owner.clone());
        let phone = owner.enable_mfa(&app.clock).await;
        let mut bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        execute(app, "delete from domains").await;
        let theirs = Connection::new(app, &bo.org, "oidc", &world.forger.url).await;
        theirs.set(app, "enforces_mfa = true").await;
        theirs.domain(app, "halden.example", true).await;
        app.invited(&mut bo, "amara@halden.example", Role::Member).await;
        let amara = json!({ "sub": "a", "email": "amara@halden.example", "amr": ["mfa"] });
        let (mut visitor, door) = (app.visitor(), format!("{}/sign-in", bo.org));
        theirs.come(app, &world.forger, &mut visitor, &amara).await.leads_to(&bo.org);
        visitor.post(&door, &[("password", PASSWORD)]).await.leads_to(&bo.org);
        visitor.get(&bo.org).await.ok().says_not("Halden");
        for path in ["users", "settings"] {
            for org in [HALDEN, "/o/nowhere"] {
                visitor.get(&format!("{org}/{path}")).await.leads_to("/step-up");
            }
        }
        visitor.get("/step-up?next=/o/halden-freight/users").await.ok().says("6-digit code").says_not("Halden");
        visitor.get("/o/halden-freight/sign-in").await.ok().says_not("Halden Freight");
        visitor.get("/account/sessions").await.ok().says_not("Halden");
        visitor.get("/account/mfa").await.leads_to("/step-up");

        // Nor is Brightwater opened by the password, once the provider's proof has idled away.
        execute(app, &format!("update organizations set session_idle = {HOUR} where slug = 'brightwater-labs'")).await;
        app.clock.advance(HOUR);
        visitor.get(&bo.org).await.leads_to(&door);
        visitor.post(&door, &[("password", PASSWORD)]).await.is(303);
        visitor.get(&bo.org).await.leads_to(&door);
        let asked = visitor.get(&door).await.ok().says("together with one of your factors").says("6-digit code");
        assert!(!asked.body.contains("name=\"password\""), "the password is there already");
        visitor.post(&door, &[("code", &phone.code()), ("with", "code")]).await.leads_to(&bo.org);
        visitor.get(&bo.org).await.ok();
        visitor.get(&format!("{HALDEN}/users")).await.ok();
        visitor.get("/account/mfa").await.ok();
    }

    /// S8: to a provider alone nothing is said of how the person signs in, nor of another organization whose path is
    /// asked for.
    async fn it_learns_nothing_of_the_account(world: World) {
        let (app, mut owner) = (&world.app, world.owner.clone());
        let mut dana = app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        dana.step_up().await;
        dana.post("/account/email", &[("email", "dana@new.example")]).await.is(303);
        dana.get("/account").await.ok().says("dana@new.example").says("Current password");
        let (mut visitor, answer) = world.stranger(crate::sso::dana()).await;
        answer.leads_to(HALDEN);
        visitor.get("/account").await.ok().says_not("dana@new.example").says_not("Current password")
            .says_not("You have no password").says_not("New email address").says("after you confirm that it is you");
        visitor.get("/step-up?next=/account").await.ok().says("Password");
        visitor.post("/step-up", &[("password", PASSWORD), ("next", "/account")]).await.leads_to("/account");
        visitor.get("/account").await.ok().says("dana@new.example").says("Current password");

        // Of whoever has neither password nor factor the providers are shown: of what the session may know of.
        execute(app, "update users set password_hash = null where name = 'Dana Kovač'").await;
        let mut bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        execute(app, "delete from domains").await;
        let theirs = Connection::new(app, &bo.org, "oidc", &world.forger.url).await;
        theirs.set(app, "name = 'Bright ID'").await;
        theirs.domain(app, "halden.example", true).await;
        app.invited(&mut bo, DANA, Role::Member).await;
        let mut visitor = app.visitor();
        theirs.come(app, &world.forger, &mut visitor, &crate::sso::dana()).await.leads_to(&bo.org);
        visitor.get("/step-up?next=/o/brightwater-labs/users").await.ok().says("Bright ID");
        visitor.get("/step-up?next=/o/halden-freight/users").await.ok().says_not("Halden ID");
    }

    /// S8, S12: the provider's word changes nothing that the person signs in by, and is no step-up for that.
    async fn it_changes_no_credential(world: World) {
        let mut dana = world.newcomer().await;
        let before = world.rows().await;
        for (path, fields) in [
            ("/account/password", vec![("password", "nine green bottles hang")]),
            ("/account/email", vec![("email", "d@evil.example")]),
            ("/account/mfa/authenticators", vec![]),
            ("/account/mfa/recovery-codes", vec![]),
        ] {
            dana.post(path, &fields).await.leads_to("/step-up");
        }
        assert_eq!(world.rows().await, before);
        dana.post("/account/name", &[("name", "Dana K")]).await.is(303);
        dana.get("/account").await.ok().says(DANA).says("Dana K");
    }

    /// S9: the proof is added to the same person's session, under another cookie (SES-02); another person's ends.
    async fn a_proof_joins_the_same_persons_session(world: World) {
        let (app, mut owner) = (&world.app, world.owner.clone());
        let mut dana = app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let (before, old) = (count(app, "sessions").await, dana.session_cookie().cloned());
        world.come(&mut dana, crate::sso::dana()).await.leads_to(HALDEN);
        assert_eq!(count(app, "sessions").await, before);
        assert_ne!(dana.session_cookie().cloned(), old);
        dana.get("/account/mfa").await.ok();
        let mut thief = app.visitor();
        thief.cookies.insert("interlock".to_owned(), old.expect("she was signed in"));
        thief.get("/account").await.leads_to("/sign-in");

        // At Amara's desk: her session is over.
        let mut desk = owner.clone();
        world.come(&mut desk, crate::sso::dana()).await.leads_to(HALDEN);
        desk.get("/account").await.ok().says(DANA);
        owner.get("/account").await.leads_to("/sign-in");
    }
}

//! Test sign-ins: what they show, for whom, and that they sign nobody in.

use interlock::clock::MINUTE;
use interlock::domain::access::Role;

use super::*;
use crate::support::database::count;
use crate::support::everything;
use crate::support::forger::{Reply, TOKEN};

const NOTED: &str = "session_proofs where kind = 'sso_test'";

in_both_worlds! {
    /// O4, S8: the claims that came, escaped, and what each means; the session is noted, and nothing else changes.
    async fn a_test_shows_what_came(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let (page, _) = world.connect_with_domain(&mut owner).await;
        owner.get(&page).await.ok().says("Test sign-in");
        execute(&world.app, "update connections set problem = 'The provider did not answer.', problem_at = 0").await;
        owner.get(SSO).await.ok().says("Needs attention").says("The provider did not answer.");
        owner.get(&page).await.ok().says("Needs attention");
        let before = everything(&world.app).await;
        let shown = world.test(&mut owner, &page, json!({ "name": "<b>Mads</b>", "amr": ["pwd", "otp"] })).await.ok();
        let shown = shown.says("The test worked").says("It is on halden.example, which is verified");
        let shown = shown.says("asked for more than one factor").says("mads@halden.example").says("The test signed nobody in");
        assert!(shown.body.contains("&#60;b&#62;Mads") && !shown.body.contains("<b>Mads</b>"));
        assert_eq!(everything(&world.app).await, before, "it signs nobody in and links nobody");
        assert_eq!(count(&world.app, NOTED).await, 1);
        owner.get(SSO).await.ok().says("Connected").says_not("Needs attention");
        assert_eq!(count(&world.app, "identities").await, 0);
        assert_eq!(count(&world.app, "session_proofs where kind in ('sso', 'sso_mfa')").await, 0);
    }

    /// SSO-05, SSO-12: whoever would not come in is told why, and the test counts for nothing.
    async fn a_test_that_would_not_come_in(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let (page, _) = world.connect_with_domain(&mut owner).await;
        for (claims, why) in [
            (json!({ "email_verified": "true" }), "does not say that it is verified"),
            (json!({ "email_verified": null }), "does not say that it is verified"),
            (json!({ "email": "mads@sub.halden.example" }), "on none of this connection’s domains"),
            (json!({ "email": "mads@evil-halden.example" }), "on none of this connection’s domains"),
            (json!({ "email": null }), "none came"),
        ] {
            let shown = world.test(&mut owner, &page, claims).await.ok();
            shown.says("Nobody comes in like this yet").says(why);
        }
        assert_eq!(count(&world.app, NOTED).await, 0);
        world.test(&mut owner, &page, json!({ "email": "mads@HALDEN.example" })).await.ok().says("The test worked");
        assert_eq!(count(&world.app, NOTED).await, 1);
    }

    /// O4: over a domain that is not proven a test shows what came, and does not count for requiring it.
    async fn a_test_over_an_unproven_domain(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let page = world.connect(&mut owner).await;
        add_domain(&mut owner, &page, "halden.example").await;
        execute(&world.app, "update connections set problem = 'The provider did not answer.', problem_at = 0").await;
        let shown = world.test(&mut owner, &page, json!({})).await.ok();
        let shown = shown.says("Only linked people come in like this yet").says("Verify halden.example before you require");
        assert!(!shown.says("which is not verified").text().contains("The test worked"));
        assert_eq!(count(&world.app, NOTED).await, 0);
        owner.get(SSO).await.ok().says_not("The provider did not answer.");
        // Nor over one whose proof has failed for two weeks.
        let now = world.app.clock.now().0;
        let failing = format!("update domains set verified_at = 1, failing_since = {}", now - 15 * 24 * 60 * MINUTE);
        execute(&world.app, &failing).await;
        world.test(&mut owner, &page, json!({})).await.ok().says("Only linked people come in like this yet");
        assert_eq!(count(&world.app, NOTED).await, 0);
        execute(&world.app, "update domains set failing_since = null").await;
        world.test(&mut owner, &page, json!({})).await.ok().says("The test worked");
        assert_eq!(count(&world.app, NOTED).await, 1);
    }

    /// A failed test stores nothing and says which part failed.
    async fn a_test_that_fails(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let (page, _) = world.connect_with_domain(&mut owner).await;
        let before = everything(&world.app).await;
        let (state, _) = begin(&mut owner, &page).await;
        world.forger.reply(TOKEN, Reply::Json(axum::http::StatusCode::UNAUTHORIZED, json!({ "error": "invalid_client" })));
        let shown = owner.get(&callback(&page, &state)).await.ok().says("The test failed");
        shown.says("The provider refused the client ID or the client secret.").says("Back to the settings");
        let (state, _) = begin(&mut owner, &page).await;
        let denied = format!("/sso/{}/callback?state={state}&error=access_denied&error_description=%3Cscript%3E", id_of(&page));
        let shown = owner.get(&denied).await.ok().says("The test failed").says("cancelled at the provider");
        assert!(!shown.body.contains("<script>"), "SSO-18");
        // Once more with the same state, and after ten minutes.
        owner.get(&denied).await.is(400);
        let (state, _) = begin(&mut owner, &page).await;
        world.app.clock.advance(11 * MINUTE);
        owner.get(&callback(&page, &state)).await.is(400);
        assert_eq!(count(&world.app, NOTED).await, 0);
        assert_eq!(everything(&world.app).await, before);
    }

    /// The provider can't be reached: the test says so, and the page stands.
    async fn a_provider_that_is_gone(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let page = world.connect(&mut owner).await;
        execute(&world.app, "update connections set issuer = issuer || '/gone'").await;
        owner.get(&format!("{page}/test")).await.ok().says("The test failed").says("There is no OpenID provider at");
        owner.get(&page).await.ok();
    }

    /// Only the session that began it sees it, while its person may manage it.
    async fn whose_test_it_is(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let mut admin = world.app.member(&mut owner, "Jonas Lindqvist", "jonas@halden.example", Role::Admin).await;
        let (page, _) = world.connect_with_domain(&mut owner).await;
        let id = world.app.id_of(&mut owner, "Jonas Lindqvist").await;

        let (state, nonce) = begin(&mut admin, &page).await;
        let claims = world.forger.claims("interlock", &nonce, world.app.clock.now());
        world.forger.issue(&forger::signed(&claims));
        // The Owner's session in the Admin's browser.
        let mut mixed = admin.clone();
        let session = owner.cookies.get("interlock").expect("the Owner is signed in").clone();
        mixed.cookies.insert("interlock".to_owned(), session);
        mixed.get(&callback(&page, &state)).await.is(403).says("begun in another session").says_not("mads@");

        let (state, nonce) = begin(&mut admin, &page).await;
        let claims = world.forger.claims("interlock", &nonce, world.app.clock.now());
        world.forger.issue(&forger::signed(&claims));
        owner.post(&format!("{ORG}/users/{id}/role"), &[("role", "member")]).await.is(303);
        admin.get(&callback(&page, &state)).await.is(403).says_not("mads@");
        // Another browser uses up nothing.
        let (state, _) = begin(&mut owner, &page).await;
        world.app.visitor().get(&callback(&page, &state)).await.is(400);
        assert_eq!(count(&world.app, NOTED).await, 0);
    }
}

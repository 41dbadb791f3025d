//! Answers that are forged, stale, another's or none: nobody is let in.

use std::time::Instant;

use axum::http::StatusCode;
use interlock::clock::{MINUTE, SECOND};
use serde_json::{Value, json};

use super::{HALDEN, World, dana, in_a_world};
use crate::support::database::{count, texts};
use crate::support::forger::{self, DISCOVERY, Reply, TOKEN, key};
use crate::support::sso::{CLIENT, Connection};

in_a_world! {
    /// SSO-01, SSO-02, SSO-04: a state is answered once, within ten minutes, in the browser that began it and at the
    /// connection that it was begun at.
    async fn a_way_is_answered_once_where_it_was_begun(world: World) {
        let (app, connection) = (&world.app, &world.connection);
        connection.set(app, "admits_newcomers = true").await;
        let other = Connection::new(app, HALDEN, "oidc", &world.forger.url).await;
        let before = count(app, "sessions").await;
        let mut visitor = app.visitor();
        let (state, nonce) = connection.begin(&mut visitor, &connection.path()).await;
        world.forger.issue(&forger::signed(&connection.claims(&world.forger, &nonce, app.clock.now(), &dana())));
        let back = connection.callback(&state);
        // Another browser, one without any cookie, and states that nobody gave.
        let mut thief = app.visitor();
        thief.get(&back).await.is(400);
        other.begin(&mut thief, &other.path()).await;
        thief.get(&back).await.is(400);
        for wrong in ["", "x", &state[1..], &format!("{state}x")] {
            visitor.get(&connection.callback(wrong)).await.is(400);
        }
        visitor.get(&back).await.leads_to(HALDEN);
        visitor.get(&back).await.is(400).says("was used already");
        // Begun at one, answered at another.
        let (state, _) = connection.begin(&mut thief, &connection.path()).await;
        thief.get(&other.callback(&state)).await.is(400);
        thief.get(&connection.callback(&state)).await.is(400);
        // Too late.
        let (state, nonce) = connection.begin(&mut thief, &connection.path()).await;
        app.clock.advance(10 * MINUTE);
        world.forger.issue(&forger::signed(&connection.claims(&world.forger, &nonce, app.clock.now(), &dana())));
        thief.get(&connection.callback(&state)).await.is(400);
        assert_eq!(thief.session_cookie(), None);
        assert_eq!(count(app, "sessions").await, before + 1);
        app.visitor().get("/sso/nothing").await.is(404);
        app.visitor().get("/sso/01930000-0000-7000-8000-000000000001").await.is(404);
    }

    /// SSO-03, SSO-06, SSO-08: tokens that are not for this sign-in, or not by this provider, let nobody in and write
    /// nothing.
    async fn forged_tokens(world: World) {
        let app = &world.app;
        world.newcomer().await;
        let now = app.clock.now().0 / SECOND;
        for wrong in [
            json!({ "nonce": "another" }),
            json!({ "nonce": null }),
            json!({ "aud": "another" }),
            json!({ "aud": [CLIENT, "another"] }),
            json!({ "azp": "another" }),
            json!({ "iss": "https://evil.example" }),
            json!({ "exp": now - 120 }),
            json!({ "iat": now - 3_600 }),
            json!({ "iat": now + 3_600 }),
            json!({ "sub": null }),
            json!({ "sub": "" }),
        ] {
            let mut claims = dana();
            for (name, value) in wrong.as_object().expect("claims") {
                claims[name] = value.clone();
            }
            world.refuses(400, claims).await.says("can't be trusted");
        }
        let header = json!({ "alg": "ES256", "kid": "k1" });
        type Forge = Box<dyn Fn(&Value) -> String>;
        let secret = crate::support::sso::SECRET;
        let forgeries: Vec<Forge> = vec![
            Box::new({ let header = header.clone(); move |claims| forger::signed_by(&header, claims, &key(2)) }),
            Box::new(|claims| forger::signed_by(&json!({ "alg": "ES256", "kid": "k2" }), claims, &key(2))),
            Box::new(|claims| forger::unsigned(&json!({ "alg": "none" }), claims)),
            Box::new(move |claims| forger::signed_with_secret(&json!({ "alg": "HS256" }), claims, secret.as_bytes())),
            Box::new(|_| "no.token.at-all".to_owned()),
        ];
        let before = world.rows().await;
        for forge in forgeries {
            let mut visitor = app.visitor();
            let (state, nonce) = world.connection.begin(&mut visitor, &world.connection.path()).await;
            world.forger.issue(&forge(&world.connection.claims(&world.forger, &nonce, app.clock.now(), &dana())));
            visitor.get(&world.connection.callback(&state)).await.is(400);
            assert_eq!(visitor.session_cookie(), None);
        }
        assert_eq!(world.rows().await, before);
        // A code of another's, or with another verifier.
        let refusal = json!({ "error": "invalid_grant", "error_description": "<b>evil</b>" });
        world.forger.reply(TOKEN, Reply::Json(StatusCode::BAD_REQUEST, refusal));
        let mut visitor = app.visitor();
        let (state, _) = world.connection.begin(&mut visitor, &world.connection.path()).await;
        visitor.get(&world.connection.callback(&state)).await.is(400).says_not("evil");
    }

    /// SSO-18: what a provider says went wrong is not repeated.
    async fn a_providers_words_are_not_shown(world: World) {
        let mut visitor = world.app.visitor();
        let (state, _) = world.connection.begin(&mut visitor, &world.connection.path()).await;
        let path = format!(
            "{}/callback?state={state}&error=%3Cscript%3E&error_description=%3Cb%3Eevil%3C/b%3E",
            world.connection.path()
        );
        let answer = visitor.get(&path).await.ok().says("cancelled at the provider").says_not("evil");
        assert!(!answer.body.contains("<script>"), "{}", answer.body);
        assert_eq!(visitor.session_cookie(), None);
        visitor.get(&path).await.is(400);
    }

    /// SSO-14: a provider that is down, hangs, or does not know our secret any more is a page with the next step,
    /// within ten seconds. Whoever manages the connection reads why.
    async fn a_provider_that_is_down(world: World) {
        let app = &world.app;
        let problem = "select coalesce(problem, '') from connections";
        let refusal = json!({ "error": "invalid_client" });
        for (reply, says) in [
            (Reply::Silent, "did not answer within 5 seconds"),
            (Reply::Json(StatusCode::UNAUTHORIZED, refusal), "refused the client ID or the client secret"),
        ] {
            let mut visitor = app.visitor();
            let (state, _) = world.connection.begin(&mut visitor, &world.connection.path()).await;
            world.forger.reply(TOKEN, reply);
            let began = Instant::now();
            let answer = visitor.get(&world.connection.callback(&state)).await.is(502);
            assert!(began.elapsed().as_secs() < 10);
            answer.says("The provider can't be reached").says("Sign in another way").says_not("secret");
            let noted = texts(app, problem).await;
            assert!(noted[0].contains(says), "{noted:?}");
        }
        world.newcomer().await;
        assert_eq!(texts(app, problem).await, [""], "one that works takes it away");
        // What it publishes is remembered for ten minutes.
        world.forger.reply(DISCOVERY, Reply::Json(StatusCode::INTERNAL_SERVER_ERROR, json!({})));
        let fresh = Connection::new(app, HALDEN, "oidc", &format!("{}/gone", world.forger.url)).await;
        app.visitor().get(&fresh.path()).await.is(502).says("The provider can't be reached");
        assert_eq!(count(app, "sso_attempts where used_at is null").await, 0);
    }
}

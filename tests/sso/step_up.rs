//! `/step-up/sso/{connection}`: a fresh proof of a member whom the provider alone vouches for (S12).

use interlock::clock::MINUTE;
use serde_json::json;

use super::{HALDEN, World, dana, in_a_world};
use crate::support::database::{execute, texts};
use crate::support::sso::Connection;

const USERS: &str = "/o/halden-freight/users";

fn way(connection: &Connection, next: &str) -> String {
    format!("/step-up/sso/{}?next={next}", connection.id)
}

in_a_world! {
    /// O2, SSO-05, SSO-12: whoever would not be let in by it now gets no proof by it, though they are linked and
    /// signed in: the proof opens the organization as a sign-in does.
    async fn it_is_judged_as_a_sign_in(world: World) {
        let (app, forger, connection) = (&world.app, &world.forger, &world.connection);
        let mut visitor = world.newcomer().await;
        app.clock.advance(11 * MINUTE);
        let proofs = async || texts(app, "select kind || ' ' || at from session_proofs order by at").await;
        let before = proofs().await;
        let way = way(connection, USERS);
        for (claims, why) in [
            (json!({ "sub": "dana", "email": "dana@elsewhere.example" }), "none of the organization's domains"),
            (json!({ "sub": "dana", "email": "dana@halden.example", "email_verified": null }), "is verified"),
            (json!({ "sub": "dana", "email": "dana@halden.example", "email_verified": "true" }), "is verified"),
            (json!({ "sub": "dana", "email": null }), "did not say what your email address is"),
            (json!({ "sub": "ben", "email": "dana@halden.example" }), "as somebody else"),
        ] {
            let answer = connection.come_from(app, forger, &mut visitor, &way, &claims).await;
            assert_eq!(answer.status, 403, "{claims}: {}", answer.text());
            answer.says(why).says("Nothing was done");
        }
        for (table, change, back, why) in [
            ("memberships", "state = 'suspended'", "state = 'active'", "Your membership is suspended"),
            ("memberships", "ends_at = 1", "ends_at = null", "Your membership has ended"),
        ] {
            let members = format!("update {table} set {change} where email = 'dana@halden.example'");
            execute(app, &members).await;
            connection.come_from(app, forger, &mut visitor, &way, &dana()).await.is(403).says(why);
            execute(app, &members.replace(change, back)).await;
        }
        assert_eq!(proofs().await, before, "none of them was taken");
        // It is she, as she is known.
        connection.come_from(app, forger, &mut visitor, &way, &dana()).await.leads_to("/step-up/proven");
        assert_ne!(proofs().await, before);
        visitor.get(HALDEN).await.ok();
    }

    /// S8, S12: a way begins where the page offers it alone: at a provider of the organization that the act is for,
    /// for whoever has nothing else to prove themselves by.
    async fn it_begins_where_it_is_offered(world: World) {
        let app = &world.app;
        let mut dana = world.newcomer().await;
        let bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let theirs = Connection::new(app, &bo.org, "oidc", &world.forger.url).await;
        dana.get(&format!("/step-up?next={USERS}")).await.ok().says("Continue with Halden ID");
        dana.get(&way(&world.connection, USERS)).await.is(303);
        for next in ["", "/account/mail", "/o/brightwater-labs/users", "/o/nowhere", "https://evil.example/o/halden-freight"] {
            dana.get(&way(&world.connection, next)).await.is(404);
        }
        for next in [USERS, "/o/brightwater-labs/users"] {
            dana.get(&way(&theirs, next)).await.is(404);
        }
        dana.get(&format!("/step-up/google?next={USERS}")).await.is(404);
        // She has a password: that is what proves it.
        let mut owner = world.owner.clone();
        world.come(&mut owner, json!({ "sub": "amara", "email": "amara@halden.example" })).await.leads_to(HALDEN);
        owner.get(&way(&world.connection, USERS)).await.is(404);
    }
}

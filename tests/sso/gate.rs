//! What the gate asks for where providers are concerned (S9, S10, M5, O4).

use interlock::clock::{HOUR, MINUTE};
use interlock::domain::access::Role;
use serde_json::json;

use super::{DANA, HALDEN, World, dana, in_a_world};
use crate::support::PASSWORD;
use crate::support::database::{count, execute};

const DOOR: &str = "/o/halden-freight/sign-in";

in_a_world! {
    /// O4, SSO-15: once it is required, sessions that are there already open the organization no longer, the right
    /// password signs in and is not enough, and the provider is.
    async fn required_means_required(world: World) {
        let (app, mut owner) = (&world.app, world.owner.clone());
        let mut member = app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        member.get(HALDEN).await.ok();
        world.require().await;
        member.get(HALDEN).await.leads_to(DOOR);
        member.get(DOOR).await.ok().says("Continue with Halden ID").says("its own provider").says_not("Password");
        // Whoever posts it all the same gets no further.
        member.post(DOOR, &[("password", PASSWORD)]).await.is(422).says_not("Password");
        let mut anew = app.visitor();
        anew.sign_in(DANA, PASSWORD).await.leads_to("/");
        anew.get(&format!("{HALDEN}/roles")).await.leads_to(DOOR);
        anew.get("/account/mfa").await.ok();
        world.come(&mut anew, dana()).await.leads_to(HALDEN);
        anew.get(&format!("{HALDEN}/roles")).await.ok().says_not("break-glass");
    }

    /// O4, U3, SSO-14: break-glass people come in by password and a factor of their own, with the provider down; that
    /// is audited once per session, mailed to the Owners, and says so on each page. Without a factor it is none.
    async fn break_glass(world: World) {
        let (app, mut owner) = (&world.app, world.owner.clone());
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        world.require().await;
        execute(app, "update memberships set break_glass = true").await;
        let mut dana = app.visitor();
        dana.sign_in(DANA, PASSWORD).await.leads_to("/");
        // A password alone sets no factor up on the way in.
        dana.get(HALDEN).await.leads_to(DOOR);
        dana.get(DOOR).await.ok().says("Continue with Halden ID").says_not("Password");

        let phone = owner.enable_mfa(&app.clock).await;
        let mut amara = app.visitor();
        amara.sign_in_with("amara@halden.example", PASSWORD, &phone).await.is(303);
        assert_eq!(world.audited("sso.break_glass_used").await, 0);
        amara.get(&format!("{HALDEN}/users")).await.ok().says("break-glass");
        amara.get(&format!("{HALDEN}/roles")).await.ok().says("break-glass");
        assert_eq!(world.audited("sso.break_glass_used").await, 1);
        let mails = app.mails().await;
        assert_eq!(mails.iter().filter(|mail| mail.subject.contains("used break-glass access")).count(), 1);
        // A remembered device is no factor of this kind.
        app.clock.advance(25 * HOUR);
        amara.get(&format!("{HALDEN}/users")).await.leads_to("/sign-in");
        // Asked anew, both ways are offered.
        amara.sign_in_with("amara@halden.example", PASSWORD, &phone).await.is(303);
        execute(app, "update memberships set proofs_after = 1795999999999").await;
        amara.get(&format!("{HALDEN}/users")).await.leads_to(DOOR);
        amara.get(DOOR).await.ok().says("Continue with Halden ID").says("You are named for break-glass access")
            .says("Password");
    }

    /// SSO-08, O4: with its connection a proof goes, and with its only proof a session, at once.
    async fn a_disabled_connection_opens_nothing(world: World) {
        let app = &world.app;
        let mut dana = world.newcomer().await;
        dana.get(HALDEN).await.ok();
        world.connection.set(app, "enabled = false").await;
        dana.get(HALDEN).await.leads_to("/sign-in");
        dana.get("/account").await.leads_to("/sign-in");
        app.visitor().get(&world.connection.path()).await.is(404);
        app.visitor().get(DOOR).await.ok().says_not("Halden ID");
    }

    /// S11, SSO-08: a sign-in that waits for a factor is none any more once its connection is switched off.
    async fn a_disabled_connection_finishes_nothing(world: World) {
        let (app, mut owner) = (&world.app, world.owner.clone());
        let mut dana = app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let phone = dana.enable_mfa(&app.clock).await;
        let (mut visitor, answer) = world.stranger(crate::sso::dana()).await;
        answer.leads_to("/sign-in/challenge");
        let sessions = count(app, "sessions").await;
        let challenge = [("code", &*phone.next_code()), ("with", "code")];
        world.connection.set(app, "enabled = false").await;
        visitor.get("/sign-in/challenge").await.leads_to("/sign-in");
        visitor.post("/sign-in/challenge", &challenge).await.leads_to("/sign-in");
        assert_eq!((visitor.session_cookie(), count(app, "sessions").await), (None, sessions));
        world.connection.set(app, "enabled = true").await;
        visitor.post("/sign-in/challenge", &challenge).await.leads_to("/");
        visitor.get(HALDEN).await.ok();
    }

    /// M3, M5: the provider's word for more factors than one counts where the connection takes it, as long as it
    /// does, and where the provider gives it.
    async fn more_factors_than_one(world: World) {
        let (app, mut owner) = (&world.app, world.owner.clone());
        let mut before = app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let _phone = before.enable_mfa(&app.clock).await;
        execute(app, "update organizations set mfa = 'any'").await;
        let strong = json!({ "sub": "dana", "email": DANA, "amr": ["pwd", "mfa"] });
        world.stranger(strong.clone()).await.1.leads_to("/sign-in/challenge");
        world.connection.set(app, "enforces_mfa = true").await;
        world.stranger(dana()).await.1.leads_to("/sign-in/challenge");
        let (mut visitor, answer) = world.stranger(strong).await;
        answer.leads_to(HALDEN);
        visitor.get(HALDEN).await.ok();
        world.connection.set(app, "enforces_mfa = false").await;
        visitor.get(HALDEN).await.leads_to(DOOR);
        visitor.get(DOOR).await.ok().says("requires multi-factor authentication");
        // Nobody's factor: they set one up, with a proof of their own first.
        world.connection.set(app, "admits_newcomers = true").await;
        let (mut new, answer) = world.stranger(json!({ "sub": "new", "email": "new@halden.example" })).await;
        answer.leads_to(HALDEN);
        new.get(HALDEN).await.leads_to("/account/mfa/enrol");
        new.get("/account/mfa/enrol").await.leads_to("/step-up");
    }

    /// S10, R10: the organization's limits count from the provider's proof, and "sign out everywhere" asks for a new one.
    async fn a_session_ends_when_the_organization_says(world: World) {
        let (app, mut owner) = (&world.app, world.owner.clone());
        let mut dana = world.newcomer().await;
        execute(app, &format!("update organizations set session_absolute = {}, session_idle = {HOUR}", 2 * HOUR)).await;
        app.clock.advance(61 * MINUTE);
        dana.get(HALDEN).await.leads_to("/sign-in");
        let mut dana = world.newcomer().await;
        for _ in 0..3 {
            dana.get(HALDEN).await.ok();
            app.clock.advance(39 * MINUTE);
        }
        dana.get(HALDEN).await.ok();
        app.clock.advance(4 * MINUTE);
        dana.get(HALDEN).await.leads_to("/sign-in");
        let mut dana = world.newcomer().await;
        owner.sign_in("amara@halden.example", PASSWORD).await.is(303);
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        owner.post(&format!("{HALDEN}/users/{id}/sign-out"), &[]).await.is(303);
        dana.get(HALDEN).await.leads_to(DOOR);
        world.come(&mut dana, crate::sso::dana()).await.leads_to(HALDEN);
        dana.get(HALDEN).await.ok();
    }
}

//! Account → Sign-in methods: linking and unlinking (S8, S12), and never the last way in.

use interlock::clock::{DAY, MINUTE};
use interlock::domain::access::Role;
use serde_json::json;

use super::{AMARA, DANA, Scene, with_google};
use crate::support::database::{count, execute, only, texts};
use crate::support::page::between;
use crate::support::passkey::Device;
use crate::support::provider::Kind;
use crate::support::{PASSWORD, Visitor};

const METHODS: &str = "/account/sign-in-methods";
const LINK: &str = "/account/sign-in-methods/google";
const CONNECTION: &str = "01930000-0000-7000-8000-000000000001";

/// Where the identity on somebody's page is unlinked.
async fn removal(visitor: &mut Visitor) -> String {
    let page = visitor.get(METHODS).await.ok();
    let paths = between(&page.body, "href=\"/account/sign-in-methods/", "/removal\"");
    format!("{METHODS}/{}/removal", paths.last().expect("something can be unlinked"))
}

/// A connection of the first organization, to the tests' provider, with one domain.
async fn connection(scene: &Scene) {
    let secret =
        scene.app.app.sealer.seal(&format!("connections.client_secret:{CONNECTION}"), b"their-secret");
    let issuer = scene.provider.issuer(Kind::Generic);
    let redirect = format!("{}/sso/{CONNECTION}/callback", scene.url);
    scene.provider.register("halden", "their-secret", &redirect).await;
    execute(
        scene,
        &format!(
            "insert into connections (id, organization, kind, name, issuer, client_id, client_secret, created_at, \
             changed_at) select '{CONNECTION}', id, 'oidc', 'Halden ID', '{issuer}', 'halden', '{secret}', 0, 0 \
             from organizations where slug = 'halden-freight'"
        ),
    )
    .await;
    execute(
        scene,
        "insert into domains (id, organization, connection, domain, record, created_at) \
         select id, organization, id, 'halden.example', 'interlock-domain=x', 0 from connections",
    )
    .await;
}

with_google! {
    /// S12: after a fresh proof, with a row in the log and a mail; from then on it signs in, and MFA is still asked.
    async fn google_is_linked_and_unlinked(scene) {
        let mut owner = scene.owner().await;
        owner.get(METHODS).await.ok().says("No Google account is linked").says("You have one");
        scene.clock.advance(11 * MINUTE);
        let first = owner.get(LINK).await.leads_to("/step-up").location();
        assert_eq!(first, "/step-up?next=%2Faccount%2Fsign-in-methods%2Fgoogle");
        owner.post("/step-up", &[("password", PASSWORD), ("next", LINK)]).await.leads_to(LINK);
        scene.by_google(&mut owner, LINK, "amara.private@gmail.com").await.leads_to(METHODS);
        owner.get(METHODS).await.ok().says("amara.private@gmail.com is linked").says("last used");
        assert_eq!(scene.mail_to(AMARA).await.subject, "Google was linked to your account");
        let log = owner.get(&format!("{}/audit", owner.org)).await.ok().says("Linked a way to sign in");
        assert!(!log.text().contains("amara.private"), "what is theirs is no organization's business (S13)");
        let mut browser = scene.visitor();
        scene.by_google(&mut browser, "/auth/google", "amara.private@gmail.com").await.leads_to("/");
        browser.get("/account").await.ok().says(AMARA);

        let removal = removal(&mut owner).await;
        scene.clock.advance(11 * MINUTE);
        owner.get(&removal).await.ok().says("Unlink Google?");
        let kept = owner.post(&removal, &[]).await.leads_to("/step-up").location();
        let form = kept.trim_start_matches("/step-up?form=").to_owned();
        owner.post("/step-up", &[("password", PASSWORD), ("form", &form)]).await.ok().says("Unlink Google from your account");
        assert_eq!(count(&scene, "identities").await, 1);
        owner.post(&removal, &[]).await.leads_to(METHODS);
        owner.get(METHODS).await.ok().says("Google is unlinked").says("No Google account is linked");
        browser.get("/account").await.leads_to("/sign-in");
        assert_eq!(scene.mail_to(AMARA).await.subject, "Google was unlinked from your account");
        owner.get(&format!("{}/audit", owner.org)).await.ok().says("Unlinked a way to sign in");
        scene.by_google(&mut browser, "/auth/google", "amara.private@gmail.com").await.leads_to("/sign-up/arrived");
        owner.post(&removal, &[]).await.is(404);
    }

    /// O3, SSO-09: an identity is one person's, a person has one at Google, and it is linked by the session that went.
    async fn what_is_not_linked(scene) {
        let mut owner = scene.owner().await;
        let mut dana = scene.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        owner.step_up().await;
        scene.by_google(&mut owner, LINK, "one@gmail.com").await.leads_to(METHODS);
        scene.by_google(&mut owner, LINK, "one@gmail.com").await.leads_to(METHODS);
        assert_eq!(count(&scene, "identities").await, 1, "again changes nothing");
        scene.by_google(&mut dana, LINK, "one@gmail.com").await.is(403).says("signs in another person here");
        scene.by_google(&mut owner, LINK, "two@gmail.com").await.is(403).says("Unlink it first");
        scene.provider.claims("three@gmail.com", json!({ "email_verified": "true" })).await;
        scene.by_google(&mut dana, LINK, "three@gmail.com").await.is(403).says("does not say that your address");
        // Somebody else's session in the same browser, or none.
        let back = scene.at_google(&mut dana, LINK, "four@gmail.com").await;
        dana.post("/sign-out", &[]).await.is(303);
        let mut nobody = dana.clone();
        nobody.get(&back).await.is(403).says("another session");
        dana.sign_in(DANA, PASSWORD).await.leads_to("/");
        let back = scene.at_google(&mut dana, LINK, "four@gmail.com").await;
        dana.post("/sign-out", &[]).await.is(303);
        dana.sign_in(AMARA, PASSWORD).await.leads_to("/");
        dana.get(&back).await.is(403).says("another session");
        assert_eq!(count(&scene, "identities").await, 1);
        // Another's identity is not there to unlink.
        let removal = removal(&mut owner).await;
        let mut mads = scene.member(&mut owner, "Mads Holm", "mads@halden.example", Role::Admin).await;
        mads.get(&removal).await.is(404);
        mads.post(&removal, &[]).await.is(404);
        mads.get(&format!("{METHODS}/x/removal")).await.is(404);
    }

    /// A person keeps a way in: what is the last one is not unlinked, and neither is a passkey removed.
    async fn the_last_way_in_stays(scene) {
        let mut amara = scene.google_owner("Halden Freight", "Amara Okafor", AMARA).await;
        let page = amara.get(METHODS).await.ok().says("It is your last way in");
        assert!(!page.body.contains("/removal\""));
        let id = only(texts(&scene, "select id from identities").await);
        let unlink = format!("{METHODS}/{id}/removal");
        amara.post(&unlink, &[]).await.is(409).says("last way in");
        assert_eq!(count(&scene, "identities").await, 1);
        let mut device = Device::new();
        amara.add_passkey(&mut device, "Pixel 9").await.ok().says("Save your recovery codes");
        amara.get(METHODS).await.ok().says("You have one").says_not("last way in");
        amara.post(&unlink, &[]).await.leads_to(METHODS);
        let id = only(texts(&scene, "select id from passkeys").await);
        let passkey = format!("/account/mfa/passkeys/{id}/removal");
        amara.post(&passkey, &[]).await.is(409).says("This passkey is your last way in");
        assert_eq!(count(&scene, "passkeys").await, 1);
        execute(&scene, "update users set password_hash = 'x'").await;
        amara.post(&passkey, &[]).await.leads_to("/account/mfa");
        assert_eq!(count(&scene, "passkeys").await, 0);
    }

    /// O2, SSO-12: a member links themselves at a connection of their organization, with an address on one of
    /// its domains, before that is proven.
    async fn a_connection_is_linked(scene) {
        let mut owner = scene.owner().await;
        let mut stranger = scene.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        connection(&scene).await;
        owner.step_up().await;
        stranger.step_up().await;
        let link = format!("{METHODS}/connections/{CONNECTION}");
        owner.get(METHODS).await.ok().says("Halden Freight: Halden ID").says("Not linked");
        for email in ["amara@sub.halden.example", "amara@evil-halden.example", "amara@gmail.com"] {
            scene.provider.claims(AMARA, json!({ "email": email })).await;
            scene.by_google(&mut owner, &link, AMARA).await.is(403).says(&format!("{email} is on none of the domains"));
        }
        // Nobody else's.
        stranger.get(METHODS).await.ok().says_not("Halden");
        scene.provider.claims(AMARA, json!({ "email": "Amara@HALDEN.example" })).await;
        scene.by_google(&mut stranger, &link, AMARA).await.is(403).says("You are not in the organization");
        let failing = scene.app.app.db.now().plus(-15 * DAY);
        execute(&scene, &format!("update domains set verified_at = 1, failing_since = {}", failing.0)).await;
        scene.by_google(&mut owner, &link, AMARA).await.is(403).says("is on none of the domains");
        assert_eq!(count(&scene, "identities").await, 0);
        execute(&scene, "update domains set failing_since = null").await;
        scene.by_google(&mut owner, &link, AMARA).await.leads_to(METHODS);
        owner.get(METHODS).await.ok().says("Amara@HALDEN.example, linked");
        let log = owner.get(&format!("{}/audit", owner.org)).await.ok();
        log.says("Linked a way to sign in").says("OpenID Connect");
        // It is no way in for whoever has nothing else and is in two organizations.
        execute(&scene, "update users set password_hash = null where name = 'Amara Okafor'").await;
        let removal = format!("{METHODS}/{}/removal", only(texts(&scene, "select id from identities").await));
        execute(&scene, "delete from session_proofs where kind <> 'password'").await;
        execute(&scene, "update session_proofs set kind = 'google'").await;
        owner.post(&removal, &[]).await.is(409).says("last way in");
    }

    /// S5, RST-04: whoever signs in by their organization's provider alone sets no password by mail, on the same
    /// page; an invite elsewhere lets them.
    async fn a_password_by_mail(scene) {
        let mut owner = scene.owner().await;
        let mut dana = scene.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let mut other = scene.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        execute(&scene, "update users set password_hash = null where name = 'Dana Kovač'").await;
        let ask = async |visitor: &mut Visitor| {
            visitor.post("/forgot-password", &[("email", DANA)]).await.leads_to("/forgot-password/sent");
            scene.mail_to(DANA).await
        };
        // Mailed before it was required, dead after.
        let early = ask(&mut scene.visitor()).await.path("/reset/");
        execute(&scene, "update organizations set sso_required = true where slug = 'halden-freight'").await;
        scene.visitor().get(&early).await.is(410);
        scene.visitor().post(&early, &[("password", PASSWORD)]).await.is(410);
        let mail = ask(&mut scene.visitor()).await;
        assert_eq!(mail.subject, "You sign in without a password");
        assert!(!mail.text.contains("/reset/"), "{mail:?}");
        dana.get(METHODS).await.ok().says("your organization signs you in by its own provider").says_not("Set a password by mail");
        assert_eq!(count(&scene, "users where password_hash is null").await, 1);
        scene.invited(&mut other, DANA, Role::Member).await;
        dana.get(METHODS).await.ok().says("Set a password by mail");
        let reset = ask(&mut scene.visitor()).await.path("/reset/");
        scene.visitor().post(&reset, &[("password", PASSWORD)]).await.leads_to("/sign-in");
        // With a password it is theirs to reset.
        execute(&scene, "update invitations set state = 'revoked' where state = 'pending'").await;
        ask(&mut scene.visitor()).await.path("/reset/");
    }
}

//! Accepting an invite with Google (I2, S3).

use interlock::domain::access::Role;
use serde_json::json;

use super::{DANA, with_google};
use crate::support::Visitor;
use crate::support::database::{count, execute, only, texts};
use crate::support::page::between;

/// The path of a link that the owner copies for the one pending invitation.
async fn copied(owner: &mut Visitor) -> String {
    let invitations = format!("{}/invitations", owner.org);
    let list = owner.get(&invitations).await.ok();
    let id = between(&list.body, "id=\"invitation-", "\"")[0].to_owned();
    let page = owner.post(&format!("{invitations}/{id}/link"), &[]).await.ok();
    let link = between(&page.body, "<code>", "</code>")[0];
    link[link.find("/invite/").expect("it is a link to an invitation")..].to_owned()
}

with_google! {
    /// I2, I3: the mailed link and a Google account of its address make the account, without a password, once.
    async fn a_new_person_joins(scene) {
        let mut owner = scene.owner().await;
        // Google is not authoritative for the address: the link was mailed there.
        scene.provider.claims(DANA, json!({ "hd": null })).await;
        let link = scene.invited(&mut owner, DANA, Role::Developer).await;
        let mut dana = scene.visitor();
        assert!(dana.get(&link).await.ok().body.contains(&format!("href=\"{link}/google\"")));
        let arrived = format!("{link}/arrived");
        dana.get(&arrived).await.is(410);
        scene.by_google(&mut dana, &format!("{link}/google"), DANA).await.leads_to(&arrived);
        assert_eq!(count(&scene, "users").await, 1, "POST uses it up, and not the way back (I3)");
        dana.get("/sign-up/arrived").await.is(410);
        dana.get(&arrived).await.ok().says(DANA).says("without a password");
        dana.post(&arrived, &[("name", "")]).await.is(422);
        let mut twin = dana.clone();
        let (one, two) = tokio::join!(
            dana.post(&arrived, &[("name", "Dana Kovač")]),
            twin.post(&arrived, &[("name", "Dana Kovač")]),
        );
        let joined = [&one, &two].iter().filter(|answer| answer.header("location") == owner.org).count();
        assert_eq!(joined, 1, "{one:?} {two:?}");
        assert_eq!(count(&scene, "memberships where role = 'developer'").await, 1);
        assert_eq!(count(&scene, "identities").await, 1);
        assert_eq!(count(&scene, "users where password_hash is null").await, 1);
        let mut browser = scene.visitor();
        scene.by_google(&mut browser, "/auth/google", DANA).await.leads_to("/");
        browser.get(&owner.org).await.ok();
        browser.get(&link).await.is(410);
        scene.visitor().get(&link).await.is(410);
        let mut late = scene.visitor();
        late.get(&format!("{link}/google")).await.leads_to(&link);
    }

    /// I2: another Google account accepts nothing, and the page names both addresses.
    async fn another_address(scene) {
        let mut owner = scene.owner().await;
        let link = scene.invited(&mut owner, DANA, Role::Member).await;
        let mut other = scene.visitor();
        let page = scene.by_google(&mut other, &format!("{link}/google"), "dana@gmail.com").await.is(403);
        let page = page.says("for another address").says(DANA).says("dana@gmail.com");
        assert!(page.body.contains(&format!("href=\"{link}\"")));
        other.get(&format!("{link}/arrived")).await.is(410);
        scene.provider.claims(DANA, json!({ "email_verified": "true" })).await;
        scene.by_google(&mut other, &format!("{link}/google"), DANA).await.is(403).says("not verified");
        assert_eq!((count(&scene, "users").await, count(&scene, "arrivals").await), (1, 0));
        // ASCII case is folded.
        scene.provider.claims(DANA, json!({ "email": "DANA@Halden.Example" })).await;
        scene.by_google(&mut other, &format!("{link}/google"), DANA).await.leads_to(&format!("{link}/arrived"));
    }

    /// I2, SSO-09: an address that has an account is signed in to first; a Google account that is linked to it
    /// signs in to accept.
    async fn a_person_who_is_here(scene) {
        let mut owner = scene.owner().await;
        let mut dana = scene.sign_up("Brightwater Labs", "Dana Kovač", DANA).await;
        dana.step_up().await;
        let link = scene.invited(&mut owner, DANA, Role::Member).await;
        let mut browser = scene.visitor();
        scene.by_google(&mut browser, &format!("{link}/google"), DANA).await.is(403).says("Sign in first");
        // Where Google does not answer for the address: what the mailed link's own page says, and no more (S4).
        scene.provider.claims(DANA, json!({ "hd": null })).await;
        let led = scene.by_google(&mut browser, &format!("{link}/google"), DANA).await.leads_to(&link);
        assert_eq!(led.location(), link);
        scene.provider.claims(DANA, json!({})).await;
        assert!(browser.session_cookie().is_none());
        scene.by_google(&mut dana, "/account/sign-in-methods/google", DANA).await.leads_to("/account/sign-in-methods");
        scene.by_google(&mut browser, &format!("{link}/google"), DANA).await.leads_to(&link);
        browser.get(&link).await.ok().says("Dana Kovač");
        browser.post(&link, &[]).await.leads_to(&owner.org);
        browser.get(&owner.org).await.ok();
    }

    /// S3: a copied link proves nothing. Google's word for the address does, where Google answers for it.
    async fn a_copied_link(scene) {
        let mut owner = scene.owner().await;
        scene.invited(&mut owner, DANA, Role::Member).await;
        let link = copied(&mut owner).await;
        let mut dana = scene.visitor();
        scene.provider.claims(DANA, json!({ "hd": null })).await;
        let page = scene.by_google(&mut dana, &format!("{link}/google"), DANA).await.is(403);
        page.says("Show that this address is yours");
        dana.get(&link).await.ok().says("Mail me a code").says("Continue with Google");
        scene.provider.claims(DANA, json!({})).await;
        scene.by_google(&mut dana, &format!("{link}/google"), DANA).await.leads_to(&format!("{link}/arrived"));
        dana.post(&format!("{link}/arrived"), &[("name", "Dana Kovač")]).await.leads_to(&owner.org);
        assert_eq!(only(texts(&scene, "select p.kind from session_proofs p join sessions s on s.id = p.session join users u on u.id = s.user_id where u.name = 'Dana Kovač'").await), "google");
    }

    /// I2, I4: where single sign-on is required Google is not offered, by the policy of now.
    async fn not_where_single_sign_on_is_required(scene) {
        let mut owner = scene.owner().await;
        let link = scene.invited(&mut owner, DANA, Role::Member).await;
        let mut dana = scene.visitor();
        scene.by_google(&mut dana, &format!("{link}/google"), DANA).await.leads_to(&format!("{link}/arrived"));
        execute(&scene, "update organizations set sso_required = true").await;
        dana.post(&format!("{link}/arrived"), &[("name", "Dana Kovač")]).await.leads_to(&link);
        dana.get(&format!("{link}/google")).await.leads_to(&link);
        let page = dana.get(&link).await;
        assert!(!page.body.contains(&format!("{link}/google")), "{}", page.body);
        assert_eq!((count(&scene, "users").await, count(&scene, "identities").await), (1, 0));
    }

    /// I4, INV-11: revoked meanwhile, the invite says so.
    async fn a_dead_invite(scene) {
        let mut owner = scene.owner().await;
        let link = scene.invited(&mut owner, DANA, Role::Member).await;
        let mut dana = scene.visitor();
        scene.by_google(&mut dana, &format!("{link}/google"), DANA).await.leads_to(&format!("{link}/arrived"));
        execute(&scene, "update invitations set state = 'revoked'").await;
        dana.post(&format!("{link}/arrived"), &[("name", "Dana Kovač")]).await.leads_to(&link);
        dana.get(&link).await.is(410).says("taken back");
        dana.get(&format!("{link}/google")).await.leads_to(&link);
        dana.get("/invite/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/google").await.is(404);
        assert_eq!(count(&scene, "users").await, 1);
    }
}

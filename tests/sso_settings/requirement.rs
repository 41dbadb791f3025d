//! Requiring single sign-on: what comes before, whom it interrupts, and stopping (O4, SSO-16).

use interlock::clock::MINUTE;
use interlock::domain::access::Role;

use super::*;
use crate::support::page::link;
use crate::support::{everything, refuses_bad_forms};

const REQUIRED: [(&str, &str); 1] = [("sso", "required")];
const CONFIRMED: [(&str, &str); 2] = [("sso", "required"), ("confirmed", "yes")];
const OPTIONAL: [(&str, &str); 2] = [("sso", "optional"), ("confirmed", "yes")];

/// Neither asking nor confirming does it, and the page says why.
async fn is_refused(world: &World, owner: &mut Visitor, why: &str) {
    let before = everything(&world.app).await;
    for fields in [&REQUIRED[..], &CONFIRMED] {
        owner.post(REQUIREMENT, fields).await.is(422).says(why);
    }
    owner.get(REQUIREMENT).await.leads_to(SSO);
    owner.get(SSO).await.ok().says(why);
    assert_eq!(everything(&world.app).await, before);
    assert!(!is_required(&world.app).await);
}

in_both_worlds! {
    /// O4, SSO-16: each thing that is missing is said, until none is; and then whom it interrupts, in numbers.
    async fn what_comes_first(world: World) {
        let mut owner = world.app.owner().await;
        let phone = owner.enable_mfa(&world.app.clock).await;
        owner.step_up_with(&phone).await;
        is_refused(&world, &mut owner, "There is no enabled connection with a proven domain yet").await;
        let page = world.connect(&mut owner).await;
        let domain = add_domain(&mut owner, &page, "halden.example").await;
        is_refused(&world, &mut owner, "There is no enabled connection with a proven domain yet").await;
        world.dns.set_txt("halden.example", &[&record(&world.app, "halden.example").await]);
        owner.post(&format!("{domain}/check"), &[]).await.leads_to(SSO);
        is_refused(&world, &mut owner, "Give break-glass access to an Owner").await;
        owner.post(BREAK_GLASS, &[("email", AMARA), ("named", "yes")]).await.leads_to(SSO);
        is_refused(&world, &mut owner, "Test Okta first, in this session").await;
        let way = link(&owner.get(SSO).await.ok(), "Test sign-in").expect("there is a way");
        assert_eq!(way, format!("{page}/test"));
        world.test(&mut owner, &page, json!({ "email_verified": false })).await.ok();
        is_refused(&world, &mut owner, "Test Okta first, in this session").await;

        world.app.member(&mut owner, "Dana Kovač", "dana@halden.example", Role::Member).await;
        world.app.member(&mut owner, "Gast Arbeiter", "gast@elsewhere.example", Role::Member).await;
        world.app.member(&mut owner, "Una Halden", "una@sub.halden.example", Role::Member).await;
        world.test(&mut owner, &page, json!({})).await.ok().says("The test worked");
        let asked = owner.post(REQUIREMENT, &REQUIRED).await.is(303).location();
        assert_eq!(asked, format!("{REQUIREMENT}?sso=required"));
        let shown = owner.get(&asked).await.ok().says("Require single sign-on in Halden Freight?").says("4 people");
        let shown = shown.says("4 people are not linked to the provider yet").says("2 people have an address on no proven domain");
        shown.says("2 people can’t come in any more").says("Gast Arbeiter").says("Una Halden").says_not("Dana Kovač");
        assert!(!is_required(&world.app).await, "asking changes nothing");

        forget_proofs(&world.app).await;
        owner.post(REQUIREMENT, &CONFIRMED).await.leads_to("/step-up");
        assert!(!is_required(&world.app).await);
        owner.step_up_with(&phone).await;
        owner.post(REQUIREMENT, &CONFIRMED).await.leads_to(SSO);
        assert!(is_required(&world.app).await);
        assert_eq!(
            audited(&world.app, "sso.requirement_changed").await,
            [r#"{"single sign-on":{"new":"required","old":"optional"}}"#]
        );
        let mail = world.app.mail_to(AMARA).await;
        assert_eq!(mail.subject, "Halden Freight now requires single sign-on");
        // The next click is the first by break-glass, which is audited.
        owner.get(SSO).await.ok().says("Single sign-on is required from now on");
        let before = everything(&world.app).await;
        owner.post(REQUIREMENT, &CONFIRMED).await.leads_to(SSO);
        owner.get(REQUIREMENT).await.leads_to(SSO);
        assert_eq!(everything(&world.app).await, before);
    }

    /// A test counts in its own session, of the connection as it is now, and enabled.
    async fn which_test_counts(world: World) {
        let (mut owner, phone, page) = world.ready().await;
        let kept = with(&without(&oidc("", &world.forger.url), "draft"), "client_secret", "");
        let change = |name: &'static str, value: &'static str| with(&kept, name, value);
        // Who may join is nothing that a test proves.
        owner.post(&page, &change("newcomers", "yes")).await.leads_to(&page);
        owner.post(REQUIREMENT, &REQUIRED).await.is(303);
        owner.post(&page, &change("client_secret", "another")).await.leads_to(&page);
        is_refused(&world, &mut owner, "Test Okta first").await;
        world.test(&mut owner, &page, json!({})).await.ok();
        owner.post(REQUIREMENT, &REQUIRED).await.is(303);
        owner.post(&page, &without(&kept, "enabled")).await.leads_to(&page);
        is_refused(&world, &mut owner, "no enabled connection").await;
        world.test(&mut owner, &page, json!({})).await.ok().says("The test worked");
        owner.post(&page, &kept).await.leads_to(&page);

        let mut elsewhere = world.app.visitor();
        elsewhere.sign_in_with(AMARA, crate::support::PASSWORD, &phone).await.is(303);
        is_refused(&world, &mut elsewhere, "Test Okta first").await;
        owner.post(REQUIREMENT, &CONFIRMED).await.leads_to(SSO);
    }

    /// Only an Owner requires it; whoever manages settings may stop it, after a step-up.
    async fn who_may(world: World) {
        let (mut owner, phone, page) = world.ready().await;
        let mut admin = world.app.member(&mut owner, "Jonas Lindqvist", "jonas@halden.example", Role::Admin).await;
        admin.step_up().await;
        world.test(&mut admin, &page, json!({})).await.ok().says("The test worked");
        is_refused(&world, &mut admin, "Only an Owner can require single sign-on").await;
        owner.post(REQUIREMENT, &CONFIRMED).await.leads_to(SSO);
        // The Admin's password opens it no more: that is the gate's.
        admin.get(SSO).await.is(303).leads_to(&format!("{ORG}/sign-in"));
        owner.get(SSO).await.ok().says("Stop requiring it").says("Required");
        world.app.clock.advance(11 * MINUTE);
        owner.post(REQUIREMENT, &OPTIONAL).await.leads_to("/step-up");
        assert!(is_required(&world.app).await);
        owner.step_up_with(&phone).await;
        owner.post(REQUIREMENT, &OPTIONAL).await.leads_to(SSO);
        assert!(!is_required(&world.app).await);
        assert_eq!(world.app.mail_to(AMARA).await.subject, "Halden Freight no longer requires single sign-on");
        admin.get(SSO).await.ok();
    }

    async fn bad_forms(world: World) {
        let (mut owner, _, _) = world.ready().await;
        for wrong in ["", "yes", "on"] {
            owner.post(REQUIREMENT, &[("sso", wrong)]).await.is(422);
        }
        refuses_bad_forms(&world.app, &mut owner, REQUIREMENT, &CONFIRMED).await;
    }
}

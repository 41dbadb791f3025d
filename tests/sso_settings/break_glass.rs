//! Break-glass people: who is named, by whom, and what everyone hears of it (O4).

use interlock::domain::access::{Operator, Role};
use interlock::domain::factors::reset_by_sysadmin;

use super::*;
use crate::support::database::count;
use crate::support::{everything, refuses_bad_forms};

const JONAS: &str = "jonas@halden.example";

in_both_worlds! {
    /// An active member with a password and a factor, and nobody else; the Owners hear of it.
    async fn who_is_named(world: World) {
        let mut owner = world.app.owner().await;
        owner.step_up().await;
        let mut jonas = world.app.member(&mut owner, "Jonas Lindqvist", JONAS, Role::Admin).await;
        world.app.member(&mut owner, "Sus Pended", "sus@halden.example", Role::Member).await;
        let suspended = world.app.id_of(&mut owner, "Sus Pended").await;
        owner.post(&format!("{ORG}/users/{suspended}/suspension"), &[]).await.is(303);
        world.app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let before = everything(&world.app).await;
        for (email, why) in [
            ("", "Enter an email address"),
            ("jonas", "Enter a whole address"),
            (JONAS, "Jonas Lindqvist has no factor"),
            ("sus@halden.example", "Nobody who is active here"),
            ("bo@brightwater.example", "Nobody who is active here"),
            ("nobody@halden.example", "Nobody who is active here"),
        ] {
            let answer = owner.post(BREAK_GLASS, &[("email", email), ("named", "yes")]).await.is(422).says(why);
            assert!(answer.body.contains("id=\"email-error\""), "{email}");
        }
        assert_eq!(everything(&world.app).await, before);
        jonas.enable_mfa(&world.app.clock).await;
        execute(&world.app, &format!("update users set password_hash = null where email = '{JONAS}'")).await;
        owner.post(BREAK_GLASS, &[("email", JONAS), ("named", "yes")]).await.is(422).says("has no password");
        execute(&world.app, &format!("update users set password_hash = 'x' where email = '{JONAS}'")).await;

        owner.post(BREAK_GLASS, &[("email", "JONAS@halden.example"), ("named", "yes")]).await.leads_to(SSO);
        owner.get(SSO).await.ok().says("Jonas Lindqvist has break-glass access").says("Ready").says("Take access");
        let mail = world.app.mail_to(AMARA).await;
        assert_eq!(mail.subject, "Jonas Lindqvist has break-glass access to Halden Freight");
        let before = everything(&world.app).await;
        owner.post(BREAK_GLASS, &[("email", JONAS), ("named", "yes")]).await.leads_to(SSO);
        assert_eq!(everything(&world.app).await, before);
        refuses_bad_forms(&world.app, &mut owner, BREAK_GLASS, &[("email", JONAS), ("named", "")]).await;
        owner.post(BREAK_GLASS, &[("email", JONAS), ("named", "1")]).await.is(422);
        forget_proofs(&world.app).await;
        owner.post(BREAK_GLASS, &[("email", JONAS), ("named", "")]).await.leads_to("/step-up");
        owner.step_up().await;
        owner.post(BREAK_GLASS, &[("email", JONAS), ("named", "")]).await.leads_to(SSO);
        assert_eq!(
            audited(&world.app, "sso.break_glass_named").await,
            [
                r#"{"break-glass access":{"new":"yes","old":"no"}}"#,
                r#"{"break-glass access":{"new":"no","old":"yes"}}"#,
            ]
        );
        assert_eq!(world.app.mail_to(AMARA).await.subject, "Jonas Lindqvist no longer has break-glass access to Halden Freight");
    }

    /// O4, M7: with the last factor it goes, whoever takes that, and a new factor does not bring it back: whoever knows
    /// the password alone could set one up. Each organization has it in its audit log, and its Owners hear of it.
    async fn it_goes_with_the_last_factor(world: World) {
        let app = &world.app;
        let mut owner = app.owner().await;
        owner.step_up().await;
        let jonas = "Jonas Lindqvist";
        let mut visitor = app.member(&mut owner, jonas, JONAS, Role::Admin).await;
        let id = app.id_of(&mut owner, jonas).await;
        let named = || async { count(app, "memberships where break_glass").await };
        for way in ["himself", "an admin", "the sysadmin"] {
            let phone = visitor.enable_mfa(&app.clock).await;
            assert_eq!(named().await, 0, "a new factor brings nothing back: {way}");
            owner.post(BREAK_GLASS, &[("email", JONAS), ("named", "yes")]).await.leads_to(SSO);
            assert_eq!(named().await, 1);
            let by = match way {
                "himself" => {
                    visitor.step_up_with(&phone).await;
                    let listed = visitor.get("/account/mfa").await.ok();
                    let factor = between(&listed.body, "/account/mfa/authenticators/", "/")[0].to_owned();
                    visitor.post(&format!("/account/mfa/authenticators/{factor}/removal"), &[]).await.is(303);
                    jonas
                }
                "an admin" => {
                    owner.post(&format!("{ORG}/users/{id}/factors-reset"), &[]).await.is(303);
                    "Amara Okafor"
                }
                _ => {
                    // In his other organization, too.
                    let mut bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
                    let link = app.invited(&mut bo, JONAS, Role::Member).await;
                    visitor.post(&link, &[]).await.is(303);
                    execute(app, &format!("update memberships set break_glass = true where email = '{JONAS}'")).await;
                    let sysadmin = Operator::sysadmin();
                    let user = id.parse().expect("an id");
                    assert!(reset_by_sysadmin(&app.app, &sysadmin, user).await.expect("it answers"));
                    let mail = app.mail_to("bo@brightwater.example").await;
                    assert_eq!(mail.subject, format!("{jonas} no longer has break-glass access to Brightwater Labs"));
                    "Sysadmin"
                }
            };
            assert_eq!(named().await, 0, "{way}");
            let mail = app.mail_to(AMARA).await;
            assert_eq!(mail.subject, format!("{jonas} no longer has break-glass access to Halden Freight"));
            let newest = "select operator_name || ' ' || changes from audit_events where kind = 'sso.break_glass_named' \
                          and chain in (select id from organizations where slug = 'halden-freight') order by seq desc limit 1";
            let written = format!(r#"{by} {{"break-glass access":{{"new":"no","old":"yes"}}}}"#);
            assert_eq!(only(texts(app, newest).await), written);
            visitor.sign_in(JONAS, crate::support::PASSWORD).await.leads_to("/");
        }
        assert_eq!(audited(app, "sso.break_glass_named").await.len(), 7);
    }

    /// Only an Owner gives it and takes it.
    async fn only_an_owner(world: World) {
        let mut owner = world.app.owner().await;
        let mut jonas = world.app.member(&mut owner, "Jonas Lindqvist", JONAS, Role::Admin).await;
        let phone = jonas.enable_mfa(&world.app.clock).await;
        jonas.step_up_with(&phone).await;
        jonas.get(SSO).await.ok().says("An Owner gives it and takes it").says_not("Give access");
        jonas.post(BREAK_GLASS, &[("email", JONAS), ("named", "yes")]).await.is(403).says("Only an Owner gives");
    }

    /// U3: the page shows who came in by it.
    async fn uses_are_shown(world: World) {
        let (mut owner, _, _) = world.ready().await;
        owner.get(SSO).await.ok().says("Nobody has used it yet");
        owner.post(REQUIREMENT, &[("sso", "required"), ("confirmed", "yes")]).await.leads_to(SSO);
        let page = owner.get(SSO).await.ok().says("You are in by break-glass access");
        page.says_not("Nobody has used it yet").says("See all in the audit log");
    }
}

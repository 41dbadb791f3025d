//! `interlock org lift`, and what the other commands warn of.

use super::*;
use crate::cli::program;
use crate::support::everything;

/// Of the newest mail to the Owner: the program sends it by the machine's clock, which the test's is not.
async fn subject(app: &TestApp) -> String {
    only(
        texts(
            app,
            &format!("select subject from mail_outbox where recipient = '{AMARA}' order by id desc limit 1"),
        )
        .await,
    )
}

in_both_worlds! {
    /// O4: both requirements are lifted for who is locked out, audited by the sysadmin, and the Owners are mailed.
    async fn requirements_are_lifted(world: World) {
        let (_, _, _) = world.required().await;
        execute(&world.app, "update organizations set mfa = 'any'").await;
        let app = &world.app;
        let before = everything(app).await;
        program(app, "org lift halden-freight").fails(1, "Give --yes halden-freight to go on");
        program(app, "org lift halden-freight --yes other").fails(1, "Nothing was done");
        program(app, "org lift nowhere --yes nowhere").fails(1, "There is no organization nowhere");
        assert_eq!(everything(app).await, before);

        let said = program(app, "org lift halden-freight --mfa --yes halden-freight --json").json();
        assert_eq!((&said["mfa_lifted"], &said["sso_lifted"]), (&json!(true), &json!(false)));
        assert!(is_required(app).await);
        assert_eq!(subject(app).await, "Halden Freight no longer requires MFA");
        let said = program(app, "org lift halden-freight --yes halden-freight").ok();
        assert_eq!(said, "Single sign-on is no longer required in Halden Freight.\nIts Owners are told by mail.\n");
        assert!(!is_required(app).await);
        assert_eq!(subject(app).await, "Halden Freight no longer requires single sign-on");
        let operators = "select operator_name || ' ' || kind from audit_events where operator_id is null \
                         and kind in ('sso.requirement_changed', 'organization.security_changed') order by seq";
        assert_eq!(
            texts(app, operators).await,
            ["Sysadmin organization.security_changed", "Sysadmin sso.requirement_changed"]
        );
        let before = everything(app).await;
        let said = program(app, "org lift halden-freight --sso --yes halden-freight").ok();
        assert!(said.contains("nothing was changed"), "{said}");
        assert_eq!(everything(app).await, before);
    }

    /// The sysadmin is warned before the last break-glass Owner is suspended or loses the factors.
    async fn others_warn(world: World) {
        let (mut amara, phone, _) = world.ready().await;
        another_owner(&world, &mut amara, Some(&phone)).await;
        amara.post(REQUIREMENT, &[("sso", "required"), ("confirmed", "yes")]).await.leads_to(SSO);
        let app = &world.app;
        let before = everything(app).await;
        program(app, "user suspend amara@halden.example").fails(1, "can't come into Halden Freight by break-glass");
        program(app, "user reset-factors amara@halden.example").fails(1, "interlock org lift");
        assert_eq!(everything(app).await, before);
        program(app, "user reset-factors sefa@halden.example").ok();
        program(app, "user reset-factors amara@halden.example --yes").ok();
        program(app, "user suspend amara@halden.example --yes").ok();
    }
}

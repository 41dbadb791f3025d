//! `interlock user …`

use interlock::domain::access::Role;
use serde_json::json;

use super::{on_both_now, program, table};
use crate::support::database::{count, execute, only, texts};
use crate::support::{PASSWORD, TestApp, everything};

const DANA: &str = "dana@halden.example";
const AMARA: &str = "amara@halden.example";

/// Operator, target, changes and place of the newest row of a kind, in each chain that has one.
async fn audited(app: &TestApp, kind: &str) -> Vec<String> {
    let query = format!(
        "select case when chain = 'instance' then 'instance' else 'organization' end || ' | ' || operator_name \
         || ' | ' || target_name || ' | ' || changes || ' | ' || coalesce(address, '-') from audit_events \
         where kind = '{kind}' order by chain"
    );
    texts(app, &query).await
}

on_both_now! {
    /// Everyone is found by address, name without its marks, or organization, in a table and in JSON.
    async fn people_are_listed(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Łukasz Brandt", "lukasz@halden.example", Role::Developer).await;
        app.sign_up("Quill", "Noor Haddad", "noor@quill.example").await;
        let rows = table(&program(&app, "user list").ok());
        let emails: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
        assert_eq!(emails, [AMARA, "lukasz@halden.example", "noor@quill.example"]);
        let found = program(&app, "user list --search lukasz --json").json();
        assert_eq!(found.as_array().map(Vec::len), Some(1), "{found}");
        assert_eq!(found[0]["name"], "Łukasz Brandt");
        for word in ["LUKASZ", "Łukasz", "ŁUKASZ", "Brandt", "Lukasz@Halden.EXAMPLE"] {
            assert_eq!(program(&app, &format!("user list --search {word} --json")).json(), found, "{word}");
        }
        let here = program(&app, "user list --org halden-freight --json").json();
        let facts: Vec<_> = here.as_array().expect("a list").iter().map(|one| (&one["email"], &one["role"], &one["state"], &one["organizations"])).collect();
        assert_eq!(facts, [(&json!(AMARA), &json!("owner"), &json!("active"), &json!(1)), (&json!("lukasz@halden.example"), &json!("developer"), &json!("active"), &json!(1))]);
        assert_eq!(program(&app, "user list --limit 2 --json").json().as_array().map(Vec::len), Some(2));
        let cut = program(&app, "user list --limit 2");
        assert!(cut.err.contains("more than 2"), "{}", cut.err);
        assert_eq!(program(&app, "user list --search nobody").ok(), "No account fits.\n");
        assert_eq!(program(&app, "user list --search % --json").json(), json!([]), "a sign stands for itself");
        // Of whom no organization knows, too.
        execute(&app, "delete from memberships where email = 'noor@quill.example'").await;
        for word in ["noor", "NOOR", "Haddad", "QUILL.example"] {
            let found = program(&app, &format!("user list --search {word} --json")).json();
            assert_eq!((found.as_array().map(Vec::len), &found[0]["name"]), (Some(1), &json!("Noor Haddad")), "{word}");
        }
        program(&app, "user list --org nowhere").fails(1, "There is no organization nowhere");
    }

    /// S13: an account is shown with its memberships, sessions and mail, and without secrets.
    async fn an_account_is_shown_without_secrets(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        let by_email = program(&app, "user show DANA@halden.example --json").json();
        assert_eq!(by_email, program(&app, &format!("user show {id} --json")).json());
        assert_eq!(by_email["id"], id.as_str());
        assert_eq!(by_email["live_sessions"], 1);
        assert_eq!(by_email["has_password"], true);
        let membership = &by_email["memberships"][0];
        assert_eq!((&membership["organization"], &membership["role"], &membership["state"]), (&json!("halden-freight"), &json!("member"), &json!("active")));
        assert_eq!((&by_email["mails"][0]["kind"], &by_email["mails"][0]["state"]), (&json!("invitation"), &json!("sent")));
        assert!(by_email["created_at"].as_str().is_some_and(|at| at.ends_with('Z') && at.len() == 20));
        let shown = program(&app, &format!("user show {DANA}")).ok();
        for fact in ["Dana Kovač", "Live sessions  1", "halden-freight", "Member", "invitation"] {
            assert!(shown.contains(fact), "{fact} is not in {shown}");
        }
        let mut secrets = texts(&app, "select password_hash from users").await;
        secrets.extend(texts(&app, "select token_hash from sessions").await);
        for secret in secrets {
            assert!(!shown.contains(&secret) && !by_email.to_string().contains(&secret));
        }
        program(&app, "user show nobody@halden.example").fails(1, "There is no account nobody@halden.example");
        program(&app, "user show halden").fails(1, "There is no account");
    }

    /// M7: the sysadmin takes anybody's factors off, an Owner's too: audited, mailed, signed out.
    async fn factors_are_reset(app: TestApp) {
        let mut owner = app.owner().await;
        owner.enable_mfa(&app.clock).await;
        program(&app, "user reset-factors nobody@halden.example").fails(1, "There is no account");
        let said = program(&app, &format!("user reset-factors {AMARA}")).ok();
        assert!(said.contains("has no factors any more"), "{said}");
        owner.get("/account").await.leads_to("/sign-in");
        owner.sign_in(AMARA, PASSWORD).await.leads_to("/");
        assert_eq!(audited(&app, "account.factors_reset").await, [
            "organization | Sysadmin | Amara Okafor | {} | -",
            "instance | Sysadmin | Amara Okafor | {} | -",
        ]);
        app.deliver().await;
        assert!(app.mail_to(AMARA).await.subject.contains("was reset"));
        assert_eq!(program(&app, &format!("user reset-factors {AMARA} --json")).json()["reset"], false);
        assert_eq!(audited(&app, "account.factors_reset").await.len(), 2, "nothing happened the second time");
    }

    /// S5, S13, U2: the link sets a password once; asking for it changes nothing else and is audited.
    async fn a_password_is_reset_by_a_link(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dana = app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let asked = program(&app, &format!("user reset-password {DANA} --json")).json();
        assert_eq!((&asked["email"], &asked["mailed"]), (&json!(DANA), &json!(false)));
        let link = asked["link"].as_str().expect("a link");
        let path = link.strip_prefix(&app.url).expect("it begins with the base URL");
        assert_eq!(audited(&app, "account.password_reset_asked").await, [
            "organization | Sysadmin | Dana Kovač | {\"link\":{\"new\":\"handed over\",\"old\":null}} | -",
            "instance | Sysadmin | Dana Kovač | {\"link\":{\"new\":\"handed over\",\"old\":null}} | -",
        ]);
        dana.get(&owner.org).await.ok();
        let new = "nine green bottles hang";
        app.visitor().post(path, &[("password", new)]).await.is(303);
        app.visitor().post(path, &[("password", "a third one of them")]).await.is(410);
        dana.get(&owner.org).await.leads_to("/sign-in");
        app.visitor().sign_in(DANA, PASSWORD).await.is(422);
        app.visitor().sign_in(DANA, new).await.is(303);
        let token = path.rsplit('/').next().expect("a token");
        assert!(!crate::support::database::dump(&app).await.contains(token), "only its hash is kept");
        // A newer link ends the one before.
        let first = program(&app, &format!("user reset-password {DANA} --json")).json();
        program(&app, &format!("user reset-password {DANA}")).ok();
        let path = first["link"].as_str().and_then(|link| link.strip_prefix(&app.url)).expect("a link");
        app.visitor().get(path).await.is(410);
        program(&app, "user reset-password nobody@halden.example").fails(1, "There is no account");
    }

    /// Mailed, the link is in the mail alone.
    async fn a_reset_link_is_mailed_instead_of_printed(app: TestApp) {
        app.owner().await;
        let said = program(&app, &format!("user reset-password {AMARA} --mail")).ok();
        assert!(said.contains("mailed to amara@halden.example") && !said.contains("/reset/"), "{said}");
        let asked = program(&app, &format!("user reset-password {AMARA} --mail --json")).json();
        assert_eq!((&asked["mailed"], &asked["link"]), (&json!(true), &json!(null)));
        let path = app.mail_to(AMARA).await.path("/reset/");
        app.visitor().get(&path).await.ok();
    }

    /// R5, R8: suspended in one organization, everything there ends and nothing elsewhere does.
    async fn a_person_is_suspended_in_one_organization(app: TestApp) {
        let mut owner = app.owner().await;
        let mut quill = app.sign_up("Quill", "Noor Haddad", "noor@quill.example").await;
        let mut dana = app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let link = app.invited(&mut quill, DANA, Role::Member).await;
        dana.post(&link, &[]).await.leads_to(&quill.org);
        let said = program(&app, &format!("user suspend {DANA} --org halden-freight --json")).json();
        assert_eq!(said["organizations"], json!([{"organization": "halden-freight", "role": "member", "before": "active", "state": "suspended"}]));
        assert_eq!(said["sessions_ended"], 0);
        dana.get(&owner.org).await.is(404);
        dana.get(&quill.org).await.ok();
        assert_eq!(audited(&app, "member.suspended").await, ["organization | Sysadmin | Dana Kovač | {\"state\":{\"new\":\"suspended\",\"old\":\"active\"}} | -"]);
        owner.get(&format!("{}/audit", owner.org)).await.ok().says("Sysadmin");
        // A second time nothing changes, and nothing is written.
        let before = everything(&app).await;
        let again = program(&app, &format!("user suspend {DANA} --org halden-freight")).ok();
        assert_eq!(table(&again), [["halden-freight", "Member", "suspended", "suspended"]]);
        assert_eq!(everything(&app).await, before);
        program(&app, &format!("user reactivate {DANA} --org halden-freight")).ok();
        dana.get(&owner.org).await.ok();
        assert_eq!(audited(&app, "member.reactivated").await.len(), 1);
        program(&app, &format!("user suspend {DANA} --org nowhere")).fails(1, "There is no organization");
        program(&app, &format!("user suspend {AMARA} --org quill")).fails(1, "is not in Quill");
    }

    /// Suspended in all of their organizations, a person's sessions end too.
    async fn a_person_is_suspended_everywhere(app: TestApp) {
        let mut owner = app.owner().await;
        let mut quill = app.sign_up("Quill", "Noor Haddad", "noor@quill.example").await;
        let mut dana = app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let link = app.invited(&mut quill, DANA, Role::Developer).await;
        dana.post(&link, &[]).await.leads_to(&quill.org);
        let said = program(&app, &format!("user suspend {DANA} --json")).json();
        assert_eq!(said["organizations"].as_array().map(Vec::len), Some(2));
        assert_eq!(said["sessions_ended"], 1);
        dana.get("/account").await.leads_to("/sign-in");
        assert_eq!(audited(&app, "member.suspended").await.len(), 2);
        assert_eq!(count(&app, "memberships where state = 'suspended'").await, 2);
        let back = program(&app, &format!("user reactivate {DANA}")).ok();
        assert_eq!(table(&back).len(), 2);
        assert_eq!(count(&app, "memberships where state = 'suspended'").await, 0);
        program(&app, "audit verify").ok();
    }

    /// R3: the last Owner is suspended by nobody but the sysadmin, who has to say so.
    async fn the_last_owner_needs_a_yes(app: TestApp) {
        let mut owner = app.owner().await;
        let before = everything(&app).await;
        program(&app, &format!("user suspend {AMARA}")).fails(1, "last active Owner of Halden Freight");
        program(&app, &format!("user suspend {AMARA} --org halden-freight")).fails(1, "--yes");
        assert_eq!(everything(&app).await, before);
        let said = program(&app, &format!("user suspend {AMARA} --org halden-freight --yes")).ok();
        assert_eq!(table(&said), [["halden-freight", "Owner", "active", "suspended"]]);
        owner.get(&format!("{}/users", owner.org)).await.is(404);
        program(&app, &format!("user reactivate {AMARA}")).ok();
        owner.get(&format!("{}/users", owner.org)).await.ok();
        // With another Owner there is nothing to warn of.
        app.member(&mut owner, "Dana Kovač", DANA, Role::Owner).await;
        program(&app, &format!("user suspend {AMARA} --org halden-freight")).ok();
        assert_eq!(only(texts(&app, "select name from memberships where state = 'suspended'").await), "Amara Okafor");
    }
}

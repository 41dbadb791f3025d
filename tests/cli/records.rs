//! `interlock audit …` and `interlock mail …`

use std::collections::HashSet;
use std::fs;

use interlock::clock::DAY;
use interlock::domain::access::Role;
use serde_json::json;

use super::{on_both_now, program, table};
use crate::support::database::{execute, only, texts};
use crate::support::smtp::{Behaviour, Smtp};
use crate::support::{TestApp, fresh_schema};

const DANA: &str = "dana@halden.example";

/// The id of the organization with a slug, which names its chain.
async fn chain(app: &TestApp, slug: &str) -> String {
    only(texts(app, &format!("select id from organizations where slug = '{slug}'")).await)
}

on_both_now! {
    /// U4, AUD-01, AUD-02: the first row that was changed or is missing is named, and the others are whole.
    async fn chains_are_verified(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        app.sign_up("Quill", "Noor Haddad", "noor@quill.example").await;
        let whole = program(&app, "audit verify --json").json();
        let names: Vec<_> = whole.as_array().expect("a list").iter().map(|one| (&one["organization"], &one["whole"])).collect();
        let yes = json!(true);
        assert_eq!(names, [(&json!(null), &yes), (&json!("halden-freight"), &yes), (&json!("quill"), &yes)]);
        assert_eq!((&whole[1]["rows"], &whole[1]["broken_at"]), (&json!(5), &json!(null)));
        let heads = program(&app, "audit heads --json").json();
        assert_eq!((&heads[2]["chain"], &heads[2]["hash"]), (&whole[2]["chain"], &whole[2]["hash"]));
        let rows = table(&program(&app, "audit verify --org halden-freight").ok());
        assert_eq!(rows[0][..3], ["halden-freight", "5", "whole"]);

        let halden = chain(&app, "halden-freight").await;
        execute(&app, &format!("update audit_events set target_name = 'Eve' where chain = '{halden}' and seq = 3")).await;
        let said = program(&app, "audit verify");
        assert!(said.out.contains("broken at row 3: it was changed"), "{}", said.out);
        said.fails(1, "1 of 3 chains broken");
        let broken = program(&app, "audit verify --org halden-freight --json");
        let judged: serde_json::Value = serde_json::from_str(&broken.out).expect("JSON all the same");
        assert_eq!((&judged[0]["whole"], &judged[0]["broken_at"], &judged[0]["why"]), (&json!(false), &json!(3), &json!("it was changed")));
        broken.fails(1, "broken");
        program(&app, "audit verify --org quill").ok();
        execute(&app, &format!("delete from audit_events where chain = '{halden}' and seq = 3")).await;
        assert!(program(&app, "audit verify").out.contains("broken at row 3: it is missing"));
        program(&app, "audit verify --org nowhere").fails(1, "There is no organization");
    }

    /// U4: who owns the database can cut a chain's end, head and all; heads that were kept elsewhere tell.
    async fn kept_heads_find_a_chain_that_was_cut(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let file = app.app.config.data_dir.join("heads.json");
        fs::write(&file, program(&app, "audit heads --json").ok()).expect("it can be written");
        app.member(&mut owner, "Ada Lund", "ada@halden.example", Role::Member).await;
        let verify = format!("audit verify --against {}", file.display());
        program(&app, &verify).ok();
        let halden = chain(&app, "halden-freight").await;
        for statement in [
            "delete from audit_events where chain = '{}' and seq > 3",
            "update audit_heads set seq = 3, hash = (select hash from audit_events where chain = '{}' and seq = 3) where chain = '{}'",
        ] {
            execute(&app, &statement.replace("{}", &halden)).await;
        }
        program(&app, "audit verify").ok();
        let said = program(&app, &verify);
        assert!(said.out.contains("broken at row 5: it is missing"), "{}", said.out);
        said.fails(1, "1 of 2 chains broken");
        fs::write(&file, "[{}]").expect("it can be written");
        program(&app, &verify).fails(1, "can't be read");
        program(&app, "audit verify --against nowhere.json").fails(1, "can't be read");
    }
}

async fn with_server(smtp: &Smtp, postgres: bool) -> TestApp {
    let url = format!("smtp://127.0.0.1:{}?tls=none", smtp.port);
    let database = if postgres { Some(fresh_schema().await) } else { None };
    let settings = [("INTERLOCK_SMTP_URL", url.as_str()), ("INTERLOCK_MAIL_FROM", "access@halden.example")];
    TestApp::with(database, &settings).await
}

/// I9: a mail that was given up goes out after all, with a day of tries again.
async fn given_up_mail_is_retried(postgres: bool) {
    let smtp = Smtp::start().await;
    let app = with_server(&smtp, postgres).await;
    let refuse = HashSet::from(["ann@example.com".to_owned(), "bob@example.com".to_owned()]);
    smtp.behave(Behaviour { refuse, ..Behaviour::default() });
    for email in ["ann@example.com", "bob@example.com", "cy@example.com"] {
        app.visitor().post("/forgot-password", &[("email", email)]).await.is(303);
    }
    app.deliver().await;
    let failed = program(&app, "mail list --state failed --json").json();
    assert_eq!(failed.as_array().map(Vec::len), Some(2), "{failed}");
    let (bob, ann) = (&failed[0], &failed[1]);
    assert_eq!(
        (&bob["recipient"], &bob["kind"], &bob["text_kept"]),
        (&json!("bob@example.com"), &json!("password_reset_unknown"), &json!(true))
    );
    assert!(ann["why"].as_str().is_some_and(|why| why.contains("No such user here")), "{ann}");
    let text = program(&app, "mail list --state failed").ok();
    assert!(text.contains("ann@example.com") && text.contains("No such user here"), "{text}");
    assert_eq!(program(&app, "mail list --state queued").ok(), "No mail fits.\n");
    assert_eq!(program(&app, "mail list --limit 1 --json").json()[0]["recipient"], "cy@example.com");

    // Days later: a mail that was retried has its day of tries from then on.
    app.clock.advance(2 * DAY);
    smtp.behave(Behaviour { busy: 1, ..Behaviour::default() });
    let id = ann["id"].as_str().expect("an id");
    assert_eq!(program(&app, &format!("mail retry {id} --json")).json(), json!({"retried": 1}));
    program(&app, &format!("mail retry {id}")).fails(1, "it is queued");
    execute(&app, "update mail_outbox set due_at = 0, retried_at = (select max(created_at) from mail_outbox) + 172800000 where state = 'queued'").await;
    app.deliver().await;
    assert_eq!(
        program(&app, "mail list --state queued --json").json()[0]["id"],
        id,
        "busy for now is no end"
    );
    app.clock.advance(DAY / 24);
    app.deliver().await;
    assert_eq!(
        smtp.wait_for(2).await.last().map(|mail| mail.to.clone()),
        Some(vec!["ann@example.com".to_owned()])
    );
    assert!(program(&app, "mail retry --failed").ok().contains("1 mail back"));
    execute(&app, "update mail_outbox set due_at = 0 where state = 'queued'").await;
    app.deliver().await;
    assert_eq!(
        smtp.wait_for(3).await.last().map(|mail| mail.to.clone()),
        Some(vec!["bob@example.com".to_owned()])
    );
    program(&app, &format!("mail retry {id}")).fails(1, "it is sent");
    execute(&app, &format!("update mail_outbox set state = 'failed', body = null where id = '{id}'")).await;
    program(&app, &format!("mail retry {id}")).fails(1, "is gone");
    assert!(program(&app, "mail retry --failed").ok().contains("0 mails back"));
    program(&app, "mail retry 0199e3a0-4c5e-7b3a-9d2f-0a1b2c3d4e5f").fails(1, "no mail with this id");
    program(&app, "mail retry ann").fails(2, "not the id of a mail");
}

/// I9
#[tokio::test(flavor = "multi_thread")]
async fn given_up_mail_is_retried_sqlite() {
    given_up_mail_is_retried(false).await;
}

/// I9
#[tokio::test(flavor = "multi_thread")]
async fn given_up_mail_is_retried_postgres() {
    given_up_mail_is_retried(true).await;
}

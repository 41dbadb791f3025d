//! Mail: the outbox and a real SMTP conversation (I9).

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use interlock::clock::{DAY, MINUTE, SECOND, Timestamp};
use interlock::domain::access::Role;
use interlock::domain::previews;
use interlock::ids::MailId;
use interlock::mail::{self, Mailbox};

use crate::support::page::{between, link};
use crate::support::smtp::{self, Behaviour, Smtp};
use crate::support::{Answer, TestApp, fresh_schema};

/// The application with a mail server, on one database or the other.
async fn with_server(smtp: &Smtp, tls: &str, postgres: bool) -> TestApp {
    let url = format!("smtp://127.0.0.1:{}{tls}", smtp.port);
    let database = if postgres { Some(fresh_schema().await) } else { None };
    let settings =
        [("INTERLOCK_SMTP_URL", url.as_str()), ("INTERLOCK_MAIL_FROM", "Interlock <access@halden.example>")];
    TestApp::with(database, &settings).await
}

async fn ask_reset(app: &TestApp, email: &str) {
    app.visitor().post("/forgot-password", &[("email", email)]).await.leads_to("/forgot-password/sent");
}

async fn arrives_once(postgres: bool) {
    let smtp = Smtp::start().await;
    let app = with_server(&smtp, "?tls=none", postgres).await;
    ask_reset(&app, "ann@example.com").await;
    assert_eq!(app.deliver().await, 1);
    assert_eq!(app.deliver().await, 0);
    let received = smtp.wait_for(1).await;
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].from, "access@halden.example");
    assert_eq!(received[0].to, ["ann@example.com"]);
    let (subject, text, html) = smtp::parts(&received[0].data);
    assert_eq!(subject, "There is no account for this address");
    assert!(text.contains("ann@example.com") && html.contains("ann@example.com"));
    assert!(received[0].data.contains("Auto-Submitted: auto-generated"));
}

/// I9: each kind of mail that there is arrives at the server, whole, in both forms.
#[tokio::test]
async fn every_kind_of_mail_arrives() {
    let smtp = Smtp::start().await;
    let app = with_server(&smtp, "?tls=none", false).await;
    let all = previews::all(&app.app);
    let mut tx = app.app.db.write().await.expect("the database answers");
    for message in &all {
        mail::queue(&mut tx, &app.app, None, message).await.expect("the mail is queued");
    }
    tx.commit().await.expect("it is committed");
    while app.deliver().await > 0 {}
    let received = smtp.wait_for(all.len()).await;
    assert_eq!(received.len(), all.len());
    for message in all {
        let arrived =
            received.iter().map(|one| (one, smtp::parts(&one.data))).find(|(one, (subject, text, _))| {
                one.to == [message.to.as_str()]
                    && *subject == message.subject
                    && text.contains(&message.footer)
            });
        let (_, (_, text, html)) = arrived.unwrap_or_else(|| panic!("{} did not arrive", message.kind));
        assert!(html.contains("<html") && text.contains(&message.heading), "{}: {text}", message.kind);
        if let Some((_, url)) = &message.action {
            assert!(text.contains(url) && html.contains(&format!("href=\"{url}\"")), "{}", message.kind);
        }
    }
}

/// I9: html and text, from the configured sender, to the one recipient, once.
#[tokio::test]
async fn a_mail_arrives_once_sqlite() {
    arrives_once(false).await;
}

/// I9
#[tokio::test]
async fn a_mail_arrives_once_postgres() {
    arrives_once(true).await;
}

/// I7, I9: what the server refuses for good is given up, and the inviter sees why.
#[tokio::test]
async fn a_refused_address_is_told_to_the_inviter() {
    let smtp = Smtp::start().await;
    let app = with_server(&smtp, "?tls=none", false).await;
    let mut owner = app.owner_by_smtp(&smtp).await;
    smtp.behave(Behaviour {
        refuse: HashSet::from(["gone@halden.example".to_owned()]),
        ..Behaviour::default()
    });
    let invitations = format!("{}/invitations", owner.org);
    let fields = [("email", "gone@halden.example"), ("role", Role::Member.code())];
    owner.post(&invitations, &fields).await.is(303);
    owner.get(&invitations).await.ok().says("Queued");
    app.deliver().await;
    owner.get(&invitations).await.ok().says("Failed").says("550");
    app.clock.advance(DAY);
    assert_eq!(app.deliver().await, 0, "a refusal for good is not tried again");
}

/// I9: a busy server is asked again, later each time, and the mail arrives in the end.
#[tokio::test]
async fn a_busy_server_is_asked_again() {
    let smtp = Smtp::start().await;
    let app = with_server(&smtp, "?tls=none", true).await;
    smtp.behave(Behaviour { busy: 2, ..Behaviour::default() });
    ask_reset(&app, "ann@example.com").await;
    assert_eq!(app.deliver().await, 1);
    assert_eq!(app.deliver().await, 0, "not before its time");
    app.clock.advance(5 * SECOND);
    assert_eq!(app.deliver().await, 1);
    app.clock.advance(9 * SECOND);
    assert_eq!(app.deliver().await, 0);
    app.clock.advance(SECOND);
    assert_eq!(app.deliver().await, 1);
    assert_eq!(smtp.wait_for(1).await.len(), 1);
}

/// I9: after a day without success a mail is given up, and its text erased a week later.
#[tokio::test]
async fn a_mail_is_given_up_after_a_day() {
    let smtp = Smtp::start().await;
    let app = with_server(&smtp, "?tls=none", false).await;
    let mut owner = app.owner_by_smtp(&smtp).await;
    smtp.behave(Behaviour { busy: usize::MAX, ..Behaviour::default() });
    let invitations = format!("{}/invitations", owner.org);
    owner.post(&invitations, &[("email", "slow@halden.example"), ("role", "member")]).await.is(303);
    app.deliver().await;
    owner.get(&invitations).await.ok().says("Trying again");
    app.clock.advance(DAY + MINUTE);
    app.deliver().await;
    owner.sign_in("amara@halden.example", crate::support::PASSWORD).await.is(303);
    owner.get(&invitations).await.ok().says("Failed");
    app.clock.advance(30 * DAY);
    assert_eq!(app.deliver().await, 0);
}

/// I9: twice only where the server's answer was lost, and then as the same mail.
#[tokio::test]
async fn a_lost_answer_sends_the_same_mail_again() {
    let smtp = Smtp::start().await;
    let app = with_server(&smtp, "?tls=none", false).await;
    smtp.behave(Behaviour { lose_answers: 1, ..Behaviour::default() });
    ask_reset(&app, "ann@example.com").await;
    assert_eq!(app.deliver().await, 1);
    app.clock.advance(5 * SECOND);
    assert_eq!(app.deliver().await, 1);
    app.clock.advance(DAY);
    assert_eq!(app.deliver().await, 0);
    let received = smtp.wait_for(2).await;
    let id = |data: &str| data.lines().find(|line| line.starts_with("Message-ID:")).map(str::to_owned);
    assert_eq!(received.len(), 2);
    assert!(id(&received[0].data).is_some());
    assert_eq!(id(&received[0].data), id(&received[1].data));
}

/// ASVS 12.1.2, 12.3.1: without TLS, where the settings don't say so, nothing goes out.
#[tokio::test]
async fn a_server_without_tls_gets_nothing() {
    let smtp = Smtp::start().await;
    let app = with_server(&smtp, "", false).await;
    ask_reset(&app, "ann@example.com").await;
    assert_eq!(app.deliver().await, 1);
    assert!(smtp.received().is_empty());
}

/// I9: four workers in two processes, and no mail goes twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_never_send_the_same_mail() {
    let smtp = Smtp::start().await;
    let app = with_server(&smtp, "?tls=none", true).await;
    let replica = app.replica().await;
    for number in 0..25 {
        ask_reset(&app, &format!("ann{number}@example.com")).await;
    }
    let (one, two, three, four) =
        tokio::join!(app.deliver(), app.deliver(), replica.deliver(), replica.deliver());
    // A worker that loses a race for the last mail may stop early; what is left is due all the same.
    let rest = app.deliver().await;
    assert_eq!(one + two + three + four + rest, 25);
    let received = smtp.wait_for(25).await;
    let recipients: HashSet<&String> = received.iter().flat_map(|mail| &mail.to).collect();
    assert_eq!((received.len(), recipients.len()), (25, 25));
}

/// INJ-01, INJ-02: names are text in a mail's html, and no header.
#[test]
fn a_mail_escapes_what_people_typed() {
    let message = mail::Message {
        kind: "invitation",
        to: "ann@example.com".to_owned(),
        subject: "<b>Ann</b> invites you".to_owned(),
        heading: "Join <script>alert(1)</script>".to_owned(),
        paragraphs: vec!["\"><img src=x>".to_owned()],
        quote: Some(("<i>Ann</i>".to_owned(), "Hi <a href='//evil.example'>there</a>".to_owned())),
        action: Some(("Go".to_owned(), "http://localhost:3000/invite/x".to_owned())),
        code: Some("<12>".to_owned()),
        footer: "<hr>".to_owned(),
    };
    let body = message.render("http://localhost:3000");
    for tag in ["<script>alert", "<img", "<i>Ann", "<a href='//evil", "<hr>", "<b>Ann"] {
        assert!(!body.html.contains(tag), "{tag} is live in {}", body.html);
    }
    assert!(body.text.contains("Join <script>alert(1)</script>"));
    assert!(body.text.contains("http://localhost:3000/invite/x"));
}

/// A kind of mail stands in the code as `kind: "…"`.
fn kinds_in_the_code() -> BTreeSet<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut kinds = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).expect("it is text");
                let named = text.split(" kind: \"").skip(1).filter_map(|rest| rest.split('"').next());
                kinds.extend(named.map(str::to_owned));
            }
        }
    }
    kinds
}

/// I9, V3: the local mailbox shows all of its mails, a page at a time, and those to one person.
#[tokio::test]
async fn the_mailbox_is_walked_and_searched() {
    let app = TestApp::sqlite().await;
    let mailbox = Mailbox::new(&app.app.config.data_dir);
    for n in 0..205 {
        let to = if n % 2 == 0 { "Ann@x.example" } else { "bob@x.example" };
        let mail = format!("To: {to}\r\nSubject: mail {n:03}\r\n\r\nHello\r\n");
        mailbox.store(MailId::generate(), Timestamp(1_000 + n), mail.as_bytes()).await.expect("it is stored");
    }
    let mut visitor = app.visitor();
    let numbers = |page: &Answer| -> Vec<i64> {
        between(&page.body, "<b>mail ", "</b>")
            .iter()
            .map(|number| number.parse().expect("a number"))
            .collect()
    };
    let mut page = visitor.get("/mailbox").await.ok();
    assert_eq!(link(&page, "Newer"), None);
    let mut pages = vec![numbers(&page)];
    while let Some(older) = link(&page, "Older") {
        page = visitor.get(&older).await.ok();
        pages.push(numbers(&page));
    }
    assert_eq!(pages.concat(), (0..205).rev().collect::<Vec<_>>());
    let mut back = vec![numbers(&page)];
    while let Some(newer) = link(&page, "Newer") {
        page = visitor.get(&newer).await.ok();
        back.insert(0, numbers(&page));
    }
    assert_eq!(back, pages);
    let page = visitor.get("/mailbox?to=ann%40X").await.ok();
    assert_eq!(numbers(&page).len(), 100);
    let older = link(&page, "Older").expect("there are more");
    assert!(older.contains("to=ann%40X"), "{older}");
    assert_eq!(numbers(&visitor.get(&older).await.ok()), [4, 2, 0]);
    visitor.get("/mailbox?to=nobody").await.ok().says("No such mail is here");
}

/// Every kind of mail has a preview, in html and in text, which says the same.
#[tokio::test]
async fn every_mail_has_a_preview() {
    let app = TestApp::sqlite().await;
    let shown: BTreeSet<String> =
        previews::all(&app.app).into_iter().map(|message| message.kind.to_owned()).collect();
    let missing: Vec<String> = kinds_in_the_code().difference(&shown).cloned().collect();
    assert!(missing.is_empty(), "no preview of {missing:?}");

    let mut visitor = app.visitor();
    let list = visitor.get("/mailbox/kinds").await.ok();
    for message in previews::all(&app.app) {
        let path = format!("/mailbox/kinds/{}", message.kind);
        assert!(list.body.contains(&format!("href=\"{path}\"")), "{path}");
        visitor.get(&path).await.ok().says(&message.subject).says(&message.footer);
        let html = visitor.get(&format!("{path}/html")).await.ok();
        let body = message.render(&app.url);
        for said in message.paragraphs.iter().chain([&message.heading, &message.footer]) {
            assert!(body.text.contains(said), "{}: {said:?} is missing in {}", message.kind, body.text);
            assert!(html.text().contains(said), "{}: {said:?} is missing in the html", message.kind);
        }
        if let Some((label, url)) = &message.action {
            assert!(body.text.contains(url) && body.html.contains(&format!("href=\"{url}\"")), "{label}");
        }
        let long = body.text.lines().find(|line| line.len() > 998);
        assert_eq!(long, None, "{} has a line that mail can't carry (RFC 5322, 2.1.1)", message.kind);
    }
    visitor.get("/mailbox/kinds/no-such-kind").await.is(404);
    visitor.headers.push(("x-forwarded-for".to_owned(), "127.0.0.1".to_owned()));
    visitor.get("/mailbox/kinds").await.is(404);
    visitor.get("/mailbox/kinds/invitation/html").await.is(404);
}

/// What Gmail and Outlook lack, no mail needs.
#[tokio::test]
async fn every_mail_holds_in_gmail_and_outlook() {
    let app = TestApp::sqlite().await;
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools");
    let mut files = Vec::new();
    for message in previews::all(&app.app) {
        let file = app.app.config.data_dir.join(format!("{}.html", message.kind));
        fs::write(&file, message.render(&app.url).html).expect("the mail can be written");
        files.push(file);
    }
    let judged = Command::new("node").arg("mail_clients.mjs").args(&files).current_dir(tools).output();
    let judged = judged.expect("node is installed, by tests/run");
    let words = String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success(), "{words}{}", String::from_utf8_lossy(&judged.stderr));
    assert!(words.contains(&format!("{} mails, 0 problems", files.len())), "{words}");
}

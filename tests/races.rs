//! What people do at once: on SQLite in one process, on PostgreSQL in two.

use std::collections::BTreeMap;

use interlock::clock::MINUTE;
use interlock::domain::access::Role;
use interlock::domain::audit::{Chain, Verdict, verify};

use crate::support::database::{execute, texts};
use crate::support::{PASSWORD, TestApp, Visitor, on_both};

const DANA: &str = "dana@halden.example";
const WORDS: &str = "nine green bottles hang";
const ROUNDS: usize = 20;

/// The application, and a second process beside it where the database is shared.
struct House {
    app: TestApp,
    replica: Option<TestApp>,
}

impl House {
    async fn new(app: TestApp) -> House {
        let replica = if app.app.db.is_shared() { Some(app.replica().await) } else { None };
        House { app, replica }
    }

    /// The same browser, of which every second request goes to the other process.
    fn tab(&self, of: &Visitor, number: usize) -> Visitor {
        let app = self.replica.as_ref().filter(|_| number % 2 == 1).unwrap_or(&self.app);
        let mut tab = app.visitor();
        tab.cookies = of.cookies.clone();
        tab.org = of.org.clone();
        tab
    }
}

type Form = Vec<(&'static str, &'static str)>;

/// Posts all of these at once, and gives their statuses in the same order.
async fn at_once(posts: Vec<(Visitor, String, Form)>) -> Vec<u16> {
    let running: Vec<_> = posts
        .into_iter()
        .map(|(mut visitor, path, fields)| {
            tokio::spawn(async move { visitor.post(&path, &fields).await.status.as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for post in running {
        statuses.push(post.await.expect("a request does not panic"));
    }
    statuses
}

fn count(statuses: &[u16]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for status in statuses {
        *counts.entry(*status).or_default() += 1;
    }
    counts
}

/// Every chain is whole, whatever raced.
async fn all_whole(app: &TestApp) {
    for id in texts(app, "select id from organizations").await {
        let chain = Chain::Organization(id.parse().expect("it is an id"));
        let verdict = verify(&app.app.db, chain).await.expect("the chain can be read");
        assert!(matches!(verdict, Verdict::Whole { .. }), "{verdict:?}");
    }
    let verdict = verify(&app.app.db, Chain::Instance).await.expect("the chain can be read");
    assert!(matches!(verdict, Verdict::Whole { .. }), "{verdict:?}");
}

on_both! {
    /// I3, INV-01: of twenty acceptances of one link at once, one is it: one account, one membership.
    async fn one_link_accepted_by_twenty(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let mut owner = app.owner().await;
        let link = app.invited(&mut owner, DANA, Role::Developer).await;
        let stranger = app.visitor();
        let post =
            |n| (house.tab(&stranger, n), link.clone(), vec![("name", "Dana Kovač"), ("password", WORDS)]);
        let statuses = at_once((0..20).map(post).collect()).await;
        // Used, or already an account that would have to sign in: by the moment at which it was looked.
        assert!(statuses.iter().all(|status| matches!(status, 303 | 403 | 410)), "{statuses:?}");
        assert_eq!(count(&statuses)[&303], 1, "{statuses:?}");
        assert_eq!(
            texts(app, &format!("select name from users where email = '{DANA}'")).await,
            ["Dana Kovač"]
        );
        assert_eq!(
            texts(app, &format!("select role || state from memberships where email = '{DANA}'")).await,
            ["developeractive"]
        );
        for kind in ["invitation.accepted", "account.created"] {
            let query = format!(
                "select chain from audit_events where kind = '{kind}' and target_name = 'Dana Kovač'"
            );
            let written = if kind == "account.created" { 2 } else { 1 };
            assert_eq!(texts(app, &query).await.len(), written, "{kind}");
        }
        assert_eq!(texts(app, "select id from sessions").await.len(), 2);
        all_whole(app).await;
    }

    /// I3: the same by the tabs of one signed-in person.
    async fn one_link_accepted_by_an_account_in_twenty_tabs(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let mut owner = app.owner().await;
        let noor = app.sign_up("Quill Works", "Noor Haddad", "noor@quill.example").await;
        let link = app.invited(&mut owner, "noor@quill.example", Role::Reviewer).await;
        let statuses = at_once((0..20).map(|n| (house.tab(&noor, n), link.clone(), vec![])).collect()).await;
        assert_eq!(count(&statuses), BTreeMap::from([(303, 1), (410, 19)]));
        let query = "select role || state from memberships where email = 'noor@quill.example' order by role";
        assert_eq!(texts(app, query).await, ["owneractive", "revieweractive"]);
        assert_eq!(
            texts(app, "select chain from audit_events where kind = 'invitation.accepted'").await.len(),
            1
        );
        all_whole(app).await;
    }

    /// M2, MFA-01: of twenty uses of one code, or of one recovery code, at once one signs in, over all processes.
    async fn one_code_used_by_twenty(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let mut owner = app.owner().await;
        let phone = owner.enable_mfa(&app.clock).await;
        phone.next_step();
        let ways = [("code", phone.code()), ("recovery", phone.recovery_codes[0].clone())];
        for (with, code) in ways {
            let mut halves = Vec::new();
            for number in 0..20 {
                let mut half = house.tab(&app.visitor(), number);
                half.sign_in(&owner.email, PASSWORD).await.leads_to("/sign-in/challenge");
                halves.push(half);
            }
            // The budget is for guesses: here it shall not be what refuses.
            let before = texts(app, "select id from sessions").await.len();
            let code: &'static str = code.leak();
            let post = |half| (half, "/sign-in/challenge".to_owned(), vec![("code", code), ("with", with)]);
            let statuses = at_once(halves.into_iter().map(post).collect()).await;
            assert_eq!(count(&statuses)[&303], 1, "{with}: {statuses:?}");
            assert!(statuses.iter().all(|status| matches!(status, 303 | 422 | 429)), "{statuses:?}");
            assert_eq!(texts(app, "select id from sessions").await.len(), before + 1, "{with}");
        }
        all_whole(app).await;
    }

    /// S11: one half-finished sign-in becomes one session, whatever proves it.
    async fn one_half_sign_in_finished_by_many(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let mut owner = app.owner().await;
        let phone = owner.enable_mfa(&app.clock).await;
        let mut half = app.visitor();
        half.sign_in(&owner.email, PASSWORD).await.leads_to("/sign-in/challenge");
        let before = texts(app, "select id from sessions").await.len();
        let codes: Vec<&'static str> = phone.recovery_codes.iter().map(|code| &*code.clone().leak()).collect();
        let post = |n: usize| {
            (house.tab(&half, n), "/sign-in/challenge".to_owned(), vec![("code", codes[n]), ("with", "recovery")])
        };
        let statuses = at_once((0..10).map(post).collect()).await;
        let texts_left = texts(app, "select code_hash from recovery_codes where used_at is null").await;
        assert_eq!(texts(app, "select id from sessions").await.len(), before + 1, "{statuses:?}");
        assert_eq!(texts_left.len(), 9, "only the code that signed in is used up: {statuses:?}");
        all_whole(app).await;
    }

    /// R3: two Owners who demote, suspend or remove each other at once leave one Owner, each time.
    async fn two_owners_against_each_other(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let mut amara = app.owner().await;
        let sefa = app.member(&mut amara, "Sefa Olsen", "sefa@halden.example", Role::Owner).await;
        let users = format!("{}/users", amara.org);
        let ids = (app.id_of(&mut amara, "Amara Okafor").await, app.id_of(&mut amara, "Sefa Olsen").await);
        for round in 0..51 {
            let (act, fields): (&str, Form) = match round % 3 {
                0 => ("role", vec![("role", "admin")]),
                1 => ("suspension", vec![]),
                _ => ("removal", vec![]),
            };
            let statuses = at_once(vec![
                (house.tab(&amara, round), format!("{users}/{}/{act}", ids.1), fields.clone()),
                (house.tab(&sefa, round + 1), format!("{users}/{}/{act}", ids.0), fields),
            ])
            .await;
            let won = statuses.iter().filter(|status| **status == 303).count();
            assert_eq!(won, 1, "{act}: {statuses:?}");
            // Whoever came second had lost their right before, or while, they asked.
            assert!(statuses.iter().all(|status| matches!(status, 303 | 403 | 404)), "{act}: {statuses:?}");
            let owners = "select email from memberships where role = 'owner' and state = 'active'";
            assert_eq!(texts(app, owners).await.len(), 1, "{act}");
            execute(app, "update memberships set role = 'owner', state = 'active'").await;
        }
        all_whole(app).await;
    }

    /// RST-03, SES-08: a sign-in with the old password that meets its change opens nothing that lasts.
    async fn signing_in_against_a_change_of_password(app: TestApp) {
        let mut owner = app.owner().await;
        let other = "nine green bottles hang";
        let (mut old, mut new) = (PASSWORD, other);
        for round in 0..10 {
            // Wrong passwords are budgeted: each round has a window of its own.
            app.clock.advance(16 * MINUTE);
            let signing_in = (0..3).map(|_| {
                let mut visitor = app.visitor();
                let password = old.to_owned();
                tokio::spawn(async move {
                    visitor.sign_in("amara@halden.example", &password).await;
                    visitor
                })
            });
            let signing_in: Vec<_> = signing_in.collect();
            let fields = [("current_password", old), ("password", new)];
            owner.post("/account/password", &fields).await.leads_to("/account");
            for visitor in signing_in {
                let mut visitor = visitor.await.expect("signing in does not panic");
                let answer = visitor.get("/account").await;
                assert_eq!(answer.status, 303, "round {round}: a session outlived its password");
            }
            owner.get("/account").await.ok();
            std::mem::swap(&mut old, &mut new);
        }
    }

    /// SES-02: one cookie proves once, however often it is sent at once, and whoever is told that it did is in.
    async fn confirming_twice_at_once(app: TestApp) {
        let owner = app.owner().await;
        let confirming = (0..4).map(|_| {
            let mut tab = owner.clone();
            tokio::spawn(async move {
                let answer = tab.post("/step-up", &[("password", PASSWORD)]).await;
                (answer.location(), tab)
            })
        });
        let mut confirmed = 0;
        for tab in confirming.collect::<Vec<_>>() {
            let (location, mut tab) = tab.await.expect("confirming does not panic");
            if location == "/" {
                confirmed += 1;
                tab.get("/account").await.ok();
            }
        }
        assert_eq!(confirmed, 1);
    }

    /// R3, ROL-03: two Owners who step down at once: one of them is told that they are the last.
    async fn two_owners_step_down(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let mut amara = app.owner().await;
        let sefa = app.member(&mut amara, "Sefa Olsen", "sefa@halden.example", Role::Owner).await;
        let users = format!("{}/users", amara.org);
        let ids = (app.id_of(&mut amara, "Amara Okafor").await, app.id_of(&mut amara, "Sefa Olsen").await);
        for round in 0..ROUNDS {
            let mut statuses = at_once(vec![
                (house.tab(&amara, round), format!("{users}/{}/role", ids.0), vec![("role", "member")]),
                (house.tab(&sefa, round + 1), format!("{users}/{}/role", ids.1), vec![("role", "member")]),
            ])
            .await;
            statuses.sort_unstable();
            assert_eq!(statuses, [303, 409]);
            execute(app, "update memberships set role = 'owner'").await;
        }
        all_whole(app).await;
    }

    /// R3, ROL-03: two Owners who leave at once: one of them is told that they are the last.
    async fn two_owners_leave(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let mut amara = app.owner().await;
        let sefa = app.member(&mut amara, "Sefa Olsen", "sefa@halden.example", Role::Owner).await;
        let id = texts(app, "select id from organizations").await.remove(0);
        let path = format!("/account/organizations/{id}/leaving");
        for round in 0..ROUNDS {
            let mut statuses = at_once(vec![
                (house.tab(&amara, round), path.clone(), vec![]),
                (house.tab(&sefa, round + 1), path.clone(), vec![]),
            ])
            .await;
            statuses.sort_unstable();
            assert_eq!(statuses, [303, 409]);
            let people = texts(app, "select cast(people as text) from organizations").await;
            assert_eq!(people, ["1"]);
            execute(app, "update memberships set state = 'active'; update organizations set people = 2").await;
        }
        all_whole(app).await;
    }

    /// R3: two Owners who hand over to each other, and step down, at once: the one after the other, and it comes back.
    async fn two_owners_hand_over(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let mut amara = app.owner().await;
        let mut sefa = app.member(&mut amara, "Sefa Olsen", "sefa@halden.example", Role::Owner).await;
        amara.step_up().await;
        sefa.step_up().await;
        let path = format!("{}/settings/owner", amara.org);
        let to = |email| vec![("email", email), ("role", "admin"), ("confirmed", "yes")];
        for round in 0..ROUNDS {
            let statuses = at_once(vec![
                (house.tab(&amara, round), path.clone(), to("sefa@halden.example")),
                (house.tab(&sefa, round + 1), path.clone(), to("amara@halden.example")),
            ])
            .await;
            assert_eq!(statuses, [303, 303]);
            let owners = "select email from memberships where role = 'owner' and state = 'active'";
            assert_eq!(texts(app, owners).await.len(), 1);
            execute(app, "update memberships set role = 'owner'").await;
        }
        all_whole(app).await;
    }

    /// R11: of two organizations that want one slug at once one has it, and the other is told that it is taken.
    async fn one_slug_for_two(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let amara = app.owner().await;
        let noor = app.sign_up("Quill Works", "Noor Haddad", "noor@quill.example").await;
        let (mut first, mut second) = (amara.org.clone(), noor.org.clone());
        for round in 0..ROUNDS {
            let slug: &'static str = Box::leak(format!("wanted-{round}").into_boxed_str());
            let fields = |name| vec![("name", name), ("slug", slug)];
            let statuses = at_once(vec![
                (house.tab(&amara, round), format!("{first}/settings"), fields("Halden Freight")),
                (house.tab(&noor, round + 1), format!("{second}/settings"), fields("Quill Works")),
            ])
            .await;
            match statuses[..] {
                [303, 422] => first = format!("/o/{slug}"),
                [422, 303] => second = format!("/o/{slug}"),
                _ => panic!("{statuses:?}"),
            }
        }
        all_whole(app).await;
    }

    /// S2, R11: ten organizations of one name at once, while another takes a slug that they want.
    async fn one_name_for_ten(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let amara = app.owner().await;
        let mut posts: Vec<_> = (0..10)
            .map(|n| (house.tab(&amara, n), "/organizations".to_owned(), vec![("name", "Nordlicht")]))
            .collect();
        let fields = vec![("name", "Halden Freight"), ("slug", "nordlicht-3")];
        posts.push((house.tab(&amara, 1), format!("{}/settings", amara.org), fields));
        let statuses = at_once(posts).await;
        assert_eq!(statuses[..10], [303; 10]);
        assert!(matches!(statuses[10], 303 | 422), "{statuses:?}");
        assert_eq!(texts(app, "select slug from organizations").await.len(), 11);
        all_whole(app).await;
    }

    /// R12: what meets a deletion is done before it, or refused by it; deleting twice is once.
    async fn deleting_against_everything_else(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let mut owner = app.owner().await;
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", "noor@quill.example").await;
        noor.org.clone_from(&owner.org);
        for round in 0..ROUNDS {
            execute(
                app,
                "delete from throttles; update invitations set state = 'revoked' where state = 'pending'; \
                 update memberships set state = 'removed' where role = 'member'",
            )
            .await;
            let link = app.invited(&mut owner, "noor@quill.example", Role::Member).await;
            owner.step_up().await;
            let delete =
                (format!("{}/settings/deletion", owner.org), vec![("confirmation", "halden-freight")]);
            let statuses = at_once(vec![
                (house.tab(&owner, round), delete.0.clone(), delete.1.clone()),
                (house.tab(&owner, round + 1), delete.0, delete.1),
                (house.tab(&noor, round), link.clone(), vec![]),
                (
                    house.tab(&owner, round + 1),
                    format!("{}/invitations", owner.org),
                    vec![("email", DANA), ("role", "member")],
                ),
            ])
            .await;
            let closed = texts(app, "select kind from audit_events where kind = 'organization.closed'").await;
            assert_eq!(closed.len(), round + 1);
            // Refused by the gate, or by the change itself.
            assert_eq!(statuses[..2].iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
            assert!(statuses[..2].iter().all(|status| matches!(status, 303 | 403 | 409)), "{statuses:?}");
            let member = texts(app, "select state from memberships where role = 'member'").await;
            let joined = member.first().is_some_and(|state| state == "active");
            assert_eq!(statuses[2], if joined { 303 } else { 410 }, "{statuses:?}");
            assert!(matches!(statuses[3], 303 | 403 | 409), "{statuses:?}");
            owner.post(&format!("{}/reopening", owner.org), &[]).await.is(303);
        }
        all_whole(app).await;
    }

    /// I3: of many invitations of one address at once one is pending, and one is mailed.
    async fn one_address_invited_at_once(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let owner = app.owner().await;
        let path = format!("{}/invitations", owner.org);
        let roles = ["member", "admin", "auditor", "reviewer"];
        let post = |n: usize| {
            let email = if n.is_multiple_of(2) { DANA } else { "DANA@halden.example" };
            (house.tab(&owner, n), path.clone(), vec![("email", email), ("role", roles[n % 4])])
        };
        let statuses = at_once((0..8).map(post).collect()).await;
        assert_eq!(count(&statuses), BTreeMap::from([(303, 1), (409, 7)]));
        assert_eq!(texts(app, "select state from invitations").await, ["pending"]);
        assert_eq!(texts(app, "select kind from mail_outbox where kind = 'invitation'").await.len(), 1);
        assert_eq!(texts(app, "select kind from audit_events where kind = 'invitation.sent'").await.len(), 1);
        all_whole(app).await;
    }

    /// I7: a link that is resent while it is used is used or dead, and never both.
    async fn resending_against_accepting(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let mut owner = app.owner().await;
        let invitations = format!("{}/invitations", owner.org);
        let mut noor = app.sign_up("Quill Works", "Noor Haddad", "noor@quill.example").await;
        for round in 0..ROUNDS {
            // Out and in again, with a budget of its own each time.
            execute(
                app,
                "delete from throttles; update invitations set state = 'revoked' where state = 'pending'; \
                 update memberships set state = 'removed' where role = 'member'",
            )
            .await;
            let link = app.invited(&mut owner, "noor@quill.example", Role::Member).await;
            let id = texts(app, "select id from invitations where state = 'pending'").await.remove(0);
            let act = if round % 2 == 0 { "mail" } else { "revocation" };
            let statuses = at_once(vec![
                (house.tab(&noor, round), link.clone(), vec![]),
                (house.tab(&owner, round + 1), format!("{invitations}/{id}/{act}"), vec![]),
            ])
            .await;
            let state =
                texts(app, &format!("select state from invitations where id = '{id}'")).await.remove(0);
            let members =
                texts(app, "select user_id from memberships where role = 'member' and state = 'active'")
                    .await;
            match statuses[..] {
                [303, 404] => assert_eq!((state.as_str(), members.len()), ("accepted", 1)),
                [410, 303] => {
                    let left = if act == "mail" { "pending" } else { "revoked" };
                    assert_eq!((state.as_str(), members.len()), (left, 0));
                    if act == "mail" {
                        let newer = app.mail_to("noor@quill.example").await.path("/invite/");
                        assert_ne!(newer, link);
                        noor.post(&newer, &[]).await.leads_to(&owner.org);
                    }
                }
                _ => panic!("{act}: {statuses:?}"),
            }
        }
        all_whole(app).await;
    }

    /// U1: a suspension and a change of role at once are both done, one after the other, each with what it found.
    async fn suspending_against_a_change_of_role(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let users = format!("{}/users", owner.org);
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        for round in 0..ROUNDS {
            let statuses = at_once(vec![
                (house.tab(&owner, round), format!("{users}/{id}/suspension"), vec![]),
                (house.tab(&owner, round + 1), format!("{users}/{id}/role"), vec![("role", "developer")]),
                (house.tab(&owner, round), format!("{users}/{id}/role"), vec![("role", "reviewer")]),
            ])
            .await;
            assert_eq!(statuses, [303, 303, 303]);
            let query = format!("select role || ' ' || state from memberships where user_id = '{id}'");
            let standing = texts(app, &query).await.remove(0);
            assert!(standing == "developer suspended" || standing == "reviewer suspended", "{standing}");
            let changes = texts(
                app,
                "select changes from audit_events where kind = 'member.role_changed' order by seq desc limit 2",
            )
            .await;
            // The newer change begins where the older one ended.
            let (newer, older) = (&changes[0], &changes[1]);
            assert!(older.contains(r#""old":"Member""#), "{older}");
            let between = if newer.contains(r#""new":"Developer""#) { "Reviewer" } else { "Developer" };
            assert!(newer.contains(&format!(r#""old":"{between}""#)), "{newer}");
            assert!(older.contains(&format!(r#""new":"{between}""#)), "{older}");
            execute(
                app,
                &format!("update memberships set role = 'member', state = 'active' where user_id = '{id}'"),
            )
            .await;
        }
        all_whole(app).await;
    }

    /// R8, I2: whoever is removed while they accept another's invitation, or are invited, ends in one state.
    async fn removing_against_inviting(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let mut owner = app.owner().await;
        app.member(&mut owner, "Dana Kovač", DANA, Role::Member).await;
        let id = app.id_of(&mut owner, "Dana Kovač").await;
        let (users, invitations) = (format!("{}/users", owner.org), format!("{}/invitations", owner.org));
        for round in 0..ROUNDS {
            let statuses = at_once(vec![
                (house.tab(&owner, round), format!("{users}/{id}/removal"), vec![]),
                (
                    house.tab(&owner, round + 1),
                    invitations.clone(),
                    vec![("email", DANA), ("role", "member")],
                ),
            ])
            .await;
            let pending = texts(app, "select state from invitations where state = 'pending'").await.len();
            assert!(
                matches!((&statuses[..], pending), ([303, 303], 1) | ([303, 409], 0)),
                "{statuses:?} {pending}"
            );
            execute(
                app,
                "delete from throttles; update invitations set state = 'revoked'; \
                 update memberships set state = 'active'",
            )
            .await;
        }
        all_whole(app).await;
    }

    /// EML: one free address that two accounts confirm at once, while a sign-up verifies it, is given once.
    async fn one_address_confirmed_at_once(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let mut amara = app.owner().await;
        let mut nina = app.sign_up("Other Ltd", "Nina Berg", "nina@other.example").await;
        for round in 0..10 {
            execute(app, "delete from throttles").await;
            let wanted = format!("wanted{round}@free.example");
            let mut links = Vec::new();
            for visitor in [&mut amara, &mut nina] {
                visitor.step_up().await;
                visitor.post("/account/email", &[("email", &wanted)]).await.leads_to("/account");
                links.push(app.mail_to(&wanted).await.path("/email/"));
            }
            let fields = [
                ("organization", "New Ltd"), ("name", "Fo Under"), ("email", wanted.as_str()), ("password", PASSWORD),
            ];
            let mut founder = app.visitor();
            founder.post("/sign-up", &fields).await.leads_to("/sign-up/sent");
            let verify = app.mail_to(&wanted).await.path("/verify/");
            let mut posts = vec![
                (house.tab(&amara, round), links[0].clone(), vec![]),
                (house.tab(&nina, round + 1), links[1].clone(), vec![]),
                (house.tab(&founder, round), verify, vec![]),
            ];
            posts.rotate_left(round % 3);
            let statuses = at_once(posts).await;
            assert_eq!(count(&statuses)[&303], 1, "round {round}: {statuses:?}");
            assert!(statuses.iter().all(|status| matches!(status, 303 | 409 | 410)), "round {round}: {statuses:?}");
            let holders = texts(app, &format!("select id from users where email_canonical = '{wanted}'")).await;
            assert_eq!(holders.len(), 1);
        }
        all_whole(app).await;
    }

    /// EML: a confirmation against the newer request that ends it, and two undos at once: each link is used once.
    async fn one_undo_at_once(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let mut amara = app.owner().await;
        amara.step_up().await;
        amara.post("/account/email", &[("email", "new@okafor.example")]).await.leads_to("/account");
        let link = app.mail_to("new@okafor.example").await.path("/email/");
        let confirming = at_once((0..6).map(|n| (house.tab(&amara, n), link.clone(), vec![])).collect()).await;
        assert_eq!(count(&confirming), BTreeMap::from([(303, 1), (410, 5)]));
        let undo = app.mail_to("amara@halden.example").await.path("/email/undo/");
        let nobody = app.visitor();
        let undoing = at_once((0..6).map(|n| (house.tab(&nobody, n), undo.clone(), vec![])).collect()).await;
        assert_eq!(count(&undoing), BTreeMap::from([(200, 1), (410, 5)]));
        for kind in ["account.email_changed", "account.email_change_undone"] {
            let rows = texts(app, &format!("select chain from audit_events where kind = '{kind}'")).await;
            assert_eq!(rows.len(), 2, "{kind}");
        }
        all_whole(app).await;
    }

    /// R8: a removal that takes invites over, against the leaver who revokes or resends one of them.
    async fn leaving_against_ones_own_invites(app: TestApp) {
        let house = House::new(app).await;
        let app = &house.app;
        let mut owner = app.owner().await;
        let mut adil = app.member(&mut owner, "Adil Brandt", "adil@halden.example", Role::Admin).await;
        let (users, invitations) = (format!("{}/users", owner.org), format!("{}/invitations", owner.org));
        let id = app.id_of(&mut owner, "Adil Brandt").await;
        for round in 0..ROUNDS {
            app.invited(&mut adil, DANA, Role::Member).await;
            let invitation = texts(app, "select id from invitations where state = 'pending'").await.remove(0);
            let act = if round % 2 == 0 { "mail" } else { "revocation" };
            let statuses = at_once(vec![
                (house.tab(&owner, round), format!("{users}/{id}/removal"), vec![("invitations", "keep")]),
                (house.tab(&adil, round + 1), format!("{invitations}/{invitation}/{act}"), vec![]),
            ])
            .await;
            assert_eq!(statuses[0], 303);
            // Whoever is gone before they are asked has no right, or no organization.
            assert!(matches!(statuses[1], 303 | 403 | 404), "{statuses:?}");
            let query = format!(
                "select i.state || ' ' || u.name from invitations i join users u on u.id = i.inviter where i.id = '{invitation}'"
            );
            let standing = texts(app, &query).await.remove(0);
            let revoked = act == "revocation" && statuses[1] == 303;
            assert_eq!(standing, if revoked { "revoked Adil Brandt" } else { "pending Amara Okafor" });
            let pending = if revoked { 0 } else { 1 };
            assert_eq!(texts(app, "select cast(pending as text) from organizations").await, [pending.to_string()]);
            execute(
                app,
                "delete from throttles; update invitations set state = 'revoked' where state = 'pending'; \
                 update organizations set pending = 0; update memberships set state = 'active'",
            )
            .await;
        }
        all_whole(app).await;
    }
}

//! `/o/{org}/users/{id}/removal`: what someone leaves behind, and what becomes of it (R8).

use interlock::clock::{DAY, MINUTE};
use interlock::domain::access::Role;

use crate::support::database::{execute, only, texts};
use crate::support::{PASSWORD, TestApp, Visitor, everything, on_both, refuses_bad_forms};

const ADIL: &str = "adil@halden.example";
const DANA: &str = "dana@halden.example";

/// An Admin who has invited two people, and where their removal is.
async fn a_leaver(app: &TestApp, owner: &mut Visitor) -> (Visitor, String, String) {
    let mut adil = app.member(owner, "Adil Brandt", ADIL, Role::Admin).await;
    let link = app.invited(&mut adil, DANA, Role::Developer).await;
    app.invited(&mut adil, "r.osei@partner.example", Role::Auditor).await;
    let id = app.id_of(owner, "Adil Brandt").await;
    (adil, format!("{}/users/{id}/removal", owner.org), link)
}

/// "email state inviter", by email.
async fn invitations(app: &TestApp) -> Vec<String> {
    texts(
        app,
        "select i.email || ' ' || i.state || ' ' || u.name from invitations i join users u on u.id = i.inviter \
         where i.email not like 'adil%' order by i.email",
    )
    .await
}

/// Counts that are kept are the counts that are.
async fn counts_are_true(app: &TestApp) {
    let wrong = texts(
        app,
        "select o.slug from organizations o where o.people <> (select count(*) from memberships m \
         where m.organization = o.id and m.state <> 'removed') or o.pending <> (select count(*) from invitations i \
         where i.organization = o.id and i.state = 'pending')",
    )
    .await;
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// A list of invites of which some wait to be sent.
async fn list(app: &TestApp, id: &str, inviter: &str, role: &str, queued: usize) {
    execute(
        app,
        &format!(
            "insert into invitation_batches (id, organization, inviter, role, note, notice, created_at) \
             select '{id}', o.id, u.id, '{role}', '', false, 0 from organizations o, users u \
             where u.email = '{inviter}' and o.slug = 'halden-freight'"
        ),
    )
    .await;
    for line in 0..queued + 1 {
        let state = if line == 0 { "invited" } else { "queued" };
        execute(
            app,
            &format!(
                "insert into invitation_batch_lines (batch, position, email, name, state) \
                 values ('{id}', {line}, 'p{line}@crowd.example', '', '{state}')"
            ),
        )
        .await;
    }
}

const LIST: &str = "01920000-0000-7000-8000-000000000001";

on_both! {
    /// R8, V4: the screen says in numbers what is left behind, before anything happens.
    async fn the_screen_says_what_is_left_behind(app: TestApp) {
        let mut owner = app.owner().await;
        let (mut adil, removal, _) = a_leaver(&app, &mut owner).await;
        let mut phone = app.visitor();
        phone.address = [203, 0, 113, 20].into();
        phone.sign_in(ADIL, PASSWORD).await.leads_to("/");
        adil.get(&format!("{}/users", owner.org)).await.ok();
        let before = everything(&app).await;
        let page = owner.get(&removal).await.ok().says("Remove Adil Brandt?").says("in 2 open sessions");
        let page = page.says("203.0.113.20, signed in just now , not used here yet").says("127.0.0.1");
        let page = page.says("2 are pending").says(DANA).says("r.osei@partner.example");
        let page = page.says("You answer for 2 invites").says("2 invites end: links that were sent stop working");
        let page = page.says("Their account and their other organizations are not touched");
        let page = page.says("adil@halden.example is told by mail");
        assert!(page.body.contains(&format!("action=\"{removal}\"")), "{}", page.body);
        // By htmx it is the same page, for it is no small question.
        let piece = owner.get_fragment(&removal, "dialog-slot").await.ok();
        assert!(piece.body.contains("<html") && !piece.body.contains("<dialog"));
        assert_eq!(everything(&app).await, before);

        // Whoever has sent nothing leaves no choice.
        app.member(&mut owner, "Noor Haddad", "noor@halden.example", Role::Member).await;
        let id = app.id_of(&mut owner, "Noor Haddad").await;
        let page = owner.get(&format!("{}/users/{id}/removal", owner.org)).await.ok().says("None is pending.");
        assert!(!page.body.contains("type=\"radio\""), "{}", page.body);
    }

    /// R8: handed over, the invites stay valid, and whoever removed their sender answers for them.
    async fn invites_are_handed_over(app: TestApp) {
        let mut owner = app.owner().await;
        let (mut adil, removal, link) = a_leaver(&app, &mut owner).await;
        owner.post(&removal, &[("invitations", "keep")]).await.leads_to(&format!("{}/users", owner.org));
        owner
            .get(&format!("{}/users", owner.org))
            .await
            .ok()
            .says("Adil Brandt is removed, and you answer for 2 invites now");
        adil.get(&owner.org).await.is(404);
        assert_eq!(
            invitations(&app).await,
            ["dana@halden.example pending Amara Okafor", "r.osei@partner.example pending Amara Okafor"]
        );
        counts_are_true(&app).await;
        let audited = texts(
            &app,
            "select kind || ' ' || operator_name || ' ' || target_name || ' ' || changes from audit_events \
             where kind in ('invitation.handed_over', 'member.removed') order by seq",
        )
        .await;
        assert_eq!(audited.len(), 3, "{audited:?}");
        assert!(
            audited.contains(
                &r#"invitation.handed_over Amara Okafor dana@halden.example {"inviter":{"new":"Amara Okafor","old":"Adil Brandt"}}"#
                    .to_owned()
            ),
            "{audited:?}"
        );
        let mut dana = app.visitor();
        dana.get(&link).await.ok().says("Amara Okafor invited you");
        dana.post(&link, &[("name", "Dana Kovač"), ("password", PASSWORD)]).await.leads_to(&owner.org);
        let mail = app.mail_to(ADIL).await;
        assert_eq!(mail.subject, "Your membership of Halden Freight has ended");
        assert!(mail.text.contains("Amara Okafor removed you from Halden Freight"), "{mail:?}");
    }

    /// R8, I7: revoked, the links are dead; and so they are where nobody said that they answer for them.
    async fn invites_are_revoked(app: TestApp) {
        let mut owner = app.owner().await;
        let users = format!("{}/users", owner.org);
        for (name, email, fields) in [
            ("Adil Brandt", ADIL, &[("invitations", "revoke")][..]),
            ("Bea Lund", "bea@halden.example", &[]),
        ] {
            let mut admin = app.member(&mut owner, name, email, Role::Admin).await;
            let link = app.invited(&mut admin, DANA, Role::Developer).await;
            let id = app.id_of(&mut owner, name).await;
            owner.post(&format!("{users}/{id}/removal"), fields).await.leads_to(&users);
            owner.get(&users).await.ok().says(&format!("{name} is removed, and 1 invite revoked"));
            app.visitor().get(&link).await.is(410).says("This invite was taken back");
            app.visitor().post(&link, &[("name", "Dana"), ("password", PASSWORD)]).await.is(410);
            counts_are_true(&app).await;
        }
        let audited = "select changes from audit_events where kind = 'invitation.revoked'";
        assert_eq!(texts(&app, audited).await, vec![r#"{"role":{"new":null,"old":"Developer"}}"#; 2]);
    }

    /// R2, I4: what the remover may not grant they neither take over nor revoke: it is void until an Owner resends it.
    async fn what_is_beyond_ones_role_is_left_void(app: TestApp) {
        let mut owner = app.owner().await;
        let mut sefa = app.member(&mut owner, "Sefa Olsen", "sefa@halden.example", Role::Owner).await;
        let mut adil = app.member(&mut owner, "Adil Brandt", ADIL, Role::Admin).await;
        sefa.step_up().await;
        let link = app.invited(&mut sefa, "boss@halden.example", Role::Owner).await;
        app.invited(&mut sefa, DANA, Role::Member).await;
        let id = app.id_of(&mut owner, "Sefa Olsen").await;
        owner.post(&format!("{}/users/{id}/role", owner.org), &[("role", "admin")]).await.is(303);
        let removal = format!("{}/users/{id}/removal", owner.org);
        let page = adil.get(&removal).await.ok().says("2 are pending. 1 gives a role that is not within yours");
        page.says("You answer for 1 invite.");
        adil.post(&removal, &[("invitations", "keep")]).await.leads_to(&format!("{}/users", owner.org));
        assert_eq!(
            invitations(&app).await,
            ["boss@halden.example pending Sefa Olsen", "dana@halden.example pending Adil Brandt",
             "sefa@halden.example accepted Amara Okafor"]
        );
        app.visitor().get(&link).await.is(410).says("void");
        owner.get(&format!("{}/invitations", owner.org)).await.ok().says("Void");
        counts_are_true(&app).await;
    }

    /// S12: an invite that makes an Owner is taken over with a fresh proof alone, and the choice survives it.
    async fn taking_over_an_owners_invite_asks_for_a_proof(app: TestApp) {
        let mut owner = app.owner().await;
        let mut sefa = app.member(&mut owner, "Sefa Olsen", "sefa@halden.example", Role::Owner).await;
        sefa.step_up().await;
        app.invited(&mut sefa, "boss@halden.example", Role::Owner).await;
        let id = app.id_of(&mut owner, "Sefa Olsen").await;
        let removal = format!("{}/users/{id}/removal", owner.org);
        app.clock.advance(11 * MINUTE);
        let before = everything(&app).await;
        let ask = owner.post(&removal, &[("invitations", "keep")]).await.leads_to("/step-up").location();
        assert_eq!(everything(&app).await, before);
        let form = ask.strip_prefix("/step-up?form=").expect("the form has an id");
        let done = owner.post("/step-up", &[("password", PASSWORD), ("form", form)]).await.ok();
        let done = done.says("Remove Sefa Olsen from Halden Freight?").says("Pending invites Hand over to me");
        assert!(done.body.contains("name=\"invitations\" value=\"keep\""), "{}", done.body);
        owner.post(&removal, &[("invitations", "keep")]).await.leads_to(&format!("{}/users", owner.org));
        assert_eq!(invitations(&app).await[0], "boss@halden.example pending Amara Okafor");
        // Revoking asks for none.
        let sefa = app.member(&mut owner, "Sefa Two", "sefa2@halden.example", Role::Admin).await;
        assert!(sefa.session_cookie().is_some());
        let id = app.id_of(&mut owner, "Sefa Two").await;
        app.clock.advance(11 * MINUTE);
        owner.post(&format!("{}/users/{id}/removal", owner.org), &[("invitations", "revoke")]).await.leads_to(
            &format!("{}/users", owner.org),
        );
    }

    /// R8, I8: a list that is still being sent goes on under the new name, or stops.
    async fn lists_that_are_being_sent_are_settled_too(app: TestApp) {
        let mut owner = app.owner().await;
        let adil = app.member(&mut owner, "Adil Brandt", ADIL, Role::Admin).await;
        assert!(adil.session_cookie().is_some());
        let id = app.id_of(&mut owner, "Adil Brandt").await;
        let removal = format!("{}/users/{id}/removal", owner.org);
        list(&app, LIST, ADIL, "member", 3).await;
        let page = owner.get(&removal).await.ok().says("1 list with 3 invites left to send");
        page.says("You answer for 3 invites.");
        owner.post(&removal, &[("invitations", "keep")]).await.is(303);
        let standing = "select u.name || ' ' || cast(b.finished_at is null as text) from invitation_batches b \
                        join users u on u.id = b.inviter";
        let running = only(texts(&app, standing).await);
        assert!(running.starts_with("Amara Okafor ") && (running.ends_with('1') || running.ends_with("true")));
        let queued = "select state from invitation_batch_lines where state = 'queued'";
        assert_eq!(texts(&app, queued).await.len(), 3);

        let second = app.member(&mut owner, "Bea Lund", "bea@halden.example", Role::Admin).await;
        assert!(second.session_cookie().is_some());
        execute(&app, "update invitation_batches set inviter = (select id from users where email = 'bea@halden.example')").await;
        let id = app.id_of(&mut owner, "Bea Lund").await;
        owner.post(&format!("{}/users/{id}/removal", owner.org), &[("invitations", "revoke")]).await.is(303);
        assert!(texts(&app, queued).await.is_empty());
        let refused = "select why from invitation_batch_lines where state = 'refused'";
        assert_eq!(texts(&app, refused).await, vec!["Whoever sent this list has left."; 3]);
        assert!(texts(&app, "select id from invitation_batches where finished_at is null").await.is_empty());
        let audited = "select kind || ' ' || target_name from audit_events where target_name like '%queued%' order by seq";
        assert_eq!(
            texts(&app, audited).await,
            ["invitation.handed_over 3 queued invites", "invitation.revoked 3 queued invites"]
        );
    }

    /// R2, R3, TEN-01, V4: the screen is refused as the removal is, and odd forms change nothing.
    async fn the_screen_is_refused_as_the_removal_is(app: TestApp) {
        let mut owner = app.owner().await;
        let (mut adil, removal, _) = a_leaver(&app, &mut owner).await;
        let amara = app.id_of(&mut owner, "Amara Okafor").await;
        let own = format!("{}/users/{amara}/removal", owner.org);
        adil.get(&own).await.is(403).says_not("open session");
        owner.get(&own).await.is(409).says("You can't do this to yourself");
        for odd in ["take", "KEEP", "keep ", "\0"] {
            owner.post(&removal, &[("invitations", odd)]).await.is(422);
        }
        refuses_bad_forms(&app, &mut owner, &removal, &[("invitations", "keep")]).await;
        let mut other = app.sign_up("Quill Works", "Noor Haddad", "noor@quill.example").await;
        let theirs = app.id_of(&mut other, "Noor Haddad").await;
        let before = everything(&app).await;
        for id in [theirs.as_str(), "01920000-0000-7000-8000-000000000000", "x"] {
            owner.get(&format!("{}/users/{id}/removal", owner.org)).await.is(404);
            owner.post(&format!("{}/users/{id}/removal", owner.org), &[("invitations", "keep")]).await.is(404);
        }
        assert_eq!(everything(&app).await, before);
    }

    /// R8, I5: what had expired is handed over as well: a new link is asked of whoever answers for it now.
    async fn an_expired_invite_asks_whoever_took_it_over(app: TestApp) {
        let mut owner = app.owner().await;
        let (_, removal, link) = a_leaver(&app, &mut owner).await;
        app.clock.advance(8 * DAY);
        owner.sign_in("amara@halden.example", PASSWORD).await.leads_to("/");
        owner.post(&removal, &[("invitations", "keep")]).await.is(303);
        let before = app.count_mails_to(ADIL).await;
        app.visitor().post(&format!("{link}/again"), &[]).await.is(410).says("We told");
        let mail = app.mail_to("amara@halden.example").await;
        assert_eq!(mail.subject, "dana@halden.example asks for a new invite");
        assert_eq!(app.count_mails_to(ADIL).await, before);
    }

    /// AUD-05: without its row nothing of it happens, and nobody is told.
    async fn without_its_row_nobody_leaves(app: TestApp) {
        let mut owner = app.owner().await;
        let (mut adil, removal, link) = a_leaver(&app, &mut owner).await;
        // The third place in the chain is taken: after both invites the removal's own row fails.
        execute(
            &app,
            "insert into audit_events (chain, seq, at, kind, operator_name, target_name, changes, hash) \
             select chain, seq + 3, 0, 'blocked', '', '', '{}', '' from audit_heads where chain <> 'instance'",
        )
        .await;
        let before = everything(&app).await;
        owner.post(&removal, &[("invitations", "keep")]).await.is(500).says("Nothing was changed");
        assert_eq!(everything(&app).await, before);
        app.visitor().get(&link).await.ok().says("Adil Brandt invited you");
        adil.get(&format!("{}/users", owner.org)).await.ok();
    }
}

//! A12: an entry by email is whose the address is, once they have proven it, and follows them.

use interlock::domain::access::Role;

use super::*;
use crate::support::on_both;

/// Which entries are bound, by the name of whom they are bound to.
async fn bound(app: &TestApp) -> Vec<String> {
    let query = "select p.email_canonical || ' ' || coalesce(u.name, 'nobody') from resource_people p \
                 left join users u on u.id = p.user_id order by 1";
    texts(app, query).await
}

async fn invite(owner: &mut Visitor, email: &str) {
    let path = make(owner, "interface", "Ledger", "ledger").await;
    say(owner, &path, &[("audience", "InviteRestricted"), ("default", "Read"), ("name-0", email)]).await;
}

on_both! {
    /// By signing up, once the address is proven, and not before.
    async fn by_signing_up(app: TestApp) {
        let mut owner = app.owner().await;
        invite(&mut owner, "Mads@Holm.example").await;
        let link = app.sign_up_mail("Holm Works", "mads@holm.example").await;
        assert_eq!(bound(&app).await, ["mads@holm.example nobody"]);
        app.visitor().post(&link, &[("password", crate::support::PASSWORD)]).await.is(303);
        assert_eq!(bound(&app).await, ["mads@holm.example Mads Holm"]);
    }

    /// By accepting an invite.
    async fn by_an_invite(app: TestApp) {
        let mut owner = app.owner().await;
        invite(&mut owner, "ann@halden.example").await;
        assert_eq!(bound(&app).await, ["ann@halden.example nobody"]);
        app.member(&mut owner, "Ann Lee", "ann@halden.example", Role::Member).await;
        assert_eq!(bound(&app).await, ["ann@halden.example Ann Lee"]);
    }

    /// By another address of one's own; the entry of before stays whose it was.
    async fn by_another_address(app: TestApp) {
        let mut owner = app.owner().await;
        let mut ann = app.member(&mut owner, "Ann Lee", "ann@halden.example", Role::Member).await;
        let path = make(&mut owner, "interface", "Ledger", "ledger").await;
        let first = make(&mut owner, "interface", "Book", "book").await;
        say(&mut owner, &path, &[("audience", "InviteRestricted"), ("name-0", "ann@lee.example")]).await;
        say(&mut owner, &first, &[("audience", "InviteRestricted"), ("name-0", "ann@halden.example")]).await;
        assert_eq!(bound(&app).await, ["ann@halden.example Ann Lee", "ann@lee.example nobody"]);
        ann.step_up().await;
        ann.post("/account/email", &[("email", "ann@lee.example")]).await.is(303);
        let link = app.mail_to("ann@lee.example").await.path("/email/");
        assert_eq!(bound(&app).await, ["ann@halden.example Ann Lee", "ann@lee.example nobody"]);
        ann.post(&link, &[]).await.is(303);
        assert_eq!(bound(&app).await, ["ann@halden.example Ann Lee", "ann@lee.example Ann Lee"]);
        // Undone, the entries that waited for the first address are theirs too.
        let third = make(&mut owner, "interface", "Note", "note").await;
        say(&mut owner, &third, &[("audience", "InviteRestricted"), ("name-0", "ann@halden.example")]).await;
        assert_eq!(bound(&app).await.iter().filter(|entry| entry.ends_with("nobody")).count(), 1);
        let undo = app.mail_to("ann@halden.example").await.path("/email/undo/");
        app.visitor().post(&undo, &[]).await;
        assert_eq!(bound(&app).await.iter().filter(|entry| entry.ends_with("nobody")).count(), 0);
    }

    /// S4: one person has one entry that counts. That another is for an address of theirs is not told: it is kept and
    /// waits, and is theirs once the first is gone.
    async fn one_person_has_one_entry(app: TestApp) {
        let mut owner = app.owner().await;
        let mut ann = app.member(&mut owner, "Ann Lee", "ann@halden.example", Role::Member).await;
        let path = make(&mut owner, "interface", "Ledger", "ledger").await;
        say(&mut owner, &path, &[("audience", "InviteRestricted"), ("name-0", "ann@halden.example")]).await;
        ann.step_up().await;
        ann.post("/account/email", &[("email", "ann@lee.example")]).await.is(303);
        let link = app.mail_to("ann@lee.example").await.path("/email/");
        ann.post(&link, &[]).await.is(303);
        let access = format!("{path}/access");
        owner.get(&access).await.ok();
        let unknown = [("audience", "InviteRestricted"), ("default", "Read"), ("name-0", "ann@halden.example"), ("name-1", "abe@lee.example")];
        let unknown = owner.post(&access, &unknown).await.ok();
        let both = [("audience", "InviteRestricted"), ("default", "Read"), ("name-0", "ann@halden.example"), ("name-1", "ann@lee.example")];
        let shown = say(&mut owner, &path, &both).await;
        assert_eq!(shown.text(), unknown.text().replace("abe@lee.example", "ann@lee.example"));
        assert_eq!(bound(&app).await, ["ann@halden.example Ann Lee", "ann@lee.example nobody"]);
        app.visitor().sign_in("ann@lee.example", crate::support::PASSWORD).await.is(303);
        assert_eq!(bound(&app).await, ["ann@halden.example Ann Lee", "ann@lee.example nobody"]);
        say(&mut owner, &path, &[("audience", "InviteRestricted"), ("name-0", "ann@lee.example")]).await;
        assert_eq!(bound(&app).await, ["ann@lee.example Ann Lee"]);
    }

    /// S4: what is shown of an entry, its digest too, is the same before its address has an account and after.
    async fn nothing_tells_of_an_account(app: TestApp) {
        let mut owner = app.owner().await;
        let path = make(&mut owner, "interface", "Ledger", "ledger").await;
        let access = format!("{path}/access");
        let fields = [("audience", "InviteRestricted"), ("default", "Read"), ("name-0", "bo@brightwater.example")];
        owner.get(&access).await.ok();
        let before = owner.post(&access, &fields).await.ok();
        app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let after = owner.post(&access, &fields).await.ok();
        assert_eq!(digest(&before), digest(&after));
        assert_eq!(before.text(), after.text());
    }

    /// A12: an entry that was saved as its account was made, so that neither saw the other, is bound as the person signs
    /// in, and as it is said again.
    async fn what_missed_its_account_is_bound_later(app: TestApp) {
        let mut owner = app.owner().await;
        invite(&mut owner, "mads@holm.example").await;
        let link = app.sign_up_mail("Holm Works", "mads@holm.example").await;
        app.visitor().post(&link, &[("password", crate::support::PASSWORD)]).await.is(303);
        execute(&app, "update resource_people set user_id = null").await;
        app.visitor().sign_in("mads@holm.example", "not the password at all").await;
        assert_eq!(bound(&app).await, ["mads@holm.example nobody"]);
        app.visitor().sign_in("mads@holm.example", crate::support::PASSWORD).await.is(303);
        assert_eq!(bound(&app).await, ["mads@holm.example Mads Holm"]);
        execute(&app, "update resource_people set user_id = null").await;
        let path = "/o/halden-freight/resources/ledger";
        say(&mut owner, path, &[("audience", "InviteRestricted"), ("default", "Read"), ("name-0", "mads@holm.example")]).await;
        assert_eq!(bound(&app).await, ["mads@holm.example Mads Holm"]);
    }

    /// The two at once, whichever is first.
    async fn saved_as_the_account_is_made(app: TestApp) {
        let mut owner = app.owner().await;
        let path = make(&mut owner, "interface", "Ledger", "ledger").await;
        for round in 0..4 {
            let email = format!("mads{round}@holm.example");
            let link = app.sign_up_mail(&format!("Holm Works {round}"), &email).await;
            let fields = [("audience", "InviteRestricted"), ("default", "Read"), ("name-0", email.as_str())];
            let mut mads = app.visitor();
            tokio::join!(say(&mut owner, &path, &fields), async {
                mads.post(&link, &[("password", crate::support::PASSWORD)]).await.is(303)
            });
            app.visitor().sign_in(&email, crate::support::PASSWORD).await.is(303);
            assert_eq!(bound(&app).await, [format!("{email} Mads Holm")]);
        }
    }
}

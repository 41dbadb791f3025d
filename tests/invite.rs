//! `/invite/{token}`: accepting.

use interlock::clock::{DAY, SECOND};
use interlock::domain::access::Role;

use crate::support::on_both;

on_both! {
    /// I2, I3, INV-01: the link gives what was invited, once.
    async fn an_invite_works_once(app: TestApp) {
        let mut owner = app.owner().await;
        let link = app.invited(&mut owner, "dana@halden.example", Role::Reviewer).await;
        let mut dana = app.visitor();
        dana.get(&link).await.ok().says("Join Halden Freight").says("Amara Okafor invited you").says("Reviewer");
        let fields = [("name", "Dana Kovač"), ("password", "nine green bottles hang")];
        dana.post(&link, &fields).await.leads_to(&owner.org);
        dana.get(&owner.org).await.ok().says("You are a Reviewer here");
        app.visitor().post(&link, &fields).await.is(410).says("This invite has been used");
        app.visitor().get(&link).await.is(410);
        owner.get(&format!("{}/users", owner.org)).await.ok().says("Dana Kovač").says("2 people");
    }

    /// I3, INV-04: five seconds before seven days it works, five seconds after it does not.
    async fn an_invite_ends_after_seven_days(app: TestApp) {
        let mut owner = app.owner().await;
        let early = app.invited(&mut owner, "early@halden.example", Role::Member).await;
        app.clock.advance(7 * DAY - 5 * SECOND);
        let fields = [("name", "Early Bird"), ("password", "nine green bottles hang")];
        app.visitor().post(&early, &fields).await.leads_to(&owner.org);

        owner.sign_in("amara@halden.example", "seven plain wet stones").await;
        let late = app.invited(&mut owner, "late@halden.example", Role::Member).await;
        app.clock.advance(7 * DAY + 5 * SECOND);
        app.visitor().post(&late, &fields).await.is(410).says("This invite has expired");
    }
}

//! Several at once: the count stays true.

use interlock::domain::access::Role;

use super::{audited, counts_are_true, made, memberships};
use crate::support::on_both;

on_both! {
    /// Two who add the same person add them once, and adding to a team that is being deleted leaves nothing.
    async fn two_at_once(app: TestApp) {
        let mut owner = app.owner().await;
        app.member(&mut owner, "Ana Silva", "ana@halden.example", Role::Member).await;
        let ana = app.id_of(&mut owner, "Ana Silva").await;
        for round in 0..4 {
            let team = made(&mut owner, "Support").await;
            let many = (0..4).map(|_| {
                let (mut visitor, path, ana) = (owner.clone(), format!("{team}/members"), ana.clone());
                tokio::spawn(async move { visitor.post(&path, &[("people", &ana)]).await.status.as_u16() })
            });
            let mut all: Vec<_> = many.collect();
            if round % 2 == 1 {
                let (mut visitor, path) = (owner.clone(), format!("{team}/deletion"));
                all.push(tokio::spawn(async move { visitor.post(&path, &[]).await.status.as_u16() }));
            }
            for one in all {
                let status = one.await.expect("nothing panics");
                assert!(matches!(status, 303 | 404), "{status}");
            }
            counts_are_true(&app).await;
            match round % 2 {
                0 => assert_eq!(memberships(&app).await, ["support Ana Silva"]),
                _ => assert!(memberships(&app).await.is_empty()),
            }
            if round % 2 == 0 {
                owner.post(&format!("{team}/deletion"), &[]).await.is(303);
            }
        }
        let (added, removed) = (audited(&app, "team.member_added").await, audited(&app, "team.member_removed").await);
        assert_eq!(added.len(), removed.len());
    }
}

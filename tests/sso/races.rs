//! Ways back that come at once: on SQLite in one process, on PostgreSQL in two.

use super::{DANA, HALDEN, World, dana, in_a_world};
use crate::support::database::{count, texts};
use crate::support::forger;

in_a_world! {
    /// SSO-01: of twenty answers to one way one is taken.
    async fn one_callback_twenty_times(world: World) {
        let app = &world.app;
        let replica = if app.app.db.is_shared() { Some(app.replica().await) } else { None };
        world.connection.set(app, "admits_newcomers = true").await;
        let mut visitor = app.visitor();
        let (state, nonce) = world.connection.begin(&mut visitor, &world.connection.path()).await;
        let claims = world.connection.claims(&world.forger, &nonce, app.clock.now(), &dana());
        world.forger.issue(&forger::signed(&claims));
        let running: Vec<_> = (0..20)
            .map(|number| {
                let mut tab = replica.as_ref().filter(|_| number % 2 == 1).unwrap_or(app).visitor();
                tab.cookies = visitor.cookies.clone();
                let back = world.connection.callback(&state);
                tokio::spawn(async move { tab.get(&back).await.status.as_u16() })
            })
            .collect();
        let mut statuses = Vec::new();
        for way in running {
            statuses.push(way.await.expect("a request does not panic"));
        }
        assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 303 | 400)), "{statuses:?}");
        assert_eq!((count(app, "users").await, count(app, "identities").await), (2, 1));
    }

    /// O3: of twenty first sign-ins of one newcomer at once one makes the account, and the others find it.
    async fn one_newcomer_twenty_times(world: World) {
        let app = &world.app;
        let replica = if app.app.db.is_shared() { Some(app.replica().await) } else { None };
        world.connection.set(app, "admits_newcomers = true").await;
        let mut ways = Vec::new();
        for number in 0..20 {
            let mut tab = replica.as_ref().filter(|_| number % 2 == 1).unwrap_or(app).visitor();
            let (state, nonce) = world.connection.begin(&mut tab, &world.connection.path()).await;
            ways.push((tab, state, nonce));
        }
        let now = app.clock.now();
        let running: Vec<_> = ways
            .into_iter()
            .map(|(mut tab, state, nonce)| {
                let claims = world.connection.claims(&world.forger, &nonce, now, &dana());
                let back = format!("/sso/{}/callback?code={nonce}&state={state}", world.connection.id);
                world.forger.issue_for(&nonce, &forger::signed(&claims));
                tokio::spawn(async move { tab.get(&back).await.status.as_u16() })
            })
            .collect();
        for way in running {
            assert_eq!(way.await.expect("a request does not panic"), 303);
        }
        assert_eq!((count(app, "users").await, count(app, "identities").await), (2, 1));
        assert_eq!(world.membership(DANA).await, ["active member"]);
        assert_eq!(world.audited("sso.newcomer_admitted").await, 1);
        assert_eq!(texts(app, "select slug from organizations").await, [&HALDEN[3..]]);
    }
}

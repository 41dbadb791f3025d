//! The list: filters in the address, pages by keyset, the file.

use super::{development, live, people};
use crate::support::database::execute;
use crate::support::on_both;
use crate::support::page::link;

on_both! {
    /// V3: filters narrow the list and its file alike; what is none is refused.
    async fn the_list_is_filtered(app: TestApp) {
        let (mut owner, _, mut dev) = people(&app).await;
        execute(&app, "insert into environments (organization, slug, name, color, created_at) select id, 'staging', 'Staging', 'blue', 0 from organizations").await;
        live(&mut owner, &[("name", "Éclair")]).await;
        live(&mut owner, &[("name", "Staged"), ("environment", "staging")]).await;
        let (path, key) = live(&mut owner, &[("name", "100%_sure")]).await;
        development(&mut dev).await;
        owner.post(&format!("{path}/revocation"), &[]).await.is(303);
        let keys = format!("{}/keys", owner.org);
        let last = &key[key.len() - 4..];
        for (query, there, not_there) in [
            ("?q=%C3%A9clair", "Éclair", "Staged"),
            ("?q=100%25_", "100%_sure", "Éclair"),
            ("?q=0%25_s", "100%_sure", "Staged"),
            (&format!("?q={last}"), "100%_sure", "Staged"),
            ("?environment=staging", "Staged", "Éclair"),
            ("?kind=development", "De Vel", "Staged"),
            ("?kind=live&state=works", "Éclair", "100%_sure"),
            ("?state=ended", "100%_sure", "Éclair"),
        ] {
            owner.get(&format!("{keys}{query}")).await.ok().says(there).says_not(not_there);
            owner.get_fragment(&format!("{keys}{query}"), "keys-table").await.ok().says(there).says_not(not_there);
            owner.get(&format!("{keys}.csv{query}")).await.ok().says(there).says_not(not_there);
        }
        owner.get(&format!("{keys}?q=nothing")).await.ok().says("No key matches");
        owner.get(&format!("{keys}?kind=admin")).await.ok().says("No key matches");
        for wrong in ["?kind=x", "?state=x", "?at=x", "?kind=ephemeral&at=n1.x"] {
            owner.get(&format!("{keys}{wrong}")).await.is(400);
        }
    }

    /// V3: pages forth and back, by keyset: each key once, though many are of one moment.
    async fn the_list_has_pages(app: TestApp) {
        let (mut owner, _, _) = people(&app).await;
        live(&mut owner, &[]).await;
        for number in 0..60 {
            execute(&app, &format!(
                "insert into api_keys (id, organization, kind, family, name, name_key, environment, token_hash, shown, created_at) \
                 select '01a20000-0000-7000-8000-0000000001{number:02}', id, 'live', '01a20000-0000-7000-8000-000000000100', 'Key {number:02}', 'key {number:02}', 'production', 'h{number}', 'x', {} from organizations",
                number / 30
            )).await;
        }
        let keys = format!("{}/keys", owner.org);
        let first = owner.get(&keys).await.ok().says("50 keys on this page").says("Key 59").says("Gateway");
        assert!(link(&first, "Previous").is_none());
        let second = owner.get(&link(&first, "Next").expect("there is more")).await.ok();
        second.says("11 keys on this page").says("Key 00").says_not("Key 11");
        let back = owner.get(&keys).await.ok();
        let next = owner.get(&link(&back, "Next").expect("there is more")).await.ok();
        let again = owner.get(&link(&next, "Previous").expect("there is a page before")).await.ok();
        assert!(again.text().contains("Key 11") && link(&again, "Previous").is_none());
        let csv = owner.get(&format!("{keys}.csv")).await.ok();
        assert_eq!(csv.body.lines().count(), 62);
    }
}

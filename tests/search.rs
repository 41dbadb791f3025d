//! Searching the Users page.

use interlock::domain::access::Role;

use crate::support::database::{execute, texts};
use crate::support::page::between;
use crate::support::{TestApp, Visitor, on_both};
use crate::users::crowd;

/// Whom a search finds, by reading every row.
async fn by_reading_all(app: &TestApp, slug: &str, words: &str, more: &str) -> Vec<String> {
    let conditions: String = words
        .split_whitespace()
        .map(|word| {
            let word = word.replace('\'', "''").replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            format!(" and m.search like '%{}%' escape '\\'", word.to_lowercase())
        })
        .collect();
    let query = format!(
        "select m.email from memberships m join organizations o on o.id = m.organization \
         where o.slug = '{slug}' and m.state <> 'removed'{conditions}{more} order by m.joined_at, m.user_id limit 50"
    );
    texts(app, &query).await
}

/// Whom the page shows.
async fn by_searching(visitor: &mut Visitor, words: &str, filter: &str) -> Vec<String> {
    let query: String = url::form_urlencoded::byte_serialize(words.as_bytes()).collect();
    let page = visitor.get(&format!("{}/users?sort=joined&q={query}{filter}", visitor.org)).await.ok();
    between(&page.body, "<span class=\"sub\">", "<").into_iter().map(str::to_owned).collect()
}

/// How many each word finds.
async fn found(visitor: &mut Visitor, words: &[&str]) -> Vec<usize> {
    let mut counts = Vec::new();
    for word in words {
        counts.push(by_searching(visitor, word, "").await.len());
    }
    counts
}

on_both! {
    /// R1, V3, INJ-06: a search by the index finds whom reading every row finds: any part of a name or an
    /// address, one letter, several words, signs that mean something to a query, under any filter.
    async fn a_search_finds_what_is_there(app: TestApp) {
        let mut owner = app.owner().await;
        crowd(&app, 1_200).await;
        let names = ["李 小龙", "O''Hara \\ Sons", "a \"quoted\" one", "100%_sure", "zoë", "xy", "AND OR NOT", "q*"];
        for (number, name) in names.iter().enumerate() {
            let at = 1_100 + number;
            execute(
                &app,
                &format!(
                    "update memberships set name = '{name}', name_key = lower('{name}'), \
                     search = lower('{name} p{at}@crowd.example') where email = 'p{at}@crowd.example'"
                ),
            )
            .await;
        }
        for words in [
            "person", "person 119", "p1199@", "9@crowd.example", "example", "le", "e", "7", "77", "11 99", "q", "q*",
            "李", "小龙", "李 小龙", "o'hara", "\\", "\"", "\"quoted\"", "%", "_", "100%_sure", "xy", "y", "zo",
            "AND", "OR NOT", "not or", "zzz", "zz", "person nobody", "ж", "(", "a* OR b", "crowd.example p", "^", "-p",
        ] {
            for (filter, more) in
                [("", ""), ("&role=reviewer", " and m.role = 'reviewer'"), ("&status=active", " and m.state = 'active'")]
            {
                let found = by_searching(&mut owner, words, filter).await;
                assert_eq!(found, by_reading_all(&app, "halden-freight", words, more).await, "{words:?} {filter}");
            }
        }
    }

    /// TEN-05: a search finds people under their new name and no more under the old one, not those who are
    /// gone, and never another organization's.
    async fn a_search_keeps_up(app: TestApp) {
        let mut owner = app.owner().await;
        let mut other = app.sign_up("Other Works", "Oskar Other", "oskar@other.example").await;
        let mut dana = app.member(&mut owner, "Dana Kovač", "dana@halden.example", Role::Member).await;
        let users = format!("{}/users", owner.org);
        let all = ["dana", "kov", "quill", "oskar", "ov", "k"];
        assert_eq!(found(&mut owner, &all).await, [1, 1, 0, 0, 1, 2]);
        assert_eq!(found(&mut other, &all).await, [0, 0, 0, 1, 0, 1]);
        dana.post("/account/name", &[("name", "Dana Quill")]).await.leads_to("/account");
        assert_eq!(found(&mut owner, &all).await, [1, 0, 1, 0, 0, 1]);
        let id = app.id_of(&mut owner, "Dana Quill").await;
        owner.post(&format!("{users}/{id}/removal"), &[]).await.leads_to(&users);
        assert_eq!(found(&mut owner, &["dana", "quill"]).await, [0, 0]);
        let link = app.invited(&mut owner, "dana@halden.example", Role::Member).await;
        dana.post(&link, &[]).await.leads_to(&owner.org);
        assert_eq!(found(&mut owner, &["dana", "quill"]).await, [1, 1]);
        execute(&app, "delete from memberships where email = 'dana@halden.example'").await;
        assert_eq!(found(&mut owner, &["dana", "da"]).await, [0, 0]);
    }
}

//! The difference preview against a slow reference: what each single person may do before and after, asked one by one
//! as pages ask it.

use interlock::domain::access::Role;
use interlock::domain::environments::Place;
use interlock::domain::resources::{self, Permission, Permissions, decide};
use interlock::ids::{OrganizationId, UserId};

use super::*;
use crate::support::on_both;
use crate::support::page::between;

/// What everybody who has an account may do now, by name.
async fn each(app: &TestApp) -> Vec<(String, Permissions)> {
    let organization: OrganizationId =
        texts(app, "select id from organizations where slug = 'halden-freight'").await[0]
            .parse()
            .expect("an id");
    let mut reader = app.app.db.read().await.expect("the database answers");
    let place = Place::production(organization);
    let resource =
        resources::find(&mut reader, &place, "ledger").await.expect("it answers").expect("it is there");
    let mut each = Vec::new();
    for row in texts(app, "select id || ' ' || name from users order by id").await {
        let (id, name) = row.split_once(' ').expect("two words");
        let user: UserId = id.parse().expect("an id");
        let who =
            resources::who(&mut reader, organization, user, app.app.db.now()).await.expect("it answers");
        let facts = resources::facts(&mut reader, &resource, &who).await.expect("it answers");
        each.push((name.to_owned(), decide(&facts, &who.subject(), Permissions::READ).permissions()));
    }
    each
}

fn words(permissions: Permissions) -> String {
    permissions.to_string()
}

on_both! {
    /// A14: the numbers and names that are shown are those of each person asked alone.
    async fn the_preview_says_what_each_gets(app: TestApp) {
        let mut owner = app.owner().await;
        let people = [("Ad Min", "admin", Role::Admin), ("Dev Eloper", "developer", Role::Developer), ("Mem Ber", "member", Role::Member), ("Rev Iewer", "reviewer", Role::Reviewer), ("Au Ditor", "auditor", Role::Auditor), ("Sus Pended", "suspended", Role::Member), ("Mem Two", "member2", Role::Member), ("En Ded", "ended", Role::Member)];
        for (name, local, role) in people {
            let email = format!("{local}@halden.example");
            app.member(&mut owner, name, &email, role).await;
        }
        let id = app.id_of(&mut owner, "Sus Pended").await;
        owner.post(&format!("/o/halden-freight/users/{id}/suspension"), &[]).await.is(303);
        execute(&app, "update memberships set ends_at = 1 where email = 'ended@halden.example'").await;
        team(&app, "support", &["member@halden.example", "reviewer@halden.example"]).await;
        team(&app, "ops", &["member@halden.example", "developer@halden.example", "suspended@halden.example", "member2@halden.example"]).await;
        let path = make(&mut owner, "interface", "Ledger", "ledger").await;
        let statements: [&[(&str, &str)]; 8] = [
            &[("audience", "entire-organization"), ("default", "Read")],
            &[("audience", "teams"), ("default", "Read"), ("team-name-0", "support"), ("team-name-1", "ops"), ("team-may-1", "Update")],
            &[("audience", "teams"), ("team-name-0", "ops"), ("name-0", "reviewer@halden.example"), ("name-1", "reviewer2@halden.example")],
            &[("audience", "InviteRestricted"), ("default", "Read"), ("name-0", "auditor@halden.example"), ("may-0", "All"), ("name-1", "suspended@halden.example"), ("name-2", "admin@halden.example"), ("may-2", "Delete")],
            &[("audience", "DomainRestricted"), ("default", "Create"), ("team-name-0", "ops"), ("team-may-0", "Read")],
            &[("audience", "Public"), ("default", "Read"), ("default", "Update"), ("name-0", "member@halden.example")],
            &[("audience", "Unlisted"), ("default", "All")],
            &[("audience", "Private"), ("default", "All"), ("name-0", "admin@halden.example")],
        ];
        for statement in statements {
            let before = each(&app).await;
            let shown = say(&mut owner, &path, statement).await;
            let after = each(&app).await;
            let text = shown.text();
            for ((name, was), (_, is)) in before.iter().zip(&after) {
                let line = format!("{name} {} → {}", words(*was), words(*is));
                assert_eq!(text.contains(&line), was != is, "{statement:?}: {line}: {text}");
            }
            let open = after.iter().filter(|(_, may)| may.has(Permission::Read)).count();
            let page = owner.get(&format!("{path}/access")).await.ok();
            // Counted by classes there, and one by one here: the same line.
            let line = between(&page.body, "<p class=\"notice\" id=\"line\" role=\"status\">", ".</p>")[0].to_owned();
            assert!(shown.body.contains(&line), "{statement:?}: {line}: {text}");
            let counted = owner.post_fragment(&format!("{path}/access/count"), statement).await.ok();
            assert!(counted.body.contains(&line), "{statement:?}: {line}: {}", counted.body);
            let page = page.text();
            let unbound = statement.iter().filter(|(field, email)| field.starts_with("name-") && !email.starts_with("admin@")).count();
            let counted = (open..=open + unbound).any(|open| {
                page.contains(&format!("{open} people may open this")) || page.contains(&format!("{open} person may open this"))
                    || page.contains("Anyone may open this") || page.contains(&format!("and {open} p"))
            });
            assert!(counted, "{statement:?}: {open} of {page}");
        }
    }
}

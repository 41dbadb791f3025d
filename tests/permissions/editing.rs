//! Made, changed as it was shown, and deleted.

use interlock::domain::access::Role;

use super::*;
use crate::support::database::execute;
use crate::support::keys::{self, Row, set_base};
use crate::support::{everything, on_both, refuses_bad_forms};

const LIMITED: &str = r#"{"source_type:icloud.account":[{"level":"user","type":"count","value":3}]}"#;

/// Fields as a visitor posts them.
fn lent(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

on_both! {
    /// L2, V2: the form makes a permission; rows of scopes and limits come and go by buttons that post, and nothing of
    /// that is saved.
    async fn a_permission_is_made_by_the_form(app: TestApp) {
        let mut owner = app.owner().await;
        owner.get(PERMISSIONS).await.ok().says("Make the first permission");
        let page = owner.get(&format!("{PERMISSIONS}/new")).await.ok().says("Granted without limit");
        assert!(page.body.contains("name=\"scope-0\"") && !page.body.contains("name=\"level-0-0\""));
        let before = everything(&app).await;
        let act = |act: &'static str| {
            let mut fields = form("Import", "source_type", "icloud.account", "3");
            fields.pop();
            fields.push(("act", act));
            fields
        };
        let more = owner.post(PERMISSIONS, &act("add-limit-0")).await.ok();
        assert!(more.body.contains("name=\"level-0-1\"") && more.body.contains("value=\"icloud.account\""));
        let more = owner.post(PERMISSIONS, &act("add-scope")).await.ok();
        assert!(more.body.contains("name=\"scope-1\"") && more.body.contains("name=\"value-0-0\""));
        let less = owner.post(PERMISSIONS, &act("remove-limit-0-0")).await.ok().says("Granted without limit");
        assert!(!less.body.contains("name=\"level-0-0\""));
        let less = owner.post(PERMISSIONS, &act("remove-scope-0")).await.ok();
        assert!(!less.body.contains("name=\"scope-0\"") && less.body.contains("value=\"Import\""));
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(act("add-scope")).finish();
        let headers = [("hx-request", "true"), ("hx-target", "scopes")];
        let fragment = owner.send(axum::http::Method::POST, PERMISSIONS, &headers, Some(body)).await.ok();
        assert!(fragment.body.contains("id=\"scopes\"") && !fragment.body.contains("<html"));
        assert_eq!(everything(&app).await, before);

        let mut fields = form("  iCloud   import ", "source_type", "icloud.account", "3");
        fields.extend([
            ("level-0-1", "organisation"), ("measure-0-1", "interval"), ("value-0-1", "1"), ("period-0-1", "1 month"),
            ("level-0-2", "key"), ("measure-0-2", "interval"), ("value-0-2", "5"), ("period-0-2", "3600"),
            ("type-1", "file_type"), ("scope-1", ""),
            ("type-2", "source_type"), ("scope-2", "task_type:icloud.*"),
        ]);
        let path = make(&mut owner, &fields).await;
        owner.get(&path).await.ok().says("iCloud import is made").says("each user: 3 ever").says("all keys together: 1 per month")
            .says("0 of 3 ever").says("No key uses it.").says("Made a permission");
    }
}

on_both! {
    /// LIM-07, L4, INJ-03: what is wrong is said by its field, what was typed is kept, and nothing is saved.
    async fn what_is_wrong_is_said_by_its_field(app: TestApp) {
        let mut owner = app.owner().await;
        keys::permission(&app, "halden-freight", "Taken", LIMITED).await;
        let before = everything(&app).await;
        for (field, value, why) in [
            ("name", "", "Enter a name"),
            ("name", "a\u{202e}b", "can"),
            ("name", " TAKEN ", "Another permission of this organization has this name"),
            ("scope-0", "", "After the colon come names"),
            ("scope-0", "*.account", "A * stands for whole last names"),
            ("scope-0", "icloud*", "A * stands for whole last names"),
            ("scope-0", "key:a", "A scope begins with its type"),
            ("value-0-0", "", "Enter a whole number from 0 on"),
            ("value-0-0", "-1", "Enter a whole number from 0 on"),
            ("value-0-0", "1.5", "Enter a whole number from 0 on"),
            ("value-0-0", "1e30", "Enter a whole number from 0 on"),
            ("value-0-0", "9007199254740993", "Enter a whole number from 0 on"),
            ("period-0-0", "1 day", "Only “in a period” has one"),
        ] {
            let mut fields = form("Another", "source_type", "icloud.account", "3");
            for pair in &mut fields {
                if pair.0 == field {
                    pair.1 = value;
                }
            }
            let answer = owner.post(PERMISSIONS, &fields).await.is(422).says(why);
            assert!(answer.body.contains(&format!("id=\"{field}-error\"")), "{field} {value}: {}", answer.body);
            assert!(answer.body.contains("<title>Error: "));
            let kept = if field == "name" { "value=\"icloud.account\"" } else { "value=\"Another\"" };
            assert!(answer.body.contains(kept), "{field} {value}");
        }
        for (measure, period, why) in [
            ("interval", "", "Say in which period"),
            ("interval", "1 fortnight", "A period is a number of seconds"),
            ("interval", "0", "A period is a number of seconds"),
        ] {
            let mut fields = form("Another", "source_type", "icloud.account", "3");
            for pair in &mut fields {
                match pair.0 {
                    "measure-0-0" => pair.1 = measure,
                    "period-0-0" => pair.1 = period,
                    _ => {}
                }
            }
            let answer = owner.post(PERMISSIONS, &fields).await.is(422).says(why);
            assert!(answer.body.contains("id=\"period-0-0-error\""), "{period}");
        }
        let mut twice = form("Another", "source_type", "icloud.account", "3");
        twice.extend([("type-1", "source_type"), ("scope-1", "icloud.account")]);
        owner.post(PERMISSIONS, &twice).await.is(422).says("source_type:icloud.account is here twice");
        let mut twice = form("Another", "source_type", "icloud.account", "3");
        twice.extend([("level-0-1", "user"), ("measure-0-1", "count"), ("value-0-1", "4"), ("period-0-1", "")]);
        owner.post(PERMISSIONS, &twice).await.is(422).says("This scope has another limit of this kind: each user: 3 ever");
        for (field, value) in [("level-0-0", "team"), ("measure-0-0", "ttl")] {
            let mut fields = form("Another", "source_type", "icloud.account", "3");
            for pair in fields.iter_mut().filter(|pair| pair.0 == field) {
                pair.1 = value;
            }
            owner.post(PERMISSIONS, &fields).await.is(422);
        }
        for field in ["value-0", "scope-0-0", "scope-00", "scope-x", "scope-100000", "value-0-0-0", "level-0-99"] {
            let mut fields = form("Another", "source_type", "icloud.account", "3");
            fields.push((field, "1"));
            owner.post(PERMISSIONS, &fields).await.is(422).says("a field that is not part of the form");
        }
        assert_eq!(everything(&app).await, before);
        refuses_bad_forms(&app, &mut owner, PERMISSIONS, &form("Another", "source_type", "a", "3")).await;
    }

    /// CAP-01, CAP-02, L7: nothing is written beyond the base; each place is named with what the base allows.
    async fn nothing_goes_beyond_the_base(app: TestApp) {
        let mut owner = app.owner().await;
        let base = r#"{"source_type:icloud.*":[{"level":"user","type":"count","value":3}],"task_type:b.*":[]}"#;
        set_base(&app, "halden-freight", base).await;
        let before = everything(&app).await;
        for (kind, scope, value, field, why) in [
            ("source_type", "icloud.account", "4", "value-0-0", "The base permission of this organization allows each user: 3 ever."),
            ("source_type", "icloud", "1", "scope-0", "covers only source_type:icloud.* here"),
            ("source_type", "*", "1", "scope-0", "covers only source_type:icloud.* here"),
            ("task_type", "*", "1", "scope-0", "covers only task_type:b.* here"),
            ("data_type", "x", "1", "scope-0", "grants no data_type"),
        ] {
            let answer = owner.post(PERMISSIONS, &form("Import", kind, scope, value)).await.is(422).says(why);
            assert!(answer.body.contains(&format!("id=\"{field}-error\"")), "{kind}:{scope}");
        }
        assert_eq!(everything(&app).await, before);
        make(&mut owner, &form("Import", "source_type", "icloud.account", "3")).await;
        let path = make(&mut owner, &form("Tasks", "task_type", "b.c", "99999")).await;
        // Nor by a change.
        let edit = format!("{path}/edit");
        owner.post(&edit, &form("Tasks", "task_type", "c", "1")).await.is(422).says("covers only task_type:b.* here");
        assert!(stored(&app, "Tasks").await.contains("task_type:b.c"));
    }

    /// A change is shown with what it gives and takes and whom it touches, and is saved only as it was shown.
    async fn what_is_saved_is_what_was_shown(app: TestApp) {
        let mut owner = app.owner().await;
        let id = keys::permission(&app, "halden-freight", "Import", LIMITED).await;
        keys::insert(&app, &Row::live("halden-freight", Some(id))).await;
        let edit = format!("{PERMISSIONS}/{id}/edit");
        owner.get(&edit).await.ok().says("Edit Import");
        let before = everything(&app).await;
        let mut fields = form("Imports", "source_type", "icloud.account", "5");
        fields.extend([("type-1", "task_type"), ("scope-1", "icloud.*")]);
        let shown = owner.post(&edit, &fields).await.ok();
        let shown = shown.says("Gained").says("each user: 3 ever → each user: 5 ever").says("task_type:icloud.*");
        let shown = shown.says("1 live key uses it").says("A live key").says("It is called Imports then");
        assert_eq!(everything(&app).await, before);
        let save = |digest: &str| {
            let kept = fields.iter().copied().filter(|(name, _)| *name != "act");
            let kept = kept.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let more = [("act".to_owned(), "save".to_owned()), ("digest".to_owned(), digest.to_owned())];
            kept.chain(more).collect::<Vec<_>>()
        };
        // Nothing is saved by a digest of something else, and it is shown again.
        let wrong = owner.post(&edit, &lent(&save(&"0".repeat(64)))).await.is(409);
        wrong.says("Nothing was saved").says("each user: 3 ever → each user: 5 ever");
        assert_eq!(everything(&app).await, before);
        // Nor once it was changed meanwhile.
        execute(&app, "update permissions set scopes = '{\"source_type:icloud.account\":[]}'").await;
        let again = owner.post(&edit, &lent(&save(&digest(&shown)))).await.is(409);
        let again = again.says("no such limit → each user: 5 ever");
        assert_eq!(stored(&app, "Import").await, r#"{"source_type:icloud.account":[]}"#);
        // Nor if another key uses it by now.
        keys::insert(&app, &Row::live("halden-freight", Some(id))).await;
        let again = owner.post(&edit, &lent(&save(&digest(&again)))).await.is(409).says("2 live keys use it");
        owner.post(&edit, &lent(&save(&digest(&again)))).await.leads_to(&format!("{PERMISSIONS}/{id}"));
        assert_eq!(
            stored(&app, "Imports").await,
            r#"{"source_type:icloud.account":[{"level":"user","type":"count","value":5}],"task_type:icloud.*":[]}"#
        );
        let audited = last_audited(&app, "permission.changed").await;
        assert!(audited.contains(r#""name":{"new":"Imports","old":"Import"}"#), "{audited}");
        assert!(audited.contains("source_type:icloud.account (each user: 5 ever), task_type:icloud.* (without limit)"), "{audited}");
        owner.get(&format!("{PERMISSIONS}/{id}")).await.ok().says("Imports is saved").says("Amara Okafor: Changed a permission");
        // What changes nothing says so, and is no row.
        let mut same: Vec<(&str, &str)> = form("Imports", "source_type", "icloud.account", "5");
        same.extend([("type-1", "task_type"), ("scope-1", "icloud.*")]);
        owner.post(&edit, &same).await.ok().says("Nothing changes");
    }

    /// What a live key uses is changed with "live keys" alone (R); what a development key uses, by every writer.
    async fn what_a_live_key_uses_takes_more(app: TestApp) {
        let mut owner = app.owner().await;
        let mut dev = app.member(&mut owner, "Dev Eloper", "dev@halden.example", Role::Developer).await;
        let mut admin = app.member(&mut owner, "Ad Min", "admin@halden.example", Role::Admin).await;
        let id = keys::permission(&app, "halden-freight", "Import", LIMITED).await;
        let path = format!("{PERMISSIONS}/{id}");
        let development = Row { permission: Some(id), ..Row::development("halden-freight", "dev@halden.example") };
        keys::insert(&app, &development).await;
        dev.get(&format!("{path}/edit")).await.ok();
        let fields = form("Import", "source_type", "icloud.account", "9");
        let shown = dev.post(&format!("{path}/edit"), &fields).await.ok().says("1 development key uses it").says_not("A development key");
        let (live, _) = keys::insert(&app, &Row::live("halden-freight", Some(id))).await;
        let before = everything(&app).await;
        dev.get(&path).await.ok().says("A live key uses this permission").says("1 live key and 1 development key use it").says("Owners and Admins see which").says_not("A live agent");
        for page in ["edit", "json"] {
            dev.get(&format!("{path}/{page}")).await.is(403).says("A live key uses this permission");
        }
        let digest = digest(&shown);
        let mut save = fields.clone();
        save.pop();
        save.extend([("act", "save"), ("digest", digest.as_str())]);
        dev.post(&format!("{path}/edit"), &save).await.is(403);
        dev.post(&format!("{path}/json"), &[("document", "{scopes: {}}"), ("act", "save"), ("digest", digest.as_str())]).await.is(403);
        assert_eq!(everything(&app).await, before);
        admin.post(&format!("{path}/edit"), &fields).await.ok().says("A live key").says("A development key");
        // Once it is revoked, it is nobody's matter.
        execute(&app, &format!("update api_keys set revoked_at = 1 where id = '{live}'")).await;
        dev.post(&format!("{path}/edit"), &fields).await.ok();
    }

    /// V4: a permission that a key uses is not deleted, and says which; afterwards it is, with a row in the log.
    async fn what_is_in_use_is_not_deleted(app: TestApp) {
        let mut owner = app.owner().await;
        let id = keys::permission(&app, "halden-freight", "Import", LIMITED).await;
        let (key, _) = keys::insert(&app, &Row::live("halden-freight", Some(id))).await;
        let path = format!("{PERMISSIONS}/{id}");
        execute(&app, &format!("update api_keys set expires_at = 1 where id = '{key}'")).await;
        let before = everything(&app).await;
        owner.get(&format!("{path}/deletion")).await.ok().says("Import is in use").says("1 live key uses it").says("A live key");
        owner.post(&format!("{path}/deletion"), &[]).await.is(409).says("Keys use this permission");
        assert_eq!(everything(&app).await, before);
        execute(&app, &format!("update api_keys set revoked_at = 1 where id = '{key}'")).await;
        owner.get(&format!("{path}/deletion")).await.ok().says("Delete Import?").says("1 scope");
        owner.post(&format!("{path}/deletion"), &[]).await.leads_to(PERMISSIONS);
        owner.get(PERMISSIONS).await.ok().says("Import is deleted").says("Make the first permission");
        owner.post(&format!("{path}/deletion"), &[]).await.is(404);
        assert!(last_audited(&app, "permission.deleted").await.contains("source_type:icloud.account (each user: 3 ever)"));
    }
}

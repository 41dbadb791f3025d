//! What is covered, and what a limit counts.

use interlock::domain::{permissions, settings, spending};
use serde_json::{Value, json};

use super::{ICLOUD, allowed, and, ask, ephemeral, key, limit, of, rewrite, used};
use crate::api::{post, problem};
use crate::support::database::{count, execute};
use crate::support::keys::{Row, insert, set_base};
use crate::support::{TestApp, access, on_both};

const ANY: &str = "limit_counters where used is not null";

on_both! {
    /// KEY-05, CAP-01, CAP-02, L1, L7: both documents have to cover it, a lower base bites on the next question, and the
    /// refusal says which does not.
    async fn a_scope_has_to_be_covered(app: TestApp) {
        let owner = app.owner().await;
        let narrow = key(&app, &owner.org, "Narrow", &json!({"source_type:b.*": []})).await;
        for (scope, covered) in [("source_type:b.c", true), ("source_type:b.c.d", true), ("source_type:b", false),
            ("source_type:bc", false), ("source_type:b_c", false), ("task_type:b.c", false)] {
            let answer = ask(&app, &narrow, json!({"scope": scope})).await;
            if covered {
                let said = allowed(&answer);
                assert_eq!((&said["limits"], &said["decision"]["code"], said.get("lease")), (&json!([]), &json!("unlimited"), None));
            } else {
                let said = problem(&answer, 403, "not-covered");
                assert_eq!((&said["layer"], &said["scope"]), (&json!("permission"), &json!(scope)));
            }
        }
        let wide = key(&app, &owner.org, "Wide", &json!({"source_type:*": []})).await;
        allowed(&ask(&app, &wide, json!({"scope": "source_type:c.d"})).await);
        set_base(&app, &owner.org, r#"{"source_type:b.*": []}"#).await;
        allowed(&ask(&app, &wide, json!({"scope": "source_type:b.c"})).await);
        assert_eq!(problem(&ask(&app, &wide, json!({"scope": "source_type:c.d"})).await, 403, "not-covered")["layer"], "base");
        let (_, bare) = insert(&app, &Row::live(&owner.org, None)).await;
        assert_eq!(problem(&ask(&app, &bare, json!({"scope": "source_type:b.c"})).await, 403, "not-covered")["layer"], "permission");
        let small = ephemeral(&app, &owner.org, "Wide", &json!({"source_type:b.x": []}), None).await;
        allowed(&ask(&app, &small, json!({"scope": "source_type:b.x"})).await);
        assert_eq!(problem(&ask(&app, &small, json!({"scope": "source_type:b.c"})).await, 403, "not-covered")["layer"], "ephemeral");
        // Planted behind everybody's back, it covers nothing.
        rewrite(&app, "Wide", &json!({"*": [], "source_type:b*": []})).await;
        problem(&ask(&app, &wide, json!({"scope": "source_type:b.c"})).await, 403, "not-covered");
        assert_eq!(count(&app, ANY).await, 0);
    }

    /// L3, LIM-07: a count never comes back; lowered under its use it refuses, raised it goes on, and 0 is nothing.
    async fn a_count_is_for_ever(app: TestApp) {
        let owner = app.owner().await;
        let scopes = |value: i64| json!({ICLOUD: [limit("user", "count", value)]});
        let key = key(&app, &owner.org, "P", &scopes(3)).await;
        for spent in 1..=3 {
            let said = allowed(&ask(&app, &key, of(ICLOUD, "u1")).await);
            assert_eq!(said["limits"], json!([{"scope": ICLOUD, "level": "user", "type": "count", "value": 3, "used": spent,
                "remaining": 3 - spent, "resets_at": null, "from": "permission"}]));
            assert_eq!(said["decision"]["code"], "within-limits");
        }
        let refused = |value: i64, used: i64| json!({"scope": ICLOUD, "level": "user", "type": "count", "value": value,
            "used": used, "remaining": 0, "resets_at": null, "from": "permission"});
        app.clock.advance(400 * interlock::clock::DAY);
        let answer = ask(&app, &key, of(ICLOUD, "u1")).await;
        assert_eq!(problem(&answer, 403, "limit-exceeded")["limit"], refused(3, 3));
        assert!(answer.header("retry-after").is_empty() && answer.header("ratelimit").is_empty());
        assert_eq!(used(&ask(&app, &key, of(ICLOUD, "u2")).await), 1);
        rewrite(&app, "P", &scopes(2)).await;
        assert_eq!(problem(&ask(&app, &key, of(ICLOUD, "u1")).await, 403, "limit-exceeded")["limit"], refused(2, 3));
        assert_eq!(used(&ask(&app, &key, of(ICLOUD, "u2")).await), 2);
        rewrite(&app, "P", &scopes(5)).await;
        assert_eq!(used(&ask(&app, &key, and(of(ICLOUD, "u1"), "cost", 2)).await), 5);
        let said = problem(&ask(&app, &key, and(of(ICLOUD, "u2"), "cost", 4)).await, 403, "limit-exceeded");
        assert_eq!((&said["cost"], &said["limit"]["remaining"]), (&json!(4), &json!(3)));
        assert_eq!(used(&ask(&app, &key, and(of(ICLOUD, "u2"), "cost", 3)).await), 5);
        rewrite(&app, "P", &scopes(0)).await;
        problem(&ask(&app, &key, of(ICLOUD, "u3")).await, 403, "limit-exceeded");
        assert_eq!(count(&app, ANY).await, 2, "nothing is kept of whom nothing was spent for");
    }

    /// L3: an object is spent for once, whatever it costs the second time; other users' and other scopes' are others.
    async fn an_object_is_counted_once(app: TestApp) {
        let owner = app.owner().await;
        let key = key(&app, &owner.org, "P", &json!({"source_type:*": [limit("user", "count", 3)]})).await;
        let device = |user: &str, object: &str| and(of(ICLOUD, user), "object", object);
        for _ in 0..3 {
            assert_eq!(used(&ask(&app, &key, device("u1", "phone")).await), 1);
        }
        assert_eq!(used(&ask(&app, &key, and(device("u1", "pad"), "cost", 2)).await), 3);
        assert_eq!(used(&ask(&app, &key, and(device("u1", "phone"), "cost", 9)).await), 3);
        problem(&ask(&app, &key, device("u1", "watch")).await, 403, "limit-exceeded");
        problem(&ask(&app, &key, of(ICLOUD, "u1")).await, 403, "limit-exceeded");
        assert_eq!(used(&ask(&app, &key, device("u2", "phone")).await), 1);
        // Under a value that was lowered below the use nothing passes.
        rewrite(&app, "P", &json!({"source_type:*": [limit("user", "count", 2)]})).await;
        problem(&ask(&app, &key, device("u1", "phone")).await, 403, "limit-exceeded");
    }

    /// L2: a limit of each user asks for the user.
    async fn a_user_has_to_be_named(app: TestApp) {
        let owner = app.owner().await;
        let key = key(&app, &owner.org, "P", &json!({"source_type:*": [limit("user", "count", 3)], "task_type:*": [limit("key", "count", 3)]})).await;
        let said = problem(&ask(&app, &key, json!({"scope": ICLOUD})).await, 422, "user-missing");
        assert_eq!((&said["errors"][0]["pointer"], &said["scope"]), (&json!("/user"), &json!("source_type:*")));
        problem(&ask(&app, &key, json!({"scope": ICLOUD, "user": null, "dry_run": true})).await, 422, "user-missing");
        allowed(&ask(&app, &key, json!({"scope": "task_type:x"})).await);
    }

    /// L5, LIM-08: all limits of all matching patterns and layers hold; a refusal spends of none of them; the lower of
    /// two values binds.
    async fn all_limits_hold_or_none_is_spent(app: TestApp) {
        let owner = app.owner().await;
        set_base(&app, &owner.org, &json!({"source_type:*": [limit("organisation", "count", 4), limit("user", "count", 2)]}).to_string()).await;
        let scopes = json!({"source_type:*": [limit("user", "count", 9), limit("key", "count", 3)], "source_type:icloud.*": [limit("user", "count", 5)], ICLOUD: []});
        let key = key(&app, &owner.org, "P", &scopes).await;
        let said = allowed(&ask(&app, &key, of(ICLOUD, "u1")).await);
        let told: Vec<(String, i64, i64, String)> = said["limits"].as_array().expect("a list").iter().map(|limit| {
            let text = |name: &str| limit[name].as_str().unwrap_or_default().to_owned();
            (format!("{} {}", text("scope"), text("level")), limit["value"].as_i64().unwrap_or(-1), limit["used"].as_i64().unwrap_or(-1), text("from"))
        }).collect();
        let row = |what: &str, value: i64, from: &str| (what.to_owned(), value, 1, from.to_owned());
        assert_eq!(told, [
            row("source_type:* organisation", 4, "base"),
            row("source_type:* user", 2, "base"),
            row("source_type:* key", 3, "permission"),
            row("source_type:icloud.* user", 5, "permission"),
        ]);
        allowed(&ask(&app, &key, of(ICLOUD, "u1")).await);
        let said = problem(&ask(&app, &key, of(ICLOUD, "u1")).await, 403, "limit-exceeded");
        assert_eq!((&said["limit"]["level"], &said["limit"]["from"], &said["limit"]["value"]), (&json!("user"), &json!("base"), &json!(2)));
        allowed(&ask(&app, &key, of(ICLOUD, "u2")).await);
        let said = problem(&ask(&app, &key, of(ICLOUD, "u2")).await, 403, "limit-exceeded");
        assert_eq!((&said["limit"]["level"], &said["limit"]["used"]), (&json!("key"), &json!(3)));
        // What was refused at one level was spent at no other.
        let row = "limit_counters where limited = 'source_type:* organisation count' and used = 3";
        assert_eq!(count(&app, row).await, 1);
        assert_eq!(count(&app, "limit_counters where limited = 'source_type:* user count' and used = 1").await, 1);
        assert_eq!(count(&app, ANY).await, 6);
    }

    /// L6, LIM-08: keys share the organisation's level and users, permissions that say the same share what is used, and
    /// rotating resets nothing; another organization and Dev mode count for themselves.
    async fn whom_a_limit_counts_for(app: TestApp) {
        let owner = app.owner().await;
        let scopes = json!({"task_type:all": [limit("organisation", "count", 10)], "task_type:each": [limit("key", "count", 2)], "task_type:person": [limit("user", "count", 3)]});
        let all = json!({"scope": "task_type:all"});
        let mut keys = Vec::new();
        for number in 0..10 {
            let key = key(&app, &owner.org, &format!("P{number}"), &scopes).await;
            assert_eq!(used(&ask(&app, &key, all.clone()).await), number + 1);
            assert_eq!(used(&ask(&app, &key, json!({"scope": "task_type:each"})).await), 1);
            keys.push(key);
        }
        problem(&ask(&app, &keys[0], all.clone()).await, 403, "limit-exceeded");
        assert_eq!(used(&ask(&app, &keys[1], of("task_type:person", "u")).await), 1);
        assert_eq!(used(&ask(&app, &keys[2], of("task_type:person", "u")).await), 2);

        // K4: the new key takes the old one's place.
        let (new, rotated) = insert(&app, &Row::live(&owner.org, None)).await;
        execute(&app, &format!("update api_keys set family = (select k.id from api_keys k join permissions p on p.id = k.permission where p.name = 'P0'), \
            permission = (select id from permissions where name = 'P0') where id = '{new}'")).await;
        assert_eq!(used(&ask(&app, &rotated, json!({"scope": "task_type:each"})).await), 2);
        problem(&ask(&app, &keys[0], json!({"scope": "task_type:each"})).await, 403, "limit-exceeded");
        problem(&ask(&app, &rotated, all.clone()).await, 403, "limit-exceeded");
        assert_eq!(used(&ask(&app, &rotated, of("task_type:person", "u")).await), 3);

        let bo = app.sign_up("Brightwater Labs", "Bo Bright", "bo@brightwater.example").await;
        let other = key(&app, &bo.org, "B", &scopes).await;
        assert_eq!(used(&ask(&app, &other, all.clone()).await), 1);
        assert_eq!(used(&ask(&app, &other, of("task_type:person", "u")).await), 1);
        set_base(&app, &owner.org, &scopes.to_string()).await;
        let (_, development) = insert(&app, &Row::development(&owner.org, "amara@halden.example")).await;
        assert_eq!(used(&ask(&app, &development, all.clone()).await), 1);
        let (_, admin) = insert(&app, &Row::admin(&owner.org, "amara@halden.example")).await;
        problem(&ask(&app, &admin, all).await, 403, "wrong-key");
    }

    /// A key that was made from another counts at its parent's level, and is held to both.
    async fn an_ephemeral_key_is_held_to_both(app: TestApp) {
        let owner = app.owner().await;
        let parent = key(&app, &owner.org, "P", &json!({"task_type:*": [limit("key", "count", 3)]})).await;
        let own = json!({"task_type:*": [limit("key", "count", 1)]});
        let (one, two) = (ephemeral(&app, &owner.org, "P", &own, None).await, ephemeral(&app, &owner.org, "P", &own, None).await);
        let question = json!({"scope": "task_type:x"});
        let said = allowed(&ask(&app, &one, question.clone()).await);
        assert_eq!(said["limits"].as_array().map(Vec::len), Some(2));
        assert_eq!(said["limits"][1]["from"], "ephemeral");
        let said = problem(&ask(&app, &one, question.clone()).await, 403, "limit-exceeded");
        assert_eq!(said["limit"]["from"], "ephemeral");
        allowed(&ask(&app, &two, question.clone()).await);
        assert_eq!(used(&ask(&app, &parent, question.clone()).await), 3);
        problem(&ask(&app, &parent, question).await, 403, "limit-exceeded");
    }

    /// K3: so many uses are so many allowed checks, whatever they are about; a refusal uses nothing up.
    async fn a_key_of_so_many_uses_ends(app: TestApp) {
        let owner = app.owner().await;
        key(&app, &owner.org, "P", &json!({"task_type:*": [], "file_type:*": [limit("organisation", "count", 1)]})).await;
        let all = json!({"task_type:*": [], "file_type:*": [], "data_type:*": []});
        let temporary = ephemeral(&app, &owner.org, "P", &all, Some(3)).await;
        allowed(&ask(&app, &temporary, json!({"scope": "task_type:x"})).await);
        allowed(&ask(&app, &temporary, json!({"scope": "file_type:x"})).await);
        problem(&ask(&app, &temporary, json!({"scope": "file_type:x"})).await, 403, "limit-exceeded");
        problem(&ask(&app, &temporary, json!({"scope": "data_type:x"})).await, 403, "not-covered");
        allowed(&ask(&app, &temporary, json!({"scope": "task_type:x", "dry_run": true})).await);
        let question = json!({"resource": "nothing", "permission": "Read", "user": null});
        problem(&post(&app, &temporary, crate::api::CHECK, &question).await, 404, "unknown-resource");
        problem(&ask(&app, &temporary, json!({"scope": "task_type:x"})).await, 401, "used-up-key");
        problem(&ask(&app, &temporary, json!({"scope": "task_type:x", "dry_run": true})).await, 401, "used-up-key");
        problem(&post(&app, &temporary, crate::api::CHECK, &question).await, 401, "used-up-key");
        assert_eq!(count(&app, "api_keys where uses = 3 and most_uses = 3").await, 1);
    }

    /// A dry run answers as the check would, and spends nothing.
    async fn a_dry_run_spends_nothing(app: TestApp) {
        let owner = app.owner().await;
        let scopes = json!({"task_type:*": [limit("organisation", "count", 2), limit("organisation", "inflight", 2), crate::limits::interval("organisation", 2, 60)]});
        let key = key(&app, &owner.org, "P", &scopes).await;
        let dry = json!({"scope": "task_type:x", "dry_run": true, "object": "o", "idempotency_key": "k"});
        for _ in 0..3 {
            let said = allowed(&ask(&app, &key, dry.clone()).await);
            assert_eq!((&said["limits"][0]["used"], said.get("lease")), (&json!(1), None));
        }
        for table in ["limit_counters", "limit_events", "limit_leases", "limit_answers"] {
            assert_eq!(count(&app, table).await, 0, "{table}");
        }
        problem(&ask(&app, &key, and(dry, "cost", 3)).await, 403, "limit-exceeded");
    }

    /// L6: what is used outlives the process, is told to whoever reads the permission, and goes with the organization (R12).
    async fn what_is_used_is_kept(app: TestApp) {
        let owner = app.owner().await;
        let (monthly, pattern) = (crate::limits::interval("user", 5, "1 month"), "task_type:*");
        let scopes = json!({pattern: [limit("user", "count", 3), monthly, limit("organisation", "inflight", 5), limit("key", "count", 9)]});
        let key = key(&app, &owner.org, "P", &scopes).await;
        for user in ["a", "b", "a"] {
            allowed(&ask(&app, &key, json!({"scope": "task_type:x", "user": user, "object": user})).await);
        }
        let again = app.replica().await;
        let said = allowed(&ask(&again, &key, json!({"scope": "task_type:x", "user": "a"})).await);
        assert_eq!(said["limits"][0]["used"], 2);

        let organization = access::organization(&app, &owner.org).await.parse().expect("an id");
        let limits: Vec<_> = permissions::Scopes::from_json(&scopes, "").expect("it is right").iter()
            .flat_map(|(pattern, limits)| limits.iter().map(|limit| (pattern.clone(), *limit)).collect::<Vec<_>>()).collect();
        let usage = async |app: &TestApp| {
            let mut reader = app.app.db.read().await.expect("it answers");
            spending::usage(&mut reader, organization, &limits, app.app.db.now()).await.expect("it answers")
                .into_iter().map(|usage| (usage.holders, usage.most, usage.resets_at.is_some())).collect::<Vec<_>>()
        };
        assert_eq!(usage(&app).await, [(2, 2, false), (2, 2, true), (1, 4, true), (1, 3, false)]);
        app.clock.advance(interlock::clock::HOUR);
        assert_eq!(usage(&app).await, [(2, 2, false), (2, 2, true), (0, 0, false), (1, 3, false)]);

        interlock::domain::housekeeping::sweep(&app.app).await.expect("it sweeps");
        assert_eq!(count(&app, "limit_counters where limited like '%inflight'").await, 0);
        assert_eq!(usage(&app).await, [(2, 2, false), (2, 2, true), (0, 0, false), (1, 3, false)]);
        app.clock.advance(40 * interlock::clock::DAY);
        interlock::domain::housekeeping::sweep(&app.app).await.expect("it sweeps");
        assert_eq!(usage(&app).await, [(2, 2, false), (0, 0, false), (0, 0, false), (1, 3, false)]);
        assert_eq!((count(&app, "limit_leases").await, count(&app, "limit_counters").await), (0, 3));
        assert_eq!(count(&app, "limit_events").await, 4, "objects of counts");
        execute(&app, "update organizations set closed_at = 1").await;
        let by = interlock::domain::access::Operator::sysadmin();
        assert!(settings::erase_by_sysadmin(&app.app, organization, &by).await.expect("it is erased"));
        for table in ["limit_counters", "limit_events"] {
            assert_eq!(count(&app, table).await, 0, "{table}");
        }
    }

    /// Each of a batch is allowed or refused by itself, in their order, and all of them are one transaction.
    async fn a_batch_answers_each(app: TestApp) {
        let owner = app.owner().await;
        let key = key(&app, &owner.org, "P", &json!({ICLOUD: [limit("user", "count", 2)], "task_type:*": []})).await;
        let checks = json!({"checks": [of(ICLOUD, "u"), of("data_type:x", "u"), of(ICLOUD, "u"), of(ICLOUD, "u"), {"scope": ICLOUD}, {"scope": "task_type:x"}, of(ICLOUD, "v")]});
        let answer = post(&app, &key, crate::limits::BATCH, &checks).await.is(200);
        let said: Value = serde_json::from_str(&answer.body).expect("it is JSON");
        let results = said["results"].as_array().expect("a list");
        let told: Vec<Value> = results.iter().map(|one| one["problem"]["type"].as_str().map_or_else(|| one["limits"][0]["used"].clone(), |kind| json!(kind.rsplit(':').next()))).collect();
        assert_eq!(json!(told), json!([1, "not-covered", 2, "limit-exceeded", "user-missing", null, 1]));
        assert_eq!(results[3]["allowed"], false);
        assert_eq!(results[3]["problem"]["status"], 403);
        assert_eq!(results[4]["problem"]["errors"][0]["pointer"], "/checks/4/user");
        assert_eq!(results[5]["allowed"], true);
    }
}

//! Intervals: at most so many in any span of the period.

use interlock::clock::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use serde_json::{Value, json};

use super::{allowed, and, ask, interval, key, used};
use crate::api::problem;
use crate::support::database::{count, execute};
use crate::support::on_both;

const SCOPE: &str = "task_type:x";
/// Each request lets so much time go by.
const STEP: i64 = 10;

fn question() -> Value {
    json!({"scope": SCOPE})
}

fn told(at: i64) -> Value {
    json!(Timestamp(at).rfc3339())
}

on_both! {
    /// LIM-03, LIM-09: what is spent frees a period later, not at a boundary; a refusal says when, to the second.
    async fn a_window_slides(app: TestApp) {
        let owner = app.owner().await;
        let key = key(&app, &owner.org, "P", &json!({SCOPE: [interval("organisation", 3, 60)]})).await;
        let begun = app.app.db.now().0;
        // All of it at the end of a minute, none at the beginning of the next.
        let first = begun / MINUTE * MINUTE + MINUTE + 59 * SECOND;
        app.clock.advance(first - begun - STEP);
        for spent in 1..=3 {
            let answer = ask(&app, &key, question()).await;
            assert_eq!(used(&answer), spent);
            assert_eq!(answer.header("ratelimit-policy"), format!("\"organisation {SCOPE} 60 seconds\";q=3;w=60"));
            assert_eq!(answer.header("ratelimit"), format!("\"organisation {SCOPE} 60 seconds\";r={};t=60", 3 - spent));
        }
        // At 0, 10 and 20 ms after the second: the first frees with its second, the others with the next.
        for (at, wait) in [(30, 60), (30 * SECOND, 30), (60 * SECOND - STEP, 1)] {
            app.clock.advance(first + at - app.app.db.now().0 - STEP);
            let answer = ask(&app, &key, question()).await;
            let said = problem(&answer, 429, "limit-exceeded");
            assert_eq!(said["limit"], json!({"scope": SCOPE, "level": "organisation", "type": "interval", "period": 60, "value": 3, "used": 3,
                "remaining": 0, "resets_at": told(first + 60 * SECOND), "from": "permission"}));
            assert_eq!(answer.header("retry-after"), wait.to_string(), "{at}");
            assert_eq!(answer.header("ratelimit"), format!("\"organisation {SCOPE} 60 seconds\";r=0;t={wait}"));
            // For two of them one has to wait longer.
            let said = problem(&ask(&app, &key, and(question(), "cost", 2)).await, 429, "limit-exceeded");
            assert_eq!(said["limit"]["resets_at"], told(first + 61 * SECOND));
            app.clock.advance(-STEP);
        }
        assert_eq!(used(&ask(&app, &key, question()).await), 3, "exactly when it was said");
        problem(&ask(&app, &key, question()).await, 429, "limit-exceeded");
        app.clock.advance(SECOND);
        allowed(&ask(&app, &key, and(question(), "cost", 2)).await);
        assert_eq!(count(&app, "limit_events").await, 2, "what frees in one second is one row");
        let said = problem(&ask(&app, &key, and(question(), "cost", 4)).await, 429, "limit-exceeded");
        assert_eq!((&said["limit"]["resets_at"], &said["cost"]), (&Value::Null, &json!(4)));
    }

    /// LIM-03: spent evenly or all at once, in no span of the period are more than so many; a restart changes nothing.
    async fn never_more_in_any_window(app: TestApp) {
        let owner = app.owner().await;
        let key = key(&app, &owner.org, "P", &json!({SCOPE: [interval("organisation", 5, 10)]})).await;
        let again = app.replica().await;
        let mut spent: Vec<i64> = Vec::new();
        for number in 0_i64..300 {
            app.clock.advance((number * 7_919) % 1_300);
            let asked = if number % 2 == 0 { &app } else { &again };
            let answer = ask(asked, &key, question()).await;
            if answer.status.as_u16() == 200 {
                spent.push(app.app.db.now().0);
            } else {
                problem(&answer, 429, "limit-exceeded");
            }
        }
        assert!(spent.len() > 50, "{}", spent.len());
        for (number, from) in spent.iter().enumerate() {
            let within = spent[number..].iter().take_while(|at| *at - from < 10 * SECOND).count();
            assert!(within <= 5, "{within} from {from} on");
        }
        assert!(count(&app, "limit_events").await <= 6);
    }

    /// LIM-04: a clock that steps back frees nothing, and a month is the calendar's, in UTC.
    async fn no_clock_gives_anything_away(app: TestApp) {
        let owner = app.owner().await;
        let scopes = json!({SCOPE: [interval("organisation", 2, 60)], "data_type:x": [interval("organisation", 1, "1 month")]});
        let key = key(&app, &owner.org, "P", &scopes).await;
        allowed(&ask(&app, &key, and(question(), "cost", 2)).await);
        for back in [1, 59 * SECOND, HOUR, 400 * DAY] {
            app.clock.advance(-back);
            problem(&ask(&app, &key, question()).await, 429, "limit-exceeded");
            app.clock.advance(back);
        }
        app.clock.advance(-HOUR);
        app.clock.advance(HOUR + 61 * SECOND);
        allowed(&ask(&app, &key, and(question(), "cost", 2)).await);

        // 31 January, 10:00 UTC.
        let at = 1_801_389_600_000;
        app.clock.advance(at - app.app.db.now().0 - STEP);
        let monthly = json!({"scope": "data_type:x"});
        let said = allowed(&ask(&app, &key, monthly.clone()).await);
        assert_eq!(said["limits"][0]["resets_at"], "2027-02-28T10:00:00Z");
        assert_eq!(said["limits"][0]["period"], "1 month");
        for (at, passes) in [("2027-01-31T23:59:59Z", false), ("2027-02-01T00:00:00Z", false), ("2027-02-28T09:59:59Z", false), ("2027-02-28T10:00:00Z", true)] {
            let at = time::OffsetDateTime::parse(at, &time::format_description::well_known::Rfc3339).expect("a time");
            app.clock.advance(at.unix_timestamp() * SECOND - app.app.db.now().0 - STEP);
            let answer = ask(&app, &key, monthly.clone()).await;
            if passes { drop(allowed(&answer)) } else { drop(problem(&answer, 429, "limit-exceeded")) }
        }
    }

    /// L3: an object is spent for again when it has freed.
    async fn an_object_is_spent_for_once_a_period(app: TestApp) {
        let owner = app.owner().await;
        let key = key(&app, &owner.org, "P", &json!({SCOPE: [interval("organisation", 2, "1 minute")]})).await;
        let of = |object: &str| and(question(), "object", object);
        for _ in 0..3 {
            assert_eq!(used(&ask(&app, &key, of("a")).await), 1);
        }
        app.clock.advance(30 * SECOND);
        assert_eq!(used(&ask(&app, &key, of("b")).await), 2);
        assert_eq!(used(&ask(&app, &key, of("a")).await), 2);
        problem(&ask(&app, &key, of("c")).await, 429, "limit-exceeded");
        app.clock.advance(31 * SECOND);
        assert_eq!(used(&ask(&app, &key, of("b")).await), 1);
        assert_eq!(used(&ask(&app, &key, of("c")).await), 2);
        problem(&ask(&app, &key, of("a")).await, 429, "limit-exceeded");
    }

    /// One length is one counter, however it is spelled; another length is another.
    async fn periods_of_one_length_are_one(app: TestApp) {
        let owner = app.owner().await;
        let scopes = |period: Value, more: Value| json!({SCOPE: [interval("organisation", 2, period), more]});
        let one = key(&app, &owner.org, "P", &scopes(json!(60), interval("organisation", 9, 3600))).await;
        let two = key(&app, &owner.org, "Q", &scopes(json!("1 minute"), interval("organisation", 9, "2 hours"))).await;
        allowed(&ask(&app, &one, question()).await);
        let said = allowed(&ask(&app, &two, question()).await);
        assert_eq!((&said["limits"][0]["used"], &said["limits"][1]["used"]), (&json!(2), &json!(1)));
        problem(&ask(&app, &one, question()).await, 429, "limit-exceeded");
        execute(&app, "delete from limit_counters where limited like '%60s'; delete from limit_events").await;
        let said = allowed(&ask(&app, &one, question()).await);
        assert_eq!(said["limits"][1]["used"], 2);
    }
}

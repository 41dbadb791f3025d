//! What every form refuses, whatever it is for.

use std::time::{Duration, Instant};

use axum::http::Method;

use super::{TestApp, Visitor, everything};

/// INJ-04, RST-06, DOS-02: a field that the form does not have, one that comes twice, more than any form
/// holds, what is no form at all. None of it changes anything, and none of it is the server's fault.
pub async fn refuses_bad_forms(app: &TestApp, visitor: &mut Visitor, path: &str, good: &[(&str, &str)]) {
    let before = everything(app).await;
    for extra in ["role", "user_id", "email_verified", "password_hash", "email[]", ""] {
        let fields: Vec<(&str, &str)> = good.iter().copied().chain([(extra, "owner")]).collect();
        visitor.post(path, &fields).await.is(422).says("a field that is not part of the form");
    }
    for twice in good {
        let fields: Vec<(&str, &str)> = good.iter().copied().chain([*twice]).collect();
        visitor.post(path, &fields).await.is(400).says("a field twice");
    }

    let megabyte = "a".repeat(1 << 20);
    for name in ["password", "nonsense"] {
        let body = Some(format!("{name}={megabyte}"));
        let began = Instant::now();
        visitor.send(Method::POST, path, &[], body).await.is(413).says("too much at once");
        assert!(began.elapsed() < Duration::from_secs(2), "{path} took {:?}", began.elapsed());
    }

    for (content_type, body) in [("application/json", "{\"password\": {}}"), ("multipart/form-data", "x")] {
        let headers = [("content-type", content_type)];
        visitor.send(Method::POST, path, &headers, Some(body.to_owned())).await.is(400).says("not a form");
    }
    for body in ["%00=%00", "%ff=%fe", "&&=&;", "\0", "password"] {
        let answer = visitor.send(Method::POST, path, &[], Some(body.to_owned())).await;
        assert!(answer.status.is_client_error(), "{path} with {body:?}: {}", answer.status);
    }
    assert_eq!(everything(app).await, before, "{path} changed something");
}

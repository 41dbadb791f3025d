use serde_json::{Map, Value};

use crate::clock::{SECOND, Timestamp};

const MOST_CLAIMS: usize = 50;
const MOST_CHARACTERS: usize = 200;

/// What the provider asserted of a person, verified to be from it, for this client and this sign-in.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    pub issuer: String,
    pub subject: String,
    pub email: Option<String>,
    /// True only where the provider said JSON's `true`.
    pub email_verified: bool,
    pub name: Option<String>,
    /// The Google Workspace of the account.
    pub hosted_domain: Option<String>,
    /// The Entra tenant of the account.
    pub tenant: Option<String>,
    /// The account in that tenant.
    pub object_id: Option<String>,
    /// Entra has checked that the tenant owns the email's domain (`xms_edov`). It speaks of the email that stands
    /// beside it: of one that came from elsewhere it says nothing.
    pub owns_email_domain: bool,
    pub amr: Vec<String>,
    pub acr: Option<String>,
    pub auth_time: Option<Timestamp>,
    /// Each claim as it came, for the page that shows a test sign-in: sorted by name, cut short.
    pub all: Vec<(String, String)>,
}

impl Claims {
    /// From a verified token's claims and, where it was asked, the userinfo endpoint's, of which email
    /// and name are taken.
    pub(super) fn read(token: &Map<String, Value>, userinfo: Option<&Map<String, Value>>) -> Claims {
        let person = userinfo.unwrap_or(token);
        let text = |claims: &Map<String, Value>, name| {
            claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let is_true = |claims: &Map<String, Value>, name| claims.get(name) == Some(&Value::Bool(true));
        let amr = token.get("amr").and_then(Value::as_array).into_iter().flatten();
        Claims {
            issuer: text(token, "iss").unwrap_or_default(),
            subject: text(token, "sub").unwrap_or_default(),
            email: text(person, "email"),
            email_verified: is_true(person, "email_verified"),
            name: text(person, "name").or_else(|| text(token, "name")),
            hosted_domain: text(token, "hd"),
            tenant: text(token, "tid"),
            object_id: text(token, "oid"),
            owns_email_domain: token.contains_key("email") && is_true(token, "xms_edov"),
            amr: amr.filter_map(Value::as_str).map(str::to_owned).collect(),
            acr: text(token, "acr"),
            auth_time: token.get("auth_time").and_then(moment),
            all: listed(token, userinfo),
        }
    }

    /// Whether the provider says that more than one factor was used. A provider that says nothing of
    /// it may have asked for a password alone.
    pub fn multi_factor(&self) -> bool {
        let says_so = self.amr.iter().any(|method| method == "mfa");
        let has = |kind: &[&str]| self.amr.iter().any(|method| kind.contains(&method.as_str()));
        let kinds = [KNOWN, HELD, INHERENT].into_iter().filter(|kind| has(kind)).count();
        says_so || kinds >= 2 || self.acr.as_deref().is_some_and(|acr| STRONG_CONTEXTS.contains(&acr))
    }
}

/// What RFC 8176 names of what a person knows, holds and is.
const KNOWN: &[&str] = &["kba", "pin", "pwd"];
const HELD: &[&str] = &["hwk", "otp", "pop", "sc", "sms", "swk", "tel"];
const INHERENT: &[&str] = &["face", "fpt", "iris", "retina", "vbm"];

const STRONG_CONTEXTS: &[&str] = &[
    "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
    "https://refeds.org/profile/mfa",
    "phr",
    "phrh",
];

/// Seconds since the epoch, perhaps with a fraction.
pub(super) fn moment(value: &Value) -> Option<Timestamp> {
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))?;
    Some(Timestamp(seconds.saturating_mul(SECOND)))
}

fn listed(token: &Map<String, Value>, userinfo: Option<&Map<String, Value>>) -> Vec<(String, String)> {
    let cut = |text: &str| text.chars().take(MOST_CHARACTERS).collect::<String>();
    let further = userinfo.into_iter().flatten().filter(|(name, _)| !token.contains_key(*name));
    let mut all: Vec<(String, String)> = token
        .iter()
        .chain(further)
        .map(|(name, value)| match value {
            Value::String(text) => (cut(name), cut(text)),
            other => (cut(name), cut(&other.to_string())),
        })
        .collect();
    all.sort();
    all.truncate(MOST_CLAIMS);
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(token: Value) -> Claims {
        Claims::read(token.as_object().expect("an object"), None)
    }

    /// SSO-05: what only looks true is not.
    #[test]
    fn true_is_jsons_true() {
        assert!(claims(json!({"email_verified": true})).email_verified);
        assert!(claims(json!({"email": "a@b.example", "xms_edov": true})).owns_email_domain);
        for other in [json!("true"), json!(1), json!("1"), json!([true]), json!(null), json!(false)] {
            let claims = claims(json!({"email": "a@b.example", "email_verified": other, "xms_edov": other}));
            assert!(!claims.email_verified && !claims.owns_email_domain, "{other}");
        }
        assert!(!claims(json!({})).email_verified);
    }

    /// SSO-08: Microsoft's word is of the email in its token, and the userinfo endpoint's is another.
    #[test]
    fn the_domains_owner_is_of_the_tokens_email() {
        let token = json!({"xms_edov": true});
        assert!(!claims(token.clone()).owns_email_domain);
        let userinfo = json!({"email": "a@b.example", "xms_edov": true});
        let read = Claims::read(token.as_object().expect("an object"), userinfo.as_object());
        assert_eq!((read.email.as_deref(), read.owns_email_domain), (Some("a@b.example"), false));
    }

    #[test]
    fn more_than_one_factor_is_mfa_or_two_kinds() {
        for (amr, strong) in [
            (json!(["mfa"]), true),
            (json!(["pwd", "mfa"]), true),
            (json!(["pwd", "otp"]), true),
            (json!(["swk", "pin"]), true),
            (json!(["hwk", "fpt"]), true),
            (json!(["pwd"]), false),
            (json!(["otp"]), false),
            (json!(["hwk", "swk"]), false),
            (json!(["pwd", "pin"]), false),
            (json!(["pwd", "user", "geo", "rba"]), false),
            (json!(["MFA"]), false),
            (json!("mfa"), false),
            (json!([]), false),
            (json!(null), false),
        ] {
            assert_eq!(claims(json!({"amr": amr})).multi_factor(), strong, "{amr}");
        }
        for (acr, strong) in [("phr", true), ("phrh", true), (STRONG_CONTEXTS[0], true), ("1", false)] {
            assert_eq!(claims(json!({"acr": acr})).multi_factor(), strong, "{acr}");
        }
        assert!(!claims(json!({})).multi_factor());
    }

    #[test]
    fn all_claims_are_listed_within_limits() {
        let listed =
            claims(json!({"sub": "1", "n": 7, "list": ["a", {"b": 1}], "long": "ä".repeat(900)})).all;
        let expected = [("list", r#"["a",{"b":1}]"#), ("long", &"ä".repeat(200)), ("n", "7"), ("sub", "1")];
        assert_eq!(listed, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let many: Map<String, Value> = (0..99).map(|n| (format!("c{n:02}"), json!(n))).collect();
        assert_eq!(claims(Value::Object(many)).all.len(), 50);
    }
}

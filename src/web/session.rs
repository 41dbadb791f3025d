//! The session's cookie, carried by tower-sessions. The rows are written by the domain, in its own
//! transactions; the store below only tells the cookie's life from them, and never makes a row.

use std::collections::HashMap;

use async_trait::async_trait;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;
use tower_sessions::cookie::SameSite;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{Expiry, SessionManagerLayer, SessionStore};

use super::html;
use crate::app::Shared;
use crate::clock::SECOND;
use crate::domain::sessions::{self, HALF_LIFE, Opened};
use crate::secrets::{Token, TokenHash};

/// Where a handler leaves the id of a session that the domain has opened.
const OPENED: &str = "opened";

#[derive(Clone)]
pub struct Store(Shared);

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

fn hash(id: &Id) -> TokenHash {
    TokenHash::of(&id.to_string())
}

fn backend(error: sqlx::Error) -> Error {
    Error::Backend(error.to_string())
}

fn record(id: Id) -> Record {
    Record { id, data: HashMap::new(), expiry_date: OffsetDateTime::now_utc() + time::Duration::days(1) }
}

#[async_trait]
impl SessionStore for Store {
    /// Takes the id of the session that the domain opened; a session of its own accord there is none.
    async fn create(&self, record: &mut Record) -> Result<()> {
        let opened = record.data.get(OPENED).and_then(|id| id.as_str()).and_then(|id| id.parse().ok());
        // Should the session have ended meanwhile, its cookie opens nothing.
        record.id = opened.ok_or_else(|| Error::Backend("no session was opened".to_owned()))?;
        Ok(())
    }

    /// Nothing of ours is in the record, and a late save must not revive a session that has ended.
    async fn save(&self, _: &Record) -> Result<()> {
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let live = sessions::is_live(&self.0, &hash(id)).await.map_err(backend)?;
        Ok(live.then(|| record(*id)))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        sessions::end_by_token(&self.0, &hash(id)).await.map_err(backend)
    }
}

/// `__Host-` and Secure under https. On plain http, which only loopback may use, browsers refuse both.
fn cookie_name(app: &Shared, (name, host_name): CookieName) -> &'static str {
    if app.config.base_url.is_https() { host_name } else { name }
}

pub fn layer(app: &Shared) -> SessionManagerLayer<Store> {
    SessionManagerLayer::new(Store(app.clone()))
        .with_name(cookie_name(app, SESSION))
        .with_secure(app.config.base_url.is_https())
        .with_http_only(true)
        // Lax: mailed links and single sign-on come from other sites.
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnSessionEnd)
}

/// Before the session layer sees a request: leaves it the cookies that are ours (SES-10).
pub fn keep_own_cookies(app: &Shared, headers: &mut HeaderMap) {
    if headers.contains_key(header::COOKIE) {
        let own = without_planted(headers, cookie_name(app, SESSION));
        headers.insert(header::COOKIE, own);
    }
}

/// After the session layer, for what it leaves undone. It takes its cookie back without the attributes
/// that it was given with, which browsers ignore where the name begins with `__Host-` (SES-04).
pub fn take_back_whole(app: &Shared, headers: &mut HeaderMap) {
    if !headers.contains_key(header::SET_COOKIE) {
        return;
    }
    let taken_back = format!("{}=;", cookie_name(app, SESSION));
    let (bare, whole): (Vec<HeaderValue>, Vec<HeaderValue>) = headers
        .get_all(header::SET_COOKIE)
        .iter()
        .cloned()
        .partition(|cookie| cookie.as_bytes().starts_with(taken_back.as_bytes()));
    if !bare.is_empty() {
        headers.remove(header::SET_COOKIE);
        headers.extend(whole.into_iter().map(|cookie| (header::SET_COOKIE, cookie)));
        append_cookie(app, headers, SESSION, "", 0);
    }
}

/// The cookies without those that a neighbouring host may have planted (SES-10). Of two with the
/// session's name nobody can tell which is ours: neither counts. The session layer decodes names, and so
/// would take `%5F%5FHost-` for the prefix that browsers keep to ourselves.
fn without_planted(headers: &HeaderMap, session: &str) -> HeaderValue {
    let twins = cookies(headers).filter(|(name, _)| *name == session).count() > 1;
    let mut kept = String::new();
    for (name, value) in cookies(headers) {
        if !name.contains('%') && (!twins || name != session) {
            let between = if kept.is_empty() { "" } else { "; " };
            kept.extend([between, name, "=", value]);
        }
    }
    HeaderValue::try_from(kept).unwrap_or(HeaderValue::from_static(""))
}

/// The id of a session that is about to be opened, or to go on under it.
pub struct NewCookie(Id);

impl NewCookie {
    pub fn generate() -> NewCookie {
        NewCookie(Id::default())
    }

    pub fn hash(&self) -> TokenHash {
        hash(&self.0)
    }

    /// Gives the browser what a sign-in has opened: a session's cookie, or the one of a half-finished
    /// sign-in, which is another (S11). Says where that leads.
    pub async fn give_opened(
        self,
        app: &Shared,
        session: &tower_sessions::Session,
        opened: Opened,
        next: &str,
    ) -> std::result::Result<Response, super::error::Error> {
        match opened {
            Opened::Session => {
                self.give(session).await?;
                Ok(html::redirect(next))
            }
            Opened::Half => {
                session.flush().await.map_err(|error| super::error::Error::Internal(error.into()))?;
                let next = html::query_value(next);
                let mut response = html::redirect(&format!("/sign-in/challenge?next={next}"));
                append_cookie(app, response.headers_mut(), HALF, &self.0.to_string(), HALF_LIFE / SECOND);
                Ok(response)
            }
        }
    }

    /// Gives the browser the cookie of a session that the domain has opened. Whatever session it had is ended.
    pub async fn give(
        self,
        session: &tower_sessions::Session,
    ) -> std::result::Result<(), super::error::Error> {
        let internal = |error: tower_sessions::session::Error| super::error::Error::Internal(error.into());
        session.flush().await.map_err(internal)?;
        session.insert(OPENED, self.0.to_string()).await.map_err(internal)
    }
}

/// The hash of the cookie that came with a request.
pub fn token_of(session: &tower_sessions::Session) -> Option<TokenHash> {
    session.id().as_ref().map(hash)
}

/// A sentence that the next page shows once: it crosses a redirect in a cookie.
pub fn with_flash(app: &Shared, mut response: Response, text: &str) -> Response {
    let value = URL_SAFE_NO_PAD.encode(text);
    append_cookie(app, response.headers_mut(), FLASH, &value, 60);
    response
}

/// Takes the sentence out of the request; the answer then says that it is gone.
pub fn flash(app: &Shared, headers: &HeaderMap) -> Option<String> {
    let value = own_cookie(app, headers, FLASH)?;
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(value).ok()?).ok()?;
    (text.len() < 500).then_some(text)
}

pub fn forget_flash(app: &Shared, headers: &mut HeaderMap) {
    append_cookie(app, headers, FLASH, "", 0);
}

/// A cookie's name, without and with `__Host-`.
pub type CookieName = (&'static str, &'static str);
const SESSION: CookieName = ("interlock", "__Host-interlock");
const FLASH: CookieName = ("interlock-flash", "__Host-interlock-flash");
/// A sign-in that waits for a factor. It lives as long as the row does.
pub const HALF: CookieName = ("interlock-half", "__Host-interlock-half");
/// A browser that is not asked for a factor.
pub const DEVICE: CookieName = ("interlock-device", "__Host-interlock-device");
/// Which browser began a sign-up.
pub const SIGN_UP: CookieName = ("interlock-sign-up", "__Host-interlock-sign-up");
/// The token of the Unlisted link that a guest signs up from: it is kept nowhere else (A7).
pub const LINK: CookieName = ("interlock-link", "__Host-interlock-link");

/// The tokens of the Unlisted links to tools that a browser has opened last, with a dot between them: they let it in at
/// the tools' hosts too (A7).
const OPENED_LINKS: CookieName = ("interlock-opened-links", "__Host-interlock-opened-links");
const MOST_OPENED_LINKS: usize = 8;
/// Seconds: a working day. The session at the tool's host goes on by itself.
const OPENED_LINK_LIFE: i64 = 12 * 3_600;

/// Those of them that are tokens.
pub fn opened_links(app: &Shared, headers: &HeaderMap) -> Vec<Token> {
    let kept = own_cookie(app, headers, OPENED_LINKS).unwrap_or_default();
    kept.split('.').filter_map(Token::parse).take(MOST_OPENED_LINKS).collect()
}

/// Keeps a token that has opened something among them.
pub fn keep_opened_link(app: &Shared, before: &HeaderMap, headers: &mut HeaderMap, token: &str) {
    let opened = opened_links(app, before);
    let others = opened.iter().map(Token::expose).filter(|other| *other != token);
    let kept: Vec<&str> = std::iter::once(token).chain(others).take(MOST_OPENED_LINKS).collect();
    append_cookie(app, headers, OPENED_LINKS, &kept.join("."), OPENED_LINK_LIFE);
}

/// A browser that is signed out holds none any more.
pub fn forget_opened_links(app: &Shared, before: &HeaderMap, headers: &mut HeaderMap) {
    if own_cookie(app, before, OPENED_LINKS).is_some() {
        append_cookie(app, headers, OPENED_LINKS, "", 0);
    }
}

/// Which browser began a way to a provider.
pub const SSO: CookieName = ("interlock-sso", "__Host-interlock-sso");

/// Whom Google has said that a browser without an account is.
pub const ARRIVAL: CookieName = ("interlock-arrival", "__Host-interlock-arrival");

/// The hash of a secret that one of our cookies holds.
pub fn cookie_hash(app: &Shared, headers: &HeaderMap, name: CookieName) -> Option<TokenHash> {
    own_cookie(app, headers, name).map(|value| TokenHash::of(&value))
}

pub fn own_cookie(app: &Shared, headers: &HeaderMap, name: CookieName) -> Option<String> {
    let name = cookie_name(app, name);
    cookies(headers).find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

pub fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| std::str::from_utf8(value.as_bytes()).ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .map(|(name, value)| (name.trim(), value.trim()))
        .filter(|(name, value)| name.is_ascii() && value.is_ascii())
}

/// `value` is of URL-safe characters. Zero seconds forgets the cookie.
pub fn append_cookie(app: &Shared, headers: &mut HeaderMap, name: CookieName, value: &str, seconds: i64) {
    let name = cookie_name(app, name);
    let secure = if app.config.base_url.is_https() { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; HttpOnly; SameSite=Lax; Path=/; Max-Age={seconds}{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        headers.append(header::SET_COOKIE, cookie);
    }
}

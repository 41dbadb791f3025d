//! Passkeys (WebAuthn): a second factor, and a way in of their own (S1, S11). The device has verified its
//! owner, by fingerprint, face or PIN, or the passkey is not taken.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyAuthentication, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, Webauthn, WebauthnBuilder, WebauthnError,
};

use super::authenticators::{self, Confirmed};
use super::{FactorError, Taken, Within, sql};
use crate::app::App;
use crate::clock::{MINUTE, Timestamp};
use crate::domain::access::Person;
use crate::domain::sessions::ProofKind;
use crate::domain::throttle;
use crate::domain::values::FactorName;
use crate::ids::{ChallengeId, PasskeyId, UserId};
use crate::secrets::TokenHash;
use crate::storage::{Lends, Tx};

/// A challenge that is not answered by then is over.
const ANSWERED_WITHIN: i64 = 5 * MINUTE;
/// More than anybody has devices; each challenge names them all.
const MOST: i64 = 20;

/// What a challenge was posed for: it is answered for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(super) enum Purpose {
    Register,
    /// To one person, as a factor.
    Prove,
    /// To whoever answers.
    SignIn,
}

/// A challenge, as a browser gets it.
#[derive(Debug)]
pub struct Posed {
    pub id: ChallengeId,
    /// The options of `navigator.credentials`, in their JSON form.
    pub options: Value,
}

/// What a browser sends back: the challenge's id, and what the device made of it, as JSON.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    pub challenge: &'a str,
    pub credential: &'a str,
}

impl Answered<'_> {
    fn challenge(&self) -> Result<ChallengeId, FactorError> {
        self.challenge.parse().map_err(|_| FactorError::NoAnswer)
    }

    fn credential<T: DeserializeOwned>(&self) -> Result<T, FactorError> {
        serde_json::from_str(self.credential).map_err(|_| FactorError::NoAnswer)
    }
}

/// Who asks the devices. They bind a passkey to the host, and the browser's origin must be ours exactly.
/// A host that is an address and no name can't have passkeys: browsers refuse it too.
fn relying_party(app: &App) -> Option<Webauthn> {
    let base = &app.config.base_url;
    let origin = Url::parse(base.origin()).ok().filter(|origin| origin.domain().is_some())?;
    WebauthnBuilder::new(base.host(), &origin).ok()?.rp_name("Interlock").build().ok()
}

/// Whether passkeys work at the address of this installation.
pub fn passkeys_work(app: &App) -> bool {
    relying_party(app).is_some()
}

fn challenge_place(id: ChallengeId) -> String {
    format!("passkey_challenges.state:{id}")
}

fn passkey_place(id: PasskeyId) -> String {
    format!("passkeys.credential:{id}")
}

fn seal(app: &App, place: &str, value: &impl Serialize) -> String {
    app.sealer.seal(place, &serde_json::to_vec(value).expect("what the library keeps is JSON"))
}

fn open<T: DeserializeOwned>(app: &App, place: &str, sealed: &str) -> sqlx::Result<T> {
    let json = app.sealer.open(place, sealed).map_err(|error| sqlx::Error::Decode(error.into()))?;
    serde_json::from_slice(&json).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn options(options: &impl Serialize) -> Value {
    serde_json::to_value(options).expect("the options are JSON")
}

/// The library refuses to pose a challenge for what we never give it, such as a nameless user.
fn unposed(error: WebauthnError) -> FactorError {
    sqlx::Error::Decode(error.into()).into()
}

/// The cause is for the log: whoever guesses learns nothing from it.
fn refused(error: &WebauthnError) -> FactorError {
    match error {
        WebauthnError::CredentialPossibleCompromise => {
            tracing::warn!("a passkey's counter went backwards: there may be a copy of its device");
        }
        error => tracing::info!(%error, "a passkey was refused"),
    }
    FactorError::Refused
}

async fn pose(
    app: &App,
    purpose: Purpose,
    user: Option<UserId>,
    asked_by: &str,
    state: &impl Serialize,
    options: Value,
) -> Result<Posed, FactorError> {
    let id = ChallengeId::generate();
    let sealed = seal(app, &challenge_place(id), state);
    let mut tx = app.db.write().await?;
    let now = tx.now();
    let spent = throttle::spend(&mut tx, now, throttle::PASSKEY_CHALLENGE, asked_by).await;
    if spent.is_ok() {
        sql::insert_challenge(&mut tx, id, user, purpose, &sealed, now).await?;
    }
    // Committed even when refused: a refusal counts too.
    tx.commit().await?;
    spent?;
    Ok(Posed { id, options })
}

/// Begins to add a passkey. Devices that hold one of the person's already are told to make no other.
pub async fn pose_registration(app: &App, person: &Person) -> Result<Posed, FactorError> {
    person.stepped_up(app.db.now())?;
    let webauthn = relying_party(app).ok_or(FactorError::NoPasskeysHere)?;
    let mut reader = app.db.read().await?;
    if sql::count_passkeys(&mut reader, person.user).await? >= MOST {
        return Err(FactorError::TooManyPasskeys);
    }
    let own = own(app, &mut reader, person.user).await?;
    drop(reader);
    let known = own.iter().map(|passkey| passkey.cred_id().clone()).collect();
    let (created, state) = webauthn
        .start_passkey_registration(person.user.uuid(), &person.email, &person.name, Some(known))
        .map_err(unposed)?;
    let mut options = options(&created.public_key);
    // The library asks devices not to remember whose passkey it is. We want them to, so that it opens the
    // account without a typed address; a device that can't is still a second factor.
    options["authenticatorSelection"]["residentKey"] = "preferred".into();
    pose(app, Purpose::Register, Some(person.user), &person.user.to_string(), &state, options).await
}

/// Adds a passkey. It proves itself in this session, which goes on under another cookie.
pub async fn register(
    app: &App,
    person: &Person,
    answered: Answered<'_>,
    name: &FactorName,
    new_token: &TokenHash,
) -> Result<Confirmed, FactorError> {
    let webauthn = relying_party(app).ok_or(FactorError::NoPasskeysHere)?;
    let answer: RegisterPublicKeyCredential = answered.credential()?;
    let id = answered.challenge()?;
    let mut change = app.db.account(Some(person.user), &[]).await?;
    let now = change.now();
    let state = answer_to(&mut change, id, Purpose::Register, Some(person.user), now).await?;
    let state: PasskeyRegistration = open(app, &challenge_place(id), &state)?;
    let passkey = match webauthn.finish_passkey_registration(&answer, &state) {
        Ok(passkey) => passkey,
        Err(error) => {
            // A wrong answer uses the challenge up too.
            change.commit().await?;
            return Err(refused(&error));
        }
    };
    if sql::count_passkeys(&mut change, person.user).await? >= MOST {
        return Err(FactorError::TooManyPasskeys);
    }
    let id = PasskeyId::generate();
    let credential_id = URL_SAFE_NO_PAD.encode(passkey.cred_id());
    let sealed = seal(app, &passkey_place(id), &passkey);
    if !sql::insert_passkey(&mut change, id, person.user, &credential_id, name.as_str(), &sealed, now).await?
    {
        return Err(FactorError::Known);
    }
    authenticators::added(app, change, person, name.as_str(), ProofKind::Passkey, new_token).await
}

/// Asks one person for any of their passkeys.
pub async fn pose_to(app: &App, user: UserId) -> Result<Posed, FactorError> {
    let webauthn = relying_party(app).ok_or(FactorError::NoPasskeysHere)?;
    let own = own(app, &mut app.db.read().await?, user).await?;
    if own.is_empty() {
        return Err(FactorError::NoPasskey);
    }
    let (asked, state) = webauthn.start_passkey_authentication(&own).map_err(unposed)?;
    pose(app, Purpose::Prove, Some(user), &user.to_string(), &state, options(&asked.public_key)).await
}

/// Asks whoever is there for a passkey that knows whose it is. `asked_by` is where they are, for the budget.
pub(crate) async fn pose_to_anyone(app: &App, asked_by: &str) -> Result<Posed, FactorError> {
    let webauthn = relying_party(app).ok_or(FactorError::NoPasskeysHere)?;
    let (asked, state) = webauthn.start_discoverable_authentication().map_err(unposed)?;
    pose(app, Purpose::SignIn, None, asked_by, &state, options(&asked.public_key)).await
}

/// Takes a person's answer, once.
pub(super) async fn take(app: &App, user: UserId, answered: Answered<'_>) -> Result<Taken, FactorError> {
    Ok(take_any(app, Some(user), answered).await?.0)
}

/// Takes the answer of whoever gives it, once, and says who that is.
pub(crate) async fn take_from_anyone(
    app: &App,
    answered: Answered<'_>,
) -> Result<(Taken, UserId), FactorError> {
    take_any(app, None, answered).await
}

async fn take_any(
    app: &App,
    user: Option<UserId>,
    answered: Answered<'_>,
) -> Result<(Taken, UserId), FactorError> {
    let mut tx = app.db.write().await?;
    match judge(app, &mut tx, user, answered).await {
        Ok(owner) => Ok((Taken { proof: ProofKind::Passkey, within: Within::Tx(tx) }, owner)),
        Err(error) => {
            // A wrong answer uses the challenge up too.
            tx.commit().await?;
            Err(error)
        }
    }
}

/// Judges an answer by the passkey as it is now. One that nobody has, and one that is somebody else's, look
/// like one whose signature is wrong.
async fn judge(
    app: &App,
    tx: &mut Tx,
    user: Option<UserId>,
    answered: Answered<'_>,
) -> Result<UserId, FactorError> {
    let webauthn = relying_party(app).ok_or(FactorError::NoPasskeysHere)?;
    let answer: PublicKeyCredential = answered.credential()?;
    let (id, now) = (answered.challenge()?, tx.now());
    let purpose = if user.is_some() { Purpose::Prove } else { Purpose::SignIn };
    let state = answer_to(tx, id, purpose, user, now).await?;
    let credential_id = URL_SAFE_NO_PAD.encode(answer.get_credential_id());
    let found = sql::passkey(tx, &credential_id).await?.ok_or(FactorError::Refused)?;
    // The device may say whose passkey it is, and must where nobody was asked by name.
    let named = answer.get_user_unique_id();
    let is_named = named.is_some_and(|named| named == found.user_id.uuid().as_bytes());
    let mut passkey: Passkey = open(app, &passkey_place(found.id), &found.credential)?;
    let place = challenge_place(id);
    let judged = match user {
        Some(user) if found.user_id == user && (is_named || named.is_none()) => {
            let state: PasskeyAuthentication = open(app, &place, &state)?;
            webauthn.finish_passkey_authentication(&answer, &state)
        }
        None if is_named => {
            let state: DiscoverableAuthentication = open(app, &place, &state)?;
            webauthn.finish_discoverable_authentication_v2(&answer, state, &passkey)
        }
        _ => Err(WebauthnError::InvalidUserUniqueId),
    };
    let judged = judged.map_err(|error| refused(&error))?;
    passkey.update_credential(&judged);
    let (counter, sealed) = (i64::from(judged.counter()), seal(app, &passkey_place(found.id), &passkey));
    // The challenge knows the counter as it was when it was posed: the row has the last word.
    if !sql::use_passkey(tx, found.id, &sealed, counter, now).await? {
        return Err(refused(&WebauthnError::CredentialPossibleCompromise));
    }
    Ok(found.user_id)
}

/// Uses a challenge up and gives its sealed state. Unknown, answered, outlived ones and those of others look alike.
async fn answer_to(
    on: &mut impl Lends,
    id: ChallengeId,
    purpose: Purpose,
    user: Option<UserId>,
    now: Timestamp,
) -> Result<String, FactorError> {
    let since = now.plus(-ANSWERED_WITHIN);
    sql::answer_challenge(on, id, purpose, user, since).await?.ok_or(FactorError::Unasked)
}

async fn own(app: &App, on: &mut impl Lends, user: UserId) -> sqlx::Result<Vec<Passkey>> {
    let rows = sql::credentials(on, user).await?;
    rows.iter().map(|row| open(app, &passkey_place(row.id), &row.credential)).collect()
}

/// Gives a passkey another name.
pub async fn rename_passkey(
    app: &App,
    person: &Person,
    id: PasskeyId,
    name: &FactorName,
) -> sqlx::Result<bool> {
    let mut tx = app.db.write().await?;
    let renamed = sql::rename_passkey(&mut tx, id, person.user, name.as_str()).await?;
    tx.commit().await?;
    Ok(renamed)
}

pub(super) async fn sweep(tx: &mut Tx) -> sqlx::Result<()> {
    let before = tx.now().plus(-ANSWERED_WITHIN);
    sql::drop_old_challenges(tx, before).await
}

//! Recovery codes: ten, each good once, for whoever has lost the phone. 120 random bits each, so that a
//! plain hash keeps them (ASVS 6.5.2).

use super::{FactorError, mails, sql};
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::access::{Operator, Person};
use crate::domain::audit::{self, Entry, Kind};
use crate::domain::users;
use crate::ids::UserId;
use crate::mail;
use crate::secrets::{random_bytes, sha256_hex};
use crate::storage::Change;

const COUNT: usize = 10;
const LENGTH: usize = 24;
/// Crockford's base32: no letter that is taken for a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// "7f2k-9mqx-hw4t-c8dn-p3vz-6rja"
fn generate() -> String {
    let letters: Vec<u8> =
        random_bytes::<LENGTH>().iter().map(|byte| ALPHABET[usize::from(byte % 32)]).collect();
    let groups: Vec<&str> = letters.chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join("-")
}

/// What is hashed: without spaces and dashes, in small letters, with the letters that are mistaken for
/// digits read as such.
fn canonical(typed: &str) -> Option<String> {
    let letters = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').take(LENGTH + 1);
    let code: String = letters
        .map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            c => c,
        })
        .collect();
    let right = code.len() == LENGTH && code.bytes().all(|byte| ALPHABET.contains(&byte));
    right.then_some(code)
}

/// Bound to their owner, so that nobody can look for a code among all accounts' at once.
fn hash(user: UserId, canonical: &str) -> String {
    sha256_hex(format!("{user}:{canonical}").as_bytes())
}

/// Ten new ones in place of the old.
pub(super) async fn replace(change: &mut Change, user: UserId, now: Timestamp) -> sqlx::Result<Vec<String>> {
    sql::drop_codes(change, user).await?;
    let codes: Vec<String> = (0..COUNT).map(|_| generate()).collect();
    for code in &codes {
        sql::insert_code(change, user, &hash(user, &code.replace('-', "")), now).await?;
    }
    Ok(codes)
}

/// New codes; the old ones are dead (MFA-11).
pub async fn regenerate(app: &App, person: &Person) -> Result<Vec<String>, FactorError> {
    let mut change = app.db.account(Some(person.user), &[]).await?;
    let now = change.now();
    person.stepped_up(now)?;
    if !sql::flags(&mut change, person.user).await?.any() {
        return Err(FactorError::NoAuthenticator);
    }
    let codes = replace(&mut change, person.user, now).await?;
    let entry = Entry::new(Kind::RecoveryCodesReplaced, person.user, &person.name);
    audit::record_account(&mut change, &person.operator(), entry).await?;
    mail::queue(&mut change, app, None, &mails::codes_replaced(app, &person.email)).await?;
    change.commit().await?;
    Ok(codes)
}

/// Takes a code, once: of two who type it at the same moment one is let in.
pub(super) async fn take(
    app: &App,
    change: &mut Change,
    user: UserId,
    operator: &Operator,
    typed: &str,
) -> Result<(), FactorError> {
    let now = change.now();
    let code = canonical(typed).ok_or(FactorError::NoRecoveryCode)?;
    if !sql::use_code(change, user, &hash(user, &code), now).await? {
        return Err(FactorError::NoRecoveryCode);
    }
    let left = sql::codes_left(change, user).await?;
    let Some(owner) = users::by_id(change, user).await? else { return Err(FactorError::SignedOut) };
    let entry = Entry::new(Kind::RecoveryCodeUsed, user, &owner.name).with("codes left", left);
    audit::record_account(change, operator, entry).await?;
    mail::queue(change, app, None, &mails::code_used(app, &owner.email, left)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_however_it_is_typed() {
        let code = generate();
        let bare = code.replace('-', "");
        assert_eq!(bare.len(), LENGTH);
        for typed in
            [code.clone(), bare.clone(), code.to_uppercase(), code.replace('-', " "), format!(" {code}\n")]
        {
            assert_eq!(canonical(&typed).as_deref(), Some(bare.as_str()), "{typed}");
        }
        assert_eq!(canonical("OIL0-0000-0000-0000-0000-0000").as_deref(), Some("011000000000000000000000"));
        for typed in ["", "7f2k", &bare[1..], &format!("{bare}0"), "u".repeat(24).as_str()] {
            assert_eq!(canonical(typed), None, "{typed}");
        }
    }

    /// ASVS 6.5.4: from the operating system's generator, and long enough to be hashed plainly.
    #[test]
    fn codes_differ() {
        let mut codes: Vec<String> = (0..2_000).map(|_| generate()).collect();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), 2_000);
    }
}

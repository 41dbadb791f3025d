//! Passwords: which ones are good enough (S6), and hashing them on a bounded pool.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use prometheus::core::Collector;
use prometheus::{Histogram, IntCounter};
use tokio::sync::Semaphore;

use crate::metrics::histogram;
use crate::secrets::random_bytes;

pub const SHORTEST: usize = 15;
/// What an organization may ask for (S6). Of a password in force only the longest of these that it
/// reaches is kept: whoever has the hash learns little more.
pub const LENGTHS: [i64; 6] = [15, 18, 20, 24, 28, 32];
/// In bytes: beyond it hashing would be the attacker's work (DOS-02).
pub const LONGEST: usize = 256;

/// A password that falls to fewer guesses is refused: whoever has its hash makes that many within weeks,
/// on one machine.
const FEWEST_GUESSES: u64 = 100_000_000;

/// A new password that is good enough. Compared exactly as typed: never trimmed, folded, normalized
/// or cut (ASVS 6.2.8).
pub struct NewPassword(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("Use at least {0} characters. A few plain words work well.")]
    TooShort(usize),
    #[error("Use at most {LONGEST} bytes, about as many letters.")]
    TooLong,
    #[error("This is one of the passwords that are guessed first. Choose other words.")]
    Common,
    #[error(
        "This is made of your own or your organization's name. Choose words that nobody connects with you."
    )]
    Context,
}

/// Whether a password has the length of one. Cheap: the rest is for [`Passwords::fit`].
pub fn check_length(password: &str) -> Result<(), PasswordError> {
    check_length_of(password, SHORTEST)
}

/// The longest of [`LENGTHS`] that a password reaches; 1 for a shorter one.
pub fn length_class(password: &str) -> i64 {
    let length = i64::try_from(password.chars().count()).unwrap_or(i64::MAX);
    LENGTHS.into_iter().filter(|least| *least <= length).max().unwrap_or(1)
}

fn check_length_of(password: &str, shortest: usize) -> Result<(), PasswordError> {
    if password.chars().count() < shortest {
        return Err(PasswordError::TooShort(shortest));
    }
    if password.len() > LONGEST {
        return Err(PasswordError::TooLong);
    }
    Ok(())
}

impl NewPassword {
    pub fn length_class(&self) -> i64 {
        length_class(&self.0)
    }

    /// `context` holds what an attacker would try for this very person: names and the email.
    fn parse(password: &str, context: &[String]) -> Result<NewPassword, PasswordError> {
        check_length(password)?;
        let words = context_words(context);
        if is_built_from(password, &words) {
            return Err(PasswordError::Context);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        // Listed passwords, repeated words, sequences and keyboard walks.
        if zxcvbn::zxcvbn(&estimated(password), &words).guesses() < FEWEST_GUESSES {
            return Err(PasswordError::Common);
        }
        Ok(NewPassword(password.to_owned()))
    }
}

/// What is estimated of a password: its beginning, with signs that stand for letters put back. The
/// estimator tries all readings of such signs, and would work for seconds on a password made of them
/// (DOS-02); a guesser knows them all the same.
fn estimated(password: &str) -> String {
    let letters = password.chars().take(40).map(|c| match c {
        '@' => 'a',
        '(' | '{' | '[' | '<' => 'c',
        '&' => 'g',
        '!' | '|' => 'i',
        '$' => 's',
        '+' => 't',
        '%' => 'x',
        c => c,
    });
    letters.collect()
}

/// More words than a few names have make the work the attacker's.
const MOST_WORDS: usize = 30;

/// The words of at least four letters in names and addresses, in lower case, longest first.
fn context_words(context: &[String]) -> Vec<String> {
    let mut words: Vec<String> = context
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))
        .chain(["interlock"])
        .filter(|word| word.chars().count() >= 4)
        .map(str::to_lowercase)
        .collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.dedup();
    words.truncate(MOST_WORDS);
    words
}

/// Whether little is left of a password without the words that anyone would try.
fn is_built_from(password: &str, words: &[String]) -> bool {
    let folded: String = password.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let rest = words.iter().fold(folded.clone(), |rest, word| rest.replace(word.as_str(), ""));
    rest != folded && rest.chars().filter(|c| c.is_alphabetic()).count() < 6
}

/// At least 19 MiB, two passes, one lane (OWASP; ASVS 11.4.2).
fn parameters() -> Params {
    Params::new(19_456, 2, 1, Some(32)).expect("the parameters are within argon2's bounds")
}

const PARAMETERS: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

/// As many waiting as are answered within a few seconds; more are turned away.
const LONGEST_QUEUE: usize = 64;

/// Hashes and compares, a few at a time, off the async threads: 19 MiB each must not add up (DOS-01).
#[derive(Clone)]
pub struct Passwords {
    running: Arc<Semaphore>,
    at_once: usize,
    /// Those that run and those that wait to.
    waiting: Arc<AtomicUsize>,
    seconds: Histogram,
    turned_away: IntCounter,
    /// Memory to hash in, one piece for each that runs, used again: given back each time it would
    /// stay with whichever thread had it, and add up.
    memory: Arc<Mutex<Vec<Vec<Block>>>>,
    /// A hash that no password has, as it is random: unknown accounts cost the same work (S4, ENU-01). None is made
    /// for it: the memory of that would be resident from the start.
    nobodys: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Interlock is very busy. Try again in a few seconds.")]
pub struct Busy;

/// What a comparison has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    Wrong,
    Right,
    /// Right, but hashed with parameters that are no longer ours: hash it again.
    RightButOld,
}

struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Passwords {
    pub fn new() -> Passwords {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Passwords {
            running: Arc::new(Semaphore::new(cores.clamp(1, 4))),
            at_once: cores.clamp(1, 4),
            waiting: Arc::new(AtomicUsize::new(0)),
            seconds: histogram(
                "interlock_password_hash_duration_seconds",
                "Time that hashing or weighing a password took, without waiting for its turn.",
                &[],
            )
            .with_label_values::<&str>(&[]),
            turned_away: IntCounter::new(
                "interlock_password_hashes_turned_away_total",
                "Passwords that were not hashed because too many waited.",
            )
            .expect("the name is well-formed"),
            memory: Arc::default(),
            nobodys: written(&random_bytes::<16>(), &random_bytes::<32>()).into(),
        }
    }

    /// How many wait, and how many run.
    pub fn queue(&self) -> (usize, usize) {
        let running = self.at_once.saturating_sub(self.running.available_permits());
        (self.waiting.load(Ordering::SeqCst).saturating_sub(running), running)
    }

    pub fn collectors(&self) -> [Box<dyn Collector>; 2] {
        [Box::new(self.seconds.clone()), Box::new(self.turned_away.clone())]
    }

    /// Whether a password is good enough to be a new one, for organizations that ask for so many characters. The estimate takes as long as a hash, and
    /// stands in the same queue. The outer error is that queue's.
    pub async fn fit(
        &self,
        password: &str,
        context: &[&str],
        shortest: i64,
    ) -> Result<Result<NewPassword, PasswordError>, Busy> {
        let shortest = usize::try_from(shortest).unwrap_or(SHORTEST).max(SHORTEST);
        if let Err(error) = check_length_of(password, shortest) {
            return Ok(Err(error));
        }
        let password = password.to_owned();
        let context: Vec<String> = context.iter().map(|text| (*text).to_owned()).collect();
        self.run(move |_| NewPassword::parse(&password, &context)).await
    }

    pub async fn hash(&self, password: &NewPassword) -> Result<String, Busy> {
        let password = password.0.clone();
        self.run(move |memory| hash_now(&password, memory)).await
    }

    /// Hashes a password that was just verified and is stored with old parameters.
    pub async fn rehash(&self, password: &str) -> Result<String, Busy> {
        let password = password.to_owned();
        self.run(move |memory| hash_now(&password, memory)).await
    }

    /// The same work whether there is a hash or not.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<Verified, Busy> {
        if password.len() > LONGEST {
            return Ok(Verified::Wrong);
        }
        let password = password.to_owned();
        let exists = hash.is_some();
        let hash = hash.unwrap_or(&self.nobodys).to_owned();
        self.run(move |memory| {
            let right = is_right(&password, &hash, memory).unwrap_or(false);
            match (right && exists, hash.starts_with(PARAMETERS)) {
                (false, _) => Verified::Wrong,
                (true, true) => Verified::Right,
                (true, false) => Verified::RightButOld,
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let place = Place(self.waiting.clone());
        if self.waiting.fetch_add(1, Ordering::SeqCst) >= LONGEST_QUEUE {
            self.turned_away.inc();
            return Err(Busy);
        }
        let permit = self.running.clone().acquire_owned().await.map_err(|_| Busy)?;
        let pieces = self.memory.clone();
        let timer = self.seconds.start_timer();
        let result = tokio::task::spawn_blocking(move || {
            let mut memory = pieces.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
            let result = work(&mut memory);
            pieces.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            timer.observe_duration();
            // Held until the work is done, even if whoever asked has gone.
            drop((permit, place));
            result
        });
        result.await.map_err(|_| Busy)
    }
}

impl Default for Passwords {
    fn default() -> Passwords {
        Passwords::new()
    }
}

/// Argon2's output for a password, in memory that grows to what the parameters need.
fn digest(password: &str, salt: &[u8], params: Params, memory: &mut Vec<Block>) -> argon2::Result<[u8; 32]> {
    let blocks = params.block_count();
    memory.resize(memory.len().max(blocks), Block::default());
    let mut output = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into_with_memory(
        password.as_bytes(),
        salt,
        &mut output,
        &mut memory[..blocks],
    )?;
    Ok(output)
}

fn hash_now(password: &str, memory: &mut Vec<Block>) -> String {
    let salt = random_bytes::<16>();
    let output =
        digest(password, &salt, parameters(), memory).expect("argon2 hashes passwords of up to 256 bytes");
    written(&salt, &output)
}

/// A hash as it is stored.
fn written(salt: &[u8; 16], output: &[u8; 32]) -> String {
    let (salt, output) = (Salt::new(salt), Output::new(output));
    let (salt, output) =
        salt.ok().zip(output.ok()).expect("16 and 32 bytes are within a PHC string's bounds");
    format!("{PARAMETERS}{salt}${output}")
}

/// Compared in constant time. A stored hash that can't be read is nobody's.
fn is_right(password: &str, hash: &str, memory: &mut Vec<Block>) -> Option<bool> {
    let stored = PasswordHash::new(hash).ok()?;
    let params = Params::try_from(&stored).ok()?;
    let output = digest(password, stored.salt.as_ref()?, params, memory).ok()?;
    Some(stored.algorithm.as_str() == "argon2id" && Output::new(&output).ok()? == stored.hash?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str) -> Result<(), PasswordError> {
        let context = ["Halden Freight", "Amara Okafor", "amara@halden.example"].map(str::to_owned);
        NewPassword::parse(password, &context).map(|_| ())
    }

    /// S6; ASVS 6.2.1, 6.2.5
    #[test]
    fn length_counts_and_composition_does_not() {
        assert_eq!(check("fourteen chars"), Err(PasswordError::TooShort(SHORTEST)));
        assert_eq!(check("plain wet stone"), Ok(()));
        assert_eq!(check("ytrnqkdwplmzvbg"), Ok(()));
        assert_eq!(check("🍋🚲🌧🎻🦊🧊🪁🎲🌵🥝🧭🪴🫖🛶🎯"), Ok(()));
        assert_eq!(check(&"stone lemon ".repeat(10)), Ok(()));
        assert_eq!(check(&"q7 ".repeat(100)), Err(PasswordError::TooLong));
    }

    /// S6; ASVS 6.2.4, 6.2.11, 6.1.2
    #[test]
    fn what_is_guessed_first_is_refused() {
        for password in [
            "passwordpassword",
            "123456789012345",
            "qwertyuiopasdfgh",
            "aaaaaaaaaaaaaaa",
            "password12345678",
            "iloveyouiloveyou",
            "abcdefghijklmnop",
            "1q2w3e4r5t6y7u8i9o0p",
            "michaeljackson1",
            "welcome123welcome",
        ] {
            assert_eq!(check(password), Err(PasswordError::Common), "{password}");
        }
        for password in
            ["Halden-Freight-2026", "amara.okafor.2026", "Interlock-interlock!", "okaforhalden12345"]
        {
            assert_eq!(check(password), Err(PasswordError::Context), "{password}");
        }
        assert_eq!(check("amara walks seven dogs"), Ok(()));
    }

    /// ASVS 6.2.8, 11.4.2; S4
    #[tokio::test]
    async fn hashes_are_argon2id_and_compare_exactly() {
        let passwords = Passwords::new();
        let password = NewPassword::parse("plain wet stone", &[]).expect("it is good enough");
        let hash = passwords.hash(&password).await.expect("the pool is idle");
        assert!(hash.starts_with(PARAMETERS), "{hash}");
        assert_eq!(passwords.verify("plain wet stone", Some(&hash)).await, Ok(Verified::Right));
        for near in ["plain wet stone ", "Plain wet stone", "plain wet ston"] {
            assert_eq!(passwords.verify(near, Some(&hash)).await, Ok(Verified::Wrong));
        }
        assert_eq!(passwords.verify("nobody has this password", None).await, Ok(Verified::Wrong));
    }

    /// DOS-02: no password makes the estimate an attacker's work.
    #[test]
    fn the_estimate_is_bounded() {
        let signs = "4@8({[<369&6!1|0$5+7%2".repeat(12);
        let words: Vec<String> = (0..20_000).map(|number| format!("word{number}")).collect();
        let begun = std::time::Instant::now();
        assert!(NewPassword::parse(&signs[..256], &words).is_ok());
        assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
        assert_eq!(check("P@$$w0rd!P@$$w0rd!"), Err(PasswordError::Common));
    }

    /// DOS-01: the queue is bounded.
    #[tokio::test]
    async fn a_flood_is_turned_away() {
        let passwords = Passwords::new();
        let tries = (0..300).map(|_| {
            let passwords = passwords.clone();
            tokio::spawn(async move { passwords.verify("x", None).await })
        });
        let mut busy = 0;
        for task in tries.collect::<Vec<_>>() {
            if task.await.expect("no try panics") == Err(Busy) {
                busy += 1;
            }
        }
        assert!((200..300).contains(&busy), "{busy}");
        assert_eq!(passwords.verify("x", None).await, Ok(Verified::Wrong));
    }
}

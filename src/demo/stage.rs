//! Where the demonstration is played: the application, its clock, and who is who.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::PASSWORD;
use crate::app::App;
use crate::clock::{Clock, DAY, HOUR, MINUTE, Timestamp};
use crate::domain::access::{Actor, Factors, Origin, Person};
use crate::domain::api_keys::Secret;
use crate::domain::sessions::Device;
use crate::domain::users::{self, User};
use crate::domain::values::{Theme, TimeZone};
use crate::ids::{InvitationId, OrganizationId, SessionId, UserId};
use crate::mail::Transport;
use crate::secrets::{Token, TokenHash};

pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

pub struct Stage {
    pub app: App,
    pub postman: Transport,
    clock: Clock,
    /// Who has an account by now, by the part of the address before the @.
    people: BTreeMap<String, User>,
    organizations: BTreeMap<&'static str, OrganizationId>,
    /// Pending invitations by address.
    pub invitations: BTreeMap<String, InvitationId>,
    /// The newest mailed link to each address.
    links: BTreeMap<String, String>,
    /// API keys by their names.
    pub secrets: BTreeMap<String, Secret>,
    requests: u32,
}

impl Stage {
    pub fn new(app: App, clock: Clock, postman: Transport) -> Stage {
        Stage {
            app,
            postman,
            clock,
            people: BTreeMap::new(),
            organizations: BTreeMap::new(),
            invitations: BTreeMap::new(),
            links: BTreeMap::new(),
            secrets: BTreeMap::new(),
            requests: 0,
        }
    }

    /// Moves the clock on, never back.
    pub fn until(&mut self, at: Timestamp) {
        let now = self.clock.now();
        self.clock.advance(at.since(now).max(0));
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn arrived(&mut self, key: &str, user: User) {
        self.people.insert(key.to_owned(), user);
    }

    pub fn founded(&mut self, name: &'static str, id: OrganizationId) {
        self.organizations.insert(name, id);
    }

    pub fn organization(&self, name: &str) -> Result<OrganizationId> {
        self.organizations.get(name).copied().ok_or_else(|| format!("{name} is not founded yet").into())
    }

    pub fn user(&self, key: &str) -> Result<UserId> {
        self.people.get(key).map(|user| user.id).ok_or_else(|| format!("{key} has no account yet").into())
    }

    /// A place on the network and a request, different ones for different people.
    pub fn origin(&mut self, key: &str) -> Origin {
        self.requests += 1;
        let address = Some(address_of(key));
        Origin { address, request: format!("demo-{:04}", self.requests), by_key: None }
    }

    /// Someone as if they had just proven who they are.
    pub fn person(&mut self, key: &str) -> Result<Person> {
        let origin = self.origin(key);
        let user = self.people.get(key).ok_or_else(|| format!("{key} has no account yet"))?;
        Ok(Person {
            user: user.id,
            name: user.name.clone(),
            email: user.email.clone(),
            time_zone: TimeZone::utc(),
            theme: Theme::System,
            session: SessionId::nobody(),
            token: TokenHash::of("nobody's"),
            origin,
            factors: Factors::default(),
            proven_at: Some(self.now()),
            factor_proven_at: None,
            passkey_proven_at: None,
            has_password: true,
            has_own_proof: true,
            provider_proven_at: Vec::new(),
        })
    }

    pub async fn actor(&mut self, key: &str, organization: OrganizationId) -> Result<Actor> {
        let person = self.person(key)?;
        let member = users::member_of(&mut self.app.db.read().await?, organization, person.user).await?;
        let role = member.ok_or_else(|| format!("{key} is not in this organization"))?.role;
        Ok(Actor { person, organization, role })
    }

    /// Has the mail that waits taken by the postman, and remembers the links in it.
    pub async fn mail(&mut self) -> Result {
        crate::mail::deliver_due(&self.app, &self.postman).await?;
        for (to, body) in self.postman.taken() {
            let mut words = body.text.split_whitespace();
            let link = words.find(|word| word.contains("/verify/") || word.contains("/invite/"));
            if let Some(token) = link.and_then(|link| link.rsplit('/').next()) {
                self.links.insert(to, token.to_owned());
            }
        }
        Ok(())
    }

    /// The token in the newest link that was mailed to an address.
    pub fn link(&self, email: &str) -> Result<String> {
        self.links.get(email).cloned().ok_or_else(|| format!("no link was mailed to {email}").into())
    }
}

pub fn device(number: usize, key: &str) -> Device {
    const AGENTS: [&str; 4] = [
        "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    ];
    Device { agent: AGENTS[number % AGENTS.len()].to_owned(), address: Some(address_of(key)) }
}

/// One of the addresses that are for documentation (RFC 5737).
fn address_of(key: &str) -> IpAddr {
    let sum = key.bytes().fold(7_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    let network = [[192, 0, 2], [198, 51, 100], [203, 0, 113]][usize::from(sum) % 3];
    IpAddr::V4(Ipv4Addr::new(network[0], network[1], network[2], sum.max(1)))
}

/// A new cookie that no browser has.
pub fn cookie() -> TokenHash {
    Token::generate().hash()
}

/// A moment of a day in the past, counted from the last midnight (UTC) before the end.
pub fn day(end: Timestamp, days_ago: i64, hour: i64, minute: i64) -> Timestamp {
    let midnight = Timestamp(end.0 - end.0.rem_euclid(DAY));
    midnight.plus(hour * HOUR + minute * MINUTE - days_ago * DAY)
}

pub fn password() -> &'static str {
    PASSWORD
}

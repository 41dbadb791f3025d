//! Which addresses the organization's single sign-on covers, as whoever invites is told.

use crate::app::Shared;
use crate::domain::sso;
use crate::domain::values::Email;
use crate::web::error::Result;
use crate::web::gate::Inside;

/// The domains of the organization's connections.
pub(super) struct Covered {
    organization: String,
    domains: Vec<String>,
    required: bool,
}

impl Covered {
    pub async fn by(app: &Shared, inside: &Inside) -> Result<Covered> {
        let organization = &inside.organization;
        Ok(Covered {
            organization: organization.name.clone(),
            domains: sso::covered_domains(&mut app.db.read().await?, organization.id).await?,
            required: organization.policy.sso_required,
        })
    }

    /// Whether an address is on none of them. Without any domain there is nothing to be outside of.
    pub fn misses(&self, email: &Email) -> bool {
        let domain = email.domain();
        !self.domains.is_empty() && !self.domains.iter().any(|own| own.eq_ignore_ascii_case(domain))
    }

    /// What is said by the field, before anything is typed.
    pub fn hint(&self) -> Option<String> {
        let (last, rest) = self.domains.split_last()?;
        let domains = if rest.is_empty() { last.clone() } else { format!("{} and {last}", rest.join(", ")) };
        Some(format!("Single sign-on covers {domains}. {}", self.others("People with other addresses")))
    }

    /// What is said of one address that is outside.
    pub fn outside(&self) -> String {
        format!(
            "Outside the domains of single sign-on ({}). {}",
            self.domains.join(", "),
            self.others("They")
        )
    }

    fn others(&self, who: &str) -> String {
        match self.required {
            true => format!(
                "{who} can’t open {}, which requires it: they need an address there, or break-glass access.",
                self.organization
            ),
            false => format!("{who} sign in with a password, a passkey or Google."),
        }
    }
}

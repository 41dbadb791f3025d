//! What the rules refuse, as problems: a fact of the domain has one status and one type, whichever route met it.

use axum::http::StatusCode;

use super::problem::{Fault, Problem};
use crate::domain::access::StepUpNeeded;
use crate::domain::audit::ReadError;
use crate::domain::invitations::InviteError;
use crate::domain::leaving::RemoveError;
use crate::domain::resources::editing::EditError;
use crate::domain::resources::granting::SaveError;
use crate::domain::resources::listing::ListError;
use crate::domain::teams::TeamError;
use crate::domain::users::MemberError;

impl Problem {
    /// One thing that is wrong with the body, or with the query.
    fn field(pointer: &str, detail: impl ToString) -> Problem {
        Problem::invalid(vec![Fault::new(pointer, detail.to_string())])
    }

    pub(super) fn conflict(code: &'static str, title: &'static str, detail: impl ToString) -> Problem {
        Problem::new(StatusCode::CONFLICT, code, title, detail.to_string())
    }

    /// K3, R2. The route's capability is there, or the gate would have said so: it is about whom, and as what.
    pub fn beyond_key() -> Problem {
        let detail = "An API key can neither invite, promote to, change nor remove an Owner or an Admin. A person does \
                      that, in the dashboard.";
        Problem::new(StatusCode::FORBIDDEN, "beyond-key", "A key can't do this", detail)
    }
}

impl From<StepUpNeeded> for Problem {
    fn from(_: StepUpNeeded) -> Problem {
        let detail =
            "This asks a person to prove anew who they are, and a key has no proof. Do it in the dashboard.";
        Problem::new(StatusCode::FORBIDDEN, "step-up-needed", "This needs a person", detail)
    }
}

impl From<MemberError> for Problem {
    fn from(error: MemberError) -> Problem {
        let text = error.to_string();
        match error {
            MemberError::Denied(_) => Problem::beyond_key(),
            MemberError::StepUp(needed) => needed.into(),
            MemberError::NotFound => Problem::not_found(),
            MemberError::LastOwner(_) => Problem::conflict("last-owner", "This is the last Owner", text),
            MemberError::LastBreakGlass(_) => {
                Problem::conflict("last-break-glass", "This is the last Owner with break-glass access", text)
            }
            MemberError::Yourself => Problem::conflict("yourself", "This is whom the key acts for", text),
            MemberError::Suspended(_) => Problem::conflict("suspended", "They are suspended", text),
            MemberError::EndDate(_) => Problem::field("/ends_at", text),
            MemberError::Database(error) => error.into(),
        }
    }
}

impl From<RemoveError> for Problem {
    fn from(error: RemoveError) -> Problem {
        match error {
            RemoveError::Member(error) => error.into(),
            RemoveError::NotAnOwner => Problem::conflict("no-heir", "There is nobody to inherit", error),
        }
    }
}

impl From<InviteError> for Problem {
    fn from(error: InviteError) -> Problem {
        let text = error.to_string();
        let conflict = |code, title| Problem::conflict(code, title, &text);
        match error {
            InviteError::Denied(_) => Problem::beyond_key(),
            InviteError::StepUp(needed) => needed.into(),
            InviteError::AlreadyMember => conflict("already-member", "They are a member"),
            InviteError::Suspended => conflict("suspended", "They are suspended"),
            InviteError::AlreadyInvited => conflict("already-invited", "They are invited"),
            InviteError::NotFound => Problem::not_found(),
            InviteError::EndDate(_) => Problem::field("/ends_at", text),
            InviteError::WouldHaveEnded => conflict("would-have-ended", "The membership would have ended"),
            InviteError::NoticeForAuditors => Problem::field("/notice", text),
            InviteError::NotGrantable => conflict("not-grantable", "This can't be given any more"),
            InviteError::Closed => conflict("closed", "The organization is closed"),
            InviteError::Nobody => Problem::field("/email", text),
            InviteError::Throttled(throttled) => Problem::throttled(throttled),
            InviteError::Database(error) => error.into(),
        }
    }
}

impl From<TeamError> for Problem {
    fn from(error: TeamError) -> Problem {
        let text = error.to_string();
        match error {
            TeamError::Denied(denied) => denied.into(),
            TeamError::NotFound => Problem::not_found(),
            TeamError::SlugTaken(_) => Problem::conflict("slug-taken", "This slug is taken", text),
            TeamError::SlugInUse => Problem::conflict("slug-in-use", "This slug is in use", text),
            TeamError::Auditor(_) => Problem::conflict("auditor", "An Auditor only reads", text),
            TeamError::Maintainer(_) => Problem::conflict("maintainer", "They maintain this team", text),
            TeamError::Nobody | TeamError::NoAddress | TeamError::TooMany => Problem::field("", text),
            TeamError::Database(error) => error.into(),
        }
    }
}

impl From<EditError> for Problem {
    fn from(error: EditError) -> Problem {
        let text = error.to_string();
        match error {
            EditError::Denied(denied) => denied.into(),
            EditError::NotFound => Problem::not_found(),
            EditError::NoEnvironment => Problem::field("?environment", text),
            EditError::KeyTaken => Problem::conflict("key-taken", "This key is taken", text),
            EditError::NoUrl | EditError::UrlOfNoTool => Problem::field("/url", text),
            EditError::HostElsewhere | EditError::HostOfOthers | EditError::OldUrl => {
                Problem::conflict("host", "This host can't be used", text)
            }
            EditError::UrlOfOthers => {
                Problem::new(StatusCode::FORBIDDEN, "url-of-others", "Others open it by this address", text)
            }
            EditError::PageOfOthers => Problem::new(
                StatusCode::FORBIDDEN,
                "page-of-others",
                "Others take their access from it",
                text,
            ),
            EditError::TooMany => Problem::conflict("too-many", "There are too many resources", text),
            EditError::Access(error) => (*error).into(),
            EditError::Database(error) => error.into(),
        }
    }
}

impl From<SaveError> for Problem {
    fn from(error: SaveError) -> Problem {
        let text = error.to_string();
        match error {
            SaveError::Denied(denied) => denied.into(),
            SaveError::NotFound => Problem::not_found(),
            SaveError::Audience | SaveError::Domain(_) => Problem::field("/access/privacy", text),
            SaveError::PeopleOfAction => Problem::field("/access/users", text),
            SaveError::Twice(_) | SaveError::TooMany => Problem::field("/access", text),
            SaveError::PageOfOthers => Problem::new(
                StatusCode::FORBIDDEN,
                "page-of-others",
                "Others take their access from it",
                text,
            ),
            SaveError::Changed => Problem::conflict("changed", "It was changed in the meantime", text),
            SaveError::Throttled(throttled) => Problem::throttled(throttled),
            SaveError::Database(error) => error.into(),
        }
    }
}

impl From<ListError> for Problem {
    fn from(error: ListError) -> Problem {
        match error {
            ListError::Denied(denied) => denied.into(),
            ListError::Database(error) => error.into(),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Problem {
        match error {
            ReadError::Denied(denied) => denied.into(),
            ReadError::Database(error) => error.into(),
        }
    }
}

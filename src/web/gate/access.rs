//! What a line of the route table says about who may call it.

use crate::domain::access::Capability;
use crate::domain::api_keys::KeyScope;

/// Who may call a route. There is no default: a route can't be added without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone, and who it is makes no difference: static files, health.
    Anyone,
    /// A reverse proxy, or a browser at a tool's host, where no cookie of ours comes: the page reads the tool's own.
    Tool,
    /// Whoever comes with a key that is for this. Cookies are nobody's there (K1).
    Key(KeyScope),
    /// Anyone; the page may look different for who is signed in.
    Public,
    /// Whoever has the link in the path.
    Token(TokenKind),
    /// Whoever has given the first proof and owes a factor (S11): only the challenge.
    Half,
    /// Any signed-in person, by an organization's provider too: what that opens of an account (S8).
    SignedIn,
    /// A person whose session holds a proof of their own: all else of an account (S8).
    Own,
    /// An active member, whatever their proofs are: only the page that asks for a proof.
    Proving,
    /// The same for whoever may know of the organization; for anyone else its sign-in page, which looks alike
    /// whether there is an organization or none (S4, S8).
    Door,
    /// An active member with the proofs that the organization asks for.
    Member,
    /// The same, with a capability.
    Needs(Capability),
    /// Whoever manages teams, and the maintainers of the team in the path: for the few things that are theirs (R9).
    Maintains,
    /// Whoever a resource is for: members past the gate, others, and nobody signed in. `decide()` says, on the page.
    Opens,
    /// Whoever has a link to a resource: nobody signed in, or who they are.
    Link,
    /// An Owner, of a deleted organization too: only the page that undoes that (R12).
    Reopens,
    /// As `Needs`, for what a page asks for by itself: nobody has clicked, so the session grows no longer (SES-05).
    Polls(Capability),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Setup,
    Verify,
    Reset,
    EmailChange,
    EmailUndo,
    Invite,
    Notice,
}

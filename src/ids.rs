//! Typed ids: UUID version 7 (RFC 9562), stored as text, so that both databases keep them alike.

use std::fmt;
use std::str::FromStr;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Encode, Type};
use uuid::Uuid;

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id; later ones sort after earlier ones.
            pub fn generate() -> $name {
                $name(Uuid::now_v7())
            }

            /// The id that nothing has: it stands in where work must be the same for the unknown.
            pub fn nobody() -> $name {
                $name(Uuid::nil())
            }

            /// The bare UUID, for what is not ours and keeps ids in 16 bytes.
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> $name {
                $name(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            /// Only the hyphenated lower-case form that we write: one id has one spelling.
            fn from_str(text: &str) -> Result<$name, uuid::Error> {
                let id = Uuid::try_parse(text)?;
                if *id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == *text {
                    Ok($name(id))
                } else {
                    Err(Uuid::try_parse("").expect_err("an empty text is no id"))
                }
            }
        }

        impl<DB: Database> Type<DB> for $name
        where
            String: Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <String as Type<DB>>::type_info()
            }

            fn compatible(ty: &DB::TypeInfo) -> bool {
                <String as Type<DB>>::compatible(ty)
            }
        }

        impl<'q, DB: Database> Encode<'q, DB> for $name
        where
            String: Encode<'q, DB>,
        {
            fn encode_by_ref(
                &self,
                buf: &mut <DB as Database>::ArgumentBuffer,
            ) -> Result<IsNull, BoxDynError> {
                self.to_string().encode(buf)
            }
        }

        impl<'r, DB: Database> Decode<'r, DB> for $name
        where
            &'r str: Decode<'r, DB>,
        {
            fn decode(value: <DB as Database>::ValueRef<'r>) -> Result<$name, BoxDynError> {
                Ok(<&str as Decode<'r, DB>>::decode(value)?.parse()?)
            }
        }
    };
}

typed_id!(OrganizationId);
typed_id!(UserId);
typed_id!(InvitationId);
typed_id!(BatchId);
typed_id!(
    /// A session's name in pages and tables. It is no secret: the cookie's value is another.
    SessionId
);
typed_id!(MailId);
typed_id!(AuthenticatorId);
typed_id!(PasskeyId);
typed_id!(ConnectionId);
typed_id!(IdentityId);
typed_id!(DomainId);
typed_id!(DeviceId);
typed_id!(TeamId);
typed_id!(ResourceId);
typed_id!(
    /// A link to an Unlisted resource: its name in pages and tables. The secret is another.
    LinkId
);
typed_id!(AccessRequestId);
typed_id!(AgentId);
typed_id!(
    /// An API key's name in pages and tables. The secret is another.
    ApiKeyId
);
typed_id!(PermissionId);
typed_id!(
    /// A place that a caller holds of what may be used so often at once.
    LeaseId
);
typed_id!(
    /// A passkey's challenge, to be answered once. Who may answer it is checked apart.
    ChallengeId
);
typed_id!(
    /// A form that waits for a step-up (S12).
    PendingFormId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id = UserId::generate();
        assert_eq!(id.to_string().parse::<UserId>().ok(), Some(id));
        assert!(id.to_string().to_uppercase().parse::<UserId>().is_err());
        assert!(id.to_string().replace('-', "").parse::<UserId>().is_err());
    }
}

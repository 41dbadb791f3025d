//! The table: method, path, who may, handler. One line each; the gate and the tests read it.

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodRouter, on};

use super::api;
use super::assets;
use super::gate::Access::{
    Anyone, Door, Half, Key, Link, Maintains, Member, Needs, Opens, Own, Polls, Proving, Public, Reopens,
    SignedIn, Token, Tool,
};
use super::gate::TokenKind::{EmailChange, EmailUndo, Invite, Notice, Reset, Setup, Verify};
pub use super::gate::{Access, TokenKind};
use super::pages::{
    account, agents, api_docs, audit, challenge, email_change, forward_auth, health, home, invitations,
    invite, keys, leaving, mailbox, mfa, notice, opening, organizations, passkeys, permissions, recovery,
    resources, roles, settings, sign_in, sign_up, sso, step_up, teams, users,
};
use crate::app::Shared;
use crate::domain::access::Capability::{
    AskApproval, ChangeAccess, DeleteOrganization, ManageLiveKeys, ManageSettings, ManageTeams, ManageUsers,
    OwnDevelopmentKey, ReadAgents, ReadAudit, ReadPermissions, ReadPlan, ReadResources, ReadTeams, ReadUsers,
    WritePermissions, WriteResources,
};
use crate::domain::api_keys::KeyScope::{Check, Itself, Manages, Mint};

pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    pub(super) handler: MethodRouter<Shared>,
}

fn get<H: Handler<T, Shared>, T: 'static>(path: &'static str, access: Access, handler: H) -> Route {
    Route { method: Method::GET, path, access, handler: on(axum::routing::MethodFilter::GET, handler) }
}

fn post<H: Handler<T, Shared>, T: 'static>(path: &'static str, access: Access, handler: H) -> Route {
    Route { method: Method::POST, path, access, handler: on(axum::routing::MethodFilter::POST, handler) }
}

/// Browsers send GET and POST; these are for `/v1`.
fn patch<H: Handler<T, Shared>, T: 'static>(path: &'static str, access: Access, handler: H) -> Route {
    Route { method: Method::PATCH, path, access, handler: on(axum::routing::MethodFilter::PATCH, handler) }
}

fn put<H: Handler<T, Shared>, T: 'static>(path: &'static str, access: Access, handler: H) -> Route {
    Route { method: Method::PUT, path, access, handler: on(axum::routing::MethodFilter::PUT, handler) }
}

fn delete<H: Handler<T, Shared>, T: 'static>(path: &'static str, access: Access, handler: H) -> Route {
    Route { method: Method::DELETE, path, access, handler: on(axum::routing::MethodFilter::DELETE, handler) }
}

/// What belongs to an environment: under production's address, and under that of each other one.
macro_rules! per_environment {
    ($($method:ident $path:literal, $access:expr, $handler:expr;)*) => {
        vec![$(
            $method(concat!("/o/{org}", $path), $access, $handler),
            $method(concat!("/o/{org}/e/{env}", $path), $access, $handler),
        )*]
    };
}

#[rustfmt::skip]
pub fn table() -> Vec<Route> {
    let mut table = vec![
        get ("/healthz",                                  Anyone,             health::live),
        get ("/readyz",                                   Anyone,             health::ready),
        get ("/static/licences.txt",                      Anyone,             assets::licences),
        get ("/static/{name}",                            Anyone,             assets::serve),

        get ("/forward-auth",                             Tool,               forward_auth::ask),
        get ("/forward-auth/sign-in",                     Public,             forward_auth::sign_in),
        post("/forward-auth/sign-in",                     Public,             forward_auth::agree),
        get ("/.interlock/sign-in",                       Tool,               forward_auth::begin),
        get ("/.interlock/static/{name}",                 Anyone,             assets::serve_at_tool),
        get ("/.interlock/callback",                      Tool,               forward_auth::arrive),
        get ("/.interlock/sign-out",                      Tool,               forward_auth::confirm_sign_out),
        post("/.interlock/sign-out",                      Tool,               forward_auth::sign_out),
        post("/v1/access/check",                          Key(Check),         api::access::check),
        post("/v1/access/check/batch",                    Key(Check),         api::access::check_many),
        post("/v1/check",                                 Key(Check),         api::checks::check),
        post("/v1/check/batch",                           Key(Check),         api::checks::check_many),
        post("/v1/leases/{id}/renew",                     Key(Check),         api::checks::renew),
        delete("/v1/leases/{id}",                         Key(Check),         api::checks::release),
        post("/v1/keys/ephemeral",                        Key(Mint),          api::keys::mint),
        get ("/v1/keys/current",                          Key(Itself),        api::keys::current),
        get ("/v1/keys",                                  Key(Manages(ReadUsers)), api::keys::list),
        get ("/v1/openapi.json",                          Anyone,             api::document::serve),
        get ("/v1/users",                          Key(Manages(ReadUsers)),   api::users::list),
        post("/v1/users/invite",                   Key(Manages(ManageUsers)), api::users::invite),
        get ("/v1/users/{id}",                     Key(Manages(ReadUsers)),   api::users::show),
        delete("/v1/users/{id}",                   Key(Manages(ManageUsers)), api::users::remove),
        patch("/v1/users/{id}/role",               Key(Manages(ManageUsers)), api::users::change_role),
        put ("/v1/users/{id}/suspension",          Key(Manages(ManageUsers)), api::users::suspend),
        delete("/v1/users/{id}/suspension",        Key(Manages(ManageUsers)), api::users::reactivate),
        get ("/v1/invitations",                    Key(Manages(ReadUsers)),   api::invitations::list),
        get ("/v1/invitations/{id}",               Key(Manages(ReadUsers)),   api::invitations::show),
        delete("/v1/invitations/{id}",             Key(Manages(ManageUsers)), api::invitations::revoke),
        post("/v1/invitations/{id}/resend",        Key(Manages(ManageUsers)), api::invitations::resend),
        get ("/v1/teams",                          Key(Manages(ReadTeams)),   api::teams::list),
        post("/v1/teams",                          Key(Manages(ManageTeams)), api::teams::create),
        get ("/v1/teams/{slug}",                   Key(Manages(ReadTeams)),   api::teams::show),
        patch("/v1/teams/{slug}",                  Key(Manages(ManageTeams)), api::teams::change),
        delete("/v1/teams/{slug}",                 Key(Manages(ManageTeams)), api::teams::delete),
        get ("/v1/teams/{slug}/members",           Key(Manages(ReadTeams)),   api::teams::members),
        put ("/v1/teams/{slug}/members/{id}",      Key(Manages(ManageTeams)), api::teams::put_member),
        delete("/v1/teams/{slug}/members/{id}",    Key(Manages(ManageTeams)), api::teams::remove_member),
        get ("/v1/resources",                      Key(Manages(ReadResources)), api::resources::list),
        post("/v1/resources",                      Key(Manages(WriteResources)), api::resources::create),
        get ("/v1/resources/{key}",                Key(Manages(ReadResources)), api::resources::show),
        patch("/v1/resources/{key}",               Key(Manages(WriteResources)), api::resources::change),
        delete("/v1/resources/{key}",              Key(Manages(WriteResources)), api::resources::archive),
        post("/v1/resources/{key}/unarchive",      Key(Manages(WriteResources)), api::resources::unarchive),
        get ("/v1/resources/{key}/access",         Key(Manages(ReadResources)), api::resources::access),
        put ("/v1/resources/{key}/access",         Key(Manages(ChangeAccess)), api::resources::put_access),
        get ("/v1/audit",                          Key(Manages(ReadAudit)),   api::audit::list),
        get ("/docs/api",                                 Public,             api_docs::show),

        get ("/v1/permissions",                           Key(Manages(ReadPermissions)), api::permissions::list),
        post("/v1/permissions",                           Key(Manages(WritePermissions)), api::permissions::create),
        get ("/v1/permissions/{id}",                      Key(Manages(ReadPermissions)), api::permissions::get),
        patch("/v1/permissions/{id}",                     Key(Manages(WritePermissions)), api::permissions::change),
        delete("/v1/permissions/{id}",                    Key(Manages(WritePermissions)), api::permissions::delete),

        get ("/",                                         Public,             home::root),
        get ("/sign-up",                                  Public,             sign_up::form),
        post("/sign-up",                                  Public,             sign_up::start),
        get ("/sign-up/sent",                             Public,             sign_up::sent),
        get ("/sign-up/google",                           Public,             sso::to_google_to_sign_up),
        get ("/sign-up/arrived",                          Public,             sso::sign_up_form),
        post("/sign-up/arrived",                          Public,             sso::sign_up_arrived),
        get ("/verify/{token}",                           Token(Verify),      sign_up::verify),
        post("/verify/{token}",                           Token(Verify),      sign_up::confirm),
        get ("/setup/{token}",                            Token(Setup),       sign_up::setup_form),
        post("/setup/{token}",                            Token(Setup),       sign_up::setup),
        get ("/sign-in",                                  Public,             sign_in::form),
        post("/sign-in",                                  Public,             sign_in::sign_in),
        post("/sign-in/passkey",                          Public,             sign_in::sign_in_by_passkey),
        post("/sign-in/passkey/challenge",                Public,             passkeys::for_anyone),
        get ("/auth/google",                              Public,             sso::to_google),
        get ("/auth/google/callback",                     Public,             sso::from_google),
        get ("/sso/{connection}",                         Public,             sso::to_provider),
        get ("/sso/{connection}/callback",                Public,             sso::from_provider),
        post("/sign-out",                                 Public,             sign_in::sign_out),
        get ("/sign-in/challenge",                        Half,               challenge::form),
        post("/sign-in/challenge",                        Half,               challenge::answer),
        post("/sign-in/challenge/passkey",                Half,               passkeys::for_challenge),
        get ("/forgot-password",                          Public,             recovery::form),
        post("/forgot-password",                          Public,             recovery::request),
        get ("/forgot-password/sent",                     Public,             recovery::sent),
        get ("/reset/{token}",                            Token(Reset),       recovery::reset_form),
        post("/reset/{token}",                            Token(Reset),       recovery::reset),
        get ("/invite/{token}",                           Token(Invite),      invite::show),
        post("/invite/{token}",                           Token(Invite),      invite::accept),
        get ("/invite/{token}/sso",                       Token(Invite),      sso::to_provider_with_invite),
        get ("/invite/{token}/google",                    Token(Invite),      sso::to_google_with_invite),
        get ("/invite/{token}/arrived",                   Token(Invite),      sso::invite_form),
        post("/invite/{token}/arrived",                   Token(Invite),      sso::accept_invite),
        post("/invite/{token}/again",                     Token(Invite),      invite::ask_again),
        post("/invite/{token}/code",                      Token(Invite),      invite::mail_code),
        post("/invite/{token}/proof",                     Token(Invite),      invite::redeem_code),
        get ("/email/{token}",                            Token(EmailChange), email_change::show),
        post("/email/{token}",                            Token(EmailChange), email_change::confirm),
        get ("/email/undo/{token}",                       Token(EmailUndo),   email_change::show_undo),
        post("/email/undo/{token}",                       Token(EmailUndo),   email_change::undo),
        get ("/notice/{token}",                           Token(Notice),      notice::show),
        post("/notice/{token}",                           Token(Notice),      notice::confirm),
        get ("/mailbox",                                  Public,             mailbox::index),
        get ("/mailbox/kinds",                            Public,             mailbox::kinds),
        get ("/mailbox/kinds/{kind}",                     Public,             mailbox::kind),
        get ("/mailbox/kinds/{kind}/html",                Public,             mailbox::kind_html),
        get ("/mailbox/{mail}",                           Public,             mailbox::show),
        get ("/mailbox/{mail}/html",                      Public,             mailbox::html_part),

        get ("/account",                                  SignedIn,           account::show),
        post("/account/name",                             SignedIn,           account::rename),
        get ("/account/preferences",                      SignedIn,           account::preferences),
        post("/account/preferences",                      SignedIn,           account::set_preferences),
        post("/account/email",                            Own,                account::change_email),
        post("/account/password",                         Own,                account::change_password),
        get ("/account/password",                         Own,                account::password_form),
        get ("/account/sign-in-methods",                  Own,                account::sign_in_methods),
        post("/account/sign-in-methods/password",         Own,                account::mail_password_link),
        get ("/account/sign-in-methods/google",           Own,                sso::to_link_google),
        get ("/account/sign-in-methods/connections/{connection}", Own,        sso::to_link_connection),
        get ("/account/sign-in-methods/{id}/removal",     Own,                account::confirm_unlink),
        post("/account/sign-in-methods/{id}/removal",     Own,                account::unlink),
        get ("/account/mfa",                              Own,                mfa::index),
        get ("/account/mfa/enrol",                        Own,                mfa::choose),
        post("/account/mfa/authenticators",               Own,                mfa::begin),
        get ("/account/mfa/authenticators/{id}",          Own,                mfa::enrolment),
        post("/account/mfa/authenticators/{id}",          Own,                mfa::confirm),
        get ("/account/mfa/authenticators/{id}/name",     Own,                mfa::rename_form),
        post("/account/mfa/authenticators/{id}/name",     Own,                mfa::rename),
        get ("/account/mfa/authenticators/{id}/removal",  Own,                mfa::confirm_removal),
        post("/account/mfa/authenticators/{id}/removal",  Own,                mfa::remove),
        get ("/account/mfa/passkeys/new",                 Own,                mfa::passkey_form),
        post("/account/mfa/passkeys/new",                 Own,                mfa::begin_passkey),
        post("/account/mfa/passkeys/challenge",           Own,                passkeys::for_new),
        post("/account/mfa/passkeys",                     Own,                mfa::add_passkey),
        get ("/account/mfa/passkeys/{id}/name",           Own,                mfa::rename_passkey_form),
        post("/account/mfa/passkeys/{id}/name",           Own,                mfa::rename_passkey),
        get ("/account/mfa/passkeys/{id}/removal",        Own,                mfa::confirm_passkey_removal),
        post("/account/mfa/passkeys/{id}/removal",        Own,                mfa::remove_passkey),
        get ("/account/mfa/recovery-codes",               Own,                mfa::confirm_regenerate),
        post("/account/mfa/recovery-codes",               Own,                mfa::regenerate),
        post("/account/mfa/recovery-codes/kept",          Own,                mfa::kept),
        post("/account/mfa/devices",                      Own,                mfa::forget_devices),
        post("/account/mfa/devices/{id}",                 Own,                mfa::forget_device),
        get ("/account/mail",                             Own,                account::mail),
        get ("/account/sessions",                         SignedIn,           account::sessions),
        get ("/account/sessions/others",                  SignedIn,           account::confirm_end_others),
        post("/account/sessions/others",                  SignedIn,           account::end_others),
        post("/account/sessions/{id}",                    SignedIn,           account::end_session),
        get ("/account/organizations",                    Own,                organizations::index),
        get ("/account/organizations/{id}/leaving",       Own,                organizations::confirm_leaving),
        post("/account/organizations/{id}/leaving",       Own,                organizations::leave),
        get ("/organizations/new",                        Own,                organizations::form),
        post("/organizations",                            Own,                organizations::create),
        get ("/step-up",                                  SignedIn,           step_up::form),
        post("/step-up",                                  SignedIn,           step_up::confirm),
        get ("/step-up/proven",                           SignedIn,           step_up::proven),
        post("/step-up/code",                             SignedIn,           step_up::mail_code),
        get ("/i/{token}",                                Link,               opening::open_link),
        get ("/step-up/google",                           SignedIn,           sso::step_up_at_google),
        get ("/step-up/sso/{connection}",                 SignedIn,           sso::step_up_at_provider),
        post("/step-up/passkey",                          SignedIn,           passkeys::for_person),

        get ("/o/{org}/sign-in",                          Door,               sign_in::organization_form),
        post("/o/{org}/sign-in",                          Proving,            sign_in::organization_sign_in),
        get ("/o/{org}/roles",                            Member,             roles::index),
        get ("/o/{org}/users",                            Needs(ReadUsers),   users::index),
        get ("/o/{org}/users.csv",                        Needs(ReadUsers),   users::export),
        get ("/o/{org}/users/{id}",                       Needs(ReadUsers),   users::show),
        get ("/o/{org}/users/{id}/access",                Needs(ReadUsers),   opening::of_person),
        get ("/o/{org}/users/{id}/access.csv",            Needs(ReadUsers),   opening::of_person_csv),
        get ("/o/{org}/teams/{slug}/access",              Needs(WriteResources), opening::of_team),
        get ("/o/{org}/teams/{slug}/access.csv",          Needs(WriteResources), opening::of_team_csv),
        get ("/o/{org}/users/{id}/menu",                  Needs(ManageUsers), users::menu),
        post("/o/{org}/users/{id}/role",                  Needs(ManageUsers), users::change_role),
        get ("/o/{org}/users/{id}/suspension",            Needs(ManageUsers), users::confirm_suspension),
        post("/o/{org}/users/{id}/suspension",            Needs(ManageUsers), users::suspend),
        post("/o/{org}/users/{id}/reactivation",          Needs(ManageUsers), users::reactivate),
        get ("/o/{org}/users/{id}/sign-out",              Needs(ManageUsers), users::confirm_sign_out),
        post("/o/{org}/users/{id}/sign-out",              Needs(ManageUsers), users::sign_out),
        get ("/o/{org}/users/{id}/removal",               Needs(ManageUsers), leaving::show),
        post("/o/{org}/users/{id}/removal",               Needs(ManageUsers), leaving::remove),
        get ("/o/{org}/users/{id}/factors-reset",         Needs(ManageUsers), users::confirm_factors_reset),
        post("/o/{org}/users/{id}/factors-reset",         Needs(ManageUsers), users::reset_factors),
        get ("/o/{org}/users/{id}/end-date",              Needs(ManageUsers), users::end_date_form),
        post("/o/{org}/users/{id}/end-date",              Needs(ManageUsers), users::change_end_date),
        get ("/o/{org}/invitations",                      Needs(ReadUsers),   invitations::index),
        get ("/o/{org}/invitations.csv",                  Needs(ReadUsers),   invitations::export),
        get ("/o/{org}/invitations/new",                  Needs(ManageUsers), invitations::form),
        post("/o/{org}/invitations/new",                  Needs(ManageUsers), invitations::edit),
        post("/o/{org}/invitations",                      Needs(ManageUsers), invitations::invite),
        post("/o/{org}/invitations/batches",              Needs(ManageUsers), invitations::send_many),
        get ("/o/{org}/invitations/batches/{batch}",      Needs(ManageUsers), invitations::batch),
        get ("/o/{org}/invitations/batches/{batch}/rows", Polls(ManageUsers), invitations::batch_rows),
        post("/o/{org}/invitations/{id}/mail",            Needs(ManageUsers), invitations::resend),
        post("/o/{org}/invitations/{id}/link",            Needs(ManageUsers), invitations::copy_link),
        get ("/o/{org}/invitations/{id}/revocation",      Needs(ManageUsers), invitations::confirm_revocation),
        post("/o/{org}/invitations/{id}/revocation",      Needs(ManageUsers), invitations::revoke),
        get ("/o/{org}/teams",                            Needs(ReadTeams),   teams::index),
        post("/o/{org}/teams",                            Needs(ManageTeams), teams::create),
        get ("/o/{org}/teams.csv",                        Needs(ReadTeams),   teams::export),
        get ("/o/{org}/teams/new",                        Needs(ManageTeams), teams::form),
        get ("/o/{org}/teams/{slug}",                     Needs(ReadTeams),   teams::show),
        get ("/o/{org}/teams/{slug}/settings",            Needs(ManageTeams), teams::settings),
        post("/o/{org}/teams/{slug}/settings",            Needs(ManageTeams), teams::change),
        get ("/o/{org}/teams/{slug}/deletion",            Needs(ManageTeams), teams::confirm_deletion),
        post("/o/{org}/teams/{slug}/deletion",            Needs(ManageTeams), teams::delete),
        get ("/o/{org}/teams/{slug}/invite",              Maintains,          teams::invite_form),
        post("/o/{org}/teams/{slug}/invite",              Maintains,          teams::invite),
        post("/o/{org}/teams/{slug}/members",             Maintains,          teams::add),
        post("/o/{org}/teams/{slug}/members/pasted",      Maintains,          teams::add_pasted),
        get ("/o/{org}/teams/{slug}/members.csv",         Needs(ReadTeams),   teams::export_members),
        get ("/o/{org}/teams/{slug}/members/new",         Maintains,          teams::add_form),
        get ("/o/{org}/teams/{slug}/members/{id}/removal", Maintains,         teams::confirm_removal),
        post("/o/{org}/teams/{slug}/members/{id}/removal", Maintains,         teams::remove),
        post("/o/{org}/teams/{slug}/members/{id}/maintainer", Needs(ManageTeams), teams::set_maintainer),
        get ("/o/{org}/agents",                           Needs(ReadAgents),  agents::index),
        post("/o/{org}/agents",                           Needs(ManageLiveKeys), agents::create),
        get ("/o/{org}/agents.csv",                       Needs(ReadAgents),  agents::export),
        get ("/o/{org}/agents/new",                       Needs(ManageLiveKeys), agents::form),
        get ("/o/{org}/agents/{id}",                      Needs(ReadAgents),  agents::show),
        get ("/o/{org}/agents/{id}/name",                 Needs(ManageLiveKeys), agents::rename_form),
        post("/o/{org}/agents/{id}/name",                 Needs(ManageLiveKeys), agents::rename),
        get ("/o/{org}/agents/{id}/archiving",            Needs(ManageLiveKeys), agents::confirm_archiving),
        post("/o/{org}/agents/{id}/archiving",            Needs(ManageLiveKeys), agents::archive),
        get ("/o/{org}/keys",                             Needs(OwnDevelopmentKey), keys::index),
        post("/o/{org}/keys",                             Needs(ManageLiveKeys), keys::create),
        get ("/o/{org}/keys.csv",                         Needs(OwnDevelopmentKey), keys::export),
        get ("/o/{org}/keys/new",                         Needs(ManageLiveKeys), keys::form),
        get ("/o/{org}/keys/admin",                       Needs(ManageLiveKeys), keys::admin_form),
        post("/o/{org}/keys/admin",                       Needs(ManageLiveKeys), keys::create_admin),
        get ("/o/{org}/keys/development",                 Needs(OwnDevelopmentKey), keys::development_form),
        post("/o/{org}/keys/development",                 Needs(OwnDevelopmentKey), keys::create_development),
        get ("/o/{org}/keys/lifetime",                    Needs(ManageSettings), keys::lifetime),
        post("/o/{org}/keys/lifetime",                    Needs(ManageSettings), keys::change_lifetime),
        get ("/o/{org}/keys/{id}",                        Needs(OwnDevelopmentKey), keys::show),
        get ("/o/{org}/keys/{id}/rotation",               Needs(OwnDevelopmentKey), keys::rotation),
        post("/o/{org}/keys/{id}/rotation",               Needs(OwnDevelopmentKey), keys::rotate),
        get ("/o/{org}/keys/{id}/revocation",             Needs(OwnDevelopmentKey), keys::confirm_revocation),
        post("/o/{org}/keys/{id}/revocation",             Needs(OwnDevelopmentKey), keys::revoke),
        get ("/o/{org}/audit",                            Needs(ReadAudit),   audit::index),
        get ("/o/{org}/audit.csv",                        Needs(ReadAudit),   audit::export_csv),
        get ("/o/{org}/audit.json",                       Needs(ReadAudit),   audit::export_json),
        get ("/o/{org}/permissions",                      Needs(ReadPermissions), permissions::index),
        post("/o/{org}/permissions",                      Needs(WritePermissions), permissions::create),
        get ("/o/{org}/permissions.csv",                  Needs(ReadPermissions), permissions::export),
        get ("/o/{org}/permissions/new",                  Needs(WritePermissions), permissions::new_form),
        get ("/o/{org}/permissions/new/covers",           Needs(WritePermissions), permissions::covers),
        get ("/o/{org}/permissions/new/json",             Needs(WritePermissions), permissions::new_document),
        post("/o/{org}/permissions/new/json",             Needs(WritePermissions), permissions::create_from_document),
        get ("/o/{org}/permissions/{id}",                 Needs(ReadPermissions), permissions::show),
        get ("/o/{org}/permissions/{id}/edit",            Needs(WritePermissions), permissions::edit),
        post("/o/{org}/permissions/{id}/edit",            Needs(WritePermissions), permissions::change),
        get ("/o/{org}/permissions/{id}/json",            Needs(WritePermissions), permissions::document),
        post("/o/{org}/permissions/{id}/json",            Needs(WritePermissions), permissions::change_document),
        get ("/o/{org}/permissions/{id}/deletion",        Needs(WritePermissions), permissions::confirm_deletion),
        post("/o/{org}/permissions/{id}/deletion",        Needs(WritePermissions), permissions::delete),
        get ("/o/{org}/settings",                         Needs(ManageSettings), settings::index),
        get ("/o/{org}/settings/plan",                    Needs(ReadPlan),    settings::plan),
        post("/o/{org}/settings",                         Needs(ManageSettings), settings::rename),
        get ("/o/{org}/settings/security",                Needs(ManageSettings), settings::security),
        get ("/o/{org}/settings/security/mfa",            Needs(ManageSettings), settings::confirm_mfa),
        post("/o/{org}/settings/security/mfa",            Needs(ManageSettings), settings::change_mfa),
        post("/o/{org}/settings/security/mails",          Needs(ManageSettings), settings::mail_lacking),
        post("/o/{org}/settings/security/sessions",       Needs(ManageSettings), settings::change_sessions),
        get ("/o/{org}/settings/sso",                     Needs(ManageSettings), settings::sso),
        get ("/o/{org}/settings/sso/new",                 Needs(ManageSettings), settings::new_connection),
        post("/o/{org}/settings/sso/new",                 Needs(ManageSettings), settings::connect),
        post("/o/{org}/settings/sso/domains",             Needs(ManageSettings), settings::add_domain),
        post("/o/{org}/settings/sso/domains/{id}/check",  Needs(ManageSettings), settings::check_domain),
        get ("/o/{org}/settings/sso/domains/{id}/removal", Needs(ManageSettings), settings::confirm_domain_removal),
        post("/o/{org}/settings/sso/domains/{id}/removal", Needs(ManageSettings), settings::remove_domain),
        get ("/o/{org}/settings/sso/requirement",         Needs(ManageSettings), settings::confirm_sso),
        post("/o/{org}/settings/sso/requirement",         Needs(ManageSettings), settings::require_sso),
        post("/o/{org}/settings/sso/break-glass",         Needs(ManageSettings), settings::name_break_glass),
        get ("/o/{org}/settings/sso/{connection}",        Needs(ManageSettings), settings::connection),
        post("/o/{org}/settings/sso/{connection}",        Needs(ManageSettings), settings::change_connection),
        get ("/o/{org}/settings/sso/{connection}/test",   Needs(ManageSettings), settings::test_connection),
        get ("/o/{org}/settings/sso/{connection}/removal", Needs(ManageSettings), settings::confirm_connection_removal),
        post("/o/{org}/settings/sso/{connection}/removal", Needs(ManageSettings), settings::remove_connection),
        get ("/o/{org}/settings/owner",                   Needs(DeleteOrganization), settings::owner),
        post("/o/{org}/settings/owner",                   Needs(DeleteOrganization), settings::hand_over),
        get ("/o/{org}/settings/deletion",                Needs(DeleteOrganization), settings::confirm_deletion),
        post("/o/{org}/settings/deletion",                Needs(DeleteOrganization), settings::delete),
        get ("/o/{org}/closed",                           Reopens,            settings::closed),
        post("/o/{org}/reopening",                        Reopens,            settings::reopen),
        get ("/o/{org}/settings/environments",            Needs(ManageSettings), settings::environments),
        post("/o/{org}/settings/environments",            Needs(ManageSettings), settings::add_environment),
        get ("/o/{org}/settings/environments/{environment}", Needs(ManageSettings), settings::environment),
        post("/o/{org}/settings/environments/{environment}", Needs(ManageSettings), settings::change_environment),
        get ("/o/{org}/settings/environments/{environment}/removal", Needs(ManageSettings), settings::confirm_environment_removal),
        post("/o/{org}/settings/environments/{environment}/removal", Needs(ManageSettings), settings::remove_environment),
    ];
    table.extend(per_environment![
        get "", Member, home::organization;
        get "/resources/{key}", Opens, opening::show;
        post "/resources/{key}/ask", Needs(AskApproval), opening::ask;
        get "/resources/{key}/requests/{id}/dismissal", Needs(ChangeAccess), opening::confirm_dismissal;
        post "/resources/{key}/requests/{id}/dismissal", Needs(ChangeAccess), opening::dismiss;
        get "/resources/{key}/why", Needs(ReadResources), opening::why;
        get "/resources/{key}/why.csv", Needs(ReadResources), opening::why_csv;
        get "/resources/{key}/links", Needs(ChangeAccess), opening::links;
        post "/resources/{key}/links", Needs(ChangeAccess), opening::create_link;
        get "/resources/{key}/links/{id}/revocation", Needs(ChangeAccess), opening::confirm_revocation;
        post "/resources/{key}/links/{id}/revocation", Needs(ChangeAccess), opening::revoke_link;
        get  "/resources",                      Needs(ReadResources),  resources::index;
        get  "/resources.csv",                  Needs(ReadResources),  resources::export;
        get  "/resources/new",                  Needs(WriteResources), resources::new_form;
        post "/resources",                      Needs(WriteResources), resources::create;
        get  "/resources/new/definition",       Needs(WriteResources), resources::new_definition;
        post "/resources/new/definition",       Needs(WriteResources), resources::from_definition;
        get  "/resources/{key}/access",         Needs(ReadResources),  resources::access;
        post "/resources/{key}/access",         Needs(ChangeAccess),   resources::change_access;
        post "/resources/{key}/access/count",   Needs(ChangeAccess),   resources::count;
        get  "/resources/{key}/settings",       Needs(ReadResources),  resources::settings;
        post "/resources/{key}/settings",       Needs(WriteResources), resources::edit;
        get  "/resources/{key}/definition",     Needs(ReadResources),  resources::definition;
        post "/resources/{key}/definition",     Needs(WriteResources), resources::redefine;
        get  "/resources/{key}/archive",        Needs(WriteResources), resources::confirm_archiving;
        post "/resources/{key}/archive",        Needs(WriteResources), resources::archive;
        post "/resources/{key}/unarchive",      Needs(WriteResources), resources::unarchive;
    ]);
    table
}

-- How many are here and how many invitations are pending, kept by whoever changes them: a page does not
-- count. Closed, an organization can be reopened for 30 days; erased, only its slug and audit chain stay.
alter table organizations add column people bigint not null default 0;
alter table organizations add column pending bigint not null default 0;
alter table organizations add column closed_at bigint;
alter table organizations add column erased_at bigint;

update organizations set
    people = (select count(*) from memberships m where m.organization = organizations.id and m.state <> 'removed'),
    pending = (select count(*) from invitations i where i.organization = organizations.id and i.state = 'pending');

-- Every slug that an organization ever had: none is given to another (R11). Whoever wants a slug claims it
-- here first, before the organization is written, so that two who want one never wait for each other.
create table organization_slugs (
    slug text primary key,
    organization text not null references organizations (id) deferrable initially deferred,
    taken_at bigint not null
);

insert into organization_slugs (slug, organization, taken_at) select slug, id, created_at from organizations;

-- Since when, and by whom: user ids, or null where it was the person, Interlock or the sysadmin.
-- end_notice is the number of days of the last notice of the end date: 7, 1, or 0 for none.
alter table memberships add column invited_by text references users (id);
alter table memberships add column role_since bigint not null default 0;
alter table memberships add column role_by text references users (id);
alter table memberships add column state_since bigint not null default 0;
alter table memberships add column state_by text references users (id);
alter table memberships add column end_notice bigint not null default 0;

update memberships set role_since = joined_at, state_since = joined_at;

-- The list is read by role and by state in each of its orders. Most members are active, and each click moves
-- them in the order of activity: those are read in the order of all.
create index memberships_by_role_joining on memberships (organization, role, joined_at, user_id);
create index memberships_by_role_activity on memberships (organization, role, last_active_at, user_id);
create index memberships_by_state_joining on memberships (organization, state, joined_at, user_id)
    where state <> 'active';
create index memberships_by_state_activity on memberships (organization, state, last_active_at, user_id)
    where state <> 'active';

create index memberships_ending on memberships (ends_at) where ends_at is not null;
create index organizations_closed on organizations (closed_at) where closed_at is not null;

alter table users add column time_zone text not null default 'UTC';
alter table users add column theme text not null default 'system' check (theme in ('light', 'dark', 'system'));

-- A change of address waits for its confirmation from the new one; the old one can undo it for three days.
create table email_changes (
    token_hash text primary key,
    user_id text not null references users (id),
    old_email text not null,
    new_email text not null,
    new_canonical text not null,
    created_at bigint not null,
    expires_at bigint not null,
    closed_at bigint,
    confirmed_at bigint,
    undo_hash text unique,
    undo_until bigint,
    undone_at bigint
);

create index email_changes_by_user on email_changes (user_id, created_at);

-- The time zone that the browser guessed, for the account that the link makes.
alter table pending_sign_ups add column time_zone text not null default 'UTC';

-- What was mailed to an address lately.
alter table mail_outbox add column recipient_canonical text not null default '';
update mail_outbox set recipient_canonical = lower(recipient);
-- When the sysadmin put a mail that was given up back in the queue: its day of tries begins again.
alter table mail_outbox add column retried_at bigint;
create index mail_outbox_by_recipient on mail_outbox (recipient_canonical, created_at, id);

-- name is what the inviter's list called them. The notice is a separate mail without the link (I1).
alter table invitations add column name text not null default '';
alter table invitations add column notice_hash text;
alter table invitations add column notice_mail text references mail_outbox (id);
alter table invitations add column notice_confirmed_at bigint;
create unique index invitations_by_notice on invitations (notice_hash) where notice_hash is not null;
-- What a person has sent, the last accepted first.
drop index invitations_by_inviter;
create index invitations_sent on invitations (organization, inviter, state, closed_at, id);
create index invitations_accepted on invitations (organization, accepted_by) where accepted_by is not null;

-- Many invitations at once: a line is invited in the transaction that marks it done.
create table invitation_batches (
    id text primary key,
    organization text not null references organizations (id),
    inviter text not null references users (id),
    role text not null check (role in ('owner', 'admin', 'developer', 'member', 'reviewer', 'auditor')),
    note text not null,
    membership_ends_at bigint,
    notice boolean not null,
    address text,
    request text,
    created_at bigint not null,
    finished_at bigint
);

create index invitation_batches_open on invitation_batches (created_at) where finished_at is null;

create table invitation_batch_lines (
    batch text not null references invitation_batches (id),
    position bigint not null,
    email text not null,
    name text not null,
    state text not null check (state in ('queued', 'invited', 'refused')),
    why text,
    invitation text references invitations (id),
    primary key (batch, position)
);

-- What refers to a row is looked for when the row is erased (R12).
create index invitation_batch_lines_by_invitation on invitation_batch_lines (invitation);
create index invitations_by_mail on invitations (mail);
create index invitations_by_notice_mail on invitations (notice_mail) where notice_mail is not null;

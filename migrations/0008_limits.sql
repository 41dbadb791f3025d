-- What is used of limits (L3). A row is there only while something is used; id is a hash of what the limit is and of
-- whom it holds back, so that the caller's users are named nowhere. limited is the pattern, the level and the measure
-- in one. Nothing refers to organizations: that would be looked up on every spending.
create table limit_counters (
    id text primary key,
    organization text not null,
    -- Whose Dev mode; '' is Live.
    developer text not null,
    limited text not null,
    used bigint not null,
    -- When the first of it frees; the largest number where nothing ever does.
    frees_at bigint not null
);

create index limit_counters_by_limit on limit_counters (organization, developer, limited);
create index limit_counters_by_freeing on limit_counters (frees_at) where frees_at < 9223372036854775807;

-- What frees again, and what is spent once for an object. mark is the second in which it frees, a hash of the object,
-- or a lease's id.
create table limit_events (
    counter text not null,
    mark text not null,
    frees_at bigint not null,
    amount bigint not null,
    primary key (counter, mark)
);

create index limit_events_by_freeing on limit_events (counter, frees_at);

-- Places that callers hold. One that was given back, or has expired, is known for an hour more.
create table limit_leases (
    id text primary key,
    organization text not null,
    developer text not null,
    -- Whose it is: the key's family.
    family text not null,
    -- A line for each counter: its id, and what it limits.
    counters text not null,
    expires_at bigint not null,
    is_over boolean not null default false
);

create index limit_leases_by_expiry on limit_leases (expires_at);

-- What was answered to a question with an idempotency key: the same again gives the same, for a day.
create table limit_answers (
    id text primary key,
    organization text not null,
    question text not null,
    answer text not null,
    answered_at bigint not null
);

create index limit_answers_by_time on limit_answers (answered_at);

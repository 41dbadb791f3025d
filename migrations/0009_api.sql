-- Creations over the API that named an Idempotency-Key: so that the same again is answered the same, and done once.
-- Reserved before anything is done; the answer comes after. Without an answer, request and chain_seq tell whether it
-- was done: its audit row names the request, and stands after that place in the chain. Dropped after a day.
create table idempotency_keys (
    family text not null references api_keys (id) on delete cascade,
    value text not null,
    hash text not null,
    request text not null,
    chain_seq bigint not null,
    reserved_at bigint not null,
    status bigint,
    location text,
    body text,
    primary key (family, value)
);

create index idempotency_keys_by_time on idempotency_keys (reserved_at);

-- For audit rows of a span of time.
create index audit_events_by_time on audit_events (chain, at);

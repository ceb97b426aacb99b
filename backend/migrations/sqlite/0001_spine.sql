-- The log of facts. The one writer assigns `position` at the insert; `autoincrement` keeps it dense, because a rolled
-- back command gives its positions back.
create table event (
    position integer primary key autoincrement,
    id text not null constraint event_id_key unique,
    type text not null,
    source text,
    subject text not null,
    stream text not null,
    actor text not null,
    causation text,
    at bigint not null,
    data text not null
);
create index event_stream on event (stream, position);

-- Who may do what alone: a holder whose epoch has passed changes nothing any more.
create table lease (
    name text not null primary key,
    holder text not null,
    epoch bigint not null,
    expires_at bigint not null
);

-- How far each subscriber has come.
create table cursor (
    subscriber text not null primary key,
    position bigint not null,
    epoch bigint not null
);

-- Events that a subscriber could not handle (`error`), and those of the same stream waiting behind them.
create table parked (
    subscriber text not null,
    position bigint not null,
    stream text not null,
    error text,
    attempts bigint not null,
    parked_at bigint not null,
    wish text constraint parked_wish_known check (wish in ('retry', 'drop')),
    primary key (subscriber, position)
);
create index parked_stream on parked (subscriber, stream, position);

-- What is to happen at a time. `next_at` is `due` until firing has failed.
create table timer (
    kind text not null,
    key text not null,
    due bigint not null,
    payload text not null,
    next_at bigint not null,
    attempts bigint not null,
    error text,
    primary key (kind, key)
);
create index timer_next on timer (kind, next_at);

-- What leaves the process. `next_at` of a claimed job is when its claim ends.
create table job (
    kind text not null,
    key text not null,
    payload text not null,
    status text not null constraint job_status_known check (status in ('ready', 'done', 'dead')),
    claim text,
    attempts bigint not null,
    next_at bigint not null,
    error text,
    created_at bigint not null,
    ended_at bigint,
    primary key (kind, key)
);
create index job_next on job (kind, next_at) where status = 'ready';
create index job_ended on job (ended_at) where status = 'done';

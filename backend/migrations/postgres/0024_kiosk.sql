-- The code that a kiosk shows for a time. It is spent scan by scan, in one conditional statement.
create table kiosk_code (
    code text not null primary key,
    kiosk text not null references kiosk (id),
    ends_at bigint not null,
    scans bigint not null constraint kiosk_code_scans_natural check (scans >= 0),
    used bigint not null constraint kiosk_code_used_range check (used between 0 and scans),
    constraint kiosk_code_kiosk_ends_at_key unique (kiosk, ends_at)
);

-- Who opened the page of a code while it was good: they may spend it a little longer.
create table scan_page (
    owner text not null,
    code text not null references kiosk_code (code) on delete cascade,
    primary key (owner, code)
);
create index scan_page_code on scan_page (code);

-- The right to one order at a store, bought with a scan. It holds a place until its checkout does.
create table admission (
    id text not null primary key,
    owner text not null,
    code text not null,
    kiosk text not null references kiosk (id),
    store text not null references store (id),
    state text not null constraint admission_state_known check (state in ('open', 'used', 'ended')),
    expires_at bigint not null,
    constraint admission_owner_code_key unique (owner, code)
);
create index admission_open on admission (owner, store) where state = 'open';
create index admission_over on admission (expires_at) where state <> 'open';

alter table checkout add column admission text references admission (id);
create index checkout_admission on checkout (admission) where admission is not null;

-- The kiosks that there are begin to show codes.
insert into timer (kind, key, due, payload, next_at, attempts) select 'kiosk.rotation', id, 0, '{}', 0, 0 from kiosk;

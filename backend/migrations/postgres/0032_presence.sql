-- When the people behind the bar were last connected, by two clocks: the day's, and one that goes only while a gateway looks
-- who is there. How long somebody has been away is told by the latter: no board is away because the server was.
create table presence_watch (
    id bigint not null primary key check (id = 1),
    at bigint not null,
    watched bigint not null
);
insert into presence_watch (id, at, watched) values (1, 0, 0);

create table presence (
    person text not null primary key,
    seen_at bigint not null,
    watched bigint not null
);

-- Who held a ticket that went back to the queue because their board was gone.
alter table fulfilment add column left_by text;
alter table fulfilment add column left_name text;

-- What managers ask for, see 0026: also what went back to the queue by itself.
drop index event_for_managers;
create index event_for_managers on event (source, id)
    where (substr(actor, 1, 6) in ('staff:', 'token:') or type in ('shopper.slowed.v1', 'prep.released.v1'));

-- What payment providers have told: an event is heard once. Kept for a week, which is longer than any of them repeats.
create table payment_notice (
    provider text not null,
    event text not null,
    heard_at bigint not null,
    constraint payment_notice_pkey primary key (provider, event)
);
create index payment_notice_heard_at on payment_notice (heard_at);

-- When a payment was first asked for confirmation or left undecided by the provider: from then on the provider knows of it,
-- and a look that gets no answer does not end it before its time.
alter table payment add column known_at bigint;
create index payment_pending on payment (updated_at) where status in ('pending', 'action_required');

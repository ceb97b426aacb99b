-- What was told of a payment or a top-up, by the key that its provider knows it by: by webhook how a step of it ended, where the
-- provider itself answers no more than that it has received what was asked; and by the shopper what their bank gave them on
-- the way back. Kept for a month.
create table payment_told (
    payment text not null,
    step text not null constraint payment_told_step_known
        check (step in ('authorization', 'capture', 'void', 'refund', 'return')),
    outcome text not null,
    told_at bigint not null,
    constraint payment_told_pkey primary key (payment, step)
);
create index payment_told_told_at on payment_told (told_at);

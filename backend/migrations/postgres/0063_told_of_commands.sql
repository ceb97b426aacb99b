-- What managers ask for, see 0026, 0032 and 0056: also whom and which tokens the command line has made or ended at their store. The same
-- words stand in the statement that asks.
drop index event_for_managers;
create index event_for_managers on event (source, id)
    where (substr(actor, 1, 6) in ('staff:', 'token:') or type in ('shopper.slowed.v1', 'prep.released.v1', 'checkout.crowded.v1',
        'staff.added.v1', 'staff.code_made.v1', 'token.issued.v1', 'token.revoked.v1'));

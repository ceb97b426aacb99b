-- From where the live checkouts of guests come, as a keyed hash of their address: a house's guests share one, and whoever makes many
-- guests has one as well. It goes with the checkout's end.
alter table checkout add column network text;
create index checkout_network on checkout (store, network) where status = 'live' and network is not null;

-- What managers ask for, see 0026 and 0032: also that one address holds many of their places.
drop index event_for_managers;
create index event_for_managers on event (source, id)
    where (substr(actor, 1, 6) in ('staff:', 'token:') or type in ('shopper.slowed.v1', 'prep.released.v1', 'checkout.crowded.v1'));

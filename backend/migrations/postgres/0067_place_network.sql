-- From where a guest has taken a place, as a keyed hash of their address (see 0056): it stays with the place when an order takes over
-- from a checkout, and goes with it.
alter table place add column network text;
create index place_network on place (store, network) where network is not null;
update place set network = (select network from checkout where checkout.id = place.holder)
    where kind = 'checkout' and exists (select 1 from checkout
        where checkout.id = place.holder and checkout.network is not null and checkout.owner like 'session:%');
-- `checkout.network` stays for processes of the version before, which write it until they are gone.
drop index checkout_network;

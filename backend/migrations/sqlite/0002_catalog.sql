-- Where is sold. One row a store; whoever changes its menu, its stock or its places locks this row first, so that two
-- transactions never wait for each other.
create table store (
    id text not null primary key,
    sort bigint not null,
    kind text not null constraint store_kind_known check (kind in ('cafe', 'stand', 'shop')),
    name_en text not null,
    name_zh text not null,
    tagline_en text not null,
    tagline_zh text not null,
    language text not null constraint store_language_known check (language in ('en', 'zh-CN')),
    currency text not null constraint store_currency_code check (length(currency) = 3),
    time_zone text not null,
    fulfilment text not null constraint store_fulfilment_known check (fulfilment in ('pickup', 'ship')),
    open boolean not null,
    admission text not null constraint store_admission_known check (admission in ('open', 'qr')),
    capacity bigint constraint store_capacity_range check (capacity between 1 and 1000),
    order_limit bigint constraint store_order_limit_range check (order_limit between 1 and 100),
    scans_per_code bigint not null constraint store_scans_per_code_range check (scans_per_code between 1 and 1000),
    code_seconds bigint not null constraint store_code_seconds_range check (code_seconds between 30 and 3600),
    customer_seconds bigint not null constraint store_customer_seconds_range check (customer_seconds between 30 and 3600),
    barista_seconds bigint not null constraint store_barista_seconds_range check (barista_seconds between 60 and 14400),
    wait_target_seconds bigint constraint store_wait_target_seconds_range check (wait_target_seconds between 60 and 7200),
    -- Places taken by checkouts and orders under way. Capacity may be lowered below it, so they are not compared here.
    active bigint not null constraint store_active_natural check (active >= 0),
    menu_version bigint not null,
    -- The menu version since which `menu_change` tells everything that changed.
    menu_since bigint not null constraint store_menu_since_past check (menu_since <= menu_version),
    -- Grows with every change of what the store's status shows.
    status_version bigint not null
);

-- Who holds a place: an admission, then the checkout it led to, then its order until that is ready or over.
create table place (
    store text not null references store (id),
    kind text not null constraint place_kind_known check (kind in ('admission', 'checkout', 'order')),
    holder text not null,
    taken_at bigint not null,
    primary key (store, kind, holder)
);

-- A screen that shows codes or reads pick-up tickets.
create table kiosk (
    id text not null primary key,
    store text not null references store (id)
);

-- Whose goods are sold.
create table merchant (
    id text not null primary key
);

create table image (
    id text not null primary key,
    alt_en text not null,
    alt_zh text not null,
    width bigint not null constraint image_width_positive check (width > 0),
    height bigint not null constraint image_height_positive check (height > 0),
    -- JSON: better formats and other sizes, best first.
    sources text not null,
    url text not null
);

-- A product is the same in every store; what differs by store hangs on `listing`, `item` and `price`.
create table product (
    id text not null primary key,
    merchant text references merchant (id),
    name_en text not null,
    name_zh text not null,
    description_en text not null,
    description_zh text not null,
    image text references image (id)
);
create index product_merchant on product (merchant);

create table variant (
    sku text not null primary key,
    product text not null references product (id),
    sort bigint not null,
    name_en text not null,
    name_zh text not null
);
create index variant_product on variant (product, sort);

create table category (
    store text not null references store (id),
    id text not null,
    sort bigint not null,
    name_en text not null,
    name_zh text not null,
    primary key (store, id)
);

-- A product on a store's menu.
create table listing (
    store text not null,
    product text not null references product (id),
    category text not null,
    sort bigint not null,
    primary key (store, product),
    foreign key (store, category) references category (store, id)
);
create index listing_product on listing (product);

-- A SKU in a store, with its switch.
create table item (
    store text not null references store (id),
    sku text not null references variant (sku),
    available boolean not null,
    primary key (store, sku)
);
create index item_sku on item (sku);

-- The base price has neither `from_at` nor `until_at`; the others hold from `from_at` (inclusive) until `until_at`.
create table price (
    store text not null,
    sku text not null,
    place bigint not null,
    amount bigint not null constraint price_amount_natural check (amount >= 0),
    from_at bigint,
    until_at bigint,
    primary key (store, sku, place),
    foreign key (store, sku) references item (store, sku),
    constraint price_window_not_empty check (from_at is null or until_at is null or from_at < until_at)
);
create unique index price_base on price (store, sku) where from_at is null and until_at is null;

create table modifier (
    store text not null references store (id),
    id text not null,
    name_en text not null,
    name_zh text not null,
    min_count bigint not null,
    max_count bigint not null,
    primary key (store, id),
    constraint modifier_count_range check (0 <= min_count and min_count <= max_count and max_count >= 1)
);

create table modifier_option (
    store text not null,
    id text not null,
    modifier text not null,
    sort bigint not null,
    name_en text not null,
    name_zh text not null,
    price bigint not null constraint modifier_option_price_natural check (price >= 0),
    available boolean not null,
    primary key (store, id),
    foreign key (store, modifier) references modifier (store, id)
);
create index modifier_option_modifier on modifier_option (store, modifier, sort);

-- Which choices a product asks for in a store.
create table product_modifier (
    store text not null,
    product text not null,
    modifier text not null,
    sort bigint not null,
    primary key (store, product, modifier),
    foreign key (store, product) references listing (store, product),
    foreign key (store, modifier) references modifier (store, id)
);

-- Items and options that changed since the store's `menu_since`, each with the version of its last change.
create table menu_change (
    store text not null references store (id),
    kind text not null constraint menu_change_kind_known check (kind in ('sku', 'option')),
    item text not null,
    version bigint not null,
    primary key (store, kind, item)
);
create index menu_change_version on menu_change (store, version);

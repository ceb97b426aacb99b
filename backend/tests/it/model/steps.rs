//! What may happen to a shop, drawn at random.

use proptest::prelude::*;

use super::{MEMBERS, SHOPPERS};
use crate::cafe::Work;

/// What pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    Card,
    BadCard,
    Wallet,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Begin {
        who: usize,
        units: i64,
    },
    GiveUp {
        who: usize,
    },
    Place {
        who: usize,
        by: Means,
    },
    /// Pays into a wallet by card.
    TopUp {
        who: usize,
        amount: i64,
    },
    CancelByCustomer {
        order: usize,
    },
    CancelByStaff {
        order: usize,
    },
    Work {
        order: usize,
        by: usize,
        work: Work,
    },
    Adjust {
        delta: i64,
    },
    Seconds(u64),
    /// Everything that happens by itself dies without a word, and another process begins.
    Crash,
    /// Every event that an order hangs on is told again from the start.
    Replay,
    /// The next refund gets no answer.
    SilentRefund,
    /// Lets everything happen that happens by itself.
    Settle,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let work = prop_oneof![
        4 => Just(Work::Claim), 4 => Just(Work::Ready), 3 => Just(Work::Collect), 1 => Just(Work::Release), 1 => Just(Work::Recall),
    ];
    let means = prop_oneof![5 => Just(Means::Card), 1 => Just(Means::BadCard), 4 => Just(Means::Wallet)];
    // Most of what is done is done to the newest orders.
    let order = || 0..4_usize;
    let step = prop_oneof![
        6 => (0..SHOPPERS, 1..5_i64).prop_map(|(who, units)| Step::Begin { who, units }),
        1 => (0..SHOPPERS).prop_map(|who| Step::GiveUp { who }),
        6 => (0..SHOPPERS, means).prop_map(|(who, by)| Step::Place { who, by }),
        2 => (0..MEMBERS, 1..8_i64).prop_map(|(who, units)| Step::TopUp { who, amount: units * 150 }),
        2 => order().prop_map(|order| Step::CancelByCustomer { order }),
        1 => order().prop_map(|order| Step::CancelByStaff { order }),
        10 => (order(), 0..2_usize, work).prop_map(|(order, by, work)| Step::Work { order, by, work }),
        2 => (-4..6_i64).prop_filter("a change", |delta| *delta != 0).prop_map(|delta| Step::Adjust { delta }),
        2 => (1..400_u64).prop_map(Step::Seconds),
        1 => Just(Step::Crash),
        1 => Just(Step::Replay),
        1 => Just(Step::SilentRefund),
        4 => Just(Step::Settle),
    ];
    prop::collection::vec(step, 30..60)
}

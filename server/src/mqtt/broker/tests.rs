//! Who hears what, and what is kept.

use backend::identity::Caller;

use super::*;
use crate::mqtt::client::Subscription;
use crate::mqtt::reach::reach;

fn payload(sequence: i64) -> Bytes {
    Bytes::from(format!(r#"{{"sequence":"{sequence:020}"}}"#))
}

fn hear(broker: &Broker, client: &Arc<Client>, filter: &str) {
    let filter: Filter = filter.parse().unwrap();
    let keys = reach(&filter).unwrap().keys;
    let subscription = Subscription {
        filter: filter.clone(),
        qos: 0,
        retain_as_published: false,
        retained: true,
        grounds: Vec::new(),
        everywhere: Vec::new(),
        keys: keys.clone(),
    };
    client.subscribe(subscription);
    broker.subscribe(&filter, &keys, client, true);
}

fn leave(broker: &Broker, client: &Client) {
    broker.unsubscribe(&client.unsubscribe_all(), client);
}

fn heard(client: &Client) -> Vec<(String, i64, bool)> {
    std::iter::from_fn(|| client.take(true)).map(|d| (d.message.topic.to_string(), d.message.sequence, d.retain)).collect()
}

#[test]
fn the_newest_is_kept_for_who_comes_later() {
    let broker = Broker::default();
    let status = "v1/stores/harbor/status";
    for sequence in [1, 3, 2] {
        broker.publish(status, payload(sequence)).unwrap();
    }
    let client = Client::new(1, Caller::Nobody);
    hear(&broker, &client, "v1/stores/+/status");
    assert_eq!(heard(&client), [(status.to_owned(), 3, true)]);
    broker.publish(status, payload(4)).unwrap();
    assert_eq!(heard(&client), [(status.to_owned(), 4, false)]);
}

#[test]
fn topics_of_one_order_are_not_kept() {
    let broker = Broker::default();
    let order = "v1/orders/0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
    broker.publish(order, payload(1)).unwrap();
    let client = Client::new(1, Caller::Nobody);
    hear(&broker, &client, order);
    assert_eq!(heard(&client), []);
    broker.publish(order, payload(2)).unwrap();
    assert_eq!(heard(&client).len(), 1);
}

#[test]
fn who_left_leaves_nothing_behind() {
    let broker = Broker::default();
    let client = Client::new(1, Caller::Nobody);
    hear(&broker, &client, "v1/stores/harbor/board");
    hear(&broker, &client, "v1/stores/+/board");
    broker.publish("v1/stores/harbor/board", payload(1)).unwrap();
    assert_eq!(heard(&client).len(), 1, "two filters, one message");
    leave(&broker, &client);
    assert!(broker.is_deserted());
}

#[test]
fn a_stranger_s_spellings_are_listed_as_everybody_s() {
    let (broker, stranger) = (Broker::default(), Client::new(1, Caller::Nobody));
    broker.ask_outside();
    for filter in ["v1/stores/+/status", "+/stores/+/status", "v1/+/+/status/#", "+/+/+/status"] {
        hear(&broker, &stranger, filter);
    }
    for n in 0..50 {
        hear(&broker, &stranger, &format!("v1/+/s{n}/status"));
    }
    assert_eq!(broker.turned().len(), 51, "a broker outside hears of each name, and once of all");
    {
        let state = broker.state();
        assert_eq!((state.wild.len(), state.exact.len()), (1, 50), "what every message is held against does not grow");
    }
    let drop_two = |filters: [&str; 2]| broker.unsubscribe(&stranger.unsubscribe(&filters.map(str::to_owned)).1, &stranger);
    drop_two(["v1/stores/+/status", "+/+/+/status"]);
    broker.publish("v1/stores/harbor/status", payload(1)).unwrap();
    assert_eq!(heard(&stranger).len(), 1, "two of its filters still match");
    drop_two(["+/stores/+/status", "v1/+/+/status/#"]);
    broker.publish("v1/stores/harbor/status", payload(2)).unwrap();
    assert_eq!((heard(&stranger).len(), broker.turned().len()), (0, 1));
    leave(&broker, &stranger);
    assert!(broker.is_deserted());
}

#[test]
fn a_broker_outside_is_asked_for_what_somebody_listens_to() {
    let (broker, one, two) = (Broker::default(), Client::new(1, Caller::Nobody), Client::new(2, Caller::Nobody));
    let (board, status) = ("v1/stores/harbor/board", "v1/stores/+/status");
    hear(&broker, &one, board);
    assert_eq!(broker.turned(), [], "nobody asks");
    broker.ask_outside();
    assert_eq!(broker.turned(), [(board.to_owned(), true)]);
    hear(&broker, &two, board);
    hear(&broker, &two, status);
    assert_eq!(broker.turned(), [(status.to_owned(), true)]);
    leave(&broker, &one);
    assert_eq!(broker.turned(), [], "one is left");
    broker.publish(board, payload(3)).unwrap();
    leave(&broker, &two);
    let mut turned = broker.turned();
    turned.sort();
    assert_eq!(turned, [(status.to_owned(), false), (board.to_owned(), false)]);
    // What nobody follows may be old: whoever comes next is not told it.
    let three = Client::new(3, Caller::Nobody);
    hear(&broker, &three, board);
    assert_eq!(heard(&three), []);
}

#[test]
fn what_nobody_hears_is_forgotten() {
    let (broker, client) = (Broker::default(), Client::new(1, Caller::Nobody));
    let (name, topic) = ("v1/stores/harbor/queue", "v1/stores/harbor/queue".parse().unwrap());
    hear(&broker, &client, "v1/stores/harbor/+");
    broker.publish(name, payload(1)).unwrap();
    assert!(!broker.forgets(&topic) && broker.keeps(&topic));
    assert_eq!(heard(&client), [(name.to_owned(), 1, false)]);
    leave(&broker, &client);
    assert!(broker.keeps(&topic), "nothing has happened since");
    // Neither one that was on its way when the last listener left nor the one before it is the newest for the next.
    broker.publish(name, payload(2)).unwrap();
    assert!(!broker.keeps(&topic));
    assert!(broker.forgets(&topic));
}

#[test]
fn an_answer_is_the_newest_there_is() {
    let (broker, client) = (Broker::default(), Client::new(1, Caller::Nobody));
    let board = "v1/stores/harbor/board";
    hear(&broker, &client, board);
    assert!(!broker.keeps(&board.parse().unwrap()));
    broker.publish(board, payload(7)).unwrap();
    broker.answer(&board.parse().unwrap(), payload(6), &client).unwrap();
    assert_eq!(heard(&client), [(board.to_owned(), 7, true)]);
    broker.answer(&board.parse().unwrap(), payload(8), &client).unwrap();
    broker.tell(board, payload(7), Coming::Kept).unwrap();
    assert_eq!(heard(&client), [(board.to_owned(), 8, false)], "news, and what an older broker kept is not told over it");
}

#[test]
fn an_answer_to_one_swallows_no_news_of_another() {
    let (broker, one, two) = (Broker::default(), Client::new(1, Caller::Nobody), Client::new(2, Caller::Nobody));
    let queue = "v1/stores/harbor/queue";
    // Both ask the shop, for nothing is kept yet.
    hear(&broker, &one, queue);
    hear(&broker, &two, queue);
    broker.answer(&queue.parse().unwrap(), payload(9), &one).unwrap();
    assert_eq!(heard(&one), [(queue.to_owned(), 9, true)]);
    // The tenth event is about the queue and on its way; the eleventh is not, but the answer to the other counts it.
    broker.answer(&queue.parse().unwrap(), payload(11), &two).unwrap();
    broker.tell(queue, payload(8), Coming::Kept).unwrap();
    assert_eq!(heard(&one), [], "what an older broker kept is no news");
    broker.publish(queue, payload(10)).unwrap();
    assert_eq!((heard(&one), heard(&two)), (vec![(queue.to_owned(), 11, false)], vec![(queue.to_owned(), 11, true)]));
    broker.publish(queue, payload(10)).unwrap();
    assert_eq!((heard(&one), heard(&two)), (Vec::new(), Vec::new()), "once");
}

#[test]
fn what_is_not_ours_is_refused() {
    let broker = Broker::default();
    assert_eq!(broker.publish("somewhere/else", payload(1)), Err(NotLive));
    assert_eq!(broker.publish("v1/stores/harbor/status", Bytes::from_static(b"{}")), Err(NotLive));
}

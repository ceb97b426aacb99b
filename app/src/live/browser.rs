//! The tab's client: which topics are wanted by whom, and the one connection that brings them.
//!
//! It lives in a thread-local: a browser's page has one thread. It is not borrowed while listeners run; setting a signal
//! runs nobody's code at once.

mod socket;
mod watch;

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use domain::{Timestamp, topic::Topic};
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};

use self::socket::{Notice, Socket};
use super::{
    Connection, Deliver,
    packet::{self, Packet},
    pulse,
    retry::Tries,
};

/// A server that is there answers within this over a connection that is being made.
const MAKING: Duration = Duration::from_secs(8);

/// Somebody's wish to hear of a topic.
type Listener = Rc<RefCell<Deliver>>;

/// One topic that somebody on the page wants.
#[derive(Default)]
struct Wanted {
    listeners: Vec<(u64, Listener)>,
    /// The newest payload, for a component that comes later.
    newest: Option<Rc<[u8]>>,
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Stage {
    /// Not there, or not spoken over yet.
    #[default]
    New,
    /// CONNECT has been sent, with a SUBSCRIBE for what was wanted then: what is wanted later is asked for by itself.
    Greeted,
    /// The server has said yes.
    Accepted,
    /// It has said what of all that was wanted it gives.
    Answered,
}

struct Client {
    connection: ArcRwSignal<Connection>,
    refused: ArcRwSignal<Option<Timestamp>>,
    topics: BTreeMap<String, Wanted>,
    next_listener: u64,
    socket: Option<Socket>,
    /// Grows with each connection; what an earlier one still says is not listened to.
    generation: u64,
    /// Bytes of a packet that is not complete.
    partial: Vec<u8>,
    stage: Stage,
    /// The server was asked whether it is there, and the timer gives it up.
    waiting: bool,
    /// When the server, which gives all that is wanted, last said something: what is shown is as of then, however late the silence is
    /// noticed.
    heard: Option<Timestamp>,
    tries: Tries,
    next_packet: u16,
    /// The next try, the next question whether the server is there, or the end of waiting for its answer.
    timer: Option<TimeoutHandle>,
    watching: bool,
}

thread_local! {
    static CLIENT: RefCell<Client> = RefCell::new(Client {
        connection: ArcRwSignal::new(Connection::default()),
        refused: ArcRwSignal::new(None),
        topics: BTreeMap::new(),
        next_listener: 0,
        socket: None,
        generation: 0,
        partial: Vec::new(),
        stage: Stage::default(),
        waiting: false,
        heard: None,
        tries: Tries::default(),
        next_packet: 0,
        timer: None,
        watching: false,
    });
}

fn with<R>(f: impl FnOnce(&mut Client) -> R) -> R {
    CLIENT.with_borrow_mut(f)
}

pub(super) fn connection() -> ReadSignal<Connection> {
    with(|client| client.connection.read_only()).into()
}

pub(super) fn refused() -> ReadSignal<Option<Timestamp>> {
    with(|client| client.refused.read_only()).into()
}

pub(super) fn subscribe(topic: &Topic, deliver: Deliver) {
    let topic = topic.to_string();
    let deliver: Listener = Rc::new(RefCell::new(deliver));
    let (listener, newest) = with(|client| {
        client.next_listener += 1;
        let listener = client.next_listener;
        let wanted = client.topics.entry(topic.clone()).or_default();
        wanted.listeners.push((listener, deliver.clone()));
        let newest = wanted.newest.clone();
        if wanted.listeners.len() == 1 {
            client.send_subscribe(&topic);
        }
        (listener, newest)
    });
    if let Some(newest) = newest {
        // Not now: the component is being hydrated, and its first render is the server's snapshot.
        queue_microtask(move || (deliver.borrow_mut())(&newest));
    }
    on_cleanup(move || with(|client| client.unsubscribe(&topic, listener)));
    let first = with(|client| !std::mem::replace(&mut client.watching, true));
    if first {
        watch::watch();
        // The rest of the page has said what it wants when the socket is open, and most often it is one SUBSCRIBE.
        queue_microtask(open);
    }
}

fn now() -> Timestamp {
    Timestamp::from_millis(js_sys::Date::now() as i64)
}

/// When the server made the page, which may have been kept for long; not later than this machine's clock says, which may be wrong.
fn made() -> Timestamp {
    let made = document().document_element().and_then(|html| html.get_attribute("data-made")?.parse::<i64>().ok());
    made.map_or_else(now, |millis| Timestamp::from_millis(millis).min(now()))
}

/// Whether Back has brought the page as it was left, and nothing was answered since: the document's own script notes it, for the page
/// may have been left before it came alive.
fn was_brought_back() -> bool {
    const NOTED: &str = "data-brought-back";
    document().document_element().is_some_and(|html| html.has_attribute(NOTED) && html.remove_attribute(NOTED).is_ok())
}

/// Whether somebody may be looking.
fn is_visible() -> bool {
    document().visibility_state() == web_sys::VisibilityState::Visible
}

/// Makes the connection, unless there is one.
fn open() {
    with(|client| {
        if client.socket.is_some() {
            return;
        }
        client.generation += 1;
        client.stage = Stage::New;
        client.partial.clear();
        let generation = client.generation;
        client.socket = Socket::open(move |notice| noticed(generation, notice)).ok();
        if client.socket.is_none() {
            client.retry();
        } else {
            client.wait(MAKING);
        }
    });
}

/// Ends a connection that does not answer, and tries again.
fn give_up() {
    with(Client::lost);
}

/// Asks whether the server is there.
fn ask() {
    with(|client| {
        client.send(&packet::PING);
        client.wait(pulse::patience(is_visible()));
    });
}

/// Something happened to the connection of this generation.
fn noticed(generation: u64, notice: Notice) {
    if with(|client| client.generation != generation || client.socket.is_none()) {
        return;
    }
    match notice {
        Notice::Opened => with(Client::greet),
        Notice::Bytes(bytes) => {
            let arrived = with(|client| client.read(&bytes));
            for (deliver, payload) in arrived {
                (deliver.borrow_mut())(&payload);
            }
        }
        Notice::Closed => with(Client::lost),
    }
}

impl Client {
    /// CONNECT and SUBSCRIBE in one go: the server need not be waited for in between (3.1.4).
    fn greet(&mut self) {
        self.send(&packet::connect(pulse::KEEP_ALIVE_SECONDS));
        self.stage = Stage::Greeted;
        if !self.topics.is_empty() {
            let id = self.packet_id();
            let bytes = packet::subscribe(id, self.topics.keys().map(String::as_str));
            self.send(&bytes);
        }
    }

    /// Takes in what arrived; what is to be delivered to whom.
    fn read(&mut self, bytes: &[u8]) -> Vec<(Listener, Rc<[u8]>)> {
        let mut partial = std::mem::take(&mut self.partial);
        partial.extend(bytes);
        let mut arrived = Vec::new();
        let mut start = 0;
        loop {
            match packet::read(&partial[start..]) {
                Ok(Some((packet, length))) => {
                    if !self.take_in(packet, &mut arrived) {
                        self.lost();
                        return arrived;
                    }
                    start += length;
                }
                Ok(None) => break,
                Err(packet::Malformed) => {
                    self.lost();
                    return arrived;
                }
            }
        }
        partial.drain(..start);
        self.partial = partial;
        if self.stage >= Stage::Accepted {
            if self.stage == Stage::Answered && self.refused.with_untracked(Option::is_none) {
                self.heard = Some(now());
            }
            if std::mem::take(&mut self.waiting) {
                self.remind(pulse::quiet(is_visible()), ask);
            }
            // The browser may have said "offline" and been wrong.
            if self.connection.get_untracked() != Connection::Live {
                self.connection.set(Connection::Live);
            }
        }
        arrived
    }

    /// One packet; `false` where the server wants no connection.
    fn take_in(&mut self, packet: Packet<'_>, arrived: &mut Vec<(Listener, Rc<[u8]>)>) -> bool {
        match packet {
            Packet::Connected(false) => return false,
            Packet::Connected(true) => {
                self.stage = Stage::Accepted;
                self.tries.accepted(now());
            }
            Packet::Subscribed { refused } => self.answered(refused),
            Packet::Publish { topic, payload } => {
                if let Some(wanted) = self.topics.get_mut(topic) {
                    let payload: Rc<[u8]> = payload.into();
                    arrived.extend(wanted.listeners.iter().map(|(_, deliver)| (deliver.clone(), payload.clone())));
                    wanted.newest = Some(payload);
                }
            }
            Packet::Alive => {}
        }
        true
    }

    /// The answer to a SUBSCRIBE: the first one of a connection is that to all that was wanted when it was made.
    fn answered(&mut self, refused: bool) {
        let first = std::mem::replace(&mut self.stage, Stage::Answered) == Stage::Accepted;
        if was_brought_back() && refused {
            // It is of somebody who has left: what it is to whoever is here now, the server says.
            crate::tab::reload();
        }
        if !refused {
            self.tries.forget();
        }
        match self.refused.get_untracked() {
            // What is wanted later is as old as the page.
            None if refused => self.refused.set(Some(self.heard.filter(|_| first).unwrap_or_else(made))),
            Some(_) if first && !refused => self.refused.set(None),
            _ => {}
        }
    }

    /// The connection is gone, or given up.
    fn lost(&mut self) {
        self.socket = None;
        self.stage = Stage::New;
        let since = self.old_since();
        self.connection.set(Connection::Reconnecting { since });
        self.retry();
    }

    /// Since when what is shown may be old: from the first of all failures in a row, and from the page's making where nothing was heard.
    fn old_since(&self) -> Timestamp {
        match self.connection.get_untracked() {
            Connection::Reconnecting { since } | Connection::Offline { since } => since,
            Connection::Connecting | Connection::Live => self.heard.unwrap_or_else(made),
        }
    }

    fn offline(&mut self) {
        let since = self.old_since();
        self.connection.set(Connection::Offline { since });
    }

    /// Gives the server up, unless it says something within this.
    fn wait(&mut self, patience: Duration) {
        self.waiting = true;
        self.remind(patience, give_up);
    }

    fn retry(&mut self) {
        self.waiting = false;
        if !window().navigator().on_line() {
            // The browser may be wrong about that, so it is tried all the same, only seldom.
            self.offline();
        }
        let wait = self.tries.wait(now(), js_sys::Math::random());
        self.remind(wait, open);
    }

    /// One timer: whatever was to happen before is no longer.
    fn remind(&mut self, after: Duration, what: fn()) {
        if let Some(timer) = self.timer.take() {
            timer.clear();
        }
        self.timer = set_timeout_with_handle(what, after).ok();
    }

    fn packet_id(&mut self) -> u16 {
        self.next_packet = self.next_packet.checked_add(1).unwrap_or(1);
        self.next_packet
    }

    /// A packet that cannot be sent is lost with its connection, which will be noticed.
    fn send(&mut self, bytes: &[u8]) {
        if let Some(socket) = &self.socket {
            socket.send(bytes);
        }
    }

    fn send_subscribe(&mut self, topic: &str) {
        // Before that, `greet` will do it for all. A part of the page that is loaded late may come before the answer to it.
        if self.stage != Stage::New {
            let id = self.packet_id();
            self.send(&packet::subscribe(id, std::iter::once(topic)));
        }
    }

    fn unsubscribe(&mut self, topic: &str, listener: u64) {
        let Some(wanted) = self.topics.get_mut(topic) else { return };
        wanted.listeners.retain(|(id, _)| *id != listener);
        if wanted.listeners.is_empty() {
            self.topics.remove(topic);
            if self.stage != Stage::New {
                let id = self.packet_id();
                self.send(&packet::unsubscribe(id, topic));
            }
        }
    }
}

//! How far a broker is relied on, from one connection to the next. That it lets us in is no sign that it does anything else: it may hang
//! up at what it is sent, or nothing that is large may come through to it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::address::again;
use super::publisher::Ended;

/// A connection that was of use for so long is a good one. One over which only some of what is published comes through ends sooner:
/// everything that is retained is published at its beginning, and a broker that says nothing is left after 12 s.
const LASTING: Duration = Duration::from_secs(20);

/// What a connection was good for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Served {
    /// There was none, which says nothing of what the broker does when it is there.
    Unmade,
    /// The broker let us in and acknowledged nothing. Nothing may have been published yet; at the next connection all that is retained is,
    /// and the first answer to that is enough.
    Nothing,
    /// It acknowledged or told something, first so long before the end.
    For(Duration),
}

pub(super) struct Trust {
    /// Connections that could not be made, or did not last.
    failures: u32,
    /// Why they ended.
    told: BTreeSet<String>,
    /// It has to do something for us before it is there.
    doubted: bool,
}

impl Trust {
    pub(super) fn new(doubted: bool) -> Self {
        Self { failures: 0, told: BTreeSet::new(), doubted }
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) fn is_doubted(&self) -> bool {
        self.doubted
    }

    /// The broker does what it should.
    pub(super) fn restore(&mut self) {
        self.doubted = false;
    }

    /// A connection has ended. Whether that is to be told: each reason once for each time that the broker goes away, not for each
    /// try, for one that comes back may refuse the password.
    pub(super) fn ended(&mut self, ended: &Ended, served: Served) -> bool {
        if !self.doubted && matches!(served, Served::For(time) if time >= LASTING) {
            self.failures = 0;
            self.told.clear();
        }
        // A good connection that breaks is no reason: the broker is just being started again.
        self.doubted |= matches!(ended, Ended::Silent | Ended::Dropped) || matches!(served, Served::Nothing);
        self.told.insert(ended.to_string())
    }

    /// The wait before the next try.
    pub(super) fn pause(&mut self) -> Duration {
        let pause = again(self.failures);
        self.failures += 1;
        pause
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::{Bytes, BytesMut};
    use domain::topic::Topic;
    use rumqttc::{ConnectionError, Packet};
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;
    use tokio::sync::watch;
    use tokio_util::sync::CancellationToken;

    use super::super::polled::tests::packet;
    use super::super::{BrokerAddress, Link, Publisher};
    use super::*;

    #[test]
    fn a_broker_is_doubted_after_a_connection_that_was_of_no_use() {
        let broken = || Ended::Broken(ConnectionError::RequestsDone);
        let short = Served::For(Duration::from_secs(1));
        for (ended, served, doubted) in [
            (broken(), Served::Unmade, false),
            (broken(), short, false),
            (broken(), Served::For(LASTING), false),
            (broken(), Served::Nothing, true),
            (Ended::Silent, Served::Nothing, true),
            (Ended::Silent, Served::For(LASTING), true),
            (Ended::Dropped, short, true),
        ] {
            let mut trust = Trust::new(false);
            trust.ended(&ended, served);
            assert_eq!(trust.is_doubted(), doubted, "{ended:?} {served:?}");
        }
    }

    #[test]
    fn only_a_connection_that_lasts_begins_anew() {
        let broken = Ended::Broken(ConnectionError::RequestsDone);
        let mut trust = Trust::new(false);
        assert!(trust.ended(&broken, Served::For(LASTING)), "the first time");
        trust.pause();
        for n in 1..10 {
            // It may be of use for a moment, as where only what is large does not come through.
            let served = if n % 2 == 0 { Served::Nothing } else { Served::For(Duration::from_secs(13)) };
            assert!(!trust.ended(&broken, served), "it has been told");
            assert_eq!(trust.failures(), n, "it is asked less and less, and every node of a cluster in turn");
            trust.pause();
        }
        assert!(trust.ended(&Ended::Silent, Served::Nothing), "another reason");
        assert!(!trust.ended(&broken, Served::For(LASTING)), "it did not do all that it should");
        trust.restore();
        assert!(trust.ended(&broken, Served::For(LASTING)));
        assert_eq!(trust.failures(), 0);
    }

    #[tokio::test]
    async fn a_broker_that_only_lets_us_in_is_there_when_it_acknowledges() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = BrokerAddress::new("127.0.0.1", listener.local_addr().unwrap().port(), None);
        let (publisher, stop) = (Publisher::default(), CancellationToken::new());
        let (connected, mut link) = watch::channel(Link::default());
        let running = tokio::spawn(publisher.clone().run(address, connected, Arc::default(), stop.clone()));
        for made in 1..=4 {
            let (mut broker, _) = listener.accept().await.unwrap();
            let mut received = BytesMut::new();
            assert!(matches!(packet(&mut broker, &mut received).await, Packet::Connect(_)));
            broker.write_all(&[0x20, 2, 0, 0]).await.unwrap();
            let is_up = link.wait_for(|link| link.made == made).await.unwrap().up;
            // The first is relied on, and the one after a connection that was of use: the broker was just started again.
            assert_eq!(is_up, made == 1 || made == 4, "connection {made}");
            if made == 4 {
                stop.cancel();
                break;
            }
            publisher.put(Topic::Status("harbor".parse().unwrap()), Bytes::from("mine"));
            let Packet::Publish(publish) = packet(&mut broker, &mut received).await else { panic!("not a message") };
            assert_eq!(link.borrow().up, made == 1, "connection {made}");
            if made == 3 {
                broker.write_all(&[[0x40, 2], publish.pkid.to_be_bytes()].concat()).await.unwrap();
                assert!(link.wait_for(|link| link.up).await.is_ok());
            }
            // It hangs up.
        }
        running.await.unwrap();
    }
}

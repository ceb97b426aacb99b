//! Whether a broker passes on what it acknowledges. At MQTT 3.1.1 it cannot say that the user may not publish: it ends the connection,
//! or acknowledges and drops it, as Mosquitto does. So now and then what is published is listened to: it has to come back, that very
//! message, for another process may publish on the same topic.

use std::time::Duration;

use bytes::Bytes;
use domain::topic::Topic;
use rumqttc::{AsyncClient, Publish, QoS, SubAck, SubscribeReasonCode};
use tokio::time::Instant;

/// What is acknowledged comes back at once; what has not come for so long was dropped.
const PATIENCE: Duration = Duration::from_secs(5);
/// The right may be taken away while the connection stands.
const AGAIN: Duration = Duration::from_secs(20);

/// What is known of it over one connection.
#[derive(Default)]
pub(super) enum Echo {
    /// Nobody asks, or it cannot be known: our own gateway is not asked, and without the right to read nothing comes back.
    #[default]
    Unasked,
    /// The next message is listened to.
    Due,
    /// This one is.
    Awaited {
        topic: String,
        payload: Bytes,
        /// The broker has granted the topic.
        granted: bool,
        acknowledged: Option<Instant>,
    },
    /// It came then.
    Heard(Instant),
}

impl Echo {
    /// This is published next.
    pub(super) fn publishing(&mut self, client: &AsyncClient, topic: &Topic, payload: &Bytes, now: Instant) {
        let due = match self {
            Self::Due => true,
            Self::Heard(at) => now - *at >= AGAIN,
            Self::Unasked | Self::Awaited { .. } => false,
        };
        if !due {
            return;
        }
        let topic = topic.to_string();
        // At QoS 0, as the gateway does. Without room in the client the next message will do.
        if client.try_subscribe(&topic, QoS::AtMostOnce).is_ok() {
            *self = Self::Awaited { topic, payload: payload.clone(), granted: false, acknowledged: None };
        }
    }

    /// The only thing that is asked for is the topic.
    pub(super) fn answered(&mut self, ack: &SubAck) {
        if let Self::Awaited { granted, .. } = self {
            if matches!(ack.return_codes.first(), Some(SubscribeReasonCode::Success(_))) {
                *granted = true;
            } else {
                // The gateway says so, where it does not pass.
                *self = Self::Unasked;
            }
        }
    }

    /// The broker has taken this message.
    pub(super) fn acknowledged(&mut self, message: &Bytes, now: Instant) {
        if let Self::Awaited { payload, acknowledged, .. } = self
            && *payload == *message
        {
            acknowledged.get_or_insert(now);
        }
    }

    /// The broker tells this. Whether it is what was listened to.
    pub(super) fn told(&mut self, client: &AsyncClient, publish: &Publish, now: Instant) -> bool {
        let mut came = false;
        if let Self::Awaited { topic, payload, .. } = self
            && *topic == publish.topic
            && *payload == publish.payload
        {
            // Where there is no room for this, it goes on being told what it says itself.
            let _ = client.try_unsubscribe(topic.as_str());
            *self = Self::Heard(now);
            came = true;
        }
        came
    }

    /// Nothing speaks against it any more.
    pub(super) fn is_fine(&self) -> bool {
        matches!(self, Self::Unasked | Self::Heard(_))
    }

    /// It was acknowledged, and passed on to nobody.
    pub(super) fn is_missing(&self, now: Instant) -> bool {
        matches!(self, Self::Awaited { granted: true, acknowledged: Some(at), .. } if now - *at >= PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::BytesMut;
    use rumqttc::{EventLoop, MqttOptions, Packet};
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;
    use tokio::sync::watch;
    use tokio_util::sync::CancellationToken;

    use super::super::polled::tests::packet;
    use super::super::{BrokerAddress, Link, Publisher};
    use super::*;

    const NO: SubscribeReasonCode = SubscribeReasonCode::Failure;
    const YES: SubscribeReasonCode = SubscribeReasonCode::Success(QoS::AtMostOnce);

    fn client() -> (AsyncClient, EventLoop) {
        AsyncClient::new(MqttOptions::new("test", "127.0.0.1", 1), 10)
    }

    fn status(store: &str) -> Topic {
        Topic::Status(store.parse().unwrap())
    }

    fn told(topic: &Topic, payload: &'static str) -> Publish {
        Publish::new(topic.to_string(), QoS::AtMostOnce, payload)
    }

    #[test]
    fn what_is_acknowledged_has_to_come_back() {
        let ((client, _events), begun) = (client(), Instant::now());
        let seconds = |seconds| begun + Duration::from_secs(seconds);
        let (harbor, mine) = (status("harbor"), Bytes::from("mine"));
        let mut echo = Echo::Due;
        assert!(!echo.is_fine());
        echo.publishing(&client, &harbor, &mine, begun);
        echo.publishing(&client, &status("pier"), &Bytes::from("later"), begun);
        echo.answered(&SubAck::new(1, vec![YES]));
        echo.acknowledged(&Bytes::from("later"), begun);
        assert!(!echo.is_missing(seconds(60)), "it is not acknowledged");
        echo.acknowledged(&mine, seconds(60));
        // What another process says there proves nothing.
        echo.told(&client, &told(&harbor, "another's"), seconds(61));
        assert!(!echo.is_fine() && !echo.is_missing(seconds(64)));
        assert!(echo.is_missing(seconds(65)));
        echo.told(&client, &told(&harbor, "mine"), seconds(65));
        assert!(echo.is_fine() && !echo.is_missing(seconds(90)));

        // And again after a while.
        echo.publishing(&client, &harbor, &mine, seconds(70));
        assert!(echo.is_fine());
        echo.publishing(&client, &harbor, &mine, seconds(85));
        assert!(!echo.is_fine());
    }

    #[tokio::test]
    async fn a_broker_outside_is_there_when_it_passes_something_on() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: BrokerAddress = format!("mqtt://{}", listener.local_addr().unwrap()).parse().unwrap();
        let (publisher, stop) = (Publisher::default(), CancellationToken::new());
        let (connected, mut link) = watch::channel(Link::default());
        let running = tokio::spawn(publisher.clone().run(address, connected, Arc::default(), stop.clone()));
        let (mut broker, _) = listener.accept().await.unwrap();
        let mut received = BytesMut::new();
        assert!(matches!(packet(&mut broker, &mut received).await, Packet::Connect(_)));
        broker.write_all(&[0x20, 2, 0, 0]).await.unwrap();
        assert!(link.wait_for(|link| link.made == 1).await.is_ok());
        let harbor = status("harbor");
        publisher.put(harbor.clone(), Bytes::from("mine"));
        let Packet::Subscribe(asked) = packet(&mut broker, &mut received).await else { panic!("it does not listen") };
        assert_eq!(asked.filters.iter().map(|filter| filter.path.as_str()).collect::<Vec<_>>(), [harbor.to_string()]);
        let Packet::Publish(publish) = packet(&mut broker, &mut received).await else { panic!("not a message") };
        assert!(!link.borrow().up, "nobody knows whether it is told");
        let mut answer = BytesMut::new();
        SubAck::new(asked.pkid, vec![YES]).write(&mut answer).unwrap();
        rumqttc::PubAck::new(publish.pkid).write(&mut answer).unwrap();
        told(&harbor, "mine").write(&mut answer).unwrap();
        broker.write_all(&answer).await.unwrap();
        assert!(link.wait_for(|link| link.up).await.is_ok());
        assert!(matches!(packet(&mut broker, &mut received).await, Packet::Unsubscribe(_)), "once is enough");
        stop.cancel();
        running.await.unwrap();
    }

    #[test]
    fn who_may_not_listen_cannot_know() {
        let ((client, _events), now) = (client(), Instant::now());
        let (harbor, mine) = (status("harbor"), Bytes::from("mine"));
        let mut echo = Echo::Due;
        echo.publishing(&client, &harbor, &mine, now);
        echo.answered(&SubAck::new(1, vec![NO]));
        echo.acknowledged(&mine, now);
        assert!(echo.is_fine() && !echo.is_missing(now + Duration::from_mins(1)));

        // Our own gateway.
        let mut echo = Echo::default();
        echo.publishing(&client, &harbor, &mine, now);
        assert!(echo.is_fine());
    }
}

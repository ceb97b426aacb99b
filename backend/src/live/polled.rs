//! What a client of a broker does, one event after another.

use futures::stream::{self, BoxStream, StreamExt as _};
use rumqttc::{ConnectionError, Event, EventLoop};

/// What the client does, in order, without an end. Whoever waits for the next event may turn to something else and wait again:
/// [`EventLoop::poll`] goes on where it was. Dropped half-way it would lose the packet that it has taken up and cannot write yet,
/// and leave the one before it half sent.
pub fn polled(events: EventLoop) -> BoxStream<'static, Result<Event, ConnectionError>> {
    let next = |mut events: EventLoop| async move {
        let event = events.poll().await;
        Some((event, events))
    };
    stream::unfold(events, next).boxed()
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::Duration;

    use bytes::BytesMut;
    use rumqttc::mqttbytes::Error;
    use rumqttc::{AsyncClient, MqttOptions, NetworkOptions, Packet, QoS, SubscribeFilter};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpSocket, TcpStream};
    use uuid::Uuid;

    use super::*;

    /// What the sockets have room for, about.
    const ROOM: u32 = 32 << 10;
    /// Of 10 KB each: far more than there is room for.
    const PACKETS: u128 = 60;
    const FILTERS: u128 = 200;

    /// The next packet that comes to a broker of ours.
    pub async fn packet(broker: &mut TcpStream, received: &mut BytesMut) -> Packet {
        loop {
            match Packet::read(received, 8 << 20) {
                Ok(packet) => return packet,
                Err(Error::InsufficientBytes(_)) => assert_ne!(broker.read_buf(received).await.unwrap(), 0, "the connection ended"),
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_loses_no_packet() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(ROOM).unwrap();
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let listener = socket.listen(1).unwrap();
        let mut options = MqttOptions::new("test", "127.0.0.1", listener.local_addr().unwrap().port());
        options.set_max_packet_size(1 << 20, 1 << 20);
        let mut network = NetworkOptions::new();
        network.set_tcp_send_buffer_size(ROOM);
        let (client, mut events) = AsyncClient::new(options, PACKETS as usize);
        events.set_network_options(network);
        let mut events = polled(events);
        let mut received = BytesMut::new();
        let accept = async {
            let (mut broker, _) = listener.accept().await.unwrap();
            assert!(matches!(packet(&mut broker, &mut received).await, Packet::Connect(_)));
            broker.write_all(&[0x20, 2, 0, 0]).await.unwrap();
            broker
        };
        let (mut broker, connected) = tokio::join!(accept, events.next());
        assert!(matches!(connected, Some(Ok(Event::Incoming(Packet::ConnAck(_))))), "{connected:?}");

        for n in 0..PACKETS {
            let orders = (0..FILTERS).map(|m| format!("v1/orders/{}", Uuid::from_u128(n * FILTERS + m)));
            client.try_subscribe_many(orders.map(|order| SubscribeFilter::new(order, QoS::AtMostOnce))).unwrap();
        }
        // The broker reads nothing, and whoever waits turns to something else again and again.
        for _ in 0..1000 {
            tokio::select! {
                biased;
                event = events.next() => assert!(matches!(event, Some(Ok(_))), "{event:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
        let all = async {
            for _ in 0..PACKETS {
                let next = packet(&mut broker, &mut received).await;
                assert!(matches!(&next, Packet::Subscribe(asked) if asked.filters.len() == FILTERS as usize), "{next:?}");
            }
        };
        let go_on = async { while let Some(Ok(_)) = events.next().await {} };
        tokio::select! {
            () = all => {}
            () = go_on => panic!("the connection ended"),
            () = tokio::time::sleep(Duration::from_secs(30)) => panic!("some never came"),
        }
    }
}

"""paho-mqtt as anybody uses it: python3 interop.py TRANSPORT HOST PORT TOKEN VERSION

TRANSPORT is tcp or websockets, VERSION 4 (MQTT 3.1.1) or 5 (MQTT 5.0). Prints every message that it hears as a line of
JSON; ends with 1 where something is not as it should be.
"""

import json
import queue
import sys

import paho.mqtt.client as mqtt

TRANSPORT, HOST, PORT, TOKEN, VERSION = sys.argv[1:]
FIVE = VERSION == "5"
STATUS = "v1/stores/harbor/status"
QUEUE = "v1/stores/harbor/queue"
SOON = 10


class Client:
    """A client whose callbacks can be waited for."""

    def __init__(self, password=None):
        protocol = mqtt.MQTTv5 if FIVE else mqtt.MQTTv311
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=protocol, transport=TRANSPORT, reconnect_on_failure=False)
        if TRANSPORT == "websockets":
            self.client.ws_set_options(path="/mqtt")
        if password is not None:
            self.client.username_pw_set("token", password)
        self.happened = queue.Queue()
        put = self.happened.put
        self.client.on_connect = lambda _c, _u, _f, reason, _p: put(("connect", reason.value))
        self.client.on_subscribe = lambda _c, _u, _m, reasons, _p: put(("subscribe", [reason.value for reason in reasons]))
        self.client.on_unsubscribe = lambda _c, _u, _m, _r, _p: put(("unsubscribe", None))
        self.client.on_publish = lambda _c, _u, _m, reason, _p: put(("publish", reason.value))
        self.client.on_disconnect = lambda _c, _u, _f, reason, _p: put(("disconnect", reason.value))
        self.client.on_message = lambda _c, _u, message: put(("message", message))
        self.client.connect(HOST, int(PORT), keepalive=20)
        self.client.loop_start()

    def next(self, wanted):
        """What the next thing of this kind said."""
        while True:
            kind, said = self.happened.get(timeout=SOON)
            if kind == "message":
                print(said.payload.decode())
            if kind == wanted:
                return said

    def subscribe(self, topic, qos):
        self.client.subscribe(topic, qos)
        return self.next("subscribe")

    def end(self):
        self.client.disconnect()
        self.client.loop_stop()


def check(condition, what):
    if not condition:
        sys.exit(f"{TRANSPORT} {VERSION}: {what}")


nobody = Client()
check(nobody.next("connect") == 0, "nobody may connect")
check(nobody.subscribe(STATUS, 1) == [1], "anyone may hear the status")
message = nobody.next("message")
check(message.retain and message.topic == STATUS and message.qos == 1, f"the newest comes at once, flagged: {message}")
check(json.loads(message.payload)["type"] == "live.store_status.v1", "it is a CloudEvent")
check(nobody.subscribe(QUEUE, 0) == [0x87 if FIVE else 0x80], "the queue is not for nobody")
nobody.client.unsubscribe(STATUS)
nobody.next("unsubscribe")

bar = Client(TOKEN)
check(bar.next("connect") == 0, "a token lets in")
check(bar.subscribe(QUEUE, 0) == [0], "the queue is for the bar")
check(json.loads(bar.next("message").payload)["data"]["store"] == "harbor", "the queue comes")
bar.client.publish(QUEUE, "{}", qos=1)
if FIVE:
    check(bar.next("publish") == 0x87, "publishing is refused")
else:
    check(bar.next("disconnect") != 0, "publishing ends the connection")

wrong = Client("wrong")
check(wrong.next("connect") != 0, "a wrong token does not let in")
for client in (nobody, bar, wrong):
    client.end()

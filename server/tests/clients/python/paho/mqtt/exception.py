class MQTTException(Exception):
    pass


class MalformedPacket(MQTTException):
    pass

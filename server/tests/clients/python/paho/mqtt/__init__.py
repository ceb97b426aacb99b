__version__ = "2.2.0"

# Re-export MQTTException for compatibility with old code
from .exception import MQTTException as MQTTException

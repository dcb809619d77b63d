"""The broker as the C ABI has it: poll, drain a batch of events, emit a batch. It must not run a handler or a thread.

For those who want the speed and keep a loop of their own, such as games. JSON stays text here: decode what you need.

A :class:`Broker` belongs to one thread at a time. A :class:`Remote` is for all others. A :class:`Router` is rooms without a network.
"""

from .._native import Gone, RoomcastError
from . import constants
from .answers import Handshake, Times
from .broker import Broker
from .constants import *
from .events import UNKNOWN_NODES, Batch, Event, Record, reason_text
from .given import DROP_OLDEST, LATEST, RELIABLE, VOLATILE
from .orders import Argument, Packed, message, order, pack, target
from .remote import Remote
from .router import Router
from .texts import json_escape, json_unescape, status_text, version

__all__ = ["Argument", "Batch", "Broker", "Event", "Gone", "Handshake", "Packed", "Record", "Remote", "RoomcastError", "Router",
           "Times", "DROP_OLDEST", "LATEST", "RELIABLE", "UNKNOWN_NODES", "VOLATILE", "json_escape", "json_unescape", "message",
           "order", "pack", "reason_text", "status_text", "target", "version"]
__all__ += constants.__all__

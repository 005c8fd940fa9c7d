"""Views, as somebody would keep them who has the specification only: rules ST2 and ST4."""

import zlib

import msgpack

from parlor_patches import Refused, patched


class Views:
    """What a client has of the views of its rooms, on one connection."""

    def __init__(self):
        # By handle. A view that is asked for is not among them: no patch is for what the client has of it.
        self.states = {}
        self._names = {}
        self._asked = set()

    def take(self, frame):
        """Takes a `room_state` or a `room_patch`; gives the `state_request` that is to be sent, if there is one."""
        handle = frame["handle"]
        if frame["type"] == "room_state":
            self._names[handle] = {"room": frame["room"], "view": frame["view"]}
        elif handle not in self.states:
            return None
        try:
            state = frame["state"] if frame["type"] == "room_state" else patched(self.states[handle], frame["patch"])
        except Refused:
            return self._ask(handle)
        if state_hash(state) != frame["hash"]:
            return self._ask(handle)
        self._asked.discard(handle)
        self.states[handle] = state
        return None

    def _ask(self, handle):
        self.states.pop(handle, None)
        if handle in self._asked:
            return None
        self._asked.add(handle)
        return {"type": "state_request", **self._names[handle]}


def state_hash(state):
    """The CRC-32 of a state in MessagePack, with the keys of every map in the order of their bytes (ST4)."""
    return zlib.crc32(msgpack.packb(_sorted(state)))


def _sorted(value):
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=str.encode)}
    return value

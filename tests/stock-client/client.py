"""A client of a Parlor server: one WebSocket, one subprotocol, frames as dicts."""

import contextlib
import time

from websockets.sync.client import connect

# How long the server may take to answer, in seconds.
ANSWER_SECONDS_MAX = 10


@contextlib.contextmanager
def connected(url, codec, name=None):
    """A client that has its `welcome`, until the end of the block."""
    address = url.replace("http", "ws", 1) + "/ws"
    with connect(address, subprotocols=[codec.name], open_timeout=ANSWER_SECONDS_MAX) as socket:
        client = Client(socket, codec)
        client.welcome = client.next("welcome")
        if name is not None:
            client.send({"type": "auth", "name": name})
            client.welcome = client.next("welcome")
        yield client


class Client:
    """One end of a WebSocket that speaks Parlor's protocol."""

    def __init__(self, socket, codec):
        self.socket = socket
        self.codec = codec
        self.welcome = None
        self._last_id = 0
        self._waiting = []

    def send(self, frame):
        """Sends a frame."""
        self.send_raw(self.codec.encode(frame))

    def send_raw(self, message):
        """Sends a message as it is: text is a text message, bytes a binary one."""
        self.socket.send(message)

    def next(self, *kinds, where=lambda frame: True):
        """The next frame of one of these kinds. Frames of others that come before it are kept for later calls."""
        wanted = " or ".join(kinds)
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        for index, frame in enumerate(self._waiting):
            if frame["type"] in kinds and where(frame):
                return self._waiting.pop(index)
        while True:
            try:
                message = self.socket.recv(timeout=max(0, deadline - time.monotonic()))
            except TimeoutError:
                kept = [frame["type"] for frame in self._waiting]
                raise AssertionError(f"no {wanted} within {ANSWER_SECONDS_MAX} s; kept: {kept}") from None
            frame = self.codec.decode(message)
            if frame["type"] in kinds and where(frame):
                return frame
            assert frame["type"] != "error", f"{frame} instead of {wanted}"
            self._waiting.append(frame)

    def request(self, frame, answer):
        """Sends a frame with an id of its own and waits for the answer with that id."""
        self._last_id += 1
        request_id = self._last_id
        self.send({**frame, "id": request_id})
        return self.next(answer, where=lambda frame: frame.get("id") == request_id)

    def join(self, room, plugin, **more):
        """Joins a room."""
        return self.request({"type": "join_room", "room": room, "plugin": plugin, **more}, "room_joined")

    def say(self, room, data):
        """Sends an input, and waits until the room has applied it."""
        return self.request({"type": "room_message", "room": room, "data": data}, "reply")

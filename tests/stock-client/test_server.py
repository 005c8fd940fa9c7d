"""A real server, seen by a client that shares no code with it."""

import contextlib
import json
import socket

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from client import ANSWER_SECONDS_MAX, connected
from parlor_codecs import CODECS, PROTO, same
from parlor_views import Views

# One of each kind, and the ends of each range.
VALUES = [
    None,
    True,
    False,
    0,
    -1,
    2**53 - 1,
    2**53 + 1,
    -(2**63),
    2**64 - 1,
    0.5,
    -1.25e-300,
    1e300,
    "",
    "grüße, 世界 🎲 \u0000 \"quoted\"",
    b"",
    b"\x00\xff\x80bytes",
    [],
    [1, [2, [None, "three"]]],
    {},
    {"a": 1, "b": {"c": [True, b"x"]}},
    {"$bytes": "not bytes"},
    {"$int": 5, "more": 1},
    {"$$": None},
]


def test_op1_welcome_comes_unasked_and_names_session_and_protocol(url, codec):
    with connected(url, codec) as client:
        assert client.socket.subprotocol == codec.name
        assert client.welcome["protocol"] == codec.name
        assert client.welcome["session"] and client.welcome["resume_token"]
        assert client.welcome["limits"]["message_bytes_max"] == 2**20


def test_hs2_the_first_of_the_clients_offers_is_taken(url, codec):
    others = [other.name for other in CODECS if other is not codec]
    with connect(url.replace("http", "ws", 1) + "/ws", subprotocols=[codec.name, *others]) as socket:
        assert socket.subprotocol == codec.name


def test_hs3_an_offer_without_a_common_subprotocol_is_closed_with_1002(url):
    with connect(url.replace("http", "ws", 1) + "/ws", subprotocols=["v9.morse"]) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=ANSWER_SECONDS_MAX)
    assert closed.value.rcvd.code == 1002
    for codec in CODECS:
        assert codec.name in closed.value.rcvd.reason


def test_jn8_a_join_is_answered_with_room_and_members(url, codec, room):
    with connected(url, codec, name="Ann") as client:
        joined = client.join(room, "echo")
        assert joined["room"] == room and joined["plugin"] == "echo"
        assert joined["you"]["name"] == "Ann" and joined["you"]["seat"] == "player"
        assert [member["id"] for member in joined["members"]] == [joined["you"]["id"]]
        assert len(joined["digest"]) == 64


def test_vl1_every_kind_of_value_is_echoed_unchanged(url, codec, room):
    with connected(url, codec) as client:
        client.join(room, "echo")
        for value in VALUES:
            client.send({"type": "room_message", "room": room, "data": {"type": "echo", "data": value}})
            echoed = client.next("room_message")["data"]
            assert same(echoed, {"type": "echo_reply", "data": value}), value


def test_ms2_an_input_with_an_id_is_answered(url, codec, room):
    with connected(url, codec) as client:
        client.join(room, "echo")
        reply = client.say(room, {"type": "echo", "data": 1})
        assert reply["room"] == room


def test_en1_three_encodings_meet_in_one_room(url, room):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connected(url, codec, name=codec.name)) for codec in CODECS]
        for client in clients:
            client.join(room, "broadcast")
        for sender in clients:
            for value in VALUES:
                sender.send({"type": "room_message", "room": room, "data": {"value": value}})
                heard = [client.next("room_message") for client in clients if client is not sender]
                for frame in heard:
                    assert same(frame["data"], {"value": value}), (sender.codec.name, value)
                # Not the data only: it is the same frame for all, with one sequence number.
                assert same(heard[0], heard[1]), sender.codec.name


def test_st2_patches_lead_from_one_state_to_the_next(url, codec, room):
    with connected(url, codec) as client:
        client.join(room, "grid")
        client.say(room, {"type": "bots", "count": 3})
        client.say(room, {"type": "start"})
        views, patch_count = Views(), 0
        while patch_count < 10:
            frame = client.next("room_state", "room_patch")
            assert views.take(frame) is None, frame
            patch_count += frame["type"] == "room_patch"
        # ST5: the whole comes in its place among the patches.
        client.send({"type": "state_request", "room": room, "view": "board"})
        while frame["type"] != "room_state":
            frame = client.next("room_state", "room_patch")
            assert views.take(frame) is None, frame
        assert views.take(client.next("room_patch")) is None


def test_jn14_members_see_each_other_across_encodings(url, room):
    with connected(url, CODECS[0], name="Ann") as ann, connected(url, CODECS[1], name="Bob") as bob:
        ann.join(room, "echo")
        bob_joined = bob.join(room, "echo")
        assert [member["name"] for member in bob_joined["members"]] == ["Ann", "Bob"]
        assert ann.next("user_joined")["member"]["name"] == "Bob"
        with connected(url, CODECS[2], name="Eve") as eve:
            eve.join(room, "echo")
            eve.request({"type": "leave_room", "room": room}, "room_left")
        for client in (ann, bob):
            assert client.next("user_left")["member"]["name"] == "Eve"


def test_jn12_public_rooms_are_listed(url, codec, room):
    with connected(url, codec) as client:
        client.join(room, "echo")
        client.join(f"{room}-hidden", "echo", visibility="unlisted")
        listed = client.request({"type": "list_rooms", "plugin": "echo"}, "reply")["data"]["rooms"]
        names = [entry["room"] for entry in listed]
        assert room in names and f"{room}-hidden" not in names
        (entry,) = [entry for entry in listed if entry["room"] == room]
        assert (entry["plugin"], entry["players"], entry["spectators"]) == ("echo", 1, 0)


def test_hb3_a_ping_is_answered_with_its_timestamp(url, codec):
    with connected(url, codec) as client:
        client.send({"type": "ping", "timestamp": 12345})
        assert client.next("pong")["timestamp"] == 12345


def refused_frames():
    """The vectors that a server must refuse, each with the codec it is for."""
    codecs = dict(zip(("json", "msgpack", "proto"), CODECS, strict=True))
    for vector in json.loads((PROTO / "vectors/refused-frames.json").read_text("utf-8")):
        if vector["direction"] == "client":
            codec = codecs[vector["encoding"]]
            yield pytest.param(codec, vector, id=f"{codec.name}-{vector['name']}")


@pytest.mark.parametrize(("codec", "vector"), list(refused_frames()))
def test_er1_a_bad_frame_is_answered_with_its_code_and_is_not_fatal(url, codec, vector):
    message = vector["input"] if vector["encoding"] == "json" else bytes.fromhex(vector["input"])
    with connected(url, codec) as client:
        client.send_raw(message)
        error = client.next("error")
        assert error["code"] == vector["code"] and error["message"]
        client.send({"type": "ping", "timestamp": 1})
        assert client.next("pong")["timestamp"] == 1


def test_jn11_a_message_to_a_room_not_joined_is_refused(url, codec, room):
    with connected(url, codec) as client:
        client.send({"type": "room_message", "room": room, "data": None, "id": 7})
        error = client.next("error")
        assert error["id"] == 7 and error["room"] == room
        assert error["code"] == "NOT_IN_ROOM"


def test_hs5_the_wrong_kind_of_message_closes_with_1003(url, codec):
    with connected(url, codec) as client:
        client.send_raw(b"{}" if codec.name == "v1.json" else "{}")
        with pytest.raises(ConnectionClosed) as closed:
            client.next("error")
        assert closed.value.rcvd.code == 1003


def test_rs2_a_session_is_taken_up_in_another_encoding_and_misses_nothing(url, codec, room):
    others = [other for other in CODECS if other is not codec]
    with connected(url, codec, name="Ann") as ann, connected(url, others[0], name="Bob") as bob:
        joined = ann.join(room, "broadcast")
        bob.join(room, "broadcast")
        place = ann.next("user_joined")
        ann.socket.socket.shutdown(socket.SHUT_RDWR)
        away = bob.next("user_changed")
        assert away["reason"] == "away" and away["member"]["away"]
        bob.say(room, {"said": "meanwhile"})

        with connected(url, others[1]) as back:
            position = {"room": room, "epoch": place["epoch"], "seq": place["seq"]}
            token = ann.welcome["resume_token"]
            back.send(
                {"type": "resume", "session": ann.welcome["session"], "resume_token": token, "rooms": [position]}
            )
            resumed = back.next("resumed")
            assert resumed["session"] == ann.welcome["session"] and resumed["resume_token"] != token
            assert [entry["room"] for entry in resumed["rooms"]] == [room]
            assert same(back.next("room_message")["data"], {"said": "meanwhile"})
            there = bob.next("user_changed")
            assert there["reason"] == "back" and there["member"]["id"] == joined["you"]["id"]
            assert not there["member"].get("away", False)

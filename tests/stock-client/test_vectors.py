"""The golden vectors of the protocol, read with stock libraries: the three encodings mean the same.

No server is needed here. What must be refused is tried against a real one, in test_server.py.
"""

import json

import pytest
from google.protobuf.message import DecodeError

from parlor_codecs import (
    CODECS,
    PROTO,
    Json,
    is_uint_list,
    messages,
    same,
    value_from_json,
    value_from_msgpack,
    value_from_proto,
)
from parlor_patches import Refused, patched
from parlor_views import Views, state_hash


def vectors(file):
    """The vectors of a file, each a test of its own."""
    entries = json.loads((PROTO / "vectors" / file).read_text("utf-8"))
    assert entries, f"{file} is empty"
    return [pytest.param(entry, id=entry["name"]) for entry in entries]


def inputs(vector, encoding):
    """What is to be read as the vector: the canonical form first, then the others."""
    texts = [vector[encoding], *vector.get("also", {}).get(encoding, [])]
    return texts if encoding == "json" else [bytes.fromhex(text) for text in texts]


READERS = {"json": value_from_json, "msgpack": value_from_msgpack, "proto": value_from_proto}
CODEC_OF = dict(zip(READERS, CODECS, strict=True))

# EN5: so many messages within each other a stock protobuf library reads; Python's cannot be told otherwise.
PROTO_DEPTH_MAX = 100


def proto_depth(value):
    """How many protobuf messages lie within each other in a payload: a list is two to a level, a map three."""
    if isinstance(value, list) and is_uint_list(value):
        return 2
    if isinstance(value, list):
        return 2 + max(map(proto_depth, value), default=0)
    if isinstance(value, dict):
        return 3 + max(map(proto_depth, value.values()), default=0)
    return 1


def is_readable(encoding, value):
    """Whether the stock libraries read this value. What they do not, they refuse: the tests make sure of that."""
    return encoding != "proto" or proto_depth(value) <= PROTO_DEPTH_MAX


@pytest.mark.parametrize("vector", vectors("values.json"))
def test_vl1_a_value_is_the_same_in_every_encoding(vector):
    expected = value_from_json(vector["json"])
    assert state_hash(expected) == vector["hash"]
    for encoding, read in READERS.items():
        for text in inputs(vector, encoding):
            if is_readable(encoding, expected):
                assert same(read(text), expected), (encoding, text)
            else:
                with pytest.raises(DecodeError):
                    read(text)


@pytest.mark.parametrize("vector", vectors("patches.json"))
def test_pt1_a_patch_leads_to_the_same_state_from_every_encoding(vector):
    for encoding, read in READERS.items():
        state = value_from_json(vector["state"])
        patch = read(*inputs(vector, encoding))
        assert same(patched(state, patch), value_from_json(vector["result"])), encoding
        assert same(state, value_from_json(vector["state"])), "it stays as it is"


@pytest.mark.parametrize("vector", vectors("refused-patches.json"))
def test_pt8_a_patch_that_is_none_is_refused_with_its_code(vector):
    for encoding, read in READERS.items():
        with pytest.raises(Refused) as refused:
            patched(value_from_json(vector["state"]), read(*inputs(vector, encoding)))
        assert refused.value.code == vector["code"], encoding


@pytest.mark.parametrize("vector", vectors("histories.json"))
def test_st4_a_history_leads_where_it_should(vector):
    encoding, views, asked = vector["encoding"], Views(), False
    for step in vector["frames"]:
        message = step["frame"] if encoding == "json" else bytes.fromhex(step["frame"])
        frame = CODEC_OF[encoding].decode(message)
        request = views.take(frame)
        if step["state"] is None:
            assert frame["handle"] not in views.states
            assert request == (None if asked else {"type": "state_request", "room": "room", "view": "view"})
            asked = True
        else:
            assert request is None
            assert same(views.states[frame["handle"]], value_from_json(step["state"]))
            asked = False


def as_meant(frame, from_client):
    """EN3, ER4: null for an optional field is no field, a missing list is empty, unknown fields are ignored."""
    message = messages().ClientFrame if from_client else messages().ServerFrame
    body = message.DESCRIPTOR.fields_by_name[frame["type"]].message_type
    meant = {"type": frame["type"]}
    for field in body.fields:
        value = frame.get(field.name, [] if field.is_repeated else None)
        if value is not None:
            meant[field.name] = value
    return meant


@pytest.mark.parametrize("vector", vectors("frames.json"))
def test_en1_a_frame_is_the_same_in_every_encoding(vector):
    from_client = vector["direction"] == "client"
    expected = Json().decode(vector["json"], from_client)
    for encoding, codec in CODEC_OF.items():
        canonical, *others = inputs(vector, encoding)
        if not is_readable(encoding, expected):
            with pytest.raises(DecodeError):
                codec.decode(canonical, from_client)
            continue
        assert same(codec.decode(canonical, from_client), expected), encoding
        for text in others:
            decoded = codec.decode(text, from_client)
            assert same(as_meant(decoded, from_client), as_meant(expected, from_client)), (encoding, text)
        # What this client writes is read as the same, too.
        assert same(codec.decode(codec.encode(expected, from_client), from_client), expected), encoding


def test_every_frame_has_a_vector():
    seen = set()
    for (vector,) in (param.values for param in vectors("frames.json")):
        from_client = vector["direction"] == "client"
        seen.add((vector["direction"], Json().decode(vector["json"], from_client)["type"]))
    for direction, frame in (("client", messages().ClientFrame), ("server", messages().ServerFrame)):
        kinds = {field.name for field in frame.DESCRIPTOR.oneofs_by_name["frame"].fields}
        assert kinds == {kind for from_whom, kind in seen if from_whom == direction}

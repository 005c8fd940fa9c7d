"""The three encodings, as somebody would write them who has the specification and stock libraries only.

Each codec turns a frame, a dict with its `type`, into a message and back. Payloads inside frames are plain Python
values: None, bool, int, float, str, bytes, list and dict.
"""

import base64
import functools
import json
import math
import pathlib
import sys
import tempfile

import msgpack
from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"

# Integers up to here are exact in a JSON number for every reader.
JSON_INT_MAX = 2**53 - 1


class Json:
    """`v1.json`: JSON text, with bytes and large integers as one-key maps."""

    name = "v1.json"

    def encode(self, frame, from_client=True):
        return json.dumps(_to_json(_listed(frame)), ensure_ascii=False, allow_nan=False)

    def decode(self, message, from_client=False):
        assert isinstance(message, str), "v1.json messages are text"
        return _named(value_from_json(message))


class Binary:
    """`v1.binary`: MessagePack with the same field names."""

    name = "v1.binary"

    def encode(self, frame, from_client=True):
        return msgpack.packb(_listed(frame))

    def decode(self, message, from_client=False):
        assert isinstance(message, bytes), "v1.binary messages are binary"
        return _named(value_from_msgpack(message))


class Proto:
    """`v2.proto`: the messages of `parlor.proto`."""

    name = "v2.proto"

    def encode(self, frame, from_client=True):
        message = self._new(from_client)
        kind = frame["type"]
        body = getattr(message, kind)
        body.SetInParent()
        _fill(body, {name: value for name, value in frame.items() if name != "type"})
        return message.SerializeToString()

    def decode(self, message, from_client=False):
        assert isinstance(message, bytes), "v2.proto messages are binary"
        parsed = self._new(from_client)
        parsed.ParseFromString(message)
        kind = parsed.WhichOneof("frame")
        return {"type": kind, **_to_dict(getattr(parsed, kind))}

    @staticmethod
    def _new(from_client):
        module = messages()
        return module.ClientFrame() if from_client else module.ServerFrame()


CODECS = [Json(), Binary(), Proto()]


@functools.cache
def messages():
    """The classes that protoc makes of `parlor.proto`."""
    folder = tempfile.mkdtemp(prefix="parlor-proto-")
    status = protoc.main(["protoc", f"--proto_path={PROTO}", f"--python_out={folder}", "parlor.proto"])
    assert status == 0, "protoc refuses parlor.proto"
    sys.path.insert(0, folder)
    import parlor_pb2

    return parlor_pb2


def _patch_fields():
    """The fields of the one frame that is a list, in their order (EN2)."""
    return [field.name for field in messages().ServerFrame.RoomPatch.DESCRIPTOR.fields]


def _listed(frame):
    if frame["type"] != "room_patch":
        return frame
    return [frame[name] for name in _patch_fields()]


def _named(frame):
    if not isinstance(frame, list):
        return frame
    fields = _patch_fields()
    assert len(frame) >= len(fields), f"a list of {len(frame)} is no room_patch"
    # What is behind the fields is for clients of later versions.
    return {"type": "room_patch", **dict(zip(fields, frame, strict=False))}


def value_from_json(text):
    """Reads a payload, or a whole frame, from JSON."""
    return _from_json(json.loads(text))


def value_from_msgpack(message):
    """Reads a payload, or a whole frame, from MessagePack."""
    return _integral(msgpack.unpackb(message))


def value_from_proto(message):
    """Reads a payload from the bytes of a `parlor.v2.Value`."""
    return _from_value(messages().Value.FromString(message))


def _integral(value):
    """A float without a fraction is the integer, as long as floats tell neighbouring integers apart."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        return int(value)
    if isinstance(value, list):
        return [_integral(item) for item in value]
    if isinstance(value, dict):
        return {key: _integral(item) for key, item in value.items()}
    return value


def _to_json(value):
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > JSON_INT_MAX:
        return {"$int": str(value)}
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    if isinstance(value, dict):
        plain = {key: _to_json(item) for key, item in value.items()}
        if len(plain) == 1 and next(iter(plain)).startswith("$"):
            return {f"${key}": item for key, item in plain.items()}
        return plain
    return value


def _from_json(value):
    if isinstance(value, list):
        return [_from_json(item) for item in value]
    if not isinstance(value, dict):
        return _integral(value)
    if len(value) == 1:
        ((key, item),) = value.items()
        if key == "$bytes":
            return base64.b64decode(item, validate=True)
        if key == "$int":
            return int(item)
        if key.startswith("$$"):
            return {key[1:]: _from_json(item)}
    return {key: _from_json(item) for key, item in value.items()}


def same(left, right):
    """Equality in the value model: kinds differ (True is not 1), maps compare without order."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    return type(left) is type(right) and left == right


def _fill(message, fields):
    """Sets the fields of a protobuf message from a dict."""
    for name, value in fields.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.message_type is None:
            setattr(message, name, value)
        elif field.is_repeated:
            for item in value:
                _fill(getattr(message, name).add(), item)
        else:
            body = getattr(message, name)
            body.SetInParent()
            if field.message_type.name == "Value":
                _fill_value(body, value)
            else:
                _fill(body, value)


def _to_dict(message):
    """The fields of a protobuf message that are there."""
    fields = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.is_repeated:
            fields[field.name] = [_to_dict(item) for item in value]
        elif field.has_presence and not message.HasField(field.name):
            continue
        elif field.message_type is None:
            fields[field.name] = value
        else:
            fields[field.name] = _from_value(value) if field.message_type.name == "Value" else _to_dict(value)
    return fields


def is_uint_list(value):
    """Whether protobuf has a shorter form for this list (VL7)."""
    return bool(value) and all(type(item) is int and item >= 0 for item in value)


def _fill_value(message, value):
    """Writes a payload into a `parlor.v2.Value`."""
    if value is None:
        message.null_value = True
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, int) and value >= 2**63:
        message.uint_value = value
    elif isinstance(value, int):
        message.int_value = value
    elif isinstance(value, float):
        message.float_value = value
    elif isinstance(value, str):
        message.text_value = value
    elif isinstance(value, bytes):
        message.bytes_value = value
    elif isinstance(value, list) and is_uint_list(value):
        message.uint_list_value.items.extend(value)
    elif isinstance(value, list):
        message.list_value.SetInParent()
        for item in value:
            _fill_value(message.list_value.items.add(), item)
    else:
        message.map_value.SetInParent()
        for key, item in value.items():
            _fill_value(message.map_value.entries.add(key=key).value, item)


def _from_value(message):
    """Reads a `parlor.v2.Value`."""
    kind = message.WhichOneof("kind")
    assert kind is not None, "a Value of no kind"
    if kind == "null_value":
        return None
    if kind == "list_value":
        return [_from_value(item) for item in message.list_value.items]
    if kind == "uint_list_value":
        return list(message.uint_list_value.items)
    if kind == "map_value":
        return {entry.key: _from_value(entry.value) for entry in message.map_value.entries}
    return _integral(getattr(message, kind))

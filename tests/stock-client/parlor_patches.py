"""Patches, as somebody would apply them who has the specification only: rules PT1 to PT8."""


class Refused(Exception):
    """The patch is none, or not for this state; the code says which."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


def patched(state, patch):
    """What a patch makes of a state, which stays as it is."""
    if not isinstance(patch, list) or len(patch) % 2:
        raise Refused("INVALID_PATCH")
    pairs = zip(patch[::2], patch[1::2], strict=True)
    if isinstance(state, dict):
        return _in_map(state, pairs)
    if isinstance(state, list):
        return _in_list(state, pairs)
    raise Refused("PATCH_MISMATCH")


def _in_map(state, pairs):
    keys = sorted(state, key=_bytes)
    after = dict(state)
    last = None
    for place, change in pairs:
        key = place if isinstance(place, str) else _item(keys, _number(place))
        if last is not None and _bytes(last) >= _bytes(key):
            raise Refused("PATCH_MISMATCH")
        last = key
        kind, content = _read(change, in_list=False)
        if kind == "whole":
            after[key] = content
        elif key not in state:
            raise Refused("PATCH_MISMATCH")
        elif kind == "inside":
            after[key] = patched(state[key], content)
        else:
            del after[key]
    return after


def _in_list(state, pairs):
    after, done = [], 0
    for place, change in pairs:
        place = _number(place)
        if not done <= place <= len(state):
            raise Refused("PATCH_MISMATCH")
        after += state[done:place]
        kind, content = _read(change, in_list=True)
        removed, inserted = content if kind == "splice" else (1, [])
        if place + removed > len(state):
            raise Refused("PATCH_MISMATCH")
        if kind == "whole":
            inserted = [content]
        elif kind == "inside":
            inserted = [patched(state[place], content)]
        after += inserted
        done = place + removed
    return after + state[done:]


def _read(change, in_list):
    """A change as what it is: `whole`, `inside` or `splice`, and what belongs to that."""
    if isinstance(change, list):
        return "inside", change
    if not isinstance(change, dict):
        return "whole", change
    if change.keys() == {"="}:
        return "whole", change["="]
    if not change:
        return "splice", (1, [])
    if not in_list or change.keys() - {"-", "+"} or not isinstance(change.get("+", []), list):
        raise Refused("INVALID_PATCH")
    return "splice", (_number(change.get("-", 0)), change.get("+", []))


def _number(value):
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused("INVALID_PATCH")
    if value < 0:
        raise Refused("PATCH_MISMATCH")
    return value


def _item(keys, place):
    if place >= len(keys):
        raise Refused("PATCH_MISMATCH")
    return keys[place]


def _bytes(key):
    return key.encode("utf-8")

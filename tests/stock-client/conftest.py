"""What the tests share: the server's address, and a codec for each test that runs in every encoding."""

import os
import uuid

import pytest

from parlor_codecs import CODECS


@pytest.fixture(scope="session")
def url():
    """The address of a running server, such as http://127.0.0.1:8080."""
    return os.environ["PARLOR_URL"]


@pytest.fixture(params=CODECS, ids=lambda codec: codec.name)
def codec(request):
    """Each of the three codecs in turn."""
    return request.param


@pytest.fixture
def room():
    """A room name that no other test uses."""
    return f"stock-{uuid.uuid4().hex[:12]}"

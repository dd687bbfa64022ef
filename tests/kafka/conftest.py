"""The broker of the Kafka tests: started once a session, on free ports, with its data in a temporary folder."""

import gc
import os
import uuid
import warnings
from collections.abc import Iterator

import pytest

from tests.kafka.broker import Broker, Missing, jars


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    try:
        lib = jars()
    except Missing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"the Kafka tests need a real broker: {missing}")
        pytest.skip(f"NO KAFKA TESTS: {missing}")
    broker = Broker(lib, tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture(autouse=True)
def _sockets_of_failed_attempts() -> Iterator[None]:
    """kafka-python 3.0.12 leaves the socket of a failed attempt to the garbage collector, which would warn later."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def topic() -> str:
    """A topic name nobody used before."""
    return f"cdr-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def group() -> str:
    """A consumer group nobody used before."""
    return f"group-{uuid.uuid4().hex[:8]}"

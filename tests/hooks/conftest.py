"""Parts the hooks' tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.config import Config
from detector.hooks.run import normaliser
from tests.hooks.receivers import Example
from tests.hooks.sample import SECRET


@pytest.fixture(autouse=True, scope="session")
def _compiled() -> None:
    """The numbering plan is compiled before anything is waited for."""
    normaliser(Config())("110")


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    return path


@pytest.fixture
def example(secret_file: Path) -> Iterator[Example]:
    receiver = Example(secret_file)
    yield receiver
    if receiver.process.poll() is None:
        receiver.close()

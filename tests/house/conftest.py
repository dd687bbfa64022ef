"""Programs of the machine that some tests need."""

import os
import shutil

import pytest


def _program(name: str, package: str) -> str:
    path = shutil.which(name)
    if path is None:
        message = f"`{name}` is not here (Debian: apt-get install {package})"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


@pytest.fixture(scope="session")
def promtool() -> str:
    return _program("promtool", "prometheus")

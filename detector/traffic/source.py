"""Generated calls as a source of the live path, made as they are asked for: memory does not grow with the days."""

from collections.abc import Iterator

from detector.source.contract import Chunk
from detector.traffic.traffic import Traffic


class TrafficSource:
    """The one stream of a traffic that was not played yet; JSON values, offsets from 1."""

    streams = 1

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._ended = False
        self._stopped = False

    def hold(self, streams: frozenset[int]) -> None:
        """Nothing: one stream waits for no other."""

    def stop(self) -> None:
        """End `chunks()` at the next turn."""
        self._stopped = True

    def chunks(self) -> Iterator[list[Chunk]]:
        """The calls of the scenario, up to 65,536 a turn; the last turn is empty."""
        for chunk in self._traffic.source_chunks():
            if self._stopped:
                return
            yield [chunk]
        self._ended = True
        yield []

    def ended(self) -> frozenset[int]:
        """The stream, once every call was given out."""
        return frozenset({0}) if self._ended else frozenset()

    def replaying(self, stream: int, offset: int) -> bool:
        """Never: nothing was played before."""
        return False

    def recovering(self) -> bool:
        """Never."""
        return False

    def commit(self, positions: dict[int, int]) -> None:
        """Nothing: it can be made again."""

    def place(self, stream: int, offset: int) -> str:
        """`evaluation:17`."""
        return f"{self._traffic.scenario.name}:{offset}"

    def lag(self) -> int | None:
        """Not known: calls are not counted before they are made."""
        return None

    def close(self) -> None:
        """Nothing to let go."""

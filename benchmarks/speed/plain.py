"""What one would write first: a dictionary of lines, each with its last hour in a deque. The yardstick."""

from collections import deque

import msgspec

HOUR_MS = 3_600_000
CALLEES = 10


class Call(msgspec.Struct):
    """The fields the rule needs; msgspec skips the others."""

    a_number: str
    b_number: str
    release_ms: int


class Line:
    """The last hour of one line."""

    __slots__ = ("calls", "times")

    def __init__(self) -> None:
        self.calls: deque[tuple[int, str]] = deque()
        self.times: dict[str, int] = {}


class Plain:
    """At least ten distinct callees in 60 minutes, exactly, on every line."""

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}
        self.flagged: set[str] = set()
        self._decoder = msgspec.json.Decoder(Call)

    def judge(self, records: list[bytes]) -> None:
        """Read and judge the calls in order."""
        for raw in records:
            call = self._decoder.decode(raw)
            line = self.lines.get(call.a_number)
            if line is None:
                line = self.lines[call.a_number] = Line()
            calls, times = line.calls, line.times
            calls.append((call.release_ms, call.b_number))
            times[call.b_number] = times.get(call.b_number, 0) + 1
            while calls[0][0] <= call.release_ms - HOUR_MS:
                _, left = calls.popleft()
                times[left] -= 1
                if not times[left]:
                    del times[left]
            if len(times) >= CALLEES:
                self.flagged.add(call.a_number)

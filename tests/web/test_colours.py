"""Text can be read in both schemes: WCAG contrast of the palette, at least 4.5."""

import re

import pytest

from detector.web.application import STATIC

PALETTE = dict(re.findall(r"--([\w-]+): light-dark\((#\w{6}, #\w{6})\)", (STATIC / "page.css").read_text()))
INKS = ("ink", "soft", "accent", "critical", "warning", "info", "good")
WASHES = {"critical": "critical-wash", "warning": "warning-wash", "good": "good-wash", "ink": "info-wash"}
PAIRS = [(ink, paper) for ink in INKS for paper in ("paper", "card")] + list(WASHES.items()) + [("soft", "raised")]


def luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "paper"), PAIRS)
def test_contrast(ink: str, paper: str, scheme: int) -> None:
    dark, light = sorted(luminance(PALETTE[name].split(", ")[scheme]) for name in (ink, paper))
    assert (light + 0.05) / (dark + 0.05) >= 4.5

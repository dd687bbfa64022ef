"""Trunk groups of the generated network: a switch a city, gateways, interconnects, rented lines."""

import numpy as np
from numpy.typing import NDArray

from detector.traffic.numbers import ZONES

_GATEWAYS = 12
NAMES = (
    *(f"MSC-{zone + 1:02d}" for zone in range(ZONES)),
    *(f"GW-{gateway + 1:02d}" for gateway in range(_GATEWAYS)),
    "IC-CU-1",
    "IC-CT-1",
    *("LC-1", "LC-2", "LC-3", "LC-4", "RS-1", "HD-1"),  # landing carrier, reseller, holder of a rented code
)


def gateway(tenant: NDArray[np.int16]) -> NDArray[np.int16]:
    """The gateway on which this tenant's channels come in."""
    return ZONES + tenant % _GATEWAYS


def interconnect(number: NDArray[np.int64]) -> NDArray[np.int64]:
    """The interconnect towards a customer of another operator."""
    return ZONES + _GATEWAYS + number % 2

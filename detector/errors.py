"""Every error the detector raises on purpose.

DetectorError                 exit 1
├── ConfigError               exit 78   names the key and what to do
├── InputError                exit 1    a file or folder the user named cannot be read
├── TemporaryError            exit 75   a broker or receiver is away; trying again can help
└── StateError                exit 1    state could not be rebuilt; never continued without saying so

A record that cannot be read is no error: it becomes a `decode.rejects.Reject` and goes to the dead letters.
"""


class DetectorError(Exception):
    """Something stopped the detector; the message says what, where and what to do next."""

    exit_code = 1


class ConfigError(DetectorError):
    """The configuration cannot be used; the message names the key."""

    exit_code = 78


class InputError(DetectorError):
    """A file or folder named by the user cannot be read."""


class TemporaryError(DetectorError):
    """Something outside is away; the same command may succeed later."""

    exit_code = 75


class StateError(DetectorError):
    """State could not be rebuilt."""

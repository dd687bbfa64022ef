"""Why a call ended, in Q.850: from numbers, SIP final statuses and the words of common switches."""

from typing import NamedTuple

SIP_STATUS = {
    200: 16,
    400: 41,
    401: 21,
    402: 21,
    403: 21,
    404: 1,
    405: 63,
    406: 79,
    407: 21,
    408: 102,
    410: 22,
    413: 127,
    414: 127,
    415: 79,
    416: 127,
    420: 127,
    421: 127,
    423: 127,
    480: 18,
    481: 41,
    482: 25,
    483: 25,
    484: 28,
    485: 1,
    486: 17,
    487: 16,  # the caller gave up
    488: 88,
    500: 41,
    501: 79,
    502: 38,
    503: 41,
    504: 102,
    505: 127,
    513: 127,
    600: 17,
    603: 21,
    604: 1,
    606: 88,
}
"""SIP final status -> Q.850. Source: RFC 3398 section 8.2.6.1; 487, which it leaves out, is a normal clearing."""

WORDS = {
    "UNALLOCATED_NUMBER": 1,
    "NO_ROUTE_TRANSIT_NET": 2,
    "NO_ROUTE_DESTINATION": 3,
    "CHANNEL_UNACCEPTABLE": 6,
    "CALL_AWARDED_DELIVERED": 7,
    "NORMAL_CLEARING": 16,
    "USER_BUSY": 17,
    "NO_USER_RESPONSE": 18,
    "NO_ANSWER": 19,
    "SUBSCRIBER_ABSENT": 20,
    "CALL_REJECTED": 21,
    "NUMBER_CHANGED": 22,
    "REDIRECTION_TO_NEW_DESTINATION": 23,
    "EXCHANGE_ROUTING_ERROR": 25,
    "DESTINATION_OUT_OF_ORDER": 27,
    "INVALID_NUMBER_FORMAT": 28,
    "FACILITY_REJECTED": 29,
    "RESPONSE_TO_STATUS_ENQUIRY": 30,
    "NORMAL_UNSPECIFIED": 31,
    "NORMAL_CIRCUIT_CONGESTION": 34,
    "NETWORK_OUT_OF_ORDER": 38,
    "NORMAL_TEMPORARY_FAILURE": 41,
    "SWITCH_CONGESTION": 42,
    "ACCESS_INFO_DISCARDED": 43,
    "REQUESTED_CHAN_UNAVAIL": 44,
    "PRE_EMPTED": 45,
    "FACILITY_NOT_SUBSCRIBED": 50,
    "OUTGOING_CALL_BARRED": 52,
    "INCOMING_CALL_BARRED": 54,
    "BEARERCAPABILITY_NOTAUTH": 57,
    "BEARERCAPABILITY_NOTAVAIL": 58,
    "SERVICE_UNAVAILABLE": 63,
    "BEARERCAPABILITY_NOTIMPL": 65,
    "CHAN_NOT_IMPLEMENTED": 66,
    "FACILITY_NOT_IMPLEMENTED": 69,
    "SERVICE_NOT_IMPLEMENTED": 79,
    "INVALID_CALL_REFERENCE": 81,
    "INCOMPATIBLE_DESTINATION": 88,
    "INVALID_MSG_UNSPECIFIED": 95,
    "MANDATORY_IE_MISSING": 96,
    "MESSAGE_TYPE_NONEXIST": 97,
    "WRONG_MESSAGE": 98,
    "IE_NONEXIST": 99,
    "INVALID_IE_CONTENTS": 100,
    "WRONG_CALL_STATE": 101,
    "RECOVERY_ON_TIMER_EXPIRE": 102,
    "MANDATORY_IE_LENGTH_ERROR": 103,
    "PROTOCOL_ERROR": 111,
    "INTERWORKING": 127,
    "ORIGINATOR_CANCEL": 16,
    "PICKED_OFF": 16,
    "ALLOTTED_TIMEOUT": 16,
    "MEDIA_TIMEOUT": 31,
    "PROGRESS_TIMEOUT": 18,
    "USER_NOT_REGISTERED": 20,
    "GATEWAY_DOWN": 27,
}
"""Words of FreeSWITCH's `hangup_cause`, which are those of ITU-T Q.850."""


class Disposition(NamedTuple):
    """What one word says of a call: was it answered, and why it ended (Q.850; None = it does not say)."""

    answered: bool
    cause: int | None


_DISPOSITIONS = {
    "ANSWERED": Disposition(True, 16),
    "ANSWER": Disposition(True, 16),
    "NO ANSWER": Disposition(False, 19),
    "NOANSWER": Disposition(False, 19),
    "MISSED": Disposition(False, 19),
    "BUSY": Disposition(False, 17),
    "REJECTED": Disposition(False, 21),
    "DECLINED": Disposition(False, 21),
    "CANCEL": Disposition(False, 16),
    "CANCELLED": Disposition(False, 16),
    "CONGESTION": Disposition(False, 34),
    "CHANUNAVAIL": Disposition(False, 44),
    "FAILED": Disposition(False, None),
}
"""Words of Asterisk's `disposition` and of handsets' call logs, upper case."""


def cause(value: int | str) -> int | None:
    """Q.850 cause of a number (Q.850 below 128, SIP status from 300, 200 = answered) or word; None = not known."""
    if isinstance(value, str):
        word = value.upper().replace(" ", "_")
        if word in WORDS:
            return WORDS[word]
        if not (value.isascii() and value.isdigit() and len(value) <= 3):
            return None
        value = int(value)
    return value if 0 <= value < 128 else SIP_STATUS.get(value)


def disposition(word: str) -> Disposition | None:
    """What a disposition word says; None = not known."""
    return _DISPOSITIONS.get(word.upper().replace("_", " "))

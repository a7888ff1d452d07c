"""What came of one attempt to tell somebody something."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """The metric label. Only DELIVERED is success; PERMANENT says which of the others no further try would mend."""

    DELIVERED = "delivered"
    TIMEOUT = "timeout"            # no complete answer in time
    UNREACHABLE = "unreachable"    # no connection, or it broke
    BUSY = "busy"                  # 429, 503: come again, perhaps at a stated time
    REFUSED = "refused"            # another 4xx: a wrong key or address, which a person may mend meanwhile
    REDIRECTED = "redirected"      # 3xx: never followed, a signed event goes where the configuration says or nowhere
    SERVER_ERROR = "server_error"  # another 5xx, or an answer that is no HTTP status we know
    GONE = "gone"                  # 410: the receiver asks never to be called again
    WRONG_ANSWER = "wrong_answer"  # an answer, but not the one this program gives
    HOOK_TRY_AGAIN = "hook_try_again"  # exit 75
    HOOK_MISSING = "hook_missing"      # not there or not executable: a person may mend it
    HOOK_FAILED = "hook_failed"        # any other exit
    HOOK_TIMEOUT = "hook_timeout"      # ran too long and was killed


PERMANENT = frozenset({Reason.GONE, Reason.HOOK_FAILED, Reason.HOOK_TIMEOUT})


@dataclass(frozen=True, slots=True)
class Outcome:
    """`sentence` is for a person and never holds an address or a key; `retry_after` is seconds, when the receiver named them."""

    reason: Reason
    sentence: str
    retry_after: float | None = None

    @property
    def delivered(self) -> bool:
        return self.reason is Reason.DELIVERED

    @property
    def permanent(self) -> bool:
        """No further try: the delivery is to be dropped, with the sentence as its reason."""
        return self.reason in PERMANENT

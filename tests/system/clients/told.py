"""What one upload is known to have done, and what became of it: the words the client scenarios speak in."""

from __future__ import annotations

from dataclasses import dataclass

LINGER, QUIET = 2.0, 15.0  # the defaults of the section `intake`, which the daemon under test runs with


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """`name` is the final name, as bytes; `sha256` that of what was sent. `not_before`: no claim is right before it (Unix
    seconds), whatever events say; 0 where events say it all. `taken` is False for what is never completed."""

    name: bytes
    sha256: str
    unprovable: bool = False
    not_before: float = 0.0
    taken: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One source in the work queue. `created_at` is its job's, None when there is no such job."""

    job_id: str
    name: bytes
    sha256: str
    created_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One scenario. `claims` are all sources of that name; `touched` is when the name was last written or changed in the inbox,
    in Unix seconds; `error` says why the client failed, empty when it did not."""

    scenario: str
    sent: Sent | None
    claims: tuple[Claimed, ...] = ()
    touched: float = 0.0
    error: str = ""

    @property
    def patience(self) -> float:
        """Seconds for which this file has to be left alone."""
        return QUIET if self.sent is not None and self.sent.unprovable else LINGER

    @property
    def delay(self) -> float | None:
        """Seconds from the last touch to the claim, beyond the patience; None when it was not claimed exactly once."""
        if self.sent is None or len(self.claims) != 1 or self.claims[0].created_at is None:
            return None
        return self.claims[0].created_at - max(self.touched + self.patience, self.sent.not_before)

    @property
    def truncated(self) -> bool:
        """Whether something was taken that is not what was sent."""
        return self.sent is not None and any(claim.sha256 != self.sent.sha256 for claim in self.claims)

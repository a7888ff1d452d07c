"""When a device that fails is left alone, and when it is tried again: counted in jobs, told in seconds of any steady clock."""

from __future__ import annotations

from dataclasses import dataclass

IN_A_ROW = 3          # jobs: one may be the film's fault, two chance
FIRST = 600.0         # seconds: a driver that was reset is back by then
LONGEST = 6 * 3600.0


@dataclass(slots=True)
class Cooldown:
    """Of one rung of one device. `until`: not used before this time; None: in use."""

    failures: int = 0
    rests: int = 0
    until: float | None = None

    def worked(self) -> None:
        """A job came through: all is forgotten."""
        self.failures = self.rests = 0
        self.until = None

    def failed(self, now: float) -> bool:
        """A job failed here and went on elsewhere. True when that was one too many. After a rest a single failure is enough."""
        self.failures += 1
        if self.until is not None or self.failures < IN_A_ROW:  # a job that began before the rest says nothing new
            return False
        self._rest(now)
        return True

    def over(self, now: float) -> bool:
        """Whether it rests, and should be tried out now."""
        return self.until is not None and now >= self.until

    def tried_out(self, now: float, *, works: bool) -> None:
        """The rest is over, or begins again and longer."""
        if works:
            self.until, self.failures = None, IN_A_ROW - 1
        else:
            self._rest(now)

    def _rest(self, now: float) -> None:
        self.until = now + min(FIRST * 2.0**self.rests, LONGEST)
        self.rests += 1

"""What a profile wanted besides the film and did not get: told with the job, which is completed all the same."""

from __future__ import annotations

from dataclasses import dataclass

from pectin.model.errors import PectinError


@dataclass(frozen=True, slots=True)
class Omission:
    """`what` is for a person (`the rendition 480p`), `kind` is the metric label (`rendition`, `hls`, `poster`)."""

    kind: str
    what: str
    error: PectinError

    @property
    def sentence(self) -> str:
        return f"Without {self.what}: {self.error.sentence}."

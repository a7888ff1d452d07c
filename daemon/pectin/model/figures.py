"""What a job has cost: kept with it, for `pectin show`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """`cpu_seconds` of all its ffmpegs together; `peak_memory`, bytes, of the largest; `made_by`: how its picture was
    made, as a sentence. Of the last try only."""

    cpu_seconds: float = 0.0
    peak_memory: int = 0
    made_by: str = ""

    def as_json(self) -> str:
        return json.dumps({**asdict(self), "cpu_seconds": round(self.cpu_seconds, 2)})

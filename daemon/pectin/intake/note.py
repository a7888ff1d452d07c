"""The note of a claim: lies in the job's folder before its film is moved there, so that a crash in between can be put right."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePath

from pectin.model.left_behind import LeftBehind
from pectin.model.places import CLAIM_NOTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What was taken: `inbox_path` and `relative` as in model/job.py, `size` in bytes, times in Unix seconds. `left_behind`: the
    inbox keeps the film, this job has a copy."""

    job_id: str
    route: str
    inbox_path: Path
    relative: PurePath
    size: int
    mtime: float
    claimed_at: float
    left_behind: LeftBehind | None = None

    def as_json(self) -> str:
        # Bytes that are not UTF-8 are lone surrogates in a str, and survive as \\udcXX escapes: any name comes back as it was.
        return json.dumps({"job_id": self.job_id, "route": self.route, "inbox_path": str(self.inbox_path),
                           "relative": str(self.relative), "size": self.size, "mtime": self.mtime, "claimed_at": self.claimed_at,
                           "left_behind": self.left_behind.as_json() if self.left_behind else None})

    @classmethod
    def from_json(cls, text: str) -> Claim:
        """Raises ValueError, KeyError or TypeError when the text is not a claim."""
        data = json.loads(text)
        return cls(job_id=str(data["job_id"]), route=str(data["route"]), inbox_path=Path(data["inbox_path"]),
                   relative=PurePath(data["relative"]), size=int(data["size"]), mtime=float(data["mtime"]),
                   claimed_at=float(data["claimed_at"]), left_behind=_left(data.get("left_behind")))


def _left(text: str | None) -> LeftBehind | None:
    return LeftBehind.from_json(text) if text else None


def read_note(folder: Path) -> Claim | None:
    """The claim that a job folder was made for; None when it has no whole note (the crash came before the move)."""
    try:
        return Claim.from_json((folder / CLAIM_NOTE).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None

"""The intent to publish: what will be placed where. Durable before the first file moves, so that a crash can be finished."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pectin.model.fingerprint import OwnOutput


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One output on its way: `work` (verified, in the job's out folder) -> `part` (beside the target) -> `final`.
    `size` in bytes and `sha256` (hex) say whether a file found under one of these names is this output. `mtime_ns` stays the
    same on that way, and tells it from another job's with the same content (two versions of a film, the same subtitles).
    `fingerprint` (model/fingerprint.py) is known of the film only."""

    role: str
    work: Path
    part: Path
    final: Path
    size: int
    sha256: str
    mtime_ns: int = 0
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Placements in publishing order: sidecars first, the video last (Jellyfin looks when the video appears). `replaces`: files
    of the library that these take the place of. Those whose names they have are replaced in one step, the others go when all
    stand; each is archived."""

    library: Path
    placements: tuple[Placement, ...]
    replaces: tuple[Path, ...] = ()

    def as_json(self) -> str:
        return json.dumps({"library": str(self.library),
                           "placements": [{k: str(v) if isinstance(v, Path) else v for k, v in asdict(p).items()}
                                          for p in self.placements],
                           "replaces": [str(path) for path in self.replaces]}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Intent:
        """Raises ValueError or KeyError when the text is not an intent."""
        data = json.loads(text)
        replaces = tuple(Path(path) for path in data.get("replaces", ()))
        return cls(library=Path(data["library"]), replaces=replaces, placements=tuple(
            Placement(role=p["role"], work=Path(p["work"]), part=Path(p["part"]), final=Path(p["final"]),
                      size=int(p["size"]), sha256=p["sha256"], mtime_ns=int(p.get("mtime_ns", 0)),
                      fingerprint=p.get("fingerprint", "")) for p in data["placements"]))

    @property
    def video(self) -> Placement:
        """The main output: always there, always last."""
        return self.placements[-1]

    def made(self, job_id: str) -> tuple[OwnOutput, ...]:
        """What is to be known again as our own."""
        return tuple(OwnOutput(job_id=job_id, role=p.role, path=p.final, sha256=p.sha256, fingerprint=p.fingerprint)
                     for p in self.placements if p.fingerprint)

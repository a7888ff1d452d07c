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
    `fingerprint` (model/fingerprint.py) is known of films only. `files`: how many are in it where it is a folder, with
    `size`, `sha256` and `mtime_ns` of all together (linux/trees.py); 0 for a file. `name`: its own below the film's folder
    among the renditions; empty for what lies in the library."""

    role: str
    work: Path
    part: Path
    final: Path
    size: int
    sha256: str
    mtime_ns: int = 0
    fingerprint: str = ""
    files: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Placements in publishing order: sidecars first, the video last (Jellyfin looks when the video appears, and where the film
    has its name nothing else can meet a taken one any more). `replaces`: files and folders that these take the place of. Those
    whose names they have are replaced in one step, the others go when all stand; each is archived. `renditions`: the folder
    for what does not lie in the library, and `shelf` the route's folder in it; None: there was none."""

    library: Path
    placements: tuple[Placement, ...]
    replaces: tuple[Path, ...] = ()
    renditions: Path | None = None
    shelf: str = ""

    def as_json(self) -> str:
        return json.dumps({"library": str(self.library),
                           "placements": [{k: str(v) if isinstance(v, Path) else v for k, v in asdict(p).items()}
                                          for p in self.placements],
                           "replaces": [str(path) for path in self.replaces],
                           "renditions": str(self.renditions) if self.renditions else None, "shelf": self.shelf},
                          ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Intent:
        """Raises ValueError or KeyError when the text is not an intent."""
        data = json.loads(text)
        replaces = tuple(Path(path) for path in data.get("replaces", ()))
        renditions = Path(data["renditions"]) if data.get("renditions") else None
        return cls(library=Path(data["library"]), replaces=replaces, renditions=renditions, shelf=data.get("shelf", ""),
                   placements=tuple(
            Placement(role=p["role"], work=Path(p["work"]), part=Path(p["part"]), final=Path(p["final"]),
                      size=int(p["size"]), sha256=p["sha256"], mtime_ns=int(p.get("mtime_ns", 0)),
                      fingerprint=p.get("fingerprint", ""), files=int(p.get("files", 0)), name=p.get("name", ""))
            for p in data["placements"]))

    @property
    def video(self) -> Placement:
        """The main output: always there, always last."""
        return self.placements[-1]

    def root_of(self, path: Path) -> Path:
        """The folder that is never made and never removed: the library, or that of the renditions."""
        if self.renditions is not None and path.is_relative_to(self.renditions):
            return self.renditions
        return self.library

    @property
    def roots(self) -> tuple[Path, ...]:
        """Those that must be there to carry it out, the library first."""
        paths = (*(placement.final for placement in self.placements), *self.replaces)
        return tuple(dict.fromkeys((self.library, *(self.root_of(path) for path in paths))))

    def made(self, job_id: str) -> tuple[OwnOutput, ...]:
        """What is to be known again as our own."""
        return tuple(OwnOutput(job_id=job_id, role=p.role, path=p.final, sha256=p.sha256, fingerprint=p.fingerprint)
                     for p in self.placements if p.fingerprint)

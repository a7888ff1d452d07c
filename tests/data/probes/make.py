"""Makes the probes in this folder again: `python tests/data/probes/make.py [NAME ...]`, e.g. `hevc.mp4`; without a name all.

A probe is what ffprobe says about one source of tests/sources/catalogue.py, asked as the daemon asks, less the names of files."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

# The folder of the tests is known only from here on.
from clips import Clips  # noqa: E402
from needs import need_program  # noqa: E402
from pectin.encoding import argv  # noqa: E402
from pectin.model.profile import Profile  # noqa: E402
from sources.catalogue import BY_NAME  # noqa: E402
from sources.making import Workshop  # noqa: E402


def main(names: list[str]) -> int:
    if unknown := set(names) - BY_NAME.keys():
        sys.stderr.write(f"not in the catalogue: {', '.join(sorted(unknown))}\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Clips(Path(folder) / "clips"))
        for name in names or BY_NAME:
            text = json.dumps(probed(workshop.make(BY_NAME[name])), indent=1, ensure_ascii=False) + "\n"
            (HERE / f"{name}.json").write_text(text, encoding="utf-8")
    if not names:
        for old in HERE.glob("*.json"):
            if old.stem not in BY_NAME:
                old.unlink()
    return 0


def probed(film: Path) -> dict[str, Any]:
    """What ffprobe says of it, without its path."""
    command = argv.probe_argv(need_program("ffprobe", "ffmpeg"), f"file:{film}", max_pixels=Profile().max_pixels)
    document: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    del document["format"]["filename"]
    return document


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

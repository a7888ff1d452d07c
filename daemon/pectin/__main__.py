"""The console script. The daemon, which stays for months, is started without what only the other commands need."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """`pectin run` as systemd says it goes straight to the daemon; all else, its mistakes too, is for the command line."""
    match sys.argv[1:]:
        case ["run"]:
            _daemon(None)
        case ["run", "-c" | "--config", path] | ["-c" | "--config", path, "run"]:
            _daemon(Path(path))
        case _:
            from pectin import program  # noqa: PLC0415  (see above)
            program.main()


def _daemon(config: Path | None) -> None:
    # httpx has a command line of its own, and with it rich, pygments and click: 3 MiB. Without, it does as if they were missing.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None: it cannot be imported
    from pectin import service  # noqa: PLC0415  (after that line)
    sys.exit(service.run(config))


if __name__ == "__main__":
    main()

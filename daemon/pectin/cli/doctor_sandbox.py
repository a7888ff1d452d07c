"""The part of `pectin doctor` about the walls around ffmpeg. The running daemon is asked: what counts is what holds for it, in
its unit. Without it the same is tried here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pectin.cli.findings import Finding, fail, ok, warn
from pectin.cli.render import size_text
from pectin.linux.sandbox import NEEDED, PART_SENTENCES, Mode, Part
from pectin.linux.trial import offered
from pectin.settings.sections import Settings

_MEND: Mapping[Part, str] = {
    Part.FILES: "Linux 5.13 or newer has Landlock (lsm=landlock,... at boot where it is off); or install bubblewrap; in a unit "
                "of your own allow landlock_create_ruleset, landlock_add_rule and landlock_restrict_self (SystemCallFilter=)",
    Part.SYSCALLS: "a kernel with seccomp filters, on x86_64 or arm64",
    Part.PRIVILEGES: "run the daemon as its own user, as the unit does",
}


def sandbox_findings(settings: Settings, status: Mapping[str, Any] | None) -> Iterator[Finding]:
    """`status` is the daemon's answer to GET /v1/status, None when it does not run or may not be asked."""
    if settings.encoder.sandbox is Mode.NONE:
        yield warn("sandbox: encoder.sandbox is none, so a hostile film may do all that the daemon may",
                   "encoder.sandbox: auto")
        return
    parts, missing, by, memory = _asked(status) if status else _tried()
    for part in Part:
        if part in parts:
            means = f" ({by})" if part is Part.FILES and by else ""
            yield ok(f"sandbox: ffmpeg {PART_SENTENCES[part]}{means}")
        elif part in NEEDED:
            told = f"sandbox: not in force is that ffmpeg {PART_SENTENCES[part]}: {missing.get(part, 'unknown why')}"
            required = settings.encoder.sandbox is Mode.REQUIRED
            yield fail(told, _MEND[part]) if required else warn(told, _MEND[part])
    if memory is not None:
        yield ok(f"sandbox: an ffmpeg may use {size_text(memory)} of memory")


def _asked(status: Mapping[str, Any]) -> tuple[frozenset[Part], Mapping[Part, str], str, int | None]:
    told = status.get("sandbox", {})
    return (frozenset(Part(part) for part in told.get("parts", ())),
            {Part(part): why for part, why in told.get("missing", {}).items()}, told.get("by", ""), told.get("max_memory"))


def _tried() -> tuple[frozenset[Part], Mapping[Part, str], str, int | None]:
    found = offered()
    return found.parts, found.missing, "bubblewrap" if found.bubblewrap else "Landlock", None

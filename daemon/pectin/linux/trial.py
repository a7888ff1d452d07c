"""Finds out which walls this machine can build: a child is confined, tries to break out of each, and tells what happened."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

from pectin.linux.confine import SPEAKS
from pectin.linux.launch import Confinement, prefix
from pectin.linux.sandbox import NEEDED, Mode, Part, Sandbox, find_bubblewrap, unconfined
from pectin.model.errors import Cause, PectinError

PATIENCE = 20.0  # seconds for a trial that takes 0.05
_NETWORK_NAMESPACE = "/proc/self/ns/net"

# Run by Python inside the walls, with a file that it must not see; prints the walls that held.
_ATTEMPTS = """
import os, sys
def held(attempt):
    try:
        attempt()
    except PermissionError:
        return True
    except OSError:
        return False
    return False
def opened(): os.close(os.open(sys.argv[1], os.O_RDONLY))
def forked():
    if os.fork() == 0: os._exit(0)
def widened(): os.sched_setaffinity(0, os.sched_getaffinity(0))
def hidden():
    try: opened()
    except FileNotFoundError: return True
    except OSError: return False
    return False
status = dict(line.split(':', 1) for line in open('/proc/self/status'))
"""
_VERDICTS = """
found = []
if held(opened) or hidden(): found.append('files')
if held(forked) and held(widened): found.append('syscalls')
if int(status['CapEff'], 16) == int(status['CapPrm'], 16) == 0 and int(status['NoNewPrivs']) == 1: found.append('privileges')
if os.readlink('/proc/self/ns/net') != sys.argv[2]: found.append('network')
print(*found)
"""


@cache
def offered() -> Sandbox:
    """Everything this machine can do, found out once. Blocks for about a tenth of a second; never raises."""
    return try_out(frozenset(Part))


def choose(mode: Mode, max_memory: int | None) -> Sandbox:
    """The walls that a configuration asks for. Blocks once. Raises PectinError(SANDBOX_MISSING)."""
    if mode is Mode.NONE:
        return replace(unconfined(), max_memory=max_memory)
    found = offered()
    if mode is Mode.REQUIRED and not found.whole:
        lacking = [part for part in Part if part in NEEDED - found.parts]
        raise PectinError(Cause.SANDBOX_MISSING, "; ".join(f"{part}: {found.missing.get(part, '?')}" for part in lacking))
    return replace(found, max_memory=max_memory)


def total_memory() -> int:
    """Bytes of RAM; what a cgroup allows is its own affair."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def try_out(wanted: frozenset[Part], *, landlock: bool = True) -> Sandbox:
    """The walls among `wanted` that hold here. `landlock=False`: as on a machine whose kernel has none. Blocks; never raises."""
    sandbox = Sandbox(parts=wanted, bubblewrap=None if landlock else find_bubblewrap())
    if not landlock and sandbox.bubblewrap is None:
        sandbox = _without(sandbox, Part.FILES, "neither Landlock nor bubblewrap is here")
    without_landlock = ""
    while sandbox.parts:
        held, words = _trial(sandbox)
        if held >= sandbox.parts:
            return sandbox
        blamed = _blamed(sandbox, words)
        if blamed is Part.FILES and sandbox.bubblewrap is None and (program := find_bubblewrap()):
            sandbox, without_landlock = replace(sandbox, bubblewrap=program), f"{words.removeprefix(SPEAKS)}; "
        elif blamed is Part.FILES:
            sandbox = _without(sandbox, blamed, without_landlock + words.removeprefix(SPEAKS))
        elif blamed is not None:
            sandbox = _without(sandbox, blamed, words.removeprefix(SPEAKS))
        else:
            sandbox = _one_by_one(sandbox)
    return sandbox


def _one_by_one(sandbox: Sandbox) -> Sandbox:
    """Nobody can be blamed: each wall alone must hold. If each does and together they do not, one has to go."""
    weak = {}
    for part in sandbox.parts:
        alone = replace(sandbox, parts=frozenset({part}), bubblewrap=sandbox.bubblewrap if part is Part.FILES else None)
        held, words = _trial(alone)
        if part not in held:
            weak[part] = words or "it was tried, and did not hold"
    for part, why in (weak or {next(iter(sorted(sandbox.parts))): "it does not go together with the others"}).items():
        sandbox = _without(sandbox, part, why)
    return sandbox


def _without(sandbox: Sandbox, part: Part, why: str) -> Sandbox:
    return replace(sandbox, parts=sandbox.parts - {part}, missing={**sandbox.missing, part: why},
                   bubblewrap=None if part is Part.FILES else sandbox.bubblewrap)


def _blamed(sandbox: Sandbox, words: str) -> Part | None:
    """Which wall could not be built, by the launcher's own words."""
    if not words.startswith(SPEAKS):
        # bubblewrap speaks for itself when the kernel lets it make no namespaces.
        return Part.FILES if sandbox.bubblewrap is not None and words.startswith("bwrap") else None
    step = words.removeprefix(SPEAKS).partition(":")[0]
    return next((part for part in sandbox.parts if part.value == step), None)


def _trial(sandbox: Sandbox) -> tuple[frozenset[Part], str]:
    """The walls that held, and the last line of what was said."""
    with tempfile.NamedTemporaryFile() as secret:
        program = sys.executable
        # Python may live where ffmpeg has nothing to look for.
        confinement = Confinement(sandbox=sandbox, reads=[Path(sys.base_prefix), Path(sys.prefix), Path("/proc/self")])
        command = [*prefix(program, nice=0, cpus=None, confinement=confinement), program, "-I", "-S", "-c",
                   _ATTEMPTS + _VERDICTS, secret.name, os.readlink(_NETWORK_NAMESPACE)]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/", timeout=PATIENCE,
                                  check=False, env={"LANG": "C.UTF-8"})
        except (OSError, subprocess.TimeoutExpired) as error:
            return frozenset(), f"{SPEAKS}parent: {error}"
    words = (done.stderr.strip().splitlines() or [""])[-1]
    if done.returncode != 0:
        return frozenset(), words or f"status {done.returncode}"
    return frozenset(Part(word) for word in done.stdout.split()), words

"""From the settings to the values each room works by. Only this file and service.py see the settings whole."""

from __future__ import annotations

import asyncio
import grp
import math
import os
import pwd
from collections.abc import Callable, Mapping
from pathlib import Path

from pectin.encoding.hardware import Bench
from pectin.encoding.tools import FILTER_HINT, Tools, lacking, lacking_filters
from pectin.intake.arrivals import IntakeRules
from pectin.intake.settle import Patience
from pectin.linux.sandbox import Sandbox
from pectin.linux.trial import choose, total_memory
from pectin.model.governor import Rules, YieldTo
from pectin.model.places import Places
from pectin.model.schedule import schedule
from pectin.notifying import webhook
from pectin.notifying.jellyfin import Jellyfin
from pectin.pipeline.cpus import share, threads_for
from pectin.pipeline.endpoints import Target, hook_target, jellyfin_target, webhook_target
from pectin.pipeline.governor import Governing
from pectin.pipeline.hardware import HardwarePolicy
from pectin.pipeline.intake_loop import IntakePolicy
from pectin.pipeline.policy import Encoding, Policy, Publishing
from pectin.pipeline.purging import Keep
from pectin.pipeline.retry import RetryPolicy
from pectin.settings import values
from pectin.settings.explain import Problem
from pectin.settings.load import ConfigError, Loaded
from pectin.settings.sections import Settings


def places(settings: Settings) -> Places:
    return Places(work=settings.paths.work, originals=settings.paths.originals, rejected=settings.paths.rejected)


def policy(loaded: Loaded, tools: Tools, sandbox: Sandbox, *, slots: int | None = None) -> Policy:
    """Everything a worker needs; `slots`: how many jobs run at the same time, by default as many as are meant for the CPU.
    Raises ConfigError for a group or user that does not exist, and for a profile in use whose encoder, or whose
    quality's filter, this ffmpeg lacks."""
    settings, encoder = loaded.settings, loaded.settings.encoder
    _need_encoders(loaded, tools)
    cpus = sorted(os.sched_getaffinity(0))
    threads = threads_for(encoder.threads, len(cpus))
    return Policy(
        places=places(settings), routes=values.routes(settings), profiles=values.profiles(settings),
        encoding=Encoding(tools=tools, threads=threads, cpus=tuple(share(cpus, slots or encoder.jobs, threads)),
                          nice=encoder.nice, stall_timeout=encoder.stall_timeout, probe_timeout=encoder.probe_timeout,
                          sandbox=sandbox, time_limit=encoder.time_limit or None),
        publishing=Publishing(file_mode=settings.publish.file_mode, folder_mode=settings.publish.folder_mode,
                              group=group_id(loaded, "publish.group", settings.publish.group),
                              owner=owner_id(loaded), mtime=settings.publish.mtime, conflict=settings.publish.conflict),
        retry=RetryPolicy(attempts=settings.retry.attempts, first=settings.retry.first, cap=settings.retry.cap,
                          max_interruptions=settings.retry.max_interruptions),
        order=settings.intake.order, duplicates=settings.intake.duplicates,
        min_free=settings.paths.min_free, state=settings.paths.state, renditions=settings.paths.renditions)


def _need_encoders(loaded: Loaded, tools: Tools) -> None:
    known = values.profiles(loaded.settings)
    found = [Problem(path=f"routes[{index}].profile", line=None,
                     message=f"profile {route.profile} needs the encoder {' and '.join(missing)}, which {tools.ffmpeg} lacks",
                     hint="install a fuller ffmpeg (jellyfin-ffmpeg), set encoder.ffmpeg, or choose another profile")
             for index, route in enumerate(loaded.settings.routes) if (missing := lacking(tools, known[route.profile]))]
    found += [Problem(path=f"profiles.{name}.quality", line=None, hint=FILTER_HINT,
                      message=f"it is measured with the filter {' and '.join(missing)}, which {tools.ffmpeg} lacks")
              for name in sorted({route.profile for route in loaded.settings.routes})
              if (missing := lacking_filters(tools, known[name]))]
    if found:
        raise ConfigError(str(loaded.path), tuple(found))


async def sandbox(settings: Settings) -> Sandbox:
    """The walls around ffmpeg. Raises PectinError(SANDBOX_MISSING) when they must be there and are not."""
    encoder = settings.encoder
    memory = total_memory() * 3 // 4 if encoder.max_memory == "auto" else encoder.max_memory
    return await asyncio.to_thread(choose, encoder.sandbox, memory)


def hardware(settings: Settings) -> HardwarePolicy:
    """Which video hardware may be used, and for how many jobs."""
    encoder = settings.encoder
    return HardwarePolicy(wish=encoder.hardware, node=str(encoder.device), jobs=encoder.hardware_jobs, cpu_jobs=encoder.jobs,
                          state=settings.paths.state)


def bench(policy: Policy, sandbox: Sandbox) -> Bench:
    """Where video hardware is tried out: on the CPUs of the first slot."""
    return Bench(tools=policy.encoding.tools, sandbox=sandbox, cpus=policy.encoding.cpus[0])


def intake(settings: Settings) -> IntakePolicy:
    section = settings.intake
    rules = IntakeRules(patience=Patience(linger=section.linger, quiet=section.quiet, give_up=section.give_up_after or math.inf),
                        ignore=section.ignore, wait=section.wait, order=section.order, sidecar_wait=section.sidecar_wait)
    return IntakePolicy(routes=values.routes(settings), rules=rules, rescan=section.rescan, poll=section.poll)


def keep_originals(settings: Settings) -> Keep:
    section = settings.originals
    return Keep(seconds=None if section.keep == "forever" else section.keep,
                size=None if section.max_size == "unlimited" else section.max_size)


def keep_history(settings: Settings) -> float | None:
    """Seconds, None for ever."""
    return None if settings.history.keep == "forever" else settings.history.keep


def targets(loaded: Loaded) -> list[Target]:
    """Everybody who is told about events. Raises ConfigError for secrets that cannot be read."""
    settings, found, problems = loaded.settings, list[Target](), list[Problem]()
    for index, hook in enumerate(settings.webhooks):
        secret = _secret(hook.secret_file, f"webhooks[{index}].secret_file", problems, _signing)
        found.append(webhook_target(hook.name, frozenset(hook.events), url=hook.url, secret=secret, timeout=hook.timeout))
    if settings.jellyfin.url is not None:
        key = _secret(settings.jellyfin.key_file, "jellyfin.key_file", problems, lambda key: _with_key(settings, key))
        if key is not None:
            found.append(jellyfin_target(_server(settings, key)))
    found += [hook_target(h.name, frozenset(h.events), program=h.run, timeout=h.timeout) for h in settings.hooks]
    if problems:
        raise ConfigError(str(loaded.path), tuple(problems))
    return found


def governing(loaded: Loaded) -> Governing:
    """When work rests, and the Jellyfin to ask. Raises ConfigError for a key that cannot be read."""
    settings, section, problems = loaded.settings, loaded.settings.governor, list[Problem]()
    limits = {name: None if (limit := getattr(section, name)) == "off" else float(limit)
              for name in ("max_load", "max_pressure", "max_temperature")}
    rules = Rules(schedule=schedule(section.schedule), outside=section.outside, yield_to=section.yield_to,
                  yield_by=section.yield_by, quiet=section.quiet, on_battery=section.on_battery, **limits)
    if section.yield_to is YieldTo.OFF or settings.jellyfin.url is None:
        return Governing(rules)
    key = _secret(settings.jellyfin.key_file, "jellyfin.key_file", problems, lambda key: _with_key(settings, key))
    if key is None:
        raise ConfigError(str(loaded.path), tuple(problems))
    return Governing(rules, _server(settings, key))


def _with_key(settings: Settings, key: str) -> str:
    """Raises ValueError when the key cannot be one."""
    _server(settings, key)
    return key


def _server(settings: Settings, key: str) -> Jellyfin:
    """Raises ValueError when the key cannot be one."""
    path_map = [(str(m.ours), m.theirs) for m in settings.jellyfin.map]
    return Jellyfin(settings.jellyfin.url or "", key, path_map, timeout=settings.jellyfin.timeout)


def _signing(secret: str) -> str:
    """Raises ValueError when nothing can be signed with it."""
    webhook.sign(secret, "evt_test", 0, b"")
    return secret


def _secret(reference: str | None, key: str, problems: list[Problem], check: Callable[[str], str] = str) -> str | None:
    if reference is None:
        return None
    try:
        return check(read_secret(reference))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        problems.append(Problem(path=key, line=None, message=f"{reference} cannot be used: {reason}",
                                hint="one line in a file that the daemon's user may read"))
        return None


def read_secret(reference: str, environment: Mapping[str, str] = os.environ) -> str:
    """A secret from a file, or from a systemd credential (`credential:NAME`). Raises OSError, ValueError."""
    if reference.startswith("credential:"):
        folder = environment.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise ValueError("systemd has handed over no credentials (LoadCredential= in the unit)")
        path = Path(folder) / reference.removeprefix("credential:")
    else:
        path = Path(reference)
    secret = path.read_text(encoding="utf-8").strip()
    if not secret:
        raise ValueError("the file is empty")
    return secret


def group_id(loaded: Loaded, key: str, name: str | None) -> int | None:
    """Raises ConfigError when there is no such group."""
    if name is None:
        return None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ConfigError(str(loaded.path), (Problem(path=key, line=None, message=f"there is no group {name!r}",
                                                     hint=f"create it (`groupadd {name}`) or name another"),)) from None


def owner_id(loaded: Loaded) -> int | None:
    """Raises ConfigError when there is no such user."""
    name = loaded.settings.publish.owner
    if name is None:
        return None
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise ConfigError(str(loaded.path), (Problem(path="publish.owner", line=None, message=f"there is no user {name!r}",
                                                     hint=f"create it (`useradd --system {name}`) or name another"),)) from None

"""The daemon's life: put everything together, wake up in good order, run until told to stop, stop in good order."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from pectin import __version__, policies
from pectin.api.app import create_app
from pectin.api.server import bind, serve
from pectin.encoding import tools
from pectin.linux import crash
from pectin.linux.lock import AlreadyRunningError, InstanceLock
from pectin.model.errors import Cause, PectinError
from pectin.model.statuses import ExitStatus
from pectin.observing import logs
from pectin.observing.journal import Journal
from pectin.observing.listening import MetricsDoor
from pectin.observing.metrics import Metrics
from pectin.observing.systemd import Notifier, listen_sockets, watchdog_interval
from pectin.pipeline.control import Control
from pectin.pipeline.ending import finish_running
from pectin.pipeline.gate import Gate
from pectin.pipeline.governor import FIRST_LOOK, Governor
from pectin.pipeline.hardware import Hardware
from pectin.pipeline.housekeeping import Housekeeping
from pectin.pipeline.intake_loop import IntakeLoop
from pectin.pipeline.narrator import Narrator
from pectin.pipeline.outbox_loop import OutboxLoop
from pectin.pipeline.rebuild import open_store
from pectin.pipeline.recover import recover
from pectin.pipeline.undo import Undo
from pectin.pipeline.worker import Worker
from pectin.settings import values
from pectin.settings.load import ConfigError, Loaded, find, load
from pectin.settings.sections import Settings

log = logging.getLogger(__name__)

_AT_START = ("jobs", "hardware_jobs")  # of the encoder: how many workers there are
_FIXED = ("paths", "socket")  # sections that hold what is opened once
_START = 6 * 3600.0  # seconds that a start may take at most: what a power cut left behind may be a film that has to be copied
_THREADS = 64        # at most, made when they are needed: more than jobs, copies and looks together
_BEAT = 20.0         # seconds between two requests for more time


def run(config: Path | None) -> ExitStatus:
    """Run the daemon in the foreground until SIGTERM or SIGINT; the exit status."""
    try:
        wish = crash.arm()
        loaded = load(find(config))
        journal = logs.connect(sys.stderr)
        _set_up_logs(loaded.settings, journal)
        if wish:
            log.warning("a test of crashes: this daemon %s", wish)
        asyncio.run(Service(loaded, journal).run())
    except (crash.RefusedError, ConfigError) as error:
        _tell(f"pectin: {error}")
        return ExitStatus.CONFIG
    except AlreadyRunningError as error:
        log.error("%s", error)  # noqa: TRY400  (expected: no traceback)
        return ExitStatus.TEMPFAIL
    except PectinError as error:
        log.error("cannot go on: %s; %s", error.sentence, error.meaning.next_step)  # noqa: TRY400
        return ExitStatus.UNAVAILABLE
    except BaseExceptionGroup as group:
        log.critical("a part of the daemon died; systemd starts it again, nothing is lost", exc_info=group)
        return ExitStatus.SOFTWARE
    return ExitStatus.OK


def _tell(text: str) -> None:
    """An error, while there is no log yet: without a configuration nobody knows how it is wanted."""
    mark = "<3>" if logs.under_journal(sys.stderr) else ""
    print("\n".join(mark + line for line in text.splitlines()), file=sys.stderr)  # noqa: T201  (see above)


def _set_up_logs(settings: Settings, journal: Journal | None) -> None:
    logs.setup(settings.log.level, settings.log.format, sys.stderr, journal=logs.under_journal(sys.stderr), native=journal)


class Service:
    """Owns every long-lived thing. Built once per run."""

    def __init__(self, loaded: Loaded, journal: Journal | None = None) -> None:
        self._loaded = loaded
        self._journal = journal
        self._notifier = Notifier()
        self._metrics = Metrics(__version__)
        self._door = MetricsDoor(self._metrics)
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._ready = False
        self._hung_up = False
        self._activated = False
        self._one_reload = asyncio.Lock()  # two at once, and the older configuration might be the one that stays
        self._reloads: set[asyncio.Task[None]] = set()  # or nobody would hold them while they run

    async def run(self) -> None:
        """Raises PectinError, AlreadyRunningError or ConfigError when it cannot start, ExceptionGroup when a part dies."""
        settings = self._loaded.settings
        # Copies that stand still (linux/pace.py) keep their threads: whoever is to let them go on must find one, too.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "pectin"))
        self._catch_signals()
        async with AsyncExitStack() as stack:
            starting = asyncio.create_task(self._take_time(), name="starting")
            stack.callback(starting.cancel)
            _own_folders(settings)
            stack.enter_context(InstanceLock(settings.paths.state / "pectin.lock"))
            walls = await policies.sandbox(settings)
            found = await tools.find(settings.encoder.ffmpeg, walls)
            devices = policies.hardware(settings)
            policy = policies.policy(self._loaded, found, walls, slots=devices.slots)
            self._metrics.sandbox(walls.parts)
            if not walls.whole:
                log.warning("%s; `pectin doctor` says what is missing", walls.sentence)
            targets = policies.targets(self._loaded)
            governing = policies.governing(self._loaded)
            listener = self._listener()
            stack.callback(self._close, listener)
            store = self._store = await open_store(stack, settings.paths.state / "pectin.db")
            stack.callback(self._door.close)
            self._door.open(settings.metrics.listen)
            self._metrics.cpu_limit(policy.encoding.threads)
            gate = self._gate = Gate(store.flags)
            await gate.restore()
            self._outbox = OutboxLoop(store, self._metrics, targets)
            await self._outbox.drop_unknown()
            self._hardware = Hardware(devices, self._metrics)
            self._hardware.configure(devices, policies.bench(policy, walls))
            self._worker = Worker(store, policy, gate, self._metrics, slots=devices.slots, changed=self._changed,
                                  hardware=self._hardware)
            self._governor = Governor(gate, self._worker.running, self._governed, self._worker.has_work)
            self._governor.configure(governing)
            await self._worker.mounts.restore()  # before anything is done in a library or an inbox
            await self._worker.mounts.troubles(policy.routes.values(), policy.folders_needed)
            await recover(store, policy)
            self._intake = IntakeLoop(store, policies.intake(settings), policy.places, self._metrics, self._worker.turns,
                                      attended=self._worker.attended, changed=self._accepted, room=self._worker.room_for_copy,
                                      rests=lambda: gate.stands_still)
            self._narrator = Narrator(store, self._worker, gate, self._intake, self._metrics, self._notifier)
            self._keeper = Housekeeping(store, policy.places, _output_folders(settings),
                                        policies.keep_originals(settings), self._worker.turns, policy.publishing,
                                        Undo(store, self._intake.leave_alone, self._worker.announce))
            self._keeper.keep_history, self._keeper.state = policies.keep_history(settings), settings.paths.state
            self._control = Control(store=store, worker=self._worker, gate=gate, intake=self._intake, config=self._loaded.path,
                                    reload=self.reload, changed=self._changed)
            await self._governor.look(FIRST_LOOK)  # before the first job begins
            await self._until_stopped(listener, starting)

    async def _until_stopped(self, listener: socket.socket, starting: asyncio.Task[None]) -> None:
        """All tasks in one group: one that dies takes the daemon down loudly. On stop: no new files, no new jobs, the running
        ones end in good order, then the rest."""
        answers = asyncio.Event()
        app = create_app(self._control, ready=lambda: None if self._ready else "starting or stopping")
        async with asyncio.TaskGroup() as group:
            intake = group.create_task(self._intake.run(), name="intake")
            worker = group.create_task(self._worker.run(), name="worker")
            devices = group.create_task(self._hardware.run(), name="hardware")
            others = [group.create_task(work, name=name) for name, work in (
                ("outbox", self._outbox.run()), ("api", serve(app, [listener], answers)), ("narrator", self._narrator.run()),
                ("housekeeping", self._keeper.run()), ("governor", self._governor.run()), ("watchdog", self._watchdog()),
                ("store", self._store.until_damaged()))]
            await self._intake.started.wait()
            await answers.wait()  # the store is open and the metrics are served since before
            starting.cancel()
            self._ready = True
            self._notifier.ready()
            log.info("pectin %s watches %s", __version__, ", ".join(str(r.inbox) for r in self._loaded.settings.routes))
            self._worker.wake.call()
            if self._hung_up:
                self._on_hangup()
            await self._stop.wait()
            self._ready = False
            self._notifier.stopping()
            self._narrator.stopping = "stopping"
            self._narrator.call()
            await finish_running(self._worker, self._gate, self._hurry, self._notifier.extend)
            log.info("stopping: running jobs begin again at the next start")
            for task in (intake, worker, devices, *others):
                task.cancel()
                await asyncio.wait({task})
        log.info("stopped")

    def _changed(self) -> None:
        self._outbox.call()
        self._narrator.call()
        self._governor.call()

    def _governed(self) -> None:
        """The governor has stopped the queue, let it go on, or holds back what runs otherwise than before."""
        self._worker.wake.call()
        self._outbox.call()
        self._narrator.call()

    def _accepted(self) -> None:
        """A file has become a job, or the picture of the inbox has changed."""
        self._worker.wake.call()
        self._changed()

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)

    def _on_stop(self) -> None:
        """The second time at the latest, nothing is waited for any more."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    def _on_hangup(self) -> None:
        if not self._ready:  # there is nothing yet that could take it; it is read when there is
            self._hung_up = True
            return
        reloading = asyncio.create_task(self._reload_by_signal(), name="reload")
        self._reloads.add(reloading)
        reloading.add_done_callback(self._reloads.discard)

    async def _reload_by_signal(self) -> None:
        """systemctl reload: whatever happens, READY=1 follows, or systemd would wait for ever."""
        self._notifier.reloading()
        try:
            for note in await self.reload():
                log.warning("%s", note)
        except (ConfigError, PectinError) as error:
            log.error("the new configuration is refused, the old one stays: %s", error)  # noqa: TRY400  (expected: no traceback)
        finally:
            self._notifier.ready()

    async def reload(self) -> list[str]:
        """Read the configuration again and put it into effect; sentences about what waits for a restart. Raises ConfigError
        or PectinError, and then nothing has changed."""
        async with self._one_reload:
            return await self._reload()

    async def _reload(self) -> list[str]:
        new = load(self._loaded.path)
        old, settings = self._loaded.settings, new.settings
        encoder = settings.encoder.model_copy(update={name: getattr(old.encoder, name) for name in _AT_START})
        before = old.model_copy(update={"paths": old.paths.model_copy(update={"min_free": settings.paths.min_free})})
        kept = {name: getattr(before, name) for name in _FIXED} | {"encoder": encoder}
        notes = [f"{name} has changed: that takes effect at the next start (`systemctl restart pectin`)"
                 for name in _FIXED if getattr(before, name) != getattr(settings, name)]
        notes += [f"encoder.{name} has changed: that takes effect at the next start (`systemctl restart pectin`)"
                  for name in _AT_START if getattr(old.encoder, name) != getattr(settings.encoder, name)]
        applied = Loaded(new.path, settings.model_copy(update=kept))
        walls = await policies.sandbox(settings)
        slots = len(self._worker.policy.encoding.cpus)
        policy = policies.policy(applied, await tools.find(settings.encoder.ffmpeg, walls), walls, slots=slots)
        targets = policies.targets(applied)
        _own_folders(applied.settings)  # a profile may want one that nobody needed before
        governing = policies.governing(applied)
        self._door.open(settings.metrics.listen)  # the last thing that may be refused
        self._loaded = applied
        _set_up_logs(settings, self._journal)
        self._metrics.sandbox(walls.parts)
        self._metrics.cpu_limit(policy.encoding.threads)
        self._worker.put_in_force(policy)
        self._governor.configure(governing)
        self._hardware.configure(policies.hardware(applied.settings), policies.bench(policy, walls))
        await self._outbox.configure(targets)
        self._keeper.libraries, self._keeper.keep = _output_folders(applied.settings), policies.keep_originals(settings)
        self._keeper.publishing = policy.publishing
        self._keeper.keep_history = policies.keep_history(settings)
        await self._intake.configure(policies.intake(settings))
        self._accepted()
        log.info("the configuration was read again")
        return notes

    def _listener(self) -> socket.socket:
        """From systemd when it activated us, else our own."""
        handed = listen_sockets()
        self._activated = bool(handed)
        if handed:
            return next(iter(handed.values()))
        settings = self._loaded.settings.socket
        return bind(settings.path, policies.group_id(self._loaded, "socket.group", settings.group))

    def _close(self, listener: socket.socket) -> None:
        """Our own socket goes with us; systemd's stays, so that the next command starts us again."""
        listener.close()
        if not self._activated:
            self._loaded.settings.socket.path.unlink(missing_ok=True)

    async def _take_time(self) -> None:
        """While it starts: tell what goes on, and ask systemd for time as long as the event loop turns. Not when it is told to
        stop meanwhile: then systemd's own patience counts, and the next start puts in order what is left."""
        end = time.monotonic() + _START
        self._notifier.status("starting: putting in order what the last run left")
        while time.monotonic() < end and not self._stop.is_set():
            self._notifier.extend(2 * _BEAT)
            await asyncio.sleep(_BEAT)

    async def _watchdog(self) -> None:
        """Tell systemd that the event loop turns, twice as often as it asks."""
        interval = watchdog_interval()
        while interval is not None:
            self._notifier.watchdog()
            await asyncio.sleep(interval)


def _output_folders(settings: Settings) -> tuple[Path, ...]:
    return (*(route.library for route in settings.routes), settings.paths.renditions)


def _own_folders(settings: Settings) -> None:
    """Our own folders are made when they are missing; inboxes and libraries never: they may be mounts that are away. So may the
    one for renditions, or what is above it: it is made where that can be, and else jobs wait for it as they do for a library."""
    paths = settings.paths
    for folder in (paths.state, paths.work, paths.originals, paths.rejected):
        try:
            folder.mkdir(mode=0o770, parents=True, exist_ok=True)
            probe = folder / ".pectin-write-test"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise PectinError(Cause.NO_PERMISSION, f"{folder}: {error.strerror}") from error
    if any(profile.shelves for profile in values.profiles(settings).values()):
        with suppress(OSError):
            paths.renditions.mkdir(mode=0o770)

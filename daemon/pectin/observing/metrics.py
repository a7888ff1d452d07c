"""What Prometheus may ask: one object with a method for each thing that happens. No file name ever becomes a label."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Collection, Mapping
from wsgiref.simple_server import WSGIServer

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from pectin.linux.sandbox import Part
from pectin.model.errors import Cause, PectinError
from pectin.model.figures import Figures
from pectin.model.job import Stage, State, Trigger
from pectin.model.quality import Found

# Seconds: probing takes one, an episode minutes, a long film at the slowest preset a day.
_STAGE_BUCKETS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 43200, 86400)
# Seconds: intake.linger is 2 and intake.quiet 15 by default; a burst or a copy from another disk takes minutes.
_DELAY_BUCKETS = (0.1, 0.5, 1, 2, 2.1, 2.25, 2.5, 3, 5, 10, 15, 16, 20, 30, 60, 300, 1800, 7200)
# Bytes: an SD film takes 100 MiB, 4K with many threads some GiB.
_MEMORY_BUCKETS = tuple(2**power for power in range(26, 36))


class Metrics:
    """Its own registry, so that two of them (tests, a reload) never meet. All methods are cheap and never raise for a value
    that is only unknown."""

    def __init__(self, version: str) -> None:
        # The time a counter was made, as a metric beside each counter: doubles the page and tells nothing.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._transitions = Counter("pectin_job_transitions", "Steps jobs took, by trigger, the state it led to, and why.",
                                    ["trigger", "state", "cause"], registry=registry)
        self._jobs = Gauge("pectin_jobs", "Jobs in the store by state.", ["state"], registry=registry)
        self._stages = Histogram("pectin_stage_duration_seconds", "How long jobs spent in a stage.", ["stage"],
                                 buckets=_STAGE_BUCKETS, registry=registry)
        self._decisions = Counter("pectin_stream_decisions", "What plans decided for streams, by kind, action and reason.",
                                  ["kind", "action", "reason"], registry=registry)
        self._searches = Counter("pectin_quality_searches", "Searches for the quality of a film, by how they ended.", ["result"],
                                 registry=registry)
        self._below_floor = Counter("pectin_quality_below_floor", "Films that look unlike their source (quality.floor).",
                                    registry=registry)
        self._omitted = Counter("pectin_omitted", "What completed jobs go without, by kind (hls, poster, ...) and cause.",
                                ["kind", "cause"], registry=registry)
        self._source_bytes = Counter("pectin_source_bytes", "Size of the sources of completed jobs.", registry=registry)
        self._output_bytes = Counter("pectin_output_bytes", "Size of the outputs of completed jobs.", registry=registry)
        self._waiting = Gauge("pectin_inbox_waiting", "Files in the inbox that are not taken yet, by what they wait for.",
                              ["reason"], registry=registry)
        self._claims = Counter("pectin_claims", "Files taken from the inbox into the work queue, by rename or copy.", ["how"],
                               registry=registry)
        self._claim_delay = Histogram("pectin_claim_delay_seconds", "From the last change of a film in the inbox to its claim.",
                                      buckets=_DELAY_BUCKETS, registry=registry)
        self._deliveries = Counter("pectin_deliveries", "Attempts to tell an endpoint of an event, by outcome.",
                                   ["endpoint", "outcome"], registry=registry)
        self._outbox = Gauge("pectin_outbox_pending", "Events an endpoint has not been told of yet.", ["endpoint"],
                             registry=registry)
        self._running = Gauge("pectin_jobs_running", "Jobs a worker is busy with now.", registry=registry)
        self._progress = Gauge("pectin_job_progress_ratio", "How far the running job of a slot is, 0 to 1.", ["slot"],
                               registry=registry)
        self._speed = Gauge("pectin_encode_speed_ratio", "Encoding speed of a slot: 1 is as fast as the film plays.", ["slot"],
                            registry=registry)
        self._paused = Gauge("pectin_queue_paused", "1 while no new job is started, by the reason.", ["cause"], registry=registry)
        self._free = Gauge("pectin_disk_free_bytes", "Room on the disks, by what lies there; looked at once a minute.", ["place"],
                           registry=registry)
        self._threads = Gauge("pectin_cpu_limit_threads", "CPU threads one job may use.", registry=registry)
        self._watcher = Gauge("pectin_watcher_healthy", "1 while changes in the inbox are noticed at once, 0 while only the "
                              "rescan finds them.", registry=registry)
        self._overflows = Counter("pectin_watcher_overflows", "How often events in the inbox were lost, and a search found the "
                                  "files.", registry=registry)
        self._restarts = Counter("pectin_watcher_restarts", "How often an inbox was searched and watched anew, by reason.",
                                 ["reason"], registry=registry)
        self._folders = Gauge("pectin_watcher_folders", "Folders in the inboxes by whether the kernel tells of changes there; "
                              "those on network mounts are polled and not counted.", ["watched"], registry=registry)
        for watched in ("yes", "no"):
            self._folders.labels(watched)
        self._rescans = Counter("pectin_rescans", "Walks through all inboxes.", registry=registry)
        self._rescan_seconds = Gauge("pectin_rescan_duration_seconds", "How long the last walk through all inboxes took.",
                                     registry=registry)
        self._cpu = Counter("pectin_ffmpeg_cpu_seconds", "CPU time that ffmpeg has used for jobs that ended or wait again.",
                            registry=registry)
        self._memory = Histogram("pectin_ffmpeg_peak_memory_bytes", "The most memory an ffmpeg of a job had.",
                                 buckets=_MEMORY_BUCKETS, registry=registry)
        self._sandbox = Gauge("pectin_sandbox_active", "1 while this wall around ffmpeg is in force.", ["part"],
                              registry=registry)
        self._held_back = Gauge("pectin_jobs_held_back", "Running jobs that are paused or have fewer CPUs, by the reason.",
                                ["cause"], registry=registry)
        self._devices = Gauge("pectin_hardware_available", "1 while a device is used for a codec, 0 while it rests or is gone.",
                              ["device", "codec"], registry=registry)
        self._fallbacks = Counter("pectin_hardware_fallbacks", "How often a job failed on a device and went on with less of it, "
                                  "or on the CPU, and how it failed.", ["from", "to", "reason"], registry=registry)
        self._totals: dict[tuple[str, str], int] = {}
        self._build = Gauge("pectin_build_info", "The version that runs.", ["version"], registry=registry)
        self._build.labels(version).set(1)
        self._busy_slots: set[int] = set()
        self.jobs_by_state({})

    def transition(self, trigger: Trigger, state: State, cause: Cause | None = None) -> None:
        """A job took a step and is in `state` now."""
        self._transitions.labels(trigger.value, state.value, cause.value if cause else "").inc()

    def jobs_by_state(self, counts: Mapping[State, int]) -> None:
        for state in State:
            self._jobs.labels(state.value).set(counts.get(state, 0))

    def stage_seconds(self, stage: Stage, seconds: float) -> None:
        self._stages.labels(stage.value).observe(seconds)

    def decision(self, kind: str, action: str, reason: str) -> None:
        """One stream of one plan; the words are StreamDecision's."""
        self._decisions.labels(kind, action, reason).inc()

    def quality(self, found: Found | None, *, below_floor: bool) -> None:
        """Of one film that was made; None: nothing was looked for."""
        if found is not None:
            self._searches.labels("given_up" if not found.reached else "remembered" if found.remembered else "reached").inc()
        if below_floor:
            self._below_floor.inc()

    def omitted(self, kind: str, cause: Cause) -> None:
        """Something besides the film could not be made."""
        self._omitted.labels(kind, cause.value).inc()

    def bytes_in(self, size: int) -> None:
        self._source_bytes.inc(size)

    def bytes_out(self, size: int) -> None:
        self._output_bytes.inc(size)

    def waiting(self, counts: Mapping[str, int]) -> None:
        """Candidates in the inbox by reason; reasons that are not named any more count 0."""
        _replace(self._waiting, counts)

    def claimed(self, how: str, delay: float) -> None:
        """A film was taken by `rename` or `copy`, so many seconds after it was last changed."""
        self._claims.labels(how).inc()
        self._claim_delay.observe(delay)

    def delivery(self, endpoint: str, outcome: str) -> None:
        self._deliveries.labels(endpoint, outcome).inc()

    def outbox_pending(self, counts: Mapping[str, int]) -> None:
        _replace(self._outbox, counts)

    def progress(self, slot: int, fraction: float | None, speed: float | None) -> None:
        """The job in this worker slot is so far; unknown values are NaN, which Prometheus draws as a gap."""
        self._busy_slots.add(slot)
        self._running.set(len(self._busy_slots))
        self._progress.labels(str(slot)).set(float("nan") if fraction is None else fraction)
        self._speed.labels(str(slot)).set(float("nan") if speed is None else speed)

    def idle(self, slot: int) -> None:
        """The job in this worker slot has ended."""
        if slot in self._busy_slots:
            self._busy_slots.remove(slot)
            self._running.set(len(self._busy_slots))
            self._progress.remove(str(slot))
            self._speed.remove(str(slot))

    def paused(self, *causes: Cause) -> None:
        """Why no new job is started, all that is true; none: jobs start."""
        _replace(self._paused, {cause.value: 1 for cause in causes})

    def disk_free(self, found: Mapping[str, int]) -> None:
        """What is not named any more, or does not answer, is unknown."""
        _replace(self._free, found, gone=float("nan"))

    def cpu_limit(self, threads: int) -> None:
        self._threads.set(threads)

    def used(self, figures: Figures) -> None:
        """What one try of a job has cost; nothing when it ran no ffmpeg."""
        if figures.peak_memory:
            self._cpu.inc(figures.cpu_seconds)
            self._memory.observe(figures.peak_memory)

    def sandbox(self, parts: Collection[Part]) -> None:
        """The walls that are in force."""
        for part in Part:
            self._sandbox.labels(part.value).set(1 if part in parts else 0)

    def held_back(self, counts: Mapping[str, int]) -> None:
        """How many running jobs are paused or slowed down for each reason; reasons that are not named any more count 0."""
        _replace(self._held_back, counts)

    def hardware_available(self, found: Mapping[tuple[str, str], bool]) -> None:
        """What devices (`vaapi:/dev/dri/renderD128`) encode (`h264 8 bit`); what is not named any more is gone."""
        for family in self._devices.collect():
            for sample in family.samples:
                if (sample.labels["device"], sample.labels["codec"]) not in found:
                    self._devices.labels(sample.labels["device"], sample.labels["codec"]).set(0)
        for (device, codec), is_there in found.items():
            self._devices.labels(device, codec).set(1 if is_there else 0)

    def hardware_fallback(self, rung: str, lower: str, reason: str) -> None:
        """A job failed on one rung and goes on at a lower one."""
        self._fallbacks.labels(rung, lower, reason).inc()

    def watcher_healthy(self, healthy: bool) -> None:
        self._watcher.set(1 if healthy else 0)

    def watcher(self, *, overflows: int, restarts: Mapping[str, int], rescans: int, rescan_seconds: float, folders: int,
                unwatched: int) -> None:
        """The watcher's own totals. They begin again at 0 with each reload; here they go on."""
        self._grow(self._overflows, "overflows", "", overflows)
        self._grow(self._rescans, "rescans", "", rescans)
        for reason, count in restarts.items():
            self._grow(self._restarts.labels(reason), "restarts", reason, count)
        self._rescan_seconds.set(rescan_seconds)
        self._folders.labels("yes").set(folders)
        self._folders.labels("no").set(unwatched)

    def _grow(self, counter: Counter, name: str, label: str, total: int) -> None:
        before = self._totals.get((name, label), 0)
        counter.inc(total - before if total >= before else total)
        self._totals[name, label] = total

    def text(self) -> str:
        """The page as Prometheus gets it."""
        return prometheus_client.generate_latest(self.registry).decode()

    def serve(self, host: str, port: int) -> MetricsServer:
        """Serves the page in a thread of its own until closed. Port 0 takes a free one. Raises PectinError ADDRESS_UNUSABLE."""
        try:
            server, thread = prometheus_client.start_http_server(port, addr=host, registry=self.registry)
        except OSError as error:
            # strerror, but for name resolution, which has its own numbers and a text that says more
            what = os.strerror(error.errno) if error.errno and error.errno in errno.errorcode else str(error)
            raise PectinError(Cause.ADDRESS_UNUSABLE, f"metrics on {host}:{port}: {what}") from error
        return MetricsServer(server, thread)


class MetricsServer:
    """`host` and `port` are where it really listens."""

    def __init__(self, server: WSGIServer, thread: threading.Thread) -> None:
        self._server = server
        self._thread = thread
        self.host, self.port = str(server.server_address[0]), int(server.server_address[1])

    def close(self) -> None:
        """Stop listening; at most half a second (the server's own rhythm)."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _replace(gauge: Gauge, counts: Mapping[str, int], gone: float = 0) -> None:
    for labels in {sample.labels[label] for family in gauge.collect() for sample in family.samples for label in sample.labels}:
        if labels not in counts:
            gauge.labels(labels).set(gone)  # not removed: a graph that ends looks like a daemon that died
    for name, count in counts.items():
        gauge.labels(name).set(count)

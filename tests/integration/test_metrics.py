"""The metrics page as Prometheus fetches it, over a real port."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pectin.linux.sandbox import Part
from pectin.model.errors import Cause, PectinError
from pectin.model.figures import Figures
from pectin.model.job import Stage, State, Trigger
from pectin.observing.metrics import Metrics


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    yield Metrics("1.2.3")


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def a_day(metrics: Metrics) -> None:
    """Everything happens once."""
    metrics.transition(Trigger.CLAIM, State.PROCESSING)
    metrics.transition(Trigger.RETRY, State.PENDING, Cause.NO_SPACE)
    metrics.jobs_by_state({State.PENDING: 3})
    metrics.stage_seconds(Stage.ENCODING, 12.5)
    metrics.decision("audio", "encode", "codec")
    metrics.bytes_in(1000)
    metrics.bytes_out(600)
    metrics.paused(Cause.DRAINING)
    metrics.waiting({"still_written": 2})
    metrics.delivery("chat", "delivered")
    metrics.outbox_pending({"chat": 4})
    metrics.progress(0, 0.25, 1.5)
    metrics.cpu_limit(2)
    metrics.disk_free({"work": 10**9})
    metrics.omitted("hls", Cause.OUTPUT_WRONG)
    metrics.used(Figures(cpu_seconds=12.5, peak_memory=300 << 20))
    metrics.used(Figures())
    metrics.sandbox({Part.FILES})
    metrics.held_back({"slowed_by_user": 1})
    metrics.hardware_available({("vaapi:/dev/dri/renderD128", "h264 8 bit"): True})
    metrics.hardware_fallback("full", "hybrid", "midstream")
    metrics.watcher_healthy(True)
    metrics.watcher(overflows=1, restarts={"overflow": 1}, rescans=1, rescan_seconds=0.1, folders=1, unwatched=0)


def test_what_happens_is_counted(metrics: Metrics) -> None:
    a_day(metrics)
    assert value(metrics, "pectin_omitted_total", kind="hls", cause="output_wrong") == 1
    assert value(metrics, "pectin_job_transitions_total", trigger="claim", state="PROCESSING", cause="") == 1
    assert value(metrics, "pectin_job_transitions_total", trigger="retry", state="PENDING", cause="no_space") == 1
    assert value(metrics, "pectin_jobs", state="PENDING") == 3
    assert value(metrics, "pectin_jobs", state="FAILED") == 0
    assert value(metrics, "pectin_stage_duration_seconds_sum", stage="encoding") == 12.5
    assert value(metrics, "pectin_stream_decisions_total", kind="audio", action="encode", reason="codec") == 1
    assert value(metrics, "pectin_source_bytes_total") == 1000
    assert value(metrics, "pectin_output_bytes_total") == 600
    assert value(metrics, "pectin_deliveries_total", endpoint="chat", outcome="delivered") == 1
    assert value(metrics, "pectin_outbox_pending", endpoint="chat") == 4
    assert value(metrics, "pectin_cpu_limit_threads") == 2
    assert value(metrics, "pectin_ffmpeg_cpu_seconds_total") == 12.5
    assert value(metrics, "pectin_ffmpeg_peak_memory_bytes_count") == 1
    assert value(metrics, "pectin_sandbox_active", part="files") == 1
    assert value(metrics, "pectin_sandbox_active", part="syscalls") == 0
    assert value(metrics, "pectin_jobs_held_back", cause="slowed_by_user") == 1
    assert value(metrics, "pectin_watcher_healthy") == 1
    assert value(metrics, "pectin_build_info", version="1.2.3") == 1


def test_a_slot_is_there_while_its_job_runs(metrics: Metrics) -> None:
    metrics.progress(0, 0.25, 1.5)
    metrics.progress(1, None, None)
    assert value(metrics, "pectin_jobs_running") == 2
    assert value(metrics, "pectin_job_progress_ratio", slot="0") == 0.25
    assert str(value(metrics, "pectin_encode_speed_ratio", slot="1")) == "nan"
    metrics.idle(0)
    metrics.idle(0)
    assert value(metrics, "pectin_jobs_running") == 1
    assert value(metrics, "pectin_job_progress_ratio", slot="0") is None


def test_a_device_that_is_gone_is_told_as_not_available(metrics: Metrics) -> None:
    a_day(metrics)
    assert value(metrics, "pectin_hardware_fallbacks_total", **{"from": "full", "to": "hybrid", "reason": "midstream"}) == 1
    device = {"device": "vaapi:/dev/dri/renderD128", "codec": "h264 8 bit"}
    assert value(metrics, "pectin_hardware_available", **device) == 1
    metrics.hardware_available({})
    assert value(metrics, "pectin_hardware_available", **device) == 0


def test_a_reason_nobody_waits_for_any_more_counts_nothing(metrics: Metrics) -> None:
    metrics.waiting({"still_written": 2, "too_new": 1})
    metrics.waiting({"too_new": 5})
    assert value(metrics, "pectin_inbox_waiting", reason="still_written") == 0
    assert value(metrics, "pectin_inbox_waiting", reason="too_new") == 5


def test_names_follow_the_rules_of_prometheus(metrics: Metrics) -> None:
    a_day(metrics)
    for family in text_string_to_metric_families(metrics.text()):
        assert re.fullmatch(r"(pectin|process)_[a-z0-9_]+", family.name)
        assert family.documentation.endswith(".")
        if family.name.startswith("pectin_"):
            samples = {sample.name for sample in family.samples}
            assert (family.type == "counter") == all(name.endswith("_total") for name in samples)
            assert not re.search(r"_(ms|milliseconds|minutes|kb|mb|percent|created)(_|$)", family.name)


def test_two_of_them_do_not_meet(metrics: Metrics) -> None:
    other = Metrics("1.2.3")
    metrics.bytes_in(5)
    assert value(other, "pectin_source_bytes_total") == 0


def test_prometheus_gets_the_page_over_http(metrics: Metrics) -> None:
    a_day(metrics)
    server = metrics.serve("127.0.0.1", 0)
    try:
        answer = httpx.get(f"http://127.0.0.1:{server.port}/metrics", trust_env=False)
    finally:
        server.close()
    assert answer.status_code == 200
    assert 'pectin_jobs{state="PENDING"} 3.0' in answer.text
    assert "process_resident_memory_bytes" in answer.text
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{server.port}/metrics", trust_env=False)


def test_the_port_is_free_again_after_closing(metrics: Metrics) -> None:
    server = metrics.serve("127.0.0.1", 0)
    server.close()
    again = metrics.serve("127.0.0.1", server.port)
    assert again.port == server.port
    again.close()


def test_a_taken_port_is_a_clear_error(metrics: Metrics) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PectinError, match=f"127.0.0.1:{port}: Address already in use") as refused:
            metrics.serve("127.0.0.1", port)
    assert refused.value.cause is Cause.ADDRESS_UNUSABLE


@pytest.mark.parametrize("host", ["192.0.2.1", "name.invalid"])
def test_an_address_that_is_not_ours_is_a_clear_error(metrics: Metrics, host: str) -> None:
    with pytest.raises(PectinError, match=host) as refused:
        metrics.serve(host, 0)
    assert refused.value.cause is Cause.ADDRESS_UNUSABLE


def test_the_watchers_totals_go_on_when_it_begins_again(metrics: Metrics) -> None:
    figures: dict[str, Any] = {"rescan_seconds": 0.5, "folders": 19, "unwatched": 31}
    metrics.watcher(overflows=2, restarts={"overflow": 2}, rescans=10, **figures)
    metrics.watcher(overflows=3, restarts={"overflow": 3, "root_back": 1}, rescans=11, **figures)
    metrics.watcher(overflows=1, restarts={"overflow": 1}, rescans=1, **figures)  # another watcher, after a reload
    assert value(metrics, "pectin_watcher_overflows_total") == 4
    assert value(metrics, "pectin_watcher_restarts_total", reason="overflow") == 4
    assert value(metrics, "pectin_watcher_restarts_total", reason="root_back") == 1
    assert value(metrics, "pectin_rescans_total") == 12
    assert value(metrics, "pectin_rescan_duration_seconds") == 0.5
    assert value(metrics, "pectin_watcher_folders", watched="no") == 31

"""Hooks are run for real: what they get, what their end means, and the two that come with Pectin."""

from __future__ import annotations

import asyncio
import csv
import fcntl
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.receiver import Receiver
from needs import need_program
from pectin.model.event import Event, EventType
from pectin.notifying.hooks import run_hook
from pectin.notifying.outcome import Outcome, Reason

HOOKS = Path(__file__).parents[2] / "hooks"
EVENT = Event(id="evt_1", type=EventType.COMPLETED, job_id="0123456789", at=1_700_000_000.0, data={
    "job": "0123456789", "name": 'The "Film" \\ 100%.mkv', "size": 1000, "flag": True, "nothing": None,
    "outputs": [{"role": "video", "path": "/library/Film/Film.mp4", "size": 700},
                {"role": "subtitle", "path": "/library/x", "size": 3}]})


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "hook"


async def run(script: Path, text: str, event: Event = EVENT, seconds: float = 20, **environment: str) -> Outcome:
    script.write_text("#!/bin/sh\n" + text)
    script.chmod(0o755)
    return await run_hook(script, event, timeout=seconds, environment=environment)


async def test_a_hook_gets_the_event_in_variables_and_as_a_file(script: Path) -> None:
    out = script.with_name("out")
    outcome = await run(script, f'env > {out}; pwd >> {out}; echo "$PECTIN_NAME" > {out}.name;'
                                f'cat "$PECTIN_EVENT_FILE" > {out}.json;'
                                f'wc -c < /dev/stdin > {out}.stdin', MINE="yes")
    assert outcome.delivered, outcome
    lines = out.read_text().splitlines()
    for expected in ("PECTIN_EVENT=job.completed", "PECTIN_EVENT_ID=evt_1", "PECTIN_JOB=0123456789", "PECTIN_SIZE=1000",
                     "PECTIN_FLAG=true", "PECTIN_OUTPUT=/library/Film/Film.mp4", "MINE=yes", "/"):
        assert expected in lines
    assert not any(line.startswith(("PECTIN_NOTHING", "PECTIN_OUTPUTS", "HOME=")) for line in lines)
    assert out.with_name("out.name").read_text() == EVENT.data["name"] + "\n"
    assert '"type": "job.completed"' in out.with_name("out.json").read_text()
    assert out.with_name("out.stdin").read_text().strip() == "0"


async def test_hostile_names_reach_the_hook_as_they_are(script: Path) -> None:
    name = "a\n$(touch /tmp/x)`id`;\udcff\0" + "ü" * 9000
    out = script.with_name("out")
    outcome = await run(script, f'printf %s "$PECTIN_NAME" > {out}', replace(EVENT, data={"name": name}))
    assert outcome.delivered, outcome
    got = out.read_bytes()
    assert got == os.fsencode(name.replace("\0", ""))[:8192]


@pytest.mark.parametrize(("text", "reason", "permanent", "says"), [
    ("exit 0", Reason.DELIVERED, False, ""),
    ("echo not yet >&2; exit 75", Reason.HOOK_TRY_AGAIN, False, "not yet"),
    ("echo first >&2; echo broken >&2; exit 3", Reason.HOOK_FAILED, True, "broken"),
    ("kill -KILL $$", Reason.HOOK_FAILED, True, "signal 9"),
    ("no-such-command-here", Reason.HOOK_FAILED, True, "no-such-command-here"),
    ("yes | head -c 3000000; yes | head -c 3000000 >&2; exit 0", Reason.DELIVERED, False, ""),
])
async def test_the_end_of_a_hook_says_what_to_do(script: Path, text: str, reason: Reason, permanent: bool, says: str) -> None:
    outcome = await run(script, text)
    assert (outcome.reason, outcome.permanent) == (reason, permanent), outcome
    assert says in outcome.sentence
    assert len(outcome.sentence) < 600


async def test_a_hook_that_is_not_there_is_named_and_tried_again(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    for program in (tmp_path / "missing", plain, tmp_path):
        outcome = await run_hook(program, EVENT, timeout=20)
        assert (outcome.reason, outcome.permanent) == (Reason.HOOK_MISSING, False)
        assert "chmod" in outcome.sentence


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


async def gone(pid: int) -> bool:
    for _ in range(500):
        if not is_alive(pid):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_hook_that_runs_too_long_is_stopped_with_all_it_started(script: Path) -> None:
    pids = script.with_name("pids")
    outcome = await run(script, f"sleep 600 & echo $! $$ > {pids}.new; mv {pids}.new {pids}; wait", seconds=3)
    assert (outcome.reason, outcome.permanent) == (Reason.HOOK_TIMEOUT, True)
    for pid in pids.read_text().split():
        assert await gone(int(pid))


async def test_a_hook_that_leaves_something_running_is_done_when_it_is_done(script: Path) -> None:
    pid = script.with_name("pid")
    outcome = await run(script, f"sleep 600 & echo $! > {pid}; exit 0")
    assert outcome.delivered, outcome
    assert await gone(int(pid.read_text()))


async def test_a_cancelled_hook_leaves_no_process(script: Path) -> None:
    pid = script.with_name("pid")
    task = asyncio.create_task(run(script, f"echo $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 600", seconds=600))
    for _ in range(1000):
        if pid.exists():
            break
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(int(pid.read_text()))


async def test_the_event_file_leaves_nothing_behind(script: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    await run(script, "exit 0")
    assert set(os.listdir("/proc/self/fd")) <= before | {"0"}


# --- chat-message

@pytest.mark.parametrize(("kind", "message", "text"), [
    (EventType.COMPLETED, "", 'The "Film" \\ 100%.mkv is in the library'),
    (EventType.FAILED, "line\nbreak", 'The "Film" \\ 100%.mkv could not be transcoded: line break'),
    (EventType.REJECTED, "empty", 'The "Film" \\ 100%.mkv was not accepted: empty'),
])
async def test_the_chat_gets_one_line(tmp_path: Path, kind: EventType, message: str, text: str) -> None:
    need_program("curl", "curl")
    with Receiver() as receiver:
        (tmp_path / "url").write_text(receiver.url + "\n")
        outcome = await run_hook(HOOKS / "chat-message", replace(EVENT, type=kind, data={**EVENT.data, "message": message}),
                                 timeout=20, environment={"PECTIN_CHAT_URL_FILE": str(tmp_path / "url")})
    assert outcome.delivered, outcome
    assert [one.json for one in receiver.received] == [{"text": text}]
    assert receiver.received[0].headers["content-type"] == "application/json"


async def test_a_name_of_odd_bytes_is_still_valid_json_for_the_chat(tmp_path: Path) -> None:
    need_program("curl", "curl")
    with Receiver() as receiver:
        (tmp_path / "url").write_text(receiver.url)  # without a line break at the end
        outcome = await run_hook(HOOKS / "chat-message", replace(EVENT, data={"name": "ü\udcff\x1b\t.mkv"}), timeout=20,
                                 environment={"PECTIN_CHAT_URL_FILE": str(tmp_path / "url")})
    assert outcome.delivered, outcome
    assert receiver.received[0].json == {"text": "ü  .mkv is in the library"}


@pytest.mark.parametrize(("status", "reason"), [(429, Reason.HOOK_TRY_AGAIN), (500, Reason.HOOK_TRY_AGAIN),
                                                (404, Reason.HOOK_FAILED)])
async def test_the_chat_hook_knows_what_is_worth_another_try(tmp_path: Path, status: int, reason: Reason) -> None:
    need_program("curl", "curl")
    with Receiver(answers=[status]) as receiver:
        (tmp_path / "url").write_text(receiver.url)
        outcome = await run_hook(HOOKS / "chat-message", EVENT, timeout=20,
                                 environment={"PECTIN_CHAT_URL_FILE": str(tmp_path / "url")})
    assert outcome.reason is reason
    assert str(status) in outcome.sentence
    assert receiver.url not in outcome.sentence


@pytest.mark.parametrize(("url", "says"), [(None, "cannot read"), ("", "does not begin"), ('http://x/"\n', "quote"),
                                           ("file:///etc/passwd", "begin")])
async def test_the_chat_hook_says_what_is_wrong_with_its_address(tmp_path: Path, url: str | None, says: str) -> None:
    if url is not None:
        (tmp_path / "url").write_text(url)
    outcome = await run_hook(HOOKS / "chat-message", EVENT, timeout=20,
                             environment={"PECTIN_CHAT_URL_FILE": str(tmp_path / "url")})
    assert outcome.reason is Reason.HOOK_FAILED
    assert says in outcome.sentence


async def test_a_chat_that_cannot_be_reached_is_tried_again(tmp_path: Path) -> None:
    need_program("curl", "curl")
    with Receiver() as receiver:
        (tmp_path / "url").write_text(receiver.url)
    outcome = await run_hook(HOOKS / "chat-message", EVENT, timeout=20,
                             environment={"PECTIN_CHAT_URL_FILE": str(tmp_path / "url")})
    assert outcome.reason is Reason.HOOK_TRY_AGAIN


# --- film-log

async def test_the_film_log_gets_one_line_per_film_and_none_twice(tmp_path: Path) -> None:
    log = tmp_path / "films.csv"
    events = [replace(EVENT, id=f"evt_{number}", data={**EVENT.data, "name": f"Film, \"{number}\"\n.mkv"}) for number in range(8)]
    outcomes = await asyncio.gather(*(run_hook(HOOKS / "film-log", event, timeout=60, environment={"PECTIN_FILM_LOG": str(log)})
                                      for event in (*events, *events[:2])))
    assert all(outcome.delivered for outcome in outcomes), outcomes
    with log.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["time", "event", "name", "output", "source_bytes", "output_bytes", "job", "event_id"]
    assert sorted(row[-1] for row in rows) == [event.id for event in events]
    assert {tuple(row[:2] + row[3:7]) for row in rows} == {
        ("2023-11-14T22:13:20.000Z", "job.completed", "/library/Film/Film.mp4", "1000", "703", "0123456789")}
    assert {row[2] for row in rows} == {event.data["name"] for event in events}


async def test_the_film_log_waits_for_its_turn(tmp_path: Path) -> None:
    log = tmp_path / "films.csv"
    environment = {"PECTIN_FILM_LOG": str(log)}
    with log.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert (await run_hook(HOOKS / "film-log", EVENT, timeout=1.5, environment=environment)).reason is Reason.HOOK_TIMEOUT
        assert log.read_text() == ""
    assert (await run_hook(HOOKS / "film-log", EVENT, timeout=20, environment=environment)).delivered


async def test_a_film_name_cannot_become_a_formula(tmp_path: Path) -> None:
    log = tmp_path / "films.csv"
    event = replace(EVENT, data={"name": "=HYPERLINK(1)\udcff"})
    assert (await run_hook(HOOKS / "film-log", event, timeout=20, environment={"PECTIN_FILM_LOG": str(log)})).delivered
    with log.open(newline="") as file:
        assert list(csv.reader(file))[1][2] == "'=HYPERLINK(1)\ufffd"


async def test_a_film_log_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    outcome = await run_hook(HOOKS / "film-log", EVENT, timeout=20,
                             environment={"PECTIN_FILM_LOG": str(tmp_path / "no" / "films.csv")})
    assert outcome.reason is Reason.HOOK_TRY_AGAIN
    assert "No such file" in outcome.sentence


def test_the_hooks_that_come_with_pectin_are_executable_and_described() -> None:
    readme = (HOOKS / "README.md").read_text()
    for hook in HOOKS.iterdir():
        if hook.name != "README.md":
            assert os.access(hook, os.X_OK)
            assert f"`{hook.name}`" in readme
    assert subprocess.run(["sh", "-n", HOOKS / "chat-message"], check=False).returncode == 0

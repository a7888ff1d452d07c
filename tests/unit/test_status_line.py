"""The line of `systemctl status`: how far, how long, and what holds it up."""

from __future__ import annotations

from typing import Any

import pytest

from pectin.model.job import Stage
from pectin.pipeline.line import status_line
from pectin.pipeline.status import RunningStatus


def running(**changes: Any) -> RunningStatus:
    values: dict[str, Any] = {
        "id": "0123456789", "name": "Film (2010).mkv", "stage": Stage.ENCODING, "method": "encode", "fraction": 0.43,
        "speed": 1.8, "fps": 45.0,
        "eta_seconds": 12 * 60 - 5, "started_at": 0.0, "suspended": False, "held_back": (), "cpu_seconds": 0.0,
        "peak_memory": 0, "made_by": "", "doing": ""}
    return RunningStatus(**(values | changes))


def test_the_line_tells_which_film_of_how_many_how_far_how_fast_and_how_long() -> None:
    assert status_line([running()], ended=1, waiting=5) == "encoding 2 of 7: Film (2010) 43 %, 1.8x, 12 min left"


def test_an_idle_daemon_says_so_and_one_that_waits_says_for_what() -> None:
    assert status_line([]) == "idle, watching the inbox"
    assert status_line([], waiting=3) == "3 waiting"
    assert status_line([], waiting=3, sentence="somebody paused the queue") == "somebody paused the queue (3 waiting)"
    assert status_line([], sentence="the queue drains") == "the queue drains (idle, watching the inbox)"


def test_films_that_run_side_by_side_stand_side_by_side() -> None:
    other = running(name="B.mkv", stage=Stage.VERIFYING, fraction=0.5, speed=None, eta_seconds=None)
    assert status_line([running(), other], ended=2, waiting=3) \
        == "encoding 3-4 of 7: Film (2010) 43 %, 1.8x, 12 min left; verifying B 50 %"


def test_a_film_that_stands_still_has_no_speed_but_a_reason() -> None:
    held = running(suspended=True, held_back=("somebody paused this job",))
    assert status_line([held], waiting=6) == "encoding 1 of 7: Film (2010) 43 %, paused: somebody paused this job"
    assert status_line([held], waiting=6, sentence="Jellyfin transcodes") \
        == "Jellyfin transcodes: encoding 1 of 7: Film (2010) 43 %, paused"


def test_draining_stands_in_front_and_the_film_goes_on() -> None:
    assert status_line([running()], sentence="the queue drains") \
        == "the queue drains: encoding 1 of 1: Film (2010) 43 %, 1.8x, 12 min left"


def test_what_is_not_known_yet_is_left_out() -> None:
    fresh = running(stage=Stage.PROBING, fraction=None, speed=None, eta_seconds=None, name="Film.2010.mkv")
    assert status_line([fresh]) == "probing 1 of 1: Film.2010"


def test_what_is_wrong_comes_first() -> None:
    assert status_line([], troubles=["the inbox is not mounted", "more"]) == "the inbox is not mounted | idle, watching the inbox"


@pytest.mark.parametrize(("seconds", "told"), [
    (0, "1 s"), (0.2, "1 s"), (59, "59 s"), (60, "1 min"), (61, "2 min"), (3600, "60 min"), (5940, "99 min"), (6000, "1:40 h"),
    (36061, "10:02 h")])
def test_the_time_that_is_left_is_rounded_up(seconds: float, told: str) -> None:
    assert status_line([running(eta_seconds=seconds)]).endswith(f", {told} left")

"""A batch of films and a daemon that dies again and again at moments nobody has chosen, by SIGKILL and by SIGTERM."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from clips import Clips
from durability.world import LONG, World, template

BATCH = 20 if LONG else 6
KILLS, TERMS = (200, 20) if LONG else (5, 3)
LONGEST = 2.5  # seconds a daemon lives: time enough to take some films and publish one or two, also on a busy machine
UNBORN = 4  # of so many deaths one comes while it still wakes up


@pytest.mark.parametrize("seed", [1])
def test_a_batch_survives_kill_9_and_sigterm_at_random_moments(tmp_path: Path, clips: Clips, seed: int) -> None:
    moments = random.Random(seed)
    deaths = ["kill"] * KILLS + ["stop"] * TERMS
    moments.shuffle(deaths)
    batches = 0
    with World(tmp_path, template(clips)) as world:
        for death in deaths:
            if world.in_flight() == 0:
                batches += 1
                for number in range(BATCH):
                    if number % 5 == 4:
                        world.bad(f"{batches} bad {number}")
                    else:
                        world.film(f"{batches} film {number}", sidecar=number % 3 == 0)
            if moments.randrange(UNBORN) == 0:
                world.spawn()
                time.sleep(moments.uniform(0.0, 0.6))
            else:
                world.start()
                time.sleep(moments.uniform(0.0, LONGEST))
            assert world.process is not None
            assert world.process.poll() is None, f"it ended by itself\n{world.daemon.text()}"
            getattr(world, death)()
        world.all_is_well()

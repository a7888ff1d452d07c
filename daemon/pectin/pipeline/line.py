"""The one line that `systemctl status pectin` shows: what is wrong, what holds the work up, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence

from pectin.pipeline.status import RunningStatus


def status_line(running: Sequence[RunningStatus], *, ended: int = 0, waiting: int = 0, sentence: str = "",
                troubles: Sequence[str] = ()) -> str:
    """For example `encoding 2 of 7: Film (2010) 43 %, 1.8x, 12 min left`. `ended`: how many jobs are over since the queue was
    last empty, so that the numbers count upwards; `waiting`: how many have yet to begin; `sentence`: why nothing starts or all
    is slow. What is wrong comes first."""
    if troubles:
        return f"{troubles[0]} | {status_line(running, ended=ended, waiting=waiting, sentence=sentence)}"
    if not running:
        text = f"{waiting} waiting" if waiting else "idle, watching the inbox"
        return f"{sentence} ({text})" if sentence else text
    first, last, total = ended + 1, ended + len(running), ended + len(running) + waiting
    numbers = f"{first}" if first == last else f"{first}-{last}"
    text = f"{running[0].stage.value} {numbers} of {total}: {_told(running[0], sentence)}"
    text += "".join(f"; {one.stage.value} {_told(one, sentence)}" for one in running[1:])
    return f"{sentence}: {text}" if sentence else text


def _told(job: RunningStatus, sentence: str) -> str:
    text = job.name.rpartition(".")[0] or job.name
    if job.fraction is not None:
        text += f" {job.fraction:.0%}".replace("%", " %")
    if job.suspended:  # what it did before is no news; the reason is, unless it is everybody's and stands in front
        return text + (", paused" if sentence or not job.held_back else f", paused: {job.held_back[0]}")
    if job.doing:
        text += f", {job.doing}"
    if job.speed:
        text += f", {job.speed:.1f}x"
    if job.eta_seconds is not None:
        text += f", {_left(job.eta_seconds)} left"
    return text


def _left(seconds: float) -> str:
    """Rounded up: nothing is worse than a minute that does not end at 0."""
    if seconds < 60:
        return f"{max(1, -(-seconds // 1)):.0f} s"
    minutes = int(-(-seconds // 60))
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60}:{minutes % 60:02d} h"

"""What brings a daemon to each of its crash points: one table of points, each with the act that leads there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from durability.world import World
from harness import until
from pectin.linux.crash import CrashPoint as P
from pectin.linux.move import fsync_folder
from pectin.model.job import State

ENDED_OR_STOPPED = frozenset({State.COMPLETED, State.CANCELLED})
Act = Callable[[World, str, str], None]  # world, name, wish: starts the daemon with the wish


MANY = 6  # films in flight: what earlier deaths have left is enough, and each costs a second


def three(world: World, name: str, wish: str) -> None:
    if world.in_flight() < MANY:
        world.three(name)
    else:
        world.film(name, sidecar=True)
    world.start(wish)


def refused(world: World, name: str, wish: str) -> None:
    world.three(name)
    world.start(wish)


def cancelled(world: World, name: str, wish: str) -> None:
    """A film that waits, and a person who does not want it."""
    world.start(wish)
    _cancel(world, name)
    world.ask("POST", "/v1/resume")


def requeued(world: World, name: str, wish: str) -> None:
    world.start(wish)
    _cancel(world, name)
    world.ask("POST", "/v1/resume")
    world.ask("POST", f"/v1/jobs/{world.job(f'{name}.mkv')['id']}/retry")


def _cancel(world: World, name: str) -> None:
    world.ask("POST", "/v1/drain")  # nothing starts; paused, no film would be copied from another disk either
    film = world.film(name, sidecar=True, ends=ENDED_OR_STOPPED)
    world.ask("POST", "/v1/rescan")
    _when(world, film, "PENDING")
    until(lambda: not any(world.roots["inbox"].iterdir()), "its sidecar has come, too")
    world.ask("POST", f"/v1/jobs/{world.job(film)['id']}/cancel")


def late(world: World, name: str, wish: str) -> None:
    """Subtitles that come when their film is in the library already."""
    world.start(wish)
    _when(world, world.film(name), "COMPLETED")
    world.sidecar(name)


def undone(world: World, name: str, wish: str) -> None:
    world.start(wish)
    film = world.film(name, sidecar=True, ends=ENDED_OR_STOPPED)
    _when(world, film, "COMPLETED")
    world.ask("POST", f"/v1/jobs/{world.job(film)['id']}/undo")


def redone(world: World, name: str, wish: str) -> None:
    """With a profile that makes another file of it: the same one would just stay."""
    world.start(wish)
    film = world.film(name, sidecar=True)
    world.films[film].redone = True
    _when(world, film, "COMPLETED")
    world.ask("POST", f"/v1/jobs/{world.job(film)['id']}/redo?profile=small")


def taken(world: World, name: str, wish: str) -> None:
    """Somebody puts a film of that very name into the library, between choosing the name and placing."""
    library, away = world.roots["library"], world.roots["library"].with_name("away")
    world.start(wish)
    library.rename(away)
    film = world.film(name, sidecar=True)
    until(lambda: (job := _look(world, film)) and job["state"] == "PUBLISHING" and job["cause"], f"{name} waits for its library")
    world.stranger(f"{name}/{name}.mp4", f"somebody's {name}", library=away)
    away.rename(library)
    fsync_folder(library.parent)
    world.ask("POST", f"/v1/jobs/{world.job(film)['id']}/retry")


def given_up(world: World, name: str, wish: str) -> None:
    """A file lies where the film's folder should be."""
    world.stranger(name, "no folder")
    world.film(name, sidecar=True, ends=frozenset({State.FAILED}))
    world.start(wish)


def _look(world: World, film: str) -> dict[str, object] | None:
    jobs = [job for job in world.jobs() if job["name"] == film]
    return jobs[0] if jobs else None


def _when(world: World, film: str, state: str) -> None:
    """Also put to rest, where it has ended."""
    def there() -> bool:
        job = _look(world, film)
        return job is not None and job["state"] == state and (
            state == "PENDING" or not Path(world.roots["work"], str(job["id"])).exists())
    until(there, f"{film} is {state}\n{world.daemon.text()}")


# In the order of one chain: what one death leaves lying, the next start finds. So the points of waking up stand behind those that
# give it something to do.
HERE = (
    P.DATABASE_MADE, P.BEFORE_MIGRATED,
    P.CLAIM_NOTE_WRITTEN, P.CLAIM_NOTE_SYNCED, P.CLAIM_MENDED, P.CLAIM_RENAMED, P.CLAIM_SYNCED, P.INBOX_SYNCED,
    P.BEFORE_INSERTED, P.INSERTED, P.OUTBOX_INSERTED, P.SIDECAR_MOVED, P.SIDECAR_SYNCED,
    P.BEFORE_CLAIM, P.AFTER_CLAIM, P.BEFORE_INTERRUPT, P.SCRATCH_MADE, P.AFTER_INTERRUPT, P.SIDECARS_COPIED,
    P.OUTPUTS_KEPT, P.OUTPUTS_SYNCED, P.BEFORE_ENCODED, P.AFTER_ENCODED, P.BEFORE_RETRY, P.AFTER_RETRY, P.BEFORE_NOTED,
    P.AFTER_NOTED,
)
THERE = (
    P.LIBRARY_FOLDER_MADE, P.PART_WRITTEN, P.PART_SYNCED, P.FINAL_NAMED, P.FINAL_SYNCED, P.OUTPUT_LEFT_WORK,
    P.BEFORE_PUBLISHED, P.AFTER_PUBLISHED, P.MOVE_NAMED, P.MOVE_SYNCED, P.ORIGINAL_ARCHIVED, P.SIDECAR_RESTED,
    P.WORK_EMPTIED, P.WORK_NOTE_REMOVED, P.WORK_REMOVED,
    P.DELIVERY_SENT, P.DELIVERY_MARKED,
)
ACROSS = (  # the inbox, the library and the originals lie on another file system than the work queue
    P.CLAIM_COPIED, P.CLAIM_PUT_ASIDE, P.CLAIM_MENDED, P.CLAIM_COPY_NAMED, P.CLAIM_LET_GO, P.SIDECAR_COPIED, P.MOVE_COPIED,
    P.PART_WRITTEN, P.PART_SYNCED, P.FINAL_NAMED, P.OUTPUT_LEFT_WORK, P.MOVE_NAMED, P.MOVE_SYNCED,
)
WISHES: Mapping[P, Act] = {
    P.BEFORE_REJECT: refused, P.AFTER_REJECT: refused, P.SOURCE_SET_ASIDE: refused, P.WHY_WRITTEN: refused,
    P.BEFORE_CANCEL: cancelled, P.AFTER_CANCEL: cancelled,
    P.BEFORE_REQUEUE: requeued, P.AFTER_REQUEUE: requeued, P.SIDECAR_BROUGHT_BACK: requeued, P.BROUGHT_BACK: requeued,
    P.LATE_PLACED: late, P.LATE_NOTED: late,
    P.TAKEN_BACK: taken, P.WITHDRAWN: given_up, P.BEFORE_GIVE_UP: given_up, P.AFTER_GIVE_UP: given_up,
    P.BEFORE_UNDO: undone, P.AFTER_UNDO: undone, P.UNDO_ORIGINAL_BACK: undone, P.UNDO_WITHDRAWN: undone,
    P.BEFORE_REDO: redone, P.AFTER_REDO: redone, P.REDO_HIDDEN: redone, P.REDO_REPLACED_ARCHIVED: redone, P.REDO_REPLACED: redone,
}
BY_HAND = frozenset({P.PURGED, P.STRAY_REMOVED})  # once an hour: tests/integration/test_crash_points.py calls them
# What must have happened before, where a point is reached for itself alone: a death that gives the next start something to do.
BEFORE: Mapping[P, P] = {
    P.CLAIM_MENDED: P.CLAIM_NOTE_SYNCED, P.BEFORE_INTERRUPT: P.SCRATCH_MADE, P.AFTER_INTERRUPT: P.SCRATCH_MADE,
    P.BEFORE_RETRY: P.AFTER_ENCODED, P.AFTER_RETRY: P.AFTER_ENCODED, P.BEFORE_NOTED: P.AFTER_ENCODED,
    P.AFTER_NOTED: P.AFTER_ENCODED,
}

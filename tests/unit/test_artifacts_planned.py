"""Which pictures and details are planned, and what is left of that once the film's name and its sidecars are known."""

from __future__ import annotations

import pytest

from pectin.model.artifact import ArtifactKind, Moment, Pictures, Preview
from pectin.model.profile import Profile
from pectin.planning.artifacts import seconds_of, suited, told
from pectin.planning.plan import decide
from unit.mediamaker import film

K = ArtifactKind
STILLS = Pictures(poster=Moment(), fanart=Moment(seconds=90), thumb=Moment(fraction=0.4))
ALL = Pictures(poster=Moment(), fanart=Moment(), thumb=Moment(), preview=Preview.WEBP, trickplay=True, sprite=True)


def planned(pictures: Pictures, *, nfo: bool = False) -> tuple[ArtifactKind, ...]:
    return tuple(artifact.kind for artifact in decide(film(), Profile(pictures=pictures, nfo=nfo)).artifacts)


def test_nothing_is_made_that_nobody_asked_for() -> None:
    assert planned(Pictures()) == ()


def test_all_that_is_asked_for_is_planned() -> None:
    assert planned(ALL, nfo=True) == (K.DETAILS, K.POSTER, K.FANART, K.THUMB, K.PREVIEW, K.TRICKPLAY, K.SPRITE)


def test_the_plan_says_where_each_picture_comes_from() -> None:
    sentences = [artifact.sentence for artifact in decide(film(), Profile(pictures=STILLS)).artifacts]
    assert sentences == ["A poster: a good frame is looked for in the film.", "A fanart: taken at 0:01:30.",
                         "A thumb: taken at 40 % of it."]


def test_a_poster_is_as_large_as_it_is_shown_and_in_the_films_shape() -> None:
    sizes = {artifact.kind: (artifact.width, artifact.height) for artifact in decide(film(), Profile(pictures=STILLS)).artifacts}
    assert sizes == {K.POSTER: (1280, 720), K.FANART: (1920, 1080), K.THUMB: (1280, 720)}


def fitting(pictures: Pictures, *, episode: bool = False,
            came: set[ArtifactKind] | None = None) -> tuple[list[ArtifactKind], int]:
    kept, notes = suited(decide(film(), Profile(pictures=pictures, nfo=True)).artifacts, episode=episode, came=came or set())
    return [artifact.kind for artifact in kept], len(notes)


def test_what_came_with_the_film_is_not_made_again_and_said() -> None:
    assert fitting(STILLS, came={K.POSTER, K.DETAILS}) == ([K.FANART, K.THUMB], 2)


def test_of_an_episode_only_the_thumb_is_made() -> None:
    assert fitting(STILLS, episode=True) == ([K.DETAILS, K.THUMB], 2)


def test_the_poster_of_an_episode_becomes_its_thumb() -> None:
    assert fitting(Pictures(poster=Moment()), episode=True) == ([K.DETAILS, K.THUMB], 0)


@pytest.mark.parametrize("came", [K.POSTER, K.THUMB])
def test_an_episode_that_came_with_a_picture_gets_no_other(came: ArtifactKind) -> None:
    assert fitting(Pictures(thumb=Moment()), episode=True, came={came}) == ([K.DETAILS], 1)


def test_a_moment_is_told_and_taken_as_it_was_chosen() -> None:
    assert (told(Moment(seconds=3725.5)), seconds_of(Moment(seconds=3725.5), 10.0)) == ("at 1:02:05", 3725.5)
    assert (told(Moment(fraction=0.125)), seconds_of(Moment(fraction=0.125), 80.0)) == ("at 12.5 % of it", 10.0)

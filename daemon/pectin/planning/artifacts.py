"""Which pictures and details a film gets, and when they are taken."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from pectin.model.artifact import Artifact, ArtifactKind, Moment, Pictures, Preview
from pectin.model.media import MediaInfo
from pectin.model.plan import Plan
from pectin.model.profile import Profile

# Pixels, in both directions: as large as Jellyfin shows them. The whole frame, in the film's own shape: Jellyfin shows all of it
# in an upright frame too, and nobody knows which third of a wide picture the faces are in.
BOXES = {ArtifactKind.POSTER: 1280, ArtifactKind.FANART: 1920, ArtifactKind.THUMB: 1280}
WORDS = {ArtifactKind.POSTER: "poster", ArtifactKind.FANART: "fanart", ArtifactKind.THUMB: "thumb",
         ArtifactKind.PREVIEW: "preview", ArtifactKind.TRICKPLAY: "trickplay", ArtifactKind.SPRITE: "sprites",
         ArtifactKind.DETAILS: ".nfo file"}
_ONLY_FILMS = frozenset({ArtifactKind.POSTER, ArtifactKind.FANART})


def artifacts(media: MediaInfo, profile: Profile, plan: Plan) -> tuple[Artifact, ...]:  # noqa: ARG001  (all is known from the plan)
    """`plan` is that of the film itself, with its renditions."""
    pictures = profile.pictures
    details = (Artifact(kind=ArtifactKind.DETAILS, sentence="An .nfo file: title, year, ids, and when the film was added."),)
    return (*(details if profile.nfo else ()), *_stills(pictures, plan), *_moving(pictures, plan))


def suited(planned: Collection[Artifact], *, episode: bool, came: Collection[ArtifactKind],
           ) -> tuple[tuple[Artifact, ...], tuple[str, ...]]:
    """What is left of the plan once the film's name and what came with it are known, and sentences about what is not made. Of an
    episode Jellyfin reads only the thumb: it takes the poster's place. What came with the source always wins."""
    kinds = {artifact.kind for artifact in planned}
    kept: list[Artifact] = []
    notes: list[str] = []
    for artifact in planned:
        wanted = artifact
        if episode and artifact.kind in _ONLY_FILMS:
            if artifact.kind is ArtifactKind.FANART or ArtifactKind.THUMB in kinds:
                notes.append(f"Without a {WORDS[artifact.kind]}: Jellyfin reads none of an episode, only its thumb.")
                continue
            wanted = replace(artifact, kind=ArtifactKind.THUMB,
                             sentence=f"{artifact.sentence} As a thumb, the only picture Jellyfin reads of an episode.")
        # Jellyfin shows a poster beside an episode's file as its picture as well.
        beside = {ArtifactKind.POSTER, ArtifactKind.THUMB} if episode and wanted.kind is ArtifactKind.THUMB else {wanted.kind}
        if beside & set(came):
            notes.append(f"No {WORDS[wanted.kind]} is made: one came with the film.")
            continue
        kept.append(wanted)
    return tuple(kept), tuple(notes)


def seconds_of(moment: Moment, seconds: float) -> float:
    """When a chosen moment is, in a film that lasts so long. Only for a moment that is chosen."""
    return moment.seconds if moment.seconds is not None else (moment.fraction or 0.0) * seconds


def told(moment: Moment) -> str:
    """As a person would say it: `at 0:01:30`, `at 40 % of it`."""
    if moment.seconds is None:
        return f"at {100 * (moment.fraction or 0.0):g} % of it"
    whole = int(moment.seconds)
    return f"at {whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def chosen(moment: Moment) -> bool:
    return moment.seconds is not None or moment.fraction is not None


def _stills(pictures: Pictures, plan: Plan) -> Iterator[Artifact]:
    for kind, moment in ((ArtifactKind.POSTER, pictures.poster), (ArtifactKind.FANART, pictures.fanart),
                         (ArtifactKind.THUMB, pictures.thumb)):
        if moment is not None:
            share = min(1.0, BOXES[kind] / max(1, plan.width, plan.height))
            where = f"taken {told(moment)}" if chosen(moment) else "a good frame is looked for in the film"
            yield Artifact(kind=kind, moment=moment, width=round(plan.width * share), height=round(plan.height * share),
                           sentence=f"A {WORDS[kind]}: {where}.")


def _moving(pictures: Pictures, plan: Plan) -> Iterator[Artifact]:
    if pictures.preview is not Preview.NONE:
        where = ", ".join(map(told, pictures.preview_at)) or "from all over the film"
        yield Artifact(kind=ArtifactKind.PREVIEW, width=min(pictures.preview_width, plan.width),
                       sentence=f"A moving preview ({pictures.preview.value}) of {pictures.preview_seconds:g} s, {where}.")
    if pictures.trickplay:
        yield Artifact(kind=ArtifactKind.TRICKPLAY, sentence="Pictures along the time bar, one every 10 s, for Jellyfin.")
    if pictures.sprite:
        yield Artifact(kind=ArtifactKind.SPRITE, sentence="Pictures along the time bar, one every 10 s, for web players.")

"""Settings as the values of model/: what the daemon and `pectin plan` must see alike."""

from __future__ import annotations

from pectin.model.artifact import Moment, Pictures
from pectin.model.profile import Profile, VideoCodec
from pectin.model.quality import Quality
from pectin.model.rendition import ORIGINAL
from pectin.model.route import Route
from pectin.settings.codecs import ENCODERS
from pectin.settings.quantities import parse_moment
from pectin.settings.sections import PicturesSettings, ProfileSettings, Settings


def routes(settings: Settings) -> dict[str, Route]:
    return {r.name: Route(**r.model_dump()) for r in settings.routes}


def profiles(settings: Settings) -> dict[str, Profile]:
    """The shipped ones, as far as the configuration does not change them, and its own."""
    return {name: _profile(name, profile, settings.encoder.max_pixels) for name, profile in settings.profiles.items()}


def _pictures(section: PicturesSettings) -> Pictures:
    def moment(text: str) -> Moment | None:
        return None if text == "none" else Moment() if text == "auto" else parse_moment(text)

    given = section.model_dump()
    given |= {name: moment(given[name]) for name in ("poster", "fanart", "thumb")}
    return Pictures(**given | {"preview_at": tuple(parse_moment(text) for text in section.preview_at)})


def _profile(name: str, profile: ProfileSettings, max_pixels: int) -> Profile:
    """The width follows from the height at 16:9, rounded down to even: 1080 gives 1920. What is `auto` follows from the codec."""
    encoder = ENCODERS.get(profile.video, ENCODERS[VideoCodec.H264])  # for a picture that is copied neither means anything
    given = profile.model_dump()
    if profile.preset == "auto":
        given["preset"] = encoder.preset
    if profile.crf == "auto":
        given["crf"] = encoder.default_crf
    heights = profile.renditions
    given |= {"renditions": tuple(sorted((h for h in heights if h != ORIGINAL), reverse=True)), "original": ORIGINAL in heights,
              "pictures": _pictures(profile.pictures), "quality": Quality(**given["quality"])}
    return Profile(name=name, max_width=profile.max_height * 16 // 9 // 2 * 2, max_pixels=max_pixels, **given)

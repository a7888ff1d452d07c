"""Settings as the values of model/: what the daemon and `pectin plan` must see alike."""

from __future__ import annotations

from pectin.model.profile import Profile
from pectin.model.route import Route
from pectin.settings.crosscheck import BUILT_IN_PROFILES
from pectin.settings.sections import ProfileSettings, Settings


def routes(settings: Settings) -> dict[str, Route]:
    return {r.name: Route(**r.model_dump()) for r in settings.routes}


def profiles(settings: Settings) -> dict[str, Profile]:
    """The configured ones, and the built-in ones where the configuration does not change them."""
    named = {name: ProfileSettings() for name in BUILT_IN_PROFILES} | dict(settings.profiles)
    return {name: _profile(name, profile, settings.encoder.max_pixels) for name, profile in named.items()}


def _profile(name: str, profile: ProfileSettings, max_pixels: int) -> Profile:
    """The width follows from the height at 16:9, rounded down to even: 1080 gives 1920."""
    return Profile(name=name, max_width=profile.max_height * 16 // 9 // 2 * 2, max_pixels=max_pixels, **profile.model_dump())

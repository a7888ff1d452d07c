"""Which sound tracks have to be measured before they are planned."""

from __future__ import annotations

from pectin.model.media import MediaInfo
from pectin.model.plan import Reason, StreamAction
from pectin.model.profile import AudioCodec, Container, Profile
from pectin.planning import audio


def ask(media: MediaInfo, profile: Profile) -> tuple[int, ...]:
    """Their stream indexes: all that are kept as mono or stereo, copied or not. A surround track stays as loud as its author made
    it: receivers know how to even those out."""
    if profile.loudness is None or profile.audio is AudioCodec.COPY or profile.container is Container.SOURCE:
        return ()
    kept = (decision for decision in audio.decide(media.audio, profile, copyable=True)
            if decision.action is not StreamAction.DROP and decision.reason is not Reason.SURROUND_KEPT)
    return tuple(decision.index for decision in kept)

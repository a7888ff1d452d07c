"""What has to be looked for in the frames before a source can be planned: as little as possible, for looking costs time."""

from __future__ import annotations

from pectin.model.measured import Questions
from pectin.model.media import MediaInfo
from pectin.model.plan import VideoTarget
from pectin.model.profile import Container, Profile, VideoCodec
from pectin.planning import captions, cropping, faults, loudness, plan, rules, scan


def ask(media: MediaInfo, profile: Profile) -> Questions:
    """Empty where the headers say all that the profile needs."""
    picture = rules.main_video(media)
    if picture is None or profile.container is Container.SOURCE:
        return Questions()
    fields = profile.video is not VideoCodec.COPY and scan.doubtful(picture)
    crop = cropping.possible(picture, profile)
    # Containers rarely repeat what stands in the frames. (Newer versions of ffprobe find it there by themselves.)
    mastering = faults.keeps_hdr(picture, profile, profile.video) and (picture.mastering is None or picture.light is None)
    # Both matter where the picture is encoded anyway: for what the headers say, or for what may be seen.
    if (crop or mastering) and not fields:
        encoded = any(isinstance(stream.target, VideoTarget) for stream in plan.decide(media, profile).kept)
        crop, mastering = crop and encoded, mastering and encoded
    return Questions(picture=picture.index, scan=fields, crop=crop, captions=captions.ask(media, profile),
                     mastering=mastering, loudness=loudness.ask(media, profile))

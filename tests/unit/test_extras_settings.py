"""What a profile may ask for besides the film, and what is refused because nothing would come of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pectin.model.rendition import Hls
from pectin.settings.load import ConfigError, parse
from pectin.settings.values import profiles

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def problems(profile: str) -> list[str]:
    try:
        parse(f"profiles:\n  x: {{{profile}}}\n", "x")
    except ConfigError as error:
        return [f"{problem.path.removeprefix('profiles.x.')}: {problem.message}" for problem in error.problems]
    return []


@pytest.mark.parametrize("profile", [
    "renditions: [1080, 720, original], hls: fmp4", "renditions: [720], versions: true",
    "renditions: [480], rendition_files: false, hls: ts", "video: copy, renditions: [2160, 480], preset: fast",
    "video: copy, container: source, audio: copy, subtitles: none, renditions: [720]",
    "video: vp9, container: webm, audio: opus, surround: none, renditions: [480], hls: fmp4",
    "pictures: {preview: gif, preview_at: [10s, '40%']}", "video: av1, container: mkv, hls: fmp4, nfo: true",
])
def test_what_goes_together_is_taken(profile: str) -> None:
    assert problems(profile) == []


@pytest.mark.parametrize(("profile", "told"), [
    ("renditions: [1440]", "renditions[0]: 1440 is larger than the film may be (max_height: 1080)"),
    ("renditions: [720, 720]", "renditions[1]: 720 stands twice"),
    ("video: copy, renditions: [original]", "renditions[0]: the film itself is the original already"),
    ("versions: true", "versions: there are no renditions that could be versions"),
    ("renditions: [720], versions: true, rendition_files: false, hls: fmp4", "versions: versions in the library are files"),
    ("renditions: [720], rendition_files: false", "rendition_files: without files and hls no rendition would be made"),
    ("renditions: [original], rendition_files: false, hls: fmp4", "rendition_files: original is a file, never HLS"),
    ("video: av1, hls: ts", "hls: ts segments cannot hold av1"),
    ("pictures: {preview_at: [10s]}", "pictures.preview_at: there is no preview: it would change nothing"),
    ("video: copy, crf: 20", "crf: the picture is copied: this would change nothing"),
])
def test_what_would_come_to_nothing_is_refused_with_what_is_valid(profile: str, told: str) -> None:
    assert problems(profile) == [told]


@pytest.mark.parametrize("where", ["/in/x", "/lib/x", "/lib", "/"])
def test_the_folder_of_the_renditions_lies_beside_all_others(where: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(f"routes:\n - {{name: a, inbox: /in, library: /lib}}\npaths: {{renditions: {where}}}\n", "x")
    assert any("paths.renditions" in f"{problem.path} {problem.message}" for problem in refused.value.problems)


def test_the_example_of_the_readme_asks_for_all_of_it() -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    [example] = [block for block in blocks if "renditions:" in block]
    profile = profiles(parse(example, "README.md"))["everything"]
    assert profile.shelves
    assert (profile.renditions, profile.original, profile.hls, profile.nfo) == ((720, 480), True, Hls.FMP4, True)
    assert not profiles(parse("", "x"))["universal"].shelves

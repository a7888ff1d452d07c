"""The same with real video cards, where there are any: `pytest -m gpu`. Nothing is taken for granted about what a card can do;
what its trials say it can, it must do with a film."""

from __future__ import annotations

from pathlib import Path

import pytest

from clips import Clips
from harness import daemon
from pectin.encoding import hardware, tools
from pectin.encoding.hardware import Bench
from pectin.linux.trial import offered
from pectin.model.hardware import Picture, Wish

pytestmark = pytest.mark.gpu
CARDS = hardware.candidates(Wish.AUTO, "auto")


@pytest.fixture(params=CARDS or [None], ids=str)
def card(request: pytest.FixtureRequest) -> tuple[str, str]:
    if request.param is None:
        pytest.skip("there is no video card here (/dev/dri/renderD*, /dev/nvidia*)")
    api, node = request.param
    return str(api), str(node)


async def test_a_real_card_tells_what_it_can_do(card: tuple[str, str]) -> None:
    api, node = card
    bench = Bench(tools=await tools.find("auto"), sandbox=offered())
    (device,) = await hardware.find_out(Wish(api), node, bench, state=None, anew=True)
    print(device)
    assert device.encodes or device.trouble


def test_a_real_card_makes_a_film_or_leaves_it_to_the_cpu_with_a_reason(
        card: tuple[str, str], clips: Clips, tmp_path: Path) -> None:
    api, node = card
    film = clips.make("hd.mkv", ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25:duration=4", "-c:v", "libx264",
                                 "-preset", "ultrafast", "-pix_fmt", "yuv444p"])
    with daemon(tmp_path, {"encoder": {"hardware": api, "device": node}}) as running:
        running.drop(film)
        job = running.job("hd.mkv", "COMPLETED", "FAILED", "REJECTED")
        print(job["figures"])
        assert job["state"] == "COMPLETED"
        (seen,) = running.json("status")["hardware"]
        if any(str(Picture("h264", 8)) in words for words in seen["encodes"]):
            assert node in job["figures"]["made_by"]

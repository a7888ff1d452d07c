"""Real searches for a quality, with an ffmpeg that has the filters; and what is said where it has not."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from urllib.request import urlopen

import pytest

from clips import Clips
from harness import Daemon, children_of_job, daemon, until
from measuring import measuring_ffmpeg, whole_film
from needs import need_program
from pectin.encoding import tools
from pectin.encoding.tools import Tools
from pectin.model.errors import Cause, PectinError
from pectin.model.job import Job, State
from pectin.model.media import MediaInfo
from pectin.model.output import Output
from pectin.model.plan import Plan, VideoTarget
from pectin.model.profile import Profile, VideoCodec
from pectin.model.quality import Found, Metric, Quality, QualityMode
from pectin.pipeline import floor
from pectin.pipeline.examine import look_into, measure, opened, settle_plan
from pectin.pipeline.policy import Encoding
from pectin.pipeline.produce import produce
from pectin.pipeline.proving import Work
from pectin.pipeline.running import RunningJob
from pectin.planning.plan import decide
from pectin.store.store import Store
from working import ONE

WISH = Quality(mode=QualityMode.TARGET, target=92.0, max_size=2.0)
QUICK = Profile(preset="veryfast", quality=WISH)
# Moving, with edges and grain: VMAF falls steadily with the crf. Not to be copied.
NOT_YET = "A job looks on samples of the film for the crf that reaches VMAF 92, and begins with crf 22."
MOVING = ("-c:v", "mpeg4", "-q:v", "2", "-g", "25")


@pytest.fixture(scope="module")
def short(clips: Clips) -> Path:
    return clips.make("short.mkv", [
        "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=3,noise=alls=8:allf=t:all_seed=1", *MOVING])


@pytest.fixture(scope="module")
def long(clips: Clips) -> Path:
    """Long enough for samples; it begins with 5 s of black."""
    return clips.make("long.mkv", [
        "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=60,noise=alls=8:allf=t:all_seed=1,fade=st=5:d=0.04",
        *MOVING])


@dataclass(frozen=True)
class Looked:
    media: MediaInfo
    plan: Plan
    found: Found | None
    told: Sequence[str]
    outputs: Sequence[Output]
    running: RunningJob


async def with_filters() -> Tools:
    return await tools.find(str(measuring_ffmpeg()))


async def looked(source: Path, folder: Path, profile: Profile = QUICK, *, found: Tools | None = None, store: Store | None = None,
                 fingerprint: str | None = None, make: bool = False) -> Looked:
    """As a job does it, up to the plan, or to the film."""
    encoding = Encoding(tools=found or await with_filters(), threads=2, cpus=(None,), nice=0, stall_timeout=60, probe_timeout=60)
    job = Job(id=ONE, state=State.PROCESSING, route="films", profile=profile.name, inbox_path=source, fingerprint=fingerprint,
              relative=PurePath(source.name), size=source.stat().st_size, created_at=1.0, updated_at=1.0)
    told: list[str] = []

    class Told(RunningJob):
        """Keeps all it was busy with."""

        def __setattr__(self, name: str, value: object) -> None:
            if name == "doing" and value:
                told.append(str(value))
            super().__setattr__(name, value)

    running = Told(job=job, slot=0, scores=store.scores if store else None)
    scratch = folder / "scratch"
    scratch.mkdir()
    outputs: Sequence[Output] = ()
    with opened(source, source.parent) as opening:
        media = await look_into(opening, encoding.tools, timeout=60, max_pixels=profile.max_pixels)
        measured = await measure(opening, media, profile, encoding, running, scratch)
        assert list(scratch.iterdir()) == [], "neither samples nor tries are left"
        running.plan = decide(media, profile, measured)
        if make:
            work = Work(running=running, source=opening, media=media, profile=profile, scratch=scratch, encoding=encoding)
            outputs = await produce(work, running.plan, measured)
    return Looked(media, running.plan, measured.quality, told, outputs, running)


@pytest.mark.parametrize("target", [95.0, 88.0])
async def test_a_short_film_reaches_its_target_as_a_whole(short: Path, tmp_path: Path, target: float) -> None:
    done = await looked(short, tmp_path, replace(QUICK, quality=replace(WISH, target=target)), make=True)
    assert done.found is not None
    assert done.found.reached
    assert "measured on the whole film" in done.found.sentence
    assert done.found.sentence in done.plan.notes
    score = whole_film(short, tmp_path / "scratch" / done.outputs[-1].file)
    assert abs(score - target) <= 1.0
    assert abs(score - done.found.score) <= 0.5, "what was measured on the tries is what the film has"


async def test_a_film_reaches_its_target_by_a_few_samples(long: Path, tmp_path: Path) -> None:
    done = await looked(long, tmp_path, make=True)
    assert done.found is not None
    assert done.found.reached
    assert "measured on 8 samples of 1 s" in done.found.sentence
    assert abs(whole_film(long, tmp_path / "scratch" / done.outputs[-1].file, after=6, subsample=3) - 92) <= 1.0
    assert done.told[0] == "looking for the quality: taking samples"
    assert done.told[1] == "looking for the quality: try 1, crf 22"
    assert done.told[2].startswith("looking for the quality: try 2, crf ")
    assert "; crf 22 gives " in done.told[2]
    assert done.running.doing == ""


async def test_every_repair_is_in_the_picture_that_is_measured(clips: Clips, tmp_path: Path) -> None:
    """Scaled, and whole frames made of fields: measured against the source as it is, nothing of it would score."""
    wide = clips.make("wide.mkv", [
        "-f", "lavfi", "-i", "testsrc2=size=720x480:rate=50:duration=1,scroll=h=0.01:v=0.004,tinterlace=interleave_top",
        "-c:v", "mpeg2video", "-q:v", "3", "-flags", "+ilme+ildct"])
    done = await looked(wide, tmp_path, replace(QUICK, max_height=144, max_width=256))
    target = done.plan.kept[0].target
    assert isinstance(target, VideoTarget)
    assert target.deinterlace
    assert done.found is not None
    assert done.found.reached, done.found


@pytest.mark.parametrize(("codec", "preset", "crf"), [(VideoCodec.HEVC, "ultrafast", 24.0), (VideoCodec.AV1, "12", 35.0),
                                                      (VideoCodec.VP9, "5", 35.0)])
async def test_each_encoder_is_searched_on_its_own_scale(short: Path, tmp_path: Path, codec: VideoCodec, preset: str,
                                                         crf: float) -> None:
    profile = replace(QUICK, video=codec, preset=preset, crf=crf, quality=replace(WISH, target=88.0))
    done = await looked(short, tmp_path, profile)
    assert done.found is not None
    assert done.found.reached, done.found
    assert done.found.score >= 87.9
    assert done.found.score <= 91 or done.found.crf == 63, "libvpx smooths noise away, and VMAF does not mind"


async def test_xpsnr_is_measured_as_well(short: Path, tmp_path: Path) -> None:
    done = await looked(short, tmp_path, replace(QUICK, quality=replace(WISH, metric=Metric.XPSNR, target=32.0)))
    assert done.found is not None
    assert done.found.reached
    assert 31.9 <= done.found.score <= 32.6
    assert "reaches XPSNR 32" in done.found.sentence


async def test_a_target_that_would_take_too_much_is_given_up_for_the_crf(short: Path, tmp_path: Path) -> None:
    done = await looked(short, tmp_path, replace(QUICK, crf=27.0, quality=replace(WISH, target=99.0, max_size=0.02)))
    assert done.found is not None
    assert not done.found.reached
    target = done.plan.kept[0].target
    assert isinstance(target, VideoTarget)
    assert (target.crf, target.searched) == (27.0, False)
    assert "more than max_size, 2 % of the source" in done.plan.notes[0]


async def test_a_bit_rate_that_does_not_allow_the_target_is_told(short: Path, tmp_path: Path) -> None:
    """The tries are held back by the same limit as the film."""
    done = await looked(short, tmp_path, replace(QUICK, max_bitrate=200_000, quality=replace(WISH, target=97.0)))
    assert done.found is not None
    assert not done.found.reached
    assert "(max_bitrate) does not allow it" in done.found.sentence


async def test_a_search_is_remembered_by_content_also_by_another_process(short: Path, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    async with Store.open(tmp_path / "pectin.db") as store:
        first = await looked(short, tmp_path / "one", store=store, fingerprint="1-a")
    async with Store.open(tmp_path / "pectin.db") as store:
        again = await looked(short, tmp_path / "two", store=store, fingerprint="1-a")
        other = await looked(short, tmp_path / "three", store=store, fingerprint="1-b")
    assert first.found is not None
    assert again.found == replace(first.found, remembered=True,
                                  sentence=first.found.sentence.replace("tries,", "tries of an earlier job,"))
    assert again.told == [], "nothing was run"
    assert other.found == first.found


async def test_the_plan_of_a_daemon_tells_what_is_remembered_and_never_looks(short: Path, tmp_path: Path) -> None:
    found = await with_filters()
    encoding = Encoding(tools=found, threads=2, cpus=(None,), nice=0, stall_timeout=60, probe_timeout=60)
    (tmp_path / "job").mkdir()
    async with Store.open(tmp_path / "pectin.db") as store:
        with opened(short, short.parent) as source:
            media = await look_into(source, found, timeout=60, max_pixels=QUICK.max_pixels)
            before = await settle_plan(source, media, QUICK, encoding, store.scores)
            from pectin.linux.content import fingerprint_of  # noqa: PLC0415

            await looked(short, tmp_path / "job", store=store, fingerprint=fingerprint_of(short))
            after = await settle_plan(source, media, QUICK, encoding, store.scores)
    assert before.notes == (NOT_YET,)
    assert "of an earlier job" in after.notes[0]


async def test_what_a_stop_interrupts_goes_on_with_the_tries_that_were_made(short: Path, tmp_path: Path) -> None:
    """A crash repeats only what is not remembered: here the second try."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    async with Store.open(tmp_path / "pectin.db") as store:
        put, kept = store.scores.put, []

        async def interrupted(key: str, value: str, *, now: float) -> None:
            await put(key, value, now=now)
            kept.append(value)
            raise PectinError(Cause.NO_SPACE, "as if the disk was full")

        store.scores.put = interrupted  # type: ignore[method-assign]
        with pytest.raises(PectinError) as caught:
            await looked(short, tmp_path / "one", store=store, fingerprint="1-a")
        assert caught.value.cause is Cause.NO_SPACE
        assert list((tmp_path / "one" / "scratch").iterdir()) == []
        store.scores.put = put  # type: ignore[method-assign]
        done = await looked(short, tmp_path / "two", store=store, fingerprint="1-a")
    assert len(kept) == 1
    assert done.told[0] == "looking for the quality: taking samples"
    assert done.told[1].startswith("looking for the quality: try 2, ")


async def test_trouble_with_the_search_costs_only_the_search(short: Path, tmp_path: Path) -> None:
    """An ffmpeg that loses its filter after the start was well."""
    usual = await tools.find(need_program("ffmpeg", "ffmpeg"))
    if "libvmaf" in (usual.filters or ()):
        pytest.skip("this ffmpeg has libvmaf")
    done = await looked(short, tmp_path, found=usual)
    assert done.found is not None
    assert not done.found.reached
    assert done.found.sentence.startswith("VMAF 92 was not looked for, crf 22 is taken: ")


async def test_scores_nobody_uses_are_forgotten(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "pectin.db") as store:
        await store.scores.put("old", "[]", now=100.0)
        await store.scores.put("new", "[]", now=200.0)
        await store.scores.prune(150.0)
        assert (await store.scores.get("old"), await store.scores.get("new")) == (None, "[]")


@pytest.mark.parametrize("value", ["no JSON", "{}", '[{"crf": "x"}]', "[1]", "null"])
async def test_a_memory_that_cannot_be_read_is_none(short: Path, tmp_path: Path, value: str) -> None:
    from pectin.pipeline import quality  # noqa: PLC0415

    async with Store.open(tmp_path / "pectin.db") as store:
        await store.scores.put("key", value, now=1.0)
        assert await quality._recall(store.scores, "key") == ()


def test_an_ffmpeg_without_ffprobe_is_used_with_that_of_the_path() -> None:
    found = asyncio.run(with_filters())
    assert found.mixed
    assert str(found.ffprobe) == shutil.which("ffprobe")
    assert {"libvmaf", "xpsnr", "ssim"} <= (found.filters or set())


# The alarm.

@pytest.mark.parametrize(("crf", "alarm"), [(20.0, False), (45.0, True)])
async def test_a_film_that_looks_unlike_its_source_is_told_and_made_all_the_same(long: Path, tmp_path: Path, crf: float,
                                                                                 alarm: bool) -> None:
    usual = await tools.find("auto")
    profile = Profile(preset="veryfast", crf=crf, quality=Quality(floor=0.9))
    done = await looked(long, tmp_path, profile, found=usual, make=True)
    assert done.found is None
    assert [output.role for output in done.outputs] == ["video"]
    notes = done.running.plan.notes if done.running.plan else ()
    assert done.running.below_floor is alarm
    assert any("looks unlike its source: SSIM 0." in note and "below the floor of 0.9" in note for note in notes) is alarm


async def test_a_copied_film_is_not_compared(clips: Clips, tmp_path: Path) -> None:
    done = await looked(clips.film(), tmp_path, Profile(quality=Quality(floor=1.0)), found=await tools.find("auto"), make=True)
    assert not done.running.below_floor


async def test_a_film_that_is_a_frame_off_is_still_known() -> None:
    assert (0, 1) in floor._SHIFTS
    assert (1, 0) in floor._SHIFTS


# The daemon.

def looking(target: float = 92.0, **quality: object) -> dict[str, object]:
    return {"encoder": {"threads": 1, "hardware": "cpu", "nice": 0, "ffmpeg": str(measuring_ffmpeg())},
            "profiles": {"universal": {"preset": "veryfast",
                                       "quality": {"mode": "target", "target": target, "max_size": 2.0, **quality}}}}


def test_a_job_looks_for_its_quality_and_another_of_the_same_film_remembers(tmp_path: Path, short: Path) -> None:
    with daemon(tmp_path, looking()) as running:
        running.drop(short, "One.mkv")
        one = running.job("One.mkv", "COMPLETED")
        running.stop()
        running.start()  # what was found survives
        running.drop(short, "Two.mkv")
        two = running.job("Two.mkv", "COMPLETED")
        metrics = urlopen(f"http://127.0.0.1:{running.metrics_port}/metrics", timeout=10).read().decode()
        planned = running.json("plan", str(short))
    assert "reaches VMAF 92." in one["plan"]["notes"][0]
    assert "of an earlier job" not in one["plan"]["notes"][0]
    assert "of an earlier job" in two["plan"]["notes"][0]
    assert two["plan"]["streams"][0]["target"]["crf"] == one["plan"]["streams"][0]["target"]["crf"]
    assert 'pectin_quality_searches_total{result="remembered"} 1.0' in metrics
    assert planned["plan"]["notes"] == [NOT_YET]


def test_a_search_is_seen_and_a_cancelled_one_leaves_nothing(tmp_path: Path, long_film: Path) -> None:
    sections = looking()
    sections["profiles"] = {"universal": {"preset": "placebo", "quality": {"mode": "target"}}}
    with daemon(tmp_path, sections) as running:
        running.drop(long_film)

        def busy() -> dict[str, object] | None:
            jobs = running.client().get("/v1/status")["running"]
            return jobs[0] if jobs and jobs[0]["doing"].startswith("looking for the quality: try 1, crf 22") else None

        job = until(busy, "a try is made")
        assert job["stage"] == "probing"
        assert "looking for the quality: try 1" in running.cli("status").stdout
        children = until(lambda: children_of_job(str(job["id"])), "an ffmpeg works on it")
        running.client().post(f"/v1/jobs/{job['id']}/pause")
        until(lambda: all(Path(f"/proc/{child}/stat").read_text().split()[2] == "T" for child in children), "it stands still")
        running.client().post(f"/v1/jobs/{job['id']}/resume")
        running.client().post(f"/v1/jobs/{job['id']}/cancel")
        running.job(long_film.name, "CANCELLED")
        assert children_of_job(str(job["id"])) == []
        assert not (tmp_path / "work" / str(job["id"])).exists()


def test_an_ffmpeg_without_the_filter_is_refused_with_the_reason_and_a_way_out(tmp_path: Path) -> None:
    usual = asyncio.run(tools.find(need_program("ffmpeg", "ffmpeg")))
    if "libvmaf" in (usual.filters or ()):
        pytest.skip("this ffmpeg has libvmaf")
    sections = looking() | {"encoder": {"threads": 1, "hardware": "cpu", "ffmpeg": str(usual.ffmpeg)}}
    refused = Daemon(tmp_path, sections)
    process = refused.spawn()
    assert process.wait(60) == 78
    refused.process = None
    reason = f"profiles.universal.quality: it is measured with the filter libvmaf, which {usual.ffmpeg} lacks"
    assert reason in refused.text()
    assert "quality.mode: fixed, which is better than looking for a score by SSIM" in refused.text()
    checked = refused.cli("config", "check")
    assert (checked.returncode, reason in checked.stderr) == (78, True)
    told = json.loads(refused.cli("doctor", "--json").stdout)
    assert any("measured with the filter libvmaf" in finding["what"] for finding in told)


def test_a_reload_that_asks_for_a_missing_filter_changes_nothing(tmp_path: Path) -> None:
    usual = asyncio.run(tools.find(need_program("ffmpeg", "ffmpeg")))
    if "libvmaf" in (usual.filters or ()):
        pytest.skip("this ffmpeg has libvmaf")
    with daemon(tmp_path, {"encoder": {"threads": 1, "hardware": "cpu", "ffmpeg": str(usual.ffmpeg)}}) as running:
        running.write({"profiles": {"universal": {"preset": "ultrafast", "quality": {"mode": "target"}}}})
        assert running.process is not None
        running.process.send_signal(signal.SIGHUP)
        until(lambda: "the new configuration is refused, the old one stays" in running.text(), "the reload is refused")
        assert "which " in running.text()


def test_plan_looks_for_the_quality_when_it_is_asked_to(tmp_path: Path, short: Path) -> None:
    stopped = Daemon(tmp_path, looking())
    done = stopped.cli("plan", "--measure-quality", str(short))
    assert done.returncode == 0, done.stderr
    assert "looking for the quality: try 1, crf 22" in done.stderr
    assert "reaches VMAF 92." in " ".join(done.stdout.split())

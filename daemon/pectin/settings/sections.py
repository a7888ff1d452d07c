"""The schema: one frozen class per section, every key with its default and a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    field_validator,
)

from pectin.linux.sandbox import Mode as SandboxMode
from pectin.model.artifact import Preview
from pectin.model.conflict import Conflict, Duplicates, Mtime
from pectin.model.event import EventType
from pectin.model.governor import OnBattery, Outside, YieldBy, YieldTo
from pectin.model.hardware import Wish
from pectin.model.order import Order
from pectin.model.profile import (
    AudioCodec,
    Container,
    Crop,
    Damaged,
    FastPictures,
    Hdr,
    ImageSubtitles,
    Surround,
    TextSubtitles,
    Verify,
    VideoCodec,
)
from pectin.model.quality import Metric, QualityMode
from pectin.model.rendition import Hls
from pectin.model.route import Naming
from pectin.model.schedule import WORDS, parse_window
from pectin.settings.quantities import (
    AbsolutePath,
    Allowed,
    BitRate,
    Duration,
    Listen,
    Mode,
    SecretFile,
    Size,
    When,
    WhenOrWord,
    reachable,
)
from pectin.settings.shipped import SHIPPED, merged

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$"), Allowed("a short name of a-z, 0-9, - and _, beginning with a letter or digit")]
Suffix = Annotated[str, StringConstraints(pattern=r"^\.[^/\s]{1,30}$"), Allowed("an ending such as .mydownload")]
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$"), AfterValidator(reachable), Allowed("an http:// or https:// address")]
Preset = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value), StringConstraints(pattern=r"^[a-z]{4,9}$|^[0-9]{1,2}$"), Allowed("auto, a name from ultrafast to placebo (h264, hevc) or a number: 0 to 13 (av1), 0 to 5 (vp9)")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{3}$"), Allowed("a three-letter language code such as eng or ger")]
_OFF = BeforeValidator(lambda value: "off" if value is False else value)  # YAML reads a bare `off` as false


def _limit(least: float, most: float) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": "number", "minimum": least, "maximum": most}, {"enum": ["off", False]}]})


Window = Annotated[str, AfterValidator(lambda text: parse_window(text).text), Allowed(WORDS)]


class Section(BaseModel):
    """Unknown keys are errors: a typing mistake must not silently mean the default."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Paths(Section):
    """Where Pectin keeps its own things."""

    state: AbsolutePath = Field(Path("/var/lib/pectin"), description="The database and the lock. A local disk, never a network share.")
    work: AbsolutePath = Field(Path("/srv/pectin/work"), description="The work queue: accepted sources and what is being made of them. Best on the inbox's file system: then a claim is a rename, not a copy.")
    originals: AbsolutePath = Field(Path("/srv/pectin/originals"), description="Sources whose outputs are in the library.")
    rejected: AbsolutePath = Field(Path("/srv/pectin/rejected"), description="Sources that could not be used, each beside a text that says why.")
    renditions: AbsolutePath = Field(Path("/srv/pectin/renditions"), description="Where renditions, HLS and what web players need of a film lie; not in a Jellyfin library, for what it does not know would keep it from grouping versions.")
    min_free: Size = Field(2_000_000_000, description="With less free space than this on the disk of the work queue or of a library, no new job starts; it goes on by itself.")


class RouteSettings(Section):
    """One inbox folder and the library it feeds."""

    name: Name = Field(description="How this route is called in status, logs and metrics.")
    inbox: AbsolutePath = Field(description="The folder people drop videos into.")
    library: AbsolutePath = Field(description="The library folder, as Jellyfin has it too. It must exist: Pectin never makes it, for it may be a mount that is missing right now.")
    profile: Name = Field("universal", description="What to make of the sources: a name from `profiles`.")
    own_folder: bool = Field(True, description="A film dropped at the top of the inbox gets a folder of its own name, as Jellyfin likes it.")
    naming: Naming = Field(Naming.SOURCE, description="Names in the library: the source's own, or title, year, season and episode as parsed from it (`pectin plan` shows what was understood). parsed needs guessit: pip install 'pectin[names]'.")


class Intake(Section):
    """When a file in the inbox counts as finished."""

    linger: Duration = Field(2.0, description="How long a complete file is left alone, so that the program that copied it can still set its times and attributes by name.")
    quiet: Duration = Field(15.0, description="How long a file must not change when its own structure cannot prove that it is complete.")
    give_up_after: Duration = Field(86400.0, description="A file that is cut short and has not changed for so long is rejected, with that reason. 0: never, it waits.")
    sidecar_wait: Duration = Field(600.0, description="How long after its film a subtitle, .nfo or picture of the same name may still come and is put beside it. Folders that have been emptied are removed after the same time.")
    order: Order = Field(Order.OLDEST, description="Which film comes first when several wait: the one that came first, the first by name, or the smallest.")
    rescan: Duration = Field(60.0, description="How often the inbox is walked for files whose events got lost; a walk that takes long is made less often. 0 walks only at start and on request.")
    poll: Duration = Field(10.0, description="How often an inbox on a network mount is walked: what other machines do there causes no events here. 0: only by the rescan.")
    duplicates: Duplicates = Field(Duplicates.REJECT, description="What to do with a film whose content was filed already, or is Pectin's own output: reject it, or take it all the same.")
    ignore: tuple[str, ...] = Field((), description="More names to leave alone: shell patterns against the name or the path below the inbox.")
    wait: tuple[Suffix, ...] = Field((), description="More endings of unfinished downloads: while film.mkv.ENDING lies beside film.mkv, film.mkv waits.")


class Encoder(Section):
    """How ffmpeg is run."""

    ffmpeg: str = Field("auto", description="The ffmpeg to use: auto takes jellyfin-ffmpeg when present, else the one in PATH. 5.1 or newer.")
    threads: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = Field("auto", description="The most CPU cores one job may use; auto is half of the machine's, at least one.")
    jobs: int = Field(1, ge=1, le=16, description="How many jobs run at the same time, each with its own threads.")
    nice: int = Field(10, ge=0, le=19, description="The niceness of ffmpeg: 19 gives way to everything else.")
    stall_timeout: Duration = Field(300.0, description="An ffmpeg without progress and without CPU time for so long is stopped.")
    time_limit: Duration = Field(172800.0, description="An ffmpeg that has worked for so long is stopped, and its job fails; pauses do not count. 0: never.")
    probe_timeout: Duration = Field(60.0, description="How long ffprobe may look at a file.")
    max_pixels: int = Field(40_000_000, ge=10_000, description="Larger pictures are refused: decoding them could eat all memory.")
    hardware: Wish = Field(Wish.AUTO, description="Which video hardware encodes: auto takes what is there and was seen to work, cpu none, vaapi, qsv or nvenc only such. What fails on it is made by the CPU.")
    device: AbsolutePath | Literal["auto"] = Field("auto", description="The device file of the video hardware, such as /dev/dri/renderD128; auto tries all.")
    hardware_jobs: int = Field(1, ge=1, le=16, description="How many jobs may be on video hardware at the same time, besides those on the CPU (jobs).")
    max_memory: Size | Literal["auto"] = Field("auto", description="An ffmpeg that uses more memory is stopped, and its job fails; auto is three quarters of the machine's.")
    sandbox: SandboxMode = Field(SandboxMode.AUTO, description="ffmpeg sees one film and writes one folder, without network: auto takes all the walls this machine offers, required refuses to run without them, none builds none.")


class Governor(Section):
    """When work rests, so that others have the machine. Everything here may be changed while it runs (`pectin reload`)."""

    schedule: tuple[Window, ...] = Field((), description="When jobs may run, by this machine's clock; a window over midnight belongs to the day it begins on. Empty: always.")
    outside: Outside = Field(Outside.PAUSE, description="What a running job does when the schedule closes: pause (it stands still and goes on later) or finish.")
    yield_to: Annotated[YieldTo, _OFF, WithJsonSchema({"enum": [*YieldTo, False]})] = Field(YieldTo.OFF, description="Make room for Jellyfin while it is transcoding a picture, or while anybody is playing anything. Needs the section jellyfin.")
    yield_by: YieldBy = Field(YieldBy.PAUSE, description="How to make room for Jellyfin: pause, or slow (one CPU for each job).")
    quiet: Duration = Field(60.0, description="How long it must have been quiet until work goes on.")
    max_load: Annotated[Annotated[float, Field(ge=0.05, le=1)] | Literal["off"], _OFF, _limit(0.05, 1)] = Field("off", description="Pause while other programs use more than this share of all CPUs: 0.5 is half of them. Averaged over 30 s; our own work does not count.")
    max_pressure: Annotated[Annotated[float, Field(ge=1, le=100)] | Literal["off"], _OFF, _limit(1, 100)] = Field("off", description="Pause while other services have waited for CPU or disk for more than this percentage of the last 10 s (the kernel's PSI, of the control groups beside ours).")
    max_temperature: Annotated[Annotated[float, Field(ge=30, le=120)] | Literal["off"], _OFF, _limit(30, 120)] = Field("off", description="Pause while the processor is warmer than this, in degrees Celsius; goes on at 5 less.")
    on_battery: OnBattery = Field(OnBattery.IGNORE, description="What to do on battery: pause, or ignore it.")


class PicturesSettings(Section):
    """Pictures of a film: for Jellyfin beside it, for web players among the renditions."""

    poster: WhenOrWord = Field("none", description="The film's picture: auto looks for a good frame, none makes none.")
    fanart: WhenOrWord = Field("none", description="The background.")
    thumb: WhenOrWord = Field("none", description="The landscape picture, the only one of an episode.")
    preview: Preview = Field(Preview.NONE, description="A few moving seconds.")
    preview_at: tuple[When, ...] = Field((), description="From which moments the preview is taken; empty spreads it over the film.")
    preview_seconds: Annotated[float, Field(ge=1, le=30)] = Field(3.0, description="How many seconds the preview has in all.")
    preview_width: int = Field(320, ge=64, le=1280, multiple_of=2, description="How wide the preview is.")
    trickplay: bool = Field(False, description="The pictures along the time bar, as Jellyfin 12 imports them.")
    sprite: bool = Field(False, description="The same for web players, with a WebVTT index.")


class QualitySettings(Section):
    """Quality as a wish for what is encoded."""

    mode: QualityMode = Field(QualityMode.FIXED, description="fixed takes the profile's crf; target looks on samples of each film for the crf that reaches a score (needs an ffmpeg with the metric's filter).")
    metric: Metric = Field(Metric.VMAF, description="What the score is measured by.")
    target: Annotated[float, Field(ge=20, le=100)] = Field(95.0, description="The score to reach: VMAF points, or dB of XPSNR.")
    max_size: Annotated[float, Field(gt=0, le=2)] = Field(0.8, description="A target that would make the picture larger than this part of the source is given up for the crf.")
    floor: Annotated[float, Field(ge=0.5, le=1)] | None = Field(None, description="An SSIM below which a finished film is reported; empty: nobody looks.")


class ProfileSettings(Section):
    """What a profile makes. The defaults direct-play on every Jellyfin client."""

    video: VideoCodec = Field(VideoCodec.H264, description="The codec of the picture; copy never encodes it.")
    container: Container = Field(Container.MP4, description="The kind of file; source takes the source's own file as it is.")
    preset: Preset = Field("auto", description="The encoder's speed: slower makes smaller files of the same quality. auto is medium (h264, hevc), 6 (av1) or 2 (vp9).")
    crf: Annotated[float, Field(ge=1, le=63)] | Literal["auto"] = Field("auto", description="The encoder's quality: lower is better and larger. auto is 22 (h264, hevc), 30 (av1) or 31 (vp9).")
    max_height: int = Field(1080, ge=144, le=4320, multiple_of=2, description="Higher pictures are scaled down to this many lines.")
    max_frame_rate: int = Field(30, ge=10, le=120, description="More frames per second than this are too many above 720p; up to 720p twice as many may stay.")
    fast_pictures: FastPictures = Field(FastPictures.HALVE, description="What becomes of a picture with too many frames: halve leaves every second one out, 720p makes it smaller.")
    max_bitrate: BitRate = Field(8_000_000, ge=500_000, le=200_000_000, description="The most the whole file may need on average. Some clients take no more than 8M.")
    hdr: Hdr = Field(Hdr.TONEMAP, description="HDR pictures are tone-mapped to SDR, or kept (hevc and av1 only).")
    crop: Crop = Field(Crop.NONE, description="auto cuts black borders off, where the picture is encoded anyway.")
    audio: AudioCodec = Field(AudioCodec.AAC, description="The codec of the stereo track; copy never encodes sound.")
    audio_bitrate: BitRate = Field(160_000, ge=64_000, le=320_000, description="The bit rate of the stereo sound track.")
    surround: Surround = Field(Surround.AC3, description="Surround sound stays as a second track: copied where clients know it, else encoded to this. none: no such track.")
    loudness: Annotated[float, Field(ge=-40, le=-10)] | None = Field(None, description="Brings encoded sound to this loudness in LUFS (EBU R128; -23 is broadcast, -16 the web). Empty leaves it.")
    languages: tuple[Language, ...] = Field((), description="Preferred languages of the first sound track; empty takes the source's default.")
    subtitles: TextSubtitles = Field(TextSubtitles.SRT, description="Text subtitles become .srt files beside the film, or tracks inside it (embed), or nothing (none).")
    image_subtitles: ImageSubtitles = Field(ImageSubtitles.KEEP, description="Subtitles that are pictures are kept in a file beside the original; burn-forced makes the forced track part of the picture.")
    verify: Verify = Field(Verify.FULL, description="How an output is proven before it is published: every frame is decoded (full), or its key frames and last ten seconds (quick).")
    damaged_source: Damaged = Field(Damaged.REJECT, description="What becomes of a film that is cut short or damaged: reject sets it aside, publish files what there is of it.")
    extra: tuple[str, ...] = Field((), description="More options for ffmpeg's output, such as ['-tune:v', 'animation']. Those that Pectin sets itself are refused.")
    renditions: tuple[Annotated[int, Field(ge=144, le=2160, multiple_of=2)] | Literal["original"], ...] = Field((), description="Further versions of the film: heights such as 720 and 480, and original for the source's own picture where MP4 can hold it. Never enlarged.")
    rendition_files: bool = Field(True, description="Renditions are kept as files; false: only as HLS.")
    versions: bool = Field(False, description="Renditions stand in the library, as versions of the film that Jellyfin lets one choose from; else in paths.renditions.")
    hls: Hls = Field(Hls.NONE, description="A set for web players of the film and its renditions: fmp4 or ts segments of 6 s.")
    pictures: PicturesSettings = Field(PicturesSettings())
    nfo: bool = Field(False, description="An .nfo file with title, year, ids and the day the film was added, where none came with the source.")
    quality: QualitySettings = Field(QualitySettings())


class Publish(Section):
    """How files are placed in the library."""

    file_mode: Mode = Field(0o664, description="The permissions of files in the library.")
    folder_mode: Mode = Field(0o775, description="The permissions of folders that Pectin makes in the library.")
    group: str | None = Field(None, description="The group that owns files and folders in the library; empty leaves it to the folder.")
    owner: str | None = Field(None, description="The user who owns them; empty is the daemon's own. Another one needs CAP_CHOWN, which the unit does not give.")
    mtime: Mtime = Field(Mtime.NOW, description="The time of files in the library: now, when they were placed, or the source's.")
    conflict: Conflict = Field(Conflict.KEEP_BOTH, description="When a film has the name of one that is there already: keep-both gives the new one a version's name, replace archives the old one, reject sets the source aside.")


class Originals(Section):
    """What happens to a source after publishing."""

    keep: Duration | Literal["forever"] = Field(14 * 86400.0, description="How long an original is kept after its outputs are in the library, or forever.")
    max_size: Size | Literal["unlimited"] = Field("unlimited", description="How much all originals may take together; beyond it the oldest whose outputs are all there go first.")


class Retry(Section):
    """When a job that met trouble is tried again."""

    attempts: int = Field(3, ge=1, le=20, description="How often a job may fail before it is given up.")
    first: Duration = Field(30.0, description="The wait before the second try; it doubles each time.")
    cap: Duration = Field(3600.0, description="The longest wait between two tries.")
    max_interruptions: int = Field(3, ge=1, le=20, description="How often the daemon may die under a job before the job is set aside.")


class History(Section):
    """What is remembered of jobs that are over."""

    keep: Duration | Literal["forever"] = Field(365 * 86400.0, description="How long a job that is over, and whose original is gone, is remembered.")


class Webhook(Section):
    """One receiver of events. Signed as in Standard Webhooks."""

    name: Name = Field(description="How this receiver is called in status, logs and metrics.")
    url: HttpUrl = Field(description="Where events are posted to.")
    secret_file: SecretFile | None = Field(None, description="The signing secret (whsec_...): a file, or credential:NAME. Without one, nothing is signed.")
    events: tuple[EventType, ...] = Field(tuple(EventType), description="Which events this receiver gets.")
    timeout: Duration = Field(10.0, description="How long one delivery may take.")


class PathMap(Section):
    """One folder as Pectin sees it and as Jellyfin sees it (containers mount them elsewhere)."""

    ours: AbsolutePath = Field(description="The folder here.")
    theirs: str = Field(min_length=1, description="The same folder as Jellyfin names it; on Windows for instance D:\\Films.")


class Jellyfin(Section):
    """The server to tell about new films."""

    url: HttpUrl | None = Field(None, description="Jellyfin's address, with its base path if it has one. Empty: Jellyfin finds new films by itself, later.")
    key_file: SecretFile | None = Field(None, description="An API key (Dashboard, API Keys): a file, or credential:NAME.")
    map: tuple[PathMap, ...] = Field((), description="Folders that Jellyfin sees under another path.")
    timeout: Duration = Field(10.0, description="How long one request may take.")


class Hook(Section):
    """One program that is run at an event."""

    name: Name = Field(description="How this hook is called in status, logs and metrics.")
    run: AbsolutePath = Field(description="The executable. It gets the event in its environment and as a JSON file; see hooks/README.md.")
    events: tuple[EventType, ...] = Field((EventType.COMPLETED,), description="At which events it is run.")
    timeout: Duration = Field(30.0, description="It is stopped after this long.")


class Socket(Section):
    """The status socket that the command line and curl --unix-socket use."""

    path: AbsolutePath = Field(Path("/run/pectin/pectin.sock"), description="Where the socket lies.")
    group: str | None = Field(None, description="The group that may use it (mode 0660); empty is the daemon's own.")


class Metrics(Section):
    """Figures for Prometheus."""

    listen: Listen = Field("127.0.0.1:9847", description="Where /metrics is served, or off.")


class Log(Section):
    """What goes to stderr, and so to the journal."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least important messages that are written.")
    format: Literal["text", "json"] = Field("text", description="Lines for people, or one JSON object per line.")


class Settings(Section):
    """Everything."""

    paths: Paths = Field(Paths())
    routes: tuple[RouteSettings, ...] = Field((RouteSettings(name="films", inbox=Path("/srv/pectin/inbox"), library=Path("/srv/pectin/library")),), min_length=1, description="Which inbox feeds which library.")
    intake: Intake = Field(Intake())
    encoder: Encoder = Field(Encoder())
    governor: Governor = Field(Governor())
    profiles: dict[Name, ProfileSettings] = Field({name: ProfileSettings.model_validate(keys) for name, (_, keys) in SHIPPED.items()}, description="What to make of a source, by name. These are there by themselves; what you change in one leaves the rest of it as it is, and a new one begins as universal.")
    publish: Publish = Field(Publish())
    originals: Originals = Field(Originals())
    retry: Retry = Field(Retry())
    history: History = Field(History())
    webhooks: tuple[Webhook, ...] = Field((), description="Who is told about events.")
    jellyfin: Jellyfin = Field(Jellyfin())
    hooks: tuple[Hook, ...] = Field((), description="Programs that are run at events.")
    socket: Socket = Field(Socket())
    metrics: Metrics = Field(Metrics())
    log: Log = Field(Log())

    @field_validator("profiles", mode="before")
    @classmethod
    def _over_the_shipped(cls, value: object) -> object:
        return merged(value) if isinstance(value, dict) else value

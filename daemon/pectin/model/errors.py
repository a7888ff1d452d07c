"""Every reason for which Pectin refuses, retries, pauses or gives up: one enum, one sentence and one next step each."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What a cause means for the job it happens to."""

    REFUSAL = "refusal"      # the source is at fault: REJECTED, trying again would not help
    TRANSIENT = "transient"  # may pass: retried with backoff, counted as an attempt
    RESOURCE = "resource"    # the machine lacks something: retried until it is back, not counted
    PERMANENT = "permanent"  # trying again gives the same: FAILED at once
    BUG = "bug"              # our fault: FAILED at once, with a traceback in the log
    WISH = "wish"            # somebody asked for it, or the daemon stops in good order


class Cause(StrEnum):
    """Why something did not go on. The value is the metric label and the JSON value."""

    EMPTY_FILE = "empty_file"
    TRUNCATED = "truncated"
    DUPLICATE = "duplicate"
    OWN_OUTPUT = "own_output"
    NAME_EXISTS = "name_exists"
    NOT_A_VIDEO = "not_a_video"
    NO_VIDEO_STREAM = "no_video_stream"
    NO_PICTURE_SIZE = "no_picture_size"
    PICTURE_TOO_LARGE = "picture_too_large"
    TOO_MANY_STREAMS = "too_many_streams"
    DOLBY_VISION_WITHOUT_BASE = "dolby_vision_without_base"
    NO_DECODER = "no_decoder"
    NO_SOUND = "no_sound"
    DAMAGED_SOURCE = "damaged_source"
    CANNOT_COPY = "cannot_copy"
    UNREADABLE = "unreadable"

    PROBE_FAILED = "probe_failed"
    PROBE_TIMEOUT = "probe_timeout"
    FFMPEG_FAILED = "ffmpeg_failed"
    FFMPEG_STALLED = "ffmpeg_stalled"
    FFMPEG_KILLED = "ffmpeg_killed"
    FFMPEG_TOO_LONG = "ffmpeg_too_long"
    FFMPEG_MEMORY = "ffmpeg_memory"
    OUTPUT_TOO_LARGE = "output_too_large"
    FFMPEG_MISSING = "ffmpeg_missing"
    FFMPEG_TOO_OLD = "ffmpeg_too_old"
    FFMPEG_UNUSABLE = "ffmpeg_unusable"
    SANDBOX_MISSING = "sandbox_missing"
    OUTPUT_WRONG = "output_wrong"
    NO_SUCH_MOMENT = "no_such_moment"
    OUTPUT_LOST = "output_lost"
    SOURCE_LOST = "source_lost"
    ROUTE_GONE = "route_gone"

    LIBRARY_MISSING = "library_missing"
    LIBRARY_NOT_MOUNTED = "library_not_mounted"
    INBOX_NOT_MOUNTED = "inbox_not_mounted"
    NO_SPACE = "no_space"
    DISK_LOW = "disk_low"
    READ_ONLY = "read_only"
    NO_PERMISSION = "no_permission"
    IO_ERROR = "io_error"
    NAME_TAKEN = "name_taken"

    STORE_TOO_NEW = "store_too_new"
    STORE_DAMAGED = "store_damaged"
    ADDRESS_UNUSABLE = "address_unusable"

    DAEMON_STOPPED = "daemon_stopped"
    DAEMON_DIED = "daemon_died"
    TOO_MANY_INTERRUPTIONS = "too_many_interruptions"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    CANCELLED_BY_USER = "cancelled_by_user"
    REQUEUED_BY_USER = "requeued_by_user"
    REDONE_BY_USER = "redone_by_user"
    UNDONE_BY_USER = "undone_by_user"
    PAUSED_BY_USER = "paused_by_user"
    JOB_PAUSED_BY_USER = "job_paused_by_user"
    SLOWED_BY_USER = "slowed_by_user"
    DRAINING = "draining"
    OUTSIDE_SCHEDULE = "outside_schedule"
    JELLYFIN_TRANSCODES = "jellyfin_transcodes"
    JELLYFIN_PLAYS = "jellyfin_plays"
    MACHINE_BUSY = "machine_busy"
    UNDER_PRESSURE = "under_pressure"
    TOO_HOT = "too_hot"
    ON_BATTERY = "on_battery"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Meaning:
    """How a cause is treated and told: its kind, a sentence for a person, and what that person can do."""

    kind: Kind
    sentence: str
    next_step: str


def _table() -> Mapping[Cause, Meaning]:
    c, k = Cause, Kind
    return {
        c.EMPTY_FILE: Meaning(k.REFUSAL, "the file is empty", "copy the film again"),
        c.TRUNCATED: Meaning(k.REFUSAL, "nobody has completed this file",
                             "copy the film again; `pectin retry` takes it as it is"),
        c.DUPLICATE: Meaning(k.REFUSAL, "this very film was filed already",
                             "delete it; or `pectin retry` takes it all the same, as intake.duplicates: keep does for all"),
        c.OWN_OUTPUT: Meaning(k.REFUSAL, "this file was made by Pectin itself, and fits already",
                              "put it into the library by hand; or `pectin retry` takes it all the same"),
        c.NAME_EXISTS: Meaning(k.REFUSAL, "the library has a film of this name, and publish.conflict is reject",
                               "rename or remove one of them, then `pectin retry`"),
        c.NOT_A_VIDEO: Meaning(k.REFUSAL, "ffprobe does not recognise this as a media file",
                               "check the file with a player; copy it again if it was cut short"),
        c.NO_VIDEO_STREAM: Meaning(k.REFUSAL, "there is no moving picture in this file",
                                   "put music and other audio into its own library by hand"),
        c.NO_PICTURE_SIZE: Meaning(k.REFUSAL, "the picture has no known width and height",
                                   "the file is probably damaged: copy it again"),
        c.PICTURE_TOO_LARGE: Meaning(k.REFUSAL, "the picture has more pixels than is safe to decode",
                                     "raise encoder.max_pixels if you trust this file"),
        c.TOO_MANY_STREAMS: Meaning(k.REFUSAL, "the file has more than a hundred streams, which no film has",
                                    "take what you need out of it with mkvmerge or ffmpeg, and drop that"),
        c.DOLBY_VISION_WITHOUT_BASE: Meaning(k.REFUSAL, "Dolby Vision profile 5 has no picture that other players can show",
                                              "look for a release with an HDR10 base layer (profile 7 or 8)"),
        c.NO_DECODER: Meaning(k.REFUSAL, "this ffmpeg has no decoder for a codec in this film",
                              "install a fuller ffmpeg (jellyfin-ffmpeg) and retry"),
        c.NO_SOUND: Meaning(k.REFUSAL, "none of the film's sound tracks can be used",
                            "look for another release; or `pectin retry` makes it a silent film"),
        c.DAMAGED_SOURCE: Meaning(k.REFUSAL, "the film is damaged or cut short",
                                  "copy it again; or `pectin retry`, or damaged_source: publish in the profile, files what there "
                                  "is of it"),
        c.CANNOT_COPY: Meaning(k.REFUSAL, "this profile only copies, and the film's picture cannot be copied into its container",
                               "use a profile that encodes, or container: mkv"),
        c.UNREADABLE: Meaning(k.RESOURCE, "the daemon may not read this file",
                              "give user pectin read and write permission on the file and its folder"),
        c.PROBE_FAILED: Meaning(k.TRANSIENT, "ffprobe failed", "see the message; `pectin retry` tries again"),
        c.PROBE_TIMEOUT: Meaning(k.TRANSIENT, "ffprobe took too long", "check the disk the file lies on"),
        c.FFMPEG_FAILED: Meaning(k.TRANSIENT, "ffmpeg failed", "see the last lines of ffmpeg's output in `pectin show`"),
        c.FFMPEG_STALLED: Meaning(k.TRANSIENT, "ffmpeg made no progress and was stopped",
                                  "check the disk; raise encoder.stall_timeout on a very slow machine"),
        c.FFMPEG_KILLED: Meaning(k.TRANSIENT, "ffmpeg was killed from outside (often: out of memory)",
                                 "look for the OOM killer in `journalctl -k`; lower encoder.threads or encoder.jobs"),
        c.FFMPEG_TOO_LONG: Meaning(k.PERMANENT, "ffmpeg worked longer than encoder.time_limit and was stopped",
                                   "raise encoder.time_limit if this film may take so long, then `pectin retry`"),
        c.FFMPEG_MEMORY: Meaning(k.PERMANENT, "ffmpeg wanted more memory than it may have",
                                 "raise encoder.max_memory or lower encoder.threads if you trust this file, then `pectin retry`"),
        c.OUTPUT_TOO_LARGE: Meaning(k.PERMANENT, "what ffmpeg wrote grew beyond all measure",
                                    "the source is probably damaged or hostile: try it in a player"),
        c.FFMPEG_MISSING: Meaning(k.RESOURCE, "ffmpeg was not found", "apt install ffmpeg, or set encoder.ffmpeg"),
        c.FFMPEG_TOO_OLD: Meaning(k.RESOURCE, "this ffmpeg is older than 5.1", "install ffmpeg 5.1 or newer"),
        c.FFMPEG_UNUSABLE: Meaning(k.RESOURCE, "this ffmpeg cannot do the work",
                                   "install a complete ffmpeg (Debian's own or jellyfin-ffmpeg), or set encoder.ffmpeg"),
        c.SANDBOX_MISSING: Meaning(k.RESOURCE, "ffmpeg cannot be confined on this machine",
                                   "`pectin doctor` says what is missing; encoder.sandbox: auto runs it all the same"),
        c.OUTPUT_WRONG: Meaning(k.PERMANENT, "what ffmpeg produced did not pass the verification",
                                "the source may be damaged: try it in a player, then `pectin retry`"),
        c.NO_SUCH_MOMENT: Meaning(k.PERMANENT, "the film has no such moment",
                                  "choose an earlier one in the profile's pictures, or a part of the film such as 40%"),
        c.OUTPUT_LOST: Meaning(k.TRANSIENT, "the finished output is no longer where it was", "it is made again by itself"),
        c.SOURCE_LOST: Meaning(k.PERMANENT, "the source is no longer in the work folder", "drop the file into the inbox again"),
        c.ROUTE_GONE: Meaning(k.RESOURCE, "the configuration no longer has this job's route or profile",
                              "add it again and reload, or cancel the job"),
        c.LIBRARY_MISSING: Meaning(k.RESOURCE, "the library folder does not exist",
                                     "create or mount it; the job goes on by itself"),
        c.LIBRARY_NOT_MOUNTED: Meaning(k.RESOURCE, "nothing is mounted where the library was: this folder is not the library",
                                       "mount it again, and the job goes on by itself; or, if it has really moved, run "
                                       "`pectin accept-mounts`"),
        c.INBOX_NOT_MOUNTED: Meaning(k.RESOURCE, "nothing is mounted where the inbox was: files in this folder are not taken",
                                     "mount it again; or, if it has really moved, run `pectin accept-mounts`"),
        c.DISK_LOW: Meaning(k.RESOURCE, "there is too little free space on the disk",
                            "free some space or lower paths.min_free; the job goes on by itself"),
        c.NO_SPACE: Meaning(k.RESOURCE, "the disk is full", "free some space; the job goes on by itself"),
        c.READ_ONLY: Meaning(k.RESOURCE, "the file system is read-only",
                             "remount it writable, or open it to the daemon (ReadWritePaths= in its unit, see the README); the "
                             "job goes on by itself"),
        c.NO_PERMISSION: Meaning(k.RESOURCE, "permission denied", "give user pectin write permission on that folder"),
        c.IO_ERROR: Meaning(k.TRANSIENT, "the operating system reported an I/O error", "check the disk and `journalctl -k`"),
        c.NAME_TAKEN: Meaning(k.TRANSIENT, "another file took the name in the library meanwhile",
                                "another name is chosen by itself"),
        c.STORE_TOO_NEW: Meaning(k.PERMANENT, "the database was written by a newer Pectin",
                                 "install that version again, or restore a backup made before the upgrade"),
        c.STORE_DAMAGED: Meaning(k.RESOURCE, "the database is damaged",
                                 "check the disk, then start the daemon again: it sets the database aside and takes the jobs up "
                                 "again from the files; or restore a backup. Sources and library files are not touched"),
        c.ADDRESS_UNUSABLE: Meaning(k.RESOURCE, "cannot listen on this address",
                                    "choose another address or port, or stop the program that uses it"),
        c.DAEMON_STOPPED: Meaning(k.WISH, "the daemon was stopped; the job begins again at the next start", "nothing to do"),
        c.DAEMON_DIED: Meaning(k.TRANSIENT, "the daemon died while this job ran", "nothing to do; it begins again by itself"),
        c.TOO_MANY_INTERRUPTIONS: Meaning(k.PERMANENT, "the daemon died too often while this job ran",
                                          "the file may be hostile or the memory too small; `pectin retry` tries once more"),
        c.TOO_MANY_ATTEMPTS: Meaning(k.PERMANENT, "it failed as often as retry.attempts allows",
                                     "mend what the attempts say, then `pectin retry`"),
        c.CANCELLED_BY_USER: Meaning(k.WISH, "somebody cancelled the job", "`pectin retry` takes it up again"),
        c.REQUEUED_BY_USER: Meaning(k.WISH, "somebody asked for another try", "nothing to do"),
        c.REDONE_BY_USER: Meaning(k.WISH, "somebody wants it made again", "nothing to do"),
        c.UNDONE_BY_USER: Meaning(k.WISH, "somebody took it back: the original is where it came from, the outputs are withdrawn",
                                  "`pectin retry` takes it up again"),
        c.PAUSED_BY_USER: Meaning(k.WISH, "somebody paused the queue", "`pectin resume` goes on"),
        c.JOB_PAUSED_BY_USER: Meaning(k.WISH, "somebody paused this job", "`pectin resume JOB` goes on"),
        c.SLOWED_BY_USER: Meaning(k.WISH, "somebody gave this job fewer CPUs", "`pectin limit JOB all` gives it all again"),
        c.DRAINING: Meaning(k.WISH, "the queue drains: what runs is finished, nothing new starts", "`pectin resume` goes on"),
        c.OUTSIDE_SCHEDULE: Meaning(k.RESOURCE, "it is not the time to work by governor.schedule",
                                    "it goes on by itself; governor.schedule says when"),
        c.JELLYFIN_TRANSCODES: Meaning(k.RESOURCE, "Jellyfin needs the power: it transcodes",
                                       "it goes on by itself after governor.quiet"),
        c.JELLYFIN_PLAYS: Meaning(k.RESOURCE, "somebody watches or listens with Jellyfin",
                                  "it goes on by itself after governor.quiet"),
        c.MACHINE_BUSY: Meaning(k.RESOURCE, "other programs need the CPUs",
                                "it goes on by itself; governor.max_load is the limit"),
        c.UNDER_PRESSURE: Meaning(k.RESOURCE, "other programs wait for CPU or disk",
                                  "it goes on by itself; governor.max_pressure is the limit"),
        c.TOO_HOT: Meaning(k.RESOURCE, "the machine is too warm",
                           "it goes on by itself when it is cooler; governor.max_temperature is the limit"),
        c.ON_BATTERY: Meaning(k.RESOURCE, "the machine runs on battery", "it goes on by itself when the mains are back"),
        c.INTERNAL: Meaning(k.BUG, "Pectin itself failed", "please report it with the log lines of this job"),
    }


MEANINGS: Mapping[Cause, Meaning] = MappingProxyType(_table())


_OS_CAUSES: Mapping[int, Cause] = MappingProxyType({
    errno.ENOSPC: Cause.NO_SPACE,
    errno.EDQUOT: Cause.NO_SPACE,
    errno.EROFS: Cause.READ_ONLY,
    errno.EACCES: Cause.NO_PERMISSION,
    errno.EPERM: Cause.NO_PERMISSION,
})


def os_cause(error: OSError) -> Cause:
    """What the operating system's refusal means for a job. ENOENT and EEXIST mean something else in every place: whoever
    knows the place looks at them first."""
    return _OS_CAUSES.get(error.errno or 0, Cause.IO_ERROR)


class PectinError(Exception):
    """Something did not go on, for a known cause. `detail` holds the facts of this case (paths, numbers, ffmpeg's words)."""

    def __init__(self, cause: Cause, detail: str = "") -> None:
        self.cause = cause
        self.detail = detail
        super().__init__(self.sentence)

    @property
    def meaning(self) -> Meaning:
        return MEANINGS[self.cause]

    @property
    def sentence(self) -> str:
        """The cause's sentence with the facts of this case behind it."""
        sentence = MEANINGS[self.cause].sentence
        return f"{sentence}: {self.detail}" if self.detail else sentence

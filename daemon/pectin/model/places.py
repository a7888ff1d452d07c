"""Where the source of a job lies: one folder per job below work/, originals/ or rejected/, never two at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePath

CLAIM_NOTE = "claim.json"  # written before the source is moved in, so that a crash in between can be put right
# Beside a source that rests. With a leading dot: the intake takes nothing of such a name, so no source or sidecar has it.
JOB_NOTE = ".job.json"    # what the job was, for a database that has to be made anew
REPLACED = ".replaced"    # files of the library that the job's outputs have replaced


@dataclass(frozen=True, slots=True)
class Places:
    """The three roots. All paths below them are `<root>/<job id>/...`."""

    work: Path
    originals: Path
    rejected: Path

    def job_folder(self, job_id: str) -> Path:
        """The job's folder in the work queue: the claim note, `source/`, `sidecars/`, `scratch/` and `out/`."""
        return self.work / job_id

    def claim_note(self, job_id: str) -> Path:
        return self.work / job_id / CLAIM_NOTE

    def source(self, job_id: str, relative: PurePath) -> Path:
        """The source while the job is PENDING, PROCESSING or PUBLISHING: its own name, in `source/`."""
        return self.work / job_id / "source" / relative.name

    def sidecars(self, job_id: str) -> Path:
        """What came with the source (subtitles, .nfo, pictures), by its path below the source's own inbox folder."""
        return self.work / job_id / "sidecars"

    def scratch(self, job_id: str) -> Path:
        """What ffmpeg writes; wiped whenever the job starts (again)."""
        return self.work / job_id / "scratch"

    def out(self, job_id: str) -> Path:
        """Verified outputs, kept until they are in the library."""
        return self.work / job_id / "out"

    def original(self, job_id: str, relative: PurePath) -> Path:
        """The source after publishing, with its folder structure."""
        return self.originals / job_id / relative

    def set_aside(self, job_id: str, relative: PurePath) -> Path:
        """The source of a job that ended REJECTED, FAILED or CANCELLED, with its folder structure."""
        return self.rejected / job_id / relative

    def replaced(self, job_id: str) -> Path:
        """What was in the library before this job's outputs took its names, by its path below the library."""
        return self.originals / job_id / REPLACED

    def job_notes(self, job_id: str) -> tuple[Path, Path]:
        """Where the job's note may lie: beside the original, or beside a source that was set aside."""
        return self.originals / job_id / JOB_NOTE, self.rejected / job_id / JOB_NOTE

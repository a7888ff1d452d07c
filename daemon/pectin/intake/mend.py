"""After a crash during a claim: finish it, or take back what it had begun."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from pectin.intake.note import Claim
from pectin.intake.taking import ARRIVING, StrandedError, aside_name, give_back, sync_names
from pectin.linux.beneath import open_folder
from pectin.linux.crash import CrashPoint, reached
from pectin.linux.move import fsync_folder
from pectin.model.errors import Cause, PectinError
from pectin.model.places import Places


def mend(claimed: Claim, root: Path, places: Places) -> bool:
    """Finish the claim (True: the source is in the work queue and nowhere else) or take back what it had
    begun (False: the inbox has the file, the job folder is gone). May be called again, also for claims that were complete.
    Raises OSError, PectinError as claim does."""
    source = places.source(claimed.job_id, claimed.relative)
    aside = aside_name(claimed.job_id)
    taken = os.path.lexists(source)
    with contextlib.ExitStack() as opened:
        try:
            folder = open_folder(claimed.inbox_path.parent, root)
            opened.callback(os.close, folder)
            os.stat(aside, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            # Nothing was put aside: the claim was a rename, or never came so far, or was complete. Unless the inbox is away
            # (not mounted yet): then the film may wait in it under its hidden name, and only this folder knows of that.
            if not taken and not root.is_dir() and (places.job_folder(claimed.job_id) / ARRIVING).exists():
                raise PectinError(Cause.UNREADABLE, f"the inbox {root} is away") from None
        else:
            if taken:
                os.unlink(aside, dir_fd=folder)
            else:
                try:
                    give_back(aside, folder, folder, claimed)
                except StrandedError as error:
                    raise PectinError(Cause.IO_ERROR, f"{claimed.inbox_path}: {error}") from error
            sync_names(folder)
    if not taken:
        shutil.rmtree(places.job_folder(claimed.job_id))
        fsync_folder(places.work)
    reached(CrashPoint.CLAIM_MENDED)
    return taken

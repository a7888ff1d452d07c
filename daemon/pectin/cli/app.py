"""The commands that speak to the running daemon. Each is one question over the socket and one way to show the answer."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import typer

from pectin import __version__
from pectin.cli import backup, configuration, doctor, doctor_hardware, planning, render, watching
from pectin.cli.answers import address, done, print_json, told
from pectin.cli.client import Client, CommandError, socket_path
from pectin.cli.plan_view import plan_view
from pectin.model.statuses import ExitStatus
from pectin.settings.quantities import parse_duration

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
JobId = Annotated[str, typer.Argument(help="The job's id; its beginning is enough.", show_default=False)]

COPYING = 6 * 3600.0  # seconds until a command gives up that moves a film: a slow disk and a long film

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False,
                  help="Pectin sets jelly: it transcodes videos ahead of time, so that Jellyfin never has to do it live.")
app.add_typer(configuration.app, name="config")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"pectin {__version__}")
        raise typer.Exit


@app.callback()
def options(
        context: typer.Context,
        config: Annotated[Path | None, typer.Option("--config", "-c", help="The configuration file.", show_default=False)] = None,
        socket: Annotated[Path | None, typer.Option("--socket", help="The daemon's socket.", show_default=False)] = None,
        _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    context.obj = {"config": config, "socket": socket}


def client(context: typer.Context) -> Client:
    return Client(socket_path(context.obj["socket"], context.obj["config"]))


def patient(context: typer.Context) -> Client:
    """For what may have to copy a film from one disk to another."""
    return Client(socket_path(context.obj["socket"], context.obj["config"]), timeout=COPYING)


@app.command()
def status(context: typer.Context, as_json: JsonFlag = False,
           inbox: Annotated[bool, typer.Option(
               "--inbox", help="Only the inboxes: how they are watched, what lies in them, and why.")] = False,
           ) -> None:
    """What is going on. Running jobs, the queue, what waits in the inbox and why."""
    connection = client(context)
    answer = connection.get("/v1/status")
    if inbox:
        answer["waiting"] = _whole_inbox(connection)
    if as_json:
        print_json({key: answer[key] for key in ("inboxes", "waiting", "waiting_total")} if inbox else answer)
    else:
        render.console().print(render.whole_inbox_view(answer) if inbox else render.status_view(answer))


def _whole_inbox(connection: Client) -> list[Any]:
    """All pages: whoever asks for the inbox looks for one certain file."""
    files: list[Any] = []
    for number in count(1):
        page = connection.get("/v1/inbox", page=number, limit=500)
        files += page["files"]
        if number * page["limit"] >= page["total"]:
            break
    return files


@app.command()
def jobs(context: typer.Context, as_json: JsonFlag = False,
         state: Annotated[list[str] | None, typer.Option("--state", "-s", help="Only this state; may be repeated.")] = None,
         search: Annotated[str, typer.Option("--search", help="Only jobs with this in their path.")] = "",
         page: Annotated[int, typer.Option(min=1, max=1_000_000, help="Which page of the list.")] = 1,
         limit: Annotated[int, typer.Option(min=1, max=500, help="How many jobs are on a page.")] = 50) -> None:
    """List jobs, newest first."""
    wanted = [s.upper() for s in state] if state else None
    answer = client(context).get("/v1/jobs", state=wanted, search=search or None, page=page, limit=limit)
    if as_json:
        print_json(answer)
    else:
        render.console().print(render.jobs_view(answer))


@app.command()
def show(context: typer.Context, job: JobId, as_json: JsonFlag = False) -> None:
    """Everything about one job. What was decided and why, where its files are, what happened to it."""
    answer = client(context).get(address(job))
    if as_json:
        print_json(answer)
    else:
        render.console().print(render.job_view(answer))


@app.command()
def watch(context: typer.Context, as_json: JsonFlag = False,
          job: Annotated[str | None, typer.Argument(help="Only until this job is over.", show_default=False)] = None) -> None:
    """Live progress bars; Ctrl-C ends the watching, not the jobs. Into a file or a pipe it prints what has changed, with --json
    one line per look."""
    watching.watch(client(context), job, as_json=as_json)


@app.command()
def cancel(context: typer.Context, job: JobId, as_json: JsonFlag = False) -> None:
    """Stop a job. Its source is set aside, nothing is deleted; `pectin retry` takes it up again."""
    told(client(context).post(f"{address(job)}/cancel"), as_json)


@app.command()
def retry(context: typer.Context, job: JobId, as_json: JsonFlag = False) -> None:
    """Try a job again that failed, was rejected, cancelled or undone."""
    told(patient(context).post(f"{address(job)}/retry"), as_json)


@app.command()
def redo(context: typer.Context, job: JobId, as_json: JsonFlag = False,
         profile: Annotated[str | None, typer.Option("--profile", help="Another profile than last time.",
                                                     show_default=False)] = None) -> None:
    """Make a completed job once more from its original. What is in the library stays until the new files take its place."""
    told(patient(context).post(f"{address(job)}/redo", profile=profile), as_json)


@app.command()
def undo(context: typer.Context, job: JobId, as_json: JsonFlag = False,
         to: Annotated[Path | None, typer.Option("--to", help="A folder for the original, instead of the one it came from.",
                                                 show_default=False)] = None) -> None:
    """Take a completed job back. The original goes back where it came from, the files leave the library; those that somebody has
    changed since stay. `pectin retry` takes it up again."""
    told(patient(context).post(f"{address(job)}/undo", to=_text(to.absolute()) if to is not None else None), as_json)


def _text(path: Path) -> str:
    try:
        return os.fsencode(path).decode("utf-8")
    except UnicodeDecodeError:
        raise CommandError(ExitStatus.FAILED, "the folder's name is not UTF-8: it cannot be told to the daemon") from None


@app.command()
def pause(context: typer.Context, as_json: JsonFlag = False,
          job: Annotated[str | None, typer.Argument(help="Only this running job.", show_default=False)] = None,
          length: Annotated[str | None, typer.Option("--for", help="Only for so long, such as 90min or 2h.",
                                                     show_default=False)] = None) -> None:
    """Start nothing new; what runs stands still. Until `pectin resume`, also over a restart. With a job: only that one stands
    still, until `pectin resume JOB`."""
    if job is not None and length is not None:
        raise CommandError(ExitStatus.FAILED, "--for is for the whole queue: `pectin pause --for 2h`")
    if job is not None:
        told(client(context).post(f"{address(job)}/pause"), as_json)
    else:
        done(client(context).post("/v1/pause", seconds=None if length is None else _seconds(length)), as_json)


def _seconds(text: str) -> float:
    try:
        found = float(str(parse_duration(text)))
    except ValueError:
        found = 0.0
    if not found:
        raise CommandError(ExitStatus.FAILED, f"{text!r} is no duration: 90min, 2h, 1d")
    return found


@app.command(context_settings={"ignore_unknown_options": True})  # -5 is a number here
def priority(context: typer.Context, job: JobId,
             level: Annotated[str, typer.Argument(help="low, normal, high, or a number from -99 to 99.", show_default=False)],
             as_json: JsonFlag = False) -> None:
    """Let a job come before others, or behind them. Also over a restart; `normal` takes it back."""
    told(client(context).post(f"{address(job)}/priority", level=level), as_json)


@app.command("next")
def next_command(context: typer.Context, job: JobId, as_json: JsonFlag = False) -> None:
    """To the front of the queue: this job runs as the next one. `pectin priority JOB normal` takes it back."""
    told(client(context).post(f"{address(job)}/next"), as_json)


@app.command()
def resume(context: typer.Context, as_json: JsonFlag = False,
           job: Annotated[str | None, typer.Argument(help="Only this job.", show_default=False)] = None) -> None:
    """Go on after pause or drain."""
    if job is not None:
        told(client(context).post(f"{address(job)}/resume"), as_json)
    else:
        done(client(context).post("/v1/resume"), as_json)


@app.command()
def limit(context: typer.Context, job: JobId,
          cpus: Annotated[str, typer.Argument(help="How many CPUs, or all.", show_default=False)],
          as_json: JsonFlag = False) -> None:
    """Slow a running job down. It uses at most so many CPUs from now on; `all` gives it back what the configuration allows."""
    if cpus != "all" and not (cpus.isascii() and cpus.isdigit() and int(cpus) > 0):
        raise CommandError(ExitStatus.FAILED, f"{cpus!r} is no number of CPUs: 1 or more, or all")
    told(client(context).post(f"{address(job)}/limit", cpus=None if cpus == "all" else int(cpus)), as_json)


@app.command()
def drain(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Finish what runs, start nothing new. Before an update or a reboot; until `pectin resume`, also over a restart."""
    done(client(context).post("/v1/drain"), as_json)


@app.command()
def rescan(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Walk the inboxes now instead of at the next turn."""
    done(client(context).post("/v1/rescan"), as_json)


@app.command("accept-mounts")
def accept_mounts(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Libraries and inboxes are right where they are now. For one that has really moved to another disk or server; one that is
    merely not mounted needs nothing but to be mounted."""
    done(client(context).post("/v1/accept-mounts"), as_json)


@app.command()
def reload(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Read the configuration again. A broken one is refused and the old one stays."""
    done(client(context).post("/v1/reload"), as_json)


@app.command("backup")
def backup_command(context: typer.Context,
                   file: Annotated[Path, typer.Argument(help="The file to write.", show_default=False)],
                   force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
                   as_json: JsonFlag = False) -> None:
    """Copy the database into a file, also while the daemon works, and say how to go back to it. Films are not in it."""
    made = backup.back_up(file, context.obj["config"], context.obj["socket"], force=force)
    if as_json:
        print_json({"file": str(made.file), "size": made.size, "restore": list(made.restore)})
    else:
        print("\n".join([f"{made.file}: written, {made.size} bytes. To go back to it, as root:",
                         *(f"  {command}" for command in made.restore)]))


@app.command()
def plan(context: typer.Context, file: Annotated[Path, typer.Argument(help="A video file.", show_default=False)],
         profile: Annotated[str | None, typer.Option(help="The profile to plan for, else the route's.",
                                                     show_default=False)] = None,
         route: Annotated[str | None, typer.Option(help="The route it would come in by, if there are several.",
                                                   show_default=False)] = None,
         measure_quality: Annotated[bool, typer.Option(
             "--measure-quality", help="For a profile with quality.mode: target, make the search now; takes minutes.")] = False,
         as_json: JsonFlag = False) -> None:
    """Explain what would be done with a file and why, without doing it. How large it gets, how long it takes, and where it goes.
    Needs no daemon."""
    document = planning.plan_file(file, profile, route, context.obj["config"], measure_quality=measure_quality)
    if as_json:
        print_json(document)
    else:
        render.console().print(plan_view(document))


@app.command("doctor")
def doctor_command(context: typer.Context, as_json: JsonFlag = False,
                   hardware: Annotated[bool, typer.Option(
                       "--hardware", help="Only the video hardware, all of it tried out anew; takes up to a minute.")] = False,
                   ) -> None:
    """Check everything people get wrong: OK, WARN or FAIL, what it means, and the command that mends it. Needs no daemon. Ends
    with status 1 when there is a FAIL, else with 0."""
    findings = (doctor_hardware.try_out(context.obj["config"]) if hardware
                else doctor.examine(context.obj["config"], context.obj["socket"]))
    if as_json:
        print_json([finding.as_dict() for finding in findings])
    else:
        render.console().print(doctor.view(findings))
    if any(finding.level is doctor.Level.FAIL for finding in findings):
        raise typer.Exit(ExitStatus.FAILED)

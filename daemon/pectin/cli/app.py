"""The commands that speak to the running daemon. Each is one question over the socket and one way to show the answer."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.live import Live

from pectin import __version__
from pectin.cli import configuration, doctor, planning, render
from pectin.cli.client import Client, CommandError, socket_path
from pectin.model.statuses import ExitStatus

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
JobId = Annotated[str, typer.Argument(help="The job's id; its beginning is enough.", show_default=False)]

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


def _print_json(document: Any) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=False))


@app.command()
def status(context: typer.Context, as_json: JsonFlag = False,
           inbox: Annotated[bool, typer.Option("--inbox", help="Only what lies in the inboxes, and why it waits.")] = False,
           ) -> None:
    """What is going on: running jobs, the queue, what waits in the inbox and why."""
    answer = client(context).get("/v1/status")
    if inbox:
        answer = {key: answer[key] for key in ("waiting", "waiting_total")} if as_json else answer | {"running": [], "jobs": {}}
    if as_json:
        _print_json(answer)
    else:
        render.console().print(render.status_view(answer))


@app.command()
def jobs(context: typer.Context, as_json: JsonFlag = False,
         state: Annotated[list[str] | None, typer.Option("--state", "-s", help="Only this state; may be repeated.")] = None,
         search: Annotated[str, typer.Option("--search", help="Only jobs with this in their path.")] = "",
         page: Annotated[int, typer.Option(min=1)] = 1, limit: Annotated[int, typer.Option(min=1, max=500)] = 50) -> None:
    """List jobs, newest first."""
    wanted = [s.upper() for s in state] if state else None
    answer = client(context).get("/v1/jobs", state=wanted, search=search or None, page=page, limit=limit)
    if as_json:
        _print_json(answer)
    else:
        render.console().print(render.jobs_view(answer))


@app.command()
def show(context: typer.Context, job: JobId, as_json: JsonFlag = False) -> None:
    """Everything about one job: what was decided and why, where its files are, what happened to it."""
    answer = client(context).get(f"/v1/jobs/{job}")
    if as_json:
        _print_json(answer)
    else:
        render.console().print(render.job_view(answer))


@app.command()
def watch(context: typer.Context, as_json: JsonFlag = False,
          job: Annotated[str | None, typer.Argument(help="Only until this job is over.", show_default=False)] = None) -> None:
    """Live progress bars; Ctrl-C ends the watching, not the jobs. With --json one line per look."""
    connection = client(context)
    console = render.console()
    with Live(console=console, auto_refresh=False, transient=False) if not as_json else _NoLive() as live:
        while True:
            answer = connection.get("/v1/status")
            if as_json:
                print(json.dumps(answer, ensure_ascii=False), flush=True)
            else:
                live.update(render.status_view(answer), refresh=True)
            if job is not None and _is_over(connection, job):
                return
            time.sleep(0.5)


class _NoLive:
    """Stands in for the live display when JSON is printed."""

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def _is_over(connection: Client, job: str) -> bool:
    state = connection.get(f"/v1/jobs/{job}")["state"]
    if state in ("FAILED", "REJECTED", "CANCELLED"):
        raise CommandError(ExitStatus.FAILED, f"the job ended {state}: `pectin show {job}` tells why")
    return bool(state == "COMPLETED")


@app.command()
def cancel(context: typer.Context, job: JobId, as_json: JsonFlag = False) -> None:
    """Stop a job. Its source is set aside, nothing is deleted; `pectin retry` takes it up again."""
    _told(client(context).post(f"/v1/jobs/{job}/cancel"), as_json)


@app.command()
def retry(context: typer.Context, job: JobId, as_json: JsonFlag = False) -> None:
    """Try a job again that failed, was rejected or was cancelled."""
    _told(client(context).post(f"/v1/jobs/{job}/retry"), as_json)


@app.command()
def pause(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Start nothing new, and let what runs stand still, until `pectin resume` (also over a restart)."""
    _done(client(context).post("/v1/pause"), as_json)


@app.command()
def resume(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Go on after pause or drain."""
    _done(client(context).post("/v1/resume"), as_json)


@app.command()
def drain(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Finish what runs, start nothing new: before an update or a reboot."""
    _done(client(context).post("/v1/drain"), as_json)


@app.command()
def rescan(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Walk the inboxes now instead of at the next turn."""
    _done(client(context).post("/v1/rescan"), as_json)


@app.command()
def reload(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Read the configuration again; a broken one is refused and the old one stays."""
    _done(client(context).post("/v1/reload"), as_json)


@app.command()
def plan(context: typer.Context, file: Annotated[Path, typer.Argument(help="A video file.", show_default=False)],
         profile: Annotated[str, typer.Option(help="The profile to plan for.")] = "universal", as_json: JsonFlag = False) -> None:
    """Explain what would be done with a file and why, without doing it. Needs no daemon."""
    summary, decided = planning.plan_file(file, profile, context.obj["config"])
    if as_json:
        _print_json({"summary": summary, "plan": decided})
    else:
        render.console().print(render.plan_view(summary, decided))


@app.command("doctor")
def doctor_command(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Check everything people get wrong, and say how to mend it. Needs no daemon."""
    findings = doctor.examine(context.obj["config"], context.obj["socket"])
    if as_json:
        _print_json([finding.as_dict() for finding in findings])
    else:
        render.console().print(doctor.view(findings))
    if any(finding.level is doctor.Level.PROBLEM for finding in findings):
        raise typer.Exit(ExitStatus.FAILED)


def _told(answer: Any, as_json: bool) -> None:
    if as_json:
        _print_json(answer)
    else:
        print(f"{answer['name']}: {answer['state']}" + (f" ({answer['message']})" if answer["message"] else ""))


def _done(answer: Any, as_json: bool) -> None:
    if as_json:
        _print_json(answer)
    else:
        print("\n".join([answer["done"], *answer["notes"]]))


def fail(error: CommandError) -> ExitStatus:
    """One sentence on stderr, or a problem document where the command was asked for JSON; the exit status."""
    if "--json" in sys.argv:
        _print_json(error.document)
    else:
        print(f"pectin: {error.sentence}", file=sys.stderr)
    return error.status

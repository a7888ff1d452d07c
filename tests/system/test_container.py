"""The container: made as its Containerfile says, and the daemon in it as anybody's user, in a file system it cannot write."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from clips import Clips
from harness import files, until
from needs import need_root
from pectin.cli.client import Client
from pectin.settings.load import parse
from pectin.settings.sections import Settings
from system.machine import CHECKOUT, QUICK, SLOW
from system.podman import BASE, BUILDING, RUNNING, Podman, podman

FOLDER = CHECKOUT / "packaging" / "container"
CONTAINERFILE = (FOLDER / "Containerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SOMEBODY = 12345  # no user of the image
IMAGE = "localhost/pectin-test"


def instructions(word: str) -> list[str]:
    return re.findall(rf"^{word} (.*)$", CONTAINERFILE.replace("\\\n", " "), re.MULTILINE)


def test_the_containers_build_takes_from_the_checkout_all_that_make_install_needs(tmp_path: Path) -> None:
    need_root("install")
    for line in (line for line in instructions("COPY") if not line.startswith("--from")):
        *sources, target = line.split()
        for source in sources:
            place = tmp_path / target / (Path(source).name if target.endswith("/") else "")
            if (CHECKOUT / source).is_dir():
                shutil.copytree(CHECKOUT / source, tmp_path / target)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(CHECKOUT / source, place)
    subprocess.run(["make", "-f", "install.mk", "install-files", f"DESTDIR={tmp_path / 'there'}"], cwd=tmp_path, check=True,
                   capture_output=True)
    for name in ("pyproject.toml", "README.md", "tools/manpages.py", "daemon/pectin/__main__.py"):
        assert (tmp_path / name).is_file(), "install-program needs it"


def test_the_container_has_the_folders_of_the_default_configuration() -> None:
    settings = Settings()
    volumes = [Path(one) for one in re.findall(r'"([^"]+)"', *instructions("VOLUME"))]
    paths = settings.paths
    for place in (settings.routes[0].inbox, settings.routes[0].library, paths.work, paths.originals, paths.rejected, paths.state):
        assert any(place.is_relative_to(volume) for volume in volumes), place
    made = " ".join(instructions("RUN"))
    for place in (settings.routes[0].inbox, settings.routes[0].library, paths.state, settings.socket.path.parent):
        assert re.search(rf"{place}\b", made), place
    assert str(settings.socket.path) in CONTAINERFILE, "the health check asks there"
    assert instructions("USER") == ["pectin"], "not root"


def test_compose_gives_the_container_what_it_needs_and_no_more() -> None:
    pectin, jellyfin = COMPOSE["services"]["pectin"], COMPOSE["services"]["jellyfin"]
    assert (FOLDER / pectin["build"]["context"]).resolve() == CHECKOUT
    assert (CHECKOUT / pectin["build"]["dockerfile"]).is_file()
    assert (pectin["read_only"], pectin["cap_drop"], pectin["security_opt"]) == (True, ["ALL"], ["no-new-privileges"])
    assert "ports" not in pectin, "no open port"
    shared = dict(volume.split(":")[:2] for volume in pectin["volumes"])
    assert shared["./films"] == "/srv/pectin"
    assert "./films/library:/media:ro" in jellyfin["volumes"]
    assert pectin["user"] == jellyfin["user"], "Jellyfin can read what is filed"
    volumes = {volume.split(":")[0] for service in (pectin, jellyfin) for volume in service["volumes"]}
    assert {name for name in volumes if not name.startswith(".")} == set(COMPOSE["volumes"])
    asked = re.search(r"mkdir -p ([\w/ ]+) &&", (FOLDER / "compose.yaml").read_text())
    assert asked is not None
    assert set(asked[1].split()) == {"films/inbox", "films/library", "state"}


def test_the_configuration_that_compose_shows_names_the_folders_as_both_sides_see_them() -> None:
    shown = re.findall(r"^# {5}( *\S+: ?.*)$", (FOLDER / "compose.yaml").read_text(), re.MULTILINE)
    settings = parse("\n".join(line for line in shown if not line.startswith("mkdir")), "compose.yaml")
    assert [(str(one.ours), one.theirs) for one in settings.jellyfin.map] == [("/srv/pectin/library", "/media")]
    assert settings.jellyfin.url == "http://jellyfin:8096"
    assert {"pectin", "jellyfin"} == set(COMPOSE["services"])


class Container:
    """A running one; `folder` holds what it is given from outside."""

    def __init__(self, made: Podman, folder: Path) -> None:
        self.podman, self.folder, self.name = made, folder, folder.name
        for name in ("films/inbox", "films/library", "state", "run"):
            (folder / name).mkdir(parents=True)
        (folder / "run").chmod(0o1777)
        for place in (folder / "films", folder / "films/inbox", folder / "films/library", folder / "state"):
            os.chown(place, SOMEBODY, SOMEBODY)

    def start(self, sections: dict[str, Any]) -> None:
        (self.folder / "pectin.yaml").write_text(yaml.safe_dump(sections))
        pectin = COMPOSE["services"]["pectin"]
        self.podman.run("rm", "--force", "--time=30", "--ignore", self.name)
        self.podman.run(
            "run", "--detach", f"--name={self.name}", *RUNNING, "--read-only", "--tmpfs=/tmp", f"--user={SOMEBODY}:{SOMEBODY}",
            *(f"--cap-drop={one}" for one in pectin["cap_drop"]), *(f"--security-opt={one}" for one in pectin["security_opt"]),
            f"--volume={self.folder}/films:/srv/pectin", f"--volume={self.folder}/state:/var/lib/pectin",
            f"--volume={self.folder}/run:/run/pectin", f"--volume={self.folder}/pectin.yaml:/etc/pectin/pectin.yaml:ro", IMAGE)
        until(self._watches, "the daemon in the container is ready")

    def log(self) -> str:
        told = self.podman.run("logs", self.name)
        return told.stdout + told.stderr

    def _watches(self) -> bool:
        state = self.podman.text("inspect", "--format={{.State.Status}}", self.name)
        assert state == "running", self.log()
        return " watches " in self.log()

    def client(self) -> Client:
        return Client(self.folder / "run/pectin.sock", timeout=30)

    def jobs(self) -> list[dict[str, Any]]:
        return list(self.client().get("/v1/jobs", limit=500)["jobs"])


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory, staged: Path) -> Iterator[Podman]:
    """The stage that runs `make install` is not built but handed in, which saves pip's time; PECTIN_SOAK=1 builds it too."""
    folder = tmp_path_factory.mktemp("podman")
    with podman(folder) as made:
        handed = folder / "handed"
        shutil.copytree(staged, handed / "collected", symlinks=True, copy_function=os.link)
        instead = () if os.environ.get("PECTIN_SOAK") else (f"--build-context=build={handed}",)
        made.run("build", *BUILDING, f"--build-arg=BASE={BASE}", f"--tag={IMAGE}",
                 *instead, f"--file={FOLDER}/Containerfile", str(CHECKOUT))
        yield made


@pytest.fixture(scope="module")
def container(image: Podman, tmp_path_factory: pytest.TempPathFactory) -> Container:
    return Container(image, tmp_path_factory.mktemp("container"))


def test_a_container_files_films_as_any_user_with_nothing_else_to_write_to(container: Container, clips: Clips) -> None:
    container.start(QUICK)
    film = clips.film("film.mkv", seconds=1)
    shutil.copyfile(film, container.folder / "films/inbox/Boxed.mkv")
    until(lambda: [job["state"] for job in container.jobs()] == ["COMPLETED"], "the film is in the library")
    filed = container.folder / "films/library/Boxed/Boxed.mp4"
    assert filed.stat().st_uid == SOMEBODY
    assert files(container.folder / "films/inbox") == []
    sandbox = container.client().get("/v1/status")["sandbox"]
    assert {"syscalls", "privileges"} <= set(sandbox["parts"]), "the walls around ffmpeg do not need systemd's"
    # The log is text, with its time: nobody adds one here.
    assert re.search(r"^\d{4}-\d\d-\d\dT[\d:.]+Z INFO .*pectin [\d.]+ watches /srv/pectin/inbox", container.log(), re.MULTILINE)


def test_a_container_is_healthy_while_its_daemon_answers_and_pectin_works_inside(container: Container) -> None:
    container.start(QUICK)
    assert container.podman.run("healthcheck", "run", container.name).returncode == 0
    assert container.podman.text("exec", container.name, "pectin", "status").startswith("Pectin ")
    doctor = container.podman.run("exec", container.name, "pectin", "doctor", "--json", check=False)
    assert doctor.returncode == 0, doctor.stdout
    os.rename(container.folder / "run/pectin.sock", container.folder / "run/aside")
    try:
        assert container.podman.run("healthcheck", "run", container.name, check=False).returncode != 0
    finally:
        os.rename(container.folder / "run/aside", container.folder / "run/pectin.sock")


def test_a_container_that_is_stopped_puts_its_job_back_and_goes_on_with_it(container: Container, clips: Clips) -> None:
    """The daemon is process 1: nobody else would hand it SIGTERM, or end its ffmpeg."""
    slow = clips.make("slow.mkv", ["-f", "lavfi", "-i", "nullsrc=size=640x360:rate=25:duration=4,geq=random(1)*255:128:128",
                                   "-c:v", "mpeg4", "-q:v", "6"])
    container.start(SLOW)
    shutil.copyfile(slow, container.folder / "films/inbox/Stopped.mkv")
    until(lambda: [job for job in container.client().get("/v1/status")["running"] if job["stage"] == "encoding"], "it encodes")
    container.podman.run("stop", "--time=60", container.name)
    assert container.podman.text("inspect", "--format={{.State.ExitCode}}", container.name) == "0", "not killed: that were 137"
    container.start(QUICK)
    until(lambda: {job["state"] for job in container.jobs() if job["name"] == "Stopped.mkv"} == {"COMPLETED"}, "it is done again")

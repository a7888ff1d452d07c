"""The Debian package, in the hands of apt: it installs, upgrades, goes and comes back, and no film is ever touched by that."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from clips import Clips, alone
from harness import sha256
from needs import need_program
from pectin import __version__
from pectin.store.schema import MIGRATIONS
from system.machine import CHECKOUT, CONFIG, DATABASE, INBOX, LIBRARY, QUICK, SLOW, Machine
from system.nspawn import box

OLD = "0.0.9"
UNITS = ("pectin.service", "pectin.socket")
OLD_SCHEMA = 3  # of the first version that anybody could have installed


@pytest.fixture(scope="session")
def packages(common: Path, staged: Path) -> Mapping[str, Path]:
    """The same program as two versions of the package, which saves pip's time."""
    need_program("dpkg-deb", "dpkg")
    folder = common / "packages"
    with alone(folder / "done"):
        if not (folder / "done").exists():
            for version in (OLD, __version__):
                subprocess.run(["sh", "packaging/deb/pack", staged, folder, version], cwd=CHECKOUT, check=True,
                               capture_output=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEB_COMPRESSION": "-Znone"})
            (folder / "done").touch()
    return {version: next(folder.glob(f"pectin_{version}_*.deb")) for version in (OLD, __version__)}


class Debian(Machine):
    """A machine on which apt works as on somebody's server, but has no network."""

    def apt(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.box.run("env", "DEBIAN_FRONTEND=noninteractive", "APT_LISTCHANGES_FRONTEND=none", "apt-get", "-y", "-q",
                            "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", *words, check=check, patience=300)

    def install(self, package: Path, *words: str) -> str:
        subprocess.run(["cp", package, self.box.path("/var/tmp")], check=True)
        self.apt("install", *words, f"/var/tmp/{package.name}")
        return self.box.text("dpkg-query", "--show", "--showformat=${db:Status-Status} ${Version}", "pectin")

    def active(self) -> list[str]:
        return [self.box.unit(unit, "ActiveState")["ActiveState"] for unit in UNITS]

    @contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        """A copy of the daemon's database: SQLite does not open one in another mount namespace."""
        with tempfile.TemporaryDirectory() as copy:
            for file in self.box.path(DATABASE).parent.glob("pectin.db*"):
                shutil.copy(file, copy)
            with closing(sqlite3.connect(Path(copy, "pectin.db"))) as opened:
                opened.row_factory = sqlite3.Row
                yield opened

    def there(self, path: str) -> bool:
        return self.box.run("test", "-e", path, check=False).returncode == 0


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Debian]:
    need_program("apt-get", "apt")
    with box(tmp_path_factory.mktemp("box")) as made:
        made.run("rm", "-f", "/usr/sbin/policy-rc.d")  # images of machines for tests have it: nothing may be started there
        yield Debian(made)


@pytest.fixture(scope="module")
def film(clips: Clips) -> Path:
    return clips.film("film.mkv", seconds=1)


@pytest.fixture
def installed(debian: Debian, packages: Mapping[str, Path]) -> Debian:
    """The package in its new version, and a person who may drop films."""
    if not debian.there("/usr/bin/pectin"):
        debian.install(packages[__version__])
    debian.box.run("sh", "-c", "id anna || useradd --create-home --groups pectin anna")
    return debian


def aged(rows: Mapping[str, list[dict[str, Any]]], place: Path) -> None:
    """A database of an old version, with what these rows had in it at that time."""
    with closing(sqlite3.connect(place, isolation_level=None)) as database:
        for statements in MIGRATIONS[:OLD_SCHEMA]:
            for statement in statements:
                database.execute(statement)
        for table, found in rows.items():
            known = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
            for row in found:
                kept = {name: value for name, value in row.items() if name in known}
                marks = ", ".join("?" * len(kept))
                database.execute(f"INSERT INTO {table} ({', '.join(kept)}) VALUES ({marks})", tuple(kept.values()))
        database.execute(f"PRAGMA user_version = {OLD_SCHEMA}")


def test_a_package_upgrades_configuration_and_database_of_an_old_version(debian: Debian, packages: Mapping[str, Path],
                                                                       film: Path, tmp_path: Path) -> None:
    assert debian.install(packages[OLD]) == f"installed {OLD}"
    assert debian.box.text("systemctl", "is-enabled", *UNITS) == "enabled\nenabled"
    assert debian.active() == ["active", "active"], "started, as is Debian's way"
    debian.box.run("pectin", "doctor")
    # Images of machines leave manuals and documents out; everything else is as it was packed.
    verified = debian.box.run("dpkg", "--verify", "pectin").stdout.splitlines()
    assert not [line for line in verified if "/usr/share/man/" not in line and "/usr/share/doc/" not in line]

    debian.box.run("useradd", "--create-home", "--groups", "pectin", "anna")
    debian.fresh()
    debian.drop(film, "Before.mkv")
    job = debian.job("Before.mkv", "COMPLETED")
    debian.box.run("systemctl", "stop", *reversed(UNITS))
    with debian.database() as new:
        before = {table: [dict(row) for row in new.execute(f"SELECT * FROM {table}")] for table in ("job", "history", "output")}
    aged(before, tmp_path / "aged.db")
    debian.box.run("sh", "-c", f"rm {DATABASE}*")
    shutil.copyfile(tmp_path / "aged.db", debian.box.path("/var/tmp/aged.db"))
    debian.box.run("install", "-o", "pectin", "-g", "pectin", "-m", "640", "/var/tmp/aged.db", DATABASE)

    assert debian.install(packages[__version__]) == f"installed {__version__}"
    assert debian.active() == ["inactive", "inactive"], "who had stopped it had a reason"
    assert yaml.safe_load(debian.box.path(CONFIG).read_text()) == QUICK
    debian.box.run("systemctl", "start", "pectin")
    shown = debian.client().get(f"/v1/jobs/{job['id']}")
    assert (shown["state"], [one["path"] for one in shown["outputs"]]) == ("COMPLETED", [f"{LIBRARY}/Before/Before.mp4"])
    with debian.database() as migrated:
        assert migrated.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)


def test_an_upgrade_in_the_middle_of_an_encode_loses_nothing(installed: Debian, packages: Mapping[str, Path], clips: Clips,
                                                            ) -> None:
    slow = clips.make("slow.mkv", ["-f", "lavfi", "-i", "nullsrc=size=640x360:rate=25:duration=4,geq=random(1)*255:128:128",
                                   "-c:v", "mpeg4", "-q:v", "6"])
    installed.fresh(SLOW)
    installed.drop(slow, "Upgraded.mkv")
    job = installed.encoding()
    before = installed.box.unit("pectin.service", "MainPID")
    installed.configure(QUICK)
    installed.install(packages[__version__], "--reinstall")
    assert installed.active() == ["active", "active"]
    assert installed.box.unit("pectin.service", "MainPID") != before
    done = installed.job("Upgraded.mkv", "COMPLETED")
    assert (done["id"], done["interruptions"]) == (job["id"], 0), "the stop was announced: it does not count as a death"


def test_a_removed_package_comes_back_to_everything_it_had(installed: Debian, packages: Mapping[str, Path], film: Path) -> None:
    installed.ready()
    installed.drop(film, "Kept.mkv")
    job = installed.job("Kept.mkv", "COMPLETED")
    filed = sha256(installed.box.path(f"{LIBRARY}/Kept/Kept.mp4"))
    installed.apt("remove", "pectin")
    assert installed.box.unit("pectin.service", "LoadState")["LoadState"] == "not-found"
    assert installed.active() == ["inactive", "inactive"]
    assert installed.processes() == []
    assert not [path for path in ("/opt/pectin", "/usr/share/pectin", "/usr/bin/pectin", "/run/pectin") if installed.there(path)]
    assert yaml.safe_load(installed.box.path(CONFIG).read_text()) == QUICK
    assert installed.there(DATABASE)
    installed.install(packages[__version__])
    assert installed.active() == ["active", "active"]
    assert installed.client().get(f"/v1/jobs/{job['id']}")["state"] == "COMPLETED"
    assert sha256(installed.box.path(f"{LIBRARY}/Kept/Kept.mp4")) == filed


@pytest.mark.parametrize("target", ["install-program", "uninstall"])
def test_make_leaves_the_packages_files_to_apt(installed: Debian, target: str) -> None:
    shutil.copyfile(CHECKOUT / "install.mk", installed.box.path("/root/install.mk"))
    refused = installed.box.run("make", "-f", "/root/install.mk", target, check=False)
    assert refused.returncode != 0
    assert "sudo apt remove pectin" in refused.stdout
    assert installed.there("/opt/pectin/bin/pectin")


def test_a_purge_takes_configuration_and_jobs_and_never_a_film(installed: Debian, film: Path) -> None:
    installed.ready()
    installed.box.run("mkdir", "-p", "/var/lib/pectin/work/odd", "/srv/pectin/renditions/films/Old")
    films = [f"{INBOX}/late.mkv", f"{LIBRARY}/old.mp4", "/srv/pectin/originals/first.mkv", "/var/lib/pectin/work/odd/film.mkv",
             "/srv/pectin/renditions/films/Old/720p.mp4"]
    installed.box.run("systemctl", "stop", *reversed(UNITS))
    installed.box.run("systemctl", "enable", "pectin@anime.service")
    about = installed.box.path("/var/lib/pectin/media")
    assert installed.there("/etc/systemd/system/multi-user.target.wants/pectin@anime.service")
    about.mkdir(exist_ok=True)
    (about / "0123456789.json").write_text("{}")
    for place in films:
        installed.bring(film, place, "root")
    said = installed.apt("purge", "pectin").stdout
    assert "What stays: /srv/pectin" in said
    assert not [path for path in ("/etc/pectin", DATABASE, "/var/lib/pectin/pectin.lock", "/var/lib/pectin/media",
                                "/opt/pectin") if installed.there(path)]
    assert [sha256(installed.box.path(place)) for place in films] == [sha256(film)] * len(films)
    links = installed.box.run("find", "/etc/systemd/system", "-name", "pectin*").stdout
    assert links == ""
    assert installed.box.run("dpkg-query", "--show", "pectin", check=False).returncode != 0


def test_a_package_does_not_go_over_what_make_install_has_put_there(debian: Debian, packages: Mapping[str, Path]) -> None:
    debian.apt("purge", "pectin", check=False)  # nothing to do after the test before this one
    debian.box.run("ln", "-s", "/opt/pectin/bin/pectin", "/usr/local/bin/pectin")
    subprocess.run(["cp", packages[__version__], debian.box.path("/var/tmp")], check=True)
    refused = debian.apt("install", f"/var/tmp/{packages[__version__].name}", check=False)
    assert refused.returncode != 0
    assert "sudo make uninstall" in refused.stdout + refused.stderr
    assert not debian.there("/opt/pectin")

"""Jellyfin is told of new films, with paths as it sees them, and asked what the start-up check wants to know."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from fakes.jellyfin import FakeJellyfin, watching
from fakes.receiver import Receiver
from pectin.model.governor import Activity, Rules, YieldTo
from pectin.notifying.deliver import new_client
from pectin.notifying.jellyfin import Jellyfin, LibraryFolder, ServerInfo, UpdateType, is_inside, map_path
from pectin.notifying.outcome import Outcome, Reason
from pectin.pipeline.governor import Governing, Machine

KEY = "0123456789abcdef"
MAP = (("/srv/library", "/media"), ("/srv/library/shows", "/tv"), ("/mnt/films", "D:\\Films"))


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with new_client() as client:
        yield client


@pytest.mark.parametrize(("ours", "theirs"), [
    ("/srv/library/Film/Film.mp4", "/media/Film/Film.mp4"),
    ("/srv/library/shows/S/S01E01.mp4", "/tv/S/S01E01.mp4"),
    ("/srv/library", "/media"),
    ("/srv/library2/Film.mp4", "/srv/library2/Film.mp4"),
    ("/elsewhere/Film.mp4", "/elsewhere/Film.mp4"),
    ("/mnt/films/A/B.mp4", "D:\\Films\\A\\B.mp4"),
])
def test_the_longest_folder_that_holds_a_path_is_replaced(ours: str, theirs: str) -> None:
    assert map_path(ours, MAP) == theirs


def test_the_order_of_the_map_does_not_matter() -> None:
    assert map_path("/srv/library/shows/x", MAP) == map_path("/srv/library/shows/x", MAP[::-1])


@pytest.mark.parametrize(("path", "folder", "inside"), [
    ("/media/Film/Film.mp4", "/media", True), ("/media", "/media/", True), ("/media2/x", "/media", False), ("/x", "/", True),
    ("D:\\Films\\A", "d:\\films", True), ("D:\\Films2", "D:\\Films", False), ("/media", "D:\\media", False)])
def test_inside_means_whole_folders(path: str, folder: str, inside: bool) -> None:
    assert is_inside(path, folder) is inside


@pytest.mark.parametrize("base", ["", "/jellyfin"])
async def test_jellyfin_hears_of_all_paths_in_one_request(client: httpx.AsyncClient, base: str) -> None:
    with FakeJellyfin(key=KEY, base=base) as server:
        outcome = await Jellyfin(server.url + "/", KEY, MAP).updated(client, [
            ("/srv/library/Film/Film.mp4", UpdateType.CREATED), ("/srv/library/Old/Old.mp4", UpdateType.DELETED)])
    assert outcome.delivered, outcome
    assert server.updates == [("/media/Film/Film.mp4", "Created"), ("/media/Old/Old.mp4", "Deleted")]
    assert server.requests == [("POST", base + "/Library/Media/Updated", 204)]


async def test_a_name_that_is_no_utf_8_is_told_as_jellyfin_shows_it(client: httpx.AsyncClient) -> None:
    with FakeJellyfin(key=KEY) as server:
        assert (await Jellyfin(server.url, KEY).updated(client, [("/f/\udcff.mp4", UpdateType.CREATED)])).delivered
    assert server.updates == [("/f/\ufffd.mp4", "Created")]


async def test_a_wrong_key_is_said_to_be_one_and_never_shown(client: httpx.AsyncClient) -> None:
    with FakeJellyfin(key=KEY) as server:
        jellyfin = Jellyfin(server.url, "wrongkey")
        outcome = await jellyfin.updated(client, [("/f", UpdateType.CREATED)])
        folders = await jellyfin.library_folders(client)
    assert (outcome.reason, outcome.permanent) == (Reason.REFUSED, False)
    assert "key" in outcome.sentence
    assert "wrongkey" not in outcome.sentence + repr(jellyfin)
    assert isinstance(folders, Outcome)
    assert server.updates == []


@pytest.mark.parametrize("key", ["", 'a"b', "a\nb", "ü"])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="API key"):
        Jellyfin("http://127.0.0.1", key)


async def test_while_jellyfin_starts_it_says_when_to_come_again(client: httpx.AsyncClient) -> None:
    with FakeJellyfin(key=KEY, starting=True) as server:
        jellyfin = Jellyfin(server.url, KEY)
        outcome = await jellyfin.updated(client, [("/f", UpdateType.CREATED)])
        assert (outcome.reason, outcome.retry_after, outcome.permanent) == (Reason.BUSY, 5.0, False)
        server.starting = False
        assert (await jellyfin.updated(client, [("/f", UpdateType.CREATED)])).delivered


async def test_the_start_up_check_learns_who_it_is_and_what_it_holds(client: httpx.AsyncClient) -> None:
    with FakeJellyfin(key=KEY, libraries={"Films": ["/media/a", "/media/b"], "Empty": []}) as server:
        jellyfin = Jellyfin(server.url, KEY)
        assert await jellyfin.public_info(client) == ServerInfo("fake", "10.11.11")
        assert await jellyfin.library_folders(client) == (LibraryFolder("Films", ("/media/a", "/media/b")),
                                                          LibraryFolder("Empty", ()))
        assert await Jellyfin(server.url, "otherkey").public_info(client) == ServerInfo("fake", "10.11.11")


async def test_something_else_at_the_address_is_not_taken_for_jellyfin(client: httpx.AsyncClient) -> None:
    with FakeJellyfin(key=KEY, base="/jellyfin") as server:
        found = await Jellyfin(server.url.removesuffix("/jellyfin"), KEY).public_info(client)
    assert isinstance(found, Outcome)
    assert found.reason is Reason.REFUSED
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    found = await Jellyfin(f"http://127.0.0.1:{port}", KEY).public_info(client)
    assert isinstance(found, Outcome)
    assert found.reason is Reason.UNREACHABLE


async def test_another_server_that_takes_everything_is_noticed_by_its_answer(client: httpx.AsyncClient) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=httpx.ByteStream(b"<html>router</html>")))
    async with httpx.AsyncClient(transport=transport) as router:
        jellyfin = Jellyfin("http://127.0.0.1", KEY)
        for found in (await jellyfin.public_info(router), await jellyfin.library_folders(router)):
            assert isinstance(found, Outcome)
            assert found.reason is Reason.WRONG_ANSWER


async def test_a_receiver_that_hangs_is_given_up(client: httpx.AsyncClient) -> None:
    with Receiver() as receiver:
        receiver.hang()
        outcome = await Jellyfin(receiver.url, KEY, timeout=0.3).updated(client, [("/f", UpdateType.CREATED)])
    assert outcome.reason is Reason.TIMEOUT


async def test_jellyfin_tells_who_watches_and_for_whom_it_encodes_pictures(client: httpx.AsyncClient) -> None:
    with FakeJellyfin(key=KEY, base="/jellyfin") as server:
        jellyfin = Jellyfin(server.url, KEY)
        assert await jellyfin.activity(client) == Activity(playing=0, transcoding=0)
        server.sessions = [{"Id": "idle"}, watching(), watching(transcoding=False), watching(transcoding=True),
                           watching(transcoding=True, media="Audio")]
        assert await jellyfin.activity(client) == Activity(playing=4, transcoding=1), "music is no work worth mentioning"
        assert server.requests[-1][1].startswith("/jellyfin/Sessions?activeWithinSeconds=")
        refused = await Jellyfin(server.url, "f" * 16).activity(client)
    assert isinstance(refused, Outcome)
    assert refused.reason is Reason.REFUSED


async def test_sessions_that_are_no_list_are_not_jellyfins(client: httpx.AsyncClient) -> None:
    with FakeJellyfin(key=KEY) as server:
        server.sessions = {"not": "a list"}  # type: ignore[assignment]
        found = await Jellyfin(server.url, KEY).activity(client)
    assert isinstance(found, Outcome)
    assert found.reason is Reason.WRONG_ANSWER


@pytest.mark.parametrize("answer", [b"[" * 100_000, b"[" + b"9" * 10_000 + b"]", b"\xff", b"",
                                    b'[{"Locations": 5, "NowPlayingItem": 5, "TranscodingInfo": [], "Name": null}, 3]'])
async def test_whatever_is_answered_ends_nothing(answer: bytes) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=httpx.ByteStream(answer)))
    async with httpx.AsyncClient(transport=transport) as odd:
        jellyfin = Jellyfin("http://127.0.0.1", KEY)
        found = [await jellyfin.public_info(odd), await jellyfin.library_folders(odd), await jellyfin.activity(odd)]
    for one in found:
        assert one in ((), Activity(1, 0)) or (isinstance(one, Outcome) and one.reason is Reason.WRONG_ANSWER)


async def test_a_server_that_hangs_keeps_the_governor_from_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = Jellyfin(f"http://127.0.0.1:{silent.getsockname()[1]}", KEY, timeout=3600)
        machine, governing = Machine(), Governing(Rules(yield_to=YieldTo.PLAYING), server)
        async with new_client() as client:
            for _ in range(2):
                found = await asyncio.wait_for(machine.look(governing, client, 0.1), 60)
                assert found.jellyfin is None
    assert caplog.text.count("does not tell who watches") == 1

"""One HTTP delivery, one outcome: against a real receiver that answers well, badly, late or never."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from fakes.receiver import Receiver
from pectin.model.event import Event, EventType
from pectin.notifying.deliver import MAX_RETRY_AFTER, new_client, post
from pectin.notifying.outcome import Reason
from pectin.notifying.webhook import headers, payload

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVENT = Event(id="evt_1", type=EventType.COMPLETED, job_id="0123456789", at=1.0, data={"name": "Ein Film (2010).mkv"})


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with new_client() as client:
        yield client


@contextmanager
def raw_server(answer: bytes, *, endless: bytes = b"") -> Iterator[str]:
    """A server that answers any request with these bytes, then with `endless` for as long as somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)
                    while endless:
                        connection.sendall(endless)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
    thread.join(10)
    assert not thread.is_alive()


async def test_a_receiver_gets_what_was_signed(client: httpx.AsyncClient) -> None:
    with Receiver(secret=SECRET) as receiver:
        body = payload(EVENT)
        outcome = await post(client, receiver.url, body, headers(EVENT.id, time.time(), body, SECRET), 10)
        [message] = receiver.received
    assert (outcome.delivered, outcome.permanent, outcome.reason) == (True, False, Reason.DELIVERED)
    assert message.genuine is True
    assert message.json["data"] == {"name": "Ein Film (2010).mkv"}
    assert message.headers["content-type"] == "application/json"
    assert message.headers["user-agent"].startswith("pectin/")


@pytest.mark.parametrize(("status", "reason", "permanent"), [
    (200, Reason.DELIVERED, False), (202, Reason.DELIVERED, False), (204, Reason.DELIVERED, False),
    (302, Reason.REDIRECTED, False), (400, Reason.REFUSED, False), (401, Reason.REFUSED, False), (404, Reason.REFUSED, False),
    (408, Reason.TIMEOUT, False), (410, Reason.GONE, True), (429, Reason.BUSY, False), (500, Reason.SERVER_ERROR, False),
    (503, Reason.BUSY, False), (504, Reason.TIMEOUT, False), (999, Reason.SERVER_ERROR, False),
])
async def test_every_status_has_its_outcome(client: httpx.AsyncClient, status: int, reason: Reason, permanent: bool) -> None:
    with Receiver(answers=[status], body=b"because\nof\x1b this") as receiver:
        outcome = await post(client, receiver.url, b"{}", {}, 10)
    assert (outcome.reason, outcome.permanent, outcome.delivered) == (reason, permanent, reason is Reason.DELIVERED)
    assert str(status) in outcome.sentence
    assert receiver.url not in outcome.sentence  # it may be a secret


async def test_a_redirect_is_not_followed(client: httpx.AsyncClient) -> None:
    with Receiver() as elsewhere, Receiver(answers=[307], extra={"location": "http://placeholder/"}) as receiver:
        receiver.extra["location"] = elsewhere.url
        outcome = await post(client, receiver.url, b"secret", {}, 10)
        assert elsewhere.received == []
    assert outcome.reason is Reason.REDIRECTED


@pytest.mark.parametrize(("extra", "seconds"), [
    ({"retry-after": "17"}, 17.0), ({"retry-after": "0"}, 0.0), ({"retry-after": "9" * 400}, MAX_RETRY_AFTER),
    ({"retry-after": "soon"}, None), ({"retry-after": "-5"}, None), ({"retry-after": "²"}, None), ({}, None),
    ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}, 0.0), ({"retry-after": "Fri, 31 Dec 2199 23:59:59 GMT"}, MAX_RETRY_AFTER),
])
async def test_a_receiver_may_say_when_to_come_again(client: httpx.AsyncClient, extra: dict[str, str],
                                                     seconds: float | None) -> None:
    with Receiver(answers=[503], extra={name: value.encode().decode("latin-1") for name, value in extra.items()}) as receiver:
        outcome = await post(client, receiver.url, b"{}", {}, 10)
    assert (outcome.reason, outcome.retry_after) == (Reason.BUSY, seconds)


async def test_nobody_there_is_tried_again(client: httpx.AsyncClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/hook", "http://name.invalid/hook", "http://[::1", "ftp://127.0.0.1/"):
        outcome = await post(client, url, b"{}", {}, 10)
        assert (outcome.reason, outcome.permanent) == (Reason.UNREACHABLE, False), url
        assert outcome.sentence


async def test_a_receiver_that_hangs_costs_its_timeout_and_no_more(client: httpx.AsyncClient) -> None:
    with Receiver() as receiver, Receiver() as other:
        receiver.hang()
        slow = asyncio.create_task(post(client, receiver.url, b"{}", {}, 0.3))
        assert (await post(client, other.url, b"{}", {}, 10)).delivered
        assert (await slow).reason is Reason.TIMEOUT


async def test_an_endless_answer_neither_fills_memory_nor_takes_for_ever(client: httpx.AsyncClient) -> None:
    with raw_server(b"HTTP/1.1 500 No\r\n\r\n", endless=b"x" * 65536) as url:
        outcome = await post(client, url, b"{}", {}, 10)
    assert outcome.reason is Reason.SERVER_ERROR
    assert len(outcome.sentence) < 400


async def test_an_answer_that_is_no_http_is_unreachable(client: httpx.AsyncClient) -> None:
    with raw_server(b"SSH-2.0-OpenSSH_9.2\r\n") as url:
        assert (await post(client, url, b"{}", {}, 10)).reason is Reason.UNREACHABLE
    with raw_server(b"") as url:
        assert (await post(client, url, b"{}", {}, 10)).reason is Reason.UNREACHABLE


async def test_a_receiver_that_fails_and_recovers_hears_the_same_message(client: httpx.AsyncClient) -> None:
    with Receiver(answers=[500, 503]) as receiver:
        body = payload(EVENT)
        outcomes = [await post(client, receiver.url, body, headers(EVENT.id, at, body, SECRET), 10) for at in (1, 2, 3)]
    assert [outcome.delivered for outcome in outcomes] == [False, False, True]
    assert {message.id for message in receiver.received} == {"evt_1"}
    assert len({message.body for message in receiver.received}) == 1
    assert len({message.headers["webhook-signature"] for message in receiver.received}) == 3  # each for its own time


async def test_the_receiver_runs_by_itself(client: httpx.AsyncClient) -> None:
    program = Path(__file__).parents[1] / "fakes" / "receiver.py"
    with subprocess.Popen([sys.executable, str(program), "--secret", SECRET], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert (await post(client, url, b"{}", headers("evt_9", 1, b"{}", SECRET), 10)).reason is Reason.REFUSED  # 1970
            assert process.stdout.readline() == "evt_9 (WRONG SIGNATURE) {}\n"
        finally:
            process.terminate()

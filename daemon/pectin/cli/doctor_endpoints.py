"""The part of `pectin doctor` about webhooks: whether somebody listens at their addresses. A connection only: no event is made up
for a test, and nothing is sent but what TLS needs to prove who is there."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from pectin.cli.findings import Finding, fail, ok
from pectin.settings.sections import Settings, Webhook

_PORTS = {"http": 80, "https": 443}
_WAITS = "events wait in the outbox until it answers; none is lost"


def endpoint_findings(settings: Settings) -> Sequence[Finding]:
    return asyncio.run(_all(settings.webhooks)) if settings.webhooks else ()


async def _all(webhooks: Sequence[Webhook]) -> list[Finding]:
    return list(await asyncio.gather(*map(_reach, webhooks)))


async def _reach(webhook: Webhook) -> Finding:
    """The address may hold a secret: only host and port are told."""
    try:
        address = urlsplit(webhook.url)
        host, port = address.hostname or "", address.port or _PORTS[address.scheme]
    except ValueError:
        return fail(f"webhook {webhook.name}: its url is no address", "correct its url")
    what = f"webhook {webhook.name}: {host} port {port}"
    try:
        async with asyncio.timeout(webhook.timeout):
            _, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context()
                                                      if address.scheme == "https" else None)
    except TimeoutError:
        return fail(f"{what} does not answer within {webhook.timeout:g} s", "check its url, and firewalls between", _WAITS)
    except ssl.SSLCertVerificationError as error:
        return fail(f"{what} cannot prove who it is: {error.verify_message}",
                    "check its certificate, and this machine's clock and ca-certificates", _WAITS)
    except UnicodeError:  # a part of the name is empty or too long
        return fail(f"{what}: its url names no host", "correct its url", _WAITS)
    except (OSError, ssl.SSLError) as error:
        return fail(f"{what} cannot be reached: {error.strerror or error}", "check its url, and that the receiver runs", _WAITS)
    writer.close()
    with suppress(OSError, ssl.SSLError):
        await writer.wait_closed()
    return ok(f"{what} can be reached (a connection only, no event was sent)")

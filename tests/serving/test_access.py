"""Who may ask a deployment: its tokens open it, other machines reach it where it is exposed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from objects.served import Api
from serving.objects import service

from forecourt.errors import AlreadyExists, InvalidInput, NotFound
from forecourt.projects import Secret
from forecourt.serving.access import AUTH, EXPOSED, VISIBILITY, AccessControl, NotExposed, NotKnownYet, TokenRequired
from forecourt.serving.endpoints import Endpoint
from forecourt.serving.model import InferenceService
from forecourt.serving.tokens import Tokens

HERE, ELSEWHERE = "127.0.0.1", "192.0.2.7"


@dataclass
class Guarded:
    api: Api
    tokens: Tokens
    access: AccessControl

    def deploy(self, name: str = "chat", *, protected: bool = False, exposed: bool = False) -> None:
        made = service(name).with_metadata(
            annotations={AUTH: str(protected).lower()}, labels={VISIBILITY: EXPOSED} if exposed else {}
        )
        self.api.objects.create(made)

    def ask(self, token: str = "", client: str = HERE, forwarded: str = "", name: str = "chat") -> bool:
        headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
        if forwarded:
            headers.append((b"x-forwarded-for", forwarded.encode()))
        scope: Any = {"type": "http", "client": (client, 1), "headers": headers}
        return self.access.check(scope, Endpoint("default", name))

    async def settled(self, name: str = "chat") -> None:
        await self.access.learn("default", name)


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    with closing(Api(tmp_path)) as api:
        tokens = Tokens(api.objects, api.projects.connections)
        access = AccessControl(api.objects, tokens)
        running = asyncio.create_task(access.run())
        yield Guarded(api, tokens, access)
        running.cancel()


async def test_an_open_deployment_is_for_everybody_here(guarded):
    guarded.deploy()
    await guarded.settled()
    assert not guarded.ask()
    assert not guarded.ask(client="::1")
    assert not guarded.ask(token="whatever")  # which is then the runtime's to see


async def test_what_is_not_known_yet_lets_nobody_in(guarded):
    with pytest.raises(NotKnownYet):
        guarded.ask()


@pytest.mark.parametrize(
    ("client", "forwarded"), [(ELSEWHERE, ""), ("2001:db8::1", ""), (HERE, ELSEWHERE), (HERE, f"{HERE}, {ELSEWHERE}")]
)
async def test_other_machines_reach_only_what_is_exposed(guarded, client, forwarded):
    guarded.deploy()
    guarded.deploy("shown", exposed=True)
    await guarded.settled()
    await guarded.settled("shown")
    with pytest.raises(NotExposed, match="on its own machine only"):
        guarded.ask(client=client, forwarded=forwarded)
    assert not guarded.ask(client=client, forwarded=forwarded, name="shown")


async def test_a_protected_deployment_asks_for_one_of_its_tokens(guarded):
    guarded.deploy(protected=True)
    guarded.deploy("other", protected=True)
    made, text = guarded.tokens.issue("default", "chat", "My notebook")
    _, others = guarded.tokens.issue("default", "other", "My notebook")
    await guarded.settled()
    await guarded.settled("other")
    assert made.name == "My notebook"
    assert guarded.ask(text)
    for wrong in ("", "nonsense", others, text[:-1]):
        with pytest.raises(TokenRequired):
            guarded.ask(wrong)


async def test_a_token_is_kept_as_a_hash_alone(guarded):
    guarded.deploy(protected=True)
    _, text = guarded.tokens.issue("default", "chat", "ci")
    (secret,) = guarded.api.objects.list(Secret)
    assert (secret.name, secret.type) == ("ci-chat-sa", "kubernetes.io/service-account-token")
    values = guarded.api.projects.connections.reveal(secret)
    assert text not in str(dict(values.data))
    assert text not in str(secret.to_dict())
    assert "data" not in guarded.api.projects.connections.shown(secret).to_dict()


async def test_a_revoked_token_opens_nothing_any_more(guarded):
    guarded.deploy(protected=True)
    _, text = guarded.tokens.issue("default", "chat", "ci")
    guarded.tokens.issue("default", "chat", "other")
    await guarded.settled()
    guarded.tokens.revoke("default", "chat", "ci")
    await guarded.settled()
    with pytest.raises(TokenRequired):
        guarded.ask(text)
    assert [token.name for token in guarded.tokens.of("default", "chat")] == ["other"]


class SlowlyRead(Tokens):
    """Whose first answer is under way until it is let go, and every later one for a while."""

    def __init__(self, api: Api) -> None:
        super().__init__(api.objects, api.projects.connections)
        self.read, self.let_go = threading.Event(), threading.Event()

    def hashes(self, namespace: str, name: str) -> frozenset[str]:
        found = super().hashes(namespace, name)
        if not self.read.is_set():
            self.read.set()
            assert self.let_go.wait(10)
        else:
            time.sleep(0.05)  # so that what is noted wrongly is not mended before anybody can see it
        return found


async def test_a_token_revoked_while_the_server_starts_opens_nothing(tmp_path):
    with closing(Api(tmp_path)) as api:
        tokens = SlowlyRead(api)
        guarded = Guarded(api, tokens, AccessControl(api.objects, tokens))
        guarded.deploy(protected=True)
        _, text = tokens.issue("default", "chat", "ci")
        starting = asyncio.create_task(guarded.access.run())
        assert await asyncio.to_thread(tokens.read.wait, 10)
        tokens.revoke("default", "chat", "ci")
        learnt = asyncio.create_task(guarded.settled())
        await asyncio.wait([learnt], timeout=0.3)  # time enough to be told before what was read first is noted
        tokens.let_go.set()
        await learnt
        for _ in range(300):  # not for a moment either
            with pytest.raises(TokenRequired):
                guarded.ask(text)
            await asyncio.sleep(0.001)
        starting.cancel()


async def test_changes_are_followed(guarded):
    guarded.deploy(protected=True)
    _, text = guarded.tokens.issue("default", "chat", "ci")
    async with asyncio.timeout(10):
        while True:
            try:
                assert guarded.ask(text)
                break
            except (NotKnownYet, TokenRequired):
                await asyncio.sleep(0.01)
        guarded.api.objects.update(
            InferenceService, "default", "chat", lambda one: one.with_metadata(annotations={AUTH: "false"})
        )
        while guarded.ask(text):
            await asyncio.sleep(0.01)


async def test_wrong_requests_for_tokens_are_told(guarded):
    guarded.deploy()
    guarded.tokens.issue("default", "chat", "ci")
    with pytest.raises(AlreadyExists, match="has a token ci already"):
        guarded.tokens.issue("default", "chat", "ci")
    with pytest.raises(NotFound):
        guarded.tokens.issue("default", "absent", "ci")
    with pytest.raises(NotFound, match="has no token nothing"):
        guarded.tokens.revoke("default", "chat", "nothing")
    with pytest.raises(InvalidInput, match="needs a name"):
        guarded.tokens.issue("default", "chat", " ")


async def test_tokens_go_with_their_deployment(guarded):
    guarded.deploy()
    guarded.tokens.issue("default", "chat", "ci")
    (one,) = guarded.api.objects.list(InferenceService)
    guarded.api.objects.mark_deleted(InferenceService, "default", "chat")
    guarded.api.objects.purge(InferenceService, "default", "chat", one.metadata.uid or "")
    guarded.api.objects.remove_owned("default", one.metadata.uid or "")
    assert guarded.api.objects.list(Secret) == []

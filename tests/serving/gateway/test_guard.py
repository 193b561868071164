"""A gateway with a guard: who may not pass learns why, and what opened the door stays outside."""

from __future__ import annotations

from aiohttp import web
from serving.gateway.parts import Running, serving

from forecourt.serving.access import NotExposed, TokenRequired


async def echo(request: web.Request) -> web.Response:
    return web.json_response({"authorization": request.headers.get("authorization", "")})


def guard(scope, endpoint) -> bool:
    if endpoint.name == "hidden":
        raise NotExposed("hidden answers on its own machine only.")
    if endpoint.name == "open":
        return False
    if (b"authorization", b"Bearer right") not in scope["headers"]:
        raise TokenRequired("secret asks for a token.")
    return True


async def served(running: Running) -> None:
    for name in ("open", "secret", "hidden"):
        await running.deploy(echo, name)


async def test_the_right_token_opens_and_goes_no_further():
    async with serving(hold_seconds=1, guard=guard) as running:
        await served(running)
        for path, more in (("/serving/default/secret/x", {}), ("/v1/chat/completions", {"json": {"model": "secret"}})):
            headers = {"authorization": "Bearer right"}
            async with running.session.post(running.url + path, headers=headers, **more) as answer:
                assert (answer.status, await answer.json()) == (200, {"authorization": ""})


async def test_without_it_the_answer_is_401_in_the_protocols_shape():
    async with serving(hold_seconds=1, guard=guard) as running:
        await served(running)
        async with running.session.post(f"{running.url}/v1/chat/completions", json={"model": "secret"}) as answer:
            assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert (await answer.json())["error"]["code"] == "invalid_api_key"
        async with running.session.get(f"{running.url}/serving/default/secret/v2/health/ready") as answer:
            assert (answer.status, await answer.json()) == (401, {"error": "secret asks for a token."})


async def test_an_open_deployments_own_authorization_is_its_runtimes():
    async with serving(hold_seconds=1, guard=guard) as running:
        await served(running)
        headers = {"authorization": "Bearer theirs"}
        async with running.session.get(f"{running.url}/serving/default/open/", headers=headers) as answer:
            assert await answer.json() == {"authorization": "Bearer theirs"}


async def test_what_one_cannot_reach_is_not_listed_and_what_a_token_opens_is():
    async with serving(hold_seconds=1, guard=guard) as running:
        await served(running)
        async with running.session.get(f"{running.url}/v1/models") as answer:
            assert [one["id"] for one in (await answer.json())["data"]] == ["open", "secret"]
        async with running.session.post(f"{running.url}/v1/completions", json={"model": "absent"}) as answer:
            text = await answer.text()
            assert (answer.status, "hidden" in text, "secret" in text) == (404, False, True)
        async with running.session.post(f"{running.url}/v1/completions", json={"model": "hidden"}) as answer:
            assert answer.status == 403

from __future__ import annotations

import pytest
from registries import NAME, Registry, refused


async def test_the_api_says_that_it_is_there(registry: Registry) -> None:
    for path in ("/v2/", "/v2"):
        async with registry.http.get(path) as response:
            assert response.status == 200
            assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
            assert await response.json() == {}


async def test_other_paths_and_methods_are_refused_in_json(registry: Registry) -> None:
    for path in ("/", "/v2/x", "/v1/", f"/v2/{NAME}/tags"):
        async with registry.http.get(path) as response:
            await refused(response, 404, "NOT_FOUND")
    async with registry.http.post(f"/v2/{NAME}/tags/list") as response:
        assert "GET" in response.headers["Allow"]
        await refused(response, 405, "UNSUPPORTED")


async def test_tags_are_listed_in_order(registry: Registry) -> None:
    for tag in ("b", "A", "c"):
        await registry.push_image(tag)
    async with registry.http.get(f"/v2/{NAME}/tags/list") as response:
        assert await response.json() == {"name": NAME, "tags": ["A", "b", "c"]}
        assert "Link" not in response.headers


async def test_an_unknown_repository_has_no_tags(registry: Registry) -> None:
    await registry.push(b"a blob alone makes no repository")
    async with registry.http.get(f"/v2/{NAME}/tags/list") as response:
        await refused(response, 404, "NAME_UNKNOWN")


async def pages(registry: Registry, url: str, key: str) -> list[list[str]]:
    found = []
    while url:
        async with registry.http.get(url) as response:
            assert response.status == 200
            found.append((await response.json())[key])
            link = response.links.get("next")
            url = str(link["url"].relative()) if link else ""
    return found


async def test_tags_come_in_pages(registry: Registry) -> None:
    for tag in ("a", "B", "c", "D_1", "e"):
        await registry.push_image(tag)
    url = f"/v2/{NAME}/tags/list"
    assert await pages(registry, f"{url}?n=2", "tags") == [["a", "B"], ["c", "D_1"], ["e"]]
    assert await pages(registry, f"{url}?n=5", "tags") == [["a", "B", "c", "D_1", "e"]]
    assert await pages(registry, f"{url}?n=0", "tags") == [[]]
    assert await pages(registry, f"{url}?last=b-not-there", "tags") == [["c", "D_1", "e"]]
    assert await pages(registry, f"{url}?n=2&last=e", "tags") == [[]]


async def test_repositories_come_in_pages(registry: Registry) -> None:
    names = ["a", "a-b", "a/b", "b"]
    for name in names:
        await registry.push_image("1.0", name=name)
    assert await pages(registry, "/v2/_catalog", "repositories") == [names]
    assert await pages(registry, "/v2/_catalog?n=3", "repositories") == [["a", "a-b", "a/b"], ["b"]]


@pytest.mark.parametrize("count", ["x", "-1", "1.5", "²", ""])
async def test_a_page_of_no_size_is_refused(registry: Registry, count: str) -> None:
    async with registry.http.get("/v2/_catalog", params={"n": count}) as response:
        await refused(response, 400, "PAGINATION_NUMBER_INVALID")

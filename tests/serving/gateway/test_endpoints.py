"""What the reconcile loop publishes, and who is woken by it."""

from __future__ import annotations

import asyncio

from forecourt.serving.endpoints import Endpoint, Endpoints, Replica


async def test_a_replica_is_drained_when_its_last_request_ends() -> None:
    replica = Replica("r", "http://127.0.0.1:1")
    await replica.drained()
    replica.begin()
    replica.begin()
    draining = asyncio.create_task(replica.drained())
    replica.end()
    await asyncio.sleep(0)
    assert not draining.done()
    replica.end()
    await asyncio.wait_for(draining, 1)


async def test_a_replica_that_is_asked_again_before_the_drainer_wakes_is_not_drained() -> None:
    replica = Replica("r", "http://127.0.0.1:1")
    replica.begin()
    draining = asyncio.create_task(replica.drained())
    await asyncio.sleep(0)
    replica.end()
    replica.begin()
    await asyncio.sleep(0.01)
    assert not draining.done()
    replica.end()
    await asyncio.wait_for(draining, 1)


async def test_publishing_again_changes_the_same_endpoint_and_wakes_who_waits() -> None:
    endpoints = Endpoints()
    endpoint = endpoints.publish("default", "m", [], waiting=True, message="loading")
    waiting = [asyncio.create_task(endpoint.changed(10)) for _ in range(3)]
    await asyncio.sleep(0)
    replica = Replica("r", "http://127.0.0.1:1")
    assert endpoints.publish("default", "m", [replica], waiting=False) is endpoint
    await asyncio.wait_for(asyncio.gather(*waiting), 1)
    assert (endpoint.replicas, endpoint.waiting, endpoint.message) == ((replica,), False, "")


async def test_waiting_for_a_change_ends_with_the_time() -> None:
    endpoint = Endpoints().publish("default", "m", [], waiting=True)
    await asyncio.wait_for(endpoint.changed(0.01), 1)
    assert endpoint._changed == []


async def test_a_withdrawn_endpoint_is_gone_and_says_so() -> None:
    endpoints = Endpoints()
    told: list[Endpoint] = []
    endpoints.on_withdraw(told.append)
    endpoint = endpoints.publish("default", "m", [Replica("r", "http://127.0.0.1:1")], waiting=True)
    waiting = asyncio.create_task(endpoint.changed(10))
    await asyncio.sleep(0)
    endpoints.withdraw("default", "m")
    endpoints.withdraw("default", "never there")
    await asyncio.wait_for(waiting, 1)
    assert endpoint.withdrawn and not endpoint.replicas and not endpoint.waiting
    assert endpoints.get("default", "m") is None and list(endpoints) == []
    assert told == [endpoint]
    assert endpoints.publish("default", "m", [], waiting=True) is not endpoint


async def test_endpoints_may_be_withdrawn_while_they_are_gone_through() -> None:
    endpoints = Endpoints()
    for name in "abc":
        endpoints.publish("default", name, [], waiting=True)
    for endpoint in endpoints:
        endpoints.withdraw(endpoint.namespace, endpoint.name)
    assert list(endpoints) == []

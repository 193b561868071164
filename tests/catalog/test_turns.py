"""One at a time, in order, and the event loop comes around between two."""

from __future__ import annotations

import asyncio

from forecourt.catalog.turns import Turns


async def test_they_come_in_order_and_the_loop_comes_around_in_between() -> None:
    turns, done = Turns(), list[object]()

    async def one(number: int) -> None:
        async with turns:
            done.append(number)
            asyncio.get_running_loop().call_soon(done.append, "around")

    await asyncio.gather(*map(one, range(4)))
    assert [each for each in done if each != "around"] == [0, 1, 2, 3]
    assert all(done[done.index(number) + 1] == "around" for number in range(3))


async def test_nobody_is_in_while_another_is() -> None:
    turns, inside, most = Turns(), 0, 0

    async def one() -> None:
        nonlocal inside, most
        async with turns:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    await asyncio.gather(*(one() for _ in range(20)))
    assert most == 1


async def test_an_error_gives_the_turn_on() -> None:
    turns = Turns()

    async def one(number: int) -> int:
        async with turns:
            return 1 // number

    found = await asyncio.gather(one(0), one(1), return_exceptions=True)
    assert isinstance(found[0], ZeroDivisionError)
    assert found[1] == 1


async def test_one_who_no_longer_waits_loses_nobodys_turn() -> None:
    turns, goes_on, done = Turns(), asyncio.Event(), list[int]()

    async def one(number: int) -> None:
        async with turns:
            if number == 0:
                await goes_on.wait()
            done.append(number)

    tasks = [asyncio.create_task(one(number)) for number in range(5)]
    await asyncio.sleep(0)
    tasks[1].cancel()  # while it waits
    goes_on.set()
    while 0 not in done:
        await asyncio.sleep(0)
    tasks[2].cancel()  # as its turn comes
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert done[0] == 0
    assert done[-2:] == [3, 4]
    await asyncio.wait_for(one(9), 5)

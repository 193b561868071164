"""``forecourt storage``: what takes space, and what can go. Through the server, which knows what is needed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from forecourt.cli.output import JsonOption, age, console, print_json, print_table, size

app = typer.Typer(no_args_is_help=True, help="What takes space, what needs each of it, and what can go.")

Document = dict[str, Any]

STORAGE = "/api/forecourt/v1/storage"


@app.command("list")
def list_(
    group: Annotated[
        str,
        typer.Argument(
            metavar="[GROUP]",
            help="Only these: images, registry, store, models, environments, cache, logs, database, other.",
        ),
    ] = "",
    json: JsonOption = False,
) -> None:
    """Show what takes space, the largest first, and what needs each of it.

    FREES is what removing it gives: less than its size where others share its files.
    """
    from forecourt.cli.connection import connect

    answer = connect().get(STORAGE)
    groups = _chosen(answer["groups"], group)
    if json:
        print_json(answer | {"groups": groups})
        return
    rows = [
        (
            one["id"],
            one["name"] if one["name"] not in one["id"] else "",
            size(one["sizeBytes"]),
            size(one["ownBytes"]) if one["removable"] else "",
            age(one["lastUsed"]) if one["lastUsed"] else "",
            ",".join(one["usedBy"]) or ("nothing" if one["needless"] else ""),
        )
        for each in groups
        for one in each["items"]
    ]
    if rows:
        print_table(("ID", "Name", "Size", "Frees", "Last used", "Used by"), rows)
    for each in groups:
        console.note(f"{each['title']}: {size(each['sizeBytes'])}")
    disk = answer["disk"]
    console.note(
        f"Together {size(answer['sizeBytes'])}; {size(disk['freeBytes'])} of {size(disk['totalBytes'])} are free."
    )
    if answer["needlessBytes"]:
        console.note(f"{size(answer['needlessBytes'])} are needed by nothing: forecourt storage free")


@app.command()
def free(
    items: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID...]", help="What is to go, by its id; by default all that nothing needs."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonOption = False,
) -> None:
    """Remove what nothing needs, or what is named. What a deployment or a registered version needs stays.

    On a terminal it asks; in a script what is named, which may have to be fetched again, needs --yes.
    """
    from forecourt.cli.connection import connect
    from forecourt.errors import InvalidInput

    client = connect()
    plan: Document = client.post(f"{STORAGE}/free", {"items": items or None, "dryRun": True})
    stays = [one for one in plan["items"] if one["message"]]
    goes = [one for one in plan["items"] if not one["message"]]
    if dry_run:
        _told(plan, json=json, verb="would be removed", frees="would free")
        return
    for one in stays:
        console.warn(f"{one['id']} stays: {one['message']}")
    if not goes:
        if json:
            print_json(plan | {"dryRun": False})
        else:
            console.note("There is nothing to remove.")
        if stays:
            raise typer.Exit(1)
        return
    if not yes:
        what = f"{len(goes)} items" if len(goes) != 1 else goes[0]["id"]
        if console.can_ask:
            for one in goes:
                console.note(f"  {one['id']}  {one['name']}  {size(one['freedBytes'])}")
            if not console.confirm(f"Remove {what}, which frees {size(plan['freedBytes'])}?"):
                console.note("Nothing was removed.")
                raise typer.Exit(1)
        elif items:
            raise InvalidInput(f"This removes {what}.", hint="Say --yes if that is meant; see --dry-run.")
    done: Document = client.post(f"{STORAGE}/free", {"items": [one["id"] for one in goes], "dryRun": False})
    _told(done, json=json, verb="removed", frees="freed")
    if stays or any(one["message"] for one in done["items"]):
        raise typer.Exit(1)


def _told(done: Document, *, json: bool, verb: str, frees: str) -> None:
    if json:
        print_json(done)
        return
    for one in done["items"]:
        if one["message"]:
            console.warn(f"{one['id']} stays: {one['message']} {one['hint']}".rstrip())
        else:
            console.print(f"{one['id']} {verb}, {frees} {size(one['freedBytes'])}")
    console.note(f"Together this {frees} {size(done['freedBytes'])}.")


def _chosen(groups: list[Document], group: str) -> list[Document]:
    from forecourt.errors import NotFound

    found = [one for one in groups if group in ("", one["id"])]
    if not found:
        raise NotFound(f"There is no group {group}.", hint=f"There are {', '.join(one['id'] for one in groups)}.")
    return found

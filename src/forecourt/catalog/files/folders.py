"""Where a source may read files: in the folder of the file that defines it, and in those that the settings name."""

from __future__ import annotations

from pathlib import Path

from forecourt.catalog.model import Loading, SourceDefinition
from forecourt.errors import ForecourtError, InvalidInput, NotFound, from_os_error


def locate(definition: SourceDefinition, name: str, loading: Loading) -> Path:
    """Return the file or folder that a property names, links resolved.

    A relative path starts from the folder of the file that defines the source; where that was no file, it is looked for
    in the folders of `loading`. Raises `NotFound`, and `InvalidInput` for a path that leads elsewhere.
    """
    home = (definition.origin.parent,) if definition.origin else ()
    asked = Path(name)
    starts = home or loading.folders
    try:
        uploaded = (loading.uploaded,) if loading.uploaded else ()
        roots = [folder.resolve() for folder in (*home, *loading.folders, *uploaded)]
        resolved = [
            each.resolve() for each in ([asked] if asked.is_absolute() else [start / asked for start in starts])
        ]
        inside = [path for path in resolved if any(path.is_relative_to(root) for root in roots)]
        found = next((path for path in inside if path.exists()), None)
    except (OSError, ValueError) as error:
        raise unreadable(asked, error) from None
    except RuntimeError:
        raise InvalidInput(f"{name} is a link that leads to itself.", hint="Check the path.") from None
    if not inside:
        # Whether it is there is not said: who defines a source learns nothing of other folders.
        raise InvalidInput(
            f"Source {definition.id!r} may not read {name}: it is outside the folders that are allowed.",
            hint="Put the file beside the one that defines the source, or allow its folder in the settings.",
        )
    if found is None:
        places = " or ".join(map(str, inside))
        raise NotFound(f"Source {definition.id!r} names {name}, but {places} is not there.", hint="Check the path.")
    return found


def unreadable(path: Path, error: OSError | ValueError) -> ForecourtError:
    """Return what a person is told where the system does not let us read at `path`."""
    known = from_os_error(error, path) if isinstance(error, OSError) else None
    return known or InvalidInput(f"{path} cannot be read: {error}.", hint="Check the path.")

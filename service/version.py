"""The version of this installation."""

from importlib.metadata import PackageNotFoundError, version


def installed_version() -> str:
    """Return the version of the installed package; "0" for a working tree."""
    try:
        return version("assay")
    except PackageNotFoundError:
        return "0"

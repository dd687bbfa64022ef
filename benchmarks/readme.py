"""Figures of the README are written from results, never by hand."""

from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def write_between(name: str, text: str, readme: Path = README) -> None:
    """Put text in the place of what stands between `<!-- name -->` and `<!-- /name -->`.

    Raises ValueError where the README has no such place.
    """
    first, last = f"<!-- {name} -->", f"<!-- /{name} -->"
    whole = readme.read_text(encoding="utf-8")
    before, found, rest = whole.partition(first)
    _, found_end, after = rest.partition(last)
    if not found or not found_end:
        raise ValueError(f"{readme} has no place for these figures: put {first} and {last} where they belong")
    readme.write_text(f"{before}{first}\n{text}\n{last}{after}", encoding="utf-8")

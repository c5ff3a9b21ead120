"""Numbers in words."""


def rate(per_second: float) -> str:
    """Return documents a second; a slow one with a decimal."""
    return f"{per_second:,.{1 if per_second < 9.5 else 0}f} a second"


def duration(seconds: float) -> str:
    """Return seconds in the unit a person would take."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6_000 else f"{seconds / 3_600:.1f} h"

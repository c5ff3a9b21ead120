"""The documents of a run, each known by its number: its path, its bytes, its word, and how it has to end."""

import time
from pathlib import Path

#: Of so many documents one is empty, and has to be rejected.
EMPTY_ONE_IN = 100
#: Documents of a run whose parse hangs, and has to be killed; each costs three parses of `PARSE_SECONDS`.
HANGING = 6
#: Seconds a parse may take in these runs.
PARSE_SECONDS = 2
#: Attributes of one element over which libxml2 takes some 40 s: it compares each with all before it.
ATTRIBUTES = 40_000


class Documents:
    """Documents 0 to `number` - 1, `hanging` of them such that their parse hangs."""

    def __init__(self, number: int, hanging: int = HANGING) -> None:
        self.number = number
        step = max(2, number // max(1, hanging))
        self._hanging = set(range(step // 2, number, step)[:hanging])

    def __len__(self) -> int:
        return self.number

    def state(self, number: int) -> str:
        """How the document has to end."""
        bad = number in self._hanging or number % EMPTY_ONE_IN == EMPTY_ONE_IN - 1
        return "rejected" if bad else "indexed"

    def of_state(self, state: str) -> dict[str, int]:
        """Return the numbers of those that have to end so, by path."""
        return {self.path(n): n for n in range(self.number) if self.state(n) == state}

    def path(self, number: int) -> str:
        """Where it lies in the inbox."""
        suffix = "html" if number in self._hanging else "txt"
        return f"{number // 1000:03d}/{number:06d}.{suffix}"

    def text(self, number: int) -> str:
        """What it says; no two are the same."""
        if number in self._hanging:
            attributes = " ".join(f'a{i}="{number}"' for i in range(ATTRIBUTES))
            return f"<html><body><p {attributes}>The harbour is closed.</p></body></html>"
        if number % EMPTY_ONE_IN == EMPTY_ONE_IN - 1:
            return " " * (number + 1)
        return (
            f"Report number {number} from the harbour\n\n"
            f"The harbour master counted the boats again on Monday and wrote {word_of(number)} into the book.\n"
            "Nobody had expected that the ferry would leave before the fog was gone, he told the newspaper.\n"
        )

    def feed(self, inbox: Path, seconds: float) -> None:
        """Write them evenly over the time, each in one piece."""
        start = time.monotonic()
        for number in range(self.number):
            time.sleep(max(0.0, start + seconds * number / self.number - time.monotonic()))
            target = inbox / self.path(number)
            target.parent.mkdir(exist_ok=True)
            part = target.with_suffix(".part")
            part.write_text(self.text(number))
            part.rename(target)


def word_of(number: int) -> str:
    """A word that stands in this document only."""
    return f"tally{number:06d}mark"

"""Wall clocks that step: `stepped_clock.c` in front of each process, with a file that says how far it is off."""

import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("stepped_clock.c")


class Clocks:
    """One clock for each named process; they all go right until they are stepped.

    Without a C compiler there are none: `there` says so, and steps do nothing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._library = folder / "stepped_clock.so"
        compiler = shutil.which("cc")
        self.there = compiler is not None
        if compiler:
            subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", self._library, SOURCE], check=True)

    def environment(self, name: str) -> dict[str, str]:
        """What a process needs in its environment to have this clock."""
        self.step(name, 0)
        return {"LD_PRELOAD": str(self._library), "STEPPED_CLOCK": str(self.folder / name)} if self.there else {}

    def step(self, name: str, seconds: float) -> None:
        """From now on the clock is off by so much."""
        file = self.folder / name
        file.touch()
        with file.open("r+b") as clock:  # in place: it is mapped into the process's memory
            clock.write(struct.pack("=q", int(seconds)))

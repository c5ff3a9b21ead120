"""`python -m cli`, or `./dateline`."""

from cli.app import create_app
from cli.surroundings import Surroundings

if __name__ == "__main__":
    create_app(Surroundings())(prog_name="dateline")

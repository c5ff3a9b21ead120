"""`python -m services.fetcher`."""

from services.fetcher.app import fetcher
from services.fetcher.settings import FetcherSettings
from shared.service import run

if __name__ == "__main__":
    run("fetcher", FetcherSettings, "fetcher_port", fetcher)

"""`python -m services.indexer`."""

from services.indexer.app import indexer
from services.indexer.settings import IndexerSettings
from shared.service import run

if __name__ == "__main__":
    run("indexer", IndexerSettings, "port", indexer)

"""`python -m services.parser`."""

from services.parser.app import parser
from services.parser.settings import ParserSettings
from shared.service import run

if __name__ == "__main__":
    run("parser", ParserSettings, "parser_port", parser)

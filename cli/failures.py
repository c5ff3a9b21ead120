"""How a command ends when it cannot do what it was asked: one line that says what to do, and an exit code.

0   done
1   what was asked for is not there, or could not be done for all of it
2   the command line is wrong
3   Dateline does not answer, or cannot do it for now
"""

NOT_DONE, USAGE, UNAVAILABLE = 1, 2, 3


class Failure(Exception):  # noqa: N818  how a command ended, with its exit code
    """Ends the command; the text is written for the person at the terminal."""

    code = NOT_DONE


class UsageFailure(Failure):
    """The command line does not say what is needed."""

    code = USAGE


class Unavailable(Failure):
    """Dateline does not answer, or cannot do it for now: the same command may work later."""

    code = UNAVAILABLE

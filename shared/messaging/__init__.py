"""The delivery laws, over FastStream: one concern a file.

    envelope      an event as bytes and back
    groups        consumer groups exist from the first entry on
    intake        the ledger's events go on their streams, each once
    reader        what a worker is handed next
    leases        what this process works on, and that it is alive
    take_over     a dead worker's entries find another
    hand_over     acknowledge, delete and publish in one step
    attempts      what a stage tried, for the document's trace
    fates         what becomes of an entry whose handler failed
    quarantine    a failed entry as an event a person can read and replay
    replay        quarantined messages go back on their streams
    broker        puts all of it together

FastStream reads through `client.StreamClient`, whose `xreadgroup` is the reader; its handlers run inside
`fates.Delivery`, a middleware, which ends every delivery in exactly one hand-over, retry or quarantine.
"""

from shared.messaging.attempts import AttemptHere, attempt_here, traced
from shared.messaging.broker import StreamBroker
from shared.messaging.intake import Intake
from shared.messaging.reader import HUNG_SECONDS
from shared.messaging.replay import Replay

__all__ = ["HUNG_SECONDS", "AttemptHere", "Intake", "Replay", "StreamBroker", "attempt_here", "traced"]

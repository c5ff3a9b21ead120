"""Consumer groups, created at `0` by producers and consumers alike before anything is published.

FastStream creates them at `$`, which loses what was published before a consumer's first start.
"""

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.streams import CONSUMER_GROUP, Stream


async def create_group(client: Redis, stream: Stream) -> None:
    """Create the stream and its one group, unless they are there: a full server would refuse even to be asked."""
    if await _exists(client, stream):
        return
    try:
        await Redis.xgroup_create(client, stream, CONSUMER_GROUP[stream], id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):  # another service was faster
            raise


async def _exists(client: Redis, stream: Stream) -> bool:
    try:
        groups = await client.xinfo_groups(stream)
    except ResponseError as error:
        if "no such key" not in str(error):
            raise
        return False
    return CONSUMER_GROUP[stream].encode() in {group["name"] for group in groups}


async def create_groups(client: Redis) -> None:
    """Create every stream and group there is."""
    for stream in Stream:
        await create_group(client, stream)

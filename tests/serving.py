"""The simulated cluster on a port of this machine, for tests that need a real one."""

import asyncio
import contextlib
import threading

from servers.simulator import https

# A client that keeps its connection does not say goodbye when the server goes: do not wait for it.
asyncio.constants.SSL_SHUTDOWN_TIMEOUT = 0.05  # type: ignore[attr-defined]


@contextlib.contextmanager
def serving(cluster, certificate):
    """Gives the port of a server that runs in a thread of its own."""
    loop = asyncio.new_event_loop()
    start = https.start(https.application(cluster), certificate, host="127.0.0.1", port=0)
    runner = loop.run_until_complete(start)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield runner.addresses[0][1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(runner.cleanup())
        loop.run_until_complete(wind_up())
        loop.close()


async def wind_up():
    """Handlers that wait are cancelled; connections that were cut end in the next rounds."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0.2)

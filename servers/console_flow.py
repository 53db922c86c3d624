"""What keeps a console's two directions within bounds, and tells typing from chatter."""

import asyncio
from collections import deque
from secrets import token_hex

# daphne takes whatever it is given for a client that does not read. So of what was sent, only so
# much may be unread; marks within the stream tell, as whoever does not read cannot know them.
WINDOW = 2 * 1024 * 1024
MARK_EVERY = 256 * 1024
MARK_BYTES = 8
# What waits for Proxmox to take it.
MOST_PENDING = 1024 * 1024

# First bytes of what a VNC client sends without anybody touching a key: encodings, the wish for
# an update, continuous updates, fences.
CHATTER = frozenset((2, 3, 150, 248))
INPUT = b"0:"


def is_input(frame: bytes, *, is_text: bool) -> bool:
    """Whether a person is behind it. What is not recognised counts as one."""
    if is_text:
        return frame.startswith(INPUT)
    return bool(frame) and frame[0] not in CHATTER


class Window:
    """Bytes on their way to a client that says how far it has read."""

    def __init__(self) -> None:
        self.marks: deque[tuple[str, int]] = deque()
        self.outstanding = 0
        self.unmarked = 0
        self.has_room = asyncio.Event()
        self.has_room.set()

    def sent(self, count: int) -> str | None:
        """The mark that is to follow, if it is time for one."""
        self.unmarked += count
        if self.unmarked < MARK_EVERY:
            return None
        mark = token_hex(MARK_BYTES)
        self.marks.append((mark, self.unmarked))
        self.outstanding += self.unmarked
        self.unmarked = 0
        if self.outstanding >= WINDOW:
            self.has_room.clear()
        return mark

    def read_up_to(self, mark: str) -> bool:
        """Marks come back in the order in which they were sent. False where this one does not."""
        if not self.marks or self.marks[0][0] != mark:
            return False
        self.outstanding -= self.marks.popleft()[1]
        if self.outstanding < WINDOW:
            self.has_room.set()
        return True


class Pending:
    """Frames on their way to Proxmox, in order."""

    def __init__(self) -> None:
        self.frames: deque[bytes] = deque()
        self.bytes = 0
        self.has_some = asyncio.Event()

    def put(self, frame: bytes) -> bool:
        """False where too much is waiting already."""
        self.frames.append(frame)
        self.bytes += len(frame)
        self.has_some.set()
        return self.bytes <= MOST_PENDING

    async def take(self) -> bytes:
        await self.has_some.wait()
        frame = self.frames.popleft()
        self.bytes -= len(frame)
        if not self.frames:
            self.has_some.clear()
        return frame

"""Waiting for a thing to come true, with a deadline and never with a fixed sleep."""
import asyncio
import time

POLL = 0.02  # seconds between two looks; for what has no event of its own, such as another program's port


class TooLate(AssertionError):
    """What a test waited for did not come within its deadline."""


async def until(predicate, deadline, what):
    """Returns the first true value of `predicate()`; it is asked at least once."""
    end = time.monotonic() + deadline
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= end:
            text = what() if callable(what) else what
            raise TooLate(f"not within {deadline} s: {text}")
        await asyncio.sleep(POLL)


class Journal:
    """A list of what was seen, on which tests wait. Nothing is ever taken out, so no wait can eat another's event."""

    def __init__(self, owner):
        self.owner = owner
        self.entries = []
        self._grown = asyncio.Event()

    def add(self, entry):
        self.entries.append(entry)
        self._grown.set()

    def mark(self):
        """A place in the journal: what came before it is not looked at by a wait `since` it."""
        return len(self.entries)

    def all(self, predicate, since=0):
        return [entry for entry in self.entries[since:] if predicate(entry)]

    async def wait_for(self, what, predicate, since=0, deadline=10):
        """The first entry after `since` that `predicate` accepts."""
        end = time.monotonic() + deadline
        looked_at = since
        while True:
            self._grown.clear()
            while looked_at < len(self.entries):
                entry = self.entries[looked_at]
                looked_at += 1
                if predicate(entry):
                    return entry
            left = end - time.monotonic()
            if left <= 0:
                seen = "\n".join(f"    {entry}" for entry in self.entries[since:]) or "    nothing"
                raise TooLate(f"{self.owner} did not get {what} within {deadline} s. It got:\n{seen}")
            try:
                await asyncio.wait_for(self._grown.wait(), left)
            except asyncio.TimeoutError:
                pass


async def all_right(checks, at_once=6):
    """Each check is a coroutine that gives a sentence if something is not as it should be; so many run side by side."""
    turns = asyncio.Semaphore(at_once)

    async def one(check):
        async with turns:
            return await check

    wrong = [found for found in await asyncio.gather(*map(one, checks)) if found]
    assert not wrong, "\n".join(wrong)

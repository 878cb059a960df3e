"""Judges rules in threads of their own, and ends those that take too long or too much memory.

A rule is somebody else's code. Its queries are interrupted; what does not stop then is left behind with its thread,
which ends with the process at the latest.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from concurrent.futures import Future, InvalidStateError, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Self

from recon.background import end_if_interrupted
from recon.errors import ResourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from recon.model import Check
    from recon.rules.rule import Rule

RULES_AT_ONCE = 2
SLICE_S = 0.05
PATIENCE_S = 0.5
"""How long a query that was interrupted is waited for."""
LEFT_S = 60.0
"""How long one that was left behind is waited for, before another is judged alone."""
MOST_TIMES = 4
"""What is left behind and goes on growing ends the verification at this multiple of the memory limit."""
REPEATED_S = 1.0
MEMORY_PAGES = Path("/proc/self/statm")
TOO_LONG = "it takes longer than {:g} s: mend its SQL, or raise --timeout"
TOO_MUCH = "it takes more than {:,} MB of memory beside what was read: let its SQL keep less at once"


@dataclass(frozen=True)
class RuleLimits:
    """What a rule may take.

    Attributes:
        seconds: From its start to its end; None: no limit.
        memory_bytes: By how much the process may grow while rules are judged; None: no limit.
    """

    seconds: float | None = None
    memory_bytes: int | None = None

    @property
    def too_long(self) -> str:
        """Why a rule was ended that took too long."""
        return TOO_LONG.format(self.seconds)

    @property
    def too_much(self) -> str:
        """Why a rule was ended that took too much memory."""
        return TOO_MUCH.format((self.memory_bytes or 0) // 10**6)


class TimeLimitReached(BaseException):
    """The code took longer than it may."""


class RuleAttempt:
    """One rule in its thread.

    Attributes:
        ended: Its check; why it was ended, as text; or None where it is to be judged again, alone.
    """

    def __init__(
        self, rule: Rule, judge: Callable[[Rule], Check], interrupt: Callable[[threading.Thread], None]
    ) -> None:
        self.rule = rule
        self.ended: Future[Check | str | None] = Future()
        self._judge, self._interrupt = judge, interrupt
        self._thread = threading.Thread(target=self._run, name="recon-rule", daemon=True)
        self._started = self._interrupted = inf
        self._reason: str | None = None

    def start(self, then: Callable[[RuleAttempt], None]) -> None:
        """Begin to judge it; `then` is called in its thread at the end."""
        self.ended.add_done_callback(lambda _: then(self))
        self._started = monotonic()
        try:
            self._thread.start()
        except RuntimeError as error:
            self._settle(str(error))

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return max(0.0, monotonic() - self._started)

    @property
    def is_ending(self) -> bool:
        """Whether it was interrupted."""
        return self._interrupted < inf

    @property
    def is_left(self) -> bool:
        """Whether it was left behind, and goes on."""
        return self.ended.done() and self._thread.is_alive() and self._thread is not threading.current_thread()

    def join(self, seconds: float) -> None:
        """Wait for its thread to end."""
        self._thread.join(seconds)

    def end(self, reason: str | None) -> None:
        """Interrupt its query, for the first reason given; once it had the time to stop, leave it behind."""
        if not self.is_ending:
            self._reason, self._interrupted = reason, monotonic()
        # Its next query begins anew, so that it is interrupted until it stops.
        self._interrupt(self._thread)
        if monotonic() - self._interrupted > PATIENCE_S:
            self._settle(self._reason)

    def _run(self) -> None:
        try:
            check = self._judge(self.rule)
        except BaseException as error:  # noqa: BLE001 - it must end, whatever the rule does
            self._settle(f"{type(error).__name__}: {error}")
        else:
            self._settle(self._reason if self.is_ending else check)

    def _settle(self, result: Check | str | None) -> None:
        with suppress(InvalidStateError):
            self.ended.set_result(result)


class RuleThreads:
    """Judges rules in their order, two at a time, while others are waited for.

    Args:
        rules: The rules.
        judge: Judges one of them, in any thread.
        interrupt: Ends the query of a thread.
        limits: What each of them may take.

    Attributes:
        attempts: One per rule, in their order.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        judge: Callable[[Rule], Check],
        interrupt: Callable[[threading.Thread], None],
        limits: RuleLimits,
    ) -> None:
        self._judge, self._interrupt, self._limits = judge, interrupt, limits
        self.attempts = [self._attempt(rule) for rule in rules]
        self._waiting = deque(self.attempts)
        self._running: list[RuleAttempt] = []
        self._begun: list[RuleAttempt] = []
        self._lock = threading.Lock()
        self._most_at_once = RULES_AT_ONCE
        self._ceiling = self._new_ceiling()
        self._highest = self._ceiling + (MOST_TIMES - 1) * (limits.memory_bytes or 0)
        self._is_shrinking = False

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            # An interrupt: what has begun must not go on in the database that is closed next.
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def result(self, attempt: RuleAttempt) -> Check | str:
        """Wait for the check of a rule; a text says why the rule was ended before it had one."""
        end_if_interrupted()
        found = self._await(attempt)
        return self._alone(attempt.rule) if found is None else found

    def close(self) -> None:
        """Begin no further rule, and end those that are being judged."""
        with self._lock:
            self._waiting.clear()
        while running := self._ongoing():
            for attempt in running:
                attempt.end("it was interrupted")
            wait([attempt.ended for attempt in running], SLICE_S)
            with self._lock:
                # One that was interrupted before it had started has nothing that removes it.
                self._running = [attempt for attempt in self._running if not attempt.ended.done()]

    def _attempt(self, rule: Rule) -> RuleAttempt:
        return RuleAttempt(rule, self._judge, self._interrupt)

    def _ongoing(self) -> list[RuleAttempt]:
        with self._lock:
            return list(self._running)

    def _begin(self, most: int = RULES_AT_ONCE) -> None:
        """Begin what is waiting, up to that many at once."""
        with self._lock:
            self._most_at_once = most
            begun = []
            while self._waiting and len(self._running) < most:
                begun.append(self._waiting.popleft())
                self._running.append(begun[-1])
        self._begun += begun
        for attempt in begun:
            attempt.start(self._finished)

    def _finished(self, attempt: RuleAttempt) -> None:
        with self._lock, suppress(ValueError):
            self._running.remove(attempt)
        self._begin(self._most_at_once)

    def _await(self, attempt: RuleAttempt) -> Check | str | None:
        while not wait([attempt.ended], SLICE_S).done:
            end_if_interrupted()
            self._watch()
        return attempt.ended.result()

    def _alone(self, rule: Rule) -> Check | str:
        """Judge a rule while no other is, so that what it takes is known."""
        self._most_at_once = 0
        for attempt in self._ongoing():
            self._await(attempt)
        self._await_left()
        attempt = self._attempt(rule)
        self._ceiling = self._new_ceiling()
        with self._lock:
            self._waiting.appendleft(attempt)
        self._begin(most=1)
        self._most_at_once = 0
        found = self._await(attempt)
        self._ceiling = self._new_ceiling()
        self._begin()
        return self._limits.too_much if found is None else found

    def _await_left(self) -> None:
        """Wait until nothing that was left behind takes memory, which would be taken for that of others."""
        deadline = monotonic() + LEFT_S
        while (left := self._left()) and monotonic() < deadline:
            end_if_interrupted()
            self._require_room_beside(left.rule)
            left.join(SLICE_S)

    def _left(self) -> RuleAttempt | None:
        """One that was left behind, and goes on."""
        return next((attempt for attempt in self._begun if attempt.is_left), None)

    def _watch(self) -> None:
        """End what takes too long, or all that runs while the process has grown too large."""
        running = self._ongoing()
        if self._is_shrinking and not any(attempt.is_ending for attempt in running):
            # What was freed may stay with the process, for use by others.
            self._is_shrinking, self._ceiling = False, self._new_ceiling()
        # What one that was left behind takes is not that of those that run.
        left = self._left()
        if left:
            self._require_room_beside(left.rule)
        is_large = not self._is_shrinking and left is None and (resident_bytes() or 0) > self._ceiling
        self._is_shrinking = self._is_shrinking or is_large
        for attempt in running:
            if attempt.is_ending:
                attempt.end(None)
            elif self._limits.seconds and attempt.seconds > self._limits.seconds:
                attempt.end(self._limits.too_long)
            elif is_large:
                attempt.end(self._limits.too_much if len(running) == 1 else None)

    def _require_room_beside(self, rule: Rule) -> None:
        """Give up before the machine does, where a rule that was left behind goes on growing.

        Raises:
            ResourceError: It has grown too far.
        """
        if (resident_bytes() or 0) > self._highest:
            raise ResourceError(
                "There is not enough memory",
                where=f"{rule.source}, {rule.id}",
                expected=f"a check that ends when it takes more than {(self._limits.memory_bytes or 0) // 10**6:,} MB",
                found=f"one that went on to {MOST_TIMES} times as much",
                next_step="Let its SQL keep less at once, or switch it off",
            )

    def _new_ceiling(self) -> float:
        """How large the process may become from now on."""
        now, room = resident_bytes(), self._limits.memory_bytes
        return inf if now is None or room is None else now + room


def resident_bytes() -> int | None:
    """The memory that this process occupies, in bytes; None where the system does not say."""
    try:
        return int(MEMORY_PAGES.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


@contextmanager
def limited(limits: RuleLimits) -> Iterator[None]:
    """End Python code that takes too long, such as an expression that backtracks forever.

    Only the main thread can be ended like that, and only where the system has timers; elsewhere there is no limit.

    Raises:
        TimeLimitReached: It took longer than the limit.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not (limits.seconds and is_main and hasattr(signal, "setitimer")):
        yield
        return

    def reach(*_: object) -> None:
        raise TimeLimitReached(limits.too_long)

    before = signal.signal(signal.SIGALRM, reach)
    # Repeated, in case that the code handles the first.
    signal.setitimer(signal.ITIMER_REAL, limits.seconds, REPEATED_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

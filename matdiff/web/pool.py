"""Questions answered in processes of their own, each with a bound on time and memory.

Of one session only the newest question counts: an older one that waits is dropped, one that is being answered is left
alone for a moment and then ended.  A process that has been ended is replaced by one that stands ready.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

Event = dict[str, Any]

SECONDS = 2.0
MEGABYTES = 500
WAITING = 1000
"""Questions that may wait; more are told to come again."""
PATIENCE = 0.5
"""Seconds that an answer which nobody waits for any longer may still take."""
REMEMBERED = 500
"""Answers that are kept for the next who asks the same."""
LONGEST_KEPT = 300_000
"""Letters of an answer that is kept."""
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A question has one processor; and the buffers of further threads would count as its memory."""


def refusal(kind: str, message: str, hint: str) -> Event:
    return {"error": {"kind": kind, "message": message, "hint": hint, "said": f"{message}\n{hint}"}}


LATE = "a question has {seconds:g} s, and this one takes longer"
HINT = "try a smaller problem, or matdiff on the command line, which has no such bound"
DIED = refusal("Died", "the process that answers has died", HINT)
BUSY = refusal("Busy", "too many questions are waiting", "ask again in a moment")
NEWER: Event = {"superseded": True}
CLOSED = refusal("Closed", "the server is being closed", "start it again")


@dataclass(eq=False)
class Job:
    """A question, and the events of its answer as they come; None ends them."""

    name: str
    asked: Mapping[str, Any]
    session: str
    events: SimpleQueue[Event | None] = field(default_factory=SimpleQueue)
    unwanted: bool = False
    started: float = 0.0
    process: Process | None = None

    @property
    def key(self) -> str:
        return json.dumps([self.name, self.asked], sort_keys=True)

    def finish(self, *last: Event) -> None:
        for event in (*last, None):
            self.events.put(event)


class Process:
    """One worker; it answers one job at a time."""

    def __init__(self, megabytes: int) -> None:
        command = [sys.executable, "-P", "-m", f"{__package__}.worker", str(megabytes)]
        self.popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **THREADS},
            encoding="utf-8",
            # An interrupt at the terminal is for the server, which ends its workers itself.
            start_new_session=True,
        )
        self.ready = False
        self.late = False
        self.spent = False

    def wait(self) -> bool:
        """Until it is ready; False where it has died."""
        if not self.ready:
            self.ready = bool(self.line())
        return self.ready

    def line(self) -> str:
        assert self.popen.stdout is not None
        try:
            return self.popen.stdout.readline()
        except ValueError:
            return ""

    def events(self, job: Job, seconds: float) -> Iterator[Event]:
        """The answer; it ends early where the process is ended or dies."""
        assert self.popen.stdin is not None
        timer = threading.Timer(seconds, self.overdue)
        timer.daemon = True
        timer.start()
        try:
            self.popen.stdin.write(json.dumps([job.name, job.asked]) + "\n")
            self.popen.stdin.flush()
            while line := self.line():
                event: Event = json.loads(line)
                if "end" in event:
                    self.spent = "spent" in event
                    return
                yield event
        except (OSError, ValueError):
            pass
        finally:
            timer.cancel()
        # The end was not said.
        self.kill()
        if self.late:
            said = LATE.format(seconds=seconds)
            yield refusal("TooLong", said, HINT)
        elif not job.unwanted:
            yield DIED

    def overdue(self) -> None:
        self.late = True
        self.kill()

    def kill(self) -> None:
        self.spent = True
        self.popen.kill()

    @property
    def alive(self) -> bool:
        return not self.spent and self.popen.poll() is None

    def close(self) -> None:
        self.kill()
        self.popen.wait()
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue


class Pool:
    """Some processes, and the questions that wait for them."""

    def __init__(self, processes: int = 2, seconds: float = SECONDS, megabytes: int = MEGABYTES) -> None:
        self.seconds, self.megabytes = seconds, megabytes
        self.lock = threading.Condition()
        self.waiting: deque[Job] = deque()
        self.newest: dict[str, Job] = {}
        self.known: OrderedDict[str, tuple[Event, ...]] = OrderedDict()
        self.spares: deque[Process] = deque()
        self.closed = False
        self.ended = 0
        """Processes that had to be ended."""
        for _ in range(processes):
            threading.Thread(target=self.serve, args=(Process(megabytes),), daemon=True).start()
        self.spares.append(Process(megabytes))

    def ask(self, name: str, asked: Mapping[str, Any], session: str = "") -> Iterator[Event]:
        """The events of an answer, as they come; a newer question of the same session ends them.

        Questions without a session are of one each.
        """
        job = self.enter(Job(name, asked, session))
        try:
            while (event := job.events.get()) is not None:
                yield event
        finally:
            with self.lock:
                # Who asked has gone, or has the whole answer.
                job.unwanted = True
                if self.newest.get(session) is job:
                    del self.newest[session]

    def answer(self, name: str, asked: Mapping[str, Any]) -> Event:
        """The one answer to a question of a program."""
        return next(reversed(list(self.ask(name, asked))), DIED)

    def enter(self, job: Job) -> Job:
        with self.lock:
            older = self.newest.get(job.session) if job.session else None
            if job.session:
                self.newest[job.session] = job
            if older is not None:
                self.drop(older)
            known = self.known.get(job.key)
            if self.closed or len(self.waiting) >= WAITING:
                job.finish(CLOSED if self.closed else BUSY)
            elif known is not None:
                self.known.move_to_end(job.key)
                job.finish(*known)
            else:
                self.waiting.append(job)
                self.lock.notify()
        return job

    def drop(self, job: Job) -> None:
        """A newer question has come: forget this one, or end it where it goes on and on."""
        job.unwanted = True
        if job in self.waiting:
            self.waiting.remove(job)
            job.finish(NEWER)
            return
        process = job.process
        if process is not None:
            left = max(0.0, PATIENCE - (time.monotonic() - job.started))
            timer = threading.Timer(left, self.lose, (job, process))
            timer.daemon = True
            timer.start()

    def lose(self, job: Job, process: Process) -> None:
        with self.lock:
            if job.process is process:
                process.kill()

    def serve(self, process: Process) -> None:
        """The thread of one process."""
        failed = 0
        while not self.closed:
            if not process.wait():
                failed += 1
                if failed > 3:
                    self.refuse_all()
                    time.sleep(1)
                process = self.replaced(process)
                continue
            failed = 0
            with self.lock:
                while not self.waiting and not self.closed:
                    self.lock.wait()
                if self.closed:
                    break
                job = self.waiting.popleft()
                job.process, job.started = process, time.monotonic()
            said: list[Event] = []
            for event in process.events(job, self.seconds):
                said.append(event)
                job.events.put(event)
            with self.lock:
                job.process = None
                self.remember(job, said)
            job.finish(*([NEWER] if job.unwanted else []))
            if not process.alive:
                self.ended += 1
                process = self.replaced(process)
        process.close()

    def refuse_all(self) -> None:
        """Where no process starts, nobody shall wait for one."""
        with self.lock:
            while self.waiting:
                self.waiting.popleft().finish(DIED)

    def replaced(self, process: Process) -> Process:
        """The process that stands ready, and another one in its place."""
        process.close()
        with self.lock:
            if self.closed:
                return process
            spare = self.spares.popleft() if self.spares else Process(self.megabytes)
            self.spares.append(Process(self.megabytes))
        return spare

    def remember(self, job: Job, said: list[Event]) -> None:
        final = said and not any(e.get("error", {}).get("kind") in ("TooLong", "TooLarge", "Died") for e in said)
        if final and not job.unwanted and sum(map(len, map(str, said))) < LONGEST_KEPT:
            self.known[job.key] = tuple(said)
            if len(self.known) > REMEMBERED:
                self.known.popitem(last=False)

    def close(self) -> None:
        """End every process; who still waits is told."""
        with self.lock:
            self.closed = True
            waiting, spares = list(self.waiting), list(self.spares)
            running = [job.process for job in self.newest.values() if job.process is not None]
            self.waiting.clear()
            self.lock.notify_all()
        for job in waiting:
            job.finish(CLOSED)
        for process in running:
            process.kill()
        for process in spares:
            process.close()

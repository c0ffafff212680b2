"""The time that a thread has computed, by which work is bounded: `time.thread_time`, where Python has it."""

try:
    from time import thread_time
except ImportError:
    # Python for browsers, which has one thread.
    from time import process_time as thread_time

__all__ = ["thread_time"]

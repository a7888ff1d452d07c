"""watchdog's inotify observer, with four of its habits cured. Needs watchdog 7.1 or newer 7.

1. After an overflow of the kernel's queue watchdog adds all watches again, which in a large tree overflows the queue again, for
   ever: here the overflow is only reported.
2. It holds each MOVED_FROM back for half a second to pair it with a MOVED_TO, and all later events behind it. Each file that we
   claim is moved out: the next film would be noticed late. Here MOVED_FROM is not asked for; a file renamed within the inbox is
   simply a new file under its new name.
3. A folder that is watched already warns with the text of all watches. Here that is silent.
4. A folder moved out of the inbox stays watched under its old path; when another of that name has come and gone, the removal of
   the first is a KeyError that ends the reading thread. Here it counts as an overflow: a new observer starts with right books."""

from __future__ import annotations

from collections.abc import Callable

from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyEmitter
from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchCallback,
    WatchDescriptor,
)


class _Descriptor(InotifyFD):
    def __init__(self, overflowed: Callable[[], None]) -> None:
        super().__init__()
        self._overflowed = overflowed

    def handle_event(self, event: InotifyEvent) -> None:
        if event.is_queue_overflow:
            self._overflowed()
            return
        try:
            super().handle_event(event)
        except KeyError:
            self._overflowed()

    def _add_callback(self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId) -> WatchDescriptor:
        watch = self._get_or_create_watch(path, mask)
        watch.callbacks[id_] = callback
        return watch.wd


class _Emitter(InotifyEmitter):
    def get_event_mask_from_filter(self) -> Mask:
        return Mask(super().get_event_mask_from_filter() & ~InotifyConstants.IN_MOVED_FROM)


class _Observer(BaseObserver):
    def __init__(self, overflowed: Callable[[], None]) -> None:
        self._descriptor = _Descriptor(overflowed)
        self._descriptor.start()
        super().__init__(_Emitter, inotify_fd=self._descriptor)

    def is_alive(self) -> bool:
        """Also the thread that reads from the kernel: without it the others wait for ever."""
        return super().is_alive() and self._descriptor.is_alive()

    def on_thread_stop(self) -> None:
        super().on_thread_stop()
        self._descriptor.stop()
        self._descriptor.join()


def make_observer(overflowed: Callable[[], None]) -> BaseObserver:
    """An observer that calls `overflowed` (from its thread) when the kernel has dropped events. Raises OSError when the user has
    no inotify instances left."""
    return _Observer(overflowed)

#!/usr/bin/env python3
"""Runs a trace of page operations on the live kernel's zram and prints mm_stat after each one.

    kzram.py --probe                          can this machine do it? exit 0 or 77, the reason on stderr
    kzram.py IMAGE TRACE SLOTS [--algorithm NAME] [--level N]    IMAGE: the pages that writes refer to; SLOTS: pages of the disk
    kzram.py IMAGE TRACE SLOTS --hold         leaves the device as the trace left it until standard input ends
    kzram.py --attributes                     writes to attributes, each to a fresh device, and what came of it

TRACE is a file of records of three little-endian u32 (test/support/trace.ts writes it):

    0 slot page     write page number `page` of IMAGE          2 0    0        compact
    1 slot count    discard `count` pages from `slot` on       3 0    pages    set mem_limit (0: none)

Standard output has one line for each operation, its errno (0: it went through) and then the kernel's own
mm_stat line; the last line is `io_stat` and the kernel's own io_stat line. A write that the kernel refuses
is a result, not a failure: its line says 5 (EIO), and the trace goes on.

The writes to attributes come on standard input as JSON, a list of [attribute, text, disksize]; an empty disksize leaves
the device uninitialised. Standard output has as JSON, for each, [errno's name or '', {attribute: text that is read}].

Writes are O_DIRECT, because the page cache would delay and merge them. /dev/zram0 is shared by everything on
the machine, so it is only touched under a lock, and is reset before and after, also when something fails.
"""

import argparse
import errno
import fcntl
import json
import mmap
import os
import signal
import struct
import sys
import time

PAGE_SIZE = 4096
DEVICE = '/dev/zram0'
ATTRIBUTES = '/sys/block/zram0/'
LOCK = '/run/lock/zram0.lock'
LOCK_SECONDS_MAX = 240
RESET_SECONDS_MAX = 5
ALGORITHM = 'lz4'
BLKDISCARD = 0x1277
WRITE, DISCARD, COMPACT, LIMIT = range(4)
EXIT_UNAVAILABLE = 77
EXIT_LOCKED = 75
READABLE = ('comp_algorithm', 'debug_stat', 'disksize', 'initstate', 'io_stat', 'mm_stat')
OUTPUT_BYTES = 1 << 20


def leave(status, sentence):
    print(sentence, file=sys.stderr)
    sys.exit(status)


def put(name, value):
    with open(ATTRIBUTES + name, 'w') as attribute:
        attribute.write(value)


def probe():
    """Leaves with 77 where there is nothing to compare with. Only reads, so it needs no lock."""
    if not sys.platform.startswith('linux'):
        leave(EXIT_UNAVAILABLE, 'this is not Linux')
    if not (os.path.exists(ATTRIBUTES + 'mm_stat') and os.path.exists(DEVICE)):
        leave(EXIT_UNAVAILABLE, f'there is no {DEVICE} (modprobe zram makes one)')
    if os.geteuid():
        leave(EXIT_UNAVAILABLE, f'driving {DEVICE} needs root')
    with open(ATTRIBUTES + 'comp_algorithm') as attribute:
        if ALGORITHM not in attribute.read().replace('[', ' ').replace(']', ' ').split():
            leave(EXIT_UNAVAILABLE, f"this kernel's zram was built without {ALGORITHM}")
    if os.sysconf('SC_PAGE_SIZE') != PAGE_SIZE:
        leave(EXIT_UNAVAILABLE, f"this kernel's pages are not {PAGE_SIZE} bytes")


def take_lock():
    """Waits for the machine's other users of the device; the lock goes when the process ends."""

    def late(*_):
        leave(EXIT_LOCKED, f'{LOCK} was held by another process for {LOCK_SECONDS_MAX} seconds')

    lock = open(LOCK, 'w')
    signal.signal(signal.SIGALRM, late)
    signal.alarm(LOCK_SECONDS_MAX)
    fcntl.flock(lock, fcntl.LOCK_EX)
    signal.alarm(0)
    return lock


def reset():
    """Resetting fails with EBUSY while the device is open: for a moment by udev, for long as swap or a disk."""
    deadline = time.monotonic() + RESET_SECONDS_MAX
    while True:
        try:
            return put('reset', '1')
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            if time.monotonic() > deadline:
                leave(EXIT_UNAVAILABLE, f'{DEVICE} is in use by something else')
        time.sleep(0.01)


def run(image, trace, device, stat, out):
    pages = memoryview(image)
    for operation, slot, argument in struct.iter_unpack('<III', trace):
        result = 0
        try:
            if operation == WRITE:
                os.pwritev(device, [pages[argument * PAGE_SIZE:(argument + 1) * PAGE_SIZE]], slot * PAGE_SIZE)
            elif operation == DISCARD:
                fcntl.ioctl(device, BLKDISCARD, struct.pack('QQ', slot * PAGE_SIZE, argument * PAGE_SIZE))
            elif operation == COMPACT:
                put('compact', '1')
            elif operation == LIMIT:
                put('mem_limit', str(argument * PAGE_SIZE))
            else:
                leave(2, f'there is no operation {operation}')
        except OSError as error:
            if operation != WRITE or error.errno != errno.EIO:
                raise
            result = error.errno
        out.write(b'%d ' % result + os.pread(stat, PAGE_SIZE, 0))


def write_attribute(name, text):
    """One write(2) of exactly these bytes; returns the name of the errno."""
    file = os.open(ATTRIBUTES + name, os.O_WRONLY)
    try:
        os.write(file, text.encode())
        return ''
    except OSError as error:
        return errno.errorcode[error.errno]
    finally:
        os.close(file)


def read_attributes():
    texts = {}
    for name in READABLE:
        with open(ATTRIBUTES + name) as attribute:
            texts[name] = attribute.read()
    return texts


def run_attributes(writes):
    results = []
    for name, text, disksize in writes:
        reset()
        put('comp_algorithm', ALGORITHM)
        if disksize:
            put('disksize', disksize)
        results.append([write_attribute(name, text), read_attributes()])
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--probe', action='store_true')
    parser.add_argument('--attributes', action='store_true')
    parser.add_argument('--algorithm', default=ALGORITHM)
    parser.add_argument('--level', type=int, default=1)
    parser.add_argument('--hold', action='store_true')
    parser.add_argument('image', nargs='?')
    parser.add_argument('trace', nargs='?')
    parser.add_argument('slots', nargs='?', type=int)
    options = parser.parse_args()
    probe()
    if options.probe:
        return
    # Without a handler SIGTERM would end the process between the two resets.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if options.attributes:
        writes = json.load(sys.stdin)
        with take_lock():
            reset()
            try:
                results = run_attributes(writes)
            finally:
                reset()
        return json.dump(results, sys.stdout)
    if options.slots is None:
        parser.error('IMAGE, TRACE and SLOTS are all needed')

    with open(options.image, 'rb') as file:
        image = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    with open(options.trace, 'rb') as file:
        trace = file.read()
    with take_lock():
        reset()
        try:
            put('comp_algorithm', options.algorithm)
            put('algorithm_params', f'algo={options.algorithm} level={options.level}')
            put('disksize', str(options.slots * PAGE_SIZE))
            device = os.open(DEVICE, os.O_RDWR | os.O_DIRECT)
            stat = os.open(ATTRIBUTES + 'mm_stat', os.O_RDONLY)
            try:
                with open(sys.stdout.fileno(), 'wb', buffering=OUTPUT_BYTES, closefd=False) as out:
                    run(image, trace, device, stat, out)
                    with open(ATTRIBUTES + 'io_stat', 'rb') as attribute:
                        out.write(b'io_stat ' + attribute.read())
            finally:
                os.close(stat)
                os.close(device)
            if options.hold:
                sys.stdin.read()
        finally:
            reset()


main()

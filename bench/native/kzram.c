/*
 * The kernel's zram: writes and reads of whole pages with O_DIRECT, which goes past the page cache to the device.
 *
 * usage: kzram PAGES COUNT ALGORITHM  a device of COUNT pages: those of the file PAGES, again and again
 *   in:  reset                        an empty device with that compressor
 *        write BYTES, read BYTES      all pages in order, so many bytes (pages, up to 1 MiB) in a call
 *   out: NANOSECONDS
 *   in:  write-one CALLS, read-one CALLS  a page at a random place in each call
 *   out: MEDIAN P99                   of a call, nanoseconds
 *
 * The device is everybody's: it is held under a lock for as long as this runs, and reset at the end, also after SIGTERM
 * and when standard input closes because the bench died.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/file.h>

#include "round.h"

#define DEVICE "/dev/zram0"
#define ATTRIBUTES "/sys/block/zram0/"
#define LOCK "/run/lock/zram0.lock"
#define LOCK_SECONDS_MAX 120
/* Resetting fails with EBUSY for as long as something has the device open: udev does for a moment. */
#define RESET_TRIES_MAX 500
#define RESET_WAIT_MICROSECONDS 10000
#define BYTES_CALL_MAX (1 << 20)

static volatile sig_atomic_t stopped;
static unsigned char *pages, *buffer;
static const char *algorithm;
/* Of the device, and of the file. */
static size_t bytes_all, bytes_file;
static int device = -1;

static void on_signal(int signal)
{
	stopped = signal;
}

/* Returns 0 or an errno. */
static int put(const char *attribute, const char *value)
{
	char name[64];
	int file, error = 0;

	snprintf(name, sizeof(name), ATTRIBUTES "%s", attribute);
	file = open(name, O_WRONLY);
	if (file < 0)
		return errno;
	if (write(file, value, strlen(value)) < 0)
		error = errno;
	close(file);
	return error;
}

static int release(void)
{
	int error = EBUSY;

	if (device >= 0)
		close(device);
	device = -1;
	for (int tries = 0; error == EBUSY && tries < RESET_TRIES_MAX; tries++) {
		error = put("reset", "1");
		if (error == EBUSY)
			usleep(RESET_WAIT_MICROSECONDS);
	}
	return error;
}

static void at_end(void)
{
	release();
}

static void take_lock(void)
{
	int lock = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (lock < 0)
		leave(EXIT_UNAVAILABLE, "%s: %s", LOCK, strerror(errno));
	for (int seconds = 0; flock(lock, LOCK_EX | LOCK_NB); seconds++) {
		if (stopped || seconds == LOCK_SECONDS_MAX)
			leave(EXIT_UNAVAILABLE, "%s is held by another process", LOCK);
		sleep(1);
	}
}

static void make_device(void)
{
	char size[32];
	int error = release();

	if (error)
		leave(EXIT_UNAVAILABLE, "%s cannot be reset: %s", DEVICE, strerror(error));
	if (put("comp_algorithm", algorithm))
		leave(EXIT_UNAVAILABLE, "this kernel's zram was built without %s", algorithm);
	snprintf(size, sizeof(size), "%zu", bytes_all);
	error = put("disksize", size);
	if (error)
		leave(1, "disksize: %s", strerror(error));
	device = open(DEVICE, O_RDWR | O_DIRECT);
	if (device < 0)
		leave(1, "%s: %s", DEVICE, strerror(errno));
}

static void move(int writes, size_t at, size_t from, size_t bytes)
{
	ssize_t done = writes ? pwrite(device, pages + from, bytes, at) : pread(device, buffer, bytes, at);

	if (done != (ssize_t)bytes && !stopped)
		leave(1, "%s of %zu bytes: %s", writes ? "write" : "read", bytes, strerror(errno));
}

static void transfer(int writes, size_t bytes_call)
{
	size_t bytes;

	for (size_t at = 0; at < bytes_all && !stopped; at += bytes) {
		size_t from = at % bytes_file;

		bytes = bytes_all - at < bytes_call ? bytes_all - at : bytes_call;
		if (bytes > bytes_file - from)
			bytes = bytes_file - from;
		move(writes, at, from, bytes);
	}
}

/* xorshift32 */
static size_t below(size_t limit)
{
	static uint32_t x = 0x9e3779b1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return (size_t)((uint64_t)x * limit >> 32);
}

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Calls for one page each, anywhere; each is timed. */
static void transfer_ones(int writes, size_t calls)
{
	int64_t *times = malloc(calls * sizeof(*times));

	if (!times || !calls)
		leave(2, "not so many calls: %zu", calls);
	for (size_t n = 0; n < calls && !stopped; n++) {
		size_t at = below(bytes_all / PAGE_BYTES) * PAGE_BYTES;
		size_t from = below(bytes_file / PAGE_BYTES) * PAGE_BYTES;
		int64_t start = nanoseconds();

		move(writes, at, from, PAGE_BYTES);
		times[n] = nanoseconds() - start;
	}
	qsort(times, calls, sizeof(*times), ascending);
	printf("%lld %lld\n", (long long)times[calls / 2], (long long)times[calls * 99 / 100]);
	fflush(stdout);
	free(times);
}

/* Compares all pages with what was written: figures of a device that lost pages are worth nothing. */
static void verify(void)
{
	for (size_t at = 0; at < bytes_all; at += PAGE_BYTES) {
		move(0, at, 0, PAGE_BYTES);
		if (memcmp(buffer, pages + at % bytes_file, PAGE_BYTES))
			leave(1, "page %zu reads back different", at / PAGE_BYTES);
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal }; /* without SA_RESTART: waiting for a line ends */
	char line[128], verb[16];
	size_t size = 0;

	if (argc != 4)
		leave(2, "usage: kzram PAGES COUNT ALGORITHM");
	algorithm = argv[3];
	if (access(DEVICE, F_OK) || access(ATTRIBUTES "mm_stat", F_OK))
		leave(EXIT_UNAVAILABLE, "there is no %s", DEVICE);
	if (geteuid())
		leave(EXIT_UNAVAILABLE, "driving %s needs root", DEVICE);
	pages = load(argv[1], &bytes_file);
	bytes_all = strtoull(argv[2], NULL, 10) * PAGE_BYTES;
	buffer = room(BYTES_CALL_MAX);

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	take_lock();
	atexit(at_end);
	make_device();
	transfer(1, PAGE_BYTES);
	verify();
	printf("ready\n");
	fflush(stdout);
	while (!stopped && fgets(line, sizeof(line), stdin)) {
		int64_t start;

		if (sscanf(line, "%15s %zu", verb, &size) < 1)
			leave(2, "not a command: %s", line);
		if (strstr(verb, "-one")) {
			transfer_ones(!strcmp(verb, "write-one"), size);
			continue;
		}
		if (size > BYTES_CALL_MAX || size % PAGE_BYTES)
			leave(2, "not so many bytes: %s", line);
		start = nanoseconds();
		if (!strcmp(verb, "reset"))
			make_device();
		else
			transfer(!strcmp(verb, "write"), size);
		printf("%lld\n", (long long)(nanoseconds() - start));
		fflush(stdout);
	}
	return 0;
}

/*
 * The kernel's zram: writes and reads of whole pages with O_DIRECT, which goes past the page cache to the device.
 *
 * usage: kzram PAGES COUNT ALGORITHM  the first COUNT pages of the file PAGES
 *   in:  reset                        an empty device with that compressor, of COUNT pages
 *        write BYTES, read BYTES      all pages in order, so many bytes (pages, up to 1 MiB) in a call
 *   out: NANOSECONDS
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
static size_t bytes_all;
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

static void transfer(int writes, size_t bytes_call)
{
	for (size_t at = 0; at < bytes_all && !stopped; at += bytes_call) {
		size_t bytes = bytes_all - at < bytes_call ? bytes_all - at : bytes_call;
		ssize_t done = writes ? pwrite(device, pages + at, bytes, at) : pread(device, buffer, bytes, at);

		if (done != (ssize_t)bytes && !stopped)
			leave(1, "%s of %zu bytes: %s", writes ? "write" : "read", bytes, strerror(errno));
	}
}

/* Compares all pages with what was written: figures of a device that lost pages are worth nothing. */
static void verify(void)
{
	for (size_t at = 0; at < bytes_all; at += PAGE_BYTES) {
		if (pread(device, buffer, PAGE_BYTES, at) != PAGE_BYTES || memcmp(buffer, pages + at, PAGE_BYTES))
			leave(1, "page %zu reads back different", at / PAGE_BYTES);
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal }; /* without SA_RESTART: waiting for a line ends */
	char line[128], verb[16];
	size_t bytes_call = 0, bytes_wanted;

	if (argc != 4)
		leave(2, "usage: kzram PAGES COUNT ALGORITHM");
	algorithm = argv[3];
	if (access(DEVICE, F_OK) || access(ATTRIBUTES "mm_stat", F_OK))
		leave(EXIT_UNAVAILABLE, "there is no %s", DEVICE);
	if (geteuid())
		leave(EXIT_UNAVAILABLE, "driving %s needs root", DEVICE);
	pages = load(argv[1], &bytes_all);
	bytes_wanted = strtoull(argv[2], NULL, 10) * PAGE_BYTES;
	if (bytes_wanted < bytes_all)
		bytes_all = bytes_wanted;
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

		if (sscanf(line, "%15s %zu", verb, &bytes_call) < 1)
			leave(2, "not a command: %s", line);
		if (bytes_call > BYTES_CALL_MAX || bytes_call % PAGE_BYTES)
			leave(2, "not so many bytes: %s", line);
		start = nanoseconds();
		if (!strcmp(verb, "reset"))
			make_device();
		else
			transfer(!strcmp(verb, "write"), bytes_call);
		printf("%lld\n", (long long)(nanoseconds() - start));
		fflush(stdout);
	}
	return 0;
}

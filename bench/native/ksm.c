/*
 * KSM, the kernel's own page merging, on the pages of a file.
 *
 * usage: ksm PAGES                    copies the pages to anonymous memory and gives that to KSM
 *   in:  run                          lets ksmd scan at full speed until several scans found nothing more
 *   out: SCANNED SCANNING FOUND FINDING
 *        SCANNED pages in SCANNING nanoseconds of ksmd's CPU time, until the scans that found nothing;
 *        FOUND duplicates, the last of them after FINDING nanoseconds
 *
 * One run is all that a process does: the next one starts with memory that KSM has never seen. The settings of
 * /sys/kernel/mm/ksm are put back at the end.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <signal.h>

#include "round.h"

#define SETTINGS "/sys/kernel/mm/ksm/"
/* A page is merged in the second scan that meets it unchanged at the earliest. */
#define SCANS_MIN 3
/* So many scans without a find end the run. */
#define SCANS_IDLE 2
#define POLL_MICROSECONDS 2000
#define SECONDS_MAX 60
/* ksmd looks at its settings after so many pages. */
#define PAGES_TO_SCAN "2000"

/* `run` comes last: the others are in force before ksmd starts, and put back after it has stopped. */
static struct setting {
	const char *name, *value;
	char before[64];
} settings[] = {
	{ .name = "sleep_millisecs", .value = "0" },
	{ .name = "pages_to_scan", .value = PAGES_TO_SCAN },
	{ .name = "smart_scan", .value = "0" },   /* skips pages that did not merge before; not in every kernel */
	{ .name = "run", .value = "1" },
};
#define SETTING_COUNT (sizeof(settings) / sizeof(settings[0]))

static char cpu_file[64];
static volatile sig_atomic_t stopped;

static void on_signal(int signal)
{
	stopped = signal;
}

static int read_text(const char *name, char *text, size_t size)
{
	int file = open(name, O_RDONLY);
	ssize_t got;

	if (file < 0)
		return -1;
	got = read(file, text, size - 1);
	close(file);
	text[got < 0 ? 0 : got] = 0;
	return got < 0 ? -1 : 0;
}

static int64_t attribute(const char *name)
{
	char path[96], text[64];

	snprintf(path, sizeof(path), SETTINGS "%s", name);
	return read_text(path, text, sizeof(text)) ? -1 : atoll(text);
}

static int put(const char *name, const char *value)
{
	char path[96];
	int file, failed;

	snprintf(path, sizeof(path), SETTINGS "%s", name);
	file = open(path, O_WRONLY);
	if (file < 0)
		return -1;
	failed = write(file, value, strlen(value)) < 0;
	close(file);
	return failed;
}

/* Nanoseconds of CPU time: the first number of schedstat. */
static int64_t cpu_time(void)
{
	char text[96];

	return read_text(cpu_file, text, sizeof(text)) ? -1 : atoll(text);
}

static void find_ksmd(void)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	char name[300], text[32];

	while (processes && (entry = readdir(processes))) {
		snprintf(name, sizeof(name), "/proc/%s/comm", entry->d_name);
		if (atoi(entry->d_name) > 0 && !read_text(name, text, sizeof(text)) && !strcmp(text, "ksmd\n")) {
			snprintf(cpu_file, sizeof(cpu_file), "/proc/%d/schedstat", atoi(entry->d_name));
			break;
		}
	}
	if (processes)
		closedir(processes);
	if (!cpu_file[0] || cpu_time() < 0)
		leave(EXIT_UNAVAILABLE, "the CPU time of ksmd cannot be seen here");
}

/*
 * Takes apart what is merged, and forgets the memory of processes that have ended: else the counters go on telling of
 * the run before.
 */
static void unmerge(void)
{
	put("run", "2");
	put("run", "0");
}

static void put_back(void)
{
	unmerge();
	for (size_t n = 0; n < SETTING_COUNT; n++) {
		if (settings[n].before[0])
			put(settings[n].name, settings[n].before);
	}
}

static void remember_settings(void)
{
	char path[96];

	for (size_t n = 0; n < SETTING_COUNT; n++) {
		snprintf(path, sizeof(path), SETTINGS "%s", settings[n].name);
		read_text(path, settings[n].before, sizeof(settings[n].before));
	}
	atexit(put_back);
}

static void run(void)
{
	int64_t cpu_start = cpu_time(), scanned_start = attribute("pages_scanned"), sharing_start = attribute("pages_sharing");
	int64_t scans_start = attribute("full_scans"), scans_at_find = 0, found = 0, finding = 0, scanned = 0, scanning = 0;
	int64_t deadline = nanoseconds() + SECONDS_MAX * 1000000000LL;

	for (size_t n = 0; n < SETTING_COUNT; n++)
		put(settings[n].name, settings[n].value);
	while (!stopped && nanoseconds() < deadline) {
		int64_t scans, sharing;

		usleep(POLL_MICROSECONDS);
		scans = attribute("full_scans") - scans_start;
		sharing = attribute("pages_sharing") - sharing_start;
		scanned = attribute("pages_scanned") - scanned_start;
		scanning = cpu_time() - cpu_start;
		if (sharing > found) {
			found = sharing;
			finding = scanning;
			scans_at_find = scans;
		}
		if (scans >= SCANS_MIN && scans - scans_at_find > SCANS_IDLE)
			break;
	}
	printf("%lld %lld %lld %lld\n", (long long)scanned, (long long)scanning, (long long)found, (long long)finding);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	char line[128];
	size_t bytes;
	unsigned char *pages;

	if (argc != 2)
		leave(2, "usage: ksm PAGES");
	if (attribute("run") < 0)
		leave(EXIT_UNAVAILABLE, "this kernel has no KSM");
	if (geteuid())
		leave(EXIT_UNAVAILABLE, "driving KSM needs root");
	if (attribute("run") != 0)
		leave(EXIT_UNAVAILABLE, "KSM is in use on this machine");
	find_ksmd();
	pages = load(argv[1], &bytes);
	if (madvise(pages, bytes, MADV_MERGEABLE))
		leave(EXIT_UNAVAILABLE, "madvise(MADV_MERGEABLE): %s", strerror(errno));

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	remember_settings();
	unmerge();
	printf("ready\n");
	fflush(stdout);
	if (!stopped && fgets(line, sizeof(line), stdin))
		run();
	return 0;
}

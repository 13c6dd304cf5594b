/*
 * What the programs of this directory share: a clock, files in memory, and complaints.
 *
 * Each of them stays running and does one round for every line on standard input, so that its rounds can take turns
 * with those of the bench. It times itself, and answers every line with one line of numbers. Exit status 77 means that
 * this machine cannot do it; standard error has the reason.
 */
#ifndef ROUND_H
#define ROUND_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define EXIT_UNAVAILABLE 77

static inline int64_t nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

__attribute__((format(printf, 2, 3), noreturn)) static inline void leave(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(status);
}

/* Anonymous memory, in place before any round. */
static inline unsigned char *room(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		leave(1, "no room for %zu bytes: %s", bytes, strerror(errno));
	return memory;
}

/* A file's bytes in anonymous memory (page-aligned, as O_DIRECT wants it). */
static inline unsigned char *load(const char *name, size_t *bytes)
{
	struct stat facts;
	int file = open(name, O_RDONLY);
	unsigned char *memory;
	size_t done = 0;

	if (file < 0 || fstat(file, &facts))
		leave(1, "%s: %s", name, strerror(errno));
	*bytes = facts.st_size;
	memory = room(*bytes);
	while (done < *bytes) {
		ssize_t got = read(file, memory + done, *bytes - done);

		if (got <= 0)
			leave(1, "%s: %s", name, strerror(errno));
		done += got;
	}
	close(file);
	return memory;
}

#endif

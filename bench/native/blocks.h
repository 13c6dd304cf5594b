/*
 * Compressors over pages and blocks in files, for programs that are called with three of them:
 *
 *   PAGES BLOCKS LENGTHS   BLOCKS: compressed pages, end to end; LENGTHS: a 32-bit number for each of them
 *   in:  VERB FROM COUNT   pages or blocks FROM .. FROM + COUNT - 1
 *   out: NANOSECONDS BYTES bytes that the round made
 */
#ifndef BLOCKS_H
#define BLOCKS_H

#include "round.h"

static unsigned char *pages, *blocks;
static uint32_t *lengths;
static size_t page_count, block_count;
/* Where each block begins. */
static size_t *offsets;

static inline void load_blocks(int argc, char **argv)
{
	size_t bytes;

	if (argc != 4)
		leave(2, "usage: %s PAGES BLOCKS LENGTHS", argv[0]);
	pages = load(argv[1], &bytes);
	page_count = bytes / PAGE_BYTES;
	blocks = load(argv[2], &bytes);
	lengths = (uint32_t *)load(argv[3], &bytes);
	block_count = bytes / sizeof(*lengths);
	offsets = (size_t *)room(block_count * sizeof(*offsets) + 1);
	for (size_t n = 1; n < block_count; n++)
		offsets[n] = offsets[n - 1] + lengths[n - 1];
}

/* Says the versions, and then does a round for each line: `decodes` is the verb that works on blocks. */
static inline void serve(const char *versions, const char *decodes,
			 uint64_t (*run)(const char *verb, size_t from, size_t count))
{
	char line[128], verb[16];
	size_t from, count;

	puts(versions);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		int64_t start;
		uint64_t total;

		if (sscanf(line, "%15s %zu %zu", verb, &from, &count) != 3)
			leave(2, "not a command: %s", line);
		if (from + count > (strcmp(verb, decodes) ? page_count : block_count))
			leave(2, "out of range: %s", line);
		start = nanoseconds();
		total = run(verb, from, count);
		printf("%lld %llu\n", (long long)(nanoseconds() - start), (unsigned long long)total);
		fflush(stdout);
	}
}

#endif

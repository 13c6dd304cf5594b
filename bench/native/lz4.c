/*
 * Native liblz4 over the same pages and blocks as the core.
 *
 * usage: lz4 PAGES BLOCKS LENGTHS     BLOCKS: compressed pages, end to end; LENGTHS: a 32-bit number for each of them
 *   in:  compress FROM COUNT          pages FROM .. FROM + COUNT - 1
 *        decompress FROM COUNT        blocks, numbered as in LENGTHS
 *   out: NANOSECONDS BYTES            bytes that came out
 */
#include <lz4.h>

#include "round.h"

/* The level of a zram device when none is set. */
#define ACCELERATION 1

static unsigned char *pages, *blocks;
static uint32_t *lengths;
static size_t page_count, block_count;
/* Where each block begins. */
static size_t *offsets;

static uint64_t compress(size_t from, size_t count)
{
	static char block[LZ4_COMPRESSBOUND(PAGE_BYTES)];
	uint64_t total = 0;

	for (size_t n = from; n < from + count; n++) {
		const char *page = (const char *)pages + n * PAGE_BYTES;

		total += LZ4_compress_fast(page, block, PAGE_BYTES, sizeof(block), ACCELERATION);
	}
	return total;
}

static uint64_t decompress(size_t from, size_t count)
{
	static char page[PAGE_BYTES];
	uint64_t total = 0;

	for (size_t n = from; n < from + count; n++) {
		int length = LZ4_decompress_safe((const char *)blocks + offsets[n], page, lengths[n], PAGE_BYTES);

		if (length != PAGE_BYTES)
			leave(1, "block %zu does not decompress", n);
		total += length;
	}
	return total;
}

int main(int argc, char **argv)
{
	char line[128], verb[16];
	size_t bytes, from, count;

	if (argc != 4)
		leave(2, "usage: lz4 PAGES BLOCKS LENGTHS");
	pages = load(argv[1], &bytes);
	page_count = bytes / PAGE_BYTES;
	blocks = load(argv[2], &bytes);
	lengths = (uint32_t *)load(argv[3], &bytes);
	block_count = bytes / sizeof(*lengths);
	offsets = (size_t *)room(block_count * sizeof(*offsets) + 1);
	for (size_t n = 1; n < block_count; n++)
		offsets[n] = offsets[n - 1] + lengths[n - 1];

	printf("liblz4 %s\n", LZ4_versionString());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		int compresses;
		int64_t start;
		uint64_t total;

		if (sscanf(line, "%15s %zu %zu", verb, &from, &count) != 3)
			leave(2, "not a command: %s", line);
		compresses = !strcmp(verb, "compress");
		if (from + count > (compresses ? page_count : block_count))
			leave(2, "out of range: %s", line);
		start = nanoseconds();
		total = compresses ? compress(from, count) : decompress(from, count);
		printf("%lld %llu\n", (long long)(nanoseconds() - start), (unsigned long long)total);
		fflush(stdout);
	}
	return 0;
}

/*
 * Native liblz4 over the same pages and blocks as the core.
 *
 * usage: lz4 PAGES BLOCKS LENGTHS     BLOCKS: compressed pages, end to end; LENGTHS: a 32-bit number for each of them
 *   in:  compress FROM COUNT          pages FROM .. FROM + COUNT - 1
 *        decompress FROM COUNT        blocks, numbered as in LENGTHS
 *   out: NANOSECONDS BYTES            bytes that came out
 */
#include <lz4.h>

#include "blocks.h"

/* The level of a zram device when none is set. */
#define ACCELERATION 1

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

static uint64_t run(const char *verb, size_t from, size_t count)
{
	return strcmp(verb, "decompress") ? compress(from, count) : decompress(from, count);
}

int main(int argc, char **argv)
{
	char versions[64];

	load_blocks(argc, argv);
	snprintf(versions, sizeof(versions), "liblz4 %s", LZ4_versionString());
	serve(versions, "decompress", run);
	return 0;
}

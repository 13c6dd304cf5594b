/*
 * Native liblzo2 and liblz4's high compression over the same pages as ours.
 *
 * usage: compressors PAGES BLOCKS LENGTHS   BLOCKS: lzo streams, end to end; LENGTHS: a 32-bit number for each of them
 *   in:  lzo FROM COUNT                     pages FROM .. FROM + COUNT - 1
 *        lz4hc:LEVEL FROM COUNT
 *        unlzo FROM COUNT                   streams, numbered as in LENGTHS
 *   out: NANOSECONDS BYTES                  bytes that came out
 */
#include <lz4.h>
#include <lz4hc.h>
#include <lzo/lzo1x.h>

#include "round.h"

static unsigned char *pages, *blocks;
static uint32_t *lengths;
static size_t page_count, block_count;
/* Where each stream begins. */
static size_t *offsets;
static unsigned char out[4 * PAGE_BYTES];
static max_align_t work[LZO1X_1_15_MEM_COMPRESS / sizeof(max_align_t)];

static uint64_t compress_lzo(size_t from, size_t count)
{
	uint64_t total = 0;

	for (size_t n = from; n < from + count; n++) {
		lzo_uint length = sizeof(out);

		lzo1x_1_15_compress(pages + n * PAGE_BYTES, PAGE_BYTES, out, &length, work);
		total += length;
	}
	return total;
}

/* Its state is used again, as a kernel's compressor does. */
static uint64_t compress_lz4hc(size_t from, size_t count, int level)
{
	static LZ4_streamHC_t state;
	uint64_t total = 0;

	for (size_t n = from; n < from + count; n++)
		total += LZ4_compress_HC_extStateHC(&state, (char *)pages + n * PAGE_BYTES, (char *)out, PAGE_BYTES, sizeof(out), level);
	return total;
}

static uint64_t decompress_lzo(size_t from, size_t count)
{
	uint64_t total = 0;

	for (size_t n = from; n < from + count; n++) {
		lzo_uint length = PAGE_BYTES;

		if (lzo1x_decompress_safe(blocks + offsets[n], lengths[n], out, &length, NULL) || length != PAGE_BYTES)
			leave(1, "stream %zu does not decompress", n);
		total += length;
	}
	return total;
}

int main(int argc, char **argv)
{
	char line[128], verb[16];
	size_t bytes, from, count;

	if (argc != 4)
		leave(2, "usage: compressors PAGES BLOCKS LENGTHS");
	if (lzo_init() != LZO_E_OK)
		leave(1, "liblzo2 does not start");
	pages = load(argv[1], &bytes);
	page_count = bytes / PAGE_BYTES;
	blocks = load(argv[2], &bytes);
	lengths = (uint32_t *)load(argv[3], &bytes);
	block_count = bytes / sizeof(*lengths);
	offsets = (size_t *)room(block_count * sizeof(*offsets) + 1);
	for (size_t n = 1; n < block_count; n++)
		offsets[n] = offsets[n - 1] + lengths[n - 1];

	printf("liblzo2 %s, liblz4 %s\n", lzo_version_string(), LZ4_versionString());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		int64_t start;
		uint64_t total;
		int level;

		if (sscanf(line, "%15s %zu %zu", verb, &from, &count) != 3)
			leave(2, "not a command: %s", line);
		if (from + count > (strcmp(verb, "unlzo") ? page_count : block_count))
			leave(2, "out of range: %s", line);
		start = nanoseconds();
		if (!strcmp(verb, "lzo"))
			total = compress_lzo(from, count);
		else if (!strcmp(verb, "unlzo"))
			total = decompress_lzo(from, count);
		else if (sscanf(verb, "lz4hc:%d", &level) == 1)
			total = compress_lz4hc(from, count, level);
		else
			leave(2, "not a command: %s", line);
		printf("%lld %llu\n", (long long)(nanoseconds() - start), (unsigned long long)total);
		fflush(stdout);
	}
	return 0;
}

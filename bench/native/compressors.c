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

#include "blocks.h"

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

static uint64_t run(const char *verb, size_t from, size_t count)
{
	int level;

	if (!strcmp(verb, "lzo"))
		return compress_lzo(from, count);
	if (!strcmp(verb, "unlzo"))
		return decompress_lzo(from, count);
	if (sscanf(verb, "lz4hc:%d", &level) == 1)
		return compress_lz4hc(from, count, level);
	leave(2, "not a command: %s", verb);
}

int main(int argc, char **argv)
{
	char versions[64];

	if (lzo_init() != LZO_E_OK)
		leave(1, "liblzo2 does not start");
	load_blocks(argc, argv);
	snprintf(versions, sizeof(versions), "liblzo2 %s, liblz4 %s", lzo_version_string(), LZ4_versionString());
	serve(versions, "unlzo", run);
	return 0;
}

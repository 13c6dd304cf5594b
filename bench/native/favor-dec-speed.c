/*
 * liblz4's own blocks that are fast to decode (level 12 with favorDecSpeed), a frame a page as its public interface makes
 * them, without the frame.
 *
 * usage: favor-dec-speed PAGES COUNT BLOCKS   BLOCKS, written: for each page a 32-bit length and a block; 0: stored raw
 *   out: the version, when it is written
 */
#include <lz4.h>
#include <lz4frame.h>

#include "round.h"

/* Of a frame: before its block's size, and the bit of that which says that the block is stored raw. */
#define HEADER_BYTES 7
#define RAW (1u << 31)

int main(int argc, char **argv)
{
	static unsigned char frame[3 * PAGE_BYTES];
	LZ4F_preferences_t preferences = { .compressionLevel = 12, .favorDecSpeed = 1 };
	unsigned char *pages;
	size_t bytes;
	FILE *out;

	if (argc != 4)
		leave(2, "usage: favor-dec-speed PAGES COUNT BLOCKS");
	pages = load(argv[1], &bytes);
	out = fopen(argv[3], "wb");
	if (!out)
		leave(1, "%s: %s", argv[3], strerror(errno));
	for (size_t n = 0; n < strtoul(argv[2], NULL, 10); n++) {
		size_t length = LZ4F_compressFrame(frame, sizeof(frame), pages + n * PAGE_BYTES, PAGE_BYTES, &preferences);
		uint32_t block;

		if (LZ4F_isError(length))
			leave(1, "page %zu: %s", n, LZ4F_getErrorName(length));
		memcpy(&block, frame + HEADER_BYTES, sizeof(block));
		if (block & RAW)
			block = 0;
		fwrite(&block, sizeof(block), 1, out);
		fwrite(frame + HEADER_BYTES + sizeof(block), 1, block, out);
	}
	if (fclose(out))
		leave(1, "%s: %s", argv[3], strerror(errno));
	printf("liblz4 %s\n", LZ4_versionString());
	return 0;
}

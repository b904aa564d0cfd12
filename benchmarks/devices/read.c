/* Reads pictures that are compiled in, and prints a line each: the status, and the image in hexadecimal. */
#include "model_read.h"
#include "pictures.h"

#include <stdio.h>
#include <string.h>

static union {
    double alignment;
    uint8_t bytes[MODEL_READ_WORKSPACE_BYTES + 16];
} memory;

int main(void)
{
    void *const workspace = memory.bytes + ((16u - ((uintptr_t)memory.bytes % 16u)) % 16u);
    const uint8_t *picture = pictures;
    for (int i = 0; i < PICTURE_COUNT; i++) {
        uint8_t image[MODEL_HEIGHT * MODEL_WIDTH] = {0};
        memset(memory.bytes, 0xA5, sizeof memory.bytes);
        printf("%d ", model_read(picture, sizes[i][0], sizes[i][1], image, workspace));
        for (size_t at = 0; at < sizeof image; at++) {
            printf("%02x", image[at]);
        }
        printf("\n");
        picture += sizes[i][0] * sizes[i][1];
    }
    return 0;
}

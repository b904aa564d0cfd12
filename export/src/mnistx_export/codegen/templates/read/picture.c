/* Reads a picture from standard input and says what it shows: binary {{ "PPM" if channels == 3 else "PGM" }}, of levels up to 255. */
#include "{{ name }}_read.h"

#include <stdio.h>
#include <stdlib.h>

#define MOST(a, b) (((a) > (b)) ? (a) : (b))

static union {
    double alignment;
    uint8_t bytes[MOST({{ upper }}_READ_WORKSPACE_BYTES, {{ upper }}_WORKSPACE_BYTES) + 16];
} memory;

static uint8_t image[{{ upper }}_CHANNELS * {{ upper }}_HEIGHT * {{ upper }}_WIDTH];

/* The class of a picture, or -1 where it holds none. */
static int answer(const uint8_t *pixels, int width, int height)
{
    void *const workspace = memory.bytes + ((16u - ((uintptr_t)memory.bytes % 16u)) % 16u);
    float log_probs[{{ upper }}_CLASSES];
    const int status = {{ name }}_read(pixels, width, height, image, workspace);
    if (status != {{ upper }}_READ_OK) {
        puts({{ name }}_read_reason(status));
        return -1;
    }
    if ({{ name }}_predict(image, log_probs, workspace) != {{ upper }}_OK) {
        return -1;
    }
    const int best = {{ name }}_argmax(log_probs);
    printf("%s %.6f\n", {{ name }}_class_names[best], (double)log_probs[best]);
    return best;
}

int main(void)
{
    int width = 0;
    int height = 0;
    int white = 0;
    if ((scanf("P{{ 6 if channels == 3 else 5 }} %d %d %d", &width, &height, &white) != 3) || (white != 255) || (getchar() == EOF) || (width < 1) ||
        (height < 1) || (width > {{ upper }}_READ_LARGEST) || (height > {{ upper }}_READ_LARGEST)) {
        puts("standard input holds no such picture");
        return 2;
    }
    const size_t size = (size_t)width * (size_t)height * {{ upper }}_CHANNELS;
    uint8_t *const pixels = (uint8_t *)malloc(size);
    const int found = ((pixels != NULL) && (fread(pixels, 1, size, stdin) == size)) ? answer(pixels, width, height) : -1;
    free(pixels);
    return (found < 0) ? 1 : 0;
}

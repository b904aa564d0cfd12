/* Runs model.c on random images. Arguments: the seed, how many images, and how many of them the digest is for. Prints
 * how many it answered, and a digest of the answers to the first ones.
 *
 * Image, answer and workspace are blocks of exactly their size, so that the address sanitizer sees a byte beyond. The
 * workspace is filled anew before each prediction, with bytes that make NaN of what is read before it is written. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIXELS (MODEL_CHANNELS * MODEL_HEIGHT * MODEL_WIDTH)
#define KINDS 5

/* Marsaglia, "Xorshift RNGs", 2003. */
static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Noise; few bright pixels on black; black and white; one grey; a bright rectangle on grey. */
static void draw(uint8_t *image, uint64_t *state)
{
    const uint64_t chosen = next(state);
    const int kind = (int)(chosen % KINDS);
    const uint8_t grey = (uint8_t)(chosen >> 8);
    const int top = (int)((chosen >> 16) % MODEL_HEIGHT), left = (int)((chosen >> 24) % MODEL_WIDTH);
    for (int i = 0; i < PIXELS; i++) {
        const uint8_t noise = (uint8_t)(next(state) >> 32);
        const int row = (i / MODEL_WIDTH) % MODEL_HEIGHT, column = i % MODEL_WIDTH;
        const int inside = row >= top && column >= left;
        const uint8_t found[KINDS] = {noise, (noise > 230) ? noise : 0, (noise > grey) ? 255 : 0, grey,
                                      inside ? (uint8_t)(255 - noise / 8) : grey / 2};
        image[i] = found[kind];
    }
}

int main(int count, char **values)
{
    const unsigned long seed = (count == 4) ? strtoul(values[1], NULL, 10) : 0;
    const long images = (count == 4) ? strtol(values[2], NULL, 10) : 0;
    const long digested = (count == 4) ? strtol(values[3], NULL, 10) : 0;
    uint8_t *const image = malloc(PIXELS);
    float *const log_probs = malloc(MODEL_CLASSES * sizeof *log_probs);
    void *const workspace = aligned_alloc(16, MODEL_WORKSPACE_BYTES);
    uint64_t state = 88172645463325252u + ((uint64_t)seed << 32), digest = 14695981039346656037u;
    if (!image || !log_probs || !workspace || model_selftest(workspace) != MODEL_OK) {
        return 1;
    }
    for (long i = 0; i < images; i++) {
        draw(image, &state);
        memset(workspace, 0xFF, MODEL_WORKSPACE_BYTES);
        if (model_predict(image, log_probs, workspace) != MODEL_OK) {
            return 2;
        }
        for (int c = 0; c < MODEL_CLASSES; c++) {
            uint32_t bits;
            if (!(log_probs[c] <= 1e-6f && log_probs[c] > -1e30f)) {
                return 3;
            }
            memcpy(&bits, &log_probs[c], sizeof bits);
            digest = (i < digested) ? ((digest ^ bits) * 1099511628211u) : digest;
        }
    }
    printf("%ld %016llx\n", images, (unsigned long long)digest);
    free(image);
    free(log_probs);
    free(workspace);
    return 0;
}

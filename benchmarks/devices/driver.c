/* Runs model.c on a device: self-test, then images that are compiled in, and prints what came out.
 *
 * A line an image: a digest of what goes into the last layer, then the answers, both as the bits of memory. The linker
 * gives calls of expf to __wrap_expf, so the digest sees the sums before any library's expf rounds them in its own way. */
#include "images.h"
#include "model.h"

#include <stdio.h>
#include <string.h>

#define PAINTED 65536 /* bytes of stack that are looked at */
#define FRAME 128     /* bytes that belong to the function that looks */
#define PAINT 0xA5
#define SYSTICK ((volatile uint32_t *)0xE000E010) /* control, reload, value: of every Cortex-M */
#define SYSTICK_MASK 0xFFFFFFu

static union {
    double alignment;
    uint8_t bytes[MODEL_WORKSPACE_BYTES + 16];
} memory;

static uint32_t digest;
static unsigned long ticks; /* of the longest prediction */
static int stack;           /* of the deepest */

float __real_expf(float x);
float __wrap_expf(float x);

float __wrap_expf(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    digest = (digest ^ bits) * 16777619u;
    return __real_expf(x);
}

static void start_clock(void)
{
#ifdef CORTEX_M
    SYSTICK[1] = SYSTICK_MASK;
    SYSTICK[2] = 0;
    SYSTICK[0] = 5; /* run, by the processor's own clock */
#endif
}

static void stop_clock(void)
{
#ifdef CORTEX_M
    const unsigned long passed = SYSTICK_MASK - SYSTICK[2];
    ticks = (passed > ticks) ? passed : ticks;
#endif
}

/* Predicts; and says how many bytes of stack below this function's frame that took, FRAME at least. */
static __attribute__((noinline)) int predict(const uint8_t *image, float *log_probs, void *workspace)
{
    volatile uint8_t *const top = (volatile uint8_t *)__builtin_frame_address(0);
    for (int i = FRAME; i <= PAINTED; i++) {
        top[-i] = PAINT;
    }
    start_clock();
    const int status = model_predict(image, log_probs, workspace);
    stop_clock();
    int used = PAINTED;
    while ((used > FRAME) && (top[-used] == PAINT)) {
        used--;
    }
    stack = (used > stack) ? used : stack;
    return status;
}

int main(void)
{
    void *const workspace = memory.bytes + ((16u - ((uintptr_t)memory.bytes % 16u)) % 16u);
    float log_probs[MODEL_CLASSES];
#ifndef MODEL_NO_SELFTEST
    printf("selftest %d\n", model_selftest(workspace));
#endif
    for (int i = 0; i < IMAGE_COUNT; i++) {
        digest = 2166136261u;
        printf("image %d", predict(images[i], log_probs, workspace));
        printf(" %08lx", (unsigned long)digest);
        for (int c = 0; c < MODEL_CLASSES; c++) {
            uint32_t bits;
            memcpy(&bits, &log_probs[c], sizeof bits);
            printf(" %08lx", (unsigned long)bits);
        }
        printf("\n");
    }
    printf("stack %d\nticks %lu\n", stack, ticks);
    return 0;
}

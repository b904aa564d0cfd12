/* Runs the self-test, then reads one image from standard input: raw pixels, channel by channel. */
#include "{{ name }}.h"

#include <stdio.h>

static uint8_t image[{{ upper }}_CHANNELS * {{ upper }}_HEIGHT * {{ upper }}_WIDTH];

static union {
    double alignment;
    uint8_t bytes[{{ upper }}_WORKSPACE_BYTES + 16];
} memory;

int main(void)
{
    void *const workspace = memory.bytes + ((16u - ((uintptr_t)memory.bytes % 16u)) % 16u);
    float log_probs[{{ upper }}_CLASSES];
    const int failed = {{ name }}_selftest(workspace);
    printf("self-test: %s\n", (failed == {{ upper }}_OK) ? "passed" : "FAILED");
    if (failed != {{ upper }}_OK) {
        return 1;
    }
    while (fread(image, 1, sizeof image, stdin) == sizeof image) {
        if ({{ name }}_predict(image, log_probs, workspace) != {{ upper }}_OK) {
            return 1;
        }
        const int best = {{ name }}_argmax(log_probs);
        printf("%s %.6f\n", {{ name }}_class_names[best], (double)log_probs[best]);
    }
    return 0;
}

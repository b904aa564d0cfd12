/* Flips one bit of one constant at a time, and prints whether the self-test sees it. Built with -Dconst= so that it can.
 *
 * Reads from standard input: the constant's number in constants[], the byte, the bit; 1 is printed for what is seen. */
#include "model.c"

#include <stdio.h>

#include "constants.h"

static union {
    double alignment;
    uint8_t bytes[MODEL_WORKSPACE_BYTES + 16];
} memory;

int main(void)
{
    void *workspace = memory.bytes + ((16u - ((uintptr_t)memory.bytes % 16u)) % 16u);
    int which;
    long byte;
    int bit;
    if (model_selftest(workspace) != 0) {
        return 1;
    }
    while (scanf("%d %ld %d", &which, &byte, &bit) == 3) {
        uint8_t *place = (uint8_t *)constants[which] + byte;
        *place = (uint8_t)(*place ^ (1u << bit));
        printf("%d\n", model_selftest(workspace) != 0);
        *place = (uint8_t)(*place ^ (1u << bit));
    }
    return 0;
}

/* Reads an image, its pixels one after the other, from a file, and prints what the model's library takes it for. */
#include "model.h"

#include <stdio.h>

static uint8_t image[MODEL_CHANNELS * MODEL_HEIGHT * MODEL_WIDTH];

static union {
    double alignment;
    uint8_t bytes[MODEL_WORKSPACE_BYTES + 16];
} memory;

int main(int count, char **values)
{
    void *const workspace = memory.bytes + ((16u - ((uintptr_t)memory.bytes % 16u)) % 16u);
    float log_probs[MODEL_CLASSES];
    FILE *const file = (count == 2) ? fopen(values[1], "rb") : NULL;
    if (file == NULL || fread(image, 1, sizeof image, file) != sizeof image) {
        return 2;
    }
    if (model_predict(image, log_probs, workspace) != MODEL_OK) {
        return 1;
    }
    printf("%s\n", model_class_names[model_argmax(log_probs)]);
    return 0;
}

/* The least program with the model, for its size; without MODEL, the least program at all. */
#ifdef MODEL
#include "model.h"

static uint8_t image[MODEL_CHANNELS * MODEL_HEIGHT * MODEL_WIDTH];

static union {
    double alignment;
    uint8_t bytes[MODEL_WORKSPACE_BYTES + 16];
} memory;
#endif

int main(void)
{
#ifdef MODEL
    float log_probs[MODEL_CLASSES];
    void *const workspace = memory.bytes + ((16u - ((uintptr_t)memory.bytes % 16u)) % 16u);
    return (model_predict(image, log_probs, workspace) != MODEL_OK) || (model_argmax(log_probs) == 0);
#else
    return 0;
#endif
}

/* Reads random pictures of 1 to 300 pixels a side, each in memory of its own size: noise, dots, strokes, lines, boxes.
 * Arguments: the number of the first, and how many. Prints how many came to each status, from 0 on. */
#include "model_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t state = 1u;

static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
}

static void fill(uint8_t *picture, int32_t width, int32_t height, int32_t left, int32_t top, int32_t right,
                 int32_t bottom, uint8_t level)
{
    for (int32_t y = (top > 0) ? top : 0; (y < bottom) && (y < height); y++) {
        for (int32_t x = (left > 0) ? left : 0; (x < right) && (x < width); x++) {
            picture[(y * width) + x] = level;
        }
    }
}

/* A dot moves about, and leaves a stroke. */
static void scribble(uint8_t *picture, int32_t width, int32_t height, uint8_t level)
{
    const int32_t thick = 1 + (int32_t)draw(1u + (uint32_t)(width + height) / 40u);
    int32_t x = (int32_t)draw((uint32_t)width);
    int32_t y = (int32_t)draw((uint32_t)height);
    int32_t across = 0;
    int32_t down = 1;
    for (uint32_t step = draw(3u * (uint32_t)(width + height)); step > 0u; step--) {
        if (draw(12u) == 0u) {
            across = (int32_t)draw(3u) - 1;
            down = (int32_t)draw(3u) - 1;
        }
        x = (x + across + width) % width;
        y = (y + down + height) % height;
        fill(picture, width, height, x, y, x + thick, y + thick, level);
    }
}

static void draw_picture(uint8_t *picture, int32_t width, int32_t height)
{
    const uint8_t ground = (uint8_t)draw(256u);
    const uint8_t ink = (draw(4u) == 0u) ? (uint8_t)draw(256u) : (uint8_t)(ground ^ 0x80u);
    memset(picture, ground, (size_t)width * (size_t)height);
    for (uint32_t each = draw(5u); each > 0u; each--) {
        scribble(picture, width, height, ink);
    }
    for (uint32_t each = draw(3u) * draw(8u); each > 0u; each--) {
        const int32_t at = (int32_t)draw((uint32_t)((draw(2u) == 0u) ? height : width));
        const int32_t thick = 1 + (int32_t)draw(4u);
        if (draw(2u) == 0u) {
            fill(picture, width, height, 0, at, width, at + thick, ink);
        } else {
            fill(picture, width, height, at, 0, at + thick, height, ink);
        }
    }
    const uint32_t share = (draw(3u) == 0u) ? (1u + draw(256u)) : 0u;
    const uint32_t noise = (draw(2u) == 0u) ? (1u + draw(30u)) : 256u;
    for (int32_t i = 0; (share > 0u) && (i < (width * height)); i++) {
        picture[i] = (draw(256u) < share) ? (uint8_t)(picture[i] + draw(noise)) : picture[i];
    }
}

int main(int count, char **arguments)
{
    const int first = (count == 3) ? atoi(arguments[1]) : 0;
    const int pictures = (count == 3) ? atoi(arguments[2]) : 0;
    int found[16] = {0};
    for (int i = first; i < (first + pictures); i++) {
        state = (uint32_t)i * 2654435761u + 12345u;
        const int32_t width = 1 + (int32_t)((draw(3u) == 0u) ? draw(40u) : draw(300u));
        const int32_t height = 1 + (int32_t)((draw(3u) == 0u) ? draw(40u) : draw(300u));
        uint8_t *const picture = (uint8_t *)malloc((size_t)width * (size_t)height);
        uint8_t *const image = (uint8_t *)malloc(MODEL_HEIGHT * MODEL_WIDTH);
        void *const workspace = malloc(MODEL_READ_WORKSPACE_BYTES);
        draw_picture(picture, width, height);
        memset(workspace, (int)draw(256u), MODEL_READ_WORKSPACE_BYTES);
        const int status = model_read(picture, width, height, image, workspace);
        if ((status < 0) || (status > 15)) {
            return 1;
        }
        found[status]++;
        free(workspace);
        free(image);
        free(picture);
    }
    for (int status = 0; status < 7; status++) { /* of c_reader.py's, from 0 on */
        printf("%d ", found[status]);
    }
    printf("\n");
    return 0;
}

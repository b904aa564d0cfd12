/* Averages a part of a picture down by whole blocks, as Pillow's reduce does. */

static uint8_t mean_of_block(const uint8_t *first, int32_t stride, int32_t width, int32_t height)
{
    const uint32_t count = (uint32_t)(width * height);
    const uint32_t multiplier = (uint32_t)(4294967296.0f / (float)(count * 256u));
    uint32_t sum = count / 2u;
    for (int32_t y = 0; y < height; y++) {
        const uint8_t *const row = first + ((ptrdiff_t)y * stride);
        for (int32_t x = 0; x < width; x++) {
            sum += row[x];
        }
    }
    return (uint8_t)((sum * multiplier) >> 24);
}

/* Returns how many pixels one of the working picture's stands for along a side. */
static int32_t average_down(reader *r, const uint8_t *grey, int32_t stride, box part_of)
{
    const int32_t width = part_of.right - part_of.left;
    const int32_t height = part_of.bottom - part_of.top;
    const int32_t factor = (larger(width, height) + WORKING_SIDE - 1) / WORKING_SIDE;
    r->width = (width + factor - 1) / factor;
    r->height = (height + factor - 1) / factor;
    const uint8_t *const first = grey + (((ptrdiff_t)part_of.top * stride) + part_of.left);
    for (int32_t y = 0; y < r->height; y++) {
        for (int32_t x = 0; x < r->width; x++) {
            r->grey[(y * r->width) + x] =
                mean_of_block(first + (((ptrdiff_t)y * factor * stride) + ((ptrdiff_t)x * factor)), stride,
                              smaller(factor, width - (x * factor)), smaller(factor, height - (y * factor)));
        }
    }
    return factor;
}

/* The room that one digit has: the shorter side, unless it is cut out as narrow as a 1. */
static double room_of(const reader *r)
{
    return larger_of((double)smaller(r->width, r->height), 0.6 * (double)larger(r->width, r->height));
}

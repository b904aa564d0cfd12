/* What a square doesn't fit into: the white top-hat. Beyond its edges the picture goes on as there. */

/* The least or largest of each `size` numbers in a row, by doubling. Returns how many there are. */
static int32_t slide(uint8_t *line, int32_t count, int32_t size, int32_t is_largest)
{
    int32_t length = 1;
    while (length < size) {
        const int32_t step = smaller(length, size - length);
        count -= step;
        for (int32_t i = 0; i < count; i++) {
            const uint8_t a = line[i];
            const uint8_t b = line[i + step];
            line[i] = ((b > a) == (is_largest != 0)) ? b : a;
        }
        length += step;
    }
    return count;
}

/* opened: height x (width + 1 + the square's side) bytes, at most HAT_SIDE x WORKING_SIDE. */
static void top_hat(const uint8_t *bright, int32_t width, int32_t height, double room, uint8_t *details,
                    uint8_t *opened)
{
    uint8_t line[WORKING_SIDE + (2 * 77)];
    const int32_t size = larger(3, round_even(room * 0.3));
    const int32_t wide = width + size + 1;
    for (int32_t y = 0; y < height; y++) {
        const uint8_t *const row = bright + (y * width);
        for (int32_t i = 0; i < (width + (2 * size)); i++) {
            line[i] = row[between(i - size, 0, width - 1)];
        }
        memcpy(opened + (y * wide), line, (size_t)slide(line, width + (2 * size), size, 0));
    }
    for (int32_t x = 0; x < wide; x++) {
        for (int32_t i = 0; i < (height + (2 * size)); i++) {
            line[i] = opened[(between(i - size, 0, height - 1) * wide) + x];
        }
        (void)slide(line, slide(line, height + (2 * size), size, 0), size, 1);
        for (int32_t y = 0; y < height; y++) {
            opened[(y * wide) + x] = line[y + 1];
        }
    }
    for (int32_t y = 0; y < height; y++) {
        memcpy(line, opened + (y * wide), (size_t)wide);
        (void)slide(line, wide, size, 1);
        for (int32_t x = 0; x < width; x++) {
            const int32_t pixel = bright[(y * width) + x];
            details[(y * width) + x] = (uint8_t)(pixel - smaller(pixel, line[x + 1]));
        }
    }
}

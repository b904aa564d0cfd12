/* From the ink of one digit to the 28x28 image: LeCun, Cortes, Burges, "The MNIST database of handwritten digits". */

#define SIDE 28
#define BOX_SIDE 20 /* that the digit is scaled into */
#define MIDDLE 14 /* row and column of the centre of mass */

/* How wide strokes are, in pixels of the 20x20 box: the area over half the outline. */
static double stroke_width(const uint8_t *mask, int32_t width, int32_t height)
{
    int32_t outline = 0;
    int32_t area = 0;
    for (int32_t y = 0; y < height; y++) {
        for (int32_t x = 0; x < width; x++) {
            const uint8_t here = mask[(y * width) + x];
            const uint8_t after = (x < (width - 1)) ? mask[(y * width) + x + 1] : 0u;
            const uint8_t below = (y < (height - 1)) ? mask[((y + 1) * width) + x] : 0u;
            area += here;
            outline += ((here != after) ? 1 : 0) + ((here != below) ? 1 : 0);
            outline += (((x == 0) && (here != 0u)) ? 1 : 0) + (((y == 0) && (here != 0u)) ? 1 : 0);
        }
    }
    return ((2.5 * (double)area) / (double)larger(outline, 1)) * (double)BOX_SIDE / (double)larger(width, height);
}

static uint8_t extreme_of(uint8_t a, uint8_t b, int32_t is_largest)
{
    return ((b > a) == (is_largest != 0)) ? b : a;
}

/* The extreme of each pixel and the four beside it, or the eight around it. */
static void spread_extreme(uint8_t *ink, int32_t width, int32_t height, int32_t is_largest, int32_t corners)
{
    uint8_t before[THICK_SIDE];
    uint8_t here[THICK_SIDE];
    uint8_t found[THICK_SIDE];
    for (int32_t y = 0; y < height; y++) {
        uint8_t *const row = ink + (y * width);
        memcpy(here, row, (size_t)width);
        for (int32_t x = 0; x < width; x++) {
            found[x] = (y > 0) ? extreme_of(here[x], before[x], is_largest) : here[x];
            found[x] = (y < (height - 1)) ? extreme_of(found[x], row[width + x], is_largest) : found[x];
        }
        const uint8_t *const source = (corners != 0) ? found : here;
        for (int32_t x = 0; x < width; x++) {
            row[x] = (x > 0) ? extreme_of(found[x], source[x - 1], is_largest) : found[x];
            row[x] = (x < (width - 1)) ? extreme_of(row[x], source[x + 1], is_largest) : row[x];
        }
        memcpy(before, here, (size_t)width);
    }
}

/* Ground of some pixels around the ink. */
static void pad(uint8_t *ink, int32_t width, int32_t height, int32_t by)
{
    const int32_t wide = width + (2 * by);
    for (int32_t y = height - 1; y >= 0; y--) {
        memmove(ink + ((y + by) * wide) + by, ink + (y * width), (size_t)width);
    }
    memset(ink, 0, (size_t)(by * wide));
    for (int32_t y = by; y < (height + by); y++) {
        memset(ink + (y * wide), 0, (size_t)by);
        memset(ink + (y * wide) + by + width, 0, (size_t)by);
    }
    memset(ink + ((height + by) * wide), 0, (size_t)(by * wide));
}

/* Strokes thickened or thinned to a width that survives the scaling. Returns by how many pixels, of each side. */
static int32_t adjust_stroke_width(part *one, int32_t width, int32_t height)
{
    const double stroke = stroke_width(one->mask, width, height);
    const double wanted = (stroke < 2.0) ? 2.0 : ((stroke > 4.2) ? 4.2 : stroke);
    const int32_t steps = round_even(((wanted - stroke) / 2.0) * (double)larger(width, height) / (double)BOX_SIDE);
    const int32_t by = larger(steps, 0);
    if (by > 0) {
        pad(one->ink, width, height, by);
    }
    for (int32_t step = 0; step < ((steps < 0) ? -steps : steps); step++) {
        spread_extreme(one->ink, width + (2 * by), height + (2 * by), steps > 0, step % 2);
    }
    return by;
}

/* Pixels of a side of the box, one that is covered in part among them. */
static int32_t scaled_side(int32_t side, double scale)
{
    const double exact = (double)side * scale;
    const int32_t whole = round_down(exact);
    return ((exact - (double)whole) < 0.0005) ? whole : (whole + 1);
}

/* One side of the ink, scaled; its levels are looked up. */
static void scale_ink(const reader *r, const uint8_t *ink, int32_t size, int32_t step, int32_t count, int32_t next,
                      int32_t room, float length, int32_t filter, float *target, int32_t scaled, int32_t target_step,
                      int32_t target_next)
{
    double weights[MOST_WEIGHTS];
    for (int32_t at = 0; at < scaled; at++) {
        int32_t first = 0;
        const int32_t all = weigh(room, length, scaled, at, filter, weights, &first);
        const int32_t taps = smaller(all, size - first);
        for (int32_t line = 0; line < count; line++) {
            double sum = 0.0;
            for (int32_t i = 0; i < taps; i++) {
                sum += (double)r->levels[ink[(line * next) + ((first + i) * step)]] * weights[i];
            }
            target[(line * target_next) + (at * target_step)] = (float)sum;
        }
    }
}

/* Half of a stroke's pixels are saturated. */
static void brighten(part *one, int32_t count)
{
    int32_t core = 0;
    for (int32_t i = 0; i < count; i++) {
        const float level = one->scaled[i];
        one->scaled[i] = (level < 0.0f) ? 0.0f : ((level > 1.0f) ? 1.0f : level);
        if (one->scaled[i] > 0.3f) {
            int32_t at = core;
            while ((at > 0) && (one->sorted[at - 1] > one->scaled[i])) {
                one->sorted[at] = one->sorted[at - 1];
                at--;
            }
            one->sorted[at] = one->scaled[i];
            core++;
        }
    }
    const float full = (core > 0) ? one->sorted[(core - 1) / 2] : 1.0f;
    for (int32_t i = 0; i < count; i++) {
        const float level = one->scaled[i] / full;
        one->scaled[i] = (level > 1.0f) ? 1.0f : level;
    }
}

/* The digit scaled to fit the box, its aspect kept: not rounded to whole pixels. */
static void scale_to_box(const reader *r, part *one, int32_t width, int32_t height, int32_t *columns, int32_t *rows)
{
    const double scale = (double)BOX_SIDE / (double)larger(width, height);
    const int32_t wide = scaled_side(width, scale);
    const int32_t high = scaled_side(height, scale);
    const double right = (double)wide / scale;
    const double bottom = (double)high / scale;
    const int32_t filter = (scale < 1.0) ? BOX_FILTER : BICUBIC_FILTER;
    const int32_t room_right = round_up(right);
    const int32_t room_bottom = round_up(bottom);
    if (is_height_first(room_right, room_bottom, wide, high)) {
        scale_ink(r, one->ink, height, width, width, 1, room_bottom, (float)bottom, filter, one->columns, high,
                  room_right, 1);
        for (int32_t y = 0; y < high; y++) {
            for (int32_t x = width; x < room_right; x++) {
                one->columns[(y * room_right) + x] = 0.0f;
            }
        }
        scale_floats(one->columns, room_right, 1, high, room_right, (float)right, filter, one->scaled, wide, 1, wide);
    } else {
        scale_ink(r, one->ink, width, 1, height, width, room_right, (float)right, filter, one->columns, wide, 1, wide);
        for (int32_t i = height * wide; i < (room_bottom * wide); i++) {
            one->columns[i] = 0.0f;
        }
        scale_floats(one->columns, room_bottom, wide, wide, 1, (float)bottom, filter, one->scaled, high, wide, 1);
    }
    brighten(one, wide * high);
    *columns = wide;
    *rows = high;
}

/* On 28x28 black, the centre of mass in the middle, as far as the digit stays inside. */
static void centre_by_mass(const part *one, int32_t columns, int32_t rows, uint8_t *image)
{
    double down[BOX_SIDE];
    double across[BOX_SIDE];
    for (int32_t y = 0; y < rows; y++) {
        down[y] = (double)sum_floats(one->scaled + (y * columns), columns) * (double)y;
    }
    for (int32_t x = 0; x < columns; x++) {
        float sum = 0.0f;
        for (int32_t y = 0; y < rows; y++) {
            sum += one->scaled[(y * columns) + x];
        }
        across[x] = (double)sum * (double)x;
    }
    const double mass = larger_of((double)sum_floats(one->scaled, columns * rows), 1e-6);
    const int32_t top = between(round_even((double)MIDDLE - (sum_doubles(down, rows) / mass)), 0, SIDE - rows);
    const int32_t left = between(round_even((double)MIDDLE - (sum_doubles(across, columns) / mass)), 0, SIDE - columns);
    memset(image, 0, SIDE * SIDE);
    for (int32_t y = 0; y < rows; y++) {
        for (int32_t x = 0; x < columns; x++) {
            image[((top + y) * SIDE) + left + x] = (uint8_t)round_even((double)(one->scaled[(y * columns) + x] * 255.0f));
        }
    }
}

static void make_image(const reader *r, part *one, int32_t width, int32_t height, uint8_t *image)
{
    int32_t columns = 0;
    int32_t rows = 0;
    const int32_t by = adjust_stroke_width(one, width, height);
    scale_to_box(r, one, width + (2 * by), height + (2 * by), &columns, &rows);
    centre_by_mass(one, columns, rows, image);
}

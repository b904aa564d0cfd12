/* Whether ink can be a digit at all. */

static int32_t count_parts(pieces *p, const uint8_t *image)
{
    find_pieces(p, image, SIDE, SIDE, 100.0);
    return count_large(p, 4);
}

static int32_t count_holes(pieces *p, const uint8_t *image)
{
    uint8_t ground[(SIDE + 2) * (SIDE + 2)];
    memset(ground, 1, sizeof ground);
    for (int32_t y = 0; y < SIDE; y++) {
        for (int32_t x = 0; x < SIDE; x++) {
            ground[((y + 1) * (SIDE + 2)) + x + 1] = (uint8_t)(image[(y * SIDE) + x] <= 60u);
        }
    }
    find_pieces(p, ground, SIDE + 2, SIDE + 2, 0.0);
    return count_large(p, 2) - 1;
}

/* How distinct ink is from ground, less how uneven it is itself. */
static double clarity_of(const reader *r, const part *one, box at)
{
    int32_t counts[256];
    int32_t count = 0;
    int32_t sum = 0;
    memset(counts, 0, sizeof counts);
    for (int32_t y = at.top; y < at.bottom; y++) {
        for (int32_t x = at.left; x < at.right; x++) {
            if (one->mask[((y - at.top) * (at.right - at.left)) + x - at.left] != 0u) {
                const uint8_t ink = r->ink[(y * r->width) + x];
                counts[ink]++;
                count++;
                sum += ink;
            }
        }
    }
    const double mean = (double)sum / (double)count;
    double variance = 0.0;
    for (int32_t level = 0; level < 256; level++) {
        variance += (double)counts[level] * (((double)level - mean) * ((double)level - mean));
    }
    return r->distinctness - (square_root(variance / (double)count) / larger_of(mean, 1.0));
}

/* Whether it covers more than a quarter of the picture, or is cut off by its edge. */
static int32_t fills_picture(const reader *r, const part *one, box at)
{
    const int32_t width = at.right - at.left;
    const int32_t height = at.bottom - at.top;
    int32_t covered = 0;
    int32_t cut_off = 0;
    for (int32_t y = 0; y < height; y++) {
        for (int32_t x = 0; x < width; x++) {
            const int32_t here = one->mask[(y * width) + x];
            covered += here;
            cut_off += ((at.top == 0) && (y == 0)) ? here : 0;
            cut_off += ((at.left == 0) && (x == 0)) ? here : 0;
            cut_off += ((at.bottom == r->height) && (y == (height - 1))) ? here : 0;
            cut_off += ((at.right == r->width) && (x == (width - 1))) ? here : 0;
        }
    }
    return ((double)covered > ((double)(r->width * r->height) / 4.0)) ||
           ((double)cut_off > (0.02 * 2.0 * (double)(r->width + r->height)));
}

/* 0, or why it is none; `sure`: the probability from which on the answer is given all the same, above 1 for never. */
static int32_t judge(reader *r, const part *one, box at, const uint8_t *image, double *sure)
{
    int32_t inked = 0;
    *sure = 2.0;
    for (int32_t i = 0; i < (SIDE * SIDE); i++) {
        inked += image[i];
    }
    if ((stroke_width(one->mask, at.right - at.left, at.bottom - at.top) > 7.5) || (inked > (245 * 255))) {
        return {{ upper }}_READ_SOLID;
    }
    if (count_parts(&r->memory.found, image) > 3) {
        return {{ upper }}_READ_PIECES;
    }
    if (count_holes(&r->memory.found, image) > 3) {
        return {{ upper }}_READ_HOLES;
    }
    const double lacking = (fills_picture(r, one, at) ? 0.56 : 0.45) - clarity_of(r, one, at);
    if (lacking > 0.0) {
        *sure = (lacking <= 0.3) ? 0.98 : 2.0;
        return {{ upper }}_READ_UNCLEAR;
    }
    return 0;
}

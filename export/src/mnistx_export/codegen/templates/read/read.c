/* A picture's digit: one look at all of it, and a closer one where it is small. */

static int32_t is_model_image(const uint8_t *grey)
{
    int32_t edge[256];
    int32_t low = 255;
    int32_t high = 0;
    memset(edge, 0, sizeof edge);
    for (int32_t i = 0; i < SIDE; i++) {
        edge[grey[i]]++;
        edge[grey[((SIDE - 1) * SIDE) + i]]++;
        edge[grey[i * SIDE]]++;
        edge[grey[(i * SIDE) + SIDE - 1]]++;
    }
    for (int32_t i = 0; i < (SIDE * SIDE); i++) {
        low = smaller(low, grey[i]);
        high = larger(high, grey[i]);
    }
    return (level_of_rank(edge, ((4 * SIDE) - 1) / 2) < 64) && ((high - low) >= 12);
}

/* Finds the digit's ink in a part of the picture. Returns 0, or why there's none. */
static int32_t look(reader *r, const uint8_t *grey, int32_t stride, box part_of, int32_t is_first, int32_t *factor)
{
    pieces *const p = &r->memory.found;
    *factor = average_down(r, grey, stride, part_of);
    if (is_first) {
        r->is_bright = find_pen(r, &r->scratch.small);
    }
    find_ink(r);
    segment(r);
    if ((r->threshold < 6.0) || (p->count == 0)) {
        return {{ upper }}_READ_NO_INK;
    }
    if (are_several(p)) {
        return {{ upper }}_READ_SEVERAL;
    }
    r->digit = choose_pieces(p);
    if ((double)(r->digit.right - r->digit.left) > (WIDEST * (double)(r->digit.bottom - r->digit.top))) {
        return {{ upper }}_READ_SEVERAL;
    }
    return {{ upper }}_READ_OK;
}

/* The digit's box with paper around it, in the picture. */
static box surroundings_of(const reader *r, int32_t factor, int32_t width, int32_t height)
{
    box found;
    const int32_t left = r->digit.left * factor;
    const int32_t top = r->digit.top * factor;
    const int32_t right = r->digit.right * factor;
    const int32_t bottom = r->digit.bottom * factor;
    const double margin = (double)larger(bottom - top, right - left) * 0.6;
    found.left = round_even(larger_of(0.0, (double)left - margin));
    found.top = round_even(larger_of(0.0, (double)top - margin));
    found.right = smaller(width, round_even((double)right + margin));
    found.bottom = smaller(height, round_even((double)bottom + margin));
    return found;
}

static int32_t check_arguments(const uint8_t *grey, int32_t width, int32_t height, const void *to, const void *workspace)
{
    if ((grey == NULL) || (to == NULL) || (workspace == NULL) || (((uintptr_t)workspace % 16u) != 0u) || (width < 1) ||
        (height < 1)) {
        return {{ upper }}_READ_BAD_ARGUMENT;
    }
    return (larger(width, height) > {{ upper }}_READ_LARGEST) ? {{ upper }}_READ_TOO_LARGE : {{ upper }}_READ_OK;
}

/* The image of the digit in a picture, or in a part of one, whose rows are `stride` pixels apart. */
static int32_t read_digit(reader *r, const uint8_t *grey, int32_t stride, box all, uint8_t *image)
{
    const int32_t width = all.right;
    const int32_t height = all.bottom;
    int32_t factor = 1;
    int32_t status = look(r, grey, stride, all, 1, &factor);
    if ((status == {{ upper }}_READ_OK) && (factor > 1) &&
        (larger(r->digit.right - r->digit.left, r->digit.bottom - r->digit.top) < 120)) {
        status = look(r, grey, stride, surroundings_of(r, factor, width, height), 0, &factor);
    }
    if (status != {{ upper }}_READ_OK) {
        return status;
    }
    r->distinctness = find_distinctness(r->ink, r->width * r->height, r->threshold);
    mark_digit(r);
    measure_levels(r);
    return compete(r, image, (uint8_t *)(void *)r + READER_BYTES);
}

int {{ name }}_read(const uint8_t *grey, int32_t width, int32_t height, uint8_t *image, void *workspace)
{
    const int32_t status = check_arguments(grey, width, height, (const void *)image, workspace);
    const box all = {0, 0, width, height};
    if (status != {{ upper }}_READ_OK) {
        return status;
    }
    if ((width == SIDE) && (height == SIDE) && is_model_image(grey)) {
        memcpy(image, grey, SIDE * SIDE);
        return {{ upper }}_READ_OK;
    }
    return read_digit((reader *)workspace, grey, width, all, image);
}

int {{ name }}_read_part(const uint8_t *grey, int32_t width, const int32_t *place, uint8_t *image, void *workspace)
{
    const int32_t is_part = (place != NULL) && (place[0] >= 0) && (place[1] >= 0) && (place[2] <= width);
    const box all = {0, 0, is_part ? (place[2] - place[0]) : 0, is_part ? (place[3] - place[1]) : 0};
    const int32_t status = check_arguments(grey, all.right, all.bottom, (const void *)image, workspace);
    if (status != {{ upper }}_READ_OK) {
        return status;
    }
    const uint8_t *const first = grey + (((ptrdiff_t)place[1] * width) + place[0]);
    return read_digit((reader *)workspace, first, width, all, image);
}

/* The digit: the heaviest piece and what is near it, its box, and how much of each pixel its ink covers. */

static box box_of_chosen(const pieces *p)
{
    box found = {INT16_MAX, INT16_MAX, 0, 0};
    for (int32_t i = 0; i < p->count; i++) {
        if (p->chosen[i] != 0u) {
            found.left = smaller(found.left, p->boxes[i][0]);
            found.top = smaller(found.top, p->boxes[i][1]);
            found.right = larger(found.right, p->boxes[i][2]);
            found.bottom = larger(found.bottom, p->boxes[i][3]);
        }
    }
    return found;
}

/* Chooses the heaviest piece, and those near that are no specks. */
static box choose_pieces(pieces *p)
{
    int32_t heaviest = 0;
    for (int32_t i = 0; i < p->count; i++) {
        heaviest = (p->weights[i] > p->weights[heaviest]) ? i : heaviest;
        p->chosen[i] = 0u;
    }
    p->chosen[heaviest] = 1u;
    const double least = 0.03 * (double)p->weights[heaviest];
    int32_t more = 1;
    box digit = box_of_chosen(p);
    while (more != 0) {
        const double reach = 0.25 * (double)larger(digit.bottom - digit.top, digit.right - digit.left);
        more = 0;
        for (int32_t i = 0; i < p->count; i++) {
            const int16_t *const bounds = p->boxes[i];
            const int32_t gap = larger(larger(bounds[1] - digit.bottom, digit.top - bounds[3]),
                                       larger(bounds[0] - digit.right, digit.left - bounds[2]));
            if ((p->chosen[i] == 0u) && ((double)p->weights[i] >= least) && ((double)gap <= reach)) {
                p->chosen[i] = 1u;
                more = 1;
            }
        }
        digit = box_of_chosen(p);
    }
    return digit;
}

/* Marks the digit's pixels, and those up to two beside them inside its box. */
static void mark_digit(reader *r)
{
    const pieces *const p = &r->memory.found;
    uint8_t *const marks = r->grey;
    const box d = r->digit;
    memset(marks, 0, PIXELS);
    for (int32_t y = d.top; y < d.bottom; y++) {
        for (int32_t x = d.left; x < d.right; x++) {
            const int32_t label = p->labels[(y * r->width) + x];
            if ((label < 0) || (p->chosen[label] == 0u)) {
                continue;
            }
            marks[(y * r->width) + x] |= ON_DIGIT;
            for (int32_t row = larger(y - 2, d.top); row < smaller(y + 3, d.bottom); row++) {
                const int32_t reach = 2 - ((row > y) ? (row - y) : (y - row));
                for (int32_t column = larger(x - reach, d.left); column < smaller(x + reach + 1, d.right); column++) {
                    marks[(row * r->width) + column] |= AROUND_DIGIT;
                }
            }
        }
    }
}

/* Ink counts from half of the threshold on, and covers a pixel from the median of the digit's on. */
static void measure_levels(reader *r)
{
    int32_t counts[256];
    const double ground = r->threshold / 2.0;
    memset(counts, 0, sizeof counts);
    r->pixels = 0;
    for (int32_t i = 0; i < (r->width * r->height); i++) {
        if ((r->grey[i] & ON_DIGIT) != 0u) {
            counts[r->ink[i]]++;
            r->pixels++;
        }
    }
    r->full = (double)level_of_rank(counts, (r->pixels - 1) / 2);
    const float range = (float)larger_of(r->full - ground, 1.0);
    for (int32_t level = 0; level < 256; level++) {
        const float covered = ((float)level - (float)ground) / range;
        r->levels[level] = (covered < 0.0f) ? 0.0f : ((covered > 1.0f) ? 1.0f : covered);
    }
}

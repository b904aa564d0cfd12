/* Finds the sides of frames that a digit hides: what crosses a printed line all along leaves too little of it alone. */

typedef struct {
    double column; /* of a side that begins at an end of a base */
    double row; /* where it ends, opposite */
    int32_t is_there;
} corner;

static corner corner_at(const ruling *base, const ruling *side, int32_t column, int32_t upward)
{
    const double slack = 1.0 + side->thickness + base->thickness;
    const double half = (base->thickness - 1.0) / 2.0;
    const double end = (double)((upward != 0) ? (side->end - 1) : side->start);
    const double there = row_at(side, end);
    corner found;
    found.row = (upward != 0) ? ((double)side->start + half) : ((double)(side->end - 1) - half);
    found.column = row_at(side, found.row);
    found.is_there = (distance(there, (double)column) <= slack) && (distance(end, row_at(base, there)) <= slack);
    return found;
}

/* Whether a side is among the lines. */
static int32_t is_known(const ruling *side, const lines *level, double slack)
{
    const double middle = (double)(side->start + side->end) / 2.0;
    int32_t known = 0;
    for (int32_t i = 0; i < level->count; i++) {
        const ruling *const line = level->each + i;
        known |= (distance(row_at(line, middle), row_at(side, middle)) <= slack) &&
                 ((double)(line->end - line->start) >= (0.8 * (double)(side->end - side->start)));
    }
    return known;
}

/* Whether there is ink all along a side, or beside it. */
static int32_t is_inked(const uint8_t *mask, int32_t width, int32_t height, const ruling *side)
{
    int32_t count = 0;
    for (int32_t x = side->start; x < side->end; x++) {
        const int32_t row = round_even(side->height + (side->slope * (double)x));
        int32_t inked = 0;
        for (int32_t step = -1; step <= 1; step++) {
            inked |= mask[(between(row + step, 0, height - 1) * width) + x];
        }
        count += inked;
    }
    return ((double)count / (double)(side->end - side->start)) >= 0.85;
}

/* Adds the level line between two corners, if it is one. */
static void add_side(const uint8_t *mask, int32_t width, int32_t height, const ruling *base, const corner *one,
                     const corner *two, lines *level)
{
    const double slack = 2.0 * (1.0 + base->thickness);
    const double across = two->column - one->column;
    const double rise = two->row - one->row;
    ruling side;
    if ((across < (2.0 * slack)) || (distance(rise, base->slope * across) > slack) || (level->count == MOST_LINES)) {
        return;
    }
    side.slope = rise / across;
    side.start = larger(0, round_even(one->column));
    side.end = smaller(width, round_even(two->column) + 1);
    side.height = one->row - (side.slope * one->column);
    side.thickness = base->thickness;
    if (!is_known(&side, level, slack) && is_inked(mask, width, height, &side)) {
        level->each[level->count] = side;
        level->count++;
    }
}

/* Adds the level lines between the far ends of two upright ones that begin at both ends of a level one.
 *
 * bases, sides: how many of the level and the upright ones may be such. */
static void close_level(const uint8_t *mask, int32_t width, int32_t height, lines *level, int32_t bases,
                        const lines *upright, int32_t sides)
{
    for (int32_t i = 0; i < bases; i++) {
        const ruling base = level->each[i];
        for (int32_t left = 0; left < (2 * sides); left++) {
            const corner one = corner_at(&base, upright->each + (left / 2), base.start, left % 2);
            for (int32_t right = 0; (one.is_there != 0) && (right < sides); right++) {
                const corner two = corner_at(&base, upright->each + right, base.end - 1, left % 2);
                if (two.is_there != 0) {
                    add_side(mask, width, height, &base, &one, &two, level);
                }
            }
        }
    }
}

static void close_frames(ruled *l, int32_t width, int32_t height)
{
    const int32_t level = l->level.count;
    const int32_t upright = l->upright.count;
    close_level(l->mask, width, height, &l->level, level, &l->upright, upright);
    close_level(l->across, height, width, &l->upright, upright, &l->level, level);
}

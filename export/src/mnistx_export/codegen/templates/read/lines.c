/* Finds the straight thin lines of ink: the level ones of a mask. Upright ones are those of the mask transposed. */

/* What may be a line in a picture of one digit, in pixels. */
typedef struct {
    double shortest; /* length that it has */
    double held; /* length of one that counts where it is held at both ends */
    double thickest;
    double gap; /* that it may have */
    double rest; /* height of what is left without the lines, or they were strokes */
} line_sizes;

static line_sizes sizes_of_lines(const reader *r)
{
    const double side = (double)smaller(r->width, r->height);
    line_sizes sizes;
    sizes.shortest = larger_of(10.0, 0.2 * side);
    sizes.held = larger_of(10.0, 0.35 * side);
    sizes.thickest = larger_of(2.0, 0.07 * side);
    sizes.gap = 0.1 * side;
    sizes.rest = 0.15 * side;
    return sizes;
}

static double slope_at(int32_t index)
{
    return (index == (SLOPES - 1)) ? 0.1 : (((double)index * 0.01) + -0.1);
}

static double row_at(const ruling *line, double column)
{
    return line->height + (line->slope * column);
}

/* The mask less where an upright run longer than the thickest line fits. */
static void thin_out(const uint8_t *mask, int32_t width, int32_t height, int32_t thickest, uint8_t *thin)
{
    for (int32_t x = 0; x < width; x++) {
        int32_t start = 0;
        for (int32_t y = 0; y <= height; y++) {
            if ((y < height) && (mask[(y * width) + x] != 0u)) {
                continue;
            }
            for (int32_t i = start; i < y; i++) {
                thin[(i * width) + x] = (uint8_t)((y - start) <= thickest);
            }
            if (y < height) {
                thin[(y * width) + x] = 0u;
            }
            start = y + 1;
        }
    }
}

/* The end of the run that begins at a column, or the column itself where there's none. */
static int32_t end_of_run(const uint8_t *row, int32_t width, int32_t start)
{
    int32_t end = start;
    while ((end < width) && (row[end] != 0u)) {
        end++;
    }
    return end;
}

/* The longest level runs, MOST_RUNS at most. Returns how many. */
static int32_t find_runs(ruled *l, int32_t width, int32_t height, int32_t shortest)
{
    int32_t lengths[WORKING_SIDE + 1];
    memset(lengths, 0, sizeof lengths);
    for (int32_t y = 0; y < height; y++) {
        for (int32_t x = 0, end = 0; x < width; x = end + 1) {
            end = end_of_run(l->thin + (y * width), width, x);
            lengths[end - x]++;
        }
    }
    int32_t longer = 0;
    int32_t longest = WORKING_SIDE;
    while ((longest >= shortest) && ((longer + lengths[longest]) <= MOST_RUNS)) {
        longer += lengths[longest];
        longest--;
    }
    const int32_t some = (longest >= shortest) ? (MOST_RUNS - longer) : 0; /* of those of the last length */
    const int32_t least = larger(longest + 1, shortest);
    int32_t taken = 0;
    int32_t count = 0;
    for (int32_t y = 0; y < height; y++) {
        for (int32_t x = 0, end = 0; x < width; x = end + 1) {
            end = end_of_run(l->thin + (y * width), width, x);
            const int32_t is_some = ((end - x) == longest) && (end > x) && (taken < some);
            if (((end - x) < least) && !is_some) {
                continue;
            }
            taken += ((end - x) < least) ? 1 : 0;
            l->rows[count] = (int16_t)y;
            l->starts[count] = (int16_t)x;
            l->ends[count] = (int16_t)end;
            l->left[count] = 1u;
            count++;
        }
    }
    return count;
}

static double middle_of(const ruled *l, int32_t run)
{
    return (double)((int32_t)l->starts[run] + (int32_t)l->ends[run] - 1) / 2.0;
}

static int32_t row_of_slope(const ruled *l, int32_t run, int32_t slope)
{
    return round_even((double)l->rows[run] - (slope_at(slope) * middle_of(l, run)));
}

/* Each run votes with its length for a row at every slope. */
static void vote(ruled *l, int32_t run, int32_t lowest, int32_t sign)
{
    for (int32_t slope = 0; slope < SLOPES; slope++) {
        const int32_t row = row_of_slope(l, run, slope) - lowest;
        l->votes[(slope * MOST_ROWS) + row] += sign * ((int32_t)l->ends[run] - (int32_t)l->starts[run]);
    }
}

/* The best line through the runs that are near, by least squares of all their pixels. */
static void fit(ruled *l, int32_t count, double *height, double *slope)
{
    double sums[5] = {0.0, 0.0, 0.0, 0.0, 0.0};
    double x = 0.0;
    double y = 0.0;
    for (int32_t what = 0; what < 5; what++) {
        int32_t near = 0;
        for (int32_t i = 0; i < count; i++) {
            if (l->near_by[i] == 0u) {
                continue;
            }
            const double weight = (double)((int32_t)l->ends[i] - (int32_t)l->starts[i]);
            const double away = middle_of(l, i) - x;
            const double row = (double)l->rows[i];
            l->sums[near] = (what == 0)   ? weight
                            : (what == 1) ? (weight * middle_of(l, i))
                            : (what == 2) ? (weight * row)
                            : (what == 3) ? (weight * ((away * away) + (((weight * weight) - 1.0) / 12.0)))
                                          : ((weight * away) * (row - y));
            near++;
        }
        sums[what] = sum_doubles(l->sums, near);
        x = (what == 2) ? (sums[1] / sums[0]) : x;
        y = (what == 2) ? (sums[2] / sums[0]) : y;
    }
    *slope = sums[4] / larger_of(sums[3], 1e-9);
    *height = y - (*slope * x);
}

typedef struct {
    const uint8_t *mask;
    int32_t width;
    int32_t height;
    int32_t reach; /* rows to either side of a line */
    int32_t rows[WORKING_SIDE]; /* of the line, in each column */
    int16_t at[WORKING_SIDE]; /* columns with ink on it */
} track;

/* Whether ink of a part of a straight line is one; if so, how thick and how far beside it. */
static int32_t measure_line(const ruled *l, const track *t, int32_t first, int32_t past, double *thickness,
                            double *shift)
{
    double thick[WORKING_SIDE];
    double middle[WORKING_SIDE];
    double away[WORKING_SIDE];
    int32_t used = 0;
    for (int32_t i = first; i < past; i++) {
        int32_t own = 0;
        int32_t sum = 0;
        for (int32_t step = -t->reach; step <= t->reach; step++) {
            const int32_t row = between(t->rows[t->at[i]] + step, 0, t->height - 1);
            if (l->thin[(row * t->width) + t->at[i]] != 0u) {
                own++;
                sum += step;
            }
        }
        if (own > 0) {
            thick[used] = (double)own;
            middle[used] = (double)sum / (double)own;
            away[used] = middle[used];
            used++;
        }
    }
    if ((used == 0) || ((double)used < (0.5 * (double)(past - first)))) {
        return 0;
    }
    sort_doubles(thick, used);
    sort_doubles(middle, used);
    *thickness = median_of(thick, used);
    *shift = median_of(middle, used);
    for (int32_t i = 0; i < used; i++) {
        away[i] = distance(away[i], *shift);
    }
    return !((sum_doubles(away, used) / (double)used) > larger_of(0.7, 0.25 * *thickness));
}

/* Adds the lines that lie on a straight line through a mask: a gap that is too wide ends one. */
static void follow(ruled *l, track *t, double height, double slope, const line_sizes *sizes, lines *found)
{
    int32_t count = 0;
    for (int32_t x = 0; x < t->width; x++) {
        t->rows[x] = round_even(height + (slope * (double)x));
        int32_t inked = 0;
        for (int32_t step = -1; step <= 1; step++) {
            inked |= t->mask[(between(t->rows[x] + step, 0, t->height - 1) * t->width) + x];
        }
        if ((inked != 0) && (t->rows[x] >= -t->reach) && (t->rows[x] < (t->height + t->reach))) {
            t->at[count] = (int16_t)x;
            count++;
        }
    }
    for (int32_t first = 0, past = 0; first < count; first = past) {
        past = first + 1;
        while ((past < count) && !((double)(t->at[past] - t->at[past - 1]) > (sizes->gap + 1.0))) {
            past++;
        }
        const double length = (double)(t->at[past - 1] + 1 - t->at[first]);
        double thickness = 0.0;
        double shift = 0.0;
        if ((length < sizes->shortest) || ((double)(past - first) < (0.6 * length)) ||
            !measure_line(l, t, first, past, &thickness, &shift) || (found->count == MOST_LINES)) {
            continue;
        }
        ruling *const line = found->each + found->count;
        line->start = t->at[first];
        line->end = t->at[past - 1] + 1;
        line->height = height + shift;
        line->slope = slope;
        line->thickness = thickness;
        found->count++;
    }
}

/* Marks the runs near a line. Returns whether there are any; they reach from `start` to `end`. */
static int32_t mark_near(ruled *l, int32_t count, double height, double slope, double within, int32_t *start,
                         int32_t *end)
{
    *start = WORKING_SIDE;
    *end = 0;
    for (int32_t i = 0; i < count; i++) {
        const double row = ((double)l->rows[i] - (slope * middle_of(l, i))) - height;
        l->near_by[i] = (uint8_t)((l->left[i] != 0u) && (distance(row, 0.0) <= within));
        if (l->near_by[i] != 0u) {
            *start = smaller(*start, l->starts[i]);
            *end = larger(*end, l->ends[i]);
        }
    }
    return *end > 0;
}

static void find_level(ruled *l, const uint8_t *mask, int32_t width, int32_t height, const line_sizes *sizes,
                       lines *found)
{
    const int32_t thickest = round_even(sizes->thickest);
    track t;
    found->count = 0;
    if (smaller(width, height) <= thickest) {
        return;
    }
    t.mask = mask;
    t.width = width;
    t.height = height;
    t.reach = larger(1, round_even(sizes->thickest / 2.0));
    thin_out(mask, width, height, thickest, l->thin);
    const int32_t count = find_runs(l, width, height, larger(4, round_even(sizes->shortest / 8.0)));
    int32_t lowest = INT16_MAX;
    for (int32_t i = 0; i < count; i++) {
        for (int32_t slope = 0; slope < SLOPES; slope += SLOPES - 1) {
            lowest = smaller(lowest, row_of_slope(l, i, slope));
        }
    }
    memset(l->votes, 0, sizeof l->votes);
    for (int32_t i = 0; i < count; i++) {
        vote(l, i, lowest, 1);
    }
    for (int32_t time = 0; (count > 0) && (time < 80); time++) {
        int32_t best = 0;
        for (int32_t bin = 1; bin < (SLOPES * MOST_ROWS); bin++) {
            best = (l->votes[bin] > l->votes[best]) ? bin : best;
        }
        if ((double)l->votes[best] < (sizes->shortest * 0.5)) {
            break;
        }
        int32_t start = 0;
        int32_t end = 0;
        if (!mark_near(l, count, (double)((best % MOST_ROWS) + lowest), slope_at(best / MOST_ROWS),
                       ((double)thickest / 2.0) + 1.0, &start, &end)) {
            break;
        }
        if ((double)(end - start) >= sizes->shortest) {
            double at = 0.0;
            double slope = 0.0;
            fit(l, count, &at, &slope);
            if (distance(slope, 0.0) <= (1.2 * 0.1)) {
                follow(l, &t, at, slope, sizes, found);
            }
        }
        for (int32_t i = 0; i < count; i++) {
            if (l->near_by[i] != 0u) {
                vote(l, i, lowest, -1);
                l->left[i] = 0u;
            }
        }
    }
}

static int32_t has_ink(const uint8_t *row, int32_t width)
{
    int32_t found = 0;
    for (int32_t x = 0; x < width; x++) {
        found |= row[x];
    }
    return found;
}

/* The lines of `mask`; upright ones only where level ones, or the picture's edges, could hold them. */
static void find_lines(ruled *l, int32_t width, int32_t height, const line_sizes *sizes)
{
    find_level(l, l->mask, width, height, sizes, &l->level);
    l->upright.count = 0;
    if ((l->level.count == 0) && !(has_ink(l->mask, width) && has_ink(l->mask + ((height - 1) * width), width))) {
        return;
    }
    for (int32_t y = 0; y < height; y++) {
        for (int32_t x = 0; x < width; x++) {
            l->across[(x * height) + y] = l->mask[(y * width) + x];
        }
    }
    find_level(l, l->across, height, width, sizes, &l->upright);
}

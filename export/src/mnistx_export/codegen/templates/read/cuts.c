/* Where digits that touch may be cut apart: oftener than needed, as only the model can say which parts are digits. */

static int32_t is_ink(const reader *r, int32_t x, int32_t y)
{
    return (int32_t)(r->grey[((r->digit.top + y) * r->width) + r->digit.left + x] & ON_DIGIT);
}

static float level_at(const reader *r, int32_t x, int32_t y)
{
    const int32_t at = ((r->digit.top + y) * r->width) + r->digit.left + x;
    return ((r->grey[at] & AROUND_DIGIT) != 0u) ? r->levels[r->ink[at]] : 0.0f;
}

/* Marks where a run of ink is no wider than `widest`: a cut may go along it. */
static void mark_narrow(const reader *r, cuts *c, double widest)
{
    const int32_t width = r->digit.right - r->digit.left;
    for (int32_t y = 0; y < (r->digit.bottom - r->digit.top); y++) {
        int32_t start = 0;
        for (int32_t x = 0; x <= width; x++) {
            if ((x < width) && is_ink(r, x, y)) {
                continue;
            }
            for (int32_t i = start; i < x; i++) {
                c->narrow[(y * width) + i] = (uint8_t)((double)(x - start) <= widest);
            }
            if (x < width) {
                c->narrow[(y * width) + x] = 1u;
            }
            start = x + 1;
        }
    }
}

static float cost_at(const reader *r, const cuts *c, int32_t x, int32_t y)
{
    const int32_t width = r->digit.right - r->digit.left;
    if ((x < 0) || (x >= width)) {
        return 0.0f;
    }
    return level_at(r, x, y) * ((c->narrow[(y * width) + x] != 0u) ? 0.5f : 1.0f);
}

/* The cheapest way from top to bottom around a column. Returns its cost; its columns are in `found`. */
static double find_way(const reader *r, cuts *c, int32_t centre, int32_t swerve, cut *found)
{
    const int32_t height = r->digit.bottom - r->digit.top;
    const int32_t width = r->digit.right - r->digit.left;
    const int32_t wide = (2 * swerve) + 1;
    for (int32_t y = 0; y < height; y++) {
        float *const costs = c->costs[y % 2];
        const float *const before = c->costs[(y + 1) % 2];
        for (int32_t i = 0; i < wide; i++) {
            const double drift =
                (0.3 * (double)((i < swerve) ? (swerve - i) : (i - swerve))) / (double)(swerve * height);
            const float here = cost_at(r, c, centre - swerve + i, y);
            if (y == 0) {
                costs[i] = (float)((double)here + drift);
                continue;
            }
            float least = before[i];
            int32_t step = 0;
            if ((i > 0) && ((before[i - 1] + 0.03f) <= least)) {
                least = before[i - 1] + 0.03f;
                step = -1;
            }
            if ((i < (wide - 1)) && ((before[i + 1] + 0.03f) < least)) {
                least = before[i + 1] + 0.03f;
                step = 1;
            }
            c->steps[y][i] = (int8_t)step;
            costs[i] = (least + here) + (float)drift;
        }
    }
    const float *const last = c->costs[(height - 1) % 2];
    int32_t at = 0;
    for (int32_t i = 1; i < wide; i++) {
        at = (last[i] < last[at]) ? i : at;
    }
    const double cost = (double)last[at];
    for (int32_t y = height - 1; y >= 0; y--) {
        found->left[y] = (int16_t)between(centre + at - swerve, 0, width);
        found->right[y] = found->left[y];
        at += (y > 0) ? c->steps[y][at] : 0;
    }
    return cost;
}

/* What a hole has of pixels, at least: holes are the ground's pieces, in the order of their first pixels, the first of
 * which is the ground outside. */
static int32_t is_hole(const pieces *p, int32_t label, double tall)
{
    return (label > 0) && ((double)p->areas[label] >= (0.01 * tall * tall));
}

static int32_t hole_at(const pieces *p, int32_t x, int32_t y, double tall)
{
    const int32_t label = p->labels[((y + 1) * p->width) + x + 1];
    return is_hole(p, label, tall) ? label : -1;
}

/* The ground that ink encloses, with a ring around. `padded`: ROUND_SIDE x ROUND_SIDE bytes. */
static void find_holes(reader *r, uint8_t *padded)
{
    const int32_t width = r->digit.right - r->digit.left;
    const int32_t height = r->digit.bottom - r->digit.top;
    const int32_t wide = width + 2;
    memset(padded, 1, (size_t)(wide * (height + 2)));
    for (int32_t y = 0; y < height; y++) {
        for (int32_t x = 0; x < width; x++) {
            padded[((y + 1) * wide) + x + 1] = (uint8_t)(is_ink(r, x, y) == 0);
        }
    }
    find_pieces(&r->memory.found, padded, wide, height + 2, 0.0);
}

static void measure_column(cut *one, int32_t height)
{
    int32_t sum = 0;
    for (int32_t y = 0; y < height; y++) {
        sum += (int32_t)one->left[y] + (int32_t)one->right[y];
    }
    one->column = ((double)sum / (double)height) / 2.0;
}

/* What a way goes through: ink, holes. */
static void weigh_way(const reader *r, cut *one, double cost, double tall, double stroke)
{
    const pieces *const p = &r->memory.found;
    const int32_t height = r->digit.bottom - r->digit.top;
    const int32_t width = r->digit.right - r->digit.left;
    double through = 0.0;
    int32_t pierced = 0;
    for (int32_t y = 0; y < height; y++) {
        const int32_t x = smaller(one->left[y], width - 1);
        const int32_t hole = hole_at(p, x, y, tall);
        int32_t is_new = hole >= 0;
        for (int32_t before = 0; (is_new != 0) && (before < y); before++) {
            is_new = hole_at(p, smaller(one->left[before], width - 1), before, tall) != hole;
        }
        pierced += is_new;
        through += (double)level_at(r, x, y);
    }
    one->ink = (cost / tall) + (0.15 * (double)pierced);
    one->shares = through > (0.8 * stroke);
    measure_column(one, height);
}

/* The cut along the stroke between two holes side by side, which belongs to the digits of both. Returns whether there
 * is one. */
static int32_t find_wall(const reader *r, int32_t one, int32_t two, double tall, cut *found)
{
    const pieces *const p = &r->memory.found;
    const int16_t *const a = p->boxes[one];
    const int16_t *const b = p->boxes[two];
    const int32_t height = r->digit.bottom - r->digit.top;
    const int32_t width = r->digit.right - r->digit.left;
    const int32_t first = larger(a[1], b[1]) - 1;
    const int32_t past = smaller(a[3], b[3]) - 1;
    const int32_t lower = smaller(a[3] - a[1], b[3] - b[1]);
    double middles[WORKING_SIDE];
    double products[WORKING_SIDE];
    double squares[WORKING_SIDE];
    if (((double)(past - first) < (0.4 * (double)lower)) || (((double)(a[0] + a[2]) / 2.0) > (double)b[0]) ||
        (smaller(a[2] - a[0], b[2] - b[0]) < 3)) {
        return 0;
    }
    int32_t thinnest = INT16_MAX;
    int32_t sum = 0;
    const double centre = (double)(first + past - 1) / 2.0;
    for (int32_t y = first; y < past; y++) {
        int32_t end = width;
        int32_t start = 0;
        for (int32_t x = width - 1; x >= 0; x--) {
            end = ((end == width) && (hole_at(p, x, y, tall) == one)) ? (x + 1) : end;
            start = (hole_at(p, x, y, tall) == two) ? x : start;
        }
        thinnest = smaller(thinnest, start - end);
        sum += start - end;
        middles[y - first] = (double)(start + end) / 2.0;
        products[y - first] = ((double)y - centre) * middles[y - first];
        squares[y - first] = ((double)y - centre) * ((double)y - centre);
    }
    const int32_t count = past - first;
    if ((thinnest <= 0) || (((double)sum / (double)count) > (0.35 * tall))) {
        return 0;
    }
    double slope = sum_doubles(products, count) / larger_of(sum_doubles(squares, count), 1e-9);
    slope = (slope < -0.7) ? -0.7 : ((slope > 0.7) ? 0.7 : slope);
    const double middle = sum_doubles(middles, count) / (double)count;
    const double half = (double)thinnest / 2.0;
    for (int32_t y = 0; y < height; y++) {
        const double column = middle + (slope * ((double)y - centre));
        found->left[y] = (int16_t)round_even(column - half);
        found->right[y] = (int16_t)round_even(column + half);
    }
    found->ink = 0.05;
    found->shares = 0;
    measure_column(found, height);
    return 1;
}

/* Cuts between holes, from left to right. */
static void find_walls(const reader *r, cuts *c, double tall)
{
    const pieces *const p = &r->memory.found;
    int32_t before = -1;
    int32_t done = 1;
    while (done != 0) { /* the next hole from the left */
        int32_t next = -1;
        for (int32_t i = 1; i < p->count; i++) {
            const int32_t is_after = (before < 0) || (p->boxes[i][0] > p->boxes[before][0]) ||
                                     ((p->boxes[i][0] == p->boxes[before][0]) && (i > before));
            if (is_hole(p, i, tall) && is_after && ((next < 0) || (p->boxes[i][0] < p->boxes[next][0]))) {
                next = i;
            }
        }
        done = (next >= 0) && (c->count < MOST_WALLS);
        if ((done != 0) && (before >= 0) && find_wall(r, before, next, tall, c->found + c->count)) {
            c->order[c->count] = c->count;
            c->count++;
        }
        before = next;
    }
}

/* Columns between two cuts, on average; 0 inside a stroke that is shared. */
static double distance_of_cuts(const cut *one, const cut *other, int32_t height)
{
    int32_t sum = 0;
    for (int32_t y = 0; y < height; y++) {
        sum += larger(larger(other->left[y] - one->right[y], one->left[y] - other->right[y]), 0);
    }
    return (double)sum / (double)height;
}

/* Pixels of ink between two cuts; NULL for the ink's own end. */
static int32_t area_between(const reader *r, const cut *left, const cut *right)
{
    int32_t area = 0;
    for (int32_t y = 0; y < (r->digit.bottom - r->digit.top); y++) {
        const int32_t start = (left != NULL) ? left->left[y] : 0;
        const int32_t end = (right != NULL) ? right->right[y] : WORKING_SIDE;
        for (int32_t x = larger(start, 0); x < smaller(end, r->digit.right - r->digit.left); x++) {
            area += is_ink(r, x, y);
        }
    }
    return area;
}

/* Keeps, of the ways from `first` on, those through least ink that are apart from others. */
static void keep_ways(const reader *r, cuts *c, int32_t first, int32_t past, double tall)
{
    const int32_t height = r->digit.bottom - r->digit.top;
    const int32_t walls = c->count;
    const double most = ((3.0 * (double)(r->digit.right - r->digit.left)) / tall) + 1.0;
    uint8_t done[MOST_CUTS];
    memset(done, 0, sizeof done);
    for (int32_t time = first; time < past; time++) {
        int32_t best = -1;
        for (int32_t i = first; i < past; i++) {
            best = ((done[i] == 0u) && ((best < 0) || (c->found[i].ink < c->found[best].ink))) ? i : best;
        }
        done[best] = 1u;
        if ((c->found[best].ink > 0.4) || ((double)(c->count - walls) >= most)) {
            break;
        }
        int32_t is_apart = 1;
        for (int32_t i = 0; i < c->count; i++) {
            is_apart &= distance_of_cuts(c->found + best, c->found + c->order[i], height) > (0.15 * tall);
        }
        if (is_apart != 0) {
            c->order[c->count] = best;
            c->count++;
        }
    }
}

/* Sorts the cuts from left to right, and drops those with hardly any ink between them. */
static void sort_cuts(const reader *r, cuts *c, double tall)
{
    int32_t kept = 0;
    for (int32_t i = 1; i < c->count; i++) {
        const int32_t one = c->order[i];
        int32_t at = i;
        while ((at > 0) && (c->found[c->order[at - 1]].column > c->found[one].column)) {
            c->order[at] = c->order[at - 1];
            at--;
        }
        c->order[at] = one;
    }
    for (int32_t i = 0; i < c->count; i++) {
        const cut *const one = c->found + c->order[i];
        const cut *const before = (kept > 0) ? (c->found + c->order[kept - 1]) : NULL;
        if (((double)area_between(r, before, one) > (0.01 * tall * tall)) &&
            ((double)area_between(r, one, NULL) > (0.01 * tall * tall))) {
            c->order[kept] = c->order[i];
            kept++;
        }
    }
    c->count = kept;
}

/* The cuts that may be between two digits. `padded`: see `find_holes`. */
static void find_cuts(reader *r, cuts *c, double stroke, uint8_t *padded)
{
    const double tall = (double)(r->digit.bottom - r->digit.top);
    const double width = (double)(r->digit.right - r->digit.left);
    c->count = 0;
    if (width < (0.65 * tall)) {
        return;
    }
    const int32_t swerve = larger(2, round_even(0.25 * tall));
    const double step = larger_of(1.0, 0.12 * tall);
    const double start = 0.15 * tall;
    const double delta = (start + step) - start;
    find_holes(r, padded);
    mark_narrow(r, c, 1.7 * stroke);
    find_walls(r, c, tall);
    const int32_t first = c->count;
    const int32_t ways = smaller(round_up(((width - (0.15 * tall)) - start) / step), MOST_WAYS);
    for (int32_t i = 0; i < ways; i++) {
        cut *const one = c->found + first + i;
        weigh_way(r, one, find_way(r, c, (int32_t)(start + ((double)i * delta)), swerve, one), tall, stroke);
    }
    keep_ways(r, c, first, first + larger(ways, 0), tall);
    sort_cuts(r, c, tall);
}
